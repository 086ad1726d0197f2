#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: the carom authors
"""A real Dovecot with Pigeonhole and the lines of examples/dovecot-sieve. It gets its mail by LMTP and writes none
itself, so that the bounces are sample ones."""
import pathlib
import smtplib
import subprocess
import sys

import servers
from servers import check, facts, sh, until

PORT = 2424
PAGE = 'dovecot-sieve/README.md'
SETTINGS = f'''
service lmtp {{
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {PORT}
  }}
}}
protocols = lmtp
log_path = {servers.SYSLOG}
'''
PLAIN = ('01-user-unknown.eml', 'news-bounces@lists.example.org', 'anna@example.com')
EXTENDED = ('02-mailbox-full.eml', 'news-bounces+9@lists.example.org', 'bert@example.net')
LATE = ('08-host-unknown.eml', 'news-bounces@lists.example.org', 'hanna@gone.example.org')
MAILDIR = servers.STATE / 'Maildir'


def deliver(name, to):
    with smtplib.LMTP('127.0.0.1', PORT) as lmtp:
        lmtp.sendmail('', [to], (servers.EXAMPLES / 'bounces' / name).read_bytes())


def main():
    servers.keep_syslog()
    servers.set_up_carom()
    servers.follow(PAGE, 'carom behind Dovecot, by Sieve')
    with open('/etc/dovecot/conf.d/99-carom.conf', 'a') as out:
        out.write(SETTINGS)
    pathlib.Path('/etc/dovecot/conf.d/10-ssl.conf').write_text('ssl = no\n')  # no certificate was made here
    subprocess.run(['dovecot'], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until('port open', lambda: servers.listening(PORT))
    for name, to, recipient in (PLAIN, EXTENDED):
        deliver(name, to)
        check(f'{name}: facts', [(f['recipient'], f['envelope_to']) for f in facts()][-1:], [(recipient, to)])
    servers.check_owner()
    check('kept in the mailbox', list(MAILDIR.glob('new/*')), [])
    name, to, recipient = LATE
    servers.POLICY.write_text('this is no policy\n')
    servers.SPOOL.write_text('no directory')
    deliver(name, to)
    check('kept in the mailbox while the policy is broken', len(list(MAILDIR.glob('new/*'))), 1)
    servers.SPOOL.unlink()
    servers.POLICY.write_text((servers.HERE / 'servers.lua').read_text())
    servers.follow(PAGE, 'What carom could not take')
    check(f'{name}: facts', [(f['recipient'], f['envelope_to']) for f in facts()][-1:], [(recipient, to)])


if __name__ == '__main__':
    try:
        main()
    except (subprocess.CalledProcessError, servers.Stuck) as failed:
        servers.problems.append(f'{failed}: {getattr(failed, "stderr", "")}')
    for problem in servers.problems:
        print('not ok', problem)
    if servers.problems:
        print(servers.SYSLOG.read_text())
    sys.exit(1 if servers.problems else 0)
