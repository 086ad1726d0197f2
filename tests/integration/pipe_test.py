#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: the carom authors
"""carom pipe whatever happens: afterwards the bounce is in the ledger once, or in the spool, or the server keeps it.

usage: CAROM=path/to/carom pipe_test.py [unittest arguments]
"""
import ctypes
import fcntl
import json
import os
import pathlib
import random
import re
import resource
import shutil
import signal
import sqlite3
import struct
import subprocess
import tempfile
import termios
import time
import unittest

CAROM = os.path.abspath(os.environ['CAROM'])
TEMPORARY = 75
GOOD = 'function on_permanent(bounce) bounce:suppress{} end\n'
FAILING = 'function on_permanent(bounce)\n  error("broken")\nend\n'
NO_LUA = 'this is no policy\n'
# Beyond every deadline, so that only whoever started the worker can end it.
ENDLESS = 'carom.configure { limits = { time = "60s", instructions = 1e12 } }\nfunction on_permanent(b) while true do end end\n'
PATIENCE_S = 20
KILLS = 200
SANITIZED = b'__asan_init' in pathlib.Path(CAROM).read_bytes() # which has a memory of its own
FRONT_KIB, WORKER_KIB = 3 << 10, 12 << 10


def bounce(number, recipients=('ann@example.com',), filler=0):
    fields = '\n'.join(f'Final-Recipient: rfc822; {to}\nAction: failed\nStatus: 5.1.1\n'
                       f'Diagnostic-Code: smtp; 550 5.1.1 <{to}> User unknown\n' for to in recipients)
    return (f'From: MAILER-DAEMON@mx.example.net\nTo: bounces@example.org\nSubject: Undelivered\nMIME-Version: 1.0\n'
            f'Message-ID: <bounce.{number}@mx.example.net>\nDate: Sun, 1 Mar 2026 12:00:00 +0000\n'
            f'Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n'
            f'--b\nContent-Type: text/plain\n\nNot delivered.\n{"x" * 70 + chr(10)}' + ('y' * 70 + '\n') * (filler // 71) +
            f'\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example.net\n\n{fields}\n'
            f'--b\nContent-Type: text/rfc822-headers\n\nMessage-ID: <post.{number}@example.org>\n\n--b--\n').encode()


def peak(pid):
    """The most memory that it had at once, in KiB."""
    return int(re.search(r'VmHWM:\s+(\d+) kB', pathlib.Path(f'/proc/{pid}/status').read_text())[1])


def ticks(pid):
    return int(pathlib.Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[11])


class Pipe(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix='carom-pipe-')
        self.addCleanup(scratch.cleanup)
        self.dir = pathlib.Path(scratch.name)
        self.state = self.dir / 'state'
        self.spool = self.state / 'spool'
        self.environment = {**os.environ, 'CAROM_STATE': str(self.state)}
        self.policy(GOOD)

    def policy(self, text):
        (self.dir / 'new').write_text(text)
        (self.dir / 'new').rename(self.dir / 'policy.lua')

    def command(self, *arguments):
        return [CAROM, *map(str, arguments)]

    def carom(self, *arguments, code=0):
        done = subprocess.run(self.command(*arguments), capture_output=True, text=True, cwd=self.dir, timeout=60,
                              env=self.environment)
        self.assertEqual(done.returncode, code, f'{arguments}: {done.stderr}{done.stdout}')
        return done.stdout

    def pipe(self, given, *options, code=0, **how):
        done = subprocess.run(self.command('pipe', '--policy', 'policy.lua', '--log', self.dir / 'log', *options),
                              input=given, capture_output=True, cwd=self.dir, timeout=60, env=self.environment, **how)
        self.assertEqual((done.returncode, done.stderr), (code, b''), done.stdout)
        if code == 0:
            self.assertEqual(done.stdout, b'')
        else:
            self.assertRegex(done.stdout, rb'\A4\.3\.0 carom: [^\n]+\n\Z')
        return done.stdout.decode()

    def start(self, given, *options, **how):
        """A pipe that has read all and is deciding for as long as the policy does."""
        front = subprocess.Popen(self.command('pipe', '--policy', 'policy.lua', *options), stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=self.dir, env=self.environment, **how)
        self.addCleanup(front.stdout.close)
        front.stdin.write(given)
        front.stdin.close()
        return front

    def until(self, what, question):
        end = time.monotonic() + PATIENCE_S
        while not question():
            self.assertLess(time.monotonic(), end, f'{what}: not within {PATIENCE_S} s')
            time.sleep(0.01)

    def worker_of(self, front):
        children = pathlib.Path(f'/proc/{front.pid}/task/{front.pid}/children')
        self.until('a worker', lambda: children.read_text().split())
        return int(children.read_text().split()[0])

    def spooled(self):
        return sorted(self.spool.glob('*.mail'))

    def mark(self):
        """What stands beside the one message in the spool."""
        self.assertEqual(len(self.spooled()), 1)
        return dict(line.split(' ', 1) for line in self.spooled()[0].with_suffix('.mark').read_text().splitlines())

    def facts(self):
        if not (self.state / 'carom.db').exists():
            return []
        return [json.loads(row) for row in self.carom('show', '--all').splitlines()]

    def recipients(self):
        return sorted(fact['recipient'] for fact in self.facts())

    def status(self):
        return json.loads(self.carom('status', '--json'))

    def left_in_spool(self):
        return sorted(path.name for path in self.spool.glob('*') if path.name != '.lock')


class Taken(Pipe):
    def test_silent_and_without_a_trace(self):
        self.pipe(bounce(1), '--sender', '', '--recipient', 'b@example.org')
        self.assertEqual([(fact['recipient'], fact['envelope_to']) for fact in self.facts()],
                         [('ann@example.com', 'b@example.org')])
        self.assertFalse(self.spool.exists())

    def test_larger_than_its_memory(self):
        self.pipe(bounce(1, filler=3 << 20))
        self.assertEqual(self.recipients(), ['ann@example.com'])
        self.assertEqual(self.left_in_spool(), [])

    def test_in_spite_of_what_it_inherits(self):
        def spoil():
            signal.signal(signal.SIGCHLD, signal.SIG_IGN)
            signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 32))
            os.umask(0o777)
            signal.alarm(1)
        self.pipe(bounce(1), preexec_fn=spoil)
        self.assertEqual(self.recipients(), ['ann@example.com'])
        self.policy(ENDLESS)
        self.pipe(bounce(2), '--deadline', '1500ms', preexec_fn=spoil)
        self.assertEqual(len(self.spooled()), 1)

    def test_without_descriptors(self):
        for closed in (1,), (2,), (1, 2):
            done = subprocess.run(self.command('pipe', '--policy', 'policy.lua'), input=bounce(len(closed)), cwd=self.dir,
                                  env=self.environment, preexec_fn=lambda fds=closed: [os.close(fd) for fd in fds])
            self.assertEqual(done.returncode, 0)
        self.assertEqual(len(self.facts()), 2)
        done = subprocess.run(self.command('pipe', '--policy', 'policy.lua'), capture_output=True, cwd=self.dir,
                              env=self.environment, preexec_fn=lambda: os.close(0))
        self.assertEqual(done.returncode, TEMPORARY)

    def test_what_it_holds_while_it_waits(self):
        front = subprocess.Popen(self.command('pipe', '--policy', 'policy.lua'), stdin=subprocess.PIPE, cwd=self.dir,
                                 env=self.environment)
        front.stdin.write(bounce(1, filler=5 << 20)[:-10])
        front.stdin.flush()
        self.until('all but a block to be in the spool',
                   lambda: any(path.stat().st_size > 5 << 20 for path in self.spool.glob('.[0-9]*')))
        if not SANITIZED:
            self.assertLess(peak(front.pid), FRONT_KIB)
        self.assertNotIn('policy.lua', ''.join(os.readlink(fd) for fd in pathlib.Path(f'/proc/{front.pid}/fd').iterdir()))
        front.stdin.close()
        self.assertEqual(front.wait(PATIENCE_S), 0)
        self.assertEqual(self.left_in_spool(), [])

    @unittest.skipIf(SANITIZED, 'a sanitizer has a memory of its own')
    def test_how_much_memory_it_takes(self):
        self.policy(ENDLESS)
        front = self.start(bounce(1, filler=200 << 10), '--deadline', '5m')
        worker = self.worker_of(front)
        self.until('a worker in its hook', lambda: ticks(worker) > 10)
        self.assertLess(peak(front.pid), FRONT_KIB)
        self.assertLess(peak(worker), WORKER_KIB)
        os.kill(worker, signal.SIGKILL)
        self.assertEqual(front.wait(PATIENCE_S), 0)

    def test_a_worker_holds_no_descriptor_of_the_server(self):
        self.policy(ENDLESS)
        front = self.start(bounce(1), '--deadline', '5m')
        worker = self.worker_of(front)
        self.until('the worker at work', lambda: os.readlink(f'/proc/{worker}/fd/0') == '/dev/null')
        self.assertEqual({os.readlink(f'/proc/{worker}/fd/{fd}') for fd in (1, 2)}, {'/dev/null'})
        self.assertEqual(os.readlink(f'/proc/{front.pid}/cwd'), '/')
        os.kill(worker, signal.SIGKILL)
        self.assertEqual(front.wait(PATIENCE_S), 0)


class Spooled(Pipe):
    def taken_when_mended(self, command=('deliver', '--quiet')):
        self.policy(GOOD)
        self.carom(*command, '--policy', 'policy.lua')
        self.assertEqual((self.left_in_spool(), self.recipients()), ([], ['ann@example.com']))

    def taken_beside(self, other):
        self.carom('deliver', '--quiet', '--policy', 'policy.lua')
        self.assertEqual((self.left_in_spool(), self.recipients()), ([], ['ann@example.com', other]))

    def test_a_policy_that_does_not_load(self):
        envelope = '--sender', '', '--recipient', 'odd %\naddress@example.org', '--list', 'news.example.org'
        self.pipe(bounce(0, ['zoe@example.com']), *envelope)
        self.policy(NO_LUA)
        message = bounce(1) + b'\0\xff\r\n'
        self.pipe(message, *envelope)
        self.assertTrue(self.spooled()[0].read_bytes().endswith(b'\n\n' + message))
        self.assertRegex(self.mark()['why'], r'^policy\.lua:1: ')
        self.assertRegex((self.dir / 'log').read_text(), r'into the spool \S+/spool: policy\.lua:1: ')
        found = self.status()
        self.assertEqual((found['status'], found['spool']['waiting']), ('red', 1))
        self.assertRegex(found['findings'][0]['what'], r'1 message waits in the spool .*policy\.lua:1: ')
        self.assertRegex(self.carom('status', '--nagios', code=2), r'^CAROM CRITICAL - 1 message waits in the spool')
        self.carom('run', '--spool', '--policy', 'policy.lua', code=TEMPORARY)
        self.assertEqual((self.mark()['tries'], self.mark()['kills']), ('2', '0'))
        self.policy(GOOD)
        self.carom('deliver', '--quiet', '--policy', 'policy.lua')
        at_once, later = self.facts()
        self.assertEqual((later['recipient'], later['envelope_to'], later['list']),
                         ('ann@example.com', at_once['envelope_to'], 'news.example.org'))
        self.assertEqual((self.left_in_spool(), self.status()['spool']['waiting']), ([], 0))

    def test_a_hook_that_fails(self):
        self.policy(FAILING)
        self.pipe(bounce(1))
        self.assertRegex(self.mark()['why'], r'^policy\.lua:2: on_permanent: broken')
        self.taken_when_mended(('run', '--spool'))

    def test_a_hook_that_fails_for_one_of_three(self):
        self.policy('function on_permanent(b) if b.recipient == "bob@example.com" then error("odd") end b:suppress{} end')
        people = ['ann@example.com', 'bob@example.com', 'eve@example.com']
        self.pipe(bounce(1, people))
        self.assertEqual((self.recipients(), len(self.spooled())), ([people[0], people[2]], 1))
        self.carom('run', '--spool', '--policy', 'policy.lua', code=TEMPORARY)
        self.assertEqual(len(self.spooled()), 1)
        self.policy(GOOD)
        self.carom('run', '--spool', '--policy', 'policy.lua')
        self.assertEqual((self.recipients(), self.left_in_spool()), (people, []))

    def test_no_place_for_what_a_hook_leaves_out(self):
        """Nothing of the message is decided when the rest of it cannot be kept."""
        self.policy('function on_permanent(b) if b.recipient == "bob@example.com" then error("odd") end b:suppress{} end')
        self.state.mkdir()
        self.spool.write_text('no directory')
        said = self.pipe(bounce(1, ['ann@example.com', 'bob@example.com']), code=TEMPORARY)
        self.assertRegex(said, r'odd; and not into the spool: .*/spool: cannot open it: Not a directory')
        self.assertEqual(self.recipients(), [])

    def test_no_place_at_all(self):
        if os.path.exists('/var/lib/carom'):
            self.skipTest('this machine has a state directory')
        for name in 'HOME', 'XDG_STATE_HOME', 'CAROM_STATE':
            self.environment.pop(name, None)
        self.policy(NO_LUA)
        said = self.pipe(bounce(1), '--store', f'sqlite:{self.dir}/carom.db', code=TEMPORARY)
        self.assertRegex(said, r'policy\.lua:1: .*; and not into the spool: no state directory')

    def test_larger_than_anybody_reads(self):
        """The server is rid of it, and somebody may look at it."""
        large = self.dir / 'large'
        large.write_bytes(bounce(1))
        os.truncate(large, (256 << 20) + 1)
        with open(large, 'rb') as given:
            self.pipe(None, stdin=given)
        self.assertEqual(self.mark()['why'], 'larger than 268435456 bytes: not read')
        self.assertGreater(self.spooled()[0].stat().st_size, 256 << 20)

    def test_only_after_a_while(self):
        self.policy(FAILING)
        self.pipe(bounce(1))
        self.carom('deliver', '--policy', 'policy.lua')
        self.assertEqual(self.mark()['tries'], '1')
        due = int(self.mark()['due']) / 1000
        self.assertTrue(time.time() < due < time.time() + 11, due)
        mark = self.spooled()[0].with_suffix('.mark')
        mark.write_text(re.sub(r'(?m)^due \d+', 'due 1', mark.read_text()))
        self.carom('deliver', '--policy', 'policy.lua')
        self.assertEqual(self.mark()['tries'], '2')
        self.assertGreater(int(self.mark()['due']) / 1000, time.time() + 30)

    def test_without_its_mark_it_is_a_message_all_the_same(self):
        self.policy(FAILING)
        self.pipe(bounce(1))
        self.spooled()[0].with_suffix('.mark').unlink()
        self.assertEqual(self.status()['status'], 'red')
        self.taken_when_mended()

    def test_half_an_installation(self):
        """The program without what decides takes mail all the same; whoever looks is told."""
        self.environment['CAROM_MODULES'] = str(self.dir)
        self.pipe(bounce(1))
        want = rf'{self.dir}/carom-commands\.so: the module for all that decides is not there; install it'
        self.assertRegex(self.mark()['why'], want)
        for command in ('check-setup', '--policy', 'policy.lua'), ('status',), ('--help',), ():
            done = subprocess.run(self.command(*command), capture_output=True, text=True, env=self.environment)
            self.assertEqual((done.returncode, done.stdout), (74, ''))
            self.assertRegex(done.stderr, '^carom: ' + want)
        del self.environment['CAROM_MODULES']
        self.taken_when_mended()

    def test_an_installation_without_the_ledger(self):
        """What needs none does its work, and no message is lost."""
        (self.dir / 'carom-commands.so').symlink_to(pathlib.Path(CAROM).with_name('carom-commands.so'))
        self.policy(GOOD)
        self.environment['CAROM_MODULES'] = str(self.dir)
        self.pipe(bounce(1))
        want = rf'{self.dir}/carom-sqlite\.so: the module for the ledger is not there; install it'
        self.assertRegex(self.mark()['why'], want)
        (self.dir / 'mail').write_bytes(bounce(1))
        done = subprocess.run(self.command('run', '--policy', 'policy.lua', 'mail'), capture_output=True, text=True, cwd=self.dir,
                              env=self.environment)
        self.assertEqual((done.returncode, done.stdout), (74, ''))
        self.assertRegex(done.stderr, want)
        self.assertIn('user_unknown', self.carom('parse', '--json', 'mail'))
        # An upgrade replaces one file after the other.
        version = self.carom('--version').split()[1].encode()
        other = b'9' + version[1:]
        module = pathlib.Path(CAROM).parents[1] / 'carom-sqlite.so'
        (self.dir / 'carom-sqlite.so').write_bytes(module.read_bytes().replace(version + b'\0', other + b'\0'))
        done = subprocess.run(self.command('run', '--policy', 'policy.lua', 'mail'), capture_output=True, text=True, cwd=self.dir,
                              env=self.environment)
        self.assertEqual((done.returncode, done.stdout), (74, ''))
        self.assertIn(f'carom-sqlite.so is of version {other.decode()}, carom of version {version.decode()}: install both', done.stderr)
        del self.environment['CAROM_MODULES']
        self.taken_when_mended()

    def test_another_directory(self):
        self.policy(NO_LUA)
        other = self.dir / 'other'
        self.pipe(bounce(1), '--spool', 'other')
        self.assertEqual((len(list(other.glob('*.mail'))), self.spool.exists()), (1, False))
        self.assertIn(str(other), self.carom('status', '--spool', other, '--nagios', code=2))
        self.policy(GOOD)
        self.carom('run', '--policy', 'policy.lua', '--spool', other)
        self.assertEqual(self.recipients(), ['ann@example.com'])
        self.carom('run', '--policy', 'policy.lua', '--spool', 'nosuch', code=74)

    def test_a_server_that_watches(self):
        watch = subprocess.Popen(self.command('deliver', '--watch', '--policy', 'policy.lua'), cwd=self.dir,
                                 env=self.environment, start_new_session=True)
        try:
            self.until('a ledger', (self.state / 'carom.db').exists)
            self.policy(FAILING)
            self.pipe(bounce(1))
            self.policy(GOOD)
            self.until('an empty spool', lambda: not self.spooled())
            self.assertEqual(self.recipients(), ['ann@example.com'])
        finally:
            os.killpg(watch.pid, signal.SIGTERM) # as a service manager does
            self.assertEqual(watch.wait(PATIENCE_S), 0)
        with self.assertRaises(ProcessLookupError):
            os.killpg(watch.pid, 0)

    def test_a_ledger_of_another_version(self):
        self.pipe(bounce(0, ['zoe@example.com']))
        with sqlite3.connect(self.state / 'carom.db') as ledger:
            version = ledger.execute('PRAGMA user_version').fetchone()[0]
            ledger.execute('PRAGMA user_version = 99')
        ledger.close()
        self.pipe(bounce(1))
        self.assertRegex(self.mark()['why'], 'version 99')
        with sqlite3.connect(self.state / 'carom.db') as ledger:
            ledger.execute(f'PRAGMA user_version = {version}')
        ledger.close()
        self.carom('run', '--spool', '--policy', 'policy.lua')
        self.assertEqual(self.recipients(), ['ann@example.com', 'zoe@example.com'])

    def test_no_spool_is_worked_off_before_the_ledger_is_migrated(self):
        self.pipe(bounce(0, ['zoe@example.com']))
        self.policy(NO_LUA)
        self.pipe(bounce(1))
        self.policy(GOOD)
        with sqlite3.connect(self.state / 'carom.db') as ledger:
            version = ledger.execute('PRAGMA user_version').fetchone()[0]
            ledger.execute('PRAGMA user_version = 99')
        ledger.close()
        self.carom('deliver', '--policy', 'policy.lua', code=78)
        self.assertEqual(self.mark()['tries'], '1')
        with sqlite3.connect(self.state / 'carom.db') as ledger:
            ledger.execute(f'PRAGMA user_version = {version}')
        ledger.close()
        self.taken_beside('zoe@example.com')

    def test_what_waits_while_there_is_no_ledger(self):
        self.policy(NO_LUA)
        self.pipe(bounce(1))
        self.assertFalse((self.state / 'carom.db').exists())
        self.taken_when_mended()

    def test_a_ledger_that_somebody_holds(self):
        self.pipe(bounce(0, ['zoe@example.com']))
        with open(self.state / 'carom.db.lock', 'r+') as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            begun = time.monotonic()
            self.pipe(bounce(1))
            self.assertTrue(4.5 < time.monotonic() - begun < 7)
            self.assertRegex(self.mark()['why'], 'another process has held the ledger')
        self.carom('run', '--spool', '--policy', 'policy.lua')
        self.assertEqual(self.recipients(), ['ann@example.com', 'zoe@example.com'])


class Killed(Pipe):
    def test_a_policy_without_end(self):
        self.policy(ENDLESS)
        begun = time.monotonic()
        self.pipe(bounce(1), '--deadline', '300ms')
        self.assertLess(time.monotonic() - begun, 3)
        self.assertRegex(self.mark()['why'], 'did not end within 300 ms')
        for kills in ('2', '3', '3'): # then nobody tries it any more
            self.carom('run', '--spool', '--deadline', '100ms', '--policy', 'policy.lua', code=TEMPORARY)
            self.assertEqual(self.mark()['kills'], kills)
        self.assertEqual(self.mark()['tries'], '3')
        found = self.status()
        self.assertEqual((found['status'], found['spool']['set_aside'], found['spool']['waiting']), ('red', 1, 0))
        self.assertRegex(found['findings'][0]['what'], '1 message is set aside in the spool .*did not end within 100 ms')
        self.policy(GOOD)
        self.carom('deliver', '--quiet', '--policy', 'policy.lua')
        self.assertEqual((self.left_in_spool(), self.recipients()), ([], ['ann@example.com']))

    def test_a_worker_that_is_killed(self):
        self.policy(ENDLESS)
        front = self.start(bounce(1), '--deadline', '5m')
        worker = self.worker_of(front)
        os.kill(worker, signal.SIGKILL)
        self.assertEqual((front.wait(PATIENCE_S), front.stdout.read()), (0, b''))
        self.assertRegex(self.mark()['why'], 'crashed: signal 9')
        self.assertEqual(self.mark()['kills'], '1')

    def test_a_worker_whose_front_is_gone_commits_nothing_and_ends(self):
        self.policy(ENDLESS)
        front = self.start(bounce(1), '--deadline', '500ms')
        worker = self.worker_of(front)
        front.kill()
        front.wait()
        def ended():
            try:
                return pathlib.Path(f'/proc/{worker}/stat').read_text().rpartition(')')[2].split()[0] == 'Z'
            except (FileNotFoundError, ProcessLookupError):
                return True
        self.until('the end of the worker', ended)
        self.assertEqual((self.facts(), self.left_in_spool()), ([], []))

    def test_a_server_that_is_killed_in_mid_message(self):
        """Its death looks like the end of the message; the next one delivers the whole."""
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(36, 1, 0, 0, 0) != 0: # PR_SET_CHILD_SUBREAPER
            self.skipTest('no sub-reaper')
        self.addCleanup(libc.prctl, 36, 0, 0, 0, 0)
        by_itself = self.command('pipe', '--policy', 'policy.lua')
        by_a_shell = ['sh', '-c', f'{CAROM} pipe --policy policy.lua || exit 75']
        message = bounce(1)
        for command in by_itself, by_a_shell:
            for cut in (len(message) // 2, len(message) - 20):
                self.kill_a_server(command, message[:cut])
                self.assertEqual((self.facts(), self.left_in_spool()), ([], []))
        self.pipe(message)
        self.assertEqual(self.recipients(), ['ann@example.com'])

    def kill_a_server(self, command, given):
        """That has written so much of a message to the command, which is ours then and must end with 75."""
        to_server, from_server = os.pipe(), os.pipe()
        server = os.fork()
        if server == 0:
            os.close(to_server[1])
            os.chdir(self.dir)
            front = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, env=self.environment)
            front.stdin.write(given)
            front.stdin.flush()
            while struct.unpack('i', fcntl.ioctl(front.stdin, termios.FIONREAD, b'    '))[0]:
                time.sleep(0.001) # until it is read, so that the front has seen who its parent is
            os.write(from_server[1], str(front.pid).encode())
            os.read(to_server[0], 1)
            os._exit(1)
        os.close(to_server[0])
        os.close(from_server[1])
        pid = int(os.read(from_server[0], 20))
        os.kill(server, signal.SIGKILL)
        os.waitpid(server, 0)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), TEMPORARY)
        os.close(to_server[1])
        os.close(from_server[0])

    def test_a_front_that_is_killed_at_any_moment(self):
        choose = random.Random(7)
        exits = {}
        for number in range(KILLS):
            if number == KILLS // 2:
                self.policy(FAILING) # from here on the spool is the way in
            if number % 20 == 0: # others use the machine, now more and now less
                begun = time.monotonic()
                self.pipe(bounce(f'u{number}', [f'u{number}@example.com']))
                usual = time.monotonic() - begun
            to = f'r{number}@example.com'
            front = subprocess.Popen(self.command('pipe', '--policy', 'policy.lua'), stdin=subprocess.PIPE,
                                     stdout=subprocess.DEVNULL, cwd=self.dir, env=self.environment)
            try:
                front.stdin.write(bounce(number, [to], filler=choose.choice([0, 400 << 10])))
                front.stdin.close()
            except BrokenPipeError:
                pass
            time.sleep(choose.uniform(0, 1.5 * usual))
            front.kill()
            exits[to] = front.wait()
        self.assertGreater(sum(code == 0 for code in exits.values()), KILLS // 10)
        self.assertGreater(sum(code != 0 for code in exits.values()), KILLS // 10)
        self.check_once(exits)
        for path in self.spool.iterdir():
            os.utime(path, (1, 1))
        self.policy(GOOD)
        self.carom('run', '--spool', '--quiet', '--policy', 'policy.lua')
        self.assertEqual(self.left_in_spool(), []) # nor what was on its way in: the server still has it
        self.check_once(exits)

    def check_once(self, exits):
        stored = self.recipients()
        waiting = re.findall(r'(?m)^Final-Recipient: rfc822; (\S+)', ''.join(path.read_text() for path in self.spooled()))
        self.assertEqual(len(set(stored)), len(stored))
        self.assertEqual(len(set(waiting)), len(waiting))
        self.assertEqual([to for to, code in exits.items() if code == 0 and to not in stored + waiting], [])


class FullDisk(Pipe):
    def test_a_limit_of_files(self):
        self.pipe(bounce(0, ['zoe@example.com']))
        for filler in (0, 1 << 20):
            said = self.pipe(bounce(1, filler=filler), code=TEMPORARY,
                             preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100)))
            self.assertRegex(said, 'File too large')
            self.assertEqual((self.left_in_spool(), self.recipients()), ([], ['zoe@example.com']))
        self.pipe(bounce(1))
        self.assertEqual(self.recipients(), ['ann@example.com', 'zoe@example.com'])

    def test_a_full_file_system(self):
        if os.geteuid() != 0 or not shutil.which('unshare'):
            self.skipTest('a small file system needs root')
        self.state.mkdir()
        script = f'''set -e
            mount -t tmpfs -o size=1m,mode=700 none {self.state}
            {CAROM} pipe --policy policy.lua <first
            cat /dev/zero >{self.state}/filler 2>/dev/null || true
            {CAROM} pipe --policy policy.lua <second || echo "exit $?"
            ls -A {self.state}/spool | grep -v '^\\.lock$' || true
            rm {self.state}/filler
            {CAROM} pipe --policy policy.lua <second
            {CAROM} show --all'''
        (self.dir / 'first').write_bytes(bounce(1))
        (self.dir / 'second').write_bytes(bounce(2, ['bob@example.com'], filler=100 << 10))
        done = subprocess.run(['unshare', '--mount', 'sh', '-c', script], capture_output=True, text=True, cwd=self.dir,
                              env=self.environment, timeout=60)
        if 'unshare' in done.stderr or 'mount:' in done.stderr:
            self.skipTest(done.stderr)
        self.assertEqual((done.returncode, done.stderr), (0, ''), done.stdout)
        said, code, *rows = done.stdout.splitlines()
        self.assertRegex(said, r'^4\.3\.0 carom: .*and not into the spool: .*No space left')
        self.assertEqual(code, 'exit 75')
        self.assertEqual([json.loads(row)['recipient'] for row in rows], ['ann@example.com', 'bob@example.com'])


class Misused(Pipe):
    def test_options(self):
        for options in (['--deadline', '0s'], ['--deadline', 'soon'], ['--deadline', '2h']):
            done = subprocess.run(self.command('pipe', '--policy', 'policy.lua', *options), input=bounce(1),
                                  capture_output=True, cwd=self.dir, env=self.environment)
            self.assertEqual(done.returncode, TEMPORARY)
            self.assertRegex(done.stderr, rb'\A4\.3\.0 carom: pipe: --deadline wants a duration')
        for arguments in (['--deadline', '8s', 'x.eml'], ['--spool', '--dry-run'], ['--spool', 'a', 'b']):
            self.carom('run', '--policy', 'policy.lua', *arguments, code=64)


if __name__ == '__main__':
    unittest.main()
