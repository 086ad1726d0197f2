#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: the carom authors
"""carom replay: a new policy decides anew on the journal, and what it would not have done is taken back.

usage: CAROM=path/to/carom replay_test.py
"""
import contextlib
import datetime
import json
import os
import pathlib
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time
import unittest

from stage import report

CAROM = os.path.abspath(os.environ['CAROM'])
LIST = 'news.lists.example.org'
NOW = datetime.datetime.now(datetime.timezone.utc)

UNKNOWN = ('5.1.1', '550 5.1.1 No such user here')
FULL = ('5.2.2', '552 5.2.2 Mailbox full')
BLOCKED = ('5.7.1', '550 5.7.1 Client host [192.0.2.1] blocked using Spamhaus')
OWN = ('5.7.1', '550 5.7.1 shop-code 4711')
DELIVERED = ('2.0.0', '250 2.0.0 OK')


def bounce(reply, to, n=0, hours=2):
    return report(reply, to, NOW - datetime.timedelta(hours=hours), n, (f'b.{n}.{to}', f'issue.{n}.{to}'), subject='Report')


CONFIG = '''carom.configure {
  lists = { ["news.lists.example.org"] = { address = "news@lists.example.org" } },
  sinks = { ["*"] = carom.command { argv = { "/usr/bin/touch", "%s/told/{action}.{address}" } } }, %s
}
'''
STRICT = 'function on_permanent(bounce) bounce:unsubscribe() end\n'
GENTLE = 'function on_permanent(bounce) if bounce.hard then bounce:unsubscribe() end end\n'


class Replay(unittest.TestCase):
    def setUp(self):
        self.at = pathlib.Path(tempfile.mkdtemp(prefix='carom-replay-'))
        self.addCleanup(shutil.rmtree, self.at)
        (self.at / 'told').mkdir()
        self.strict, self.gentle = self.policy('strict', STRICT), self.policy('gentle', GENTLE)

    def policy(self, name, hooks, config=''):
        path = self.at / f'{name}.lua'
        path.write_text(CONFIG % (self.at, config) + hooks)
        return str(path)

    def carom(self, *arguments, code=0, stdin=''):
        done = subprocess.run([CAROM, *map(str, arguments), '--store', f'sqlite:{self.at}/carom.db'], input=stdin, text=True,
                              capture_output=True, env=dict(os.environ, CAROM_STATE=str(self.at / 'state')))
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout

    def pipe(self, policy, *bounces):
        for message in bounces:
            self.carom('pipe', '--policy', policy, stdin=message)

    def replay(self, policy, *arguments, code=0):
        """The counts, the names and what was done."""
        lines = [json.loads(line) for line in
                 self.carom('replay', '--policy', policy, '--since', '1d', '--json', '--names', *arguments, code=code).splitlines()]
        return lines[0], lines[1:-1], lines[-1]

    def sql(self, text, *values):
        with sqlite3.connect(self.at / 'carom.db') as ledger:
            return ledger.execute(text, values).fetchall()

    def dump(self):
        with sqlite3.connect(self.at / 'carom.db') as ledger:
            return list(ledger.iterdump())

    def told(self, policy):
        """Whom the sinks were told of since it was asked last."""
        self.carom('deliver', '--policy', policy)
        told = sorted(path.name for path in (self.at / 'told').iterdir())
        for name in told:
            (self.at / 'told' / name).unlink()
        return told

    def may_be_mailed(self, address, yes=True):
        self.carom('check', '--list', LIST, address, code=0 if yes else 1)

    def actions(self, address):
        return [(a['name'], a['state']) for row in
                self.sql('SELECT f.decision FROM fact f JOIN address a ON a.id = f.address WHERE a.key = ? ORDER BY f.id', address)
                for a in json.loads(row[0])['actions']]

    def test_a_policy_that_stops_unsubscribing_on_blocked(self):
        self.pipe(self.strict, bounce(BLOCKED, 'anna@example.com'), bounce(UNKNOWN, 'bert@example.com'))
        self.assertEqual(self.told(self.strict), ['unsubscribe.anna@example.com', 'unsubscribe.bert@example.com'])
        self.pipe(self.strict, bounce(BLOCKED, 'carl@example.com')) # of which nobody was told yet
        before = self.dump()
        counts, names, done = self.replay(self.gentle)
        self.assertEqual((counts['facts'], counts['different'], counts['removed_only_by_old']), (3, 2, 2))
        self.assertEqual([(c['old'], c['new'], c['facts']) for c in counts['changes']], [('unsubscribe', 'nothing', 2)])
        self.assertEqual([name['address'] for name in names], ['anna@example.com', 'carl@example.com'])
        self.assertEqual((done['applied'], done['replaced']), (False, 2))
        self.assertEqual(self.dump(), before)
        self.assertIn('nothing was changed: --apply replaces 2 decisions',
                      self.carom('replay', '--policy', self.gentle, '--since', '1d'))

        _, _, done = self.replay(self.gentle, '--apply')
        self.assertEqual((done['applied'], done['replaced'], done['standing'] >= 2, done['recalled'], done['told']),
                         (True, 2, True, 1, 1))
        self.assertEqual(self.told(self.gentle), ['resubscribe.anna@example.com'])
        self.may_be_mailed('anna@example.com')
        self.may_be_mailed('carl@example.com')
        self.may_be_mailed('bert@example.com', yes=False)
        self.assertIn('replay', self.carom('undo', 'list'))

        before = self.dump()
        for _ in range(2):
            counts, _, again = self.replay(self.gentle, '--apply')
            self.assertEqual((counts['different'], again['replaced'], 'operation' in again), (0, 0, False))
        self.assertEqual(self.dump(), before)

        self.carom('undo', '--policy', self.gentle, '--operation', done['operation'])
        self.assertEqual(self.told(self.gentle), ['unsubscribe.anna@example.com', 'unsubscribe.carl@example.com'])
        self.may_be_mailed('anna@example.com', yes=False)
        self.assertEqual(self.actions('anna@example.com'), [('unsubscribe', 'decided')])
        self.carom('undo', '--policy', self.gentle, '--operation', done['operation'], code=64)

    def test_what_both_take_is_told_once(self):
        more = self.policy('more', 'function on_permanent(bounce) bounce:unsubscribe() bounce:suppress {} bounce:tag("x", "y") end')
        self.pipe(self.strict, bounce(UNKNOWN, 'anna@example.com'))
        self.told(self.strict)
        self.replay(more, '--apply')
        self.assertEqual(self.told(more), ['suppress.anna@example.com', 'tag.anna@example.com'])
        self.assertEqual(self.actions('anna@example.com'), [('unsubscribe', 'decided'), ('suppress', 'decided'), ('tag', 'decided')])
        _, _, done = self.replay(self.strict, '--apply')
        self.assertEqual(self.told(self.strict), ['unsuppress.anna@example.com'])
        self.assertEqual(self.sql('SELECT count(*) FROM tag WHERE ended = 0'), [(0,)])
        self.assertEqual(self.sql('SELECT count(*) FROM departure WHERE ended = 0 AND list <> ""'), [(1,)])
        self.carom('undo', '--policy', more, '--operation', done['operation'])
        self.assertEqual(self.told(more), ['suppress.anna@example.com', 'tag.anna@example.com'])

    def test_thresholds_and_what_is_left_of_a_pause(self):
        hook = '''function on_mailbox_full(bounce)
            bounce:score(%s)
            if bounce:count { reason = "mailbox_full" } >= %d then bounce:suppress { duration = "%s" } end end'''
        three, two = self.policy('three', hook % (1, 3, '90d')), self.policy('two', hook % (2, 2, '10d'))
        self.pipe(three, *(bounce(FULL, 'anna@example.com', n, hours=9 - n) for n in range(4)), bounce(FULL, 'bert@example.com'))
        counts, names, done = self.replay(two, '--apply')
        self.assertEqual([(name['old'], name['new']) for name in names if name['address'].startswith('anna')],
                         [('score', 'suppress 10d, score'), ('score', 'score'), ('suppress 90d, score', 'suppress 10d, score'),
                          ('suppress 90d, score', 'suppress 10d, score')])
        self.assertEqual((counts['different'], done['replaced']), (5, 5)) # its scores differ too
        self.assertEqual(self.sql('SELECT points FROM fact'), [(2.0,)] * 5)
        until, = self.sql('SELECT max(until) FROM suppression WHERE ended = 0')[0]
        decided, = self.sql('SELECT max(decided) FROM fact')[0]
        self.assertLess(abs(until - decided - 10 * 86400000), 60000)
        # A pause that is over is none any more.
        self.sql("UPDATE fact SET decided = decided - 20 * 86400000")
        weeks = self.policy('weeks', hook % (2, 1, '10d'))
        _, _, done = self.replay(weeks, '--apply')
        self.assertEqual((done['replaced'], done['not_done']), (0, 2))

    def test_an_own_rule_and_headers_after_the_messages_are_gone(self):
        rule = self.policy('rule', 'carom.rule { text = "shop-code 4711", reason = "user_disabled" }\n' + GENTLE)
        self.pipe(self.gentle, bounce(OWN, 'anna@example.com'), bounce(BLOCKED, 'bert@example.com'))
        self.sql('DELETE FROM raw') # as retention does
        _, names, done = self.replay(rule, '--apply')
        self.assertEqual([(name['address'], name['reason']) for name in names], [('anna@example.com', 'user_disabled')])
        self.may_be_mailed('anna@example.com', yes=False)
        self.assertEqual(self.replay(rule, '--apply')[2]['replaced'], 0)

    def test_what_people_did_stands(self):
        every = [f'{who}@example.com' for who in ('undone', 'restored', 'forgotten', 'plain')]
        self.pipe(self.strict, *(bounce(BLOCKED, who) for who in every))
        self.carom('undo', '--policy', self.strict, every[0])
        self.pipe(self.gentle, bounce(BLOCKED, 'later@example.com'), bounce(BLOCKED, 'freed@example.com'))
        self.carom('suppressions', 'add', 'freed@example.com')
        self.carom('suppressions', 'remove', 'freed@example.com')
        self.carom('forget', every[2])
        _, names, done = self.replay(self.gentle, '--apply')
        self.assertEqual(sorted(name['address'] for name in names), ['plain@example.com', 'restored@example.com'])
        self.assertEqual(done['by_hand'], 1)
        self.assertEqual(self.actions(every[0]), [('unsubscribe', 'undone')])
        # In the other direction nobody is removed whom a person took back.
        _, names, done = self.replay(self.strict, '--apply')
        self.assertEqual(sorted(name['address'] for name in names if 'unsubscribe' in name['new']),
                         ['later@example.com', 'plain@example.com', 'restored@example.com'])
        self.may_be_mailed('freed@example.com')
        self.may_be_mailed(every[0])

    def test_what_came_later_stands(self):
        """A delivery, or a decision that lifts; and a lift does not end what is younger."""
        self.pipe(self.gentle, bounce(BLOCKED, 'anna@example.com', hours=5), bounce(DELIVERED, 'anna@example.com', 1, hours=1),
                  bounce(BLOCKED, 'bert@example.com', hours=1), bounce(DELIVERED, 'bert@example.com', 1, hours=5))
        _, names, done = self.replay(self.strict, '--apply')
        self.assertEqual(([name['address'] for name in names], done['not_done']), (['bert@example.com'], 1))
        self.may_be_mailed('anna@example.com')
        ends = 'function on_permanent(bounce) bounce:suppress {} end\n'
        lifts = self.policy('lifts', ends + 'function on_delivered(bounce) bounce:unsuppress {} end')
        self.pipe(self.policy('ends', ends), bounce(DELIVERED, 'carl@example.com', hours=4), bounce(UNKNOWN, 'carl@example.com', 1, hours=3))
        self.assertEqual(self.replay(lifts, '--apply', 'carl@example.com')[2]['not_done'], 1)
        self.may_be_mailed('carl@example.com', yes=False)

    def test_alerts_and_retries_are_of_their_moment(self):
        loud = self.policy('loud', 'function on_permanent(bounce) bounce:alert { text = "look" } end')
        self.pipe(self.gentle, bounce(BLOCKED, 'anna@example.com'))
        counts, _, done = self.replay(loud, '--apply')
        self.assertEqual((counts['different'], done['not_done'], self.told(loud)), (0, 1, []))

    def test_gate_and_waiting(self):
        gate = 'gate = { failure = "signed" },'
        held = self.policy('held', STRICT, gate)
        self.pipe(held, bounce(BLOCKED, 'anna@example.com'), bounce(BLOCKED, 'bert@example.com'), bounce(BLOCKED, 'carl@example.com'))
        self.carom('held', 'release', '--policy', held, 'anna@example.com')
        self.carom('held', 'discard', '--policy', held, 'bert@example.com')
        _, names, done = self.replay(self.policy('open', GENTLE, gate), '--apply')
        self.assertEqual((names, done['by_hand'], done['waiting'], done['replaced']), ([], 2, 1, 0))
        # What was decided without a gate is not carried out past one.
        self.pipe(self.gentle, bounce(BLOCKED, 'dora@example.com'))
        _, names, done = self.replay(held, '--apply', 'dora@example.com')
        self.assertEqual([(name['old'], name['new']) for name in names], [('nothing', 'unsubscribe held')])
        self.may_be_mailed('dora@example.com')
        self.assertEqual(self.sql("SELECT count(*) FROM held h JOIN address a ON a.id = h.address WHERE key LIKE 'dora%'"), [(1,)])
        self.carom('held', 'release', '--policy', held, 'dora@example.com')
        self.may_be_mailed('dora@example.com', yes=False)

    def test_the_breaker_holds_a_bad_day(self):
        self.pipe(self.gentle, *(bounce(BLOCKED, f'user{n}@example.com', n, hours=3 - n / 100) for n in range(14)))
        careful = self.policy('careful', STRICT, 'breaker = { window = "1h", min = 3, factor = 2 },')
        counts, names, done = self.replay(careful, '--apply')
        self.assertEqual({(name['old'], name['new']) for name in names}, {('nothing', 'unsubscribe held')})
        self.assertEqual((counts['different'], self.told(careful), done['told']), (14, [], 0))
        self.assertEqual(self.sql("SELECT count(*) FROM held WHERE cause = 'breaker'"), [(14,)])
        counts, _, done = self.replay(careful, '--apply')
        self.assertEqual((counts['different'], done['waiting']), (0, 14))

    def test_only_what_is_selected(self):
        self.pipe(self.strict, bounce(BLOCKED, 'anna@example.com'), bounce(BLOCKED, 'bert@example.com'))
        old = self.sql('SELECT policy FROM fact LIMIT 1')[0][0]
        for selector, n in ((('--reason', 'blocked'), 2), (('--reason', 'user_unknown'), 0), (('anna@example.com',), 1),
                            (('--by-policy', old[:9]), 2), (('--by-policy', 'ffff'), 0), (('--until', '2001-01-01'), 0),
                            (('--list', LIST), 2)):
            self.assertEqual(self.replay(self.gentle, *selector)[2]['replaced'], n, selector)
        self.replay(self.gentle, '--apply', 'bert@example.com')
        self.may_be_mailed('anna@example.com', yes=False)
        self.may_be_mailed('bert@example.com')

    def test_the_past_before_is_known_and_left_alone(self):
        """What was decided before counts, also where it stood only then."""
        self.pipe(self.strict, bounce(UNKNOWN, 'anna@example.com', 1), bounce(UNKNOWN, 'anna@example.com', 2))
        first, second = (row[0] for row in self.sql('SELECT id FROM fact ORDER BY id'))
        back = 3 * 86400 << 20
        for table, column in (('fact', 'id'), ('job', 'fact'), ('departure', 'fact'), ('departure', 'id'), ('removal', 'id')):
            self.sql(f'UPDATE {table} SET {column} = {column} - ? WHERE {column} >= ? AND {column} < ?', back, first, second)
        twice = self.policy('twice', 'function on_permanent(bounce) if bounce:count { hard = true } >= 2 then bounce:suppress {} end end')
        _, names, done = self.replay(twice)
        self.assertEqual([(name['old'], name['new']) for name in names], [('unsubscribe', 'suppress')])

    def test_a_hook_that_fails_changes_nothing(self):
        self.pipe(self.strict, bounce(BLOCKED, 'anna@example.com'), bounce(UNKNOWN, 'bert@example.com'))
        broken = self.policy('broken', 'function on_permanent(bounce) if bounce.hard then error("no") end end')
        before = self.dump()
        self.carom('replay', '--policy', broken, '--since', '1d', '--apply', code=70)
        self.assertEqual(self.dump(), before)

    def test_dry_it_waits_for_nobody_and_nobody_for_it(self):
        self.pipe(self.strict, bounce(BLOCKED, 'anna@example.com', 1))
        with contextlib.closing(sqlite3.connect(self.at / 'carom.db', isolation_level=None)) as other:
            other.execute('BEGIN IMMEDIATE')  # as a writer at work
            counts, _, done = self.replay(self.gentle)
            other.execute('ROLLBACK')
        self.assertEqual((counts['different'], done['applied'], done['replaced']), (1, False, 1))

    def test_who_is_removed_by_another_bounce_too_stays_removed(self):
        self.pipe(self.strict, bounce(BLOCKED, 'anna@example.com', 1), bounce(UNKNOWN, 'anna@example.com', 2),
                  bounce(BLOCKED, 'bert@example.com', 3))
        self.assertEqual(self.told(self.strict), ['unsubscribe.anna@example.com', 'unsubscribe.bert@example.com'])
        self.replay(self.gentle, '--apply')
        self.may_be_mailed('anna@example.com', False)
        self.may_be_mailed('bert@example.com')
        self.assertEqual(self.told(self.gentle), ['resubscribe.bert@example.com'])
        self.carom('undo', '--policy', self.strict, 'anna@example.com')
        self.may_be_mailed('anna@example.com')
        self.assertEqual(self.told(self.gentle), ['resubscribe.anna@example.com'])
        self.carom('ledger', 'check')

    def test_killed_in_the_middle(self):
        many = self.policy('many', STRICT, 'breaker = { min = 100000 },')
        self.carom('run', '--quiet', '--policy', many, '-', stdin=''.join(
            f'From x Thu Jan  2 00:00:00 2025\n{bounce(BLOCKED, f"user{n}@example.com", n)}\n' for n in range(1500)))
        whole = {'unsubscribe': 1500}
        for i in range(8):
            replay = subprocess.Popen([CAROM, 'replay', '--policy', self.gentle, '--since', '1d', '--apply', '--store',
                                       f'sqlite:{self.at}/carom.db'], stdout=subprocess.DEVNULL)
            time.sleep(0.05 + i * 0.05)
            replay.send_signal(signal.SIGKILL)
            replay.wait()
            stand = {name: n for name, n in self.sql(
                "SELECT json_extract(a.value, '$.name'), count(*) FROM fact f, json_each(f.decision, '$.actions') a GROUP BY 1")}
            left = self.sql("SELECT count(*) FROM departure WHERE ended = 0 AND list <> ''")[0][0]
            self.assertIn((stand, left), ((whole, 1500), ({}, 0)))
        self.replay(self.gentle, '--apply')
        self.assertEqual(self.sql("SELECT count(*) FROM departure WHERE ended = 0"), [(0,)])
        self.carom('ledger', 'check')

    def test_what_is_wrong_is_said(self):
        self.carom('replay', '--since', '1d', code=64)
        self.carom('replay', '--policy', self.gentle, code=64)
        self.carom('replay', '--policy', self.gentle, '--since', 'never', code=64)
        self.carom('replay', '--policy', self.gentle, '--since', '1d', code=74)


if __name__ == '__main__':
    unittest.main()
