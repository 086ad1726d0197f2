#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: the carom authors
"""The policies in scripts/ decide as their page says.

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


def bounce(reply, day, to='anna@example.com', path='news-bounces@lists.example.org'):
    """A report of one failure, of a mailing of its own, so many days after BEGIN."""
    status, words = reply
    date = (BEGIN + datetime.timedelta(days=day)).strftime('%a, %d %b %Y %H:%M:%S +0000')
    return f'''Received: by mail.example.org (Postfix) id B{day}; {date}
From: MAILER-DAEMON@mail.example.org
To: {path}
Subject: Undelivered Mail Returned to Sender
Date: {date}
Message-ID: <b.{day}@mail.example.org>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

It could not be delivered.

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mail.example.org

Final-Recipient: rfc822; {to}
Action: failed
Status: {status}
Remote-MTA: dns; mx.example.com
Diagnostic-Code: smtp; {words}

--b
Content-Type: text/rfc822-headers

From: editor@example.org
To: {to}
Message-ID: <issue.{day}@lists.example.org>
List-Id: <{LIST}>
Subject: News

--b--
'''


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


class Policies(Case):
    def test_default(self):
        for message, want in {
            bounce(UNKNOWN, 1): ['suppress', 'unsubscribe'], bounce(BLOCKED, 2): ['alert'],
            bounce(LARGE, 3): ['alert'], bounce(FULL, 4): [],
            self.sample('06-complaint.eml'): ['suppress', 'unsubscribe'], self.sample('07-vacation.eml'): [],
            self.sample('05-delay-warning.eml'): [], self.sample('09-ordinary-mail.eml'): [],
        }.items():
            self.assertEqual(self.names('default.lua', message), [want], message)

    def test_default_leaves_the_list_of_the_mail(self):
        decided, = self.decide('default.lua', bounce(UNKNOWN, 1))
        self.assertEqual(decided['unsubscribe']['list'], LIST)

    def test_default_counts_full_mailboxes(self):
        got = self.names('default.lua', *(bounce(FULL, day) for day in (1, 2, 3, 90)))
        self.assertEqual(got, [[], [], ['suppress'], []])

    def test_default_retries(self):
        decided, = self.decide('default.lua', bounce(GREY, 100))
        self.assertEqual(sorted(decided), ['retry'])

    def test_newsletter_waits_for_a_second_day(self):
        first, second = self.decide('newsletter.lua', bounce(UNKNOWN, 1), bounce(UNKNOWN, 8))
        self.assertEqual((sorted(first), first['suppress']['duration']), (['suppress'], '7d'))
        self.assertEqual(sorted(second), ['suppress', 'unsubscribe'])
        self.assertFalse(second['suppress'].get('duration'))

    def test_newsletter_never_blames_the_subscriber_for_us(self):
        got = self.names('newsletter.lua', *(bounce(BLOCKED, day) for day in range(10)))
        self.assertEqual(got, [['alert']] * 10)

    def test_newsletter_leaves_a_mailbox_that_stays_full(self):
        got = self.names('newsletter.lua', *(bounce(FULL, day) for day in range(1, 8)))
        # After a few days the oldest point has lost a little: the fifth does not quite make five, the sixth leaves.
        self.assertEqual(got, [['score']] * 5 + [['unsubscribe']] * 2)

    def test_newsletter_gives_a_rest_after_five_points(self):
        filtered = ('5.7.1', "550 5.7.1 Message rejected by recipient's filter")
        got = self.names('newsletter.lua', *(bounce(filtered, day) for day in range(93, 100)))
        self.assertEqual(got, [['score']] * 5 + [['score', 'suppress']] * 2)

    def test_newsletter_samples(self):
        for name, want in {'06-complaint.eml': ['suppress', 'unsubscribe'], '07-vacation.eml': [],
                           '05-delay-warning.eml': [], '09-ordinary-mail.eml': []}.items():
            self.assertEqual(self.names('newsletter.lua', self.sample(name)), [want], name)

    def test_newsletter_retries_and_counts_half_a_point(self):
        decided, = self.decide('newsletter.lua', bounce(GREY, 100))
        self.assertEqual((sorted(decided), decided['score']['points']), (['retry', 'score'], 0.5))


class Scoring(Case):
    def test_a_day_counts_once(self):
        got = self.names('scoring.lua', *(bounce(FULL, MIDNIGHT + day) for day in (1, 1.2, 1.4, 2)))
        self.assertEqual(got, [['score'], [], [], ['score']])

    def test_too_many_points_are_a_rest(self):
        decided = self.decide('scoring.lua', *(bounce(UNKNOWN, day) for day in (1, 2, 3, 4)))
        self.assertEqual([sorted(d) for d in decided], [['score'], ['score'], ['score', 'suppress'], []])
        self.assertEqual(decided[2]['suppress']['duration'], '21d')

    def test_old_points_fade(self):
        got = self.names('scoring.lua', *(bounce(FULL, day) for day in range(1, 95, 14)))
        self.assertEqual(got, [['score']] * 7)

    def test_a_signed_bounce_is_probed_and_the_probe_s_bounce_removes(self):
        path = self.sign('scoring.lua', 'anna@example.com')
        got = self.names('scoring.lua', *(bounce(UNKNOWN, day) for day in (97, 98)), bounce(UNKNOWN, 100, path=path))
        self.assertEqual(got, [['score'], ['score'], ['probe', 'score', 'suppress']])
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

    def test_never_for_us(self):
        self.assertEqual(self.names('scoring.lua', *(bounce(BLOCKED, day) for day in range(10))), [['alert']] * 10)


class Proven(Case):
    def test_signed_it_is_enough_once(self):
        path = self.sign('proven.lua', 'anna@example.com')
        got, = self.decide('proven.lua', bounce(UNKNOWN, 100, to='forwarded@example.net', path=path))
        self.assertEqual(got['unsubscribe']['list'], LIST)

    def test_unproven_it_must_last(self):
        got = self.names('proven.lua', *(bounce(UNKNOWN, day) for day in (1, 1.1, 9, 14.5, 15.5)))
        self.assertEqual(got, [[], [], [], [], ['unsubscribe']])

    def test_three_days_in_a_row_are_no_two_weeks(self):
        self.assertEqual(self.names('proven.lua', *(bounce(UNKNOWN, day) for day in (1, 2, 3, 4))), [[]] * 4)

    def test_six_times_full(self):
        decided = self.decide('proven.lua', *(bounce(FULL, day) for day in (1, 11, 21, 31, 41, 51)))
        self.assertEqual([sorted(d) for d in decided], [[]] * 5 + [['suppress']])
        self.assertEqual(decided[-1]['suppress']['duration'], '90d')

    def test_microsoft_blocks_us(self):
        blocked = ('5.7.1', '550 5.7.1 Unfortunately, messages from [192.0.2.1] weren\'t sent. Please contact your Internet '
                            'service provider since part of their network is on our block list (S3140).')
        text = [bounce(blocked, day, to='anna@outlook.com').replace('mx.example.com', 'mx.mail.protection.outlook.com')
                for day in (1, 1.1, 2)]
        self.assertEqual(self.names('proven.lua', *text), [['alert']] * 3)
        jobs = subprocess.run([CAROM, 'outbox', 'list', '--json', '--policy', self.dir / 'proven.lua', '--state', self.dir],
                              check=True, capture_output=True, encoding='utf-8').stdout.splitlines()
        self.assertEqual([json.loads(job)['action'] for job in jobs], ['alert']) # all three are of one day of ours

    def test_a_complaint_is_told(self):
        decided, = self.decide('proven.lua', self.sample('06-complaint.eml'))
        self.assertEqual(sorted(decided), ['unsubscribe', 'webhook'])
        self.assertEqual((decided['webhook']['endpoint'], decided['webhook']['payload']), ('crm', {'event': 'complaint'}))

    def test_its_sinks_against_whatever_the_receiver_answers(self):
        """What the outbox says of the member to be deleted, and of the event to the CRM."""
        for plan, deleted, told in (('204', 'done', 'done'), ('404', 'done', 'dead'), ('202', 'done', 'done'),
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
                self.assertEqual(jobs, {'unsubscribe': deleted, 'webhook': told})
                paths = sorted({(r['method'], r['path']) for r in receiver.seen})
                self.assertEqual(paths, [('DELETE', f'/lists/{LIST}/members/frieda%40example.com'), ('POST', '/hooks/mail')])

    def test_who_left_is_tagged(self):
        reply = bounce(UNKNOWN, 1).split('MIME-Version')[0].replace(
            'Subject: Undelivered Mail Returned to Sender', 'Subject: Automatische Antwort: News\nAuto-Submitted: auto-replied'
            ).replace('MAILER-DAEMON@mail', 'anna@mail')
        body = 'Content-Type: text/plain; charset=utf-8\n\nGuten Tag,\nFrau Beispiel ist nicht mehr in unserem Haus tätig.\n'
        decided, = self.decide('proven.lua', reply + body)
        self.assertEqual(decided['tag']['key'], 'left')
        plain, = self.decide('proven.lua', reply.replace('<b.', '<c.') + body.replace('nicht mehr', 'heute nicht'))
        self.assertEqual(plain, {})


if __name__ == '__main__':
    unittest.main()
