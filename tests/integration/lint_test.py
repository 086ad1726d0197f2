#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: the carom authors
"""carom lint: what it finds in bad policies, and that it finds nothing in good ones.

usage: CAROM=path/to/carom lint_test.py [unittest arguments]
"""
import json
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

CAROM = os.path.abspath(os.environ['CAROM'])
TOP = pathlib.Path(__file__).resolve().parent.parent.parent

SINK = 'sinks = { ["*"] = carom.http { url = "https://app.example.org/x" } }'
# What each good policy has, so that only what a case is about is found.
REST = 'carom.configure { %s, lists = { ["news.example.org"] = {} } }\nfunction on_complaint(bounce) bounce:unsubscribe { scope = "all" } end\n' % SINK
LINES = REST.count('\n')

# Bodies behind REST; what is found: line of the body, severity, a part of the text.
BAD = [
    # the text cannot be loaded
    ('function on_permanent(bounce) if bounce.hard the end end', [(1, 'error', "'then' expected")]),
    ('function on_permanant(bounce) end', [(1, 'error', 'did you mean "on_permanent"')]),
    # a hook fails
    ('function on_permanent(bounce)\n  if bounce.resaon == "blocked" then end\nend', [(2, 'error', 'did you mean "reason"')]),
    ('function on_permanent(bounce)\n  bounce:unsubscibe()\nend', [(2, 'error', 'did you mean "unsubscribe"')]),
    ('function on_permanent(bounce)\n  bounce:retry { after = "4h" }\nend', [(2, 'error', 'limit is missing')]),
    ('function on_permanent(bounce)\n  bounce:retry { aftr = "4h", limit = 1 }\nend', [(2, 'error', 'did you mean "after"')]),
    ('function on_transient(bounce)\n  if bounce.diagnostic:find("x") then end\nend',
     [(2, 'error', 'attempt to index a nil value')]),
    ('function on_permanent(bounce)\n  carom.log("info", "for " .. bounce.list)\nend', [(2, 'error', 'concatenate a nil value')]),
    ('function on_autoreply(bounce)\n  local x = bounce.feedback.type\nend', [(2, 'error', 'attempt to index a nil value')]),
    ('function on_permanent(bounce)\n  seen = true\nend', [(2, 'error', 'seen')]),
    ('function on_permanent(bounce)\n  while true do end\nend', [(2, 'error', 'instructions')]),
    ('function on_permanent(bounce)\n  bounce:webhook("crn")\nend', [(2, 'error', 'no endpoint "crn"')]),
    ('function on_message(message)\n  return message.size\nend', [(None, 'error', 'returned a number')]),
    ('function on_message(message)\n  return message:header("Subject"):find("x") == nil\nend',
     [(2, 'error', 'attempt to index a nil value')]),
    ('function on_message(message)\n  if message.sender == "" and message.recipent then end\nend',
     [(2, 'error', 'did you mean "recipient"')]),
    ('function on_incident(incident)\n  incident:alert { text = incident.samples[1]:upper() }\nend',
     [(2, 'error', 'attempt to index a nil value')]),
    ('function on_incident(incident)\n  incident:unsubscribe()\nend', [(2, 'error', 'incident has no field')]),
    ('function on_dead_letter(job)\n  carom.log("info", job.last_answer:upper())\nend', [(2, 'error', 'nil value')]),
    ('function on_dead_letter(job)\n  carom.log("info", job.fact.recipient:upper())\nend', [(2, 'error', 'nil value')]),
    # lines that nothing reaches
    ('function on_permanent(bounce)\n  if carom.match(bounce.text, "qqq") then\n    bounce:supress()\n  end\nend',
     [(3, 'error', 'did you mean "suppress"')]),
    ('function on_permanent(bounce)\n  if carom.match(bounce.text, "qqq") then\n    bounce:unsubscribe { list = "news.exmple.org" }\n'
     '  end\nend', [(3, 'error', 'did you mean "news.example.org"')]),
    ('function on_permanent(bounce)\n  if carom.match(bounce.text, "qqq") then carom.lgo("info", "x") end\nend',
     [(2, 'error', 'did you mean "log"')]),
    # comparisons
    ('function on_permanent(bounce)\n  if bounce.reason == "mailbox_ful" then bounce:score(1) end\nend',
     [(2, 'error', 'did you mean "mailbox_full"')]),
    ('function on_permanent(b)\n  if "recipent" ~= b.fault then b:score(1) end\nend', [(2, 'error', 'did you mean "recipient"')]),
    ('function on_permanent(bounce)\n  if bounce.confidence == "sure" then bounce:score(1) end\nend',
     [(2, 'error', 'confidence is never "sure"')]),
    ('function on_bounce(bounce)\n  if bounce.kind == "hard" then bounce:score(1) end\nend', [(2, 'error', 'kind is never')]),
    ('function on_bounce(bounce)\n  if bounce.authenticity == "verified" then bounce:score(1) end\nend',
     [(2, 'error', 'authenticity is never')]),
    ('function on_bounce(bounce)\n  if bounce.hard == "true" then bounce:score(1) end\nend', [(2, 'error', 'boolean')]),
    ('function on_bounce(bounce)\n  if bounce.reply_code == "550" then bounce:score(1) end\nend', [(2, 'error', 'integer')]),
    ('function on_bounce(bounce)\n  if bounce.provider == "gmail" then bounce:score(1) end\nend', [(2, 'error', 'provider is never')]),
    ('function on_autoreply(bounce)\n  if bounce.autoreply.type == "vaction" then bounce:tag("away", true) end\nend',
     [(2, 'error', 'did you mean "vacation"')]),
    ('function on_dead_letter(job)\n  if job.fact.kind == "complain" then carom.log("info", "x") end\nend',
     [(2, 'error', 'did you mean "complaint"')]),
    ('local function dead(bounce) return bounce.reason == "user_unknwon" end\nfunction on_permanent(bounce)\n'
     '  if dead(bounce) then bounce:unsubscribe() end\nend', [(1, 'error', 'did you mean "user_unknown"')]),
    ('function on_permanent(b)\n  if b.reason == "blockd" or b.kind == "x" then b:score(1) end\nend',
     [(2, 'error', 'did you mean "blocked"'), (2, 'error', 'kind is never "x"')]),
    # words nearly right elsewhere
    ('local full = { ["mailbox_ful"] = true }\nfunction on_transient(bounce)\n  if full[bounce.reason] then bounce:score(1) end\nend',
     [(1, 'warning', 'one slip away from mailbox_full')]),
    ('local dead = { user_unknown = true, user_disbled = true }\nfunction on_permanent(bounce)\n'
     '  if dead[bounce.reason] then bounce:unsubscribe() end\nend', [(1, 'warning', 'one slip away from user_disabled')]),
    ('local ours = { bloked = true }\nfunction on_permanent(bounce)\n  if ours[bounce.reason] then bounce:score(0) end\nend', []),
    ('local ours = { blokced = true }\nfunction on_permanent(bounce)\n  if ours[bounce.reason] then bounce:score(0) end\nend',
     [(1, 'advice', 'one slip away from blocked')]),
    # who is taken off
    ('function on_permanent(bounce)\n  bounce:unsubscribe()\nend',
     [(2, 'warning', 'our own fault'), (2, 'warning', 'first soft bounce')]),
    ('function on_spam_detected(bounce)\n  bounce:suppress()\nend', [(2, 'warning', 'our own fault')]),
    ('function on_blocked(bounce)\n  if bounce:count { reason = "blocked" } > 3 then bounce:unsubscribe() end\nend',
     [(2, 'warning', 'our own fault')]),
    ('function on_permanent(bounce)\n  if bounce:count {} > 3 then bounce:suppress() end\nend', [(2, 'warning', 'our own fault')]),
    ('function on_mailbox_full(bounce)\n  bounce:unsubscribe()\nend', [(2, 'warning', 'first soft bounce')]),
    ('function on_transient(bounce)\n  if bounce.fault == "recipient" then bounce:unsubscribe() end\nend',
     [(2, 'warning', 'first soft bounce')]),
    ('function on_delayed(bounce)\n  if bounce.reason == "user_unknown" then bounce:unsubscribe() end\nend',
     [(2, 'warning', 'mere delay')]),
    ('function on_permanent(bounce)\n  if bounce.hard then bounce:unsubscribe { force = true } end\nend',
     [(2, 'warning', 'mere guess')]),
    ('function on_permanent(bounce)\n  if bounce.hard and bounce.confidence == "low" then bounce:unsubscribe() end\nend',
     [(2, 'warning', 'never happens')]),
    ('function on_autoreply(bounce)\n  bounce:unsubscribe()\nend', [(2, 'warning', 'no failure')]),
    ('function on_receipt(bounce)\n  bounce:suppress()\nend', [(2, 'warning', 'no failure')]),
    ('function on_other(bounce)\n  bounce:unsubscribe()\nend', [(2, 'warning', 'no failure')]),
    ('function on_permanent(bounce)\n  bounce:retry { after = "4h", limit = 3 }\nend', [(2, 'warning', 'retries a hard bounce')]),
    ('function on_bounce(bounce)\n  if not bounce.hard then bounce:retry { after = "4h", limit = 3 } end\nend',
     [(2, 'warning', 'mere delay')]),
    # what is never done
    ('function on_permanent(bounce)\n  if bounce.hard then bounce:forward("admin@example.org") end\nend',
     [(2, 'warning', 'no smtp is configured')]),
    ('function on_permanent(bounce) end\nfunction on_transient(bounce) end\nfunction on_delayed(bounce) end\n'
     'function on_bounce(bounce) bounce:score(1) end', [(4, 'warning', 'on_bounce never runs')]),
    ('local function on_permanent(bounce)\n  if bounce.hard then bounce:unsubscribe() end\nend', [(1, 'error', 'it is local')]),
    ('local on_blocked = function(bounce) end', [(1, 'error', 'it is local')]),
    ('function on_permanent(bounce) end\nfunction on_permanent(bounce) bounce:score(1) end', [(1, 'error', 'line %d defines it again' % (LINES + 2))]),
    # no hooks, and names that were to be some
    ('function onpermanent(bounce)\n  if bounce.hard then bounce:unsubscribe() end\nend',
     [(1, 'warning', 'onpermanent is no hook; did you mean "on_permanent"')]),
    ('onMailboxFull = function(bounce) end\nfunction no_blocked(bounce) end',
     [(1, 'warning', 'did you mean "on_mailbox_full"'), (2, 'warning', 'did you mean "on_blocked"')]),
    # limits
    ('function on_permanent(bounce)\n  local n = 0\n  for i = 1, 3500000 do n = n + 1 end\nend', [(1, 'warning', 'limits.instructions')]),
    ('function on_permanent(bounce)\n  local s = string.rep("x", 2700000)\nend', [(1, 'warning', 'limits.memory')]),
]

# Whole policies about the configuration.
CONFIGURED = [
    ('carom.configure { stoer = "sqlite:x" }', [(1, 'error', 'did you mean "store"')]),
    ('carom.configure { sinks = { retry = carom.http { url = "https://a.example" } } }\n'
     'function on_complaint(bounce)\n  bounce:unsubscribe()\nend', [(3, 'warning', 'bounce:unsubscribe has no sink')]),
    ('carom.configure { sinks = { ["*"] = carom.webhook { url = "https://a.example",\n  secret = "whsec_0123456789" } } }\n'
     'function on_complaint(bounce) bounce:unsubscribe() end', [(2, 'advice', 'stands in the policy')]),
    ('function on_complaint(bounce) bounce:unsubscribe() end', [(None, 'advice', 'there are no sinks')]),
    ('', [(None, 'warning', 'no hook that a bounce runs'), (None, 'advice', 'there are no sinks')]),
    ('carom.configure { %s }\nfunction on_message(message) end\nfunction on_incident(incident) end' % SINK,
     [(None, 'warning', 'nothing is ever decided')]),
    ('carom.configure { %s }\nfunction on_permanent(bounce)\n  if bounce.hard then bounce:unsubscribe() end\nend' % SINK,
     [(None, 'advice', 'no on_complaint')]),
]

GOOD = [
    'function on_permanent(bounce)\n  if bounce.hard then bounce:unsubscribe() end\nend',
    'function on_permanent(b)\n  if b.hard then\n    b:unsubscribe()\n  elseif b.fault == "sender" or b.fault == "content" then\n'
    '    b:alert { text = "our mail is refused: {diagnostic}", every = "1d" }\n  end\nend',
    'function on_transient(bounce)\n  if bounce:count { reason = "mailbox_full", within = "60d" } >= 6 then\n'
    '    bounce:suppress { duration = "90d" }\n  else\n    bounce:retry { after = "4h", limit = 5 }\n  end\nend',
    'local dead = { user_unknown = true, user_disabled = true, host_unknown = true }\nfunction on_permanent(bounce)\n'
    '  if dead[bounce.reason] then bounce:suppress() end\nend',
    # one hook calls another; a helper gets any table
    'local function count(event) return event.kind == "opened" or event.reason == "none" end\n'
    'function on_permanent(bounce)\n  if count { kind = "x" } then return end\n  if bounce.hard then bounce:unsubscribe() end\nend\n'
    'function on_user_moved(bounce) on_permanent(bounce) end',
    # a local that hides the parameter
    'function on_permanent(bounce)\n  for _, bounce in ipairs { { kind = "mine" } } do\n    if bounce.kind == "mine" then end\n  end\nend',
    # texts that are near to a word but another form of it, or a word of another field
    'function on_permanent(bounce)\n  bounce:tag("complaints", "challenges")\n  bounce:tag("unsubscribed", true)\n  bounce:tag("expire", "senders")\nend',
    # helpers: theirs is no name of a hook, or the hook is there too
    'function undelivered(b) end\nfunction is_blocked(b) end\nfunction unknown(b) end\nfunction onpermanent(b) b:score(1) end\n'
    'function on_permanent(bounce)\n  onpermanent(bounce)\nend',
    # comments and long strings
    '-- if bounce.reason == "mailbox_ful" then\n--[[ bounce:unsubscibe() ]]\nlocal s = [[ bounce.kind == "hard" ]]\n'
    'function on_permanent(bounce)\n  carom.log("debug", s)\nend',
    # nil is asked for first
    'function on_permanent(bounce)\n  if bounce.diagnostic and bounce.diagnostic:find("x", 1, true) then bounce:score(1) end\n'
    '  local text = (bounce.list or "no list") .. tostring(bounce.recipient) .. (bounce.original:header("X-Campaign") or "")\n'
    '  bounce:tag("last", text:sub(1, 100))\nend',
    'function on_autoreply(bounce)\n  if bounce.autoreply and bounce.autoreply.type == "left" then bounce:unsubscribe() end\nend',
    'function on_message(message)\n  local subject = message:header("Subject")\n  return not (subject and subject:find("newsletter"))\nend',
    'function on_incident(incident)\n  incident:alert { text = "bad day at " .. (incident.provider or "?") .. ": " .. (incident.samples[1] or "") }\nend',
    'function on_dead_letter(job)\n  carom.log("warning", job.action .. " given up: " .. (job.last_answer or "no answer"))\nend',
    # the provider's own suppression list
    'function on_suppressed(bounce)\n  bounce:suppress()\nend',
    'function on_unsubscribe(bounce)\n  bounce:unsubscribe()\nend',
    # scores
    'function on_bounce(bounce)\n  if bounce.fault == "sender" or bounce.fault == "content" or bounce.kind == "delayed" then return end\n'
    '  if bounce:score(bounce.hard and 5 or 1) >= 5 then bounce:suppress { duration = "30d" } end\nend',
    # every action on its own hook; on_bounce reached by delays alone
    'function on_permanent(bounce) end\nfunction on_transient(bounce) end\nfunction on_bounce(bounce) bounce:tag("slow", true) end',
    'if 1 + 1 == 2 then\n  function on_permanent(bounce) bounce:score(1) end\nelse\n  function on_permanent(bounce) bounce:score(2) end\nend',
    'on_permanent = function(b) if b.hard and b.reply_code == 550 and b.status == "5.1.1" then b:unsubscribe() end end',
    'local M = {}\nfunction M.on_strange(x) return x.reason end\nfunction on_permanent(bounce) M.on_strange(bounce) end',
    'carom.rule { text = "gateway says no", provider = "microsoft", reason = "blocked" }\nfunction on_blocked(bounce)\n  bounce:alert { text = "blocked" }\nend',
]


def lint(*arguments, cwd):
    return subprocess.run([CAROM, 'lint', *arguments], cwd=cwd, capture_output=True, text=True, timeout=120)


class Lint(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory()
        self.cwd = self.temporary.name

    def tearDown(self):
        self.temporary.cleanup()

    def findings(self, text):
        pathlib.Path(self.cwd, 'policy.lua').write_text(text)
        result = lint('--json', 'policy.lua', cwd=self.cwd)
        self.assertEqual(result.stderr, '', text)
        found = [json.loads(line) for line in result.stdout.splitlines()]
        bad = any(finding['severity'] != 'advice' for finding in found)
        self.assertEqual(result.returncode, 1 if bad else 0, text)
        return found

    def check(self, text, wanted, offset):
        found = self.findings(text)
        for line, severity, part in wanted:
            line = line and line + offset
            self.assertTrue(any(f.get('line') == line and f['severity'] == severity and part in f['what'] for f in found),
                            f'{text}\nwanted {line} {severity} {part}\nfound {found}')
        self.assertEqual(len(found), len(wanted), f'{text}\nfound {found}')
        for finding in found:
            self.assertEqual(finding['file'], 'policy.lua')
            self.assertTrue(finding['what'] and finding['todo'])

    def test_bad_policies(self):
        for body, wanted in BAD:
            with self.subTest(body):
                self.check(REST + body + '\n', wanted, LINES)

    def test_bad_configurations(self):
        for text, wanted in CONFIGURED:
            with self.subTest(text):
                self.check(text + '\n', wanted, 0)

    def test_good_policies(self):
        for body in GOOD:
            with self.subTest(body):
                self.check(REST + body + '\n', [], 0)

    def test_ready_policies_have_no_warning(self):
        policies = [path for path in sorted(TOP.glob('scripts/**/*.lua')) + sorted(TOP.glob('examples/**/*.lua'))
                    if re.search(r'^function on_', path.read_text(), re.M)]
        self.assertGreater(len(policies), 4)
        for path in policies:
            if path.name == 'carom.d.lua':
                continue
            with self.subTest(path.name):
                result = lint(path.name, cwd=path.parent)
                self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
                self.assertNotRegex(result.stdout, 'error|warning')

    def test_keys_that_are_elsewhere(self):
        self.check('carom.configure { %s, verp = { domain = "b.example", keys = { { id = 1, secret = carom.file "/nowhere/x",\n'
                   '  since = "2026-03-01" } } } }\nfunction on_complaint(bounce)\n'
                   '  carom.log("info", carom.verp { recipient = bounce.recipient, id = "x" })\nend\n' % SINK,
                   [(None, 'advice', '/nowhere/x')], 0)

    def test_files_that_are_required(self):
        pathlib.Path(self.cwd, 'rules.lua').write_text('local M = {}\nfunction M.dead(bounce)\n  return bounce.reason == "user_unknow"\nend\n'
                                                       'function M.fail(bounce)\n  return bounce.diagnostic:len()\nend\nreturn M\n')
        found = self.findings(REST + 'local rules = require "rules"\nfunction on_permanent(bounce)\n'
                              '  if rules.dead(bounce) or rules.fail(bounce) > 0 then bounce:score(1) end\nend\n')
        self.assertEqual([(f['file'], f['line'], f['severity']) for f in found],
                         [('rules.lua', 3, 'error'), ('rules.lua', 6, 'error')])

    def test_sorted_lines_for_editors(self):
        os.mkdir(os.path.join(self.cwd, 'etc'))
        pathlib.Path(self.cwd, 'etc', 'policy.lua').write_text(
            REST + 'function on_transient(bounce)\n  bounce:unsubscribe()\nend\nfunction on_permanent(bounce)\n'
            '  if bounce.reason == "blockd" then bounce.x() end\nend\n')
        result = lint('etc/policy.lua', cwd=self.cwd)
        self.assertEqual(result.returncode, 1)
        lines = result.stdout.splitlines()
        for line in lines:
            self.assertRegex(line, r'^etc/policy\.lua:\d+: (error|warning|advice): .+; .+$')
        numbers = [int(line.split(':')[1]) for line in lines]
        self.assertEqual(numbers, sorted(numbers))
        self.assertIn('and ', lines[0])  # examples of facts

    def test_strict(self):
        pathlib.Path(self.cwd, 'policy.lua').write_text('function on_complaint(bounce) bounce:unsubscribe() end\n')
        self.assertEqual(lint('policy.lua', cwd=self.cwd).returncode, 0)
        self.assertEqual(lint('--strict', 'policy.lua', cwd=self.cwd).returncode, 1)

    def test_what_cannot_be_read(self):
        result = lint('nothing.lua', cwd=self.cwd)
        self.assertEqual((result.returncode, result.stdout), (74, ''))
        self.assertIn('nothing.lua', result.stderr)
        self.assertEqual(lint(cwd=self.cwd).returncode, 64)
        self.assertEqual(lint('--config', '--json', 'x.lua', cwd=self.cwd).returncode, 64)

    def test_a_slow_policy_ends(self):
        pathlib.Path(self.cwd, 'policy.lua').write_text(
            'carom.configure { limits = { time = "60s", instructions = 1e12 } }\nfunction on_bounce(bounce)\n'
            '  local n = 0\n  for i = 1, 2e7 do n = n + 1 end\nend\n')
        result = lint('policy.lua', cwd=self.cwd)
        self.assertIn('not all facts were tried', result.stdout)

    def test_config(self):
        pathlib.Path(self.cwd, 'policy.lua').write_text('''carom.configure {
  store = "sqlite:/tmp/x.db", mode = "observe", settle = "6h",
  lists = { ["news.example.org"] = { address = "news@example.org", key = "n\\"1" } },
  sinks = { unsubscribe = { carom.http { url = "https://a.example/x?key=abc{list}", token = "hunter2", headers = { ["X-Key"] = "hunter2" },
                            body = { password = "hunter2" }, done = { "2xx", 404 } },
                            carom.command { argv = { "/bin/tool", "{address}" }, done = { 0, 3 }, stdin = "hunter2" } },
            ["*"] = carom.webhook { url = "https://a.example/", secret = { "hunter2", carom.file "/etc/carom/x.secret" } } },
  endpoints = { crm = carom.webhook { url = "https://b.example/", secret = carom.env "CRM" } },
  commands = { tell = carom.command { argv = { "/bin/tell" } } },
  smtp = { url = "smtp://a.example", from = "a@b.example", user = "u", password = "hunter2" },
  verp = { domain = "b.example", keys = { { id = 3, secret = "hunter2hunter2hunter2", since = "2026-03-01" } } },
  return_paths = { "mailman" }, trusted_authserv = { "mx.example.org" }, fbl = { ["fbl@example.org"] = { "mx.p.example" } },
  score = { half_life = "90m" }, keep = { raw = "1d" }, limits = { memory = "16MiB" }, log = { file = "/tmp/x.log", format = "json" },
  gate = { failure = "signed" }, breaker = { min = 7 }, held = { check = "deny" },
}
''')
        result = lint('--config', 'policy.lua', cwd=self.cwd)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertNotIn('hunter2', result.stdout)
        self.assertNotIn('key=abc', result.stdout)
        self.assertNotIn('-- default', result.stdout)
        for part in ('carom.env "CRM"', 'key = "n\\"1"', 'done = { "2xx", 404 }', 'done = { 0, 3 }',
                     'settle = "6h"', 'half_life = "90m"', 'raw = "1d", facts = "400d"', 'since = "2026-03-01"', 'min = 7, factor = 2',
                     'memory = "16MiB"', 'failure = "signed", complaint = "aligned"'):
            self.assertIn(part, result.stdout)
        pathlib.Path(self.cwd, 'empty.lua').write_text('')
        empty = lint('--config', 'empty.lua', cwd=self.cwd).stdout
        keys = re.findall(r'^  (\w+) = ', empty, re.M)
        self.assertEqual(len(re.findall(r', -- default$', empty, re.M)), len(keys))
        known = {line.split('\t')[1] for line in (TOP / 'src/tables/api.tsv').read_text().splitlines() if line.startswith('carom.configure\t')}
        self.assertEqual(set(keys), known)
        # It is Lua, and means what it says.
        pathlib.Path(self.cwd, 'again.lua').write_text(empty)
        self.assertEqual(lint('--config', 'again.lua', cwd=self.cwd).stdout, empty)


if __name__ == '__main__':
    unittest.main(verbosity=2)
