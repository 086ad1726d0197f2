#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: the carom authors
"""carom pipe, carom run and carom deliver, killed (kill -9) at random moments, again and again: what was acknowledged is
stored, once; the ledger is whole; nothing that was done is done again.

usage: CAROM=path/to/carom crash_test.py [--kills N] [--seed N]
The seed is printed; it repeats the choices, though not the moments.
"""
import argparse
import collections
import json
import os
import pathlib
import random
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CAROM = os.path.abspath(os.environ['CAROM'])
POLICY = '''
carom.configure { endpoints = { crm = carom.webhook { url = "http://127.0.0.1:%d/hook", allow_private = true,
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
    seen = collections.Counter()
    ids_of_fact = collections.defaultdict(set)
    lock = threading.Lock()

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers['content-length'])))
        with self.lock:
            self.seen[self.headers['webhook-id']] += 1
            self.ids_of_fact[body['data']['fact']['id']].add(self.headers['webhook-id'])
        self.send_response(204)
        self.send_header('content-length', '0')
        self.end_headers()

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads, request_queue_size = True, 256

    def handle_error(self, *_):
        """Who is killed hangs up."""


class Crash:
    def __init__(self, directory, port, dice):
        self.dir, self.dice = directory, dice
        self.state = directory / 'state'
        self.state.mkdir()
        (directory / 'policy.lua').write_text(POLICY % port)
        self.kills = collections.Counter()
        self.acknowledged, self.given = set(), 0
        self.done = {}  # webhook ids of jobs that were done, and how often they had come by then
        self.usual = {}

    # ---- Starting and killing ----

    def start(self, *arguments, **pipes):
        return subprocess.Popen([CAROM, *map(str, arguments), '--policy', 'policy.lua', '--log', 'stderr'], cwd=self.dir,
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
        self.usual[name] = []
        for _ in range(3):
            begin = time.monotonic()
            run()
            self.usual[name].append(time.monotonic() - begin)

    # ---- What each does ----

    def new(self):
        self.given += 1
        return f'n{self.given}'

    def pipe(self, killed=True):
        name = self.new()
        for attempt in range(3):  # the mail server comes again until it is told 0
            process = self.start('pipe', stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
            try:
                process.stdin.write(BOUNCE.format(name).encode())
                process.stdin.close()
            except BrokenPipeError:
                pass
            if killed and attempt < 2:
                time.sleep(self.moment('pipe'))
                code = self.kill('pipe', process)
            else:
                code = process.wait(60)
            if code == 0:
                self.acknowledged.add(name)
                break
            if code not in (75, -signal.SIGKILL):
                sys.exit(f'pipe: exit {code}')
        if not killed and name not in self.acknowledged:
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
        process = self.start('deliver', '--quiet', stdout=subprocess.DEVNULL)
        if killed:
            time.sleep(self.moment('deliver'))
            self.kill('deliver', process)
        elif process.wait(120) != 0:
            sys.exit(f'deliver: exit {process.returncode}')
        for identity, part in self.sql('SELECT f.identity, j.part FROM job j JOIN fact f ON f.id = j.fact WHERE j.state = 1'):
            key = f'msg_{identity % (1 << 64):016x}{part:04x}'
            if key not in self.done:
                with Receiver.lock:
                    self.done[key] = Receiver.seen[key]
        # As if the lease of who was killed had run out, which takes minutes.
        self.sql('UPDATE job SET lease = 0 WHERE state = 0')

    # ---- What must be so ----

    def sql(self, statement):
        ledger = sqlite3.connect(self.state / 'carom.db', timeout=30)
        with ledger:
            rows = ledger.execute(statement).fetchall()
        ledger.close()
        return rows

    def spooled(self):
        return b''.join(path.read_bytes() for path in (self.state / 'spool').rglob('*') if path.is_file())

    def look(self):
        stored = collections.Counter(name for name, in self.sql(
            "SELECT coalesce(json_extract(fact, '$.delivery'), '') FROM fact WHERE kind = 'transient' UNION ALL"
            " SELECT substr(json_extract(fact, '$.message_id'), 1, instr(json_extract(fact, '$.message_id'), '@') - 1)"
            " FROM fact WHERE kind = 'permanent'"))
        stored = collections.Counter({name.lstrip('<'): n for name, n in stored.items()})
        spool = self.spooled()
        lost = [name for name in self.acknowledged if name not in stored and f'<{name}@'.encode() not in spool]
        twice = [name for name, n in stored.items() if n > 1]
        again = [key for key, n in self.done.items() if Receiver.seen[key] != n]
        ids = [fact for fact, keys in Receiver.ids_of_fact.items() if len(keys) > 1]
        check = subprocess.run([CAROM, 'ledger', 'check', '--store', f'sqlite:{self.state}/carom.db'], capture_output=True, text=True)
        for what, found in (('acknowledged and lost', lost), ('stored twice', twice), ('done, and done again', again),
                            ('told under two ids', ids), ('not whole', check.stdout if check.returncode else '')):
            if found:
                sys.exit(f'{what}: {found}')
        return stored

    def play(self, kills):
        kinds = {'pipe': self.pipe, 'run': self.run, 'lines': self.lines, 'deliver': self.deliver}
        for name, act in kinds.items():
            self.measure(name, lambda act=act: act(killed=False))
        self.look()
        looked = 0
        while sum(self.kills.values()) < kills:
            kinds[self.dice.choices(list(kinds), weights=[10, 3, 3, 5])[0]]()
            if sum(self.kills.values()) >= looked + 100:
                looked = sum(self.kills.values())
                self.look()
        for _ in range(10):  # as if the time for the next attempt had come
            self.deliver(killed=False)
            self.sql('UPDATE job SET due = created WHERE state = 0')
            self.sql('DELETE FROM pause')
        stored = self.look()
        waiting = self.sql('SELECT count(*) FROM job WHERE state <> 1')[0][0]
        if waiting or len(Receiver.seen) != sum(stored.values()):
            sys.exit(f'{waiting} jobs are not done; {len(Receiver.seen)} webhooks of {sum(stored.values())} facts came')
        repeated = sum(n - 1 for n in Receiver.seen.values())
        print(f'{sum(self.kills.values())} killed {dict(self.kills)}: {len(self.acknowledged)} acknowledged, '
              f'{sum(stored.values())} stored; {len(Receiver.seen)} webhooks, {repeated} came again with their id')


def main():
    options = argparse.ArgumentParser()
    options.add_argument('--kills', type=int, default=200)
    options.add_argument('--seed', type=int, default=int(time.time()))
    options = options.parse_args()
    print(f'seed {options.seed}', flush=True)
    server = Server(('127.0.0.1', 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    # What a killed process had written is in the page cache, whatever the disk: memory is as good, and quicker.
    memory = '/dev/shm' if os.access('/dev/shm', os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix='carom-crash-', dir=memory) as scratch:
        Crash(pathlib.Path(scratch), server.server_port, random.Random(options.seed)).play(options.kills)
    server.shutdown()


if __name__ == '__main__':
    main()
