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


if __name__ == '__main__':
    unittest.main()
