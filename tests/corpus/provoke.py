#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: the carom authors
"""usage: provoke.py SERVER

Inside tests/integration/overlay: sends the mail of every scenario through the server, keeps what comes back to the list
and prints it, as one JSON object of file names and base64. Every host has its own address of 192.0.2.0/24, which lies
on the loopback interface, and all names are example ones: so nothing in the messages needs to be changed.
"""
import base64
import email.message
import email.policy
import json
import os
import pathlib
import smtplib
import socket
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'integration'))
import loopback
import producers
import remote
import servers
from scenarios import HOME, SCENARIOS

PATIENCE_S = 60
LIST_MX, REFUSING, NO_ROUTE = '192.0.2.250', '192.0.2.251', '203.0.113.1'
TAKES_ALL = {'EHLO': '250-{host}\n250-SMTPUTF8\n250-8BITMIME\n250 ENHANCEDSTATUSCODES'}


class World:
    """All mail servers and names, and the messages that came back: (scenario's key, what it is) → bytes."""

    def __init__(self, scenarios):
        self.back = {}
        self.zone = {'lists.example.org': {'MX': ['mx.lists.example.org']}, 'mx.lists.example.org': {'A': [LIST_MX]},
                     'example.org': {'A': ['192.0.2.252']}, HOME: {'A': ['127.0.0.1'], 'MX': [HOME]},
                     '1.0.0.127.in-addr.arpa': {'PTR': ['localhost']}, 'localhost': {'A': ['127.0.0.1']}}
        loopback.add(b'lo:1', '192.0.2.1')
        remote.in_background(remote.MailServer((LIST_MX, 25), TAKES_ALL, 'mx.lists.example.org', self.keep))
        for number, scenario in enumerate(scenarios, 10):
            domain = scenario.domain if scenario.domain != HOME else 'turin.example.com'
            if scenario.domain == HOME and scenario.name != 'home-forwarded':
                continue
            self.host(domain, scenario.dns, f'192.0.2.{number}', scenario.remote)
        remote.in_background(remote.NameServer(('127.0.0.1', 53), self.zone))

    def host(self, domain, dns, address, script):
        mx = 'mx.' + domain
        address = {'closed': REFUSING, 'nowhere': NO_ROUTE, 'self': '127.0.0.1'}.get(dns, address)
        if dns == 'fail':
            self.zone[domain] = self.zone[mx] = 'SERVFAIL'
        elif dns == 'null':
            self.zone[domain] = {'MX': ['.']}
        elif dns != 'none':
            self.zone[domain], self.zone[mx] = {'MX': [mx]}, {'A': [address]}
            self.zone['.'.join(reversed(address.split('.'))) + '.in-addr.arpa'] = {'PTR': [mx]}
        if dns == 'mx':
            remote.in_background(remote.MailServer((address, 25), script, mx))

    def keep(self, _, recipients, message):
        key = recipients[0].partition('@')[0].partition('+')[2]
        # OpenSMTPD calls it a delay, too, when it has given up.
        what = 'delayed' if b'\nAction: delayed' in message and b'Envelope expired' not in message else ''
        self.back.setdefault((key, what), message.replace(b'\r\n', b'\n'))


def newsletter(scenario):
    mail = email.message.EmailMessage(email.policy.SMTPUTF8)
    for name, value in scenario.extra:
        mail.add_header(name, value)
    mail['From'], mail['To'] = 'The Example News <editor@lists.example.org>', ', '.join(scenario.to)
    mail['Subject'], mail['List-Id'] = 'Example News', 'The Example News <news.lists.example.org>'
    mail['Message-ID'] = f'<issue.{scenario.key}@lists.example.org>'
    mail['Date'] = time.strftime('%a, %d %b %Y %H:%M:%S +0000', time.gmtime())
    mail.set_content('Dear reader,\n\nthis is the news.\n' * scenario.lines)
    return mail


def provoke(name):
    scenarios = [s for s in SCENARIOS if name in s.servers]
    world = World(scenarios)
    producer = producers.PRODUCERS[name]()
    producers.people()
    producer.set_up()
    servers.until('ready', producer.ready)
    for scenario in scenarios:
        try:
            producer.send(scenario, newsletter(scenario))
        except (smtplib.SMTPException, subprocess.CalledProcessError) as refused:
            print(f'{name}: {scenario.name} was not taken: {refused}', file=sys.stderr)
    wanted = {(s.key, what) for s in scenarios for what in [''] + ['delayed'] * (name in s.warned)}
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end and not wanted <= world.back.keys():
        time.sleep(1)
        producer.hurry()
    by_key = {s.key: s for s in scenarios}
    for key, what in sorted(wanted - world.back.keys()):
        print(f'{name}: nothing came back of {by_key[key].name} {what}', file=sys.stderr)
    if os.environ.get('CAROM_PROVOKE_LOG'):
        print(producer.queue(), producer.log.read_text(errors='replace'), file=sys.stderr)
    return {by_key[key].file(name, what == 'delayed'): base64.b64encode(message).decode()
            for (key, what), message in sorted(world.back.items()) if (key, what) in wanted}


def main(name):
    servers.keep_syslog()
    socket.sethostname(HOME)
    pathlib.Path('/etc/resolv.conf').write_text('nameserver 127.0.0.1\n')
    pathlib.Path('/etc/hosts').write_text(f'127.0.0.1 {HOME} mail localhost\n')
    os.chdir('/tmp')
    json.dump(provoke(name), sys.stdout)


if __name__ == '__main__':
    main(*sys.argv[1:])
