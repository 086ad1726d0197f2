#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: the carom authors
"""How a reader sees why: the rules listed and tried, a message explained, what no rule knew, an operator's own rules.

usage: CAROM=path/to/carom rules_test.py [unittest arguments]
"""
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

CAROM = os.path.abspath(os.environ['CAROM'])
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BOUNCES = ROOT / 'examples' / 'bounces'
USAGE, NO_INPUT, CONFIG = 64, 66, 78


class Base(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.dir = pathlib.Path(scratch.name)

    def carom(self, *arguments, given='', code=0):
        done = subprocess.run([CAROM, *map(str, arguments)], input=given.encode(), capture_output=True, timeout=60,
                              cwd=self.dir, env={**os.environ, 'CAROM_STATE': str(self.dir / 'state')})
        done.out, done.err = done.stdout.decode(), done.stderr.decode()
        self.assertEqual(done.returncode, code, done.err + done.out)
        return done

    def policy(self, text):
        path = self.dir / 'policy.lua'
        path.write_text(text)
        return path


class OwnRules(Base):
    POLICY = '''carom.rule { text = "go away, jane", reason = "filtered" }
carom.rule { code = "550-559", status = "5.7.*", provider = "google yahoo", reason = "spam_detected" }
carom.rule { text = "{who} ~ on holiday", kind = "transient" }
function on_filtered(bounce) bounce:tag("why", bounce.evidence.rule) end
'''

    def fact(self, reply, host='mx.example.net', policy=POLICY):
        return json.loads(self.carom('explain', '--json', '--policy', self.policy(policy), '--host', host, reply).out)

    def test_they_win_and_are_named(self):
        for reply, host, reason, kind, rule in (
                ('550 5.1.1 User unknown. Go away,  JANE', 'mx.example.net', 'filtered', 'permanent', 'policy.lua:1'),
                ('550 5.7.1 Hello', 'aspmx.l.google.com', 'spam_detected', 'permanent', 'policy.lua:2'),
                ('550 5.7.1 Hello', 'mx.example.net', 'policy_violation', 'permanent', 'status:5.7.1'),
                ('450 5.7.1 Hello', 'aspmx.l.google.com', 'policy_violation', 'permanent', 'status:5.7.1'),
                ('550 No such user, mailbox is on holiday', 'mx.example.net', 'user_unknown', 'transient', 'policy.lua:3'),
                ('550 User unknown', 'mx.example.net', 'user_unknown', 'permanent', 'generic.user-unknown')):
            fact = self.fact(reply, host)
            self.assertEqual((fact['reason'], fact['kind'], fact['evidence']['rule']), (reason, kind, rule), reply)
        self.assertEqual(self.fact('550 5.1.1 go away, jane')['evidence']['text'], 'go away, jane')
        self.assertFalse(self.fact('550 5.1.1 User unknown, go away, jane')['hard'])

    def test_the_longer_match_wins_and_then_the_first(self):
        policy = ('carom.rule { text = "closed", reason = "user_disabled" }\n'
                  'carom.rule { text = "closed for lunch", reason = "greylisted" }\n'
                  'carom.rule { text = "for lunch, ok", reason = "filtered" }\n'
                  'carom.rule { text = "closed for lunch", reason = "blocked" }\n'
                  'carom.rule { code = 550, reason = "spam_detected" }\n')
        self.assertEqual(self.fact('550 we are closed for lunch', policy=policy)['evidence']['rule'], 'policy.lua:2')
        self.assertEqual(self.fact('550 we are closed', policy=policy)['evidence']['rule'], 'policy.lua:1')
        self.assertEqual(self.fact('550 we are open', policy=policy)['evidence'],
                         {'rule': 'policy.lua:5', 'text': '550', 'where': 'reply_code'})

    def test_run_uses_them(self):
        policy = self.policy('carom.rule { text = "{who} ~ {absent}", reason = "filtered" }\n'
                             'function on_filtered(bounce) bounce:tag("why", bounce.evidence.rule) end\n')
        done = self.carom('run', '--policy', policy, '--json', BOUNCES / '01-user-unknown.eml')
        facts = [json.loads(line) for line in done.out.splitlines()]
        self.assertIn('policy.lua:1', json.dumps(facts))

    def test_mistakes_are_named(self):
        for rule, words in (('text = "x", reason = "user_unkown"', 'user_unknown'), ('text = "{whoo}", reason = "blocked"', '"who"'),
                            ('reason = "blocked"', 'every failure'), ('code = "5x", reason = "blocked"', 'code = 5x'),
                            ('provider = "gogle", reason = "blocked"', '"google"'), ('text = "a"', 'reason or kind'),
                            ('text = "a {b,c}", reason = "blocked"', 'stands alone'), ('text = "*", reason = "blocked"', 'no text'),
                            ('txt = "a", reason = "blocked"', '"text"'), ('status = "7", reason = "blocked"', '5.7.*'),
                            ('text = "a", kind = "complaint"', 'no kind'), ('code = {}, reason = "blocked"', 'table')):
            done = self.carom('explain', '--policy', self.policy(f'\ncarom.rule {{ {rule} }}'), '550 x', code=CONFIG)
            self.assertIn('policy.lua:2: carom.rule', done.err)
            self.assertIn(words, done.err)


class Rules(Base):
    def rows(self, *options):
        lines = self.carom('rules', *options).out.splitlines()
        titles = lines[0].split('\t')
        return [dict(zip(titles, line.split('\t'))) for line in lines[1:]]

    def test_list_and_filters(self):
        rules = self.rows()
        self.assertGreater(len(rules), 1000)
        self.assertTrue(all(len(row) == 9 for row in rules))
        for option, value, column in (('--reason', 'greylisted', 'reason'), ('--provider', 'google', 'provider')):
            got = self.rows(option, value)
            self.assertTrue(got)
            self.assertEqual(got, [row for row in rules if value in row[column].split()])
        got = self.rows('--code', '552')
        self.assertTrue(got)
        for row in got:
            low, _, high = row['code'].partition('-')
            self.assertTrue(int(low) <= 552 <= int(high or low), row)
        self.assertTrue(self.rows('--text', 'USER  unknown'))
        self.assertTrue(all('user unknown' in row['text'] for row in self.rows('--text', 'USER  unknown')))
        for row in self.rows('--kind', 'transient'):
            self.assertEqual(row['kind'], 'transient')
        as_json = [json.loads(line) for line in self.carom('rules', '--json', '--reason', 'greylisted').out.splitlines()]
        self.assertEqual([r['rule'] for r in as_json], [r['rule'] for r in self.rows('--reason', 'greylisted')])
        own = self.policy('\ncarom.rule { text = "x y z", reason = "greylisted" }')
        self.assertEqual(self.rows('--policy', own, '--reason', 'greylisted')[0]['rule'], 'policy.lua:2')

    def test_test_shows_candidates_and_the_winner(self):
        out = self.carom('rules', 'test', '550 5.1.1 User unknown, blocked using zen.spamhaus.org').out
        lines = out.splitlines()
        self.assertRegex(lines[0], r'^  > +\d+  .*blocked .*: wins$')
        self.assertRegex(out, r'generic\.user-unknown +user_unknown .*"User unknown" in reply: weighs less')
        self.assertRegex(lines[-1], r'permanent, blocked; confidence high; decided by ')
        out = self.carom('rules', 'test', '--json', '--host', 'mx.example.net', '421', '4.7.0', 'nothing', 'p=NoSuchUser').out
        got = json.loads(out)
        self.assertEqual([c['rule'] for c in got['candidates'] if c['wins']], [got['fact']['evidence']['rule']])
        own = self.policy('carom.rule { text = "user", reason = "filtered" }')
        out = self.carom('rules', 'test', '--policy', own, '550 User unknown').out
        self.assertRegex(out, r'> 100  policy.lua:1 +filtered .*wins: a rule of the policy')
        self.assertIn("the policy's rule goes first", out)
        self.assertIn('no rule knows these words', self.carom('rules', 'test', '550 xyzzy').out)
        out = self.carom('rules', 'test', '550 5.2.2 mailbox unavailable').out
        self.assertRegex(out, r'generic.mailbox-unavailable .*status:5\.2\.2 says more')
        self.assertRegex(self.carom('rules', 'test', '450 mailbox unavailable').out, 'does not hold: only with 500-599')

    def test_mistakes(self):
        for arguments, words in ((('--reason', 'greylist'), 'did you mean greylisted'), (('--kind', 'permanant'), 'did you mean permanent'),
                                 (('--provider', 'gogle'), 'carom codes --providers'), (('--code', '99'), 'no reply code'),
                                 (('tset', 'x'), 'rules test'), (('test',), 'no TEXT'), (('test', ' '), 'no TEXT'),
                                 (('--host', 'x'), '--provider'), (('test', 'x', '--reason', 'blocked'), 'all rules')):
            done = self.carom('rules', *arguments, code=USAGE)
            self.assertIn(words, done.err)
        self.carom('rules', '--policy', self.dir / 'none.lua', code=74)


class Explain(Base):
    def test_a_message_is_explained(self):
        out = self.carom('parse', '--explain', BOUNCES / '01-user-unknown.eml').out
        for words in (r'(?m)^parts$', 'message/delivery-status', r'format +rfc3464: machine-readable', 'recipient 1 of 1',
                      r'action +failed', r'> +\d+  .*: wins', r'reason +user_unknown \(fault: recipient\), hard', 'decided by'):
            self.assertRegex(out, words)

    def test_each_recipient_has_its_own_rules(self):
        message = ('From: MAILER-DAEMON@example.org\nTo: news@example.org\nSubject: Undelivered Mail Returned to Sender\n'
                   'MIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\n\n'
                   '--b\n\nFailed.\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example.org\n\n'
                   'Final-Recipient: rfc822; a@example.com\nAction: delivered\nStatus: 2.0.0\n\n'
                   'Final-Recipient: rfc822; b@example.com\nAction: failed\nStatus: 5.2.2\nDiagnostic-Code: smtp; 552 Mailbox full\n\n'
                   'Final-Recipient: rfc822; c@example.com\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 User unknown\n\n--b--\n')
        parts = self.carom('parse', '--explain', '-', given=message).out.split('recipient ')
        by = {part[0]: part for part in parts if part[1:6] == ' of 3'}
        self.assertEqual(sorted(by), ['1', '2', '3'])
        self.assertNotIn('rules whose words', by['1'])
        self.assertRegex(by['2'], r'> .*mailbox_full')
        self.assertNotIn('user_unknown', by['2'])
        self.assertRegex(by['3'], r'> .*user_unknown')

    def test_what_is_no_bounce(self):
        out = self.carom('parse', '--explain', '-', given='From: a@example.com\nSubject: Lunch\n\nAt noon?\n').out
        self.assertRegex(out, r'format +none that is known')
        self.assertRegex(out, r'kind +other')

    def test_it_is_for_people(self):
        self.assertIn('--json', self.carom('parse', '--explain', '--json', '-', code=USAGE).err)
        self.assertIn('--unmatched', self.carom('parse', '--explain', '--unmatched', '-', code=USAGE).err)


class Unmatched(Base):
    BOUNCE = ('From: MAILER-DAEMON@example.org\nTo: news@example.org\nSubject: Undelivered Mail Returned to Sender\n'
              'MIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\n\n'
              '--b\n\nFailed.\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example.org\n\n'
              'Final-Recipient: rfc822; {}@example.com\nAction: failed\nStatus: 5.0.0\nDiagnostic-Code: smtp; {}\n\n--b--\n')

    def given(self, *diagnostics):
        for i, text in enumerate(diagnostics):
            (self.dir / f'{i}.eml').write_text(self.BOUNCE.format(f'u{i}', text))
        return sorted(self.dir.glob('*.eml'))

    def test_counted_masked_and_most_frequent_first(self):
        files = self.given('550 5.0.0 Zorp <jane@example.com> from 192.0.2.7 (mx1.example.net) qid 4711ABC: 12 frobs.',
                           '550 5.0.0 Zorp  <otto@example.org> from 192.0.2.9 (mx22.example.org) qid 0815XYZ: 7 frobs.',
                           'host mx7.example.com said: 550 Grmbl [2001:db8::25]', '550 User unknown')
        out = self.carom('parse', '--unmatched', *files).out
        self.assertEqual(out.splitlines(), ['      2  550 5.0.0 Zorp <<address>> from <ip> (<host>) qid <id>: <n> frobs.',
                                            '      1  host <host> said: 550 Grmbl [<ip>]'])
        got = [json.loads(line) for line in self.carom('parse', '--unmatched', '--json', *files).out.splitlines()]
        self.assertEqual([(g['count'], g['kind']) for g in got], [(2, 'permanent'), (1, 'permanent')])
        self.assertEqual(got[0]['source'], str(files[0]))
        for word in ('jane', 'otto', '192.0.2', '4711ABC', 'mx1'):
            self.assertNotIn(word, out)

    def test_a_rule_of_the_policy_takes_it_off_the_list(self):
        files = self.given('550 Zorp', '550 Grmbl')
        out = self.carom('parse', '--unmatched', '--policy', self.policy('carom.rule { text = "zorp", reason = "blocked" }'), *files).out
        self.assertEqual(out.splitlines(), ['      1  550 Grmbl'])

    def test_nothing_unmatched_says_nothing(self):
        self.assertEqual(self.carom('parse', '--unmatched', *self.given('550 User unknown')).out, '')


if __name__ == '__main__':
    unittest.main()
