#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: the carom authors
"""Living with it: what `carom status` says when something is wrong, and when nothing is.

usage: CAROM=path/to/carom status_test.py [unittest arguments]
"""
import json
import os
import pathlib
import re
import sqlite3
import subprocess
import time
import unittest

from stage import CAROM, Stage

BOUNCES = pathlib.Path(__file__).resolve().parent.parent.parent / 'examples' / 'bounces'
HOOKS = '''
function on_permanent(bounce)
  if bounce.hard then bounce:suppress { duration = "90d" } else bounce:unsubscribe {} end
end
'''
# A port where nobody listens: told at once, refused at once.
SINK = 'carom.webhook { url = "http://127.0.0.1:1/", allow_private = true, secret = %s }'
GIVEN = '"whsec_MDEyMzQ1Njc4OWFiY2RlZg=="'
MINUTE, HOUR, DAY = 60, 3600, 86400


def policy(secret=GIVEN):
    return 'carom.configure { sinks = { ["*"] = %s } }%s' % (SINK % secret, HOOKS)


class Status(Stage):
    POLICY = policy()

    def take(self):
        for name in ('01-user-unknown', '08-host-unknown', '10-message-too-large'):
            self.carom('pipe', '--policy', 'policy.lua', given=(BOUNCES / f'{name}.eml').read_text())

    def sql(self, statement, *values):
        with sqlite3.connect(self.state / 'carom.db') as ledger:
            ledger.execute(statement, values)
        ledger.close()

    def age(self, seconds):
        """As if all of it had happened so long ago."""
        ms = seconds * 1000
        self.sql('UPDATE job SET planned = planned - ?, due = due - ?, created = created - ?', ms, ms, ms)
        self.sql('UPDATE fact SET decided = decided - ?', ms)
        self.sql('UPDATE note SET time = time - ?', ms)
        self.sql('UPDATE pause SET since = since - ?', ms)

    def status(self, *options):
        return json.loads(self.carom('status', '--json', *options))

    def judged(self, level, pattern, *options):
        status = self.status(*options)
        self.assertEqual(status['status'], level, status)
        if pattern:
            found = [f for f in status['findings'] if re.search(pattern, f['what'])]
            self.assertTrue(found and found[0]['remedy'], status)
        return status

    def nagios(self, code):
        line = self.carom('status', '--nagios', code=code)
        self.assertEqual(line.count('\n'), 1, line)
        self.assertEqual(line.count('|'), 1, line)
        return line


class Quiet(Status):
    def test_nothing_came_yet(self):
        self.carom('suppressions', 'add', 'zoe@example.com')
        status = self.judged('green', None)
        self.assertEqual((status['suppressions'], status['jobs']['waiting'], status['last_day']['permanent']), (1, 0, 0))
        self.assertNotIn('last_message', status)
        self.assertRegex(self.carom('status'), r'(?m)^last message none yet$')

    def test_fresh_jobs_are_no_alarm(self):
        self.take()
        status = self.judged('green', None)
        self.assertEqual(status['jobs']['due'], 3)
        self.assertEqual(status['last_hour']['permanent'], 3)
        self.assertEqual(status['suppressions'], 2)
        self.assertGreater(status['ledger']['bytes'], 4096)
        self.assertRegex(self.carom('status'), r'(?m)^last hour +permanent 3$')

    def test_what_is_long_past_is_no_rate(self):
        self.take()
        self.age(2 * HOUR)
        status = self.status()
        self.assertEqual((status['last_hour']['permanent'], status['last_day']['permanent']), (0, 3))
        self.age(DAY)
        self.assertEqual(self.status()['last_day']['permanent'], 0)

    def test_silence(self):
        self.carom('run', '--policy', 'policy.lua', BOUNCES / '07-vacation.eml')
        self.age(3 * DAY)
        self.judged('green', None)
        self.judged('yellow', r'^no message for 3 d$', '--silent', '2d')
        self.judged('green', None, '--silent', '4d')
        self.carom('status', '--silent', 'soon', code=64)


class Wrong(Status):
    def test_nobody_delivers(self):
        self.take()
        self.age(10 * MINUTE)
        self.judged('yellow', r'nobody runs carom deliver: 3 jobs are due, the oldest for 10 min; there was no run yet')
        self.age(2 * HOUR)
        self.judged('red', r'nobody runs carom deliver')
        self.assertRegex(self.nagios(2), r'^CAROM CRITICAL - nobody runs carom deliver.*\|.* due=3 late=\d+s ')
        self.assertRegex(self.carom('status'), r'(?m)^red +nobody runs .*\n +start carom deliver --watch')

    def test_a_run_ends_the_alarm(self):
        self.take()
        self.age(10 * MINUTE)
        self.carom('deliver', '--policy', 'policy.lua')
        status = self.judged('green', None)
        self.assertIn('last_delivery', status)
        self.age(2 * HOUR)
        self.judged('red', r'nobody runs carom deliver: .* the last run was 2 h ago')

    def test_watch_says_that_it_runs(self):
        self.take()
        watch = subprocess.Popen([CAROM, 'deliver', '--watch', '--policy', 'policy.lua'], cwd=self.dir,
                                 env={**os.environ, 'CAROM_STATE': str(self.state)}, stderr=subprocess.DEVNULL)
        try:
            for _ in range(200):
                if 'last_delivery' in self.status():
                    break
                time.sleep(0.05)
            else:
                self.fail('no run was noted')
        finally:
            watch.terminate()
            watch.wait(timeout=60)

    def test_a_secret_is_missing(self):
        (self.dir / 'policy.lua').write_text(policy('carom.env "CAROM_TEST_SECRET"'))
        self.take()
        self.carom('deliver', '--policy', 'policy.lua', code=78)
        self.judged('yellow', r'sink \* has waited .*CAROM_TEST_SECRET')
        self.assertRegex(self.carom('status'), r'(?m)^oldest due .*CAROM_TEST_SECRET')

    def test_sinks_behind_an_older_job(self):
        (self.dir / 'policy.lua').write_text('''carom.configure { lists = { ["news.lists.example.org"] = {} }, sinks = {
            unsubscribe = carom.command { argv = { "/bin/sh", "-c", "exit 75" } },
            suppress = carom.command { argv = { "/nowhere/program" } },
            tag = carom.command { argv = { "/bin/true" } } } }
            function on_permanent(b) b:unsubscribe { list = "news.lists.example.org" } b:suppress {} b:tag("a", "b") end''')
        self.take()
        self.carom('deliver', '--policy', 'policy.lua', code=78)
        status = self.judged('yellow', r'^job \d+ for the sink suppress has waited for \d s: /nowhere/program: cannot be run')
        self.assertEqual((status['jobs']['oldest_sink'], len(status['findings'])), ('unsubscribe', 1), status)
        self.sql('UPDATE job SET planned = planned - ? WHERE sink = ?', 2 * HOUR * 1000, 'unsubscribe')
        status = self.judged('yellow', r'^job \d+ for the sink unsubscribe has waited for 2 h: exit 75$')
        self.assertEqual(len(status['findings']), 2, status)
        now = int(time.time() * 1000)
        self.sql('INSERT INTO pause (id, sink, since, until, why) VALUES (1, ?, ?, ?, ?)', 'unsubscribe', now, now + 60000, 'x')
        status = self.judged('yellow', r'^the sink unsubscribe is paused')
        self.assertEqual(len(status['findings']), 2, status)
        self.sql('UPDATE job SET planned = planned - ? WHERE sink = ?', DAY * 1000, 'suppress')
        self.judged('red', r'^job \d+ for the sink suppress has waited for 24 h')

    def test_sinks_that_are_stopped(self):
        self.take()
        now = int(time.time() * 1000)
        self.sql('INSERT INTO pause (id, sink, since, until, why) VALUES (1, ?, ?, ?, ?)', 'crm', now, now + 60000,
                 'five failures | in a row\n"x"')
        self.judged('yellow', r'the sink crm is paused since .*five failures')
        self.assertIn('five failures / in a row "x"|', self.nagios(1))
        self.assertRegex(self.carom('status'), r'(?m)^paused +crm: five failures')
        self.age(2 * DAY)
        self.judged('red', 'paused since 2 d')
        self.sql('UPDATE pause SET since = ?, until = 0', now)
        self.judged('red', 'disabled')

    def test_dead_letters_and_unmatched_actions(self):
        self.carom('run', '--policy', 'policy.lua', BOUNCES)
        self.sql('UPDATE job SET state = 2')
        self.sql('UPDATE fact SET unmatched = 2 WHERE id = (SELECT min(id) FROM fact)')
        status = self.judged('yellow', 'dead letters')
        self.assertTrue(any('unmatched actions in the last day: 2' in f['what'] for f in status['findings']), status)
        self.assertEqual(status['unmatched'], 2)

    def test_what_waits_for_somebody(self):
        (self.dir / 'policy.lua').write_text('carom.configure { mode = "observe" }' + HOOKS)
        self.carom('run', '--policy', 'policy.lua', BOUNCES)
        status = self.judged('green', None) # who only observes wants it so
        self.assertGreater(status['held'], 3)
        self.assertRegex(self.carom('status'), rf'(?m)^held +{status["held"]} actions wait for somebody: carom held$')
        self.assertIn(f' held={status["held"]} ', self.nagios(0))
        self.assertIn(f'\ncarom_held_actions {status["held"]}\n', self.carom('status', '--prometheus'))
        self.sql("UPDATE held SET cause = 'breaker'")
        self.judged('yellow', rf"^a provider's bad day: {status['held']} actions are held, and wait for somebody$")
        self.carom('held', 'discard', '--policy', 'policy.lua', '--all')
        self.assertEqual(self.judged('green', None)['held'], 0)

    def test_the_key_of_the_erased_is_gone(self):
        self.take()
        key = self.state / 'carom.db.key'
        self.judged('green', None)
        self.carom('suppressions', 'add', 'zoe@example.com')
        self.carom('forget', '--keep-hash', 'zoe@example.com')
        self.judged('green', None)
        kept = key.read_bytes()
        key.write_bytes(kept[:-1])
        self.judged('red', rf'^{key}, the key of the erased addresses, is not there or damaged')
        self.carom('check', 'yves@example.com', code=75)
        key.unlink()
        self.judged('red', rf'^{key}, the key of the erased addresses')
        self.carom('check', 'yves@example.com', code=75)
        key.write_bytes(kept)
        self.judged('green', None)

    def test_a_clock_that_was_ahead(self):
        self.carom('run', '--policy', 'policy.lua', BOUNCES / '07-vacation.eml')
        self.age(-2 * HOUR)
        self.judged('yellow', 'in the future')

    def test_a_ledger_that_cannot_be_read(self):
        self.carom('status', code=74)
        self.assertIn('there is no ledger', self.errors)
        self.assertRegex(self.carom('status', '--nagios', code=3), r'^CAROM UNKNOWN - .*there is no ledger')
        (self.dir / 'policy.lua').write_text('function on_permanant() end')
        self.assertRegex(self.carom('status', '--nagios', '--policy', 'policy.lua', code=2),
                         r'^CAROM CRITICAL - .*on_permanant')
        self.assertFalse(self.state.exists(), 'status made a ledger')

    def test_a_policy_that_is_not_there(self):
        self.take()
        for policy in 'nowhere.lua', '.':
            self.assertRegex(self.carom('status', '--nagios', '--policy', policy, code=2), rf'^CAROM CRITICAL - {policy}: .*')
            self.assertRegex(self.carom('status', '--prometheus', '--policy', policy), r'(?m)^carom_status 2$')
            self.carom('status', '--policy', policy, code=78)

    def test_misuse(self):
        self.carom('status', 'x', code=64)
        self.carom('status', '--json', '--nagios', code=64)


class Prometheus(Status):
    def test_format(self):
        self.take()
        self.sql('INSERT INTO pause (id, sink, since, until, why) VALUES (1, ?, 1, 0, ?)', 'a"b\\c\nd', 'gone')
        values, types = {}, {}
        for line in self.carom('status', '--prometheus').splitlines():
            if line.startswith('# TYPE '):
                name, kind = line[7:].split(' ')
                types[name] = kind
            elif not line.startswith('# HELP '):
                match = re.fullmatch(r'(carom_[a-z_]+)(\{(?:[a-z]+="(?:[^"\\\n]|\\["\\n])*",?)*\})? (\d+)', line)
                self.assertTrue(match, line)
                self.assertEqual(types.get(match[1]), 'gauge', line)
                values[match[1] + (match[2] or '')] = int(match[3])
        self.assertEqual(values['carom_recent_facts{window="hour",kind="permanent"}'], 3)
        self.assertEqual(values['carom_jobs{state="waiting"}'], 5) # two of them tell the ends of suppressions
        self.assertEqual(values['carom_sink_stopped{sink="a\\"b\\\\c\\nd"}'], 2)
        self.assertEqual(values['carom_status'], 2)
        self.assertAlmostEqual(values['carom_last_message_timestamp_seconds'], time.time(), delta=60)
        self.assertAlmostEqual(values['carom_status_timestamp_seconds'], time.time(), delta=60)

    def metrics(self):
        """As the manual's line for cron leaves the file."""
        subprocess.run(f'{CAROM} status --prometheus --policy policy.lua >new 2>/dev/null && mv new prom', shell=True, cwd=self.dir,
                       env={**os.environ, 'CAROM_STATE': str(self.state)})
        return dict(line.split(' ') for line in (self.dir / 'prom').read_text().splitlines() if not line.startswith('#'))

    def test_trouble_replaces_the_last_green(self):
        self.take()
        self.assertEqual(self.metrics()['carom_status'], '0')
        for file in self.state.glob('carom.db*'):
            file.unlink()
        (self.state / 'carom.db').write_bytes(b'no database' * 1000)
        found = self.metrics()
        self.assertEqual(set(found), {'carom_status', 'carom_status_timestamp_seconds'})
        self.assertEqual(found['carom_status'], '3')
        self.assertAlmostEqual(int(found['carom_status_timestamp_seconds']), time.time(), delta=60)
        self.carom('status', '--prometheus')
        self.assertIn('no SQLite database: restore the ledger from a backup', self.errors)
        self.carom('pipe', '--policy', 'policy.lua', given=(BOUNCES / '01-user-unknown.eml').read_text())
        self.assertEqual(self.metrics()['carom_status'], '2')


if __name__ == '__main__':
    unittest.main()
