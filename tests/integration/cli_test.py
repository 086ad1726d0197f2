#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: the carom authors
"""The program as people use it, and as they misuse it: each mistake is answered with what, where and why.

usage: CAROM=path/to/carom cli_test.py [unittest arguments]
"""
import bz2
import contextlib
import fcntl
import gzip
import json
import lzma
import os
import pathlib
import re
import signal
import sqlite3
import struct
import subprocess
import tempfile
import termios
import time
import unittest
import unittest.mock

CAROM = os.path.abspath(os.environ['CAROM'])
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BOUNCES = ROOT / 'examples' / 'bounces'
UNKNOWN = BOUNCES / '01-user-unknown.eml'
USAGE, DATA, NO_INPUT, SOFTWARE, IO, TEMPORARY, CONFIG = 64, 65, 66, 70, 74, 75, 78

POLICY = '''
carom.configure {
  lists = { ["news.lists.example.org"] = { address = "news@lists.example.org" } },
}
function on_permanent(bounce)
  if bounce.hard then bounce:unsubscribe() end
end
'''


class Cli(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.dir = pathlib.Path(scratch.name)

    def run_carom(self, *arguments, given=b'', timeout=60):
        if isinstance(given, str):
            given = given.encode()
        done = subprocess.run([CAROM, *map(str, arguments)], input=given, capture_output=True, timeout=timeout,
                              cwd=self.dir, env={**os.environ, 'CAROM_STATE': str(self.dir / 'state')})
        done.out = done.stdout.decode('utf-8', 'replace')
        done.err = done.stderr.decode('utf-8', 'replace')
        self.assertGreaterEqual(done.returncode, 0, f'died of a signal: {done.err}')
        return done

    def policy(self, text=POLICY, name='policy.lua'):
        path = self.dir / name
        path.write_text(text)
        return path

    def refused(self, done, code, *patterns):
        """Exit code and one line on stderr that starts with carom: and matches every pattern."""
        self.assertEqual(done.returncode, code, f'exit {done.returncode}, want {code}: {done.err}{done.out}')
        self.assertRegex(done.err, r'(?m)^carom: ')
        for pattern in patterns:
            self.assertRegex(done.err, pattern)

    def parsed(self, *arguments, **more):
        done = self.run_carom('parse', '--json', *arguments, **more)
        return done, [json.loads(line) for line in done.stdout.decode('utf-8').splitlines()]

    def shown(self, *arguments):
        done = self.run_carom('show', *arguments)
        self.assertEqual(done.returncode, 0, done.err)
        return [json.loads(line) for line in done.out.splitlines()]


class Ordinary(Cli):
    def test_parse_a_directory_in_the_order_of_names(self):
        done, facts = self.parsed(BOUNCES)
        self.assertEqual(done.returncode, 0, done.err)
        self.assertEqual([fact['source'] for fact in facts], sorted(map(str, BOUNCES.glob('*.eml'))))

    def test_a_table_fits_the_terminal(self):
        for columns in 80, 100, 400:
            for command in ('parse', '--table'), ('run', '--policy', self.policy(), '--dry-run', '--quiet', '--table'):
                try:
                    control, terminal = os.openpty()
                except OSError as error: # a chroot without /dev/pts
                    self.skipTest(f'no terminal to write to: {error}')
                fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack('HHHH', 24, columns, 0, 0))
                subprocess.run([CAROM, *map(str, command), str(BOUNCES)], stdout=terminal, check=True,
                               env={**os.environ, 'CAROM_STATE': str(self.dir / 'state')})
                os.close(terminal)
                rows = b''
                with contextlib.suppress(OSError): # EIO is the end of a terminal
                    while more := os.read(control, 65536):
                        rows += more
                os.close(control)
                rows = rows.decode().splitlines()
                self.assertEqual(len(rows), 11)
                self.assertTrue(all(len(row) <= columns and row == row.rstrip() for row in rows), rows)
                self.assertEqual(any('…' in row for row in rows), columns < 400)
        rows = self.run_carom('parse', '--table', BOUNCES).out.splitlines()
        self.assertTrue(all(row == row.rstrip() for row in rows), rows)

    def test_parse_with_several_threads_prints_the_same(self):
        box, texts = self.dir / 'many.mbox', [path.read_text() for path in sorted(BOUNCES.glob('*.eml'))]
        box.write_text(''.join(f'From x Mon Nov  3 09:00:00 2025\n{texts[i % len(texts)].rstrip()}\n\n' for i in range(1500)))
        one = self.run_carom('parse', '--json', box, BOUNCES)
        self.assertGreater(len(one.out.splitlines()), 1500)
        for jobs in '2', '5':
            many = self.run_carom('parse', '--json', '--jobs', jobs, box, BOUNCES)
            self.assertEqual((many.returncode, many.out, many.err), (one.returncode, one.out, one.err))
        missing = self.run_carom('parse', '--json', '--jobs', '2', 'absent.eml', BOUNCES)
        self.refused(missing, NO_INPUT, r'absent\.eml.*No such file')
        self.assertEqual(missing.out, self.run_carom('parse', '--json', BOUNCES).out)
        for arguments in ('--jobs', '0', '--json'), ('--jobs', '2', '--table'), ('--jobs', '65', '--json'):
            self.refused(self.run_carom('parse', *arguments, BOUNCES), USAGE, 'jobs')

    def test_parse_stdin_names_it(self):
        done, facts = self.parsed('-', given=UNKNOWN.read_bytes())
        self.assertEqual((done.returncode, facts[0]['source'], facts[0]['recipient']), (0, '-', 'anna@example.com'))

    def test_parse_reads_the_return_paths_that_the_policy_names(self):
        for path, chosen, recipient in (('news-bounces+jane=example.com', None, 'jane@example.com'),
                                        ('news-bounces+jane=example.com', '{}', 'forwarded@example.net'),
                                        ('news-bounces+jane=example.com', '{ "ezmlm" }', 'forwarded@example.net'),
                                        ('news-jane=example.com', None, 'forwarded@example.net'),
                                        ('news-jane=example.com', '{ "mailman", "verp" }', 'jane@example.com')):
            configured = f'carom.configure {{ return_paths = {chosen} }}' if chosen else ''
            given = (f'Return-Path: <>\nFrom: MAILER-DAEMON@mx.example.net\nTo: {path}@lists.example.org\n'
                     'Subject: failure notice\n\nHi. This is the qmail-send program at mx.example.net.\n\n'
                     '<forwarded@example.net>:\n550 5.1.1 user unknown\n').encode()
            done, facts = self.parsed('--policy', self.policy(configured), '-', given=given)
            self.assertEqual((done.returncode, facts[0]['recipient']), (0, recipient), f'{path}, {chosen}: {done.err}')

    def test_explain(self):
        for text, words in {
            '550 5.1.1 User unknown': ['permanent', 'user_unknown', 'recipient'],
            '550 5.7.1 Service unavailable, client host blocked using Spamhaus': ['blocked', 'sender'],
            '450': ['transient'],
            'mailbox_full': ['mailbox_full', 'recipient'],
        }.items():
            done = self.run_carom('explain', text)
            self.assertEqual(done.returncode, 0, done.err)
            for word in words:
                self.assertIn(word, done.out, text)

    def test_explain_says_when_it_knows_nothing(self):
        for options in ([], ['--json']):
            self.refused(self.run_carom('explain', *options, 'hello world'), USAGE, "nothing is recognised in 'hello world'")
        self.refused(self.run_carom('explain', 'mailbx_full'), USAGE, r"'mailbx_full' is no reason; did you mean mailbox_full\?")

    def test_explain_for_nobody(self):
        for recipient in 'foo', '@example.com', '':
            for options in (['--policy', self.policy()], ['--json'], []):
                self.refused(self.run_carom('explain', *options, '--recipient', recipient, '550 5.1.1 User unknown'), USAGE,
                             f"--recipient: '{recipient}' is no address")

    def test_explain_with_a_policy_has_an_example(self):
        policy = self.policy()
        done = self.run_carom('explain', '--policy', policy, '550 5.1.1 User unknown')
        self.assertIn('somebody@example.com (made up: --recipient) on the list news.lists.example.org (taken as an example: '
                      '--list): on_permanent', done.out)
        self.assertNotIn('not carried out', done.out)
        done = self.run_carom('explain', '--policy', policy, '--recipient', 'ann@example.net', '--list', 'x.example.org',
                              '550 5.1.1 User unknown')
        self.assertIn('first bounce of ann@example.net on the list x.example.org: on_permanent', done.out)
        self.assertIn('"list":"x.example.org"', done.out)
        silent = self.policy('function on_mailbox_full(bounce) end', 'silent.lua')
        self.assertRegex(self.run_carom('explain', '--policy', silent, '552 5.2.2 Mailbox full').out,
                         r'on_mailbox_full\n  left alone  recorded only\n$')

    def test_one_mistake_is_said_once(self):
        policy = self.policy('function on_permanent(bounce) error("broken") end\nfunction on_complaint(bounce) error("other") end\n')
        done = self.run_carom('run', '--policy', policy, BOUNCES)
        self.assertEqual(done.returncode, SOFTWARE)
        self.assertEqual(done.err.count('on_permanent: broken'), 2, done.err)
        self.assertRegex(done.err, r'(?m)^carom: .*\.eml: .*policy\.lua:1: on_permanent: broken')
        self.assertRegex(done.err, r'(?m)^carom: run: 6 messages: .*policy\.lua:1: on_permanent: broken')
        self.assertEqual(done.err.count('on_complaint: other'), 1, done.err)

    def test_codes_have_a_meaning(self):
        done = self.run_carom('codes', '--replies')
        rows = {line.split('\t')[0]: line.split('\t') for line in done.out.splitlines()[1:]}
        for code in ('211 214 220 221 250 251 252 354 421 450 451 452 500 501 502 503 504 550 551 552 553 554').split():
            self.assertIn(code, rows)
            self.assertGreater(len(rows[code][2]), 20, f'{code}: {rows[code]}')
            self.assertIn(rows[code][2].split()[0], self.run_carom('explain', code).out)

    def test_return_paths_are_printed_as_written(self):
        done = self.run_carom('codes', '--return-paths')
        self.assertIn('\nmailjet\t{word}.{word}={user}={dom}\t*.mailjet.com ; bounces.* ; bnc3.*\tbounce\tyes\n', done.out)

    def test_run_decides_and_keeps(self):
        done = self.run_carom('run', '--policy', self.policy(), BOUNCES)
        self.assertEqual(done.returncode, 0, done.err)
        for pattern in (r'messages +11\b', r'kinds .*permanent 6', r'reasons .*user_unknown 2', r'actions +unsubscribe 3'):
            self.assertRegex(done.out, pattern)
        standing = self.shown('anna@example.com')[-1]
        self.assertIn('news.lists.example.org', [left.get('list') for left in standing['left']])

    def test_show_for_people(self):
        retry = 'function on_transient(bounce) bounce:retry { after = "4h", limit = 5 } end'
        summary = self.run_carom('run', '--policy', self.policy(POLICY + retry), BOUNCES).out
        self.assertRegex(summary, r'(?m)^not done +refused 1: ')
        self.assertNotIn('unmatched', summary)
        done = self.run_carom('show', '--table', 'anna@example.com', 'dieter@example.net', 'nobody@example.com')
        self.assertEqual((done.returncode, done.err), (0, ''))
        self.assertRegex(done.out, r'(?m)^2025-11-03T\S+Z  unsubscribe +permanent user_unknown: 550 5\.1\.1 <anna@example')
        self.assertRegex(done.out, r'(?m)^anna@example\.com\n(?:  left .*\n)?  left        news\.lists\.example\.org since 20')
        self.assertRegex(done.out, r'nobody@example\.com\n  no suppression, and no list left\n$')
        everybody = self.run_carom('show', '--table', '--all').out
        self.assertEqual(len(everybody.splitlines()), 11)
        self.assertRegex(everybody, r'(?m)^\S+Z  dieter@example\.net +retry refused ')
        self.refused(self.run_carom('show', '--json', '--table', 'a@b.example'), USAGE, 'exclude one another')
        self.assertEqual(self.run_carom('show', 'Anna <anna@example.com>').out, self.run_carom('show', 'anna@example.com').out)
        self.refused(self.run_carom('show', 'anna'), USAGE, "'anna' is no address")
        with contextlib.closing(sqlite3.connect(self.dir / 'state' / 'carom.db')) as ledger, ledger:
            ledger.execute("UPDATE fact SET fact = 'nonsense'")
        self.refused(self.run_carom('show', '--table', 'anna@example.com'), IO, 'a fact cannot be read')

    def test_run_twice_changes_nothing(self):
        policy = self.policy()
        self.run_carom('run', '--policy', policy, BOUNCES)
        before = self.run_carom('show', '--all').out
        done = self.run_carom('run', '--policy', policy, BOUNCES)
        self.assertRegex(done.out, r'11 of them known already')
        self.assertEqual(self.run_carom('show', '--all').out, before)

    def test_dry_run_touches_nothing(self):
        done = self.run_carom('run', '--dry-run', '--policy', self.policy(), BOUNCES)
        self.assertEqual(done.returncode, 0, done.err)
        self.assertRegex(done.out, r'actions +unsubscribe 3')
        self.assertEqual([p for p in (self.dir / 'state').rglob('*') if p.is_file()], [])

    def test_threads_change_nothing(self):
        """Hundreds of messages, some of whose hooks fail, some of which cannot be read."""
        folder = self.dir / 'many'
        folder.mkdir()
        for i in range(300):
            text = UNKNOWN.read_text().replace('anna@', f'anna{i % 7}@').replace('Message-ID: <', f'Message-ID: <{i}.')
            (folder / f'{i:03}.eml').write_text(text)
        (folder / '150.eml').unlink()
        (folder / '150.eml').symlink_to('nowhere')
        policy = self.policy('function on_permanent(bounce)\n'
                             '  if bounce.recipient == "anna3@example.com" then error("not her") end\n'
                             '  if bounce:count { within = "60d" } >= 3 then bounce:suppress { duration = "90d" } end\nend\n')
        runs = []
        for jobs in ('1', '2', '5'):
            done = self.run_carom('run', '--json', '--jobs', jobs, '--policy', policy, '--state', self.dir / f's{jobs}', folder)
            self.assertEqual(done.returncode, 70, done.err)
            runs.append((done.out, re.sub(r'(?m)^ledger .*', '', done.err)))
        self.assertEqual(runs[0], runs[1])
        self.assertEqual(runs[0], runs[2])
        self.assertEqual(len(runs[0][0].splitlines()), 300 - 43)  # one of the 43 is the one that cannot be read
        self.assertEqual(self.run_carom('run', '--jobs', '0', '--policy', policy, folder).returncode, 64)

    def test_run_json_is_one_object_a_fact(self):
        done = self.run_carom('run', '--json', '--policy', self.policy(), UNKNOWN)
        row = json.loads(done.out)
        self.assertEqual((row['fact']['recipient'], row['hook'], [a['name'] for a in row['actions']]),
                         ('anna@example.com', 'on_permanent', ['unsubscribe']))
        self.assertRegex(done.err, r'messages +1\b')

    def test_pipe_is_silent_and_keeps(self):
        done = self.run_carom('pipe', '--policy', self.policy(), '--recipient', 'news-bounces@lists.example.org',
                              given=UNKNOWN.read_bytes())
        self.assertEqual((done.returncode, done.out, done.err), (0, '', ''))
        self.assertEqual(self.shown('anna@example.com')[0]['envelope_to'], 'news-bounces@lists.example.org')

    def test_pipe_takes_the_envelope_from_the_environment(self):
        told = ({'RECIPIENT': 'b+1@lists.example.org'},
                {'ORIGINAL_RECIPIENT': 'b+1@lists.example.org', 'RECIPIENT': 'carom@lists.example.org'},
                {'ORIG_RECIPIENT': 'b+1@lists.example.org', 'RECIPIENT': 'carom@lists.example.org'},
                {'ORIG_RECIPIENT': '', 'RECIPIENT': 'b+1@lists.example.org', 'LOCAL': 'c', 'DOMAIN': 'example.org'},
                {'LOCAL_PART': 'b', 'LOCAL_PART_SUFFIX': '+1', 'DOMAIN': 'lists.example.org'},
                {'LOCAL_PART_PREFIX': 'b+', 'LOCAL_PART': '1', 'DOMAIN': 'lists.example.org'},
                {'LOCAL': 'b+1', 'EXTENSION': '1', 'USER': 'b', 'DOMAIN': 'lists.example.org'},
                {'LOCAL': 'b+1', 'EXT': '1', 'HOST': 'lists.example.org'})
        for number, variables in enumerate(told):
            state = str(self.dir / f'state{number}')
            with unittest.mock.patch.dict(os.environ, variables):
                done = self.run_carom('pipe', '--policy', self.policy(), '--state', state, given=UNKNOWN.read_bytes())
            self.assertEqual((done.returncode, done.out, done.err), (0, '', ''))
            shown = self.run_carom('show', '--all', '--state', state).out.splitlines()
            self.assertEqual([json.loads(row)['envelope_to'] for row in shown], ['b+1@lists.example.org'], variables)

    def test_help_of_every_command(self):
        commands = re.findall(r'(?m)^  ([a-z]+)  ', self.run_carom('--help').out)
        self.assertIn('parse', commands)
        for command in commands:
            done = self.run_carom(command, '--help')
            self.assertEqual((done.returncode, done.out.startswith(f'usage: carom {command} ')), (0, True), command)


class BadMessages(Cli):
    def test_nothing_on_stdin(self):
        done, facts = self.parsed('-')
        self.assertEqual((done.returncode, facts), (0, []))
        self.assertRegex(done.err, r'\Acarom: parse: .*empty')
        done = self.run_carom('pipe', '--policy', self.policy())
        self.assertEqual(done.returncode, TEMPORARY)
        self.assertRegex(done.out, r'\A4\.3\.0 .*empty')

    def test_an_empty_file_among_others(self):
        for name in 'a.eml', 'b.eml':
            (self.dir / name).touch()
        for paths, said in (([self.dir / 'a.eml', UNKNOWN], f'carom: parse: {self.dir}/a.eml is empty\n'),
                            ([UNKNOWN, self.dir, '--jobs', '2'], f'carom: parse: {self.dir}/a.eml and 1 more are empty\n')):
            done, facts = self.parsed(*paths)
            self.assertEqual((done.returncode, len(facts), done.err), (0, 1, said))

    def test_a_jpeg(self):
        picture = b'\xff\xd8\xff\xe0\x00\x10JFIF\x00' + bytes(i * 7919 % 256 for i in range(200000)) + b'\xff\xd9'
        done, facts = self.parsed('-', given=picture)
        self.assertEqual((done.returncode, [fact['kind'] for fact in facts]), (0, ['other']), done.err)

    def test_fifty_megabytes(self):
        line = b'all work and no play makes jack a dull boy, and so on and on\r\n'
        mail = UNKNOWN.read_bytes() + line * (50 * 1024 * 1024 // len(line))
        began = time.monotonic()
        done, facts = self.parsed('-', given=mail)
        self.assertLess(time.monotonic() - began, 30)
        self.assertEqual((done.returncode, facts[0]['recipient']), (0, 'anna@example.com'), done.err)

    def test_ten_thousand_nested_parts(self):
        head = b'From: a@example.org\nMIME-Version: 1.0\n'
        mail = head + b''.join(b'Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n' % (i, i) for i in range(10000))
        began = time.monotonic()
        done, facts = self.parsed('-', given=mail)
        self.assertLess(time.monotonic() - began, 10)
        self.assertEqual((done.returncode, len(facts)), (0, 1), done.err)
        mail = head + b'Content-Type: message/rfc822\n\n' * 10000
        self.assertEqual(self.parsed('-', given=mail)[0].returncode, 0)

    def test_a_truncated_mbox(self):
        mails = [path.read_bytes() for path in sorted(BOUNCES.glob('*.eml'))[:3]]
        mails[2] = mails[2][:mails[2].index(b'Diagnostic-Code')]
        box = self.dir / 'box'
        box.write_bytes(b''.join(b'From MAILER-DAEMON Mon Nov  3 00:00:00 2025\n' + mail + b'\n' for mail in mails))
        done, facts = self.parsed(box)
        self.assertEqual(done.returncode, 0, done.err)
        self.assertEqual([(fact['index'], fact['recipient']) for fact in facts],
                         [(1, 'anna@example.com'), (2, 'bert@example.net'), (3, 'clara@example.com')])
        self.assertEqual([bool(fact.get('truncated')) for fact in facts], [False, False, True])

    def test_hostile_bytes_never_reach_the_terminal(self):
        mail = UNKNOWN.read_bytes().replace(b'User unknown', b'User \x1b[31munknown\x07')
        done = self.run_carom('parse', '--table', '-', given=mail)
        self.assertEqual(done.returncode, 0, done.err)
        self.assertNotRegex(done.out, '[\x00-\x09\x0b-\x1f\x7f]')


class BadPolicies(Cli):
    def decide(self, text, *arguments):
        return self.run_carom('run', '--policy', self.policy(text), *(arguments or [UNKNOWN]))

    def test_no_such_policy(self):
        self.refused(self.run_carom('run', '--policy', 'absent.lua', UNKNOWN), IO, r'absent\.lua.*No such file')

    def test_a_syntax_error(self):
        self.refused(self.decide('function on_permanent(bounce)\n  if bounce.hard\nend\n'), CONFIG, r'policy\.lua:3: ')

    def test_a_misspelt_hook(self):
        self.refused(self.decide('function on_permament(bounce) end'), CONFIG, r'on_permament.*on_permanent')

    def test_a_misspelt_key(self):
        self.refused(self.decide('carom.configure { list = {} }'), CONFIG, r'list.*lists')

    def test_a_misspelt_field(self):
        done = self.decide('function on_permanent(bounce)\n  if bounce.reson == "x" then end\nend')
        self.refused(done, SOFTWARE, r'policy\.lua:2: ', r'on_permanent', r'reson.*reason', r'01-user-unknown\.eml')
        self.assertRegex(done.out, r'failed +1\b')

    def test_a_misspelt_method(self):
        done = self.decide('function on_permanent(bounce)\n  bounce:unsubscribed()\nend')
        self.refused(done, SOFTWARE, r'policy\.lua:2: ', r'unsubscribed.*unsubscribe')

    def test_a_failing_hook_does_not_stop_the_others(self):
        done = self.decide('function on_user_unknown(bounce) error("no") end\n'
                           'function on_host_unknown(bounce) bounce:unsubscribe() end\n' + POLICY, BOUNCES)
        self.refused(done, SOFTWARE, r'on_user_unknown')
        self.assertRegex(done.out, r'failed +2\b')
        self.assertRegex(done.out, r'actions +unsubscribe 1\b')
        self.assertEqual([row for row in self.shown('--all') if row['recipient'] == 'anna@example.com'], [])

    def test_an_endless_loop(self):
        began = time.monotonic()
        self.refused(self.decide('function on_permanent(bounce)\n  while true do pcall(error) end\nend'), SOFTWARE,
                     r'policy\.lua', r'on_permanent')
        self.assertLess(time.monotonic() - began, 10)

    def test_the_outside_is_out_of_reach(self):
        for what in ('io.open("x")', 'os.execute("x")', 'load("x")', 'debug.getinfo(1)', 'collectgarbage()'):
            self.refused(self.decide(f'function on_permanent(bounce)\n  {what}\nend'), SOFTWARE, r'policy\.lua:2: ')

    def test_pipe_takes_the_bounce_into_the_spool(self):
        for text in ('function on_permanent(bounce', 'function on_permament(b) end',
                     'function on_permanent(b) return b.reson end'):
            done = self.run_carom('pipe', '--policy', self.policy(text), given=UNKNOWN.read_bytes())
            self.assertEqual((done.returncode, done.out, done.err), (0, '', ''))
            done = self.run_carom('run', '--spool', '--policy', 'policy.lua')
            self.assertEqual(done.returncode, TEMPORARY)
            self.assertRegex(done.err, r'(?m)still in the spool .*policy\.lua.*$')


class BadPlaces(Cli):
    def test_no_such_source(self):
        self.refused(self.run_carom('parse', 'absent.eml'), NO_INPUT, r'absent\.eml.*No such file')
        done = self.run_carom('run', '--policy', self.policy(), 'absent.eml', UNKNOWN)
        self.refused(done, NO_INPUT, r'absent\.eml')
        self.assertRegex(done.out, r'(?s)messages +1\b.*unread +1\b')

    def test_a_packed_archive(self):
        for name, pack in (('a.mbox.gz', gzip.compress), ('a.mbox.xz', lzma.compress), ('a.mbox.bz2', bz2.compress)):
            (self.dir / name).write_bytes(pack(UNKNOWN.read_bytes()))
            done = self.run_carom('run', '--policy', self.policy(), name, UNKNOWN)
            self.refused(done, NO_INPUT, rf'{name}: is packed by \w+; unpack it')
            self.assertRegex(done.out, r'(?m)^messages +1,')

    def test_an_unwritable_ledger(self):
        for url in ('sqlite:/proc/carom.db', f'sqlite:{self.dir}', 'sqlite:/nowhere/at/all/carom.db'):
            self.refused(self.run_carom('run', '--policy', self.policy(), '--store', url, UNKNOWN), IO,
                         re.escape(url.partition(':')[2]))
            done = self.run_carom('pipe', '--policy', self.policy(), '--store', url, '--spool', '/proc/spool',
                                  given=UNKNOWN.read_bytes())
            self.assertEqual(done.returncode, TEMPORARY, url)
            self.assertRegex(done.out, r'\A4\.3\.0 carom: .*; and not into the spool: ')

    def test_a_store_of_another_kind(self):
        self.refused(self.run_carom('run', '--policy', self.policy(), '--store', 'mysql:x', UNKNOWN), CONFIG, r'mysql')

    def test_no_ledger_yet(self):
        self.refused(self.run_carom('show', 'anna@example.com'), IO, r'carom\.db')

    def test_no_place_for_a_ledger(self):
        (self.dir / 'file').write_text('')
        done = self.run_carom('run', '--policy', self.policy(), '--state', 'file/state', UNKNOWN)
        self.refused(done, IO, r'file/state: cannot make the state directory: Not a directory; .*--state')

    def test_only_what_takes_mail_makes_a_ledger(self):
        for command in (['show', 'anna@example.com'], ['outbox'], ['deliver', '--policy', self.policy()],
                        ['outbox', 'resend', '1']):
            self.refused(self.run_carom(*command), IO, r'there is no ledger')
        self.assertEqual(self.run_carom('run', '--policy', self.policy(), '--dry-run', UNKNOWN).returncode, 0)
        self.assertFalse((self.dir / 'state').exists())

    def test_a_slow_source_does_not_keep_the_ledger(self):
        slow = subprocess.Popen([CAROM, 'run', '--quiet', '--policy', self.policy(), '-'], stdin=subprocess.PIPE,
                                cwd=self.dir, env={**os.environ, 'CAROM_STATE': str(self.dir / 'state')})
        try:
            slow.stdin.write(b'From a@example.com Sun Mar  1 12:00:00 2026\nSubject: one\n\nx\n\n'
                             b'From a@example.com Sun Mar  1 12:00:00 2026\nSubject: two\n')
            slow.stdin.flush()
            done = self.run_carom('pipe', '--policy', self.policy(), given=UNKNOWN.read_bytes(), timeout=4)
            self.assertEqual(done.returncode, 0, done.out)
        finally:
            slow.stdin.close()
            self.assertEqual(slow.wait(20), 0)

    def kept_soon(self, ledger):
        end = time.monotonic() + 20
        while time.monotonic() < end:
            with contextlib.suppress(sqlite3.OperationalError), contextlib.closing(sqlite3.connect(f'file:{ledger}?mode=ro', uri=True)) as db:
                if db.execute('SELECT count(*) FROM fact').fetchone()[0]:
                    return
            time.sleep(0.05)
        self.fail(f'nothing is in {ledger}')

    def test_who_waits_can_be_stopped(self):
        """Whether a pipe is named or is stdin; what came before is kept."""
        os.mkfifo(self.dir / 'fifo')
        for source, stopped_by in (('-', signal.SIGTERM), ('fifo', signal.SIGINT)):
            waiting = subprocess.Popen([CAROM, 'run', '--policy', self.policy(), UNKNOWN, source], stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=self.dir,
                                       env={**os.environ, 'CAROM_STATE': str(self.dir / f'state{source}')})
            with waiting:
                self.kept_soon(self.dir / f'state{source}/carom.db') # and then it waits
                waiting.send_signal(stopped_by)
                self.assertEqual(waiting.wait(20), 128 + signal.SIGINT, source)
                said = waiting.stdout.read()
                self.assertIn(b'stopped; what is counted below is committed\n', said)
                self.assertIn(b'messages   1, with 1 facts', said)

    def test_what_is_committed_is_printed_whole(self):
        """Also where nobody reads yet, and a signal comes meanwhile."""
        out, full = os.pipe()
        blank = os.write(full, fcntl.fcntl(full, fcntl.F_GETPIPE_SZ) * b'\n')
        running = subprocess.Popen([CAROM, 'run', '--json', '--jobs', '1', '--policy', self.policy(), *200 * [UNKNOWN]],
                                   stdout=full, stderr=subprocess.PIPE, cwd=self.dir,
                                   env={**os.environ, 'CAROM_STATE': str(self.dir / 'state')})
        os.close(full)
        with running, open(out, 'rb') as lines:
            while not (self.dir / 'state/carom.db').exists():
                time.sleep(0.05)
            time.sleep(1) # by then it waits
            running.send_signal(signal.SIGINT)
            time.sleep(0.2)
            lines.read(blank)
            printed = [json.loads(line) for line in lines]
            said = running.stderr.read().decode()
            self.assertEqual(running.wait(20), 128 + signal.SIGINT, said)
        self.assertIn(f'messages   {len(printed)},', said)
        self.assertIn(len(printed), range(1, 200))

    def test_one_message_id_for_two_failures(self):
        """Some reporters use one for all; the returned message tells them apart."""
        text = UNKNOWN.read_text()
        found = re.search(r'(?mi)^Message-ID: *(<[^>]*>)(?=[\s\S]*^Message-ID)', text)
        returned = re.findall(r'(?mi)^Message-ID: *(<[^>]*>)', text)[-1]
        self.assertNotEqual(found.group(1), returned)
        (self.dir / 'other.eml').write_text(text.replace(returned, '<another@lists.example.org>'))
        done = self.run_carom('run', '--policy', self.policy(), UNKNOWN, 'other.eml', 'other.eml')
        self.assertRegex(done.out, r'3 facts, 1 of them known')

    def test_a_webhook_host_that_does_not_exist(self):
        policy = self.policy(POLICY.replace('}\nfunction', '''  sinks = { ["*"] = carom.webhook {
            url = "https://no-such-host.invalid/hook", secret = "whsec_c2VjcmV0c2VjcmV0c2VjcmV0" } } }
function''', 1))
        self.assertEqual(self.run_carom('run', '--policy', policy, UNKNOWN).returncode, 0)
        done = self.run_carom('deliver', '--policy', policy)
        self.assertEqual(done.returncode, 0, done.err)
        self.assertRegex(done.out, r'done 0, to be tried again 1, dead letters 0; left in the outbox: waiting \d, pending 0, dead 0')
        jobs = [json.loads(line) for line in self.run_carom('outbox', 'list', '--json').out.splitlines()]
        self.assertEqual([(job['state'], job['attempts'], job['address']) for job in jobs],
                         [('waiting', 1, 'anna@example.com')])
        self.assertRegex(jobs[0]['last_answer'], r'no-such-host\.invalid')

    def test_a_full_disk_for_the_output(self):
        self.run_carom('run', '--policy', self.policy(), BOUNCES)
        for command in (('parse', '--json', BOUNCES), ('show', *100 * ['anna@example.com'])):
            with open('/dev/full', 'w') as full:
                done = subprocess.run([CAROM, *map(str, command)], stdout=full, stderr=subprocess.PIPE, text=True,
                                      env={**os.environ, 'CAROM_STATE': str(self.dir / 'state')})
            self.assertEqual(done.returncode, IO)
            self.assertRegex(done.stderr, r'carom: .*No space left')


class BadArguments(Cli):
    def test_who_reads_no_further_is_told_nothing(self):
        self.run_carom('run', '--policy', self.policy(), BOUNCES)
        for command in (('parse', '--json', BOUNCES), ('codes',), ('rules',), ('explain', '550'), ('show', '--all'), ('--help',),
                        ('why', 'anna@example.com'), ('report',), ('suppressions', 'export'), ('undo', 'list'), ('held', 'list'),
                        ('replay', '--policy', 'policy.lua', '--since', '1d'),
                        ('diff', 'policy.lua', 'policy.lua', BOUNCES)):
            reading, writing = os.pipe()
            os.close(reading)
            done = subprocess.run([CAROM, *map(str, command)], stdout=writing, stderr=subprocess.PIPE, cwd=self.dir,
                                  env={**os.environ, 'CAROM_STATE': str(self.dir / 'state')})
            os.close(writing)
            self.assertEqual((done.returncode, done.stderr), (IO, b''), command)

    def test_commands_and_options_are_suggested(self):
        for arguments, word in ((['prase', 'x'], 'parse'), (['parse', '--jsno', 'x'], '--json'),
                                (['run', '--polcy', 'x'], '--policy'), (['outbox', 'lits'], 'list')):
            done = self.run_carom(*arguments)
            self.refused(done, USAGE, word)

    def test_help_is_found_by_each_name(self):
        run = self.run_carom('run', '--help').out
        self.assertEqual(self.run_carom('help', 'run').out, run)
        self.assertEqual(self.run_carom('run', '-h').out, run)
        self.assertEqual(self.run_carom('help').out, self.run_carom('--help').out)
        self.assertEqual(self.run_carom('-V').out, self.run_carom('--version').out)
        self.refused(self.run_carom('help', 'prase'), USAGE, r'did you mean parse\?')

    def test_something_is_missing(self):
        for arguments, word in ((['parse'], 'SOURCE'), (['run', str(UNKNOWN)], '--policy'), (['explain'], 'explain'),
                                (['show'], 'ADDRESS'), (['deliver'], '--policy'), (['run', '--policy'], '--policy')):
            self.refused(self.run_carom(*arguments), USAGE, word)

    def test_nothing_at_all(self):
        done = self.run_carom()
        self.assertEqual(done.returncode, USAGE)
        self.assertIn('usage: carom', done.err)


if __name__ == '__main__':
    unittest.main()
