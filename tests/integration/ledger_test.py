#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: the carom authors
"""The care of the ledger itself: check, backup, migrate, prune; and sixteen that write at once.

usage: CAROM=path/to/carom ledger_test.py [unittest arguments]
"""
import json
import os
import pathlib
import re
import sqlite3
import threading
import unittest

from stage import Stage

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BOUNCE = (ROOT / 'examples' / 'bounces' / '01-user-unknown.eml').read_text()
POLICY = '''
carom.configure { keep = { raw = "20d", jobs = "40d", facts = "200d" },
                  commands = { note = carom.command { argv = { "/bin/true" } } } }
function on_permanent(bounce) bounce:suppress { duration = "90d" } bounce:run("note") end
'''


class Ledger(Stage):
    POLICY = POLICY

    def setUp(self):
        super().setUp()
        self.db = self.state / 'carom.db'

    def message(self, number):
        return re.sub(r'(?mi)^Message-ID: .*', f'Message-ID: <{number}@mx.example.org>', BOUNCE).replace(
            'anna@', f'anna{number}@')

    def pipe(self, number=0, code=0):
        return self.carom('pipe', '--policy', 'policy.lua', '--log', 'stderr', given=self.message(number), code=code)

    def sql(self, *statements, path=None):
        ledger = sqlite3.connect(path or self.db)
        with ledger:
            rows = [ledger.execute(statement).fetchall() for statement in statements]
        ledger.close()
        return rows


class Check(Ledger):
    def test_a_whole_one(self):
        self.pipe()
        said = self.carom('ledger', 'check')
        self.assertRegex(said, r'facts +1, of 1 addresses; 1 whole messages')
        self.assertIn('nothing is wrong', said)
        figures = json.loads(self.carom('ledger', '--policy', 'policy.lua', 'check', '--json'))
        self.assertEqual((figures['facts'], figures['suppressions'], figures['findings'], figures['schema']), (1, 1, 0, 1))

    def test_each_thing_that_can_be_wrong(self):
        for number, (damage, said) in enumerate({
            'DELETE FROM address': r'1 rows of fact point to a row of address',
            'UPDATE address SET hash = hash + 1': r'address \d+ has a wrong hash',
            "UPDATE fact SET reason = 'bad_hair'": r'does not know: permanent bad_hair',
            "UPDATE fact SET decision = '{'": r'1 facts cannot be read: they are no JSON',
            "UPDATE job SET arguments = '{'": r'jobs cannot be read: they are no JSON',
            'UPDATE job SET state = 7': r'a state that this carom does not know',
            "UPDATE raw SET message = x'0102'": r'message \d+: ',
            'UPDATE job SET suppression = 1': r'the end of a suppression that is not there',
            'INSERT INTO address SELECT id + 1, hash, key, spelling, 0 FROM address': r'1 addresses stand there twice',
            "INSERT INTO erased VALUES (1, 1, x'00')": r'carom.db.key: the key of the erased addresses is not there',
            "INSERT INTO address VALUES (1, 1, 'x', 'x', 0), (2, 2, 'y', 'y', 0)": r'address 2 has a wrong hash',
            'PRAGMA user_version=2': r'schema version 2, this carom knows 1: a newer carom wrote it',
            'PRAGMA user_version=0': r'schema version 0, .*carom ledger backup, then carom ledger migrate',
        }.items()):
            self.state = self.dir / f'state{number}'
            self.db = self.state / 'carom.db'
            self.pipe()
            self.sql(damage)
            for options in ([], ['--json']):
                self.assertRegex(self.carom('ledger', 'check', *options, code=1), said, damage)

    def test_damaged_pages(self):
        for i in range(20):
            self.pipe(i)
        bytes_ = bytearray(self.db.read_bytes())
        for page in range(2, len(bytes_) // 4096 - 1, 3):
            bytes_[page * 4096:page * 4096 + 64] = os.urandom(64)
        self.db.write_bytes(bytes_)
        self.assertIn('damaged: ', self.carom('ledger', 'check', code=1))

    def test_none_and_no_ledger(self):
        self.carom('ledger', 'check', code=74)
        self.assertIn('there is no ledger', self.errors)
        self.state.mkdir()
        self.db.write_text('not a database' * 100)
        self.carom('ledger', 'check', code=74)

    def test_misuse(self):
        for arguments in ([], ['chekc'], ['check', 'x'], ['backup'], ['backup', 'a', 'b'], ['prune'], ['check', '--dry-run'],
                          ['prune', '--json'], ['check', '--spool', 'x'], ['migrate', 'x']):
            self.carom('ledger', *arguments, code=64)


class Backup(Ledger):
    def test_ledger_spool_and_key(self):
        self.pipe(1)
        self.carom('forget', '--keep-hash', 'gustav@example.com')
        (self.state / 'spool' / 'poison').mkdir(parents=True)
        (self.state / 'spool' / 'one').write_text('message')
        (self.state / 'spool' / 'poison' / 'two').write_text('another')
        (self.state / 'spool' / 'elsewhere').symlink_to('/etc/passwd')
        said = self.carom('ledger', 'backup', 'copy/')
        self.assertRegex(said, r'1 facts, and the key of the erased addresses\nspool +2 files\nverified')
        copy = self.dir / 'copy'
        self.assertEqual(sorted(str(p.relative_to(copy)) for p in copy.rglob('*')),
                         ['carom.db', 'carom.db.key', 'spool', 'spool/one', 'spool/poison', 'spool/poison/two'])
        self.assertEqual(copy.stat().st_mode & 0o777, 0o700)
        os.rename(self.state, self.dir / 'lost')
        os.rename(copy, self.state)
        self.assertIn('nothing is wrong', self.carom('ledger', 'check'))
        self.assertIn('no', self.carom('check', 'gustav@example.com', code=1))
        self.pipe(1)
        self.assertEqual(self.sql('SELECT count(*) FROM fact'), [[(1,)]])

    def test_nothing_is_overwritten(self):
        self.pipe()
        for name in ('copy', 'copy.part'):
            (self.dir / name).mkdir()
            self.carom('ledger', 'backup', 'copy', code=64)
            (self.dir / name).rmdir()
        self.carom('ledger', 'backup', 'nowhere/copy', code=74)
        self.carom('ledger', 'backup', 'copy')
        self.carom('ledger', 'backup', 'copy', code=64)

    def test_what_is_damaged_is_kept_and_told(self):
        self.pipe()
        self.sql('UPDATE address SET hash = 1')
        self.assertIn('not whole', self.carom('ledger', 'backup', 'copy', code=1))
        self.assertTrue((self.dir / 'copy' / 'carom.db').exists())

    def test_another_schema_is_backed_up_too(self):
        self.pipe()
        self.sql('PRAGMA user_version=0')
        self.carom('ledger', 'backup', 'copy', code=1)
        self.assertEqual(self.sql('PRAGMA user_version', path=self.dir / 'copy' / 'carom.db'), [[(0,)]])

    def test_while_pipes_go_on(self):
        """What was acknowledged before a backup began is in it, and each is whole."""
        acknowledged, stop = [], threading.Event()
        self.pipe(0)

        def write(first):
            number = first
            while not stop.is_set():
                self.pipe(number)
                acknowledged.append(number)
                number += 2
        writers = [threading.Thread(target=write, args=(first,)) for first in (1, 2)]
        for writer in writers:
            writer.start()
        try:
            for i in range(5):
                before = set(acknowledged)
                self.assertIn('verified', self.carom('ledger', 'backup', f'copy{i}'))
                rows = self.sql('SELECT key FROM address', path=self.dir / f'copy{i}' / 'carom.db')[0]
                held = {int(re.search(r'\d+', key)[0]) for key, in rows}
                self.assertLessEqual(before, held)
        finally:
            stop.set()
            for writer in writers:
                writer.join()
        self.assertGreater(len(acknowledged), 5)


class Migrate(Ledger):
    def spooled(self):
        """Why what was taken waits."""
        return '\n'.join(mark.read_text() for mark in (self.state / 'spool').glob('*.mark'))

    def test_who_refuses_and_what_is_said(self):
        self.pipe()
        self.assertIn('nothing to do', self.carom('ledger', 'migrate'))
        self.sql('PRAGMA user_version=2')
        self.pipe(1)
        self.assertIn('a newer carom wrote it', self.spooled())
        self.carom('run', '--policy', 'policy.lua', '-', given=self.message(1), code=78)
        self.carom('deliver', '--policy', 'policy.lua', code=78)
        self.carom('ledger', 'migrate', code=78)
        self.sql('PRAGMA user_version=0')
        self.pipe(2)
        self.assertIn('carom ledger migrate', self.spooled())
        self.carom('ledger', 'migrate', code=78)
        self.assertIn('no way from schema version 0 to 1', self.errors)
        self.assertEqual(self.sql('SELECT count(*) FROM fact'), [[(1,)]])

    def test_it_makes_no_ledger(self):
        self.state.mkdir()
        self.carom('ledger', 'migrate', code=74)
        self.assertFalse(self.db.exists())


class Prune(Ledger):
    def counts(self):
        return tuple(self.sql(f'SELECT count(*) FROM {t}')[0][0][0] for t in ('raw', 'job', 'fact', 'suppression', 'address'))

    def age(self, days):
        ids, ms = days * 86400 << 20, days * 86400000
        self.sql('PRAGMA foreign_keys=OFF', f'UPDATE raw SET id = id - {ids}',
                 f'UPDATE fact SET id = id - {ids}, raw = raw - {ids}, address = address - {ids}',
                 f'UPDATE job SET id = id - {ids}, fact = fact - {ids}, due = due - {ms}, address = address - {ids},'
                 f' suppression = suppression - {ids}', f'UPDATE suppression SET id = id - {ids}, address = address - {ids}',
                 f'UPDATE removal SET id = id - {ids}, address = address - {ids}', f'UPDATE address SET id = id - {ids}')

    def test_by_hand(self):
        for i in range(3):
            self.carom('run', '--policy', 'policy.lua', '-', given=self.message(i))
        self.pipe(9)
        self.carom('deliver', '--policy', 'policy.lua')
        self.assertEqual(self.counts(), (1, 4, 4, 4, 4))
        self.assertIn('removed: 0 messages, 0 facts, 0 jobs', self.carom('ledger', '--policy', 'policy.lua', 'prune'))
        self.age(30)
        would = self.carom('ledger', '--policy', 'policy.lua', 'prune', '--dry-run')
        self.assertEqual(would, 'would be removed: 1 messages, 0 facts, 0 jobs, 0 other rows\n')
        self.assertEqual(self.counts(), (1, 4, 4, 4, 4))
        self.assertEqual(self.carom('ledger', '--policy', 'policy.lua', 'prune'), would.replace('would be removed', 'removed'))
        self.assertEqual(self.counts(), (0, 4, 4, 4, 4))
        self.age(200)
        self.assertIn('4 facts, 4 jobs', self.carom('ledger', '--policy', 'policy.lua', 'prune'))
        self.assertEqual(self.counts(), (0, 0, 0, 4, 4)) # what stands, stays
        self.assertIn('no', self.carom('check', 'anna9@example.com', code=1))
        self.assertIn('nothing is wrong', self.carom('ledger', 'check'))


class Crowd(Ledger):
    def test_sixteen_pipes_at_once(self):
        self.pipe(0)

        def write(first):
            for number in range(first, 160, 16):
                self.pipe(number + 1)
                self.pipe(number + 1)
        failures = []
        threads = [threading.Thread(target=lambda first=i: self.collect(failures, write, first)) for i in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])
        self.assertEqual(self.sql('SELECT count(*), count(DISTINCT address) FROM fact'), [[(161, 161)]])
        self.assertIn('nothing is wrong', self.carom('ledger', 'check'))

    def collect(self, failures, write, first):
        try:
            write(first)
        except AssertionError as failure:
            failures.append(failure)


if __name__ == '__main__':
    unittest.main()
