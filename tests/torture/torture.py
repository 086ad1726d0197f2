#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: the carom authors
"""Each command, while memory, files and sockets fail at one point after the other.

usage: torture.py CAROM SHIM [--every N] [--only SCENARIO] [--point CALL:N[+][:HOW]]

A run without failures counts what may fail (shim.c). Then there is a process for each such point: every allocation
fails once, and from there on for good; every write, fsync, rename, open, close, connect and read fails with the errors
that it may have, or does half of what it should. --every 1 takes all of them, hours; --every 20 each twentieth
allocation and each third of the others; without it a sample of ten for each command. What must hold:
- no crash, no hang;
- the exit code is one that the manual names, for `carom pipe` 0 or 75;
- 0 means that everything was said and is stored: output and ledger are those of the run without failures;
- anything else leaves a ledger that is whole, and the same command then does the same as ever;
- nothing that was allocated is left behind by whoever goes on.
"""
import argparse
import collections
import contextlib
import difflib
import json
import os
import pathlib
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
CORPUS = HERE.parent / 'corpus'
sys.path.insert(0, str(HERE.parent / 'integration'))
from receiver import Receiver  # noqa: E402

DOCUMENTED = {0, 64, 65, 66, 70, 71, 74, 75, 78}
LIST = 'news.lists.example.org'
LONG = 'somebody.with.a.very.long.name@a-rather-long-domain.example'
HOW = {  # what a call may answer
    'malloc': ['', '+'],
    'write': [':EIO', ':ENOSPC+', ':EINTR', ':short'],
    'fsync': [':EIO', ':ENOSPC+'],
    'rename': [':EIO', ':ENOSPC'],
    'open': [':EIO', ':EMFILE+', ':EINTR'],
    'close': [':EIO', ':EINTR'],
    'connect': [':EIO', ':EINTR'],
    'read': [':EIO', ':EINTR', ':short'],
}
POLICY = '''
carom.configure {
  lists = { ["news.lists.example.org"] = { address = "news@lists.example.org", key = "7" } },
  %s
}
function on_permanent(bounce)
  bounce:score(1)
  bounce:tag("provider", bounce.provider or "none")
  if bounce.hard then bounce:unsubscribe() end
end
function on_complaint(bounce) bounce:unsubscribe { scope = "all" } end
function on_transient(bounce)
  if bounce:count { within = "60d" } >= 3 then bounce:suppress { duration = "90d" } end
  bounce:retry { after = "1d", limit = 5 }
end
'''
VERP = '''verp = { domain = "bounces.example.org", prefix = "b+", keys = {
    { id = 1, secret = "a secret of the torture chamber", since = "2026-01-01" } } },'''
DSN = '''From: MAILER-DAEMON@mx.example.net
To: <news-bounces@lists.example.org>
Subject: Undelivered Mail Returned to Sender
Message-ID: <{name}@mx.example.net>
Date: {date}
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b

It failed.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net

Final-Recipient: rfc822; {name}@example.net
Action: failed
Status: {status}
Diagnostic-Code: smtp; 550 {status} {text}

--b
Content-Type: message/rfc822

Message-ID: <{name}.post@lists.example.org>
List-Id: <news.lists.example.org>
From: news@lists.example.org
Subject: News

hello
--b--
'''


def dsn(name, status='5.1.1', text='User unknown'):
    date = time.strftime('%a, %d %b %Y %H:%M:%S +0000', time.gmtime())
    return DSN.format(name=name, status=status, text=text, date=date)


class Scenario:
    """One command. before: what was done to the state before it, as commands with their input."""

    def __init__(self, name, *argv, given='', before=(), keys='', codes=DOCUMENTED, ends=(0,), judge='same', state=True):
        self.name, self.argv, self.given, self.before, self.keys = name, argv, given, before, keys
        self.codes, self.ends, self.judge, self.state = codes, ends, judge, state


ANNA = (('run', '--quiet', '-'), dsn('anna'))
BERT = (('run', '--quiet', '-'), dsn('bert', '5.2.2', 'mailbox full'))
ZOE = (('suppressions', 'add', 'zoe@example.com', '--reason', 'asked'), '')
CSV = 'Email Address,Reason,created_at\nAnn@Example.com,"hard, ""bounce""",1700000000\nbob@example.net,,2026-01-02\n'
LINES = ('{"reply":"450 4.2.1 try later","recipient":"anna@example.com","delivery":"4711/12"}\n'
         '{"reply":"550 5.1.1 unknown","recipient":"bert@example.com","delivery":"4711/13","list":"%s"}\n' % LIST)
MBOX = ''.join('From MAILER-DAEMON Sun Mar  1 12:00:00 2026\n' + dsn(name) + '\n' for name in ('carl', 'dora', 'emil'))


def scenarios(url):
    command = 'sinks = { unsubscribe = carom.command { argv = { "/bin/sh", "-c", "echo \\"$1\\" >>PLACE/told", "-", "{address}" } } },'
    webhook = ('sinks = { unsubscribe = carom.webhook { url = "%s/hook", allow_private = true, '
               'secret = "whsec_Y2Fyb20tdGVzdC1zZWNyZXQtMDEyMzQ1Njc4OQ==" } },' % url)
    http = ('sinks = { unsubscribe = carom.http { method = "DELETE", url = "%s/members/{address}", allow_private = true, '
            'headers = { ["X-List"] = "{list}" } } },' % url)
    for name in ('postfix-01', 'qmail-01', 'arf-01', 'exchange-de-01', 'autoreply-zh-01', 'ses-event-01', 'exim-01',
                 'unsubscribe-01', 'x-arf-01'):
        yield Scenario('parse-' + name, 'parse', '--json', str(CORPUS / (name + '.eml')), state=False)
    yield Scenario('parse-explain', 'parse', '--explain', str(CORPUS / 'postfix-01.eml'), state=False)
    yield Scenario('parse-mbox', 'parse', '--json', '-', given=MBOX, state=False)
    yield Scenario('explain', 'explain', '550 5.1.1 <anna@example.com>: User unknown', state=False)
    yield Scenario('rules', 'rules', 'test', '552 5.2.2 over quota', state=False)
    yield Scenario('codes', 'codes', state=False)
    yield Scenario('run', 'run', '--json', '-', given=MBOX, before=[ZOE])
    yield Scenario('run-raw', 'run', '--table', '-', given=dsn('fred'), before=[ZOE], keys=VERP)
    yield Scenario('run-new', 'run', '--json', '-', given=dsn('anna'))
    yield Scenario('run-dry', 'run', '--dry-run', '--json', '-', given=MBOX, before=[ANNA])
    yield Scenario('lines', 'run', '--lines', given=LINES, before=[ANNA])
    yield Scenario('pipe', 'pipe', given=dsn('anna'), before=[ZOE], codes={0, 75}, judge='stored')
    yield Scenario('pipe-again', 'pipe', given=dsn('anna'), before=[ANNA, BERT], codes={0, 75}, judge='stored')
    yield Scenario('pipe-policy-wrong', 'pipe', given=dsn('anna'), keys='nonsense = 1,', codes={0, 75}, ends=(75, 0),
                   judge='stored')
    yield Scenario('deliver-command', 'deliver', before=[ANNA], keys=command, judge='delivered')
    yield Scenario('deliver-webhook', 'deliver', before=[ANNA], keys=webhook, judge='delivered')
    yield Scenario('deliver-http', 'deliver', before=[ANNA], keys=http, judge='delivered')
    yield Scenario('check', 'check', 'zoe@example.com', 'ann@example.com', before=[ZOE], codes={0, 1, 75, 64}, ends=(1,))
    yield Scenario('check-column', 'check', '-', given='zoe@example.com\nann@example.com\n', before=[ZOE, ANNA],
                   codes={0, 75})
    yield Scenario('suppressions-import', 'suppressions', 'import', '-', given=CSV, before=[ZOE])
    yield Scenario('suppressions-export', 'suppressions', 'export', before=[ZOE, ANNA])
    yield Scenario('suppressions-remove', 'suppressions', 'remove', 'zoe@example.com', before=[ZOE])
    yield Scenario('held-list', 'held', 'list', '--json', before=[ANNA], keys=VERP)
    yield Scenario('held-release', 'held', 'release', '--all', before=[ANNA], keys=VERP)
    yield Scenario('undo', 'undo', 'anna@example.net', before=[ANNA, BERT])
    yield Scenario('forget', 'forget', '--keep-hash', 'anna@example.net', before=[ANNA, BERT])
    yield Scenario('export', 'export', 'anna@example.net', before=[ANNA])
    yield Scenario('show', 'show', 'anna@example.net', before=[ANNA])
    yield Scenario('why', 'why', 'anna@example.net', before=[ANNA], keys=command)
    yield Scenario('why-letter', 'why', '--letter', 'anna@example.net', before=[ANNA])
    yield Scenario('verp-sign', 'verp', 'sign', 'anna@example.com', '--list', LIST, keys=VERP)
    yield Scenario('verp-import', 'verp', 'import', '-', '--list', LIST, given=LONG + '\n', before=[ZOE], keys=VERP)
    yield Scenario('status', 'status', '--json', before=[ANNA], codes=DOCUMENTED | {1, 2, 3}, ends=(0, 1, 2))
    yield Scenario('ledger-check', 'ledger', 'check', before=[ANNA], codes=DOCUMENTED | {1})
    yield Scenario('ledger-backup', 'ledger', 'backup', 'copy', before=[ANNA], judge='copied',
                   codes=DOCUMENTED | {1})
    yield Scenario('ledger-prune', 'ledger', 'prune', before=[ANNA])
    yield Scenario('outbox-list', 'outbox', '--json', 'list', before=[ANNA], keys=command)
    yield Scenario('outbox-drop', 'outbox', 'drop', 'JOB', before=[ANNA], keys=command)
    yield Scenario('outbox-resend', 'outbox', 'resend', 'JOB', before=[ANNA, (('outbox', 'drop', 'JOB'), '')], keys=command)
    yield Scenario('incidents', 'incidents', '--json', before=[ANNA])
    yield Scenario('check-setup', 'check-setup', '--json', before=[ANNA], keys=command, ends=(0, 78))


class Broken(Exception):
    pass


def mask(text):
    """Without what differs from run to run: times, and numbers made of them."""
    text = re.sub(r'\d{4}-\d\d-\d\d(T[\d:.]+Z)?', 'DATE', text)
    text = re.sub(r'-?\d{9,}|\d+ MiB', 'NUMBER', text)
    text = re.sub(r'\b\d+ (seconds?|minutes?|s|ms)\b', 'SPAN', text)
    return re.sub(r'b\+[a-z2-7]{20}', 'TOKEN', text)


def differences(got, want):
    return '\n'.join(list(difflib.unified_diff(want.splitlines(), got.splitlines(), 'want', 'got', lineterm='', n=0))[:12])


class Bench:
    def __init__(self, carom, shim, server, scenario, work):
        self.carom, self.shim, self.server, self.scenario = carom, shim, server, scenario
        self.template, self.place = work / 'template', work / 'place'
        self.counts = work / 'counts'
        self.template.mkdir(parents=True)
        (self.template / 'state').mkdir()
        (self.template / 'policy.lua').write_text((POLICY % scenario.keys).replace('PLACE', str(self.place)))
        for argv, given in scenario.before:
            shutil.rmtree(self.place, ignore_errors=True)
            self.template.rename(self.place)
            code, _, said, _ = self.run(self.argv(argv), given)
            self.place.rename(self.template)
            if code != 0:
                raise Broken(f'preparing: {argv} ended with {code}: {said}')

    def run(self, argv, given='', plan=None):
        """Exit code, stdout, stderr, and what the shim counted."""
        more = ['--policy', 'policy.lua'] if argv[0] in ('run', 'pipe', 'deliver', 'verp', 'undo', 'check-setup',
                                                       'held', 'outbox', 'ledger') else []
        if self.scenario.state:
            more += ['--state', 'state']
        env = {'PATH': '/usr/bin:/bin', 'LANG': 'C.UTF-8'}
        if plan is not None:
            env |= {'LD_PRELOAD': self.shim, 'CAROM_TORTURE': plan, 'CAROM_TORTURE_COUNTS': str(self.counts)}
            self.counts.unlink(missing_ok=True)
        try:
            done = subprocess.run([self.carom, argv[0], *more, *argv[1:]], input=given.encode(), capture_output=True,
                                  timeout=60, env=env, cwd=self.place)
        except subprocess.TimeoutExpired:
            raise Broken('hangs')
        counts = collections.Counter()
        if plan is not None and self.counts.exists():
            for line in self.counts.read_text().splitlines():
                name, n = line.split()
                counts[name] = max(counts[name], int(n))
        return done.returncode, done.stdout.decode(errors='replace'), done.stderr.decode(errors='replace'), counts

    def fresh(self):
        shutil.rmtree(self.place, ignore_errors=True)
        shutil.copytree(self.template, self.place)
        self.server.seen.clear()

    def argv(self, words=None):
        """JOB is the number of the one job that there is."""
        words = words or self.scenario.argv
        jobs = self.run(('outbox', '--json', 'list'))[1].splitlines() if 'JOB' in words else []
        return [str(json.loads(jobs[0])['job']) if word == 'JOB' else word for word in words]

    def stored(self, ledger='state/carom.db'):
        """Every row of the ledger, which must be whole. Blobs are compressed or hashes of what differs."""
        ledger = self.place / ledger
        if not ledger.exists() or not ledger.stat().st_size:
            return ''
        said = []
        with contextlib.closing(sqlite3.connect(ledger)) as db:
            db.text_factory = lambda text: text.decode(errors='replace')
            whole = [row[0] for row in db.execute('PRAGMA integrity_check')]
            if whole != ['ok']:
                raise Broken(f'the ledger is damaged: {whole}')
            for (table,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").fetchall():
                rows = db.execute(f'SELECT * FROM "{table}"').fetchall()
                said += sorted(mask(f'{table} {[c if not isinstance(c, bytes) else "BLOB" for c in row]}') for row in rows)
        return '\n'.join(said)

    def normal(self):
        self.fresh()
        self.before = self.stored()
        code, self.output, said, self.counts_normal = self.run(self.argv(), self.scenario.given, plan='')
        if code not in self.scenario.ends:
            raise Broken(f'without failures it ends with {code}: {said.strip()}')
        self.code, self.output, self.after = code, mask(self.output), self.stored()
        return self.counts_normal

    def spooled(self):
        return any(path.is_file() for path in (self.place / 'state').glob('spool/**/*'))

    def told(self):
        told = self.place / 'told'
        return len(self.server.seen) + (len(told.read_text().splitlines()) if told.exists() else 0)

    def judge(self, code, output):
        how, after = self.scenario.judge, self.stored()
        if how == 'stored':
            if code == 0 and after != self.after and not self.spooled():
                raise Broken('exit 0, and it is neither in the ledger nor in the spool')
        elif how == 'copied':
            if code == 0 and self.stored('copy/carom.db') != after:
                raise Broken('exit 0, and the copy is not whole')
        elif how == 'delivered':
            jobs = [json.loads(line) for line in self.run(('outbox', '--json', 'list'))[1].splitlines()]
            if len(jobs) != 1 or (jobs[0]['state'] == 'done' and not self.told()):
                raise Broken(f'the job is lost: told {self.told()}, {jobs}')
        elif code == self.code:
            if mask(output) != self.output:
                raise Broken(f'exit {code}, and the output is another:\n{differences(mask(output), self.output)}')
            if after != self.after:
                raise Broken(f'exit {code}, and what is stored is another:\n{differences(after, self.after)}')

    def again(self):
        """The same command without a failure does what it always does, where something was left behind."""
        if self.scenario.judge in ('delivered', 'copied') or self.stored() == self.before:
            return
        code, _, said, _ = self.run(self.argv(), self.scenario.given)
        if code != self.code:
            raise Broken(f'again, without failures, it ends with {code}: {said.strip()}')
        after = self.stored()
        if self.scenario.judge == 'same' and after != self.after:
            raise Broken(f'again, without failures, what is stored is another:\n{differences(after, self.after)}')

    def point(self, plan):
        self.fresh()
        code, output, said, counts = self.run(self.argv(), self.scenario.given, plan=plan)
        if code < 0 or code > 128 or 'ssert' in said:
            raise Broken(f'crashes: exit {code}: {said.strip()}')
        if code == 127 and 'cannot allocate memory for thread-local data' in said:
            return 0  # glibc gives up by itself when OpenSSL, leaving, touches its first variable of a thread
        if code not in self.scenario.codes and code not in self.scenario.ends:
            raise Broken(f'exit {code}, which no manual names: {said.strip()}')
        if code not in self.scenario.ends and not said and not output:
            raise Broken(f'exit {code} without a word')
        self.judge(code, output)
        if code not in self.scenario.ends:
            self.again()
        # OpenSSL leaves blocks behind where it could not begin.
        if counts['live'] > self.counts_normal['live'] + 1 and 'http' not in self.scenario.keys:
            raise Broken(f"leaks: exit {code} with {counts['live']} blocks, not {self.counts_normal['live']}: {said.strip()}")
        return 0


def points(counts, every):
    """The plans: all, or some that lie well apart."""
    for number, (call, hows) in enumerate(HOW.items()):
        n = counts[call]
        for k, how in enumerate(hows):
            if every:
                step = every if call == 'malloc' else 1 + every // 10
                some = range(1 + k % step, n + 1, step)
            elif call == 'malloc':
                some = [1 + (n - 1) * (3 + 8 * i + 2 * k) // 17 for i in range(2)]
            else:
                some = [1 + (n - 1) * (3 * number + k) // 25][:k == n % len(hows)]
            for i in some:
                if n:
                    yield f'{call}:{i}{how}'


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('carom')
    parser.add_argument('shim')
    parser.add_argument('--every', type=int)
    parser.add_argument('--only')
    parser.add_argument('--point')
    arguments = parser.parse_args()
    server = Receiver(("whsec_Y2Fyb20tdGVzdC1zZWNyZXQtMDEyMzQ1Njc4OQ==",), ('204',))
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    total = wrong = 0
    for scenario in scenarios(server.url):
        if arguments.only and arguments.only != scenario.name:
            continue
        with tempfile.TemporaryDirectory(prefix='carom-torture-') as work:
            begin, n = time.monotonic(), 0
            try:
                bench = Bench(os.path.abspath(arguments.carom), os.path.abspath(arguments.shim), server, scenario,
                              pathlib.Path(work))
                counts = bench.normal()
            except Broken as why:
                print(f'not ok {scenario.name}: {why}')
                wrong += 1
                continue
            for plan in [arguments.point] if arguments.point else points(counts, arguments.every):
                n += 1
                try:
                    bench.point(plan)
                except Broken as why:
                    print(f'not ok {scenario.name} {plan}: {why}', flush=True)
                    wrong += 1
            total += n
            print(f'{scenario.name}: {n} points, {counts["malloc"]} allocations, {time.monotonic() - begin:.1f} s', flush=True)
    print(f'{total} points, {wrong} wrong')
    return 1 if wrong or not total else 0


if __name__ == '__main__':
    sys.exit(main())
