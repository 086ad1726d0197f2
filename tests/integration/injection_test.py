#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: the carom authors
"""Whatever a bounce says, it says it as text: line ends, terminal sequences, bytes that are no UTF-8, shell and template
syntax in every field that mail can fill, followed to every place where carom writes.

usage: CAROM=path/to/carom injection_test.py [unittest arguments]
"""
import email.utils
import json
import os
import pathlib
import pty
import re
import socketserver
import subprocess
import tempfile
import threading
import unittest
import urllib.parse

from receiver import Receiver

CAROM = os.path.abspath(os.environ['CAROM'])
SECRET = 'whsec_Y2Fyb20tdGVzdC1zZWNyZXQtMDEyMzQ1Njc4OQ=='

# Local parts of recipients; what follows the diagnostic; the List-Id; a header of the returned message.
LOCALS = [b'-rf', b'--help', b'$(touch pwned)', b'`touch pwned`', b'a;touch pwned', b'"a;touch pwned;"', b'{diagnostic}',
          b'a%0d%0aX-Evil:1', b'../../etc/passwd', b'"a\\"b"', b'a\x1b[31m', b'\xff\xfe', '\u202ecod'.encode(), b"o'neill",
          b'a|touch pwned', b'a&b=c#d?e', b'a\\b', b'"a<script>"', '\u00fc'.encode()]
SAYINGS = [b'\x1b[31mred\x1b]0;title\x07', b'a\x00b', b'\xff\xfe\x80 bad', '\u202eright to left\u2066'.encode(), b'"\'\\ ;$(touch pwned)`touch pwned`',
           b'{address} {nothing} {{x}}', b'%0d%0aX-Evil: 1', b'a\rX-Evil: 1', b'=?utf-8?q?=0d=0aX-Evil:_1=00=1b[31m?=', b'\xc2\x9b31m',
           b'a\x0b\x0c\x08\x7f', '\u2028X-Evil: 1\u2029'.encode(), b'</script>', b'\xed\xa0\x80\xf4\x90\x80\x80\xc0\xaf']
LISTS = [b'<dev.lists.example.org>', b'<../../etc/passwd>', b'<dev.lists.example.org\x1b[31m>', b'"a\r\n b" <dev/../x.example.org>', b'<-rf.example.org>',
         b'=?utf-8?q?=0d=0aX-Evil:_1?= <{list}.example.org>', b'<\xff.example.org>']

BOUNCE = b'''From: MAILER-DAEMON@mx.example.net
To: dev-bounces@lists.example.org
Subject: Undelivered %(say)s
X-%(say)s: %(say)s
Message-ID: <%(number)d.bounce@mx.example.net>
Date: %(date)s
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b

It failed: %(say)s
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net

Final-Recipient: rfc822; %(local)s@example.net
Action: failed
Status: 5.1.1
Remote-MTA: dns; mx.%(say)s.example.net
Diagnostic-Code: smtp; 550 5.1.1 User unknown %(say)s

--b
Content-Type: text/rfc822-headers

Message-ID: <%(number)d.%(say)s@lists.example.org>
Subject: The post %(say)s
List-Id: %(list)s
X-Campaign: %(say)s

--b--
'''

POLICY = '''
carom.configure {
  lists = { ["dev.lists.example.org"] = { address = "dev@lists.example.org", key = "7" } },
  smtp = { url = "smtp://127.0.0.1:%(mail)d", from = "carom@example.org", allow_private = true },
  log = { file = "%(dir)s/log.txt" },
  breaker = { min = 100000 },
  sinks = {
    unsubscribe = {
      carom.webhook { url = "%(url)s/hook", secret = "%(secret)s", allow_private = true },
      carom.http { method = "POST", url = "%(url)s/rest/{address}/{list}/{header.X-Campaign}?why={diagnostic}", allow_private = true,
                   headers = { ["X-Say"] = "{diagnostic} {header.X-Campaign}" }, body = { who = "{address}", why = "{diagnostic}" } },
      carom.http { method = "POST", url = "%(url)s/form", allow_private = true, form = { who = "{address}", why = "{header.X-Campaign}" } },
      carom.command { argv = { "/bin/sh", "%(dir)s/told", "--address={address}", "--why={diagnostic}", "{list_key}-{header.X-Campaign}" },
                      stdin = "{address} {diagnostic}" },
    },
    alert = carom.smtp { to = "ops@example.org" },
  },
}
function on_bounce(bounce)
  bounce:unsubscribe()
  bounce:tag("why", (bounce.diagnostic or ""):sub(1, 100))
  bounce:alert { text = "{diagnostic} of {address} {header.X-Campaign}", key = bounce.id }
  carom.log("info", bounce.diagnostic or "none")
end
'''

# Each call's arguments and standard input, ended by NUL, in a file of its own: several run at once.
TOLD = '''{ printf '%s\\0' "$@"; cat; printf '\\0'; } >"$0.$CAROM_JOB"\n'''


class Mail(socketserver.StreamRequestHandler):
    def handle(self):
        self.wfile.write(b'220 relay ESMTP\r\n')
        for line in self.rfile:
            self.server.commands.append(line)
            if line[:4].upper() == b'DATA':
                self.wfile.write(b'354 go\r\n')
                mail = b''
                while (line := self.rfile.readline()) not in (b'.\r\n', b''):
                    mail += line
                self.server.mails.append(mail)
            self.wfile.write(b'250 2.0.0 ok\r\n')


class MailServer(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 128 # with less, a busy machine takes connections and says nothing for seconds

    def __init__(self):
        super().__init__(('127.0.0.1', 0), Mail)
        self.commands, self.mails = [], []


class Injection(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        scratch = tempfile.TemporaryDirectory(prefix='carom-injection-')
        cls.addClassCleanup(scratch.cleanup)
        cls.dir = pathlib.Path(scratch.name)
        cls.web, cls.mail = cls.serve(Receiver((SECRET,))), cls.serve(MailServer())
        (cls.dir / 'told').write_text(TOLD)
        cls.policy('policy.lua', POLICY)
        cases = [(local, b'said', LISTS[0]) for local in LOCALS]
        cases += [(b'u%d' % i, say, LISTS[0]) for i, say in enumerate(SAYINGS)]
        cases += [(b'l%d' % i, b'said', list_id) for i, list_id in enumerate(LISTS)]
        (cls.dir / 'in').mkdir()
        for i, (local, say, list_id) in enumerate(cases):
            (cls.dir / 'in' / ('%02d.eml' % i)).write_bytes(BOUNCE % {
                b'number': i, b'local': local, b'say': say, b'list': list_id, b'date': email.utils.formatdate().encode()})
        cls.n = len(cases)
        cls.carom('run', 'in', '--quiet')
        cls.carom('deliver')

    @classmethod
    def serve(cls, server):
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        cls.addClassCleanup(server.server_close)
        cls.addClassCleanup(server.shutdown)
        return server

    @classmethod
    def policy(cls, name, text):
        (cls.dir / name).write_text(text % {'dir': cls.dir, 'url': cls.web.url, 'secret': SECRET,
                                            'mail': cls.mail.server_address[1]})

    @classmethod
    def command(cls, command, *arguments, policy='policy.lua', state='state'):
        (cls.dir / state).mkdir(exist_ok=True)
        settings = [] if command in ('parse', 'explain') else ['--policy', policy, '--state', state]
        return [CAROM, command, *settings, *arguments]

    @classmethod
    def carom(cls, *arguments, **more):
        done = subprocess.run(cls.command(*arguments, **more), cwd=cls.dir, stdin=subprocess.DEVNULL, capture_output=True, timeout=120)
        if done.returncode not in (0, 1, 2):
            raise AssertionError((arguments, done))
        return done.stdout

    def on_terminal(self, *arguments, **more):
        """What the command writes to a terminal."""
        try:
            main, side = pty.openpty()
        except OSError as error: # a chroot without /dev/pts
            self.skipTest(f'no terminal to write to: {error}')
        run = subprocess.Popen(self.command(*arguments, **more), cwd=self.dir, stdin=side, stdout=side, stderr=side,
                               env={**os.environ, 'TERM': 'xterm', 'COLUMNS': '200'})
        os.close(side)
        text = b''
        try:
            while got := os.read(main, 65536):
                text += got
        except OSError:  # Linux says EIO when the other side is closed
            pass
        os.close(main)
        run.wait(60)
        return text

    def assertHarmless(self, text, what):
        """No control character but the line end, nothing that turns the direction of writing, only valid UTF-8."""
        try:
            text = text.decode()
        except UnicodeDecodeError as error:
            self.fail('%s: %s: %r' % (what, error, text[max(0, error.start - 60):error.end + 20]))
        text = re.sub(r'\x1b\[[0-9;]*m', lambda sgr: '' if sgr[0] != '\x1b[31m' else sgr[0], text.replace('\r\n', '\n'))
        bad = re.search('[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff]', text)
        if bad:
            self.fail('%s: %r in %r' % (what, bad[0], text[max(0, bad.start() - 80):bad.end() + 40]))

    def objects(self, text, what):
        self.assertFalse(re.search(rb'[\x00-\x09\x0b-\x1f]', text), what)
        return [json.loads(line, strict=True) for line in text.decode().splitlines() if line] if b'\xe2\x80\xa8' not in text else \
               [json.loads(line, strict=True) for line in text.decode().split('\n') if line]

    # ---- What is printed ----

    def test_json_for_another_parser(self):
        facts = self.objects(self.carom('parse', '--json', 'in'), 'parse')
        self.assertEqual(len(facts), self.n)
        self.assertTrue(any('"\'\\ ;$(touch pwned)' in fact['diagnostic'] for fact in facts))
        for command in (('outbox', '--json', 'list'), ('status', '--json'), ('export', 'u0@example.net'), 
                        ('incidents', '--json')):
            self.assertTrue(self.objects(self.carom(*command), command) or command[0] == 'incidents', command)
        for job in self.objects(self.carom('outbox', '--json', 'list'), 'outbox'):
            shown = self.objects(self.carom('outbox', 'show', str(job['job'])), 'show')
            self.assertEqual(shown[0]['key'], job['key'])

    def test_terminal(self):
        for command in (('parse', '--table', 'in'), ('parse', '--explain', 'in'), ('parse', '--unmatched', 'in'), ('outbox', 'list'),
                        ('status',), ('status', '--nagios'), ('status', '--prometheus'), ('suppressions', 'export'), ('incidents',),
                        ('undo', '--dry-run', '--since', '1d'), ('run', '--dry-run', '--table', 'in')):
            text = self.on_terminal(*command)
            self.assertNotIn(b'usage:', text, command)
            self.assertHarmless(text, command)
        for job in self.objects(self.carom('outbox', '--json', 'list'), 'outbox')[:80:4]:
            self.assertHarmless(self.on_terminal('show', job['address']) if not job['address'].startswith('-') else b'', job)

    def test_held(self):
        self.policy('held.lua', 'carom.configure { gate = { failure = "aligned" } } function on_bounce(b) b:suppress {} end')
        self.carom('run', 'in', '--quiet', policy='held.lua', state='held')
        held = {'policy': 'held.lua', 'state': 'held'}
        self.assertGreaterEqual(len(self.objects(self.carom('held', '--json', 'list', **held), 'held')), self.n - 3)
        self.assertHarmless(self.on_terminal('held', 'list', **held), 'held')
        self.assertHarmless(self.on_terminal('status', **held), 'status')

    def test_explain(self):
        for say in SAYINGS:
            if b'\0' not in say:
                self.assertHarmless(self.on_terminal('explain', b'550 5.1.1 ' + say), say)

    def test_log(self):
        text = (self.dir / 'log.txt').read_bytes()
        self.assertHarmless(text, 'log')
        lines = text.decode().splitlines()
        self.assertEqual(sum('on_bounce: ' in line for line in lines), self.n)
        self.assertFalse([line for line in lines if line.startswith('X-Evil') or len(line) > 4096])

    # ---- What is sent ----

    def test_web(self):
        self.assertEqual({request['path'].split('?')[0].split('/')[1] for request in self.web.seen}, {'hook', 'rest', 'form'})
        for request in self.web.seen:
            names = {name.lower() for name, _ in request['headers']}
            self.assertNotIn('x-evil', names, request)
            for _, value in request['headers']:
                self.assertFalse(re.search('[\x00-\x08\x0a-\x1f\x7f]', value), request)
            if request['path'] == '/hook':
                self.assertIsNone(request['problem'])
                json.loads(request['body'])
            elif request['path'] == '/form':
                self.assertEqual(sorted(urllib.parse.parse_qs(request['body'], keep_blank_values=True)), ['who', 'why'])
            else:
                self.assertEqual(sorted(json.loads(request['body'])), ['who', 'why'])
                self.assertRegex(request['path'], r"\A/rest/[A-Za-z0-9%._~-]+/[A-Za-z0-9%._~-]+/[A-Za-z0-9%._~-]*\?why=[A-Za-z0-9%._~-]*\Z")
                self.assertNotIn('/../', urllib.parse.unquote(request['path'].split('?')[0]))

    def test_command(self):
        calls = [path.read_bytes() for path in self.dir.glob('told.*')]
        self.assertGreater(len(calls), self.n // 2)
        for call in calls:
            arguments = call.split(b'\0')
            self.assertEqual(len(arguments), 5, call)
            self.assertTrue(arguments[0].startswith(b'--address=') and arguments[1].startswith(b'--why='), call)
            self.assertTrue(arguments[2].startswith(b'7-'), call)
        self.assertEqual(sorted(path.name for path in self.dir.iterdir() if 'pwned' in path.name), [])

    def test_mail(self):
        self.assertGreaterEqual(len(self.mail.mails), self.n - 3)
        for command in self.mail.commands:
            self.assertRegex(command, rb'\A(EHLO [A-Za-z0-9.-]+|MAIL FROM:<>( [A-Z0-9=]+)*|RCPT TO:<ops@example\.org>|DATA|QUIT)\r\n\Z')
        for mail in self.mail.mails:
            self.assertFalse(re.search(rb'\r(?!\n)|(?<!\r)\n|\0', mail), mail)
            head = mail.partition(b'\r\n\r\n')[0]
            self.assertNotRegex(head, rb'(?im)^X-Evil')
            self.assertFalse(re.search(rb'[^\x20-\x7e\r\n\t]', head), head)
            self.assertLessEqual(max(map(len, mail.split(b'\r\n'))), 998)


if __name__ == '__main__':
    unittest.main()
