#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: the carom authors
"""Every kind of sink against a receiver that takes, refuses, puts off and breaks off: what it is asked, and what `carom
outbox` then says.

One bounce is told to all of them, since an action may have a list of sinks; each has its own path at the receiver, or its
own recipient at the mail server.

usage: CAROM=path/to/carom sinks_test.py [unittest arguments]
"""
import datetime
import json
import os
import pathlib
import re
import socketserver
import sqlite3
import subprocess
import tempfile
import threading
import time
import unittest

from receiver import Receiver

CAROM = os.path.abspath(os.environ['CAROM'])
BOUNCE = pathlib.Path(__file__).resolve().parents[2] / 'examples' / 'bounces' / '01-user-unknown.eml'
SECRET = 'whsec_Y2Fyb20tdGVzdC1zZWNyZXQtMDEyMzQ1Njc4OQ=='
DAY, HOUR = 86400, 3600
# On a connection that was used before the request is sent once more, and no more often.
BROKEN_OFF = re.compile('Empty reply from server|closed without an answer, twice')

WEBHOOK = 'carom.webhook { url = "%(url)s", secret = "' + SECRET + '", allow_private = true }'
POST = 'carom.http { method = "POST", url = "%(url)s", body = { who = "{address}", why = "{diagnostic}" }, allow_private = true%(more)s }'
DELETE = 'carom.http { method = "DELETE", url = "%(url)s?of={list_key}", allow_private = true%(more)s }'
FIRST = ('carom.http { method = "DELETE", url = "%(url)s/{member}", allow_private = true%(more)s,'
         ' first = { url = "%(url)s?email={address}", take = { member = "entries.id" } } }')
FOUND = '200={"entries": {"id": "m 7"}}'
SEARCH = ('carom.http { method = "PUT", url = "%(url)s/{member}", body = { list = "{list_key}" }, allow_private = true%(more)s,'
          ' first = { url = "%(url)s?email={sql.address}", take = { member = "found.0.id" },'
          ' same = { ["found.0.email"] = "{address}" } } }')
ANNA = '200={"found": [{"id": "m 7", "email": "Anna@Example.com"}]}'

# The sink; what the receiver answers it, and its look-up; what the outbox says: state, attempts, answer, due in seconds.
HTTP = [
    (WEBHOOK, '204', None, 'done', 1, '204 No Content', None),
    (WEBHOOK, '404', None, 'waiting', 1, "404 Not Found (the webhook's address seems to be wrong: its jobs wait)", 5),
    (WEBHOOK, '422=no', None, 'dead', 1, '422 Unprocessable Content: no', None),
    (WEBHOOK, '202', None, 'done', 1, '202 Accepted', None),
    (WEBHOOK, '429/120', None, 'waiting', 1, '429 Too Many Requests', 120),
    (WEBHOOK, '503', None, 'waiting', 1, '503 Service Unavailable', 5),
    (WEBHOOK, '503/7200', None, 'waiting', 1, '503 Service Unavailable', 7200),
    (WEBHOOK, 'drop', None, 'waiting', 1, BROKEN_OFF, 5),
    (POST, '204', None, 'done', 1, '204 No Content', None),
    (POST, '404=nobody of that name', None, 'dead', 1, '404 Not Found: nobody of that name', None),
    (POST, '202', None, 'done', 1, '202 Accepted', None),
    (POST, '429/120', None, 'waiting', 1, '429 Too Many Requests', 120),
    (POST, '503=maintenance', None, 'waiting', 1, '503 Service Unavailable: maintenance', 5),
    (POST, 'drop', None, 'waiting', 1, BROKEN_OFF, 5),
    (POST + 'done = { "2xx", 404 }', '404', None, 'done', 1, '404 Not Found', None),
    (POST + 'done = { 200 }', '202', None, 'dead', 1, '202 Accepted (not among the answers that mean done for this sink)', None),
    (POST + 'pending = { 202 }', '202', None, 'pending', 0, '202 Accepted (taken, not done yet)', DAY),
    (POST + 'pending = { 202 }', '204', None, 'done', 1, '204 No Content', None),
    (POST, '401', None, 'waiting', 0, '401 Unauthorized', 60),
    (DELETE, '204', None, 'done', 1, '204 No Content', None),
    (DELETE, '404', None, 'done', 1, '404 Not Found', None),
    (DELETE, '503', None, 'waiting', 1, '503 Service Unavailable', 5),
    (FIRST, '204', FOUND, 'done', 1, '204 No Content', None),
    (FIRST, '204', '404', 'done', 1, 'look-up: 404 Not Found', None),
    (FIRST, '204', '200={"entries": {}}', 'dead', 1, 'entries.id', None),
    (FIRST, '204', '503', 'waiting', 1, 'look-up: 503 Service Unavailable', 5),
    (FIRST, '204', '429/120', 'waiting', 1, 'look-up: 429 Too Many Requests', 120),
    (FIRST, '204', 'drop', 'waiting', 1, 'look-up: ', 5),
    (FIRST, '503', FOUND, 'waiting', 1, '503 Service Unavailable', 5),
    (FIRST, 'drop', FOUND, 'waiting', 1, BROKEN_OFF, 5),
    (SEARCH, '204', ANNA, 'done', 1, '204 No Content', None),
    (SEARCH, '204', ANNA.replace('Anna', 'Joanna'), 'dead', 1, 'look-up: nothing there: found.0.email is Joanna@Example.com', None),
    (SEARCH + 'done = { "2xx", 404 }', '204', ANNA.replace('Anna', 'Joanna'), 'done', 1, 'nothing there: found.0.email is', None),
    (SEARCH, '204', ANNA.replace('email', 'mail'), 'dead', 1, 'has no found.0.email', None),
    (SEARCH, '204', '200={"found": []}', 'dead', 1, 'look-up: nothing there', None),
    (SEARCH + 'done = { "2xx", 404 }', '204', '200={"found": []}', 'done', 1, 'look-up: nothing there', None),
    (SEARCH + 'done = { "2xx", 404 }', '204', '200={"found": {}}', 'dead', 1, 'has no found.0.id', None),
    (FIRST + 'pending = { 202 }', '202', FOUND, 'pending', 0, '202 Accepted (taken, not done yet)', HOUR),
]

# Script, its proof; then as above.
COMMANDS = [
    ('echo "$1 is gone"', None, 'done', 1, 'exit 0: anna@example.com is gone', None),
    ('exit 0', 'exit 0', 'done', 1, 'verify: exit 0', None),
    ('exit 0', 'echo "$1 is still there"; exit 1', 'waiting', 1, 'verify: exit 1: anna@example.com is still there', 5),
    ('exit 75', 'exit 0', 'waiting', 1, 'exit 75', 5),
    ('echo no; exit 3', 'exit 0', 'dead', 1, 'exit 3: no', None),
    ('kill -KILL $$', None, 'waiting', 1, 'ended by signal 9', 5),
    ('read line; test "$line" = "anna@example.com"', None, 'done', 1, 'exit 0', None),
]

# What RCPT is answered; then as above.
MAIL = [
    ('250 2.1.5 Ok', 'done', 1, '250 2.0.0 Queued', None),
    ('550 5.1.1 No such user', 'dead', 1, '550 5.1.1 No such user', None),
    ('450 4.2.1 Try later', 'waiting', 1, '450 4.2.1 Try later', 5),
    ('421 4.3.2 Shutting down', 'waiting', 1, '421 4.3.2 Shutting down', 5),
    ('', 'waiting', 1, 'response reading failed', 5), # the connection is closed
]


class Mail(socketserver.StreamRequestHandler):
    def say(self, text):
        self.wfile.write(text.encode() + b'\r\n')

    def handle(self):
        self.say('220 relay.example.org ESMTP')
        for line in self.rfile:
            verb = line[:4].upper()
            if verb == b'RCPT':
                answer = MAIL[int(line.partition(b'<n')[2].partition(b'@')[0])][0]
                if not answer:
                    return
                self.say(answer)
            elif verb == b'DATA':
                self.say('354 Go ahead')
                lines = []
                while (line := self.rfile.readline()) not in (b'.\r\n', b''):
                    lines.append(line)
                self.server.mails.append(b''.join(lines).decode())
                self.say('250 2.0.0 Queued')
            elif verb == b'QUIT':
                return self.say('221 2.0.0 Bye')
            else:
                self.say('250 2.0.0 Ok')


class MailServer(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 128 # with less, a busy machine takes connections and says nothing for seconds

    def __init__(self):
        super().__init__(('127.0.0.1', 0), Mail)
        self.mails = []


class Sinks(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix='carom-sinks-')
        self.addCleanup(scratch.cleanup)
        self.dir = pathlib.Path(scratch.name)

    def serve(self, server):
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return server

    def receiver(self):
        paths = {}
        for i, (sink, answer, look_up, *_) in enumerate(HTTP):
            paths[f'/{i}'] = [look_up or answer]
            paths[f'/{i}/m%207'] = [answer]
        return self.serve(Receiver((SECRET,), ('500',), paths))

    def configure(self, action, sinks):
        (self.dir / 'policy.lua').write_text(
            'carom.configure { lists = { ["news.lists.example.org"] = { key = "7" } },\n sinks = { %s = {\n%s } } }\n'
            'function on_permanent(bounce)\n bounce:unsubscribe()\n bounce:alert { text = "{recipient} fails" }\nend\n'
            % (action, ',\n'.join(sinks)))

    def carom(self, command, *arguments, code=0):
        done = subprocess.run([CAROM, command, '--policy', 'policy.lua', '--state', '.', *map(str, arguments)], cwd=self.dir,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout

    def jobs(self):
        return [json.loads(line) for line in self.carom('outbox', '--json', 'list').splitlines()]

    def tell(self):
        self.carom('run', '--quiet', BOUNCE)
        self.carom('deliver')
        return self.jobs()

    def expect(self, job, what, state, attempts, answer, due):
        with self.subTest(sink=job['sink'], what=what):
            self.assertEqual((job['state'], job['attempts']), (state, attempts), job)
            self.assertRegex(job['last_answer'], answer if isinstance(answer, re.Pattern) else re.escape(answer))
            if due:
                then = datetime.datetime.fromisoformat(job['due'].replace('Z', '+00:00')).timestamp()
                self.assertAlmostEqual(then - time.time(), due, delta=0.1 * due + 10)

    # ---- HTTP ----

    def test_webhooks_and_rest(self):
        server = self.receiver()
        sinks = []
        for i, (sink, *_) in enumerate(HTTP):
            kind = next(kind for kind in (WEBHOOK, POST, DELETE, FIRST, SEARCH) if sink.startswith(kind))
            more = sink[len(kind):]
            sinks.append(kind % {'url': f'{server.url}/{i}', 'more': more and ', ' + more})
        self.configure('unsubscribe', sinks)
        jobs = self.tell()
        self.assertEqual(len(jobs), len(HTTP))
        for job, (sink, answer, look_up, *want) in zip(jobs, HTTP):
            self.expect(job, (answer, look_up), *want)
        self.asked(server, jobs)
        self.assertIn('sink unsubscribe.19 is stopped', self.carom('outbox'))
        self.pending_is_looked_at_again(server)

    def asked(self, server, jobs):
        seen = {}
        for request in server.seen:
            seen.setdefault(request['path'], []).append(request)
        for i, (sink, answer, look_up, *_) in enumerate(HTTP):
            with self.subTest(sink=sink, answer=answer, look_up=look_up):
                if sink == WEBHOOK:
                    self.assertEqual([(r['method'], r['problem'], r['id']) for r in seen[f'/{i}']],
                                     [('POST', None, jobs[i]['key'])])
                elif sink.startswith(POST):
                    self.assertEqual(json.loads(seen[f'/{i}'][0]['body'])['who'], 'anna@example.com')
                elif sink.startswith(DELETE):
                    self.assertEqual(seen[f'/{i}?of=7'][0]['method'], 'DELETE')
                else:
                    self.assertEqual([r['method'] for r in seen[f'/{i}?email=anna%40example.com']], ['GET'])
                    asked = [r['method'] for r in seen.get(f'/{i}/m%207', [])]
                    wanted = {'DELETE'} if look_up == FOUND else {'PUT'} if look_up == ANNA else set()
                    self.assertEqual(set(asked), wanted)
                    self.assertLessEqual(len(asked), 2 if answer == 'drop' else 1)

    def pending_is_looked_at_again(self, server):
        """An hour later only the look-up is asked: there still, then gone."""
        i = len(HTTP) - 1
        for look_up, state in ((FOUND, 'pending'), ('404', 'done')):
            with sqlite3.connect(self.dir / 'carom.db') as ledger:
                ledger.execute('UPDATE job SET due = 0 WHERE state = 4')
            ledger.close()
            server.plan.steps[f'/{i}'] = [look_up]
            self.carom('deliver')
            self.assertEqual(self.jobs()[i]['state'], state)
        self.assertEqual(sum(r['path'] == f'/{i}/m%207' for r in server.seen), 1)

    # ---- Commands, mail ----

    def test_commands(self):
        sinks = []
        for i, (script, proof, *_) in enumerate(COMMANDS):
            for name, text in (('do', script), ('verify', proof)):
                (self.dir / f'{name}{i}').write_text((text or '') + '\n')
            verify = f', verify = {{ "/bin/sh", "{self.dir}/verify{i}", "{{address}}" }}' if proof else ''
            sinks.append(f'carom.command {{ argv = {{ "/bin/sh", "{self.dir}/do{i}", "{{address}}" }}, '
                         f'stdin = "{{address}}"{verify} }}')
        self.configure('unsubscribe', sinks)
        jobs = self.tell()
        self.assertEqual(len(jobs), len(COMMANDS))
        for job, (script, proof, *want) in zip(jobs, COMMANDS):
            self.expect(job, (script, proof), *want)

    def test_mail(self):
        server = self.serve(MailServer())
        url = 'smtp://127.0.0.1:%d' % server.server_address[1]
        self.configure('alert', [f'carom.smtp {{ url = "{url}", from = "carom@example.org", to = "n{i}@example.org", '
                                 'allow_private = true }' for i in range(len(MAIL))])
        jobs = self.tell()
        self.assertEqual(len(jobs), len(MAIL))
        for job, (answer, *want) in zip(jobs, MAIL):
            self.expect(job, answer, *want)
        self.assertEqual(len(server.mails), 1)
        self.assertIn('anna@example.com fails', server.mails[0])
        self.assertRegex(server.mails[0], r'(?m)^Auto-Submitted: auto-generated\r$')

    def test_mail_on_account_of_bounces_is_bounded(self):
        server = self.serve(MailServer())
        (self.dir / 'policy.lua').write_text(
            'carom.configure { verp = { domain = "b.example.org", keys = { { id = 1, secret = "%s", since = "2026-01-01" } } },\n'
            ' sinks = { probe = carom.smtp { url = "smtp://127.0.0.1:%d", from = "c@example.org", allow_private = true } } }\n'
            'function on_permanent(bounce) bounce:probe {} end\n' % ('x' * 32, server.server_address[1]))
        (self.dir / 'replies').write_text(''.join(
            json.dumps({'reply': '550 5.1.1 unknown', 'recipient': f'n0@m{i}.example.com', 'delivery': i}) + '\n' for i in range(3)))
        self.carom('run', '--quiet', '--lines', 'replies')

        def change(sql):
            with sqlite3.connect(self.dir / 'carom.db') as ledger:
                ledger.execute(sql)
            ledger.close()
        columns = ('id, fact, part, address, state, created, begun, planned, due, lease, attempts, suppression, ended_by, sink,'
                   ' action, arguments, answer')
        change(f'WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 199) INSERT INTO job ({columns})'
               f' SELECT i, fact, i, NULL, 1, created, begun, planned, {int(time.time() * 1000)}, 0, 1, NULL, NULL, sink,'
               ' action, arguments, answer FROM n, (SELECT * FROM job ORDER BY id LIMIT 1)')
        self.carom('deliver')
        jobs = self.jobs()[199:]
        self.assertEqual(sorted(job['state'] for job in jobs), ['done', 'waiting', 'waiting'])
        waits = next(job for job in jobs if job['state'] == 'waiting')
        self.assertEqual((waits['attempts'], len(server.mails)), (0, 1))
        self.assertIn('in an hour: it waits', waits['last_answer'])
        change('UPDATE job SET due = due - 3600000')
        self.carom('deliver')
        self.assertEqual(len(server.mails), 3)


if __name__ == '__main__':
    unittest.main()
