#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: the carom authors
"""Signed return paths: signed, checked, taught, and what a bounce to one proves.

usage: CAROM=path/to/carom verp_test.py [unittest arguments]
"""
import json
import unittest

from stage import Stage
from email.utils import formatdate

LIST = 'news.lists.example.org'
LONG = 'somebody.with.a.very.long.name@a-rather-long-domain.example'
POLICY = '''
carom.configure {
  lists = { ["news.lists.example.org"] = { address = "news@lists.example.org", key = "7" } },
  verp = { domain = "bounces.example.org", prefix = "b+", keys = {
    { id = 1, secret = carom.file "%s", since = "2026-01-01" },
    { id = 2, secret = "another secret, for later", since = "2050-01-01" } } },
}
function on_permanent(bounce)
  bounce:tag("again", carom.verp { recipient = bounce.recipient, list = bounce.list })
  if bounce.hard then bounce:unsubscribe() end
end
'''
DSN = '''From: MAILER-DAEMON@mx.example.net
To: <>
Subject: Undelivered Mail
Message-ID: <{id}@mx.example.net>
Date: {date}
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b

It failed.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net

Final-Recipient: rfc822; {final}
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 User unknown

--b
Content-Type: text/rfc822-headers

Subject: news
{returned}
--b--
'''


class Verp(Stage):
    def setUp(self):
        super().setUp()
        (self.dir / 'secret').write_text('0123456789abcdef0123456789abcdef\n')
        (self.dir / 'policy.lua').write_text(POLICY % (self.dir / 'secret'))

    def verp(self, *arguments, **more):
        return self.carom('verp', '--policy', 'policy.lua', *arguments, **more)

    def sign(self, *arguments):
        return self.verp('sign', *arguments).strip()

    def pipe(self, recipient, final, about, returned='', number=1):
        """The latest fact about an address, after a bounce that came to recipient."""
        self.carom('pipe', '--policy', 'policy.lua', '--sender', '', '--recipient', recipient,
                   given=DSN.format(date=formatdate(), id=number, final=final, returned=returned))
        kept = json.loads(self.carom('export', '--policy', 'policy.lua', about))
        self.tags = kept['tags']
        return kept['facts'][-1]


class Command(Verp):
    def test_signs_and_verifies(self):
        path = self.sign('--list', LIST, '--id', '12345', 'Jane@Example.net')
        self.assertRegex(path, r'^b\+b[a-z2-7]{19}-7=\.12345=\.jane==example\.net@bounces\.example\.org$')
        said = self.verp('verify', path)
        self.assertRegex(said, rf'^valid\nrecipient jane@example\.net\nlist      {LIST}\nid        12345\nsigned    20')
        self.verp('verify', path.upper())
        self.verp('verify', path.replace('+', '-', 1), 'jane@EXAMPLE.net')
        self.verp('verify', f'SRS0=aB3d=7Q=bounces.example.org={path.split("@")[0]}@fwd.example')
        self.assertIn('for another recipient', self.verp('verify', path, 'joan@example.net', code=1))
        self.assertIn('not signed by us', self.verp('verify', path.replace('jane', 'joan'), code=1))
        self.assertIn('no token', self.verp('verify', 'jane@example.net', code=1))

    def test_header(self):
        header = self.sign('--header', '--list', LIST, LONG)
        self.assertTrue(header.startswith('X-Carom-Reference: '))
        self.assertIn(f'recipient {LONG}\n', self.verp('verify', header))
        self.assertIn(f'recipient {LONG}\n', self.verp('verify', header.split()[1]))
        self.assertIn('not signed', self.verp('verify', f'b+{self.sign("--header", "a@b.example").split()[1]}@bounces.example.org', code=1))

    def test_a_column_keeps_its_rows(self):
        self.assertEqual(self.verp('sign', '-', given='nonsense\na@b.example\n', code=65), '')
        self.assertIn('-:1: begin with a line that names the columns', self.errors)
        out = self.verp('sign', '--list', '7', '-', given='a@b.example\n\nnonsense\nc@d.example\n', code=65)
        self.assertEqual([bool(line) for line in out.splitlines()], [True, False, False, True])
        given = 'email;list;id\na@b.example;7;1\n;;\nnonsense;7;\n"x@y.example";;\n'
        out = self.verp('sign', '-', given=given, code=65)
        self.assertEqual(len(out.splitlines()), 4)
        self.assertEqual([bool(line) for line in out.splitlines()], [True, False, False, True])
        self.assertIn('-:4:', self.errors)

    def test_a_row_with_more_cells_than_names_is_nobody_s(self):
        given = 'id,address\n1,c@d.example\n2,too, a@b.example\n3,e@f.example,\n'
        out = self.verp('sign', '-', given=given, code=65)
        self.assertEqual([bool(line) for line in out.splitlines()], [True, False, True])
        self.assertIn('-:3: has 3 cells, the first line 2', self.errors)

    def test_a_list_that_is_none(self):
        rows = 'address,list\na@b.example,7\nc@d.example,NEWS.lists.example.org\ne@f.example,news\ng@h.example,\n'
        out = self.verp('sign', '-', given=rows, code=65)
        self.assertEqual([bool(line) for line in out.splitlines()], [True, True, False, True])
        self.assertEqual(self.errors, "carom: -:4: 'news' is none of the policy's lists; did you mean news.lists.example.org?\n")
        (self.dir / 'people.csv').write_text(rows)
        self.verp('import', 'people.csv', code=65)
        self.assertIn("people.csv:4: 'news' is none of the policy's lists", self.errors)

    def test_a_row_is_a_line(self):
        given = 'address,id\na@b.example,"1\n2"\nc@d.example\re@f.example\n"G, H" <g@h.example>,3\n'
        out = self.verp('sign', '-', given=given, code=65)
        self.assertEqual([bool(line) for line in out.splitlines()], [False, False, False, True])
        self.assertIn('recipient g@h.example\n', self.verp('verify', out.split()[-1]))

    def test_many_at_once(self):
        given = ''.join(f'user{i}@example.net\n' for i in range(20000))
        out = self.verp('sign', '--list', LIST, '-', given=given).splitlines()
        self.assertEqual(len(out), 20000)
        self.assertEqual(len(set(out)), 20000)
        self.assertIn('recipient user19999@example.net\n', self.verp('verify', out[-1]))

    def test_references_are_taught(self):
        path = self.sign('--list', LIST, LONG)
        self.assertIn('1 too long for their address', self.errors)
        self.assertLessEqual(path.index('@'), 64)
        self.assertIn('was not taught', self.verp('verify', path, code=1))
        (self.dir / 'subscribers.csv').write_text(f'address,list,id\n{LONG},{LIST},\njane@example.net,{LIST},\nj@x.example,7,99\n')
        self.assertIn('2 new, 0 known already, 1 need none', self.verp('import', 'subscribers.csv'))
        self.assertIn('0 new, 2 known already, 1 need none', self.verp('import', 'subscribers.csv'))
        self.assertIn(f'recipient {LONG}\nlist      {LIST}\n', self.verp('verify', path))
        self.assertIn('recipient j@x.example\n', self.verp('verify', self.sign('--list', '7', '--id', '99')))
        (self.dir / 'again.csv').write_text('address,list,id\nnew@x.example,7,99\n')  # the id is another's now
        self.verp('import', 'again.csv')
        self.assertIn('recipient new@x.example\n', self.verp('verify', self.sign('--list', '7', '--id', '99')))
        self.assertIn('"references":[{"list":"7"}]', self.carom('export', '--policy', 'policy.lua', LONG))
        self.carom('forget', '--policy', 'policy.lua', LONG)
        self.assertIn('was not taught', self.verp('verify', path, code=1))
        self.assertIn('b.csv:2', self.bad('address\nnonsense\n'))

    def bad(self, text):
        (self.dir / 'b.csv').write_text(text)
        self.verp('import', 'b.csv', code=65)
        return self.errors

    def test_mistakes(self):
        for arguments, code, text in [
                (['sign'], 64, 'wants an ADDRESS'), (['sgin', 'x'], 64, 'did you mean sign?'), (['verify'], 64, 'RETURN-PATH'),
                (['import'], 64, 'wants a FILE'), (['sign', 'nonsense'], 64, "'nonsense' is no address"),
                (['--id', 'probe', 'sign', 'a@b.example'], 64, "carom's own probes"),
                (['--list', 'newz.lists.example.org', 'sign', 'a@b.example'], 64, f'did you mean {LIST}?'),
                (['--header', 'verify', 'x'], 64, 'go with sign')]:
            self.verp(*arguments, code=code)
            self.assertIn(text, self.errors)
        self.carom('verp', 'sign', 'a@b.example', code=64)
        self.assertIn('no policy given', self.errors)
        (self.dir / 'secret').write_text('short\n')
        self.verp('sign', 'a@b.example', code=78)
        self.assertIn('verp: key 1: its secret has 5 bytes', self.errors)
        (self.dir / 'secret').unlink()
        self.verp('sign', 'a@b.example', code=78)
        self.assertIn('verp: key 1: cannot read the secret', self.errors)
        (self.dir / 'policy.lua').write_text('')
        self.verp('sign', 'a@b.example', code=78)
        self.assertIn('verp is not configured', self.errors)


class Pipe(Verp):
    def test_the_envelope_says_who_it_was(self):
        fact = self.pipe(self.sign('--list', LIST, 'jane@example.net'), 'j.doe@elsewhere.example', 'jane@example.net')
        self.assertEqual(fact['authenticity'], 'signed')
        self.assertEqual(fact['recipient'], 'jane@example.net')
        self.assertEqual(fact['final_recipient'], 'j.doe@elsewhere.example')
        self.assertEqual((fact['list'], fact['list_by']), (LIST, 'token'))
        self.assertRegex(fact['token_time'], r'T00:00:00Z$')
        self.carom('check', '--policy', 'policy.lua', '--list', LIST, 'jane@example.net', code=1)
        self.carom('check', '--policy', 'policy.lua', '--list', LIST, 'j.doe@elsewhere.example')
        self.verp('verify', self.tags['again'], 'jane@example.net')  # made by carom.verp in the hook

    def test_parse_with_the_keys(self):
        path = self.sign('--list', LIST, 'jane@example.net')
        text = f'Delivered-To: {path}\n' + DSN.format(date=formatdate(), id=1, final='x@y.example', returned='')
        (self.dir / 'one.eml').write_text(text)
        fact = json.loads(self.carom('parse', '--policy', 'policy.lua', '--json', 'one.eml'))
        self.assertEqual((fact['authenticity'], fact['recipient']), ('signed', 'jane@example.net'))
        fact = json.loads(self.carom('parse', '--json', 'one.eml'))
        self.assertEqual((fact['authenticity'], fact['recipient']), ('unproven', 'x@y.example'))
        self.assertNotIn('token', fact)
        self.carom('parse', '--state', 'x', 'one.eml', code=64)
        self.assertIn('go with --policy', self.errors)

    def test_what_is_forged_proves_nothing(self):
        own = self.sign('--list', LIST, 'mallory@evil.example')
        jane = 'jane@example.net'
        fact = self.pipe(own.replace('mallory==evil.example', 'jane==example.net'), jane, jane, number=1)
        self.assertEqual(fact['authenticity'], 'unproven')
        self.assertNotIn('token_time', fact)
        self.assertEqual(self.pipe(own, jane, 'mallory@evil.example', number=2)['authenticity'], 'signed')
        fact = self.pipe('bounces@example.org', jane, jane, returned='Message-ID: <post@lists.example.org>\n', number=3)
        self.assertEqual(fact['authenticity'], 'unproven')
        header = self.sign('--header', jane) + '\n'
        fact = self.pipe('bounces@example.org', 'x@y.example', jane, returned=header, number=4)
        self.assertEqual(fact['authenticity'], 'matched')

    def test_a_missing_secret_is_no_missing_proof(self):
        path = self.sign('--list', LIST, 'jane@example.net')
        (self.dir / 'secret').unlink()
        self.carom('pipe', '--policy', 'policy.lua', '--sender', '', '--recipient', path,
                   given=DSN.format(date=formatdate(), id=1, final='jane@example.net', returned=''))
        self.assertEqual(len(list((self.dir / 'state' / 'spool').glob('*.mail'))), 1)


if __name__ == '__main__':
    unittest.main()
