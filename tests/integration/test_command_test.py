#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: the carom authors
"""carom test: what passes, what fails and how it is told, what no test reached; TAP, JUnit, exit codes.

usage: CAROM=path/to/carom test_command_test.py
"""
import os
import pathlib
import subprocess
import tempfile
import unittest
import xml.etree.ElementTree as xml

CAROM = os.path.abspath(os.environ['CAROM'])
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
POLICY = '''
carom.configure {
  lists = { ["news.example.org"] = { address = "news@example.org" } },
  endpoints = { crm = carom.webhook { url = "https://crm.example.com/", secret = "whsec_Y2Fyb20tdGVzdC1zZWNyZXQ=" } },
}
function on_permanent(bounce)
  if bounce.hard then
    bounce:unsubscribe()
    bounce:suppress { duration = "90d" }
  end
end
function on_transient(bounce)
  bounce:retry { after = "4h", limit = 5 }
  bounce:score(0.5)
end
function on_complaint(bounce)
  bounce:unsubscribe { scope = "all" }
  bounce:webhook("crm", { event = "complaint", list = { id = bounce.list, tags = { "a", "b" } } })
end
function on_autoreply(bounce)
  bounce:tag("a", 1)
  bounce:tag("b", 2)
end
function on_delayed(bounce)
  bounce:alert { text = "slow: {diagnostic}", key = "slow" }
end
'''
DEAD = 'carom.fact { reason = "user_unknown", recipient = "anna@example.com", list = "news.example.org" }'


class Case(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.dir = pathlib.Path(scratch.name)

    def write(self, name, text):
        (self.dir / name).write_text(text)

    def carom(self, *arguments, rc=None):
        environment = {**os.environ, 'CAROM_STATE': str(self.dir / 'state')}
        done = subprocess.run([CAROM, 'test', *arguments], cwd=self.dir, env=environment, capture_output=True, text=True,
                              timeout=100)
        if rc is not None:
            self.assertEqual(done.returncode, rc, done.stdout + done.stderr)
        self.assertFalse((self.dir / 'state').exists(), 'a test touched the state directory')
        return done

    def run_body(self, body, policy=POLICY, rc=0, options=()):
        """One test of that body."""
        self.write('policy.lua', policy)
        self.write('policy_test.lua', f'carom.test("it", function(t)\n{body}\nend)\n')
        return self.carom('policy.lua', *options, rc=rc).stdout


class Expectations(Case):
    def test_pass(self):
        for body in (
            f't:expect(t:feed({DEAD}), "unsubscribe", "suppress")',
            f't:expect(t:feed({DEAD}), "suppress", "unsubscribe")',
            f't:expect(t:feed({DEAD}), {{ "suppress", duration = "2160h" }}, {{ "unsubscribe", list = "news.example.org" }})',
            f't:expect(t:feed({DEAD}), {{ "suppress", scope = false }}, {{ "unsubscribe", scope = false }})',
            # Whichever comes first: one without parts leaves the other its own.
            'local d = t:feed(carom.fact { kind = "autoreply", recipient = "a@example.com" })\n'
            't:expect(d, "tag", { "tag", key = "a" }); t:expect(d, { "tag", key = "b" }, "tag"); t:includes(d, { "tag", key = "b" })',
            f't:includes(t:feed({DEAD}), "suppress")',
            f't:excludes(t:feed({DEAD}), "retry", {{ "suppress", duration = "1d" }})',
            f't:hook(t:feed({DEAD}), "on_permanent")',
            't:hook(t:feed(carom.fact { kind = "receipt" }), "none")',
            't:expect(t:feed(carom.fact { reason = "blocked" }), "nothing")',
            't:expect(t:feed(carom.fact { reason = "greylisted", recipient = "a@example.com" }), '
            '{ "score", points = 0.5 }, { "retry", limit = 5 })',
            't:expect(t:feed(carom.fact { kind = "complaint", recipient = "a@example.com", list = "news.example.org" }), '
            '{ "unsubscribe", scope = "all" }, { "webhook", endpoint = "crm", '
            'payload = { event = "compl*", list = { tags = { "a", "b" } } } })',
            't:expect(t:feed(carom.fact { kind = "delayed", diagnostic = "451 busy", recipient = "a@example.com" }), '
            '{ "alert", text = "slow: 451*", key = "slow" })',
            f'local d = t:feed({DEAD}); assert(d.fact.hard and d.fact.recipient == "anna@example.com" and '
            'd.fact.time == t:now() and d.actions[2].duration == "90d" and not d.duplicate)',
            f'local f = {DEAD}; t:feed(f); t:wait "1d"; local d = t:feed(f); assert(d.duplicate); t:expect(d, "nothing")',
            f't:allowed "anna@example.com"; t:feed({DEAD}); t:denied "anna@example.com"\n'
            't:denied("anna@example.com", { cause = "suppressed" }); t:wait "91d"; '
            't:denied("anna@example.com", { list = "news.example.org", cause = "left" })',
            't:clock "2026-03-01"; assert(t:now() == 1772323200); t:clock(1772323201); t:wait "1m"; '
            'assert(t:now() == 1772323261)',
            'local d = t:reply("450 4.2.1 try later", { recipient = "a@example.com", delivery = "7" })\n'
            't:includes(d, "retry"); assert(d.fact.delivery == "7" and d.fact.authenticity == "direct")',
            'local d = t:reply("450 4.2.1 try later", { recipient = "a@example.com", delivery = "7" })\n'
            'd = t:reply("450 4.2.1 try later", { recipient = "a@example.com", delivery = "7" })\n'
            'assert(d.duplicate); t:includes(d, "retry")',
        ):
            with self.subTest(body):
                self.run_body(body)

    def test_fail(self):
        for body, want in (
            (f't:expect(t:feed({DEAD}), "unsubscribe")',
             'policy_test.lua:2: anna@example.com: permanent user_unknown, decided by on_permanent\n'
             '            expected  { "unsubscribe" }\n'
             '            got       { "unsubscribe", list = "news.example.org" }\n'
             '                      { "suppress", duration = "90d" }\n'),
            (f't:expect(t:feed({DEAD}), "nothing")', 'expected  nothing\n            got       { "unsub'),
            (f't:expect(t:feed({DEAD}), {{ "suppress", duration = "89d" }}, "unsubscribe")',
             'expected  { "suppress", duration = "89d" }'),
            (f't:expect(t:feed({DEAD}), {{ "suppress", duration = false }}, "unsubscribe")',
             'expected  { "suppress", duration = false }'),
            (f't:expect(t:feed({DEAD}), "suppress", "suppress")', 'expected  { "suppress" }'),
            (f't:includes(t:feed({DEAD}), "retry")', 'at least  { "retry" }'),
            (f't:excludes(t:feed({DEAD}), "suppress")', 'not       { "suppress" }'),
            (f't:hook(t:feed({DEAD}), "on_bounce")', 'expected  on_bounce\n            got       on_permanent'),
            ('t:expect(t:feed(carom.fact { kind = "other" }), "suppress")', 'no recipient: other, no hook ran'),
            (f'local f = {DEAD}; t:feed(f); t:expect(t:feed(f), "suppress")',
             'a copy of what came before: nothing is decided'),
            ('t:expect(t:feed(carom.fact { reason = "user_unknown", confidence = "low", recipient = "a@example.com" }), '
             '"suppress", "unsubscribe")', '(refused: low confidence: a guess removes nobody unless'),
            ('t:expect(t:feed(carom.fact { reason = "user_unknown" }), "suppress", "unsubscribe")', '(unmatched: '),
            ('t:denied "anna@example.com"',
             'anna@example.com:\n            expected  is not to be mailed\n            got       may be mailed'),
            (f't:feed({DEAD}); t:allowed "anna@example.com"',
             'expected  may be mailed\n            got       suppressed: permanent user_unknown, until 2026-04-01T12:00:00Z'),
            (f't:feed({DEAD}); t:denied("anna@example.com", {{ cause = "held" }})', 'expected  held\n'),
            ('assert(1 == 2)', 'policy_test.lua:2: assertion failed'),
            ('assert(nil, "no such thing")', 'policy_test.lua:2: no such thing'),
            ('local x = nil; x.y = 1', 'policy_test.lua:2: attempt to index a nil value'),
            ('t:feed(carom.fact { reason = "mailbox_ful" })', '"mailbox_ful" is no reason; did you mean "mailbox_full"?'),
            ('t:feed(carom.fact { reason = "blocked", code = 550 })', '"code" is no field of a fact; did you mean "reply_code"?'),
            ('t:feed(carom.fact { reason = "blocked", time = "2027-01-01T00:00:00Z" })', 'lies in the future'),
            ('t:feed(carom.fact { reason = "blocked", reply_code = {} })', 'carom.fact: reply_code cannot be a table'),
            ('t:feed(carom.fact { reason = "blocked", orignal = { subject = "x" } })', 'carom.fact: orignal cannot be a table'),
            ('t:feed(carom.fact { reason = "blocked", original = { subjct = "x" } })', 'did you mean "original.subject"?'),
            ('t:feed { reason = "blocked" }', 't:feed takes a fact: carom.fact {'),
            (f't:expect(t:feed({DEAD}), "supress")', '"supress" is no action; did you mean "suppress"?'),
            (f't:expect(t:feed({DEAD}), {{ "suppress", until_ = 1 }})', '"until_" is no part of an action'),
            (f't:expect(t:feed({DEAD}), {{ "suppress", state = "hold" }})', '"hold" is no state; did you mean "held"?'),
            (f't:expect(t:feed({DEAD}))', 't:expect: what is expected?'),
            ('t:expect(7, "nothing")', 't:expect takes what t:feed, t:reply or t:message gave, not a number'),
            ('t:denied("a@example.com", { cause = "supressed" })', 'did you mean "suppressed"?'),
            ('t:allowed "anna"', "'anna' is no address"),
            ('t.feed(1)', 't.feed is called with a colon: t:feed'),
            ('t:fed(1)', 't has no field "fed"; did you mean "feed"?'),
            ('t:wait "soon"', '"soon" is no duration'),
            ('t:clock "soon"', '"soon" is no time'),
            (f't:feed({DEAD}); t:clock "2025-01-01"', 'time does not go back'),
            ('t:message "none.eml"', 'none.eml: cannot be opened'),
            ('t:reply("hello", { recipient = "a@example.com" })', 'has no reply code'),
            ('carom.test("x", function() end)', 'belongs at the top of the file'),
            ('carom.now()', 'carom.now does not exist in tests'),
            ('io.open("/etc/passwd")', 'attempt to index a nil value (global \'io\')'),
            ('local s = string.rep("x", 300 << 20)', 'the memory limit of 262144 KiB is exceeded'),
            ('shared = 1', 'shared'),
        ):
            with self.subTest(body):
                self.assertIn(want, self.run_body(body, rc=1))

    def test_no_test_depends_on_another(self):
        self.write('policy.lua', POLICY)
        self.write('policy_test.lua', f'''
local n = 0
carom.test("counts", function(t) n = n + 1 end)
carom.test("fresh", function(t) assert(n == 0); t:allowed "anna@example.com"; t:feed({DEAD}) end)
carom.test("fresh again", function(t) t:allowed "anna@example.com"; assert(t:now() == 1767268800) end)
''')
        out = self.carom('policy.lua', rc=1).stdout
        self.assertIn('FAILED  counts\n        policy_test.lua:3: the test changed the variable "n"', out)
        self.assertIn('2 passed, 1 failed', out)


class Engine(Case):
    """What holds in operation holds here."""

    def test_message(self):
        (self.dir / 'two.eml').write_bytes((ROOT / 'examples/bounces/01-user-unknown.eml').read_bytes())
        self.run_body('''
local d = t:message("two.eml", { list = "news.example.org", recipient = "bounces@example.org" })
t:expect(d, { "unsubscribe", list = "news.example.org" }, "suppress")
t:expect(d[1], "unsubscribe", "suppress")
t:expect(d[d[1].fact.recipient], "unsubscribe", "suppress")
assert(d[1].fact.received == t:now() and d[1].fact.envelope_to == "bounces@example.org" and d[1].fact.source == "two.eml")
assert(t:message("two.eml", { list = "news.example.org", recipient = "bounces@example.org" })[1].duplicate)''')

    def test_text(self):
        self.run_body('''
local d = t:message "From: anna@example.com\\nTo: news@example.org\\nSubject: hello\\n\\nHow are you?\\n"
assert(d[1].fact.kind == "other"); t:expect(d, "nothing")''')

    def test_several_recipients(self):
        self.write('two.eml', '''From: MAILER-DAEMON@mx.example.org
Subject: Undelivered
Message-ID: <1@mx.example.org>
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.org

Final-Recipient: rfc822; a@example.com
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 User unknown

Final-Recipient: rfc822; b@example.com
Action: failed
Status: 4.2.2
Diagnostic-Code: smtp; 452 4.2.2 Mailbox full

--b--
''')
        self.run_body('local d = t:message("two.eml", { list = "news.example.org" })\nassert(#d == 2)\n'
                      't:includes(d["a@example.com"], "suppress"); t:includes(d["b@example.com"], "retry")')
        self.assertIn('the message tells of 2 recipients: name one',
                      self.run_body('t:expect(t:message "two.eml", "nothing")', rc=1))

    def test_gate(self):
        policy = POLICY.replace('lists =', 'gate = { failure = "matched" }, lists =')
        self.run_body(f'''
local d = t:feed({DEAD})
assert(d.held == "gate")
t:expect(d, {{ "suppress", held = "gate" }}, {{ "unsubscribe", state = "held" }})
t:allowed "anna@example.com"
d = t:feed(carom.fact {{ reason = "user_unknown", recipient = "anna@example.com", list = "news.example.org", authenticity = "signed" }})
t:expect(d, "suppress", "unsubscribe")''', policy)
        self.assertIn('(held by gate', self.run_body(f't:expect(t:feed({DEAD}), "nothing")', policy, 1))

    def test_observe(self):
        policy = POLICY.replace('lists =', 'mode = "observe", lists =')
        self.run_body(f't:includes(t:feed({DEAD}), {{ "suppress", held = "observe" }})', policy)

    def test_breaker(self):
        policy = POLICY.replace('lists =', 'breaker = { min = 3 }, lists =') + '''
function on_incident(incident)
  incident:alert { text = "trouble at {provider}" }
end
'''
        out = self.run_body('''
local d
for i = 1, 30 do
  d = t:feed(carom.fact { reason = "user_unknown", recipient = "u" .. i .. "@gmail.com", list = "news.example.org" })
  if i < 12 then t:expect(d, "suppress", "unsubscribe") end
  if i == 12 then t:includes(d, { "alert", text = "trouble at google" }) end
end
t:expect(d, { "suppress", held = "breaker" }, { "unsubscribe", held = "breaker" })
t:allowed "u30@gmail.com"''', policy)
        self.assertNotIn('on_incident', out)
        failing = policy.replace('incident:alert { text = "trouble at {provider}" }', 'error("oh")')
        self.assertIn('on_incident: oh', self.run_body('''
for i = 1, 30 do
  t:feed(carom.fact { reason = "user_unknown", recipient = "u" .. i .. "@gmail.com", list = "news.example.org" })
end''', failing, 1))

    def test_settle(self):
        policy = POLICY.replace('lists =', 'settle = "6h", lists =')
        self.run_body(f't:includes(t:feed({DEAD}), "suppress"); t:denied "anna@example.com"', policy)

    def test_signed(self):
        policy = POLICY.replace('lists =', '''verp = { domain = "bounces.example.org",
          keys = { { id = 1, since = "2025-01-01", secret = "a secret of the test, not yours" } } }, lists =''')
        (self.dir / 'one.eml').write_bytes((ROOT / 'examples/bounces/01-user-unknown.eml').read_bytes())
        self.run_body('''
t:expect(t:message("one.eml"), { "suppress", held = "gate" }, { "unsubscribe", held = "gate" })
local d = t:message("one.eml", { recipient = t:sign("anna@example.com", { list = "news.example.org" }) })
assert(d[1].fact.authenticity == "signed" and d[1].fact.recipient == "anna@example.com")
t:expect(d, "suppress", "unsubscribe")''', policy)

    def test_own_rules_judge_made_up_facts(self):
        policy = POLICY + 'carom.rule { text = "gone fishing", reason = "user_disabled", kind = "permanent" }\n'
        self.run_body('assert(t:feed(carom.fact { diagnostic = "550 gone fishing" }).fact.reason == "user_disabled")', policy)

    def test_every_hook(self):
        policy = '''
function on_message(message) return message:header("X-Skip") == nil end
function on_dead_letter(job) carom.log("warning", job.action .. job.attempts .. job.last_answer .. job.fact.recipient) end
function on_autoreply(bounce)
  if carom.match(bounce.text, "nicht mehr*tätig") and bounce.original:header("X-Campaign") == "7" then bounce:tag("left", "yes") end
end
'''
        out = self.run_body('''
t:expect(t:message "X-Skip: 1\\nFrom: a@example.com\\n\\nx\\n", "ignore")
t:dead_letter(carom.fact { reason = "blocked", recipient = "a@example.com" }, { action = "suppress", attempts = 3, last_answer = "no" })
t:expect(t:feed(carom.fact { kind = "autoreply", recipient = "a@example.com", text = "Er ist nicht mehr für uns tätig.",
                             original = { headers = "X-Campaign: 7\\n" } }), { "tag", key = "left", value = "yes" })
''', policy, options=('--verbose',))
        self.assertIn('lines of the policy that a test reached: 5 of 5', out)
        self.assertNotIn('hooks that no test ran', out)
        self.assertIn('on_dead_letter: suppress3noa@example.com', self.carom('policy.lua', '--verbose').stderr)
        self.assertEqual(self.carom('policy.lua').stderr, '')

    def test_failing_hook(self):
        out = self.run_body('t:feed(carom.fact { kind = "receipt" })', 'function on_receipt(b)\n  b:nothing()\nend', 1)
        self.assertIn('policy_test.lua:2: t:feed: policy.lua:2: on_receipt: bounce has no field "nothing"', out)


class Reach(Case):
    def test_lines_and_hooks(self):
        self.write('part.lua', 'local M = {}\nfunction M.unused()\n  return 1\nend\nfunction M.used() return 2 end\nreturn M\n')
        policy = '''local part = require "part"
local function early(x)
  if x then
    return 1
  end
  return 2
end
function on_transient(bounce)
  early(true)
  part.used()
  local inner = function()
    bounce:suppress {}
  end
end
function on_complaint(bounce)
  local inner = function()
    bounce:suppress {}
  end
  inner()
end
'''
        out = self.run_body('t:feed(carom.fact { reason = "greylisted" })', policy, options=('--coverage',))
        self.assertIn('hooks that no test ran: on_complaint\n', out)
        missed = [line.split(':')[0].strip() + ':' + line.split(':')[1] for line in out.split('not reached:\n')[1].splitlines()]
        self.assertEqual(set(missed), {'policy.lua:6', 'policy.lua:12', 'policy.lua:17', 'policy.lua:18', 'policy.lua:19',
                                       'part.lua:3'})
        self.assertIn('--coverage prints the others', self.run_body('t:now()', policy))

    def test_all(self):
        out = self.run_body('t:feed(carom.fact { kind = "receipt" })', 'function on_receipt(bounce)\n  bounce:ignore()\nend\n')
        self.assertIn('lines of the policy that a test reached: 3 of 3\n', out)
        self.assertNotIn('hooks that no test ran', out)


class Output(Case):
    def two(self):
        self.write('policy.lua', POLICY)
        self.write('policy_test.lua', f'''carom.test("good # 1 <&>", function(t) end)
carom.test("bad", function(t)
  t:expect(t:feed({DEAD}), "nothing")
end)
''')

    def test_tap(self):
        self.two()
        out = self.carom('policy.lua', '--tap', rc=1).stdout
        self.assertEqual(out.splitlines()[:4], ['TAP version 13', '1..2', r'ok 1 - good \# 1 <&>', 'not ok 2 - bad'])
        self.assertTrue(all(line.startswith('#') for line in out.splitlines()[4:]), out)

    def test_junit(self):
        self.two()
        self.carom('policy.lua', '--junit', 'report.xml', rc=1)
        suite = xml.parse(self.dir / 'report.xml').getroot()
        self.assertEqual((suite.get('tests'), suite.get('failures')), ('2', '1'))
        good, bad = suite.iter('testcase')
        self.assertEqual((good.get('name'), good.get('classname'), good.find('failure')),
                         ('good # 1 <&>', 'policy_test.lua', None))
        self.assertIn('policy_test.lua:3: anna@example.com', bad.find('failure').get('message'))
        self.assertIn('expected  nothing', bad.find('failure').text)
        self.carom('policy.lua', '--junit', 'no/such/report.xml', rc=74)

    def test_filter(self):
        self.two()
        out = self.carom('policy.lua', '--filter', 'GOOD*1', rc=0).stdout
        self.assertIn('1 passed, 0 failed, 1 left out by --filter', out)
        self.assertNotIn('bad', out)
        self.assertIn('fits no test', self.carom('policy.lua', '--filter', 'ugly', rc=64).stderr)

    def test_files(self):
        self.two()
        self.write('more.lua', 'local h = require "helper"\ncarom.test("more", function(t) h(t) end)')
        self.write('helper.lua', 'return function(t) t:allowed "a@example.com" end')
        out = self.carom('policy.lua', 'more.lua', rc=0).stdout
        self.assertIn('ok      more\n\n1 passed, 0 failed\n', out)
        self.assertIn('2 passed, 1 failed', self.carom('policy.lua', 'more.lua', 'policy_test.lua', rc=1).stdout)

    def test_refused(self):
        self.write('policy.lua', POLICY)
        self.write('broken.lua', 'carom.test(')
        self.write('empty.lua', '')
        self.write('twice.lua', 'carom.test("a", function() end)\ncarom.test("a", function() end)')
        self.write('unnamed.lua', 'carom.test(" ", function() end)')
        for arguments, rc, want in (
            ((), 64, 'no policy given'),
            (('policy.lua',), 64, 'there is no policy_test.lua: write one'),
            (('nosuch.lua',), 74, 'nosuch.lua: cannot be opened: No such file'),
            (('none.lua', 'empty.lua'), 74, 'none.lua: cannot be opened'),
            (('policy.lua', 'none.lua'), 74, 'none.lua: cannot be opened'),
            (('broken.lua', 'empty.lua'), 78, 'broken.lua:1: '),
            (('policy.lua', 'broken.lua'), 78, 'broken.lua:1: '),
            (('policy.lua', 'empty.lua'), 78, 'empty.lua: no test is in it'),
            (('policy.lua', 'twice.lua'), 78, 'there is a test "a" already'),
            (('policy.lua', 'unnamed.lua'), 78, 'a test needs a name'),
        ):
            with self.subTest(arguments):
                self.assertIn(want, self.carom(*arguments, rc=rc).stderr)


if __name__ == '__main__':
    unittest.main()
