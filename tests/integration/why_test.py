#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: the carom authors
"""carom why: the story of an address, what it finds by, the letter, and what must not stand in either.

usage: CAROM=path/to/carom why_test.py [unittest arguments]
"""
import email.utils
import json
import os
import pathlib
import re
import subprocess
import tempfile
import time
import unittest

CAROM = os.path.abspath(os.environ['CAROM'])
BOUNCES = pathlib.Path(__file__).resolve().parent.parent.parent / 'examples' / 'bounces'
LIST = 'news.lists.example.org'
POLICY = '''carom.configure {
  lists = { ["news.lists.example.org"] = { address = "news@lists.example.org" } },
  sinks = { unsubscribe = carom.command { argv = { "/bin/sh", "-c", "echo taken off" } },
            suppress = carom.command { argv = { "/bin/sh", "-c", "echo no; exit 1" } },
            retry = carom.command { argv = { "/bin/true" } } },
  KEYS
}
local function dead(bounce)
  bounce:unsubscribe()
  bounce:suppress { duration = "90d" }
  bounce:tag("was", "dead")
end
function on_permanent(bounce)
  if bounce.hard then dead(bounce) end
end
function on_transient(bounce)
  bounce:retry { after = "1d", limit = 50 }
end
function on_complaint(bounce)
  bounce:tag("campaign", "autumn")
  return bounce:ignore()
end
'''
VERP = 'verp = { domain = "b.example.org", keys = { { id = 1, secret = "a secret of the test alone", since = "2020-01-01" } } },'
DSN = '''From: MAILER-DAEMON@mx.example.net
To: <news-bounces@lists.example.org>
Subject: Undelivered Mail Returned to Sender
Message-ID: <{id}@mx.example.net>
Date: {date}
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b

It failed.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net

{original}Final-Recipient: rfc822; {final}
Action: failed
Status: {status}
Remote-MTA: dns; mx.example.com
Diagnostic-Code: smtp; {text}

--b
Content-Type: message/rfc822

Message-ID: <{post}@lists.example.org>
List-Id: <news.lists.example.org>
From: news@lists.example.org
To: {to}
Subject: News of the day

hello
--b--
'''
GREY = '450 4.2.0 Greylisted, please try again later'


class Why(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix='carom-why-')
        self.addCleanup(scratch.cleanup)
        self.dir = pathlib.Path(scratch.name)
        self.policy()
        self.count = 0

    def policy(self, keys=''):
        (self.dir / 'policy.lua').write_text(POLICY.replace('KEYS', keys))

    def carom(self, *arguments, given=b'', code=0):
        done = subprocess.run([CAROM, *map(str, arguments)], input=given, capture_output=True, timeout=60, cwd=self.dir,
                              env={**os.environ, 'CAROM_STATE': str(self.dir / 'state')})
        self.errors = done.stderr.decode()
        self.assertEqual(done.returncode, code, f'{arguments}: {self.errors}{done.stdout}')
        return done.stdout.decode(errors='surrogateescape')

    def bounce(self, final, text='550 5.1.1 User unknown', original='', post=None, ago=3600, to='reader@example.org'):
        self.count += 1
        date = email.utils.formatdate(time.time() - ago)
        message = DSN.format(id=f'b{self.count}', date=date, final=final, text=text, status=text.split()[1],
                             original=f'Original-Recipient: rfc822; {original}\n' if original else '',
                             post=post or f'p{self.count}', to=to)
        self.carom('pipe', '--policy', 'policy.lua', given=message.encode())
        return message

    def why(self, *arguments):
        """In one line, however it was wrapped."""
        return re.sub(r'\s+', ' ', self.carom('why', '--policy', 'policy.lua', *arguments))


class Story(Why):
    def test_what_was_said_decided_and_told(self):
        self.bounce('anna@example.com', '550 5.1.1 <anna@example.com>: User unknown in the house')
        self.carom('deliver', '--policy', 'policy.lua')
        said = self.why('Anna@Example.COM')
        for words in ('Mail of news.lists.example.org, "News of the day", failed for good. There is no such mailbox.',
                      'mx.example.com said: 550 5.1.1 <anna@example.com>: User unknown in the house',
                      'Taken for: permanent user_unknown, hard, by the rule generic.user-unknown',
                      'by the hook on_permanent of policy ',
                      '- unsubscribe, list news.lists.example.org (policy.lua:9)', 'taken off (job ',
                      '- suppress for 90 days (policy.lua:10)', 'given up, a dead letter', 'exit 1: no (job ',
                      'The suppression stands until 20',
                      'carom check anna@example.com: no, suppressed since ', 'carom undo anna@example.com --policy policy.lua',
                      'carom outbox resend '):
            self.assertIn(words, said)
        for words in ('Nobody was told', 'carom held', 'suppressions remove'):
            self.assertNotIn(words, said)

    def test_a_slip_of_the_keyboard_is_not_told_that_it_may_be_mailed(self):
        self.bounce('anna@example.com')
        self.carom('why', '--policy', 'policy.lua', 'anna', code=64)
        self.assertIn("'anna' is no address", self.errors)
        self.assertIn('carom check nobody@example.com: yes', self.why('nobody@example.com'))

    def test_an_end_is_told_once(self):
        self.bounce('anna@example.com')
        self.carom('undo', '--policy', 'policy.lua', 'anna@example.com')
        said = self.why('anna@example.com')
        self.assertEqual(said.count('Being off the list ended'), 1, said)
        self.assertEqual(said.count('The suppression ended'), 1, said)

    def test_the_line_stands_in_the_decision_and_nowhere_outside(self):
        self.bounce('anna@example.com')
        decision = json.loads(self.carom('show', '--json', 'anna@example.com').splitlines()[0])['decision']
        self.assertEqual([action['at'] for action in decision['actions']], ['policy.lua:9', 'policy.lua:10', 'policy.lua:11'])
        self.assertNotIn('policy.lua', self.carom('outbox', '--policy', 'policy.lua', '--json', 'list'))

    def test_a_line_that_returns_an_action(self):
        self.carom('pipe', '--policy', 'policy.lua', given=(BOUNCES / '06-complaint.eml').read_bytes())
        said = self.why('frieda@example.com')
        self.assertIn('was complained about: "this is spam".', said)
        self.assertRegex(said, r'- tag campaign = autumn \(policy.lua:20\): refused \(cancelled by ignore\)')
        self.assertRegex(said, r'- ignore \(policy.lua:21\)')
        self.assertIn('It counts for nothing: the policy ignores it.', said)

    def test_repeats_of_one_delivery_are_one_chapter(self):
        for i in range(6):
            self.bounce('greta@example.com', GREY, post='same', ago=7200 - 600 * i)
        self.bounce('greta@example.com', '452 4.2.2 Mailbox full')
        said = self.why('greta@example.com')
        self.assertIn(', 6 times for one mail Mail of', said)
        self.assertEqual(said.count('Greylisted, please try again later'), 1)
        self.assertIn('retry told to the sink "retry", 6 times: waits', said)
        self.assertIn('452 4.2.2 Mailbox full', said)
        self.assertIn('carom check greta@example.com: yes', said)

    def test_others_of_the_list_with_the_same_words_are_one_too(self):
        for i in range(3):
            self.bounce('greta@example.com', f'452 4.2.2 Mailbox full (id {i}7{i}9a{i})')
        said = self.why('greta@example.com')
        self.assertIn(', 3 times Mail of', said)

    def test_what_people_did(self):
        self.bounce('anna@example.com')
        self.carom('undo', '--policy', 'policy.lua', 'anna@example.com')
        said = self.why('anna@example.com')
        operation = re.search(r'Somebody took decisions back \(operation (\d+), 1 decision\)', said)
        self.assertTrue(operation, said)
        self.assertIn(f'taken back by operation {operation[1]}', said)
        self.assertRegex(said, r'suppress for 90 days \(policy.lua:10\): undone \(taken back\), 20')
        self.assertIn('carom check anna@example.com: yes', said)
        self.assertIn(f'carom undo --operation {operation[1]} --policy policy.lua', said)
        self.carom('undo', '--policy', 'policy.lua', '--operation', operation[1])
        said = self.why('anna@example.com')
        self.assertRegex(said, rf'operation {operation[1]}, 1 decision; operation \d+ took that back')
        self.assertIn('Somebody took an undo back', said)
        self.assertNotIn(f'carom undo --operation {operation[1]}', said)

    def test_what_came_before_and_after(self):
        self.bounce('greta@example.com', '452 4.2.2 Mailbox full')
        self.carom('suppressions', 'add', 'greta@example.com', '--reason', 'by phone')
        self.bounce('greta@example.com', '452 4.2.2 Mailbox full')
        self.assertRegex(self.why('greta@example.com'), 'Mailbox full .*by phone.*Mailbox full')

    def test_by_hand_and_by_import(self):
        (self.dir / 'old.csv').write_text('email,reason\nzoe@example.com,asked in 2019\n')
        self.carom('suppressions', 'import', 'old.csv')
        said = self.why('zoe@example.com')
        self.assertIn('Came with an import of suppressions: everywhere, for good: asked in 2019. The file: old.csv, batch ', said)
        self.assertIn('carom suppressions remove zoe@example.com --policy policy.lua', said)
        self.carom('suppressions', 'remove', 'zoe@example.com')
        self.carom('suppressions', 'add', 'zoe@example.com', '--list', LIST, '--reason', 'by phone')
        said = self.why('zoe@example.com')
        self.assertIn('Somebody ended the suppression of', said)
        self.assertIn(f'Suppressed by hand: {LIST}, for good: by phone.', said)
        self.assertIn('carom check zoe@example.com: yes', said)
        self.assertIn(f'carom check zoe@example.com --list {LIST}: no, suppressed since', said)
        self.assertIn(f'carom suppressions remove --list {LIST} zoe@example.com', said)

    def test_what_waits_is_released(self):
        self.policy(VERP)
        self.bounce('anna@example.com')
        said = self.why('anna@example.com')
        self.assertIn('held (below the gate: the bounce proves too little', said)
        self.assertIn('It proves too little, so that it counts for nothing', said)
        self.assertIn('carom held release anna@example.com --policy policy.lua', said)
        self.assertNotIn('carom undo', said)
        self.assertNotIn('refused', self.carom('why', '--letter', 'anna@example.com'))  # anybody may have written it
        self.carom('held', 'release', '--policy', 'policy.lua', 'anna@example.com')
        said = self.why('anna@example.com')
        self.assertRegex(said, r'Somebody released what was held \(operation \d+')
        self.assertIn('decided (released), 20', said)
        self.assertIn('refused', self.carom('why', '--letter', 'anna@example.com'))

    def test_an_operation_about_others_is_not_told(self):
        self.bounce('anna@example.com')
        self.bounce('bert@example.com')
        self.carom('undo', '--policy', 'policy.lua', 'bert@example.com')
        said = self.why('anna@example.com')
        self.assertNotIn('Somebody', said)
        self.assertNotIn('bert', said)

    def test_undone_in_the_same_moment_each_hears_of_his_own(self):
        names = ['anna@example.com', 'bert@example.com']
        for name in names:
            self.bounce(name)
        for _ in range(3):  # both within one second, sooner or later
            for name in names:
                self.carom('undo', '--policy', 'policy.lua', name)
            told = [set(re.findall(r'operation (\d+)', self.why(name))) for name in names]
            self.assertFalse(told[0] & told[1], told)
            for name in names:
                self.carom('undo', '--policy', 'policy.lua', '--operation', max(told[names.index(name)]))
            told = [set(re.findall(r'operation (\d+)', self.why(name))) for name in names]
            self.assertFalse(told[0] & told[1], told)

    def test_a_replay_is_told(self):
        self.bounce('anna@example.com')
        (self.dir / 'new.lua').write_text((self.dir / 'policy.lua').read_text().replace('"90d"', '"10d"'))
        self.carom('replay', '--policy', 'new.lua', '--since', '2020-01-01', '--apply')
        said = self.why('anna@example.com')
        self.assertIn('suppress for 10 days', said)
        operation = re.search(r'Somebody had a new policy decide anew; .* \(operation (\d+), 1 decision\)', said)
        self.assertTrue(operation, said)
        self.assertIn(f'decided anew by operation {operation[1]}', said)
        self.assertIn(f'carom undo --operation {operation[1]} --policy policy.lua', said)
        self.carom('undo', '--policy', 'policy.lua', '--operation', operation[1])
        self.assertIn('suppress for 90 days', self.why('anna@example.com'))
        self.assertNotIn('anew', self.why('anna@example.com'))

    def test_who_was_erased_is_not_told_of(self):
        self.bounce('anna@example.com', '550 5.1.1 User unknown in the house')
        self.carom('forget', '--policy', 'policy.lua', '--keep-hash', 'anna@example.com')
        said = self.why('anna@example.com')
        self.assertIn('Nothing is kept of it', said)
        self.assertIn('carom check anna@example.com: no, erased, and not to be mailed since 20', said)
        self.assertIn('carom suppressions remove anna@example.com', said)
        self.assertNotIn('house', said)
        self.carom('why', '--letter', 'anna@example.com', code=64)

    def test_nothing_is_known(self):
        self.bounce('anna@example.com')
        said = self.why('nobody@example.com')
        self.assertIn('Nothing is kept of it', said)
        self.assertIn('carom check nobody@example.com: yes', said)
        self.carom('why', '--letter', 'nobody@example.com', code=64)

    def test_hostile_words_do_nothing(self):
        self.bounce('anna@example.com', '550 5.1.1 \x1b[2J\x1b]0;x\x07 User unknown \u202e %s%n $(id)')
        said = self.carom('why', 'anna@example.com')
        self.assertNotRegex(said, '[\x00-\x09\x0b-\x1f\x7f\u202e]')
        self.assertIn('%s%n $(id)', said)

    def test_a_command_is_safe_to_paste(self):
        self.carom('suppressions', 'add', "o'hara|id@example.com")
        said = self.carom('why', "o'hara|id@example.com")
        line = next(line for line in said.splitlines() if 'suppressions remove' in line)
        done = subprocess.run(['sh', '-c', line.replace('carom', f'"{CAROM}"', 1)], capture_output=True, text=True, cwd=self.dir,
                              env={**os.environ, 'CAROM_STATE': str(self.dir / 'state')})
        self.assertEqual((done.returncode, done.stderr), (0, ''))
        self.assertIn('yes', self.carom('check', "o'hara|id@example.com"))


    def test_an_address_that_looks_like_an_option(self):
        self.carom('suppressions', 'add', '--', '--dry-run@example.com')
        said = self.carom('why', '--policy', 'policy.lua', '--', '--dry-run@example.com')
        self.assertIn('carom check -- --dry-run@example.com: no', said)
        line = next(line for line in said.splitlines() if 'suppressions remove' in line)
        done = subprocess.run(['sh', '-c', line.replace('carom', f'"{CAROM}"', 1)], capture_output=True, text=True, cwd=self.dir,
                              env={**os.environ, 'CAROM_STATE': str(self.dir / 'state')})
        self.assertEqual((done.returncode, done.stderr), (0, ''), line)
        self.assertIn('yes', self.carom('check', '--', '--dry-run@example.com'))


class Names(Why):
    def test_the_address_where_the_mail_ended(self):
        self.bounce('bob@inner.example', original='anna@example.com')
        said = self.why('anna@example.com')
        self.assertIn('on its way to bob@inner.example failed for good', said)
        said = self.why('BOB@inner.example')
        self.assertIn('Nothing is kept of it', said)
        self.assertIn('Addresses whose mail ended at it: 1 carom why anna@example.com --policy policy.lua', said)

    def test_a_tag_of_several(self):
        for name in ('anna', 'bert'):
            self.bounce(name + '@example.com')
            if name == 'anna':
                self.assertIn('failed for good', self.why('--tag', 'was=dead'))
        self.carom('why', '--tag', 'dead', code=64)
        self.carom('why', '--tag', 'was=dead', '--letter', code=64)
        said = self.why('--tag', 'was=dead')
        self.assertIn('Addresses tagged was=dead: 2 carom why anna@example.com --policy policy.lua', said)
        self.assertNotIn('failed', said)
        self.assertIn('Addresses tagged nothing=here: 0', self.carom('why', '--tag', 'nothing=here'))

    def test_usage(self):
        self.bounce('anna@example.com')
        for arguments in ([], ['a@example.com', 'b@example.com'], ['--raw', '--letter', 'anna@example.com'],
                          ['--fact', '3', 'anna@example.com'], ['--tag', 'a=b', 'anna@example.com']):
            self.carom('why', *arguments, code=64)


class Raw(Why):
    def test_one_message_or_which(self):
        first = self.bounce('anna@example.com')
        self.assertEqual(self.carom('why', '--raw', 'anna@example.com'), first)
        second = self.bounce('anna@example.com', '550 5.1.1 Still unknown')
        self.assertEqual(self.carom('why', '--raw', 'anna@example.com', code=64), '')
        self.assertIn('2 messages are kept; say which', self.errors)
        facts = re.findall(r'--fact (\d+)', self.errors)
        self.assertEqual([self.carom('why', '--raw', '--fact', fact, 'anna@example.com') for fact in facts], [first, second])
        other = self.bounce('bert@example.com')
        self.carom('why', '--raw', '--fact', facts[0], 'bert@example.com', code=64)
        self.assertEqual(self.carom('why', '--raw', 'bert@example.com'), other)

    def test_none_is_kept(self):
        self.carom('suppressions', 'add', 'zoe@example.com')
        self.carom('why', '--raw', 'zoe@example.com', code=64)
        self.assertIn('nothing is kept of any message of zoe@example.com', self.errors)


class Letter(Why):
    def test_nothing_of_others_and_no_internals(self):
        self.bounce('bob@inner.example', '550 5.1.1 <bob@inner.example>: call 0800-SCAM, http://evil.example',
                    original='anna@example.com')
        self.bounce('bert@example.com')
        letter = self.carom('why', '--letter', 'anna@example.com')
        self.assertIn('there is no such mailbox (code 550, 5.1.1).', re.sub(r'\s+', ' ', letter))
        self.assertIn(f'You were taken off the list {LIST} on', letter)
        self.assertIn('We have stopped mail to you until', letter)
        for words in ('bob', 'bert', 'evil', '0800', 'user_unknown', 'generic.', 'on_permanent', 'policy', 'carom', 'mx.example'):
            self.assertNotIn(words, letter)

    def test_what_is_ours_is_said_to_be(self):
        self.bounce('clara@example.com', '550 5.7.1 Client host [192.0.2.1] blocked using bl.example.org')
        letter = re.sub(r'\s+', ' ', self.carom('why', '--letter', 'clara@example.com'))
        self.assertIn('That is for us to mend, and says nothing about your address.', letter)
        self.assertIn('Nothing keeps us from writing to you now.', letter)

    def test_what_was_taken_back_is_not_told(self):
        self.bounce('anna@example.com')
        self.carom('undo', '--policy', 'policy.lua', 'anna@example.com')
        self.assertNotIn('refused', self.carom('why', '--letter', 'anna@example.com'))


if __name__ == '__main__':
    unittest.main()
