# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: the carom authors
"""What the tests of scripts/adapters/ share: bounces as a mail server hands them over, jobs delivered, and what the outbox
says of them afterwards."""
import json
import pathlib
import subprocess
import sys
import time

import servers
from servers import check, sh

ADAPTERS = servers.HERE.parent.parent / 'scripts' / 'adapters'
FULL = ('5.2.2', '552 5.2.2 Mailbox full')
UNKNOWN = ('5.1.1', '550 5.1.1 No such user')
# Thirty, some of them with a name that another begins with.
NAMES = [f'team{n:02}' for n in range(1, 28)] + ['dev', 'dev-talk', 'team0']


class Manager:
    """carom as that user, with the policy where the pages put it; or as who we are, with another program, policy and state."""

    def __init__(self, user='carom', program='carom', policy='/etc/carom/policy.lua', more=()):
        self.program, self.policy, self.more = program, policy, more
        self.become = {'user': user, 'group': user, 'extra_groups': []} if user else {}

    def carom(self, command, *arguments, text=None):
        return sh([self.program, command, '--policy', self.policy, *self.more, *arguments], **self.become, input=text).stdout

    def deliver(self):
        self.carom('deliver', '--quiet')

    def come_back(self, to, path, reply=UNKNOWN, list_id=None, headers=''):
        """A bounce of a mail to that address, which came to that return path; list_id and headers: in the header of that mail."""
        status, words = reply
        header = f'List-Id: <{list_id}>\n{headers}' if list_id else headers
        self.carom('pipe', '--recipient', path, text=(
            f'From: MAILER-DAEMON@mail.example.org\nTo: {path}\nSubject: Undelivered\nMessage-ID: <{time.time_ns()}@mail>\n'
            'MIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status; boundary="b"\n\n'
            '--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mail.example.org\n\n'
            f'Final-Recipient: rfc822; {to}\nAction: failed\nStatus: {status}\nDiagnostic-Code: smtp; {words}\n\n'
            f'--b\nContent-Type: text/rfc822-headers\n\n{header}Message-ID: <{time.time_ns()}@post>\n\n--b--\n'))

    def complain(self, who, list_id):
        self.carom('pipe', text=(
            f'From: fbl@example.net\nTo: abuse@example.org\nSubject: complaint\nMessage-ID: <{time.time_ns()}@fbl>\n'
            'MIME-Version: 1.0\nContent-Type: multipart/report; report-type=feedback-report; boundary="b"\n\n'
            '--b\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\nUser-Agent: test/1\nVersion: 1\n'
            f'Original-Rcpt-To: {who}\n\n--b\nContent-Type: text/rfc822-headers\n\nList-Id: <{list_id}>\n\n--b--\n'))

    def undo(self, address):
        self.carom('undo', address)

    def facts(self):
        return [json.loads(row) for row in self.carom('show', '--all').splitlines()]

    def told(self, action, address):
        """(state, last answer) of the jobs of that action and address, the oldest first."""
        rows = map(json.loads, self.carom('outbox', 'list', '--json').splitlines())
        return [(row['state'], row.get('last_answer')) for row in rows if row['action'] == action and row['address'] == address]

    def check_setup(self):
        """What it says; nothing may have failed."""
        as_whom = ['--user', self.become['user']] if self.become else []
        done = subprocess.run([self.program, 'check-setup', '--policy', self.policy, *self.more, *as_whom],
                              capture_output=True, text=True)
        check(f'check-setup: {done.stdout}{done.stderr}', done.returncode, 0)
        return done.stdout


def main(steps, log=pathlib.Path('/nowhere')):
    """Each step in turn; what is wrong is told at the end."""
    try:
        for step in steps:
            print(step.__name__.replace('_', ' '), flush=True)
            step()
    except subprocess.CalledProcessError as failed:
        servers.problems.append(f'{failed.cmd}: exit {failed.returncode}: {failed.stdout}{failed.stderr}')
    except servers.Stuck as stuck:
        servers.problems.append(str(stuck))
    for problem in servers.problems:
        print('not ok', problem)
    if servers.problems and log.exists():
        print(log.read_text(errors='replace')[-6000:])
    sys.exit(1 if servers.problems else 0)
