#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: the carom authors
"""What examples/systemd installs, asked of systemd's own tools; the two ways of examples/README.md lead to the same."""
import configparser
import grp
import os
import pathlib
import pwd
import shlex
import shutil
import signal
import stat
import subprocess
import sys
import time

import servers
from servers import check, sh

UNIT = pathlib.Path('/usr/local/lib/systemd/system/carom-deliver.service')
EXPOSURE = 15  # tenths; 100 is a service without any restriction
CONFIG_ERROR = 78


def found():
    """The user and the directories as they are."""
    user = pwd.getpwnam('carom')
    places = {name: os.stat(name) for name in (str(servers.STATE), '/etc/carom')}
    return {
        'user': (user.pw_dir, user.pw_shell, grp.getgrgid(user.pw_gid).gr_name),
        **{name: (pwd.getpwuid(s.st_uid).pw_name, grp.getgrgid(s.st_gid).gr_name, oct(stat.S_IMODE(s.st_mode)))
           for name, s in places.items()},
    }


WANT = {'user': ('/var/lib/carom', '/usr/sbin/nologin', 'carom'), '/var/lib/carom': ('carom', 'carom', '0o2770'),
        '/etc/carom': ('root', 'carom', '0o750')}


def check_both_ways():
    for title in ('By hand', 'With systemd'):
        servers.follow('README.md', title)
        check(title, found(), WANT)
        if title == 'By hand':
            sh('userdel carom && rm -r /var/lib/carom /etc/carom')


def check_unit():
    done = subprocess.run(['systemd-analyze', 'verify', '--man=no', UNIT], capture_output=True, text=True)
    said = [line for line in done.stderr.splitlines() if 'carom' in line]
    check('systemd-analyze verify', said, [])
    # Quoted by its exit code alone: the table of what it thinks is long.
    done = subprocess.run(['systemd-analyze', 'security', '--offline=true', '--no-pager', f'--threshold={EXPOSURE}', UNIT],
                          capture_output=True, text=True)
    check('systemd-analyze security', (done.returncode, done.stdout.splitlines()[-1:] if done.returncode else []), (0, []))


def start(service):
    return subprocess.Popen(shlex.split(service['ExecStart']), user=service['User'], group=service['Group'],
                            extra_groups=[], umask=int(service['UMask'], 8), cwd='/', stderr=subprocess.PIPE, text=True)


def check_service():
    """What the unit would start, started: it makes its ledger and waits; a broken policy is not tried again."""
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str
    unit.read(UNIT)
    service = unit['Service']
    running = start(service)
    servers.until('a ledger', lambda: list(servers.STATE.glob('carom.db*')), 10)
    time.sleep(0.1)
    check('exit code while it works', running.poll(), None)
    running.send_signal(signal.SIGTERM)
    check('SIGTERM', (running.wait(10), running.stderr.read()), (0, ''))
    servers.check_owner()
    servers.POLICY.write_text('this is no policy\n')
    broken = start(service)
    check('a broken policy', broken.wait(10), CONFIG_ERROR)
    check('it is named', 'policy.lua:1:' in broken.stderr.read(), True)
    check('and not started again', str(CONFIG_ERROR) in service['RestartPreventExitStatus'].split(), True)


def main():
    for tool in ('systemd-analyze', 'systemd-sysusers', 'systemd-tmpfiles'):
        if not shutil.which(tool):
            print(f'skip: {tool} is not installed')
            return 77
    check_both_ways()
    servers.set_up_carom(['The policy'])
    check_unit()
    check_service()
    for problem in servers.problems:
        print('not ok', problem)
    return 1 if servers.problems else 0


if __name__ == '__main__':
    sys.exit(main())
