#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: the carom authors
"""An installation as newcomers leave it: who may read and write what, as whom carom runs, and what it says about that.

usage: CAROM=path/to/carom setup_test.py [unittest arguments]
"""
import json
import os
import pathlib
import re
import shutil
import socket
import socketserver
import sqlite3
import ssl
import subprocess
import tempfile
import threading
import unittest

CAROM = os.path.abspath(os.environ['CAROM'])
BOUNCES = pathlib.Path(__file__).resolve().parent.parent.parent / 'examples' / 'bounces'
BOUNCE = (BOUNCES / '01-user-unknown.eml').read_text()
POLICY = '''
function on_permanent(bounce)
  if bounce.hard then bounce:suppress { duration = "90d" } end
end
'''
NOBODY = 65534 # nobody and nogroup of Debian
NUMBER = 54321 # of no user


class Setup(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix='carom-setup-')
        self.addCleanup(scratch.cleanup)
        self.dir = pathlib.Path(scratch.name)
        self.dir.chmod(0o755)
        self.state = self.dir / 'state'
        self.write(POLICY)

    def write(self, policy):
        (self.dir / 'policy.lua').write_text(policy)

    def environment(self):
        """Who gives up root cannot be looked into by the leak checker."""
        return {'PATH': os.environ['PATH'], 'CAROM_STATE': str(self.state), 'ASAN_OPTIONS': 'detect_leaks=0'}

    def carom(self, *arguments, given='', code=0, environment=(), **how):
        done = subprocess.run([CAROM, *map(str, arguments)], input=given, capture_output=True, text=True, timeout=120,
                              cwd=self.dir, env={**self.environment(), **dict(environment)}, **how)
        self.assertEqual(done.returncode, code, f'{arguments}: {done.stderr}{done.stdout}')
        self.errors = done.stderr
        return done.stdout

    def pipe(self, **how):
        return self.carom('pipe', '--policy', 'policy.lua', given=BOUNCE, **how)

    def owners(self, directory=None):
        return {path.name: path.stat().st_uid for path in (directory or self.state).iterdir()}


    def checks(self, code=0, **how):
        """The lines of check-setup as (result, check, what; remedy)."""
        options = how.pop('options', ())
        lines = self.carom('check-setup', '--policy', 'policy.lua', *options, code=code, **how).splitlines()
        self.assertRegex(lines[-1], r'^\d+ ok, \d+ warnings, \d+ failures$')
        rows = [re.fullmatch(r'(ok|warning|failure) +(\S+) +(.+)', line) for line in lines[:-1]]
        self.assertTrue(all(rows), lines)
        self.assertEqual(code, 78 if any(row[1] == 'failure' for row in rows) else 0, lines)
        return [row.groups() for row in rows]

    def assertChecked(self, rows, result, check, pattern):
        self.assertTrue(any(row[0] == result and row[1] == check and re.search(pattern, row[2]) for row in rows),
                        (result, check, pattern, rows))


@unittest.skipUnless(os.geteuid() == 0, 'becoming somebody else needs root')
class Root(Setup):
    def setUp(self):
        super().setUp()
        self.state.mkdir()
        os.chown(self.state, NOBODY, NOBODY)
        self.state.chmod(0o2770)
        self.as_nobody = {'user': NOBODY, 'group': NOBODY, 'extra_groups': []}
        if not self.nobody_may_run_it():
            self.skipTest(f'nobody may not run {CAROM}')

    def nobody_may_run_it(self):
        try:
            return subprocess.run([CAROM, '--version'], capture_output=True, **self.as_nobody).returncode == 0
        except PermissionError: # in the home directory of root, say
            return False

    def test_becomes_who_owns_the_state_directory(self):
        self.pipe()
        self.carom('run', '--policy', 'policy.lua', '--quiet', BOUNCES)
        self.carom('suppressions', 'add', 'zoe@example.com')
        self.carom('forget', '--keep-hash', 'zoe@example.com')
        self.carom('deliver', '--policy', 'policy.lua')
        self.assertEqual(set(self.owners().values()), {NOBODY}, self.owners())
        self.pipe(**self.as_nobody)
        self.assertIn('anna@example.com', self.carom('show', 'anna@example.com', **self.as_nobody))

    def test_a_user_without_a_name(self):
        os.chown(self.state, NUMBER, NUMBER)
        self.pipe()
        self.assertEqual(set(self.owners().values()), {NUMBER})
        self.assertEqual({path.stat().st_gid for path in self.state.iterdir()}, {NUMBER})

    def test_a_directory_that_is_yet_to_be_made(self):
        self.pipe(environment={'CAROM_STATE': str(self.state / 'deep' / 'er')})
        self.assertEqual(self.owners(), {'deep': NOBODY})
        self.assertEqual(set(self.owners(self.state / 'deep' / 'er').values()), {NOBODY})

    def test_a_spool_that_cannot_be_written(self):
        self.assertChecked(self.checks(), 'ok', 'spool', f'{self.state}/spool is not there yet')
        spool = self.state / 'spool'
        spool.mkdir()
        spool.chmod(0o755) # of root
        self.assertChecked(self.checks(code=78), 'failure', 'spool', f'{spool}: cannot .*Permission denied; until it can be')
        os.chown(spool, NOBODY, NOBODY)
        self.assertChecked(self.checks(), 'ok', 'spool', f'{spool} can be written')
        self.assertEqual(list(spool.iterdir()), [])
        self.assertChecked(self.checks(options=['--spool', '/dev/full'], code=78), 'failure', 'spool', '/dev/full: cannot')
        self.assertChecked(self.checks(options=['--spool', '/dev/full/spool'], code=78), 'failure', 'spool',
                           '/dev/full/spool: cannot find it: Not a directory')

    def test_the_store_of_the_policy(self):
        elsewhere = self.dir / 'elsewhere'
        elsewhere.mkdir()
        os.chown(elsewhere, NUMBER, NUMBER)
        self.write(f'carom.configure {{ store = "sqlite:{elsewhere}/carom.db" }}{POLICY}')
        self.pipe()
        self.assertEqual(set(self.owners(elsewhere).values()), {NUMBER})
        self.assertEqual(self.owners(), {})
        self.carom('run', '--policy', 'policy.lua', '--quiet', '--store', f'sqlite:{self.state}/x.db', BOUNCES)
        self.assertEqual(set(self.owners().values()), {NOBODY})

    def test_a_ledger_of_somebody_in_a_directory_of_root(self):
        os.chown(self.state, 0, 0)
        self.pipe()
        self.assertEqual(set(self.owners().values()), {0})
        for path in self.state.iterdir():
            os.chown(path, NOBODY, NOBODY)
        self.state.chmod(0o777)
        self.carom('suppressions', 'add', 'zoe@example.com')
        self.assertEqual(set(self.owners().values()), {NOBODY}, self.owners())

    def test_what_root_alone_may_read_is_not_read(self):
        shutil.copy(BOUNCES / '01-user-unknown.eml', self.dir / 'secret.eml')
        (self.dir / 'secret.eml').chmod(0o600)
        self.carom('run', '--policy', 'policy.lua', 'secret.eml', code=66)
        self.assertIn('secret.eml: cannot be read: Permission denied (carom runs as nobody)\n', self.errors)
        (self.dir / 'policy.lua').chmod(0o600)
        self.carom('run', '--policy', 'policy.lua', BOUNCES, code=74)
        self.assertRegex(self.errors, r'policy\.lua.*Permission denied \(carom runs as nobody\)\n')
        self.carom('parse', 'nothing.eml', code=66)
        self.assertNotIn('runs as', self.errors)

    def test_others_are_told_as_whom_to_run(self):
        how = {'user': NUMBER, 'group': NUMBER, 'extra_groups': []}
        self.carom('show', 'anna@example.com', code=74, **how)
        self.assertRegex(self.errors, r'state directory /\S+/state: Permission denied; run this as the user nobody, as root,')
        self.assertRegex(self.pipe(code=75, **how), r'^4\.3\.0 carom: the state directory .* run this as the user nobody')

    # What a newcomer gets wrong: found by check-setup, and seen in status.

    def status(self, code, pattern, **how):
        self.assertRegex(self.carom('status', '--nagios', code=code, **how), pattern)

    def everybody_is_told(self, code, pattern):
        """Root, the owner, and a monitor that may only look: its user is of the owner's group."""
        for how in ({}, self.as_nobody, {'user': NUMBER, 'group': NOBODY, 'extra_groups': []}):
            before = sorted(self.dir.rglob('*'))
            self.status(code, pattern, **how)
            self.assertEqual(sorted(self.dir.rglob('*')), before, 'status made something')

    def test_directories_that_cannot_be_written(self):
        self.pipe()
        keep = sqlite3.connect(self.state / 'carom.db') # as carom deliver --watch: the log stays
        self.addCleanup(keep.close)
        keep.execute('SELECT count(*) FROM fact').fetchone()
        self.everybody_is_told(0, 'OK')
        self.state.chmod(0o570)
        self.everybody_is_told(2, rf'CRITICAL - nobody may not write in {self.state}: Permission denied\|')
        self.assertRegex(self.carom('status'), rf'(?m)^ +chmod u\+rwx {self.state}$')
        self.assertChecked(self.checks(code=78), 'failure', 'directory',
                           rf'belongs to nobody \(mode 570\): Permission denied; chmod u\+rwx {self.state}$')
        self.state.chmod(0o775)
        self.assertChecked(self.checks(code=78, options=('--user', 'daemon')), 'failure', 'directory',
                           rf'daemon may not write .*; run carom as nobody, or .*: chown daemon: {self.state}$')
        self.state.chmod(0o2770)
        spool = self.state / 'spool'
        spool.mkdir()
        spool.chmod(0o755) # of root
        self.everybody_is_told(2, rf'CRITICAL - nobody may not write in {spool}: Permission denied\|')
        self.assertRegex(self.carom('status'), rf'(?m)^ +chown nobody: {spool}$')
        os.chown(spool, NOBODY, NOBODY)
        self.everybody_is_told(0, 'OK')
        spool.chmod(0o550)
        self.everybody_is_told(2, rf'CRITICAL - nobody may not write in {spool}: Permission denied\|')

    def test_file_systems_that_cannot_be_written(self):
        status = f'{CAROM} status --nagios'
        script = f'''set -e
            mount -t tmpfs -o size=20m,mode=2770,uid={NOBODY},gid={NOBODY} none {self.state}
            {CAROM} pipe --policy policy.lua <bounce
            {status} || echo "exit $?"
            cat /dev/zero >{self.state}/filler 2>/dev/null || true
            {status} || echo "exit $?"
            rm {self.state}/filler
            mount -o remount,ro none {self.state}
            {status} || echo "exit $?"
            {CAROM} check-setup --policy policy.lua >{self.dir}/checked || true
            mount -t tmpfs -o ro none {self.dir}/spool
            mount -o remount,rw,size=200m none {self.state}
            {status} --spool {self.dir}/spool || echo "exit $?"
            {status} || echo "exit $?"'''
        (self.dir / 'bounce').write_text(BOUNCE)
        (self.dir / 'spool').mkdir()
        done = subprocess.run(['unshare', '--mount', 'sh', '-c', script], capture_output=True, text=True, cwd=self.dir,
                              env=self.environment(), timeout=60)
        if 'unshare' in done.stderr or 'mount:' in done.stderr:
            self.skipTest(done.stderr)
        self.assertEqual((done.returncode, done.stderr), (0, ''), done.stdout)
        lines = done.stdout.splitlines()
        for (line, code), (pattern, expected) in zip(zip(lines[::2], lines[1::2]), (
                (rf'CAROM WARNING - 1\d MiB are free under {self.state}\|', 'exit 1'),
                (rf'CAROM CRITICAL - 0 MiB are free under {self.state}\|', 'exit 2'),
                (rf'CAROM CRITICAL - nobody may not write in {self.state}: Read-only file system\|', 'exit 2'),
                (rf'CAROM CRITICAL - nobody may not write in {self.dir}/spool: Read-only file system\|', 'exit 2'))):
            self.assertRegex(line, pattern)
            self.assertEqual(code, expected)
        self.assertRegex(lines[8], 'CAROM OK')
        self.assertRegex((self.dir / 'checked').read_text(), '(?m)^failure  directory .*: Read-only file system; mount its file system for')

    def test_a_lock_made_by_root(self):
        self.pipe()
        lock = self.state / 'carom.db.lock'
        os.chown(lock, 0, 0)
        self.pipe(**self.as_nobody)
        self.assertEqual(len(list((self.state / 'spool').glob('*.mail'))), 1)
        for how in ({}, self.as_nobody):
            rows = self.checks(code=78, **how)
            self.assertChecked(rows, 'failure', 'files', r'carom\.db\.lock belongs to root .* cannot be used by nobody; '
                                                         r'chown nobody: \S+/carom\.db\.lock')
        self.status(2, r'CRITICAL - \S+/carom\.db\.lock belongs to root')
        os.chown(lock, NOBODY, NOBODY)
        self.carom('run', '--spool', '--quiet', '--policy', 'policy.lua')
        self.assertEqual(set(self.owners().values()), {NOBODY}, self.owners())
        self.assertChecked(self.checks(), 'ok', 'ledger', 'its lock can be taken')
        self.status(0, 'OK')

    def test_a_log_of_the_ledger_made_by_root(self):
        self.pipe()
        keep = sqlite3.connect(self.state / 'carom.db') # as root: the log stays while it is open
        self.addCleanup(keep.close)
        keep.execute('SELECT count(*) FROM fact').fetchone()
        for name in ('carom.db-wal', 'carom.db-shm'):
            os.chown(self.state / name, 0, 0)
            (self.state / name).chmod(0o600)
        self.assertChecked(self.checks(code=78), 'failure', 'files', r'carom\.db-wal belongs to root')
        self.status(2, r'CRITICAL - \S+/carom\.db-(wal|shm) belongs to root')

    def test_a_ledger_that_cannot_be_read(self):
        self.pipe()
        os.chown(self.state / 'carom.db', 0, 0)
        self.assertChecked(self.checks(code=78), 'failure', 'files', r'carom\.db belongs to root')
        self.status(2, r'CRITICAL - \S+/carom\.db belongs to root .*; chown nobody:')

    def test_a_policy_that_cannot_be_read(self):
        self.pipe()
        (self.dir / 'policy.lua').chmod(0o600) # of root
        self.assertRegex(self.carom('status', '--nagios', '--policy', 'policy.lua', code=2),
                         r'^CAROM CRITICAL - policy\.lua: cannot be opened: Permission denied$')

    def test_another_owner_whose_group_may_write(self):
        self.pipe()
        os.chown(self.state / 'carom.db', 0, NOBODY)
        (self.state / 'carom.db').chmod(0o660)
        self.assertChecked(self.checks(), 'warning', 'files', r'carom\.db belongs to root')
        self.status(0, 'OK')

    def test_for_another_user(self):
        self.assertChecked(self.checks(), 'ok', 'user', 'for nobody')
        self.assertChecked(self.checks(code=78, options=('--user', 'daemon')), 'failure', 'directory',
                           r'belongs to nobody|state directory .*run this as the user nobody')
        self.carom('check-setup', '--policy', 'policy.lua', '--user', 'no-such-user', code=64)
        self.carom('check-setup', '--policy', 'policy.lua', '--user', 'daemon', code=64, **self.as_nobody)
        self.assertIn('only root', self.errors)
        self.assertEqual(self.owners(), {}, 'check-setup made something')

    def test_root_itself(self):
        os.chown(self.state, 0, 0)
        self.assertChecked(self.checks(), 'warning', 'user', 'root, who may do everything; .*--user carom')

    def test_what_the_user_may_not_read(self):
        (self.dir / 'secret').write_text('s\n')
        (self.dir / 'secret').chmod(0o600)
        (self.dir / 'tool').write_text('#!/bin/sh\n')
        (self.dir / 'tool').chmod(0o700)
        self.write(f'carom.configure {{ sinks = {{ tag = carom.command {{ argv = {{ "{self.dir}/tool" }} }}, '
                   f'alert = carom.webhook {{ url = "http://127.0.0.1:1/", allow_private = true, '
                   f'secret = carom.file "{self.dir}/secret" }} }}, log = {{ file = "{self.dir}/log" }} }}')
        rows = self.checks(code=78)
        self.assertChecked(rows, 'failure', 'secret', r'alert: cannot read the secret.s file \S+/secret: Permission denied')
        self.assertChecked(rows, 'failure', 'program', r'tool cannot be run by nobody: Permission denied')
        self.assertChecked(rows, 'warning', 'log', r'nobody may not write \S+/log')


class Answering(socketserver.ThreadingTCPServer):
    """Connections, with a greeting or none; in TLS if there is a certificate."""
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, script=(), context=None):
        super().__init__(('127.0.0.1', 0), None)
        self.script, self.context, self.heard = script, context, []
        threading.Thread(target=self.serve_forever, daemon=True).start()
        self.port = self.server_address[1]

    def finish_request(self, request, address):
        try:
            request.settimeout(10)
            if self.context:
                request = self.context.wrap_socket(request, server_side=True)
            with request:
                for line in self.script:
                    request.sendall(line)
                    self.heard.append(request.recv(1000))
                if not self.script:
                    self.heard.append(request.recv(1000))
        except OSError:
            pass


class Policy(Setup):
    def test_a_directory_that_cannot_be_looked_at(self):
        (self.dir / 'file').touch()
        rows = self.checks(options=('--state', self.dir / 'file' / 'state'), code=78)
        self.assertChecked(rows, 'failure', 'directory', r'cannot look at \S+/file/state: Not a directory; let that user')

    def server(self, *arguments, **how):
        server = Answering(*arguments, **how)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return server

    def test_all_is_well(self):
        server = self.server()
        (self.dir / 'secret').write_text('whsec_MDEyMzQ1Njc4OWFiY2RlZg==\n')
        (self.dir / 'secret').chmod(0o600)
        self.write(f'carom.configure {{ sinks = {{ ["*"] = carom.webhook {{ url = "http://127.0.0.1:{server.port}/x?y", '
                   f'allow_private = true, secret = carom.file "{self.dir}/secret" }}, '
                   f'tag = carom.command {{ argv = {{ "/bin/true" }} }} }} }}{POLICY}')
        rows = self.checks()
        for check, pattern in (('policy', 'loads'), ('secret', 'can be read'), ('program', 'may run /bin/true'), ('clock', '20'),
                               ('directory', 'is not there yet'), ('sink', r'\*: http://127\.0\.0\.1:\d+ answers$')):
            self.assertChecked(rows, 'ok', check, pattern)
        self.assertFalse(self.state.exists(), 'check-setup made something')
        self.assertEqual([heard for heard in server.heard if heard], [], 'something was asked of the sink')
        self.pipe()
        self.assertChecked(self.checks(), 'warning', 'delivery', 'never ran on this ledger; start carom deliver --watch')
        self.carom('deliver', '--policy', 'policy.lua', '--quiet')
        self.assertChecked(self.checks(), 'ok', 'delivery', r'the last run was \d s ago')
        lines = [json.loads(line) for line in self.carom('check-setup', '--policy', 'policy.lua', '--json').splitlines()]
        self.assertEqual({(line['check'], line['result']) for line in lines if line['check'] in ('ledger', 'sink', 'disk')},
                         {('ledger', 'ok'), ('sink', 'ok'), ('disk', 'ok')})

    def test_nobody_delivers(self):
        self.write(f'carom.configure {{ sinks = {{ ["*"] = carom.command {{ argv = {{ "/bin/true" }} }} }} }}{POLICY}')
        self.pipe()
        with sqlite3.connect(self.state / 'carom.db') as ledger:
            ledger.execute('UPDATE job SET due = due - 7200000, planned = planned - 7200000')
        ledger.close()
        self.assertChecked(self.checks(code=78), 'failure', 'status', 'nobody runs carom deliver.*start carom deliver --watch')
        self.assertRegex(self.carom('status', '--nagios', code=2), 'nobody runs carom deliver')

    def test_a_secret_is_missing(self):
        self.write('carom.configure { sinks = { ["*"] = carom.webhook { url = "http://127.0.0.1:1/", allow_private = true, '
                   f'secret = carom.env "CAROM_TEST_SECRET" }} }} }}{POLICY}')
        rows = self.checks(code=78)
        self.assertChecked(rows, 'failure', 'secret', r'sink \*: .*CAROM_TEST_SECRET.* not set; set it where carom deliver runs')
        self.assertChecked(rows, 'failure', 'sink', r'sink \*: http://127\.0\.0\.1:1: Failed to connect')
        rows = self.checks(code=78, environment={'CAROM_TEST_SECRET': 'x'})
        self.assertChecked(rows, 'ok', 'secret', 'CAROM_TEST_SECRET is set here; carom deliver must have it too')
        self.assertChecked(rows, 'warning', 'secret', r'the secret is short: 1 bytes; make one: whsec_')
        self.assertChecked(self.checks(code=78, environment={'CAROM_TEST_SECRET': 'whsec_###'}), 'failure', 'secret', 'no base64')
        self.pipe()
        self.carom('deliver', '--policy', 'policy.lua', '--quiet', code=78)
        self.assertRegex(self.carom('status', '--nagios', code=1), 'CAROM_TEST_SECRET')

    def test_a_key_of_return_paths_in_the_environment(self):
        self.write('carom.configure { verp = { domain = "b.example.org", keys = { { id = 1, since = "2026-01-01", '
                   'secret = carom.env "CAROM_TEST_KEY" } } } }' + POLICY)
        self.assertChecked(self.checks(code=78), 'failure', 'verp', r'CAROM_TEST_KEY.*carom\.file')
        rows = self.checks(environment={'CAROM_TEST_KEY': 'k' * 40})
        self.assertChecked(rows, 'warning', 'verp', 'CAROM_TEST_KEY is set here, but a mail server hands it down to no carom pipe')

    def test_a_policy_that_mails_without_a_server(self):
        self.write('function on_permanent(b) b:forward("x@example.org") -- b:probe {}\n b:tag("x", "b:probe") end')
        rows = self.checks(code=78)
        self.assertChecked(rows, 'failure', 'smtp', 'bounce:forward.*configure smtp')
        self.assertFalse(any('probe' in row[2] for row in rows), rows)
        self.write('carom.configure { sinks = { alert = carom.smtp { to = "x@example.org" } } }'
                   'function on_permanent(b) b : probe {} b:alert { text = [[x:forward]] } end')
        rows = self.checks(code=78)
        self.assertChecked(rows, 'failure', 'smtp', 'bounce:probe')
        self.assertChecked(rows, 'failure', 'smtp', 'bounce:alert')
        self.assertFalse(any('forward' in row[2] for row in rows), rows)

    def test_the_mail_server_greets(self):
        greeting = (b'220 mx.example.org ESMTP\r\n', b'250-mx.example.org\r\n250 SIZE 1000\r\n', b'221 bye\r\n')
        server = self.server(greeting)
        text = ('carom.configure { smtp = { url = "smtp://127.0.0.1:%d", from = "c@example.org", allow_private = true }, '
                'sinks = { alert = carom.smtp { to = "x@example.org" } } } function on_permanent(b) b:forward("x@example.org") end')
        self.write(text % server.port)
        rows = self.checks()
        self.assertChecked(rows, 'ok', 'sink', r'smtp: smtp://127\.0\.0\.1:\d+ greets')
        self.assertEqual(sum(row[1] == 'sink' for row in rows), 1, 'the same server was tried twice')
        self.assertNotIn(b'MAIL', b''.join(server.heard))
        self.write(text % self.server((b'554 no service for you\r\n',)).port)
        self.assertChecked(self.checks(code=78), 'failure', 'sink', 'smtp: ')

    def test_certificates(self):
        if not shutil.which('openssl'):
            self.skipTest('openssl, which makes a certificate, is not installed')
        subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes',
                        '-keyout', 'key', '-out', 'cert', '-subj', '/CN=localhost', '-addext',
                        'subjectAltName=DNS:localhost'], cwd=self.dir, check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.dir / 'cert', self.dir / 'key')
        port = self.server(context=context).port
        text = ('carom.configure { sinks = { tag = carom.webhook { url = "https://localhost:%d/", secret = "x", '
                'allow_private = true %s } } }')
        self.write(text % (port, ''))
        self.assertChecked(self.checks(code=78), 'failure', 'sink', r'(?i)certificate')
        self.write(text % (port, f', ca = "{self.dir}/cert"'))
        self.assertChecked(self.checks(), 'ok', 'sink', 'its certificate is valid')

    def test_private_addresses(self):
        self.write('carom.configure { sinks = { tag = carom.webhook { url = "https://127.0.0.1/", secret = "x" } } }')
        self.assertChecked(self.checks(code=78), 'failure', 'sink', 'loopback address.*allow_private')

    def test_a_policy_that_does_not_load(self):
        self.write('function on_permanant() end')
        self.assertChecked(self.checks(code=78), 'failure', 'policy', 'on_permanent.*, all mail waits in the spool$')
        self.pipe()
        self.assertEqual(len(list((self.state / 'spool').glob('*.mail'))), 1)

    def test_a_policy_that_decides_nothing(self):
        self.assertFalse([row for row in self.checks() if row[:2] == ('warning', 'policy')])
        self.write('-- nothing yet')
        self.assertChecked(self.checks(), 'warning', 'policy', 'nothing is ever decided')
        self.write(POLICY.replace('on_permanent', 'onpermanent'))
        self.assertChecked(self.checks(), 'warning', 'policy', 'policy.lua:2: onpermanent is no hook; did you mean "on_permanent"')

    def test_a_clock_that_is_wrong(self):
        self.pipe()
        with sqlite3.connect(self.state / 'carom.db') as ledger:
            ledger.execute('UPDATE fact SET decided = decided + 86400000')
        ledger.close()
        self.assertChecked(self.checks(), 'warning', 'status', 'in the future; set the clock')

    def test_misuse(self):
        self.carom('check-setup', code=64)
        self.carom('check-setup', '--policy', 'policy.lua', 'x', code=64)


if __name__ == '__main__':
    unittest.main()
