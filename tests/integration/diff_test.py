#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: the carom authors
"""carom diff: whom two policies treat differently, on an archive and on the journal.

usage: CAROM=path/to/carom diff_test.py
"""
import collections
import datetime
import json
import os
import pathlib
import random
import shutil
import sqlite3
import subprocess
import tempfile
import unittest

from stage import report

CAROM = os.path.abspath(os.environ['CAROM'])
BEGIN = datetime.datetime(2025, 1, 1, tzinfo=datetime.timezone.utc)
LIST = 'news.lists.example.org'

UNKNOWN = ('5.1.1', '550 5.1.1 No such user here')
FULL = ('5.2.2', '552 5.2.2 Mailbox full')
BLOCKED = ('5.7.1', '550 5.7.1 Client host [192.0.2.1] blocked using Spamhaus')
GREY = ('4.2.0', '450 4.2.0 Greylisted, please try again later')
OWN = ('5.7.1', '550 5.7.1 Herr Meier ist nicht mehr bei uns')
DELIVERED = ('2.0.0', '250 2.0.0 OK')
HOSTS = {'gmail.com': 'gmail-smtp-in.l.google.com', 'example.com': 'mx.example.com', 'example.net': 'mx.example.net'}


def bounce(reply, day, to, n=0, **more):
    return report(reply, to, BEGIN + datetime.timedelta(days=day), n, (f'b.{n}.{day}@mail.example.org', f'issue.{n}.{day}@lists.example.org'),
                  mta=HOSTS[to.split('@')[1]], fields=f"X-Campaign: {'spring' if n % 2 else 'autumn'}\n", **more)


def mbox(messages):
    return ''.join(f'From MAILER-DAEMON Thu Jan  2 00:00:00 2025\n{message}\n' for message in messages)


ACTS = '''
function on_permanent(bounce)
  if bounce.hard then bounce:unsubscribe() end
  %s
end
'''
STRICT = ACTS % 'if bounce.fault == "sender" then bounce:unsubscribe() end'
GENTLE = ACTS % 'if bounce.fault == "sender" then bounce:alert { text = "look: {diagnostic}" } end'


class Base(unittest.TestCase):
    def setUp(self):
        self.at = pathlib.Path(tempfile.mkdtemp(prefix='carom-diff-'))
        self.addCleanup(shutil.rmtree, self.at)
        self.env = dict(os.environ, CAROM_STATE=str(self.at / 'state'))

    def write(self, name, text):
        (self.at / name).write_text(text)
        return str(self.at / name)

    def carom(self, *arguments, code=0, stdin=''):
        done = subprocess.run([CAROM, *map(str, arguments)], env=self.env, cwd=self.at, input=stdin, text=True,
                              capture_output=True)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout

    def diff(self, *arguments, code=1):
        """The counts, and the names."""
        lines = self.carom('diff', '--json', '--names', *arguments, code=code).splitlines()
        return json.loads(lines[0]), [json.loads(line) for line in lines[1:]]

    def store(self, name):
        return f'sqlite:{self.at}/{name}.db'


class Answers(Base):
    def setUp(self):
        super().setUp()
        self.strict, self.gentle = self.write('strict.lua', STRICT), self.write('gentle.lua', GENTLE)
        self.archive = self.write('archive.mbox', mbox(
            [bounce(BLOCKED, 1, 'anna@gmail.com', 1), bounce(BLOCKED, 2, 'bert@gmail.com', 2),
             bounce(BLOCKED, 3, 'carl@example.com', 3), bounce(UNKNOWN, 4, 'dora@example.com', 4),
             bounce(GREY, 5, 'anna@gmail.com', 5)]))

    def test_the_same(self):
        counts, names = self.diff(self.strict, self.strict, self.archive, code=0)
        self.assertEqual((counts['facts'], counts['alike'], counts['changes'], names), (5, 5, [], []))

    def test_a_policy_that_stops_unsubscribing_on_blocked(self):
        counts, names = self.diff(self.strict, self.gentle, self.archive)
        self.assertEqual((counts['facts'], counts['different'], counts['addresses'], counts['addresses_different'],
                          counts['removed_only_by_old'], counts['removed_only_by_new']), (5, 3, 4, 3, 3, 0))
        self.assertEqual(counts['changes'], [
            {'old': 'unsubscribe', 'new': 'alert', 'facts': 3, 'groups': [
                {'kind': 'permanent', 'reason': 'blocked', 'provider': 'google', 'facts': 2},
                {'kind': 'permanent', 'reason': 'blocked', 'facts': 1}]}])
        self.assertEqual([(name['address'], name['list'], name['received']) for name in names],
                         [('anna@gmail.com', LIST, '2025-01-02T00:00:00Z'), ('bert@gmail.com', LIST, '2025-01-03T00:00:00Z'),
                          ('carl@example.com', LIST, '2025-01-04T00:00:00Z')])
        page = self.carom('diff', '--names', self.strict, self.gentle, self.archive, code=1)
        for words in ('5 compared: 2 treated alike, 3 differently', 'unsubscribe  →  alert', 'blocked              google',
                      'Removed only by the old policy: 3 addresses', '2025-01-04  carl@example.com'):
            self.assertIn(words, page)
        self.assertNotIn('Removed only by the new', page)

    def test_nothing_is_written_and_nobody_is_told(self):
        listens = self.write('told.lua', '''carom.configure { sinks = { ["*"] = carom.command { argv = { "/usr/bin/touch", "%s/told" } } } }
            %s''' % (self.at, STRICT))
        self.diff(listens, self.gentle, self.archive)
        self.assertEqual(sorted(path.name for path in self.at.iterdir()),
                         ['archive.mbox', 'gentle.lua', 'strict.lua', 'told.lua'])

    def test_selectors_choose_what_is_compared_not_what_is_judged(self):
        counting = ACTS % 'if bounce:count { reason = "blocked" } >= 2 then bounce:suppress {} end'
        archive = self.write('twice.mbox', mbox([bounce(BLOCKED, 1, 'anna@gmail.com', 1), bounce(BLOCKED, 9, 'anna@gmail.com', 2)]))
        counts, names = self.diff('--since', '2025-01-08', self.gentle, self.write('counting.lua', counting), archive)
        self.assertEqual((counts['facts'], [name['new'] for name in names]), (1, ['suppress']))
        for selector, n in ((('--provider', 'google'), 2), (('--reason', 'blocked'), 3), (('--reason', 'permanent'), 3),
                            (('--list', LIST.upper()), 3), (('--until', '2025-01-03'), 1), (('--rule', 'none.such'), 0),
                            (('--list', 'other.example.org'), 0)):
            counts, _ = self.diff(*selector, self.strict, self.gentle, self.archive, code=1 if n else 0)
            self.assertEqual(counts['different'], n, selector)

    def test_a_directory_and_stdin_and_jobs_are_the_same_archive(self):
        box = self.at / 'maildir' / 'new'
        box.mkdir(parents=True)
        (box.parent / 'cur').mkdir()
        for i, message in enumerate(pathlib.Path(self.archive).read_text().split('From MAILER-DAEMON Thu Jan  2 00:00:00 2025\n')[1:]):
            (box / f'{i}').write_text(message)
        want = self.carom('diff', '--json', '--names', self.strict, self.gentle, self.archive, code=1)
        self.assertEqual(self.carom('diff', '--json', '--names', self.strict, self.gentle, box.parent, code=1), want)
        self.assertEqual(self.carom('diff', '--json', '--names', self.strict, self.gentle, '-', code=1,
                                    stdin=pathlib.Path(self.archive).read_text()), want)
        for jobs in ('1', '2', '7'):
            self.assertEqual(self.carom('diff', '--jobs', jobs, '--json', '--names', self.strict, self.gentle, self.archive,
                                        code=1), want)

    def test_copies_count_once(self):
        one = bounce(BLOCKED, 1, 'anna@gmail.com', 1)
        counts, _ = self.diff(self.strict, self.gentle, self.write('copies.mbox', mbox([one, one, one])))
        self.assertEqual((counts['facts'], counts['different'], counts['copies']), (1, 1, 2))

    def test_on_message_skips(self):
        skips = self.write('skips.lua', STRICT + '''
            function on_message(message) return message:header("Subject") ~= "skip me" end''')
        archive = self.write('skip.mbox', mbox([bounce(UNKNOWN, 1, 'anna@gmail.com', 1, subject='skip me'),
                                                bounce(UNKNOWN, 2, 'bert@gmail.com', 2)]))
        _, names = self.diff(self.strict, skips, archive)
        self.assertEqual([(name['address'], name['old'], name['new']) for name in names],
                         [('anna@gmail.com', 'unsubscribe', 'not read')])

    def test_own_rules_each_for_itself(self):
        knows = self.write('knows.lua', STRICT.replace('if bounce.fault == "sender" then bounce:unsubscribe() end', '') +
                           'carom.rule { text = "nicht mehr bei uns", reason = "user_disabled" }\n')
        lacks = self.write('lacks.lua', ACTS % '')
        archive = self.write('own.mbox', mbox([bounce(OWN, 1, 'anna@gmail.com', 1), bounce(UNKNOWN, 2, 'bert@gmail.com', 2)]))
        counts, names = self.diff(lacks, knows, archive)
        self.assertEqual([(name['address'], name['reason'], name['old'], name['new']) for name in names],
                         [('anna@gmail.com', 'user_disabled', 'nothing', 'unsubscribe')])
        self.assertEqual(counts['removed_only_by_new'], 1)

    def test_details_that_the_words_leave_out(self):
        other = self.write('other.lua', GENTLE.replace('look: ', 'see: '))
        counts, names = self.diff(self.gentle, other, self.archive)
        self.assertEqual([(c['old'], c['new'], c['facts']) for c in counts['changes']], [('alert', 'alert', 3)])
        self.assertIn('(worded otherwise)', self.carom('diff', self.gentle, other, self.archive, code=1))

    def test_a_score_alone_is_no_difference(self):
        scores = self.write('scores.lua', ACTS % 'bounce:score(1)')
        ends = self.write('ends.lua', ACTS % 'if bounce:score(1) > 1.5 then bounce:suppress { duration = "7d" } end')
        plain = self.write('plain.lua', ACTS % '')
        twice = self.write('twice.mbox', mbox([bounce(BLOCKED, 1, 'anna@gmail.com', 1), bounce(BLOCKED, 2, 'anna@gmail.com', 2)]))
        self.diff(plain, scores, twice, code=0)
        counts, names = self.diff(plain, ends, twice)
        self.assertEqual(([name['new'] for name in names], counts['paused_only_by_new'], counts['removed_only_by_new']),
                         (['suppress 7d'], 1, 0))

    def test_a_hook_that_fails(self):
        broken = self.write('broken.lua', 'function on_permanent(bounce) error("no") end\n')
        counts, names = self.diff(self.strict, broken, self.archive, code=70)
        self.assertEqual((counts['failed_old'], counts['failed_new'], {name['new'] for name in names}),
                         (0, 4, {'the hook fails'}))

    def test_judged_as_it_happened(self):
        """A pause of a week is over in time, a retry is no archive's; what a hook calls now is when it came."""
        policy = '''
            function on_permanent(bounce)
              if not bounce.history.suppressed then bounce:suppress { duration = "7d" } end
            end
            function on_transient(bounce)
              bounce:retry { after = "4h", limit = 1 }
              if carom.now() ~= bounce.received then bounce:suppress {} end
            end'''
        archive = self.write('weeks.mbox', mbox([bounce(FULL, day, 'anna@gmail.com', day) for day in (0, 3, 8, 9, 16)] +
                                                [bounce(GREY, 20, 'bert@gmail.com', 20)]))
        _, names = self.diff(self.write('none.lua', ''), self.write('weeks.lua', policy), archive)
        self.assertEqual([(name['received'][:10], name['new']) for name in names],
                         [('2025-01-01', 'suppress 7d'), ('2025-01-09', 'suppress 7d'), ('2025-01-17', 'suppress 7d'),
                          ('2025-01-21', 'retry 4h')])

    def test_what_is_wrong_is_said(self):
        for arguments, code in (((), 64), ((self.strict,), 64), ((self.strict, self.gentle), 64),
                                (('--journal', self.strict, self.gentle, self.archive), 64),
                                (('--by-policy', 'abc', self.strict, self.gentle, self.archive), 64),
                                (('--jobs', '65', self.strict, self.gentle, self.archive), 64),
                                (('--reason', 'blokked', self.strict, self.gentle, self.archive), 64),
                                ((self.strict, self.at / 'gone.lua', self.archive), 74),
                                ((self.strict, self.gentle, self.at / 'gone.mbox'), 66),
                                (('--journal', '--store', self.store('gone'), self.strict, self.gentle), 74)):
            self.carom('diff', *arguments, code=code)


class Journal(Base):
    """What the ledger keeps is judged as the archive was from which it came."""
    def setUp(self):
        super().setUp()
        self.strict, self.gentle = self.write('strict.lua', STRICT), self.write('gentle.lua', GENTLE)
        messages = [bounce(BLOCKED, 1, 'anna@gmail.com', 1), bounce(BLOCKED, 2, 'bert@gmail.com', 2),
                    bounce(OWN, 3, 'carl@example.com', 3), bounce(UNKNOWN, 4, 'dora@example.com', 4)]
        for message in messages:
            self.carom('pipe', '--policy', self.strict, '--store', self.store('kept'), stdin=message)
        self.archive = self.write('archive.mbox', mbox(messages))

    def journal(self, *arguments, code=1):
        return self.diff('--journal', '--store', self.store('kept'), *arguments, code=code)

    def test_as_the_archive(self):
        counts, names = self.journal(self.strict, self.gentle)
        want, want_names = self.diff(self.strict, self.gentle, self.archive)
        self.assertEqual(counts, want)
        self.assertEqual([(name['address'], name['old'], name['new']) for name in names],
                         [(name['address'], name['old'], name['new']) for name in want_names])

    def test_by_the_version_that_decided(self):
        with sqlite3.connect(self.at / 'kept.db') as ledger:
            version, = ledger.execute('SELECT DISTINCT policy FROM fact').fetchone()
        self.assertEqual(self.journal('--by-policy', version[:8], self.strict, self.gentle)[0]['facts'], 4)
        self.assertEqual(self.journal('--by-policy', 'ffff', self.strict, self.gentle, code=0)[0]['facts'], 0)

    def test_after_the_messages_are_gone(self):
        """Own rules and headers of the returned message still do, the text does not."""
        header = self.write('header.lua', '''function on_permanent(bounce)
            if bounce.original:header("X-Campaign") == "spring" then bounce:unsubscribe() end end''')
        text = self.write('text.lua', '''function on_permanent(bounce)
            if bounce.text and bounce.text:find("one recipient", 1, true) then bounce:unsubscribe() end end''')
        knows = self.write('knows.lua', 'carom.rule { text = "nicht mehr bei uns", reason = "user_disabled" }\n' + ACTS % '')
        none = self.write('none.lua', '')
        self.assertEqual(self.journal(none, text)[0]['different'], 3) # what no rule knows removes nobody
        with sqlite3.connect(self.at / 'kept.db') as ledger:
            self.assertEqual(ledger.execute('SELECT count(*) FROM raw').fetchone(), (4,))
            ledger.execute('DELETE FROM raw') # as retention does
        self.assertEqual(self.journal(none, text, code=0)[0]['different'], 0)
        self.assertEqual(sorted(name['address'] for name in self.journal(none, header)[1]), ['anna@gmail.com'])
        self.assertEqual(sorted((name['address'], name['reason']) for name in self.journal(none, knows)[1]),
                         [('carl@example.com', 'user_disabled'), ('dora@example.com', 'user_unknown')])

    def test_a_forgotten_address(self):
        self.carom('forget', '--store', self.store('kept'), 'anna@gmail.com')
        counts, names = self.journal(self.strict, self.gentle)
        self.assertEqual(counts['facts'], 3)
        self.assertNotIn('anna@gmail.com', [name['address'] for name in names])

    def test_the_ledger_is_only_read(self):
        def dump():
            with sqlite3.connect(self.at / 'kept.db') as ledger:
                return list(ledger.iterdump())
        before = dump()
        self.journal(self.strict, self.gentle)
        self.assertEqual(dump(), before)


class Differential(Base):
    """A year, judged by two policies with long memories, is judged as by two runs into two ledgers."""
    POLICY = '''
        carom.configure { lists = { ["news.lists.example.org"] = { address = "news@lists.example.org" },
                                    ["dev.lists.example.org"] = { address = "dev@lists.example.org" } },
                          breaker = { window = "1h", min = 5, factor = 2 }, score = { half_life = "%s" } }
        function on_permanent(bounce)
          bounce:tag("last", bounce.reason)
          if bounce.history.tags.last == bounce.reason then bounce:tag("again", "yes") end
          if bounce.hard and bounce:count { hard = true, days = true, within = "%s" } >= %d then bounce:unsubscribe()
          elseif bounce:score(1) >= %s then bounce:suppress {} end
          if bounce.history.suppressed then bounce:tag("told", "twice") end
        end
        function on_delivered(bounce) if bounce.history.suppressed then bounce:unsuppress() end end
        function on_transient(bounce)
          if bounce:score(0.5) >= %s then bounce:suppress { scope = "list" } end
        end'''

    def archive(self, seed):
        chance = random.Random(seed)
        hosts = sorted(HOSTS)
        events = [(chance.uniform(0, 365), chance.choice([UNKNOWN, FULL, FULL, GREY, GREY, BLOCKED, DELIVERED]),
                   f'user{chance.randrange(70)}') for _ in range(1500)]
        for day in (100, 180.5, 181): # bad days of a provider
            events += [(day + i / 2000, UNKNOWN, f'many{chance.randrange(40)}') for i in range(60)]
        events.sort()
        return mbox([bounce(reply, int(day * 86400) / 86400, f'{who}@{hosts[sum(who.encode()) % 3 if who[0] == "u" else 0]}', n)
                     for n, (day, reply, who) in enumerate(events)])

    def decided(self, policy, archive, name):
        """What each fact came to, by address and time."""
        self.carom('run', '--quiet', '--policy', policy, '--store', self.store(name), archive)
        treated = collections.Counter()
        with sqlite3.connect(self.at / f'{name}.db') as ledger:
            for fact, decision in ledger.execute('SELECT fact, decision FROM fact ORDER BY id'):
                fact, words = json.loads(fact), set()
                for action in json.loads(decision)['actions']:
                    if action['state'] in ('decided', 'held') and action['name'] != 'score':
                        scope = ' by list' if action['details'].get('scope') == 'list' else ''
                        key = ' ' + action['details']['key'] if action['name'] == 'tag' else ''
                        words.add(action['name'] + scope + key + (' held' if action['state'] == 'held' else ''))
                yield fact, words

    def test_two_runs(self):
        for seed in (1, 2):
            archive = self.write('year.mbox', self.archive(seed))
            old = self.write('old.lua', self.POLICY % ('30d', '60d', 2, '3', '2'))
            new = self.write('new.lua', self.POLICY % ('14d', '180d', 3, '2.5', '1.5'))
            want, incidents = [], 0
            for (fact, before), (same, after) in zip(self.decided(old, archive, f'old{seed}'),
                                                     self.decided(new, archive, f'new{seed}'), strict=True):
                self.assertEqual(fact['id'], same['id'])
                if before != after:
                    want.append((fact['received'], fact['recipient'], sorted(before), sorted(after)))
            with sqlite3.connect(self.at / f'old{seed}.db') as ledger:
                held, = ledger.execute("SELECT count(*) FROM held WHERE cause = 'breaker'").fetchone()
                recalled, = ledger.execute("SELECT count(*) FROM fact WHERE decision LIKE '%recalled by the breaker%'").fetchone()
            self.assertGreater(held, recalled)
            self.assertGreater(recalled, 0)
            _, names = self.diff(old, new, archive)
            got = [(name['received'], name['address'], *(sorted(set(name[side].split(', ')) - {'nothing'}) for side in ('old', 'new')))
                   for name in names if name['old'] != name['new']]
            self.assertGreater(len(want), 100)
            self.assertEqual(sorted(got), sorted(want))


if __name__ == '__main__':
    unittest.main()
