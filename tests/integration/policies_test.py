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
import subprocess
import tempfile
import unittest

CAROM = os.path.abspath(os.environ['CAROM'])
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
LIST = 'news.lists.example.org'
BEGIN = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0) - datetime.timedelta(days=100)

UNKNOWN = ('5.1.1', '550 5.1.1 No such user here')
FULL = ('5.2.2', '552 5.2.2 Mailbox full')
BLOCKED = ('5.7.1', '550 5.7.1 Client host [192.0.2.1] blocked using Spamhaus')
LARGE = ('5.3.4', '552 5.3.4 Message size exceeds fixed maximum message size')
GREY = ('4.2.0', '450 4.2.0 Greylisted, please try again later')


def bounce(reply, day, to='anna@example.com'):
    """A report of one failure, of a mailing of its own, so many days after BEGIN."""
    status, words = reply
    date = (BEGIN + datetime.timedelta(days=day)).strftime('%a, %d %b %Y %H:%M:%S +0000')
    return f'''Received: by mail.example.org (Postfix) id B{day}; {date}
From: MAILER-DAEMON@mail.example.org
To: news-bounces@lists.example.org
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


class Policies(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.dir = pathlib.Path(scratch.name)

    def decide(self, policy, *messages):
        """The actions for each message in turn: name → details, of those that are carried out."""
        text = (ROOT / 'scripts' / policy).read_text()
        # The list that an operator would have named.
        text = re.sub(r'-- (lists = \{ \["news\.)', r'\1', text)
        (self.dir / policy).write_text(text)
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


if __name__ == '__main__':
    unittest.main()
