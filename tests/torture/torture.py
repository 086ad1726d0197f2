#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: the carom authors
"""Each command, while memory, files and sockets fail at one point after the other.

usage: torture.py CAROM SHIM [--shard K/N] [--only SCENARIO]… [--calls CALL,…]
                  [--point CALL:N[+][:HOW]] [--jobs N]

A run without failures counts what may fail (shim.c). Then there is a process for each such point: every allocation
fails once, and from there on for good; every write, fsync, rename, open, close, connect, read and what else stands in
HOW fails with the errors that it may have, or does half of what it should. (No carom accepts a connection.) --shard 1/1
takes all of them, a quarter of a million; --shard 1/20 each twentieth from the first on; without it there is a sample of
ten or more for each command. --jobs plays so many commands at a time. What must hold:
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
import functools
import itertools
import json
import multiprocessing
import os
import pathlib
import re
import select
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

MEMORY = '/dev/shm' if os.access('/dev/shm', os.W_OK) else None
HERE = pathlib.Path(__file__).resolve().parent
CORPUS = HERE.parent / 'corpus'
sys.path.insert(0, str(HERE.parent / 'integration'))
from receiver import Receiver  # noqa: E402

HANGS_S = 60
DONE = 1  # the state of a job
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
    'stat': [':EIO'],
    'mkdir': [':ENOSPC'],
    'unlink': [':EIO'],
    'opendir': [':EMFILE'],
    'flock': [':EIO', ':EINTR'],
    'fork': [':EAGAIN'],
    'socketpair': [':EMFILE'],
    'send': [':EIO'],
    'recv': [':EIO'],
    'mmap': [':ENOMEM'],
    'poll': [':EINTR', ':ENOMEM'],
    'sleep': [':EINTR'],
    'wait': [':EINTR', ':ECHILD'],
    'chmod': [':EIO'],
    'pipe': [':EMFILE'],
    'access': [':EIO'],
    'spawn': [':ENOMEM'],
    'curl': [''],
    'random': [':EAGAIN'],
    'own': [''],
    'resize': [''],
    'prepare': [''],
    'step': [''],
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
TESTS = '''
carom.test("a dead address leaves", function(t)
  local d = t:feed(carom.fact { reason = "user_unknown", recipient = "anna@example.com", list = "%s" })
  t:includes(d, { "unsubscribe", list = "%s" })
  t:denied("anna@example.com", { list = "%s" })
end)
carom.test("a busy server is tried again", function(t)
  t:expect(t:reply("450 4.2.1 try later", { recipient = "anna@example.com", delivery = "1" }), { "retry", after = "1d" })
  t:expect(t:message("From: a@example.com\\nSubject: x\\n\\ny\\n"), "nothing")
end)
''' % (LIST, LIST, LIST)
# Every action, each with a sink: what a policy may do is done, told, held, undone and forgotten.
EVERYTHING = '''
carom.configure {
  lists = { ["news.lists.example.org"] = { address = "news@lists.example.org", key = "7" } },
  sinks = { unsubscribe = TELL, resubscribe = TELL, suppress = TELL, unsuppress = TELL, retry = TELL, alert = TELL,
            probe = TELL, tag = TELL },
  smtp = { url = "smtp://127.0.0.1:9", from = "carom@example.org", allow_private = true },
  endpoints = { crm = TELL },
  commands = { note = TELL },
  %s
}
function on_permanent(bounce)
  bounce:suppress { duration = "90d" }
  bounce:unsubscribe()
  bounce:score(2)
  bounce:tag("provider", bounce.provider or "none")
  bounce:webhook("crm", { event = "permanent" })
  bounce:run("note", { "permanent" })
  bounce:alert { text = "look", key = "k", every = "1h" }
  bounce:forward("postmaster@example.org")
end
function on_transient(bounce)
  bounce:unsuppress {}
  bounce:suppress { duration = "7d" }
  bounce:tag("provider", "slow")
  bounce:retry { after = "1d", limit = 5 }
end
function on_complaint(bounce) bounce:unsubscribe { scope = "all" } end
'''
TELL = 'carom.command { argv = { "/bin/sh", "-c", "echo told >>PLACE/told" } }'
# To a server that is not there.
FORWARD = '''
carom.configure { smtp = { url = "smtp://127.0.0.1:9", from = "carom@example.org", allow_private = true }, %s }
function on_permanent(bounce) bounce:forward("postmaster@example.org") end
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
    """One command. before: what was done to the state before it, as commands with their input. loaded: the module in
    which most of carom stands is there at the start."""

    def __init__(self, name, *argv, given='', before=(), keys='', codes=DOCUMENTED, ends=(0,), judge='same', state=True,
                 loaded=True, everything=False, policy=None):
        self.name, self.argv, self.given, self.before, self.keys = name, argv, given, before, keys
        self.codes, self.ends, self.judge, self.state, self.loaded = codes, ends, judge, state, loaded
        self.policy = policy or (EVERYTHING if everything else POLICY)


ANNA = (('run', '--quiet', '-'), dsn('anna'))
BERT = (('run', '--quiet', '-'), dsn('bert', '5.2.2', 'mailbox full'))
ZOE = (('suppressions', 'add', 'zoe@example.com', '--reason', 'asked'), '')
BOTH = ('From MAILER-DAEMON Sun Mar  1 12:00:00 2026\n' + dsn('anna', '4.2.1', 'try later') +
        '\nFrom MAILER-DAEMON Sun Mar  1 12:00:00 2026\n' + dsn('carl') + '\n')
FORGOTTEN = (('forget', '--keep-hash', 'anna@example.net'), '')
SPOOLED = (('pipe', '--policy', 'missing.lua'), dsn('anna'))
LARGE = ''.join(f'{i:06d} and so on\n' for i in range(16000))
CSV = 'Email Address,Reason,created_at\nAnn@Example.com,"hard, ""bounce""",1700000000\nbob@example.net,,2026-01-02\n'
LINES = ('{"reply":"450 4.2.1 try later","recipient":"anna@example.com","delivery":"4711/12"}\n'
         '{"reply":"550 5.1.1 unknown","recipient":"bert@example.com","delivery":"4711/13","list":"%s"}\n' % LIST)
MBOX = ''.join('From MAILER-DAEMON Sun Mar  1 12:00:00 2026\n' + dsn(name) + '\n' for name in ('carl', 'dora', 'emil'))


def scenarios(url):
    command = 'sinks = { unsubscribe = carom.command { argv = { "/bin/sh", "-c", "echo \\"$1\\" >>PLACE/told", "-", "{address}" }, stdin = "gone" } },'
    webhook = ('sinks = { unsubscribe = carom.webhook { url = "%s/hook", allow_private = true, '
               'secret = "whsec_Y2Fyb20tdGVzdC1zZWNyZXQtMDEyMzQ1Njc4OQ==" } },' % url)
    http = ('sinks = { unsubscribe = carom.http { method = "DELETE", url = "%s/members/{address}", allow_private = true, '
            'headers = { ["X-List"] = "{list}", ["X-None"] = "{header.X-None}" } } },' % url)
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
    yield Scenario('pipe-load', 'pipe', given=dsn('anna'), before=[ZOE], codes={0, 75}, judge='stored', loaded=False)
    yield Scenario('codes-load', 'codes', state=False, loaded=False)
    yield Scenario('pipe-again', 'pipe', given=dsn('anna'), before=[ANNA, BERT], codes={0, 75}, judge='stored')
    yield Scenario('pipe-policy-wrong', 'pipe', given=dsn('anna'), keys='nonsense = 1,', codes={0, 75}, ends=(75, 0),
                   judge='stored')
    yield Scenario('pipe-large', 'pipe', given=dsn('anna') + LARGE, before=[ZOE], codes={0, 75}, judge='stored')
    yield Scenario('pipe-large-policy-wrong', 'pipe', given=dsn('anna') + LARGE, keys='nonsense = 1,', codes={0, 75},
                   ends=(75, 0), judge='stored')
    yield Scenario('pipe-state-too-long', 'pipe', '--state', '/' + 70000 * 'x', '--spool', 'state/spool', given=dsn('anna'),
                   codes={0, 75}, judge='stored')
    yield Scenario('deliver-spool', 'deliver', before=[ZOE, SPOOLED], judge='kept')
    yield Scenario('run-spool', 'run', '--spool', before=[ZOE, SPOOLED], judge='kept')
    yield Scenario('deliver-command', 'deliver', before=[ANNA], keys=command, judge='delivered')
    yield Scenario('deliver-webhook', 'deliver', before=[ANNA], keys=webhook, judge='delivered')
    yield Scenario('deliver-http', 'deliver', before=[ANNA], keys=http, judge='delivered')
    yield Scenario('deliver-mail', 'deliver', before=[ANNA], policy=FORWARD, judge='delivered')
    yield Scenario('check', 'check', 'zoe@example.com', 'ann@example.com', before=[ZOE], codes=DOCUMENTED | {1}, ends=(1,))
    yield Scenario('check-erased', 'check', 'anna@example.net', before=[ANNA, FORGOTTEN], codes=DOCUMENTED | {1}, ends=(1,))
    yield Scenario('check-column', 'check', '-', given='zoe@example.com\nann@example.com\n', before=[ZOE, ANNA])
    yield Scenario('suppressions-import', 'suppressions', 'import', '-', given=CSV, before=[ZOE])
    yield Scenario('suppressions-export', 'suppressions', 'export', before=[ZOE, ANNA])
    yield Scenario('suppressions-remove', 'suppressions', 'remove', 'zoe@example.com', before=[ZOE])
    yield Scenario('held-list', 'held', 'list', '--json', before=[ANNA], keys=VERP)
    yield Scenario('held-release', 'held', 'release', '--all', before=[ANNA], keys=VERP)
    yield Scenario('undo', 'undo', 'anna@example.net', before=[ANNA, BERT])
    yield Scenario('forget', 'forget', '--keep-hash', 'anna@example.net', before=[ANNA, BERT], codes=DOCUMENTED | {1})
    yield Scenario('export', 'export', 'anna@example.net', before=[ANNA])
    yield Scenario('show', 'show', 'anna@example.net', before=[ANNA])
    yield Scenario('why', 'why', 'anna@example.net', before=[ANNA], keys=command)
    yield Scenario('why-letter', 'why', '--letter', 'anna@example.net', before=[ANNA])
    yield Scenario('report', 'report', before=[ANNA, BERT])
    yield Scenario('report-html', 'report', '--html', 'page.html', before=[ANNA, BERT])
    yield Scenario('verp-sign', 'verp', 'sign', 'anna@example.com', '--list', LIST, keys=VERP)
    yield Scenario('verp-import', 'verp', 'import', '-', '--list', LIST, given=LONG + '\n', before=[ZOE], keys=VERP)
    yield Scenario('status', 'status', '--json', before=[ANNA], judge='red')
    yield Scenario('ledger-check', 'ledger', 'check', before=[ANNA], codes=DOCUMENTED | {1})
    yield Scenario('ledger-migrate', 'ledger', 'migrate', before=[ANNA])
    yield Scenario('ledger-backup', 'ledger', 'backup', 'copy', before=[ANNA, SPOOLED], judge='copied',
                   codes=DOCUMENTED | {1})
    yield Scenario('ledger-prune', 'ledger', 'prune', before=[ANNA])
    yield Scenario('outbox-list', 'outbox', '--json', 'list', before=[ANNA], keys=command)
    yield Scenario('outbox-drop', 'outbox', 'drop', 'JOB', before=[ANNA], keys=command)
    yield Scenario('outbox-resend', 'outbox', 'resend', 'JOB', before=[ANNA, (('outbox', 'drop', 'JOB'), '')], keys=command)
    yield Scenario('incidents', 'incidents', '--json', before=[ANNA])
    yield Scenario('test', 'test', 'policy.lua', '--junit', 'report.xml', codes=DOCUMENTED | {1}, state=False)
    yield Scenario('everything-run', 'run', '--json', '-', given=BOTH, before=[ANNA], everything=True)
    yield Scenario('everything-lines', 'run', '--lines', given=LINES, before=[ANNA], everything=True)
    yield Scenario('everything-pipe', 'pipe', given=dsn('anna', '4.2.1', 'try later'), before=[ANNA], everything=True,
                   codes={0, 75}, judge='stored')
    yield Scenario('everything-undo', 'undo', 'anna@example.net', before=[ANNA, BERT], everything=True)
    yield Scenario('everything-forget', 'forget', 'anna@example.net', before=[ANNA, BERT], everything=True,
                   codes=DOCUMENTED | {1})
    yield Scenario('everything-remove', 'suppressions', 'remove', 'anna@example.net', before=[ANNA], everything=True)
    yield Scenario('everything-show', 'show', '--json', 'anna@example.net', before=[ANNA], everything=True)
    yield Scenario('everything-held', 'run', '--json', '-', given=BOTH, before=[ANNA], keys=VERP, everything=True)
    yield Scenario('everything-release', 'held', 'release', '--all', before=[ANNA], keys=VERP, everything=True)
    yield Scenario('everything-discard', 'held', 'discard', '--all', before=[ANNA], keys=VERP, everything=True)
    yield Scenario('check-setup', 'check-setup', '--json', before=[ANNA], keys=command, ends=(0, 78))


class Broken(Exception):
    pass


def mask(text):
    """Without what differs from run to run: times, and numbers made of them."""
    text = re.sub(r'\d{4}-\d\d-\d\d(T[\d:.]+Z| \d\d:\d\d)?', 'DATE', text)
    text = re.sub(r'-?\d{9,}|\d+ MiB', 'NUMBER', text)
    text = re.sub(r'\b\d+ (seconds?|minutes?|s|ms)\b', 'SPAN', text)
    return re.sub(r'b\+[a-z2-7]{20}', 'TOKEN', text)


def differences(got, want):
    return '\n'.join(list(difflib.unified_diff(want.splitlines(), got.splitlines(), 'want', 'got', lineterm='', n=0))[:12])


def read(path):
    with open(path, 'rb', buffering=0) as file:
        return file.read()


def dump(ledger):
    """Every row, where times are masked. Blobs are compressed or hashes of what differs."""
    with contextlib.closing(sqlite3.connect(ledger)) as db:
        db.text_factory = lambda text: text.decode(errors='replace')
        whole = [row[0] for row in db.execute('PRAGMA integrity_check')]
        if whole != ['ok']:
            raise Broken(f'the ledger is damaged: {whole}')
        rows = [f'{table} {[c if not isinstance(c, bytes) else "BLOB" for c in row]}'
                for (table,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
                for row in db.execute(f'SELECT * FROM "{table}"')]
    return '\n'.join(sorted(mask('\n'.join(rows)).splitlines()))


class Program:
    """A command that is loaded and linked once, and begins at main, in a process of its own, for each plan."""

    def __init__(self, argv, env, shim, place):
        asked, self.ask = os.pipe()
        self.answer, answered = os.pipe()
        self.process = subprocess.Popen(argv, env=env | {'LD_PRELOAD': shim, 'CAROM_TORTURE_SERVER': f'{asked},{answered}'},
                                        cwd=place, pass_fds=(asked, answered), start_new_session=True)
        os.close(asked)
        os.close(answered)

    def run(self, plan):
        """Its exit code, negative where a signal ended it; None when it hangs."""
        os.write(self.ask, plan.encode() + b'\n')
        if not select.select([self.answer], [], [], HANGS_S)[0]:
            return None
        said = os.read(self.answer, 100)
        return os.waitstatus_to_exitcode(int(said)) if said else None

    def end(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        os.close(self.ask)
        os.close(self.answer)


class Bench:
    """The place where one scenario is played, again and again: what it was at first is kept in memory."""

    def __init__(self, options, server, scenario, work):
        self.options, self.server, self.scenario = options, server, scenario
        self.work, self.place, self.programs, self.dumps, self.recovers = work, work / 'place', {}, {}, set()
        self.given = None
        (self.place / 'state').mkdir(parents=True)
        for name in ('out', 'err', 'counts'):
            (work / name).touch()
        policy = scenario.policy % scenario.keys
        (self.place / 'policy.lua').write_text(policy.replace('TELL', TELL).replace('PLACE', str(self.place)))
        (self.place / 'policy_test.lua').write_text(TESTS)
        for argv, given in scenario.before:
            code, _, said, _ = self.run(self.words(argv), given)
            if code != 0:
                raise Broken(f'preparing: {argv} ended with {code}: {said}')
        self.argv = self.words(scenario.argv)
        self.template = self.files()

    def end(self):
        for program in self.programs.values():
            program.end()

    def words(self, argv):
        """JOB is the number of the one job that there is."""
        jobs = self.run(('outbox', '--json', 'list'))[1].splitlines() if 'JOB' in argv else []
        return tuple(str(json.loads(jobs[0])['job']) if word == 'JOB' else word for word in argv)

    # ---- The place ----

    def files(self):
        """What there is: the bytes of each file, None of a directory."""
        found = {}
        for directory, directories, names in os.walk(self.place):
            found |= {os.path.join(directory, name): None for name in directories}
            found |= {path: read(path) for path in (os.path.join(directory, name) for name in names)}
        return found

    def fresh(self):
        now = self.files()
        for path in sorted(now.keys() - self.template.keys(), reverse=True):
            os.rmdir(path) if now[path] is None else os.unlink(path)
        for path, content in self.template.items():
            if path not in now and content is None:
                os.mkdir(path)
            elif now.get(path) != content:
                pathlib.Path(path).write_bytes(content)
        self.server.seen.clear()

    # ---- The program ----

    def program(self, argv):
        more = ['--policy', 'policy.lua'] if argv[0] in ('run', 'pipe', 'deliver', 'verp', 'undo', 'check-setup',
                                                       'held', 'outbox', 'ledger') else []
        if self.scenario.state:
            more += ['--state', 'state']
        env = {'PATH': '/usr/bin:/bin', 'LANG': 'C.UTF-8', 'CAROM_TORTURE_COUNTS': str(self.work / 'counts')}
        beside = pathlib.Path(self.options.carom).resolve().parent
        modules = [m for m in (beside / 'carom-commands.so', beside.parent / 'carom-sqlite.so') if m.exists()]
        if self.scenario.loaded and modules:
            env['CAROM_TORTURE_LOAD'] = ':'.join(map(str, modules))
        if self.options.until:
            env['CAROM_TORTURE_UNTIL'] = self.options.until
        return Program([self.options.carom, argv[0], *more, *argv[1:]], env, self.options.shim, self.place)

    def run(self, argv, given='', plan=''):
        """Exit code, stdout, stderr, and what the shim counted."""
        for name in ('out', 'err', 'counts'):
            os.truncate(self.work / name, 0)
        if given != self.given:
            self.given = given
            (self.work / 'in').write_text(given)
        if argv not in self.programs:
            self.programs[argv] = self.program(argv)
        code = self.programs[argv].run(plan)
        if code is None:
            self.programs.pop(argv).end()
            raise Broken('hangs')
        counts = collections.Counter()
        for line in (self.work / 'counts').read_text().splitlines():
            name, n = line.split()
            counts[name] = max(counts[name], int(n))
        return code, *((self.work / name).read_text(errors='replace') for name in ('out', 'err')), counts

    # ---- What must hold ----

    def stored(self, ledger='state/carom.db'):
        """Every row of the ledger, which must be whole."""
        ledger = str(self.place / ledger)
        if not os.path.exists(ledger) or not os.path.getsize(ledger):
            return ''
        known = read(ledger), read(ledger + '-wal') if os.path.exists(ledger + '-wal') else b''
        if known not in self.dumps:
            if len(self.dumps) > 50:
                self.dumps.clear()
            self.dumps[known] = dump(ledger)
        return self.dumps[known]

    def normal(self):
        self.fresh()
        self.before = self.stored()
        code, self.output, said, self.counts_normal = self.run(self.argv, self.scenario.given)
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
        elif how == 'kept':
            if after != self.after and not self.spooled():
                raise Broken(f'exit {code}, and it is neither in the ledger nor in the spool')
        elif how == 'red':
            if code == 0 and mask(output) != self.output and '"status":"red"' not in output:
                raise Broken(f'the output is another:\n{differences(mask(output), self.output)}')
        elif how == 'copied':
            if code == 0 and self.stored('copy/carom.db') != after:
                raise Broken('exit 0, and the copy is not whole')
        elif how == 'delivered':
            with contextlib.closing(sqlite3.connect(self.place / 'state/carom.db')) as db:
                states = [state for state, in db.execute('SELECT state FROM job')]
            if len(states) != 1 or (states[0] == DONE and not self.told()):
                raise Broken(f'the job is lost: told {self.told()}, states {states}')
        elif code == self.code:
            if mask(output) != self.output:
                raise Broken(f'exit {code}, and the output is another:\n{differences(mask(output), self.output)}')
            if after != self.after:
                raise Broken(f'exit {code}, and what is stored is another:\n{differences(after, self.after)}')

    def again(self):
        """The same command without a failure does what it always does, where something was left behind."""
        if self.scenario.judge in ('delivered', 'copied', 'kept') or self.stored() == self.before:
            return
        left = self.stored(), tuple(sorted(self.files()))
        if left in self.recovers: # most points leave the same behind
            return
        self.recovers.add(left)
        code, _, said, _ = self.run(self.argv, self.scenario.given)
        if code != self.code:
            raise Broken(f'again, without failures, it ends with {code}: {said.strip()}')
        after = self.stored()
        if self.scenario.judge == 'same' and after != self.after:
            raise Broken(f'again, without failures, what is stored is another:\n{differences(after, self.after)}')

    def point(self, plan):
        self.fresh()
        code, output, said, counts = self.run(self.argv, self.scenario.given, plan)
        if code == -signal.SIGABRT and 'nss_database.c' in said:
            return 0  # glibc, too, where it looks up a user
        if code < 0 or code > 128 or 'ssert' in said:
            raise Broken(f'crashes: exit {code}: {said.strip()}')
        if code == 127 and 'cannot allocate memory for thread-local data' in said:
            return 0  # glibc gives up by itself when OpenSSL, leaving, touches its first variable of a thread
        if code not in self.scenario.codes and code not in self.scenario.ends:
            raise Broken(f'exit {code}, which no manual names: {said.strip()}')
        if code == 0 and 0 not in self.scenario.ends:
            raise Broken(f'exit 0, which says that all is well: {output.strip()}')
        if code not in self.scenario.ends and not said and not output:
            raise Broken(f'exit {code} without a word')
        self.judge(code, output)
        if code not in self.scenario.ends:
            self.again()
        # The C library keeps what a line in the log took, and each way to look up a user that it tried (check-setup);
        # OpenSSL, which libcurl begins, leaves blocks behind where it could not.
        kept = 16 if self.scenario.name == 'check-setup' else 4 if self.scenario.judge == 'stored' else 1
        allowed = self.counts_normal['live'] + kept
        curl = 'http' in self.scenario.keys or self.scenario.name == 'deliver-mail'
        if counts['live'] > allowed and not curl and not self.options.until:
            raise Broken(f"leaks: exit {code} with {counts['live']} blocks, not {self.counts_normal['live']}: {said.strip()}")
        return 0


def all_points(counts, calls):
    for call, hows in HOW.items():
        if calls and call not in calls.split(','):
            continue
        yield from (f'{call}:{i}{how}' for i in range(1, counts[call] + 1) for how in hows)


def sample(counts):
    """Two allocations in each mode, and about one of the other calls' errors in two: each command another one."""
    for number, (call, hows) in enumerate(HOW.items()):
        n = counts[call]
        for k, how in enumerate(hows):
            if call == 'malloc':
                some = [1 + (n - 1) * (3 + 8 * i + 2 * k) // 17 for i in range(2)]
            else:
                some = [1 + (n - 1) * ((3 * number + k) % 25) // 25][:k == n % len(hows)]
            yield from (f'{call}:{i}{how}' for i in some if n)


def points(counts, options):
    """The plans of a run."""
    if options.point:
        return [options.point]
    if not options.shard:
        return sample(counts)
    k, n = map(int, options.shard.split('/'))
    return itertools.islice(all_points(counts, options.calls), k - 1, None, n)


server = None


def play(name, options):
    """A scenario: its lines, and how many points it had, and how many wrong ones."""
    global server
    if not server: # one for each process
        server = Receiver(('whsec_Y2Fyb20tdGVzdC1zZWNyZXQtMDEyMzQ1Njc4OQ==',), ('204',))
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    scenario = next(scenario for scenario in scenarios(server.url) if scenario.name == name)
    begin, n, said = time.monotonic(), 0, []
    # What a killed process had written is in the page cache, whatever the disk: memory is as good, and quicker.
    with tempfile.TemporaryDirectory(prefix='carom-torture-', dir=MEMORY) as work:
        bench = None
        try:
            bench = Bench(options, server, scenario, pathlib.Path(work))
            counts = bench.normal()
            for plan in points(counts, options):
                n += 1
                try:
                    bench.point(plan)
                except Broken as why:
                    said.append(f'not ok {name} {plan}: {why}')
            said.append(f'{name}: {n} points, {counts["malloc"]} allocations, {time.monotonic() - begin:.1f} s')
        except Broken as why:
            said.append(f'not ok {name}: {why}')
        finally:
            if bench:
                bench.end()
    return said, n


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('carom')
    parser.add_argument('shim')
    parser.add_argument('--shard')
    parser.add_argument('--only', action='append', default=[])
    parser.add_argument('--point')
    parser.add_argument('--calls')
    parser.add_argument('--jobs', type=int, default=1)
    parser.add_argument('--until-main', action='store_const', const='main', dest='until')
    options = parser.parse_args()
    options.carom, options.shim = os.path.abspath(options.carom), os.path.abspath(options.shim)
    names = [scenario.name for scenario in scenarios('') if not options.only or scenario.name in options.only]
    total = wrong = 0
    with multiprocessing.Pool(options.jobs) as pool:
        for said, n in pool.imap_unordered(functools.partial(play, options=options), names):
            print('\n'.join(said), flush=True)
            total += n
            wrong += sum(line.startswith('not ok ') for line in said)
    print(f'{total} points of {len(names)} commands, {wrong} wrong')
    return 1 if wrong or not total else 0


if __name__ == '__main__':
    sys.exit(main())
