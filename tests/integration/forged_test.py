#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: the carom authors
"""Bounces and reports that somebody made up: none of them removes anyone, is submitted again, forwarded or probed.

The tokens are made here, from the description in src/bounce/verp.h and by Python's own HMAC, so that tokens of the past
can be tried, and so that signer and checker are no one program.

usage: CAROM=path/to/carom forged_test.py [unittest arguments]
"""
import base64
import datetime
import email.utils
import hashlib
import hmac
import json
import os
import pathlib
import struct
import subprocess
import tempfile
import unittest

CAROM = os.path.abspath(os.environ['CAROM'])
LIST, DOMAIN, KEY = 'news.lists.example.org', 'bounces.example.org', b'0123456789abcdef0123456789abcdef'
NOW = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
TODAY = int(NOW.timestamp()) // 86400
POLICY = '''
carom.configure {
  lists = { ["%s"] = { address = "news@lists.example.org" } },
  verp = { domain = "%s", keys = { { id = 1, secret = "%s", since = "2026-01-01" } } },
  smtp = { url = "smtp://127.0.0.1:2525", from = "carom@example.org", allow_private = true },
  fbl = { ["fbl@example.org"] = { "mx.provider.example" } },
  sinks = { retry = carom.smtp {}, ["*"] = carom.command { argv = { "/bin/true" } } },
}
function on_permanent(bounce)
  bounce:unsubscribe { scope = "all" }
  bounce:suppress {}
  bounce:forward("postmaster@example.org")
end
function on_transient(bounce)
  bounce:retry { after = "1h", limit = 3 }
  bounce:probe {}
end
on_complaint = on_permanent
''' % (LIST, DOMAIN, KEY.decode())
DSN = '''Received: from mx.example.net by mail.example.org; {date}
From: MAILER-DAEMON@mx.example.net
To: {path}
Subject: Undelivered Mail Returned to Sender
Date: {date}
Message-ID: <{id}@mx.example.net>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b

It failed.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net

Final-Recipient: rfc822; {victim}
Action: failed
Status: {status}
Diagnostic-Code: smtp; {reply}

--b
Content-Type: message/rfc822

From: editor@example.org
To: news@lists.example.org
List-Id: <news.lists.example.org>
Message-ID: <post.4711@lists.example.org>
Subject: news
{returned}
the whole text
--b--
'''
COMPLAINT = '''Received: from mx.attacker.example by mail.example.org; {date}
From: abuse@provider.example
To: fbl@example.org
Subject: complaint
Date: {date}
Message-ID: <{id}@attacker.example>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary=b

--b

Somebody complains.
--b
Content-Type: message/feedback-report

Feedback-Type: abuse
User-Agent: made-up/1.0
Version: 1
Original-Rcpt-To: victim@example.net

--b
Content-Type: message/rfc822

From: editor@example.org
To: victim@example.net
List-Id: <news.lists.example.org>
Subject: news

text
--b--
'''


def token(day=TODAY, recipient='victim@example.net', key=KEY, domain=DOMAIN):
    """A return path that was signed on that day: LIST=.ADDRESS, '@' as "==", '.' as itself."""
    fields = (b'carom1p\x01' + struct.pack('>H', day), domain.encode(), LIST.encode(), b'', recipient.encode())
    mac = hmac.new(key, b''.join(struct.pack('>I', len(f)) + f for f in fields), hashlib.sha256).digest()[:10]
    base32 = 'abcdefghijklmnopqrstuvwxyz234567'
    head = base32[1] + ''.join(base32[day >> shift & 31] for shift in (10, 5, 0))
    return f'{head}{base64.b32encode(mac).decode().lower()}-{LIST}=.{recipient.replace("@", "==")}@{domain}'


class Forged(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix='carom-forged-')
        self.addCleanup(scratch.cleanup)
        self.dir = pathlib.Path(scratch.name)
        (self.dir / 'policy.lua').write_text(POLICY)
        self.id = 0

    def carom(self, command, *arguments, given=None, code=0):
        done = subprocess.run([CAROM, command, '--policy', 'policy.lua', '--state', '.', *arguments], cwd=self.dir,
                              input=given, capture_output=True, encoding='utf-8', timeout=60)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout

    def read(self, path='bounces@lists.example.org', text=DSN, reply='550 5.1.1 User unknown', when=NOW, victim='victim@example.net',
             returned=''):
        self.id += 1
        (self.dir / 'bounce.eml').write_text(text.format(
            id=self.id, path=path, date=email.utils.format_datetime(when), victim=victim, reply=reply,
            status=reply.split()[1], returned=returned))
        return json.loads(self.carom('run', '--quiet', '--json', 'bounce.eml'))

    def jobs(self):
        return [json.loads(line)['action'] for line in self.carom('outbox', 'list', '--json').splitlines()]

    def may(self, address='victim@example.net'):
        return subprocess.run([CAROM, 'check', '--policy', 'policy.lua', '--state', '.', '--list', LIST, address],
                              cwd=self.dir, capture_output=True).returncode == 0

    def nothing_happened(self, decided, authenticity='unproven'):
        fact = decided.get('fact', decided)
        self.assertEqual(fact['authenticity'], authenticity)
        self.assertTrue(decided['actions'])
        self.assertEqual({a['state'] for a in decided['actions']} - {'held', 'refused', 'unmatched'}, set(), decided)
        self.assertEqual(self.jobs(), [])
        self.assertTrue(self.may())

    def test_the_signer_of_this_test_agrees(self):
        ours = self.carom('verp', 'sign', '--list', LIST, 'victim@example.net').strip()
        self.assertEqual(ours, token())
        decided = self.read(ours)
        self.assertEqual(decided.get('fact', decided)['authenticity'], 'signed')
        self.assertEqual(sorted(self.jobs()), ['forward', 'suppress', 'unsubscribe'])
        self.assertFalse(self.may())

    def test_a_bounce_without_a_token(self):
        self.nothing_happened(self.read())

    def test_one_that_quotes_a_post_that_everybody_has(self):
        """The attacker's own copy of the post, with his token, and another subscriber's name."""
        own = token(recipient='attacker@example.com')
        self.nothing_happened(self.read(returned=f'Return-Path: <{own.replace("@", "x@")}>\n'))

    def test_a_token_of_somebody_else(self):
        decided = self.read(token(recipient='attacker@example.com'))
        self.assertEqual(decided.get('fact', decided)['recipient'], 'attacker@example.com') # himself, and nobody else
        self.assertTrue(self.may())

    def test_a_token_with_a_changed_recipient(self):
        own = token(recipient='attacker@example.com')
        self.nothing_happened(self.read(own.replace('attacker==example.com', 'victim==example.net')))

    def test_a_token_of_another_key_or_domain(self):
        self.nothing_happened(self.read(token(key=b'x' * 32)))
        self.nothing_happened(self.read(token(domain='bounces.example.com')))

    def test_an_expired_token(self):
        self.nothing_happened(self.read(token(TODAY - 40)))

    def test_a_token_replayed_after_the_address_was_taken_back(self):
        old = token(TODAY - 3)
        self.read(old, when=NOW - datetime.timedelta(days=2))
        self.assertFalse(self.may())
        self.carom('undo', 'victim@example.net')
        self.assertTrue(self.may())
        before = sorted(self.jobs())
        decided = self.read(old)
        self.assertEqual(decided.get('fact', decided)['authenticity'], 'signed')
        self.assertEqual({a['name']: a['state'] for a in decided['actions']}['unsubscribe'], 'refused')
        self.assertTrue(self.may())
        self.assertNotIn('unsubscribe', self.jobs()[len(before):])
        # a suppression removed by hand is the same
        self.carom('suppressions', 'add', 'other@example.net')
        self.carom('suppressions', 'remove', 'other@example.net')
        self.read(token(TODAY - 3, 'other@example.net'), victim='other@example.net')
        self.assertTrue(self.may('other@example.net'))

    def test_a_token_replayed_on_the_day_on_which_the_address_was_taken_back(self):
        self.read(token())
        self.carom('undo', 'victim@example.net')
        decided = self.read(token()) # with a Message-ID of its own: no copy of the first
        self.assertEqual({a['name']: a['state'] for a in decided['actions']}['unsubscribe'], 'refused')
        self.assertTrue(self.may())

    def test_a_report_of_feedback_that_nobody_sent(self):
        self.nothing_happened(self.read(text=COMPLAINT))

    def test_a_temporary_failure_is_neither_sent_again_nor_probed(self):
        self.nothing_happened(self.read(reply='450 4.2.0 Try later'))

    def test_what_the_sender_heard_is_not_locked_out(self):
        reply = {'reply': '550 5.1.1 User unknown', 'recipient': 'victim@example.net', 'delivery': '1'}
        answer = json.loads(self.carom('run', '--lines', given=json.dumps(reply)))
        self.assertEqual(answer['facts'][0]['authenticity'], 'direct')
        self.assertFalse(self.may())


if __name__ == '__main__':
    unittest.main()
