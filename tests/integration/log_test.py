#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: the carom authors
"""The log: where it goes, what a line says, what hostile mail cannot do to it, and what its failure must not do to mail.

usage: CAROM=path/to/carom log_test.py [unittest arguments]
"""
import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import unittest

CAROM = os.path.abspath(os.environ['CAROM'])
BOUNCES = pathlib.Path(__file__).resolve().parent.parent.parent / 'examples' / 'bounces'
BOUNCE = (BOUNCES / '01-user-unknown.eml').read_bytes()
POLICY = '''
carom.configure { %s }
function on_permanent(bounce)
  carom.log("info", "from " .. (bounce.message_id or "nobody"))
  bounce:tag("seen", "yes")
  bounce:unsubscribe {}
end
'''
HOSTILE = b'''From: MAILER-DAEMON@mx.example.net
To: news-bounces@lists.example.org
Subject: Undelivered Mail
Message-ID: <1@x>\x1b]0;owned\x07 kind=delivered\x9b31m
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b

It failed.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net

Final-Recipient: rfc822; "a kind=delivered\x1b[2J hook=on_delivered"@example.com
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 unknown

--b--
'''


class Log(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix='carom-log-')
        self.addCleanup(scratch.cleanup)
        self.dir = pathlib.Path(scratch.name)
        self.log = self.dir / 'carom.log'
        self.configure('')

    def configure(self, text):
        (self.dir / 'policy.lua').write_text(POLICY % text)

    def carom(self, command, *arguments, given=b'', code=0):
        done = subprocess.run([CAROM, command, '--policy', 'policy.lua', *map(str, arguments)], input=given,
                              capture_output=True, timeout=60, cwd=self.dir,
                              env={**os.environ, 'CAROM_STATE': str(self.dir / 'state')})
        self.assertEqual(done.returncode, code, f'{arguments}: {done.stderr}{done.stdout}')
        self.errors = done.stderr.decode()
        return done.stdout.decode()

    def lines(self, path=None):
        return (path or self.log).read_text().splitlines()

    def facts(self):
        return self.carom('show', '--all').count('"kind":')


class Lines(Log):
    def test_a_decision_is_a_line(self):
        self.configure(f'log = {{ file = "{self.log}" }}')
        self.carom('pipe', given=BOUNCE)
        said, decided = self.lines()
        stamp = r'^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ carom\[\d+\] info: '
        self.assertRegex(said, stamp + r'policy\.lua: on_permanent: from ')
        self.assertRegex(decided, stamp + r'decision: kind=permanent reason=user_unknown rule=\S+ hook=on_permanent '
                                          r'actions=tag,unsubscribe .* to=anna@example\.com ')
        self.carom('pipe', given=BOUNCE)
        self.assertRegex(self.lines()[2], r' duplicate=yes ')
        self.assertEqual(self.log.stat().st_mode & 0o137, 0)

    def test_what_waits_for_a_person_is_held_and_not_refused(self):
        self.configure('mode = "observe"')
        self.carom('pipe', '--log', self.log, given=BOUNCE)
        self.assertRegex(self.lines()[1], r' actions=held-tag,held-unsubscribe ')

    def test_as_json(self):
        self.carom('pipe', '--log', f'{self.log},json', given=BOUNCE)
        said, decided = map(json.loads, self.lines())
        self.assertEqual((said['event'], said['level']), ('message', 'info'))
        self.assertEqual([decided[key] for key in ('event', 'kind', 'reason', 'hook', 'to')],
                         ['decision', 'permanent', 'user_unknown', 'on_permanent', 'anna@example.com'])

    def test_run_logs_where_a_place_is_named(self):
        self.carom('run', '--quiet', BOUNCES / '01-user-unknown.eml')
        self.assertNotIn('decision:', self.errors)
        self.carom('run', '--quiet', '--log', 'stderr', BOUNCES / '08-host-unknown.eml')
        self.assertRegex(self.errors, r'(?m)^carom: decision: kind=permanent .* source=\S+/08-host-unknown\.eml ')
        self.configure(f'log = {{ file = "{self.log}" }}')
        self.carom('run', '--dry-run', '--quiet', BOUNCES / '08-host-unknown.eml')
        self.assertFalse(self.log.exists(), 'a dry run wrote the log')
        given = b'{"reply":"550 5.1.1 no","recipient":"x@example.com","delivery":"1"}\n'
        self.carom('run', '--lines', given=given)
        self.assertRegex(self.lines()[-1], r'decision: kind=permanent .* to=x@example\.com')

    def test_levels(self):
        self.configure(f'log = {{ file = "{self.log}", level = "warning" }}')
        self.carom('pipe', given=BOUNCE)
        self.assertFalse(self.log.exists())
        self.carom('pipe', '--log', f'{self.log},debug', given=BOUNCE)
        self.assertEqual(len(self.lines()), 1) # known already: no hook spoke

    def test_misuse(self):
        for where in ('jornal', 'carom.log', 'syslog,jsn', 'stderr,'):
            self.carom('run', '--log', where, 'x', code=64 if where != 'stderr,' else 66)
        self.carom('pipe', '--log', 'jornal', given=BOUNCE, code=75)
        self.carom('deliver', '--log', 'x', code=64)


class Hostile(Log):
    def test_mail_writes_no_lines_and_no_fields(self):
        self.carom('pipe', '--log', self.log, given=HOSTILE)
        raw = self.log.read_bytes()
        self.assertEqual(raw.count(b'\n'), 2)
        self.assertNotRegex(raw, rb'[\x00-\x09\x0b-\x1f\x7f-\x9f]')
        decided = raw.splitlines()[1].decode()
        fields = dict(field.split('=', 1) for field in decided.split(': ', 2)[2].split(' '))
        self.assertEqual((fields['kind'], fields['hook']), ('permanent', 'on_permanent'))
        self.assertIn(r'\x20kind=delivered\x20[2J\x20hook=', fields['to'])
        self.assertIn(r'\x1b]0;owned\x07', fields['message_id'])

    def test_nor_members(self):
        self.carom('pipe', '--log', f'{self.log},json', given=HOSTILE)
        said, decided = self.log.read_bytes().splitlines()
        self.assertNotRegex(decided, rb'[\x00-\x1f]')
        self.assertEqual(json.loads(decided)['kind'], 'permanent')


class Failing(Log):
    def test_a_log_that_cannot_be_written_loses_no_mail(self):
        fifo = self.dir / 'fifo'
        os.mkfifo(fifo)
        for n, place in enumerate((self.dir / 'missing' / 'log', self.dir, fifo, '/dev/full')):
            message = BOUNCE.replace(b'Message-ID: <', b'Message-ID: <%d' % n)
            self.assertEqual(self.carom('pipe', '--log', place, given=message), '')
            self.assertEqual(self.errors, '')
        self.assertEqual(self.facts(), 4)
        self.carom('run', '--quiet', '--log', self.dir / 'missing' / 'log', BOUNCES / '08-host-unknown.eml')
        self.assertRegex(self.errors, r'warning: cannot write the log .*missing/log: No such file')
        self.assertEqual(self.errors.count('cannot write'), 1)
        self.assertIn('decision: kind=permanent', self.errors)

    def test_it_may_be_moved_at_any_time(self):
        self.configure(f'log = {{ file = "{self.log}" }}')
        self.carom('pipe', given=BOUNCE)
        deliver = subprocess.Popen([CAROM, 'deliver', '--watch', '--policy', 'policy.lua'], cwd=self.dir,
                                   env={**os.environ, 'CAROM_STATE': str(self.dir / 'state')})
        try:
            self.log.rename(self.dir / 'carom.log.1')
            self.carom('pipe', given=HOSTILE)
        finally:
            deliver.terminate()
            deliver.wait(timeout=60)
        self.assertEqual((len(self.lines()), len(self.lines(self.dir / 'carom.log.1'))), (2, 2))

    def test_a_mail_server_sees_nothing_on_stderr(self):
        self.configure('log = "stderr"')
        self.assertEqual(self.carom('pipe', given=BOUNCE) + self.errors, '')
        self.assertEqual(self.carom('pipe', '--log', 'stderr', given=BOUNCE) + self.errors, '')


@unittest.skipUnless(os.geteuid() == 0, 'the socket of syslog needs root and a /dev of its own')
class Syslog(Log):
    """In a mount namespace whose /dev/log is ours."""
    def heard(self, *command, given=BOUNCE):
        where = str(self.dir / 'log.socket')
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
            server.bind(where)
            server.settimeout(10)
            script = ('mount -t tmpfs dev /dev && mknod -m 666 /dev/null c 1 3 && ln -s "$1" /dev/log && shift && '
                      'exec "$@"')
            done = subprocess.run(['unshare', '-m', 'sh', '-c', script, 'sh', where, CAROM, *command,
                                   '--policy', 'policy.lua'], input=given, cwd=self.dir, capture_output=True, timeout=60,
                                  env={**os.environ, 'CAROM_STATE': str(self.dir / 'state')})
            if b'unshare' in done.stderr:
                self.skipTest(done.stderr.decode())
            self.assertEqual((done.returncode, done.stdout, done.stderr), (0, b'', b''))
            server.settimeout(0.2)
            lines = []
            try:
                while True:
                    lines.append(server.recv(65536))
            except TimeoutError:
                return lines

    def test_under_a_mail_server(self):
        said, decided = self.heard('pipe')
        self.assertRegex(decided.rstrip(b'\0'), rb'^<22>.*carom(\[\d+\])?: decision: kind=permanent ')  # mail.info

    def test_what_no_file_takes(self):
        said = self.heard('pipe', '--log', str(self.dir / 'missing' / 'log'))
        self.assertRegex(said[0], rb'^<20>.*cannot write the log ')  # mail.warning
        self.assertRegex(said[2], rb'^<22>.*decision: ')

    def test_hostile_mail(self):
        for line in self.heard('pipe', given=HOSTILE):
            self.assertNotRegex(line.rstrip(b'\0'), rb'[\x00-\x1f\x7f]')


if __name__ == '__main__':
    unittest.main()
