# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: the carom authors
"""What tests of commands have in common: a folder with a policy and a state directory, carom run in it, and a report as a
mail server sends it."""
import os
import pathlib
import subprocess
import tempfile
import unittest

CAROM = os.path.abspath(os.environ['CAROM'])


class Stage(unittest.TestCase):
    POLICY = ''  # the text of policy.lua, or nothing

    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix=f'carom-{type(self).__name__.lower()}-')
        self.addCleanup(scratch.cleanup)
        self.dir = pathlib.Path(scratch.name)
        self.state = self.dir / 'state'
        if self.POLICY:
            (self.dir / 'policy.lua').write_text(self.POLICY)

    def carom(self, *arguments, given='', code=0):
        """Its output; what it said on stderr is in self.errors."""
        done = subprocess.run([CAROM, *map(str, arguments)], input=given, capture_output=True, text=True, timeout=120,
                              cwd=self.dir, env={**os.environ, 'CAROM_STATE': str(self.state)})
        self.assertEqual(done.returncode, code, f'{arguments}: {done.stderr}{done.stdout}')
        self.errors = done.stderr
        return done.stdout


def report(reply, to, when, number, names, path='news-bounces@lists.example.org', mta='mx.example.com', fields='',
           subject='Undelivered Mail Returned to Sender'):
    """A report about one recipient. reply: status and words; names: the Message-IDs of the report and of what it is about;
    fields: more of the returned header."""
    status, words = reply
    date = when.strftime('%a, %d %b %Y %H:%M:%S +0000')
    return f'''Received: by mail.example.org (Postfix) id B{number}; {date}
From: MAILER-DAEMON@mail.example.org
To: {path}
Subject: {subject}
Date: {date}
Message-ID: <{names[0]}>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

It is about one recipient.

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mail.example.org

Final-Recipient: rfc822; {to}
Action: {'delivered' if status[0] == '2' else 'failed'}
Status: {status}
Remote-MTA: dns; {mta}
Diagnostic-Code: smtp; {words}

--b
Content-Type: text/rfc822-headers

From: editor@example.org
To: {to}
Message-ID: <{names[1]}>
List-Id: <news.lists.example.org>
{fields}Subject: News

--b--
'''
