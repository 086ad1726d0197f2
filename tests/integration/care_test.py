#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: the carom authors
"""What people do with a ledger: ask it, put in by hand, take out, erase.

usage: CAROM=path/to/carom care_test.py [unittest arguments]
"""
import base64
import ctypes
import json
import os
import pathlib
import re
import select
import signal
import sqlite3
import subprocess
import time
import unittest

from stage import CAROM, Stage

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BOUNCES = ROOT / 'examples' / 'bounces'
LIST = 'news.lists.example.org'
POLICY = f'''
carom.configure {{
  lists = {{ ["{LIST}"] = {{ address = "news@lists.example.org" }} }},
  sinks = {{ ["*"] = carom.webhook {{ url = "https://app.example.org/hook", secret = "whsec_MDEyMzQ1Njc4OWFiY2RlZg==" }} }},
}}
function on_permanent(bounce)
  if bounce.hard then bounce:suppress {{ duration = "90d" }} else bounce:unsubscribe {{ list = "{LIST}", force = true }} end
end
'''


class Care(Stage):
    POLICY = POLICY

    def run_bounces(self):
        self.carom('run', '--policy', 'policy.lua', BOUNCES)

    def says(self, word, address, *options):
        answer = self.carom('check', *options, address, code=0 if word == 'yes' else 1)
        self.assertTrue(answer.startswith(word), answer)
        return answer


class Check(Care):
    def test_what_a_policy_suppressed(self):
        self.run_bounces()
        self.assertRegex(self.says('no', 'ANNA@example.com'), r'suppressed since .* until .*: permanent user_unknown')
        self.says('yes', 'nobody@example.com')

    def test_who_left_the_list_that_asks(self):
        self.carom('suppressions', 'add', 'zoe@example.com', '--list', LIST)
        self.says('yes', 'zoe@example.com')
        self.says('no', 'zoe@example.com', '--list', LIST.upper())
        self.says('yes', 'zoe@example.com', '--list', 'other.example.org')

    def test_a_misspelt_list_was_left_by_nobody(self):
        self.run_bounces()
        for command, code in (('check', 75), ('suppressions', 64)):
            add = ['add'] if command == 'suppressions' else []
            self.assertEqual(self.carom(command, '--policy', 'policy.lua', '--list', 'nwes.lists.example.org', *add,
                                        'anna@example.com', code=code), '')
            self.assertIn(f"'nwes.lists.example.org' is none of the policy's lists; did you mean {LIST}?", self.errors)

    def test_one_no_among_many(self):
        self.carom('suppressions', 'add', 'zoe@example.com')
        answer = self.carom('check', 'a@example.com', 'zoe@example.com', code=1)
        self.assertEqual([line.split()[0] for line in answer.splitlines()], ['yes', 'no'])

    def test_never_yes_when_it_cannot_know(self):
        self.assertEqual(self.carom('check', 'a@example.com', code=75), '')
        self.assertEqual(self.carom('check', '-', given='a@example.com\n', code=75), '')
        self.assertIn('there is no ledger', self.errors)
        self.carom('suppressions', 'add', 'zoe@example.com')
        (self.state / 'carom.db').write_bytes(b'not a database' * 100)
        self.assertEqual(self.carom('check', 'a@example.com', code=75), '')
        self.assertEqual(self.carom('check', '-', given='a@example.com\n', code=75), '')
        self.carom('check', '--policy', 'missing.lua', 'a@example.com', code=75)

    def test_what_is_no_address_is_not_mailed(self):
        self.carom('suppressions', 'add', 'zoe@example.com')
        self.assertIn('no address', self.says('no', 'not-an-address'))
        column = 'zoe@example.com\r\nnonsense\n\n a@example.com\n'
        self.assertEqual(self.carom('check', '-', given=column), 'a@example.com\n')
        self.assertEqual(self.errors, 'carom: check: 1 line is no address, and may not be mailed\n')
        self.assertEqual(self.carom('check', '-', '--denied', given=column), 'zoe@example.com\nnonsense\n')
        self.carom('check', '-', given='a@example.com\nzoe@example.com\n')
        self.assertEqual(self.errors, '')
        self.assertEqual(self.carom('check', '-', '--jobs', '4', given='a@example.com,Ann\n' * 50000), '')
        self.assertEqual(self.errors, 'carom: check: 50000 lines are no address, and may not be mailed\n')

    def test_a_column_is_answered_as_one_by_one(self):
        self.run_bounces()
        self.carom('suppressions', 'add', 'zoe@example.com', '--list', LIST)
        for options in ([], ['--list', LIST]):
            people = ['anna@example.com', 'Zoe@example.com', 'bert@example.net', 'clara@example.com']
            singly = [p for p in people if subprocess.run([CAROM, 'check', p, *options], capture_output=True,
                      env={**os.environ, 'CAROM_STATE': str(self.state)}).returncode == 0]
            self.assertEqual(self.carom('check', '-', *options, given='\n'.join(people)).splitlines(), singly)

    def test_a_column_of_many_is_linear(self):
        rows = '\n'.join(f'user{i * 3}@example.com' for i in range(20000))
        self.carom('suppressions', 'import', '-', given=rows)
        seconds = []
        for n in (20000, 80000):
            column = ''.join(f'user{i}@example.com\n' for i in range(n))
            begin = time.monotonic()
            allowed = self.carom('check', '-', given=column).splitlines()
            seconds.append(time.monotonic() - begin)
            want = [f'user{i}@example.com' for i in range(n) if i % 3 or i >= 60000]
            self.assertEqual(len(allowed), len(want))
        self.assertLess(seconds[1], 0.5 + 10 * seconds[0])

    def test_several_threads_keep_the_order(self):
        """Loads end within lines, and at a line that is longer than all of them."""
        self.carom('suppressions', 'import', '-', given='\n'.join(f'user{i}@example.com' for i in range(0, 20000, 3)))
        kinds = ('user{}@example.com\n', 'USER{}@Example.COM\r\n', '  user{}@example.com \n', 'nonsense {}\n', '\n',
                 '"user{}"@example.com.\n', 'user{}@b\u00fccher.example\n')
        lines = [kinds[i % 11 % 7].format(i) for i in range(20000)] + ['x' * 300000 + '\n', 'last@example.com']
        suppressed = {f'user{i}@example.com' for i in range(0, 20000, 3)}
        want = {True: [], False: []}
        for line in filter(None, map(str.strip, lines)):
            key = line.lower().replace('"', '').rstrip('.')
            want[key not in suppressed and ' ' not in key and '@' in key].append(line)
        for jobs in ([], ['--jobs', '1'], ['--jobs', '2'], ['--jobs', '7']):
            for options in ([], ['--denied']):
                got = self.carom('check', '-', *jobs, *options, given=''.join(lines))
                self.assertEqual(got.splitlines(), want[not options], (jobs, options))

    def test_who_waits_for_the_answer_gets_it(self):
        self.carom('suppressions', 'add', 'zoe@example.com')
        with subprocess.Popen([CAROM, 'check', '-'], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0,
                              env={**os.environ, 'CAROM_STATE': str(self.state)}) as asked:
            for given, want in ((b'a@example.com\nzoe@exam', b'a@example.com\n'), (b'ple.com\nb@example.com\n', b'b@example.com\n'),
                                (b'c@example.com', b'')):
                asked.stdin.write(given)
                self.assertEqual(bool(select.select([asked.stdout], [], [], 20 if want else 0.2)[0]), bool(want))
                if want:
                    self.assertEqual(asked.stdout.read(100), want)
            asked.stdin.close()
            self.assertEqual(asked.stdout.read(), b'c@example.com\n')
        self.assertEqual(asked.returncode, 0)

    def test_a_column_that_cannot_be_written(self):
        self.carom('suppressions', 'add', 'zoe@example.com')
        for people in ('a@example.com\n', 'zoe@example.com\n', 'a@example.com\nzoe@example.com\n' * 20000):
            for options in ([], ['--denied'], ['--jobs', '3']):
                with open('/dev/full', 'w') as full:
                    asked = subprocess.run([CAROM, 'check', '-', *options], input=people, stdout=full, stderr=subprocess.PIPE,
                                           text=True, env={**os.environ, 'CAROM_STATE': str(self.state)})
                says_nothing = ('--denied' in options) == people.startswith('a@') and people.count('@') == 1
                self.assertEqual((asked.returncode, asked.stderr), (0, '') if says_nothing else
                                 (74, 'carom: check: cannot write the output: No space left on device\n'), (people[:40], options))

    def test_a_column_that_cannot_be_read(self):
        self.carom('suppressions', 'add', 'zoe@example.com')
        folder = os.open('/', os.O_RDONLY | os.O_DIRECTORY)
        self.addCleanup(os.close, folder)
        asked = subprocess.run([CAROM, 'check', '-'], stdin=folder, capture_output=True, text=True,
                               env={**os.environ, 'CAROM_STATE': str(self.state)})
        self.assertEqual((asked.returncode, asked.stdout), (75, ''))
        self.assertIn('cannot read the addresses: Is a directory', asked.stderr)

    def test_misuse(self):
        self.carom('check', code=64)
        self.carom('check', '--denied', 'a@example.com', code=64)
        self.carom('check', '--jobs', '2', 'a@example.com', code=64)
        for jobs in ('0', '65', 'many'):
            self.carom('check', '--jobs', jobs, '-', given='', code=64)


class Selected(Care):
    def test_no_address_is_not_everybody(self):
        """As a script asks whose variable is empty."""
        self.run_bounces()
        for typed in '', ' ', '@':
            for command in (('undo', '--dry-run'), ('undo',), ('replay',), ('replay', '--apply'), ('why',),
                            ('held', 'list'), ('held', 'release'), ('held', 'discard')):
                since = () if command[0] == 'why' else ('--since', '1d')
                self.carom(*command, '--policy', 'policy.lua', *since, typed, code=64)
                self.assertEqual(self.errors, f"carom: {command[0]}: '{typed}' is no address\n")
        self.says('no', 'anna@example.com')

    def test_an_address_with_its_name(self):
        self.run_bounces()
        undo = ('undo', '--policy', 'policy.lua', 'Anna <Anna@Example.com>')
        self.assertRegex(self.carom(*undo), '^1 decision taken back: ')
        self.says('yes', 'anna@example.com')
        self.assertRegex(self.carom(*undo), '^nothing to take back: ')

    def test_a_provider_that_is_none(self):
        self.run_bounces()
        for command in ('undo', '--policy', 'policy.lua'), ('held', 'list'), ('report',), ('replay', '--policy', 'policy.lua', '--since', '1d'), \
                       ('diff', '--journal', 'policy.lua', 'policy.lua'):
            self.carom(*command, '--provider', 'gogle', code=64)
            self.assertIn("--provider: 'gogle' is none; did you mean google?", self.errors)
        said = self.carom('diff', '--journal', '--provider', 'yahoo', 'policy.lua', 'policy.lua')
        self.assertIn('Nothing was compared', said)
        self.assertNotIn('Nothing was compared', self.carom('diff', '--journal', 'policy.lua', 'policy.lua'))


    def test_what_the_ledger_never_had(self):
        """Nothing would be found of it, as if all were well."""
        undo, held, report = ((name, '--policy', 'policy.lua') for name in ('undo', 'held', 'report'))
        self.run_bounces()
        for option, value, said in (('rule', 'generic.user-unknwon', "'generic.user-unknwon' stands nowhere in the ledger"),
                                    ('by-policy', '123456789', 'stands nowhere'), ('list', 'nolist.example', 'none of the policy'),
                                    ('provider', 'exmple.com', "'exmple.com' stands nowhere in the ledger"),
                                    ('incident', '5', 'there is no incident 5; carom incidents lists them')):
            for command in undo, (*held, 'release'), (*held, 'list'), report:
                if command != report or option in ('provider', 'list'):
                    self.carom(*command, '--' + option, value, code=64)
            self.carom(*undo, '--' + option, value, code=64)
            self.assertIn(f'--{option}: ', self.errors)
            self.assertIn(said, self.errors)
        self.carom(*undo, '--provider', 'google', '--dry-run')  # one of ours
        self.carom(*undo, '--list', LIST, '--since', '1s', '--dry-run')

    def test_a_domain_where_no_provider_is_known(self):
        """That of the host, else of the recipient, as carom incidents names it: anna, emma (mx.slow.example.com), frieda and klara;
        not clara, whose provider is known."""
        self.run_bounces()
        for name in 'example.com', 'Example.COM':
            report = json.loads(self.carom('report', '--json', '--provider', name))
            kinds = {kind['kind']: kind['count'] for kind in report['kinds'] if kind['count']}
            self.assertEqual(kinds, {'permanent': 2, 'delayed': 1, 'complaint': 1})
            compared = self.carom('diff', '--journal', '--provider', name, 'policy.lua', 'policy.lua')
            self.assertIn('4 compared', compared)
        self.assertRegex(self.carom('undo', '--policy', 'policy.lua', '--provider', 'example.com'), '^2 decisions taken back')
        self.says('yes', 'anna@example.com')
        self.says('no', 'jakob@example.net')
        self.carom('undo', '--policy', 'policy.lua', '--provider', 'xample.com', code=64)  # no part of a name


class Suppressions(Care):
    def test_an_import_may_be_repeated_and_taken_back(self):
        (self.dir / 'a.csv').write_text('Email Address,Reason,created_at\n'
                                        'Ann@Example.com,"hard, ""bounce""",1700000000\nbob@example.net,,2026-01-02\n')
        batch = re.fullmatch(r'batch (\d+): 2 new, 0 stood already, 0 over; carom undo --batch \1 takes it back\n',
                             self.carom('suppressions', 'import', 'a.csv'))
        self.assertIn('nothing new', self.carom('suppressions', 'import', 'a.csv'))
        self.assertIn('since 2023-11-14T22:13:20Z: hard, "bounce"', self.says('no', 'ann@example.com'))
        self.carom('suppressions', 'add', 'carl@example.com')
        self.assertEqual(self.carom('undo', '--batch', batch[1], '--dry-run'),
                         f'would be: 2 suppressions of batch {batch[1]} ended\n')
        self.says('no', 'ann@example.com')
        self.assertEqual(self.carom('undo', '--batch', batch[1]), f'2 suppressions of batch {batch[1]} ended\n')
        self.assertIn('nothing stands of batch', self.carom('undo', '--batch', batch[1]))
        self.assertIn('nothing stands of batch 5:', self.carom('undo', '--batch', '5', '--dry-run'))
        self.says('yes', 'ann@example.com')
        self.says('no', 'carl@example.com')

    def test_imports_are_listed_while_something_stands(self):
        self.carom('suppressions', 'batches', code=74)
        self.carom('suppressions', 'add', 'carl@example.com')
        self.assertEqual(self.carom('suppressions', 'batches'), 'nothing stands that was imported\n')
        ids = []
        for name, rows in (('a.csv', 'ann@example.com\nbob@example.net\n'), ('b.csv', 'bob@example.net\nzoe@example.com\n')):
            (self.dir / name).write_text(rows)
            ids.append(self.carom('suppressions', 'import', name).split()[1].rstrip(':'))
        self.carom('suppressions', 'remove', 'ann@example.com')
        self.assertRegex(self.carom('suppressions', 'batches'),
                         rf'^{ids[0]}  20\S+Z  1 standing  a.csv\n{ids[1]}  20\S+Z  1 standing  b.csv\n$')
        self.carom('undo', '--batch', ids[0])
        self.assertRegex(self.carom('suppressions', 'batches'), rf'^{ids[1]} .*\n$')

    def test_as_others_write_it(self):
        (self.dir / 'mailchimp.csv').write_text(
            'Email Address,First Name,OPTIN_TIME,UNSUB_TIME,UNSUB_REASON,TAGS\n'
            'ann@example.com,Ann,"2019-03-01 10:11:12","2021-06-01 09:00:00",NORMAL,"""customer"""\n')
        self.assertIn('mailchimp.csv: columns that were not read: First Name, OPTIN_TIME, TAGS\n',
                      self.carom('suppressions', 'import', 'mailchimp.csv'))
        self.assertIn('since 2021-06-01T09:00:00Z: NORMAL', self.says('no', 'ann@example.com'))
        (self.dir / 'sheet.csv').write_bytes('\ufeffE-Mail;Reason\r\nbob@example.net;gone\r\n;\r\n;;;\r\n'.encode())
        self.assertIn('1 new, 0 stood', self.carom('suppressions', 'import', 'sheet.csv'))
        self.assertIn('gone', self.says('no', 'bob@example.net'))
        (self.dir / 'unicode.txt').write_bytes('email\tname\r\ncarl@example.com\tCarl\r\n'.encode('utf-16'))
        self.carom('suppressions', 'import', 'unicode.txt', code=65)
        self.assertIn('unicode.txt: is UTF-16; save it as CSV in UTF-8', self.errors)

    def test_cells_in_quotes(self):
        rows = ('\ufeffaddress, reason\r\n'
                'ann@example.com,"550-5.1.1 no such user, ""really"",\r\n550 bob@example.net"\r\n\r\n'
                '"Doe, Jane" <jane@example.com>, "550 no, none"\r\n'
                '"bob@example.net" <carl@example.com>,"550" it is\r\n'
                '"dora@example.com"\t ,\r\n')
        self.assertIn(' 4 new', self.carom('suppressions', 'import', '-', given=rows))
        self.says('yes', 'bob@example.net')
        for address, reason in (('ann@example.com', 'no such user, "really", 550 bob@example.net'), ('jane@example.com', ': 550 no, none'),
                                ('carl@example.com', ': "550" it is'), ('dora@example.com', 'suppressed')):
            self.assertRegex(self.says('no', address), reason)
        for n, text in enumerate(('"550 no\nzoe@example.com,"quoted"\n', '"550 no\nzoe@example.com,gone\n')):
            text = f'address,reason\n\nann@example.com,"a\r\nb"\r\nbob@example.net,{text}'
            self.carom('suppressions', 'import', '-', given=text, code=65)
            self.assertRegex(self.errors, "-:5: 'bob@example.net,\"550 no' has a quote that does not end")

    def test_a_list_that_is_none(self):
        rows = f'address,list\nann@example.com,{LIST.upper()}\nbob@example.net,news\ncarl@example.com,\nzoe@example.com,no such\n'
        self.assertEqual(self.carom('suppressions', 'import', '-', '--policy', 'policy.lua', given=rows, code=65), '')
        self.assertIn(f"-:3: 'news' is none of the policy's lists; did you mean {LIST}?\n", self.errors)
        self.assertIn("-:5: 'no such' is none of the policy's lists\n", self.errors)
        self.assertIn(' 4 new', self.carom('suppressions', 'import', '-', given=rows))

    def test_what_is_over_is_not_taken(self):
        rows = 'address,until\nann@example.com,2020-01-01\nbob@example.net,2999-01-01\n'
        self.assertIn(': 1 new, 0 stood already, 1 over; ', self.carom('suppressions', 'import', '-', given=rows))
        self.assertEqual(self.carom('suppressions', 'import', '-', given=rows), 'nothing new: 1 stood already, 1 over\n')
        self.says('yes', 'ann@example.com')

    def test_an_empty_file_is_named(self):
        (self.dir / 'a.csv').write_text('ann@example.com\n')
        for text in ('', '\n\n', 'address,reason\r\n,\r\n'):
            (self.dir / 'b.csv').write_text(text)
            self.carom('suppressions', 'import', 'a.csv', 'b.csv')
            self.assertEqual(self.errors, 'carom: suppressions: b.csv holds no row\n')

    def test_an_import_is_linear(self):
        seconds = []
        for n in (4000, 16000):
            begin = time.monotonic()
            self.carom('suppressions', 'import', '-', given='\n'.join(f'u{i}.{n}@example.com' for i in range(n)))
            seconds.append(time.monotonic() - begin)
        self.assertLess(seconds[1], 1 + 8 * seconds[0])

    def test_what_is_exported_can_be_imported(self):
        self.run_bounces()
        self.carom('suppressions', 'add', 'zoe@example.com', '--list', LIST, '--for', '3d', '--reason', 'said "no",\nby phone')
        for options in ([], ['--json']):
            text = self.carom('suppressions', 'export', *options)
            self.assertIn('zoe@example.com', text)
            store = f'sqlite:{self.dir}/copy{len(options)}.db'
            self.carom('suppressions', 'import', '--store', store, '-', given=text)
            self.assertEqual(self.carom('suppressions', 'export', '--store', store, *options), text)

    def test_a_wrong_row_is_named_and_nothing_is_kept(self):
        for text, why in {
            'address\nx@example.com\nfoo bar\n': r"-:3: 'foo bar' is no address",
            'address\n"x y@example.com"\n': r"-:2: 'x y@example.com' is no address", # not y's
            'address,until\nx@example.com,soon\n': r"-:2: 'soon' is no time",
            'name,phone\nx,y\n': r"-:1: 'name' is neither an address nor the name of a column",
            'x@example.com,y\n': r'-:1: .*several columns without names',
            'address\n"x@example.com\n': r'-:2: .*quote',
            '{"email":"x@example.com"}\n{"email":\n': r'-:2: ',
            '{"mail":"x@example.com"}\n': r"-:1: '' is no address",
            '[1]\n': r'-:1: .*no JSON object',
        }.items():
            self.carom('suppressions', 'import', '-', given=text, code=65)
            self.assertRegex(self.errors, why)
            self.assertEqual(self.carom('suppressions', 'export').count('\n'), 1, text)
        self.carom('suppressions', 'import', 'missing.csv', code=74)

    def test_all_wrong_rows_are_named_but_not_a_million(self):
        rows = ['address,until', 'ann@example.com,', 'x', '"bob@example.net', 'carl@example.com,soon', 'dora@example.com,1,2']
        json = '{"email":"ann@example.com"}\n{"email":"x"}\n[]\n{'
        for text, lines in (('\n'.join(rows), [3, 4, 5, 6]), (json, [2, 3, 4])):
            self.carom('suppressions', 'import', '-', given=text, code=65)
            self.assertEqual([int(line) for line in re.findall(r'^carom: -:(\d+): ', self.errors, re.M)], lines)
            self.assertIn(f'carom: -: {len(lines)} rows are wrong; nothing was imported\n', self.errors)
        self.carom('suppressions', 'import', '-', given='\n'.join(rows) + '\nx' * 5000, code=65)
        self.assertEqual(len(self.errors.splitlines()), 11)
        self.assertIn('5004 rows are wrong, the first ten are named; nothing was imported', self.errors)
        self.assertEqual(self.carom('suppressions', 'export').count('\n'), 1)

    def test_a_row_with_more_cells_than_names_is_nobody_s(self):
        for text, line, cells, names in (
                ('address,reason\nzoe@example.com,550 no such user, ask, bob@example.net\n', 2, 4, 2),
                ('address\treason\nzoe@example.com\t550\tbob@example.net\n', 2, 3, 2),
                ('address,reason,\nzoe@example.com,550,bob@example.net\n', 2, 3, 2),
                ('address\nzoe@example.com,bob@example.net\n', 2, 2, 1),
                ('ann@example.com\n\nzoe@example.com,bob@example.net\n', 3, 2, 1)):
            self.carom('suppressions', 'import', '-', given=text, code=65)
            self.assertRegex(self.errors, f"-:{line}: 'zoe@example.com.*' has {cells} cells, the first line {names}\n")
            self.assertEqual(self.carom('suppressions', 'export').count('\n'), 1, text)
        for n, text in enumerate(('address,reason\nann{}@example.com,gone,\n', 'ann{}@example.com,,\n',
                                  ',address,,reason\n0,ann{}@example.com,bob@example.net,gone,,,\n')):
            self.assertIn('1 new', self.carom('suppressions', 'import', '-', given=text.format(n)))
            self.says('no', f'ann{n}@example.com')
        self.says('yes', 'bob@example.net')

    def test_no_sink_is_told(self):
        self.carom('suppressions', 'add', 'zoe@example.com', '--policy', 'policy.lua')
        self.carom('suppressions', 'import', '-', '--policy', 'policy.lua', given='ann@example.com\n')
        self.assertIn('nothing to deliver', self.carom('outbox', 'list', '--policy', 'policy.lua'))

    def test_an_end_that_was_to_be_told_is_told_at_once(self):
        self.run_bounces()
        def ends():
            return [line.split()[5] for line in self.carom('outbox', 'list').splitlines()
                    if 'waiting' in line and 'anna@example.com' in line]
        before = sorted(ends())
        self.assertEqual(self.carom('suppressions', 'remove', 'anna@example.com'), '1 ended\n')
        self.says('yes', 'anna@example.com')
        after = sorted(ends())
        self.assertEqual(len(after), len(before))
        self.assertLess(after[-1], before[-1])

    def test_misuse(self):
        for arguments in ([], ['improt', 'x'], ['import'], ['export', 'x'], ['batches', 'x'], ['batches', '--list', 'x'], ['add'], ['remove'],
                          ['remove', '--batch', '3'], ['add', 'a@example.com', '--for', 'ever'],
                          ['add', 'a@example.com', '--json']):
            self.carom('suppressions', *arguments, code=64)
        self.carom('suppressions', 'add', 'nonsense', code=64)
        for arguments in (['--batch', '3', 'a@example.com'], ['--batch', '3', '--since', '6h'], ['--batch', '3', 'list'],
                          ['--batch', '3', '--operation', '4', '--policy', 'policy.lua']):
            self.carom('undo', *arguments, code=64)


RETRY = '''
carom.configure { sinks = { retry = carom.webhook { url = "https://app.example.org/hook", secret = "whsec_MDEyMzQ1Njc4OWFiY2RlZg==" } } }
function on_transient(bounce) bounce:retry { after = "4h", limit = 5 } end
function on_permanent(bounce) bounce:suppress {} end
'''


class Retries(Care):
    """What waits to be sent again ends with its delivery."""
    def hear(self, code, delivery='7/1'):
        words = {450: '450 4.2.0 Greylisted', 550: '550 5.1.1 User unknown', 250: '250 2.0.0 Ok'}
        self.carom('run', '--lines', '--policy', 'policy.lua', given=json.dumps(
            {'reply': words[code], 'recipient': 'ann@example.com', 'delivery': delivery}))

    def retries(self):
        rows = [json.loads(row) for row in self.carom('outbox', 'list', '--json').splitlines()]
        return [(row['state'], row.get('last_answer', '')) for row in rows if row['action'] == 'retry']

    def setUp(self):
        super().setUp()
        (self.dir / 'policy.lua').write_text(RETRY)

    def test_with_a_permanent_failure(self):
        self.hear(450)
        self.hear(450, '7/2')
        self.hear(550)
        (dropped, why), other = self.retries()
        facts = [json.loads(row) for row in self.carom('show', 'ann@example.com', '--json').splitlines()]
        self.assertEqual((dropped, other), ('dropped', ('waiting', '')))
        self.assertRegex(why, r'^superseded by fact \d+: permanent$')
        self.carom('undo', '--policy', 'policy.lua', '--reason', 'user_unknown')
        self.assertEqual(self.retries(), [('waiting', '')] * 2)

    def test_with_its_arrival(self):
        self.hear(450)
        self.hear(250, '7/2')
        self.assertEqual(self.retries(), [('waiting', '')])
        self.hear(250)
        self.assertRegex(self.retries()[0][1], r'^superseded by fact \d+: delivered$')

    def test_not_with_what_is_only_held(self):
        self.hear(450)
        (self.dir / 'policy.lua').write_text(RETRY.replace('configure {', 'configure { mode = "observe",'))
        self.hear(550)
        self.assertEqual(self.retries()[0], ('waiting', ''))


class Headings(Care):
    def on_a_terminal(self, *arguments):
        try:
            parent, terminal = os.openpty()
        except OSError as error:  # a chroot without /dev/pts
            self.skipTest(f'no terminal to write to: {error}')
        subprocess.run([CAROM, *arguments], stdout=terminal, cwd=self.dir, check=True,
                       env={**os.environ, 'CAROM_STATE': str(self.state)})
        os.close(terminal)
        text = b''
        try:
            while piece := os.read(parent, 1 << 16):  # a terminal gives what it has, in pieces
                text += piece
        except OSError:
            pass  # so it says that it is empty
        os.close(parent)
        return text.decode().splitlines()

    def aligned(self, heading, row, names):
        for name in names:
            at = heading.index(name)
            self.assertTrue(at == 0 or (row[at - 1] == ' ' and row[at] != ' '), (name, heading, row))

    def test_of_the_outbox(self):
        self.run_bounces()
        heading, *rows = self.on_a_terminal('outbox', 'list')
        self.aligned(heading, next(row for row in rows if 'waiting' in row), ['job', 'state', 'action', 'sink', 'address', 'due'])
        self.assertEqual(rows, self.carom('outbox', 'list').splitlines())

    def test_of_what_is_held(self):
        (self.dir / 'policy.lua').write_text(POLICY.replace('carom.configure {', 'carom.configure { mode = "observe",', 1))
        self.run_bounces()
        heading, *rows = self.on_a_terminal('held', 'list')
        self.aligned(heading, rows[0], ['since', 'cause', 'action', 'address', 'reason', 'proof', 'diagnostic'])
        self.assertEqual(rows, self.carom('held', 'list').splitlines())
        self.carom('held', 'discard', '--all')
        self.assertEqual(self.on_a_terminal('held', 'list'), ['nothing is held'])


MENTION = '''From: MAILER-DAEMON@mx.example.net
To: news-bounces@lists.example.org
X-Errors-To: news-bounces+anna=example.com@lists.example.org
Cc: Anna@Example.com, joanna@example.com
Subject: Undelivered Mail Returned to Sender
Message-ID: <77@mx.example.net>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b

It failed. Ask
anna@example.com
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net

Final-Recipient: rfc822; bob@example.com
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 moved to <anna@example.com>, not joanna@example.com

--b
Content-Type: text/rfc822-headers

Message-ID: <post-77@lists.example.org>
List-Id: News <news.lists.example.org>
X-Unsubscribe: https://lists.example.org/?who=anna%40example.com

--b--
'''
ANNA = re.compile(rb'(?i)(?<![a-z])anna(@|=|%40|=40)example\.com')


class Forget(Care):
    def setUp(self):
        super().setUp()
        for message in (MENTION, (BOUNCES / '01-user-unknown.eml').read_text()): # pipe keeps the whole message
            self.carom('pipe', '--policy', 'policy.lua', given=message)
        self.run_bounces()

    def holding(self):
        return [path.name for path in self.state.rglob('*') if path.is_file() and ANNA.search(path.read_bytes())]

    def test_nothing_holds_the_address(self):
        self.assertIn('carom.db', self.holding() or ['nothing'])
        said = self.carom('forget', 'Anna@EXAMPLE.com')
        self.assertEqual(self.holding(), [])
        for pattern in (r'erased +1 facts, 2 messages', r'not told +\d', r'blotted +out of [1-9]', r'unreached +backups'):
            self.assertRegex(said, pattern)
        self.assertNotRegex(said, 'kept')
        self.says('yes', 'anna@example.com')
        standing = self.carom('show', 'anna@example.com')
        self.assertEqual(standing.count('\n'), 1, standing)
        self.assertNotRegex(self.carom('outbox', 'list', '--json').encode(), ANNA)

    def test_what_waits_in_the_spool(self):
        (self.dir / 'broken.lua').write_text('no policy')
        plain, other = MENTION, (BOUNCES / '02-mailbox-full.eml').read_text()
        coded = re.sub('(?i)anna(?=@|=|%40)', 'nobody', MENTION.replace('77', '78'))
        coded = re.sub(r'(?m)^Content-Type: message/delivery-status\n\n(.*?)^(?=--b)',
                       lambda m: 'Content-Type: message/delivery-status\nContent-Transfer-Encoding: base64\n\n' +
                       base64.encodebytes(m[1].replace('bob@example.com', 'anna@example.com').encode()).decode(),
                       coded, flags=re.S)
        self.assertNotRegex(coded.encode(), ANNA)
        for message in (plain, coded, other):
            self.carom('pipe', '--policy', 'broken.lua', given=message)
        self.assertEqual(len(list((self.state / 'spool').glob('*.mail'))), 3)
        told = json.loads(self.carom('export', 'anna@example.com'))['undecided']
        self.assertEqual({base64.b64decode(row['message_base64']).decode() for row in told}, {plain, coded})
        self.assertRegex(self.carom('forget', 'anna@example.com'), r'(?m)^undecided +2 messages removed from the spool')
        self.assertEqual(self.holding(), [])
        left, = (self.state / 'spool').glob('*.mail')
        self.assertTrue(left.read_text().endswith(other))
        self.assertEqual(json.loads(self.carom('export', 'anna@example.com'))['undecided'], [])

    def test_others_stay(self):
        before = self.carom('show', 'clara@example.com')
        self.carom('forget', 'anna@example.com')
        self.assertEqual(self.carom('show', 'clara@example.com'), before)
        bob = self.carom('show', 'bob@example.com')
        self.assertIn('[erased]', bob)
        self.assertIn('joanna@example.com', bob)
        self.says('no', 'bob@example.com')

    def test_a_keyed_hash_says_no(self):
        said = self.carom('forget', '--keep-hash', 'anna@example.com')
        self.assertIn('keyed hash', said)
        self.assertEqual(self.holding(), [])
        self.assertIn('erased', self.says('no', 'ANNA@example.com'))
        column = ''.join(f'anna@example.com\nnew{i}@example.com\n' for i in range(200))
        self.assertEqual(self.carom('check', '-', given=column), ''.join(f'new{i}@example.com\n' for i in range(200)))
        self.assertNotRegex(self.carom('suppressions', 'export').encode(), ANNA)
        self.assertIn('1 erased', self.errors)
        self.assertEqual((self.state / 'carom.db.key').stat().st_mode & 0o777, 0o640)
        self.carom('forget', '--keep-hash', 'anna@example.com')
        self.assertEqual(self.carom('suppressions', 'remove', 'anna@example.com'), '1 ended\n')
        self.says('yes', 'anna@example.com')

    def test_without_the_key_nobody_is_allowed(self):
        self.carom('forget', '--keep-hash', 'anna@example.com')
        (self.state / 'carom.db.key').unlink()
        self.assertEqual(self.carom('check', 'new@example.com', code=75), '')
        self.assertEqual(self.carom('check', '-', given='new@example.com\n', code=75), '')
        self.assertIn('key of the erased addresses', self.errors)
        self.carom('forget', '--keep-hash', 'other@example.com', code=74)
        self.assertFalse((self.state / 'carom.db.key').exists(), 'a new key was made beside old hashes')

    def test_other_files_are_named(self):
        (self.state / 'spool').mkdir()
        (self.state / 'spool' / 'message').write_bytes(b'x' * (1 << 20) + b' To: anna@example.com')
        self.carom('forget', 'anna@example.com', code=1)
        self.assertRegex(self.errors, r'spool/message: still holds an address')

    def test_what_lies_too_deep_is_named(self):
        deep = self.state.joinpath(*'abcdefghijklmnopqr')
        deep.mkdir(parents=True)
        (deep / 'message').write_bytes(b'To: anna@example.com')
        self.carom('forget', 'anna@example.com', code=1)
        self.assertRegex(self.errors, r'/n/o/p: cannot look into it: it lies too many directories deep')

    def test_misuse(self):
        self.carom('forget', code=64)
        self.carom('forget', 'nonsense', code=64)


EVERYWHERE = '''
carom.configure {
  lists = { ["news.lists.example.org"] = { address = "news@lists.example.org" } },
  sinks = { ["*"] = carom.webhook { url = "https://app.example.org/anna@example.com", secret = "whsec_MDEyMzQ1Njc4OWFiY2RlZg==" } },
  breaker = { window = "1h", min = 1, factor = 2 },
  verp = { domain = "bounces.example.org", keys = { { id = 1, since = "2026-01-01", secret = "a secret of the test, not yours" } } },
  gate = { failure = "unproven" },
}
function on_permanent(bounce)
  bounce:suppress { duration = "90d" }
  bounce:unsubscribe { list = "news.lists.example.org", force = true }
  bounce:tag("last", bounce.recipient)
  bounce:alert { key = "lost:" .. bounce.recipient, text = "{recipient} is gone" }
end
'''
# In a page the byte before a text may be a letter.
ANYWHERE = re.compile(rb'(?i)(?<!jo)anna(@|=|%40|=40)example\.com')
# Where an address can stand, beside the tables that hold numbers only.
TABLES = {'address', 'alert', 'batch', 'fact', 'held', 'incident', 'job', 'operation', 'raw', 'reference', 'removal',
          'suppression', 'tag', 'departure', 'pause'}


class ForgetEverywhere(Care):
    """An address that stands in every table, in files of the spool, in free pages and in the log."""

    def setUp(self):
        super().setUp()
        (self.dir / 'policy.lua').write_text(EVERYWHERE)
        bounce = (BOUNCES / '01-user-unknown.eml').read_text()
        for i, name in enumerate(['anna', 'b1', 'b2', 'b3', 'b4', 'anna', 'anna']):
            self.carom('pipe', '--policy', 'policy.lua', '--log', 'stderr', given=re.sub(
                r'(?mi)^Message-ID: .*', f'Message-ID: <{i}@mx.example.org>', bounce).replace('anna@', f'{name}@'))
        self.carom('pipe', '--policy', 'policy.lua', '--log', 'stderr', given=MENTION)
        self.carom('undo', '--policy', 'policy.lua', 'anna@example.com')
        (self.dir / 'for anna@example.com').write_text('address,reason\nx@example.com,as anna@example.com asked\nanna@example.com,asked\n')
        self.carom('suppressions', 'import', 'for anna@example.com')
        (self.dir / 'people.txt').write_text('address,id\nanna@example.com,4711\n')
        self.carom('verp', 'import', '--policy', 'policy.lua', '--list', LIST, 'people.txt')
        self.sql("INSERT INTO pause VALUES (1, 'unsubscribe', 1, 1, 'https://app.example.org/anna@example.com: 401')")

    def sql(self, statement):
        ledger = sqlite3.connect(self.state / 'carom.db')
        with ledger:
            rows = ledger.execute(statement).fetchall()
        ledger.close()
        return rows

    @staticmethod
    def plain(value):
        """The bytes of a column, unpacked where they are packed."""
        if not isinstance(value, bytes):
            return str(value).encode()
        if value[:1] != b'\1': # it did not pay, or is the hash of an erased address
            return value
        value = value[1:]
        zstd = ctypes.CDLL('libzstd.so.1')
        zstd.ZSTD_getFrameContentSize.restype = ctypes.c_ulonglong
        zstd.ZSTD_decompress.restype = ctypes.c_size_t
        room = zstd.ZSTD_getFrameContentSize(value, ctypes.c_size_t(len(value)))
        if room > 1 << 26: # no frame
            return value
        text = ctypes.create_string_buffer(room)
        got = zstd.ZSTD_decompress(text, ctypes.c_size_t(room), value, ctypes.c_size_t(len(value)))
        assert got == room, 'a row cannot be unpacked'
        return text.raw

    def row_of_anna(self):
        rows = self.sql("SELECT id FROM address WHERE key = 'anna@example.com'")
        return rows[0][0] if rows else 0

    def tables(self, anna):
        """Those with her address in a text, or with her row."""
        found = set()
        for table, in self.sql("SELECT name FROM sqlite_schema WHERE type = 'table'"):
            columns = [row[1] for row in self.sql(f'PRAGMA table_info({table})')]
            for row in self.sql(f'SELECT * FROM {table}'):
                own = 'address' in columns and anna and row[columns.index('address')] == anna
                if own or any(ANYWHERE.search(self.plain(value)) for value in row):
                    found.add(table)
        return found

    def files(self):
        return sorted(path.name for path in self.state.rglob('*') if path.is_file() and ANYWHERE.search(path.read_bytes()))

    def test_no_file_holds_it(self):
        anna = self.row_of_anna()
        (self.dir / 'broken.lua').write_text('function on_permanent(')
        self.carom('pipe', '--policy', 'broken.lua', given=MENTION)
        self.assertGreater(len(self.sql('SELECT * FROM incident')), 0)
        self.assertEqual(TABLES - {'incident'} - self.tables(anna), set())
        self.assertIn('carom.db', self.files())
        self.assertTrue([name for name in self.files() if name.endswith('.mail')])
        self.carom('forget', '--keep-hash', 'anna@example.com')
        self.assertEqual(self.files(), [])
        self.assertEqual(self.tables(anna), set())
        self.assertIn('erased', self.says('no', 'anna@example.com'))
        self.says('yes', 'joanna@example.com')
        self.assertIn('nothing is wrong', self.carom('ledger', 'check'))


class Export(Care):
    def test_all_that_is_kept(self):
        self.carom('pipe', '--policy', 'policy.lua', given=(BOUNCES / '01-user-unknown.eml').read_text())
        everything = json.loads(self.carom('export', 'ANNA@example.com'))
        self.assertEqual(everything['address'], 'anna@example.com')
        self.assertEqual([f['recipient'] for f in everything['facts']], ['anna@example.com'])
        self.assertEqual(len(everything['suppressions']), 1)
        self.assertTrue(everything['jobs'] and all(job['sink'] == '*' for job in everything['jobs']), everything['jobs'])
        self.assertEqual([base64.b64decode(m['message_base64']) for m in everything['messages']],
                         [(BOUNCES / '01-user-unknown.eml').read_bytes()])
        (self.dir / 'policy.lua').write_text('function on_permanent(bounce) bounce:unsubscribe { scope = "all" } end')
        self.carom('run', '--lines', '--policy', 'policy.lua', given=json.dumps(
            {'reply': '550 5.1.1 User unknown', 'recipient': 'left@example.com', 'delivery': '1', 'list': LIST}))
        left = json.loads(self.carom('export', 'left@example.com'))['left']
        self.assertEqual([(row.get('list'), row.get('scope')) for row in left if not row.get('list')], [(None, 'all')])
        nobody = json.loads(self.carom('export', 'nobody@example.com'))
        self.assertEqual((nobody['facts'], nobody['messages']), ([], []))

    def test_misuse(self):
        self.carom('export', code=64)
        self.carom('export', 'a@example.com', 'b@example.com', code=64)
        self.carom('export', 'a@example.com', code=74)


RECORDING = '''
carom.configure { keep = { raw = "20d", jobs = "40d", facts = "200d" },
                  lists = { ["news.lists.example.org"] = { address = "news@lists.example.org" } },
                  commands = { note = carom.command { argv = { "/bin/true" } } } }
function on_permanent(bounce)
  bounce:run("note")
  if bounce.reason == "mailbox_full" then bounce:suppress { scope = "list" } end
end
'''
UNLISTED = '''From: MAILER-DAEMON@mx.example.net
Subject: failure notice
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net

Final-Recipient: rfc822; full@example.net
Action: failed
Status: 5.2.2
Diagnostic-Code: smtp; 552 5.2.2 Mailbox full
--b--
'''


class Retention(Care):
    def setUp(self):
        super().setUp()
        (self.dir / 'policy.lua').write_text(RECORDING)

    def ledger(self, *statements):
        ledger = sqlite3.connect(self.state / 'carom.db')
        with ledger:
            rows = [ledger.execute(statement).fetchall() for statement in statements]
        ledger.close()
        return rows

    def rows(self):
        return tuple(self.ledger(f'SELECT count(*) FROM {table}')[0][0][0] for table in ('raw', 'job', 'fact', 'address'))

    def age(self, days):
        """As if all had come in that many days earlier: seconds are the upper bits of every key."""
        ids, ms = days * 86400 << 20, days * 86400000
        self.ledger(f'UPDATE raw SET id = id - {ids}', f'UPDATE fact SET id = id - {ids}, raw = raw - {ids}',
                    f'UPDATE job SET id = id - {ids}, fact = fact - {ids}, due = due - {ms}, created = created - {ms}, begun = begun - {ms},'
                    f' address = address - {ids}', f'UPDATE address SET id = id - {ids}',
                    f'UPDATE fact SET address = address - {ids}', 'DELETE FROM sweep')

    def deliver(self):
        self.carom('deliver', '--policy', 'policy.lua')

    def test_each_thing_has_its_time(self):
        self.carom('pipe', '--policy', 'policy.lua', given=(BOUNCES / '01-user-unknown.eml').read_text())
        self.assertEqual(self.rows(), (1, 1, 1, 1))
        self.age(10)
        self.deliver()
        self.assertEqual(self.rows(), (1, 1, 1, 1))
        self.age(15)
        self.deliver()
        self.assertEqual(self.rows(), (0, 1, 1, 1))
        self.age(25)
        self.deliver()
        self.assertEqual(self.rows(), (0, 0, 1, 1))
        self.assertIn('"reason":"user_unknown"', self.carom('show', '--policy', 'policy.lua', 'anna@example.com'))
        self.age(200)
        self.deliver()
        self.assertEqual(self.rows(), (0, 0, 0, 0))

    def test_watch_removes_too(self):
        self.carom('pipe', '--policy', 'policy.lua', given=(BOUNCES / '01-user-unknown.eml').read_text())
        self.age(21)
        watch = subprocess.Popen([CAROM, 'deliver', '--watch', '--policy', 'policy.lua'], cwd=self.dir,
                                 env={**os.environ, 'CAROM_STATE': str(self.state)})
        try:
            deadline = time.monotonic() + 30
            while self.rows()[0] and time.monotonic() < deadline:
                time.sleep(0.02)
        finally:
            watch.send_signal(signal.SIGTERM)
        self.assertEqual(watch.wait(20), 0)
        self.assertEqual(self.rows()[0], 0)

    def test_run_keeps_what_it_could_not_match(self):
        self.carom('run', '--policy', 'policy.lua', BOUNCES / '01-user-unknown.eml')
        self.assertEqual(self.rows()[0], 0)
        (self.dir / 'unlisted.eml').write_text(UNLISTED)
        self.carom('run', '--policy', 'policy.lua', 'unlisted.eml')
        self.assertEqual(self.rows()[0], 1)


if __name__ == '__main__':
    unittest.main()
