#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: the carom authors
"""A real Sendmail, Debian's configuration and the lines of examples/sendmail, with smrsh. What is asked of it stands in
servers.py."""
import servers
from servers import put, sh

MC = '/etc/mail/sendmail.mc'
# A busy machine that tests is no reason to refuse mail.
BEFORE = f'''define(`confTO_QUEUEWARN', `1s')dnl
define(`confQUEUE_LA', `10000')dnl
define(`confREFUSE_LA', `10000')dnl
FEATURE(`accept_unresolvable_domains')dnl
FEATURE(`smrsh', `/usr/libexec/sendmail/smrsh')dnl
'''
AFTER = f'''
Mrefusing, P=[IPC], F=mDFMuX, S=EnvFromSMTP/HdrFromSMTP, R=EnvToSMTP, E=\\r\\n, L=990, T=DNS/RFC822/SMTP, A=TCP [127.0.0.1] {servers.REMOTE_PORT}
'''


class Sendmail(servers.Server):
    senders = {1: 'news-bounces@lists.example.org', 2: 'news-bounces+9@lists.example.org',
               3: 'news+9@bounces.example.org'}
    blind = (1, 2)  # by .forward
    deferred = r'mailer=(prog|carom), .*stat=Deferred'
    full = deferred

    def set_up(self):
        put(f'`{MC}` above the line `MAILER_DEFINITIONS`', BEFORE)
        put('`/etc/mail/mailertable`', 'example.com\trefusing:[127.0.0.1]\n')
        put('`/etc/mail/local-host-names`', 'lists.example.org\n')
        servers.follow('sendmail/README.md')
        put(f'`{MC}`', AFTER)
        sh(f'm4 {MC} >/etc/mail/sendmail.cf')
        sh('sendmail -bd -q1s')

    def queue(self):
        return sh('mailq').stdout.strip()

    def empty(self):
        return '/mqueue is empty' in self.queue()  # mailq names that for submission too

    def hurry(self):
        sh('sendmail -q')

    def give_up(self):
        # Again and again: what the daemon's own queue run is looking at just then is passed over.
        servers.until('nothing to give up', lambda: sh('sendmail -OTimeout.queuereturn=1s -q') and self.empty())


if __name__ == '__main__':
    servers.main(Sendmail())
