#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: the carom authors
"""A real Exim with Debian's configuration and the lines of examples/exim. What is asked of it stands in servers.py."""
import pathlib
import re

import servers
from servers import put, sh

TEMPLATE = pathlib.Path('/etc/exim4/exim4.conf.template')
SETTINGS = {'dc_eximconfig_configtype': 'internet', 'dc_local_interfaces': '127.0.0.1',
            'dc_other_hostnames': 'lists.example.org:bounces.example.org', 'dc_use_split_config': 'false'}
TO_REMOTE = f'''
refusing:
  driver = manualroute
  domains = example.com
  route_list = * 127.0.0.1
  transport = refusing
  self = send
'''
BY_SMTP = f'''
refusing:
  driver = smtp
  port = {servers.REMOTE_PORT}
  allow_localhost
'''


class Exim(servers.Server):
    senders = {1: 'news-bounces@lists.example.org', 2: 'news-bounces+9@lists.example.org',
               3: 'news+9@bounces.example.org'}
    log = pathlib.Path('/var/log/exim4/mainlog')
    deferred = r'== news\S+ .*T=carom defer .* returned 75 '
    full = deferred

    def set_up(self):
        servers.follow('exim/README.md')
        settings = pathlib.Path('/etc/exim4/update-exim4.conf.conf')
        text = settings.read_text()
        for key, value in SETTINGS.items():
            text = re.sub(rf'(?m)^{key}=.*$', f"{key}='{value}'", text)
        settings.write_text(text)
        put(f'`{TEMPLATE}` below the line `begin routers`', TO_REMOTE)
        put(f'`{TEMPLATE}` below the line `begin transports`', BY_SMTP)
        self.retry('1h')
        # What Exim tells of a frozen message is addressed to nobody here.
        template = re.sub(r'(?m)^(\s*freeze_tell *=).*$', r'\1', TEMPLATE.read_text())
        TEMPLATE.write_text(template.replace('begin acl', 'delay_warning = 1s\ndelay_warning_condition = yes\n\nbegin acl', 1))
        sh('update-exim4.conf')
        sh('exim4 -bd -q1s')

    def retry(self, patience):
        template = TEMPLATE.read_text()
        TEMPLATE.write_text(re.sub(r'(?m)^\*  +\*  +F,.*$', f'*  *  F,{patience},1s', template))

    def queue(self):
        return sh('exim4 -bp').stdout.strip()

    def empty(self):
        return self.queue() == ''

    def hurry(self):
        sh('exim4 -qff')

    def give_up(self):
        self.retry('1s')
        sh('update-exim4.conf')  # each delivery reads it anew

    def be_patient(self):
        self.retry('1h')
        sh('update-exim4.conf')


if __name__ == '__main__':
    servers.main(Exim())
