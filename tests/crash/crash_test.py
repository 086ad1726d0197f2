#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: the carom authors
"""carom pipe, its worker or both, carom run, deliver, ledger prune and ledger backup, killed (kill -9) at random moments,
again and again: what was acknowledged is stored, once; the ledger is whole; nothing that was done is done again; a
backup that is there is a whole one.

usage: CAROM=path/to/carom crash_test.py [--kills N] [--seed N] [--jobs N]
The seed is printed; it repeats the choices, though not the moments. --jobs (default: one for each processor) so many
ledgers at a time, each a new one after ROUND kills.
"""
import argparse
import collections
import contextlib
import json
import multiprocessing
import os
import pathlib
import random
import shutil
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ROUND, AGE, ID_BITS = 250, 2 * 3600, 20
CAROM = os.path.abspath(os.environ['CAROM'])
POLICY = '''
carom.configure {
                  endpoints = { crm = carom.webhook { url = "http://127.0.0.1:%d/hook", allow_private = true,
                                                        secret = "whsec_MDEyMzQ1Njc4OWFiY2RlZg==" } } }
function on_permanent(bounce) bounce:webhook("crm", { event = "permanent" }) end
function on_transient(bounce) bounce:webhook("crm", { event = "transient" }) end
'''
BOUNCE = '''From: MAILER-DAEMON@mx.example.net
To: list-bounces@lists.example.org
Subject: Undelivered Mail Returned to Sender
Message-ID: <{0}@mx.example.net>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b

It failed.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net

Final-Recipient: rfc822; user{0}@example.com
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 User unknown

--b--
'''


class Receiver(BaseHTTPRequestHandler):
    """Takes each webhook, and counts the ids."""
    protocol_version = 'HTTP/1.1'

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers['content-length'])))
        with self.server.lock:
            self.server.seen[self.headers['webhook-id']] += 1
            self.server.ids_of_fact[body['data']['fact']['id']].add(self.headers['webhook-id'])
        self.send_response(204)
        self.send_header('content-length', '0')
        self.end_headers()

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads, request_queue_size = True, 256

    def __init__(self):
        super().__init__(('127.0.0.1', 0), Receiver)
        self.lock, self.seen, self.ids_of_fact = threading.Lock(), collections.Counter(), collections.defaultdict(set)
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def handle_error(self, *_):
        """Who is killed hangs up."""


class Crash:
    """One ledger."""
    usual = {}  # seconds that each takes

    def __init__(self, directory, server, dice):
        self.dir, self.server, self.dice = directory, server, dice
        self.state = directory / 'state'
        self.state.mkdir()
        (directory / 'policy.lua').write_text(POLICY % server.server_port)
        self.kills = collections.Counter()
        self.acknowledged, self.given, self.copies = set(), 0, 0
        self.done = {}  # webhook ids of jobs that were done, and how often they had come by then

    # ---- Starting and killing ----

    def start(self, *arguments, **pipes):
        log = [] if arguments[0] == 'ledger' else ['--log', 'stderr']
        return subprocess.Popen([CAROM, *map(str, arguments), '--policy', 'policy.lua', *log], cwd=self.dir,
                                env={**os.environ, 'CAROM_STATE': str(self.state)}, start_new_session=True,
                                stderr=subprocess.DEVNULL, **pipes)

    def moment(self, name):
        """Anywhere in the time that it usually takes, and sometimes after."""
        return self.dice.uniform(0, 1.1) * statistics.median(self.usual[name])

    def kill(self, name, process):
        """Of the process alone, as the kernel does when memory is short, or of all that it started."""
        if process.poll() is None:
            if self.dice.random() < 0.5:
                process.kill()
            else:
                os.killpg(process.pid, signal.SIGKILL)
        code = process.wait(60)
        self.kills[name] += code == -signal.SIGKILL
        return code

    def measure(self, name, run):
        if name in self.usual:
            return
        self.usual[name] = []
        for _ in range(3):
            begin = time.monotonic()
            run()
            self.usual[name].append(time.monotonic() - begin)

    # ---- What each does ----

    def new(self):
        self.given += 1
        return f'n{self.given}'

    def begin_pipe(self, name):
        process = self.start('pipe', stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(BOUNCE.format(name).encode())
            process.stdin.close()
        return process

    def kill_pipe(self, process):
        """It, its worker, or both. Without its worker it spools, and says so."""
        whom = self.dice.choice(['pipe', 'pipe', 'worker'])
        if whom == 'pipe':
            return self.kill('pipe', process)
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            for worker in pathlib.Path(f'/proc/{process.pid}/task/{process.pid}/children').read_text().split():
                os.kill(int(worker), signal.SIGKILL)
                self.kills['worker'] += 1
        return process.wait(60)

    def pipe(self, killed=True):
        """One, or several at once. The mail server comes again until it is told 0."""
        names = [self.new() for _ in range(self.dice.choice([1, 2, 5]) if killed else 1)]
        for attempt in range(3):
            processes = [(name, self.begin_pipe(name)) for name in names]
            for name, process in processes:
                if killed and attempt < 2:
                    time.sleep(self.moment('pipe') / len(names))
                    code = self.kill_pipe(process)
                else:
                    code = process.wait(60)
                if code == 0:
                    self.acknowledged.add(name)
                elif code not in (75, -signal.SIGKILL):
                    sys.exit(f'pipe: exit {code}')
            names = [name for name in names if name not in self.acknowledged]
            if not names:
                return
        sys.exit('pipe: it was not taken, though nobody killed it')

    def run(self, killed=True):
        names = [self.new() for _ in range(30)]
        (self.dir / 'archive.mbox').write_text(''.join(
            f'From x Mon Nov  3 00:00:00 2025\n{BOUNCE.format(name)}\n' for name in names))
        for attempt in range(2):
            process = self.start('run', 'archive.mbox', '--quiet', stdout=subprocess.DEVNULL)
            if killed and not attempt:
                time.sleep(self.moment('run'))
                code = self.kill('run', process)
            else:
                code = process.wait(60)
            if code == 0:
                self.acknowledged.update(names)
                return
            if code != -signal.SIGKILL:
                sys.exit(f'run: exit {code}')

    def lines(self, killed=True):
        names = [self.new() for _ in range(30)]
        text = ''.join(json.dumps({'reply': '450 4.2.1 try later', 'recipient': f'user{name}@example.com',
                                   'delivery': name}) + '\n' for name in names).encode()
        for attempt in range(2):
            process = self.start('run', '--lines', stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            timer = threading.Timer(self.moment('lines') if killed and not attempt else 60, process.kill)
            timer.start()
            answers, _ = process.communicate(text)
            timer.cancel()
            self.kills['lines'] += process.returncode == -signal.SIGKILL
            answered = answers[:answers.rfind(b'\n') + 1].splitlines()
            for name, answer in zip(names, answered):
                if 'error' in json.loads(answer):
                    sys.exit(f'lines: {answer}')
                self.acknowledged.add(name)
            if len(answered) == len(names):
                return
            if process.returncode != -signal.SIGKILL:
                sys.exit(f'lines: exit {process.returncode}, {len(answered)} of {len(names)} answered')

    def deliver(self, killed=True):
        with (self.dir / 'policy.lua').open('a') as policy: # what waits in the spool is tried again with another one
            policy.write('-- changed\n')
        process = self.start('deliver', '--quiet', stdout=subprocess.DEVNULL)
        if killed:
            time.sleep(self.moment('deliver'))
            self.kill('deliver', process)
        elif process.wait(120) != 0:
            sys.exit(f'deliver: exit {process.returncode}')
        for identity, part in self.sql('SELECT f.identity, j.part FROM job j JOIN fact f ON f.id = j.fact WHERE j.state = 1'):
            key = f'msg_{identity % (1 << 64):016x}{part:04x}'
            if key not in self.done:
                with self.server.lock:
                    self.done[key] = self.server.seen[key]
        # As if the lease of who was killed had run out, which takes minutes.
        self.sql('UPDATE job SET lease = 0 WHERE state = 0')

    def prune(self, killed=True):
        # As if the messages had been there for long: the upper bits of their keys are the second.
        self.sql(f'UPDATE raw SET id = id - {AGE << ID_BITS}')
        self.sql(f'UPDATE fact SET raw = raw - {AGE << ID_BITS} WHERE raw')
        process = self.start('ledger', 'prune', stdout=subprocess.DEVNULL)
        if killed:
            time.sleep(self.moment('prune'))
            self.kill('prune', process)
        elif process.wait(60) != 0:
            sys.exit(f'prune: exit {process.returncode}')

    def backup(self, killed=True):
        """One that is there has all that was acknowledged before; one that was broken off is not there."""
        if self.is_empty():
            return  # which the command refuses
        self.copies += 1
        copy, before = self.dir / f'copy{self.copies}', set(self.acknowledged)
        process = self.start('ledger', 'backup', copy, stdout=subprocess.DEVNULL)
        if killed:
            time.sleep(self.moment('backup'))
            code = self.kill('backup', process)
        else:
            code = process.wait(60)
        if code not in (0, -signal.SIGKILL) or (code == 0 and not copy.is_dir()):
            sys.exit(f'backup: exit {code}')
        if copy.is_dir():
            self.look_at(copy, before)
        shutil.rmtree(copy, ignore_errors=True)
        shutil.rmtree(f'{copy}.part', ignore_errors=True)

    # ---- What must be so ----

    def sql(self, statement, directory=None):
        with contextlib.closing(sqlite3.connect((directory or self.state) / 'carom.db', timeout=30)) as ledger, ledger:
            return ledger.execute(statement).fetchall() if ledger.execute('PRAGMA user_version').fetchone()[0] else []

    def is_empty(self):
        """Whoever made the file, if there is one, was killed before its tables were there."""
        return not self.sql('SELECT 1')

    def look_at(self, directory, acknowledged):
        """What stands in a ledger, which is whole and has, or its spool has, all that was acknowledged."""
        stored = collections.Counter(name.lstrip('<') for name, in self.sql(
            "SELECT coalesce(json_extract(fact, '$.delivery'), '') FROM fact WHERE kind = 'transient' UNION ALL"
            " SELECT substr(json_extract(fact, '$.message_id'), 1, instr(json_extract(fact, '$.message_id'), '@') - 1)"
            " FROM fact WHERE kind = 'permanent'", directory))
        spool = b''.join(path.read_bytes() for path in (directory / 'spool').rglob('*') if path.is_file())
        lost = [name for name in acknowledged if name not in stored and f'<{name}@'.encode() not in spool]
        twice = [name for name, n in stored.items() if n > 1]
        check = subprocess.run([CAROM, 'ledger', 'check', '--store', f'sqlite:{directory}/carom.db'], capture_output=True, text=True)
        for what, found in (('acknowledged and lost', lost), ('stored twice', twice),
                            ('not whole', check.stdout if check.returncode else '')):
            if found:
                sys.exit(f'{directory}: {what}: {found}')
        return stored

    def look(self):
        stored = self.look_at(self.state, self.acknowledged)
        again = [key for key, n in self.done.items() if self.server.seen[key] != n]
        ids = [fact for fact, keys in self.server.ids_of_fact.items() if len(keys) > 1]
        for what, found in (('done, and done again', again), ('told under two ids', ids)):
            if found:
                sys.exit(f'{what}: {found}')
        return stored

    def play(self, kills):
        kinds = {'pipe': self.pipe, 'run': self.run, 'lines': self.lines, 'deliver': self.deliver, 'prune': self.prune,
                 'backup': self.backup}
        for name, act in kinds.items():
            self.measure(name, lambda act=act: act(killed=False))
        looked = 0
        while sum(self.kills.values()) < kills:
            kinds[self.dice.choices(list(kinds), weights=[10, 4, 4, 6, 2, 2])[0]]()
            if sum(self.kills.values()) >= looked + 100:
                looked = sum(self.kills.values())
                self.look()
        for _ in range(10):  # as if the time for the next attempt had come
            self.deliver(killed=False)
            self.sql('UPDATE job SET due = created WHERE state = 0')
            self.sql('DELETE FROM pause')
        stored = self.look()
        if self.acknowledged - stored.keys():
            sys.exit(f'acknowledged, and still in the spool: {self.acknowledged - stored.keys()}')
        waiting = self.sql('SELECT count(*) FROM job WHERE state <> 1')[0][0]
        if waiting or len(self.server.seen) != sum(stored.values()):
            sys.exit(f'{waiting} jobs are not done; {len(self.server.seen)} webhooks of {sum(stored.values())} facts came')
        repeated = sum(n - 1 for n in self.server.seen.values())
        return self.kills, collections.Counter(acknowledged=len(self.acknowledged), stored=sum(stored.values()),
                                               webhooks=len(self.server.seen), repeated=repeated)


def play(part):
    seed, kills = part
    server = Server()
    # What a killed process had written is in the page cache, whatever the disk: memory is as good, and quicker.
    memory = '/dev/shm' if os.access('/dev/shm', os.W_OK) else None
    try:
        with tempfile.TemporaryDirectory(prefix='carom-crash-', dir=memory) as scratch:
            return Crash(pathlib.Path(scratch), server, random.Random(seed)).play(kills)
    except SystemExit as why: # which no pool would hand on
        raise RuntimeError(str(why)) from None
    finally:
        server.shutdown()
        server.server_close()


def main():
    options = argparse.ArgumentParser()
    options.add_argument('--kills', type=int, default=200)
    options.add_argument('--seed', type=int, default=int(time.time()))
    options.add_argument('--jobs', type=int, default=os.cpu_count())
    options = options.parse_args()
    print(f'seed {options.seed}', flush=True)
    rounds = [(f'{options.seed} {begin}', min(ROUND, options.kills - begin)) for begin in range(0, options.kills, ROUND)]
    kills, figures = collections.Counter(), collections.Counter()
    with multiprocessing.Pool(options.jobs) as pool:
        for some, more in pool.imap_unordered(play, rounds, chunksize=1):
            kills += some
            figures += more
    print(f'{sum(kills.values())} killed {dict(kills)}: {figures["acknowledged"]} acknowledged, {figures["stored"]} stored; '
          f'{figures["webhooks"]} webhooks, {figures["repeated"]} came again with their id')


if __name__ == '__main__':
    main()
