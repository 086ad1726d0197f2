#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: the carom authors
"""The policies in scripts/: their own tests pass and reach every line, each has its page; and what only sinks, signatures and
the outbox can show.

usage: CAROM=path/to/carom policies_test.py
"""
import datetime
import json
import os
import pathlib
import re
import socketserver
import subprocess
import tempfile
import threading
import unittest

from receiver import Receiver
from stage import report

CAROM = os.path.abspath(os.environ['CAROM'])
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SECRET = 'whsec_Y2Fyb20tdGVzdC1zZWNyZXQtMDEyMzQ1Njc4OQ=='
LIST = 'news.lists.example.org'
BEGIN = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0) - datetime.timedelta(days=100)
TODAY = datetime.datetime.now(datetime.timezone.utc)
MIDNIGHT = 1.01 - (BEGIN.hour * 3600 + BEGIN.minute * 60) / 86400 # days from BEGIN

UNKNOWN = ('5.1.1', '550 5.1.1 No such user here')
FULL = ('5.2.2', '552 5.2.2 Mailbox full')
BLOCKED = ('5.7.1', '550 5.7.1 Client host [192.0.2.1] blocked using Spamhaus')
LARGE = ('5.3.4', '552 5.3.4 Message size exceeds fixed maximum message size')
GREY = ('4.2.0', '450 4.2.0 Greylisted, please try again later')


def bounce(reply, day, to='anna@example.com', **more):
    """A report of one failure, of a mailing of its own, so many days after BEGIN."""
    return report(reply, to, BEGIN + datetime.timedelta(days=day), day, (f'b.{day}@mail.example.org', f'issue.{day}@lists.example.org'), **more)


class Relay(socketserver.StreamRequestHandler):
    """Takes a mail and remembers whom it came from."""

    def handle(self):
        self.wfile.write(b'220 relay.example.org\r\n')
        data = False
        for line in self.rfile:
            if line.upper().startswith(b'MAIL FROM:'):
                self.server.sender = line.partition(b'<')[2].partition(b'>')[0].decode()
            if data and line != b'.\r\n':
                continue
            starts = line.upper().startswith(b'DATA')
            data = not data and starts
            self.wfile.write(b'354 Go ahead\r\n' if starts else b'250 Ok\r\n')


class Case(unittest.TestCase):
    keys = False

    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.dir = pathlib.Path(scratch.name)

    def install(self, policy):
        """As an operator would have changed it: the list is named, and where mail is signed key and mail server."""
        text = (ROOT / 'scripts' / policy).read_text()
        text = re.sub(r'-- ((lists|verp|smtp) = \{ .*\n)' if self.keys else r'-- (lists = \{ .*\n)', r'\1', text)
        text = text.replace('/etc/carom/verp.secret', str(self.dir / 'verp.secret'))
        text = text.replace('2026-01-01', TODAY.strftime('%Y-%m-%d')) # the key's first day
        (self.dir / 'verp.secret').write_text('0123456789abcdef0123456789abcdef')
        (self.dir / policy).write_text(text)

    def sign(self, policy, address):
        self.keys = True
        self.install(policy)
        return subprocess.run([CAROM, 'verp', 'sign', '--policy', self.dir / policy, '--list', LIST, address], check=True,
                              capture_output=True, encoding='utf-8').stdout.strip()

    def decide(self, policy, *messages):
        """The actions for each message in turn: name → details, of those that are carried out."""
        self.install(policy)
        decided = []
        for message in messages:
            # A file: what comes on standard input is taken as received now.
            (self.dir / 'bounce.eml').write_text(message)
            done = subprocess.run([CAROM, 'run', '--json', '--policy', self.dir / policy, '--state', self.dir,
                                   self.dir / 'bounce.eml'], capture_output=True, timeout=60)
            self.assertEqual(done.returncode, 0, done.stderr.decode())
            actions = json.loads(done.stdout)['actions']
            decided.append({a['name']: a.get('details') or {} for a in actions if a['state'] == 'decided'})
        return decided

    def names(self, policy, *messages):
        return [sorted(actions) for actions in self.decide(policy, *messages)]

    def sample(self, name):
        return (ROOT / 'examples' / 'bounces' / name).read_text()


class Policies(unittest.TestCase):
    names = sorted(p.stem for p in (ROOT / 'scripts').glob('*.lua') if not p.stem.endswith(('_test', '.d')))

    def test_their_tests(self):
        self.assertGreaterEqual(len(self.names), 7)
        for name in self.names:
            with self.subTest(name):
                done = subprocess.run([CAROM, 'test', '--coverage', ROOT / 'scripts' / (name + '.lua')], capture_output=True,
                                      text=True, timeout=60)
                self.assertEqual((done.returncode, done.stderr), (0, ''), done.stdout)
                self.assertNotIn('hooks that no test ran', done.stdout)
                reached, lines = re.search(r'that a test reached: (\d+) of (\d+)', done.stdout).groups()
                self.assertEqual(reached, lines, done.stdout)
                print(f'{name}.lua: {done.stdout.count("ok      ")} tests, {lines} lines')

    def test_their_pages(self):
        index = (ROOT / 'scripts' / 'README.md').read_text()
        installed = (ROOT / 'examples' / 'meson.build').read_text()
        for name in self.names:
            page = (ROOT / 'scripts' / (name + '.md')).read_text()
            self.assertTrue(page.startswith(f'# {name}.lua\n'), name)
            self.assertIn(f'carom test {name}.lua\n', page)
            self.assertIn(f'[{name}.lua]({name}.md)', index)
            self.assertIn(f"'{name}'", installed)


class Scoring(Case):
    def test_a_signed_bounce_is_probed_and_the_probe_s_bounce_removes(self):
        path = self.sign('scoring.lua', 'anna@example.com')
        got = self.names('scoring.lua', *(bounce(UNKNOWN, day) for day in (96, 97, 98, 99)), bounce(UNKNOWN, 100, path=path))
        self.assertEqual(got, [['score']] * 4 + [['probe', 'score', 'suppress', 'tag']])
        with socketserver.TCPServer(('127.0.0.1', 0), Relay) as relay:
            policy = self.dir / 'scoring.lua'
            policy.write_text(policy.read_text().replace('smtp://127.0.0.1"', 'smtp://127.0.0.1:%d"' % relay.server_address[1]))
            relay.timeout = 20
            deliver = subprocess.Popen([CAROM, 'deliver', '--quiet', '--policy', policy, '--state', self.dir])
            relay.handle_request()
            self.assertEqual(deliver.wait(20), 0)
        probe = relay.sender
        self.assertRegex(probe, r'@bounces\.example\.org$')
        self.assertEqual(self.names('scoring.lua', bounce(UNKNOWN, 100.00001, path=probe)), [['unsubscribe']])


class Proven(Case):
    def test_signed_it_is_enough_once(self):
        path = self.sign('proven.lua', 'anna@example.com')
        got, = self.decide('proven.lua', bounce(UNKNOWN, 100, to='forwarded@example.net', path=path))
        self.assertEqual(got['unsubscribe']['list'], LIST)

    def test_microsoft_blocks_us(self):
        blocked = ('5.7.1', '550 5.7.1 Unfortunately, messages from [192.0.2.1] weren\'t sent. Please contact your Internet '
                            'service provider since part of their network is on our block list (S3140).')
        text = [bounce(blocked, day, to='anna@outlook.com').replace('mx.example.com', 'mx.mail.protection.outlook.com')
                for day in (1, 1.1, 2)]
        self.assertEqual(self.names('proven.lua', *text), [['alert']] * 3)
        jobs = subprocess.run([CAROM, 'outbox', 'list', '--json', '--policy', self.dir / 'proven.lua', '--state', self.dir],
                              check=True, capture_output=True, encoding='utf-8').stdout.splitlines()
        self.assertEqual([json.loads(job)['action'] for job in jobs], ['alert']) # all three are of one day of ours

    def test_its_sinks_against_whatever_the_receiver_answers(self):
        """What the outbox says of the member to be deleted, and of the event to the CRM."""
        for plan, deleted, told in (('204', 'done', 'done'), ('404', 'done', 'waiting'), ('202', 'done', 'done'),
                                    ('422', 'dead', 'dead'),
                                    ('429/60', 'waiting', 'waiting'), ('503', 'waiting', 'waiting'),
                                    ('drop', 'waiting', 'waiting')):
            with self.subTest(answer=plan):
                self.setUp()
                receiver = Receiver((SECRET,), (plan,), {})
                threading.Thread(target=receiver.serve_forever, args=(0.05,), daemon=True).start()
                self.addCleanup(receiver.server_close)
                self.addCleanup(receiver.shutdown)
                self.decide('proven.lua', self.sample('06-complaint.eml'))
                policy = self.dir / 'proven.lua'
                text = re.sub(r'https://(app|crm)\.example\.org', receiver.url, policy.read_text())
                text = re.sub(r'carom\.file "/etc/carom/[a-z.]+" \}', f'"{SECRET}", allow_private = true }}', text)
                policy.write_text(text)
                place = ['--policy', policy, '--state', self.dir]
                subprocess.run([CAROM, 'deliver', '--quiet', *place], capture_output=True, timeout=60)
                out = subprocess.run([CAROM, 'outbox', 'list', '--json', *place], check=True, capture_output=True)
                jobs = {job['action']: job['state'] for job in map(json.loads, out.stdout.splitlines())}
                self.assertEqual(bool(jobs.pop('alert', None)), plan == '404') # the CRM's address is wrong
                self.assertEqual(jobs, {'unsubscribe': deleted, 'webhook': told})
                paths = sorted({(r['method'], r['path']) for r in receiver.seen})
                self.assertEqual(paths, [('DELETE', f'/lists/{LIST}/members/frieda%40example.com'), ('POST', '/hooks/mail')])


if __name__ == '__main__':
    unittest.main()
