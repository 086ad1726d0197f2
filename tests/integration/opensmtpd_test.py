#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: the carom authors
"""A real OpenSMTPD with the lines of examples/opensmtpd. What is asked of it stands in servers.py."""
import pathlib
import subprocess

import servers
from servers import sh

CONFIGURATION = pathlib.Path('/etc/smtpd.conf')
BEFORE = 'listen on 127.0.0.1 port 25\nbounce warn-interval 1s\n'
AFTER = f'''
action "refusing" relay host smtp+notls://127.0.0.1:{servers.REMOTE_PORT} ttl 4s
match for domain "example.com" action "refusing"
'''


class OpenSmtpd(servers.Server):
    senders = {1: 'news-bounces@lists.example.org', 2: 'news-bounces+9@lists.example.org',
               3: 'news+9@bounces.example.org'}
    log = pathlib.Path('/var/log/smtpd.log')
    deferred = r'mda delivery .*result=TempFail stat=.*4\.3\.0 carom: policy\.lua:1: syntax error'
    full = r'mda delivery .*result=TempFail stat=.*and not into the spool: '

    def set_up(self):
        CONFIGURATION.write_text(BEFORE)
        servers.follow('opensmtpd/README.md')
        with CONFIGURATION.open('a') as out:
            out.write(AFTER)
        sh('smtpd -n')
        with self.log.open('w') as out:
            subprocess.Popen(['smtpd', '-d'], stdout=out, stderr=out)

    def queue(self):
        return sh('smtpctl show queue').stdout.strip()

    def empty(self):
        return self.queue() == ''

    def hurry(self):
        sh('smtpctl schedule all')


if __name__ == '__main__':
    servers.main(OpenSmtpd())
