#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: the carom authors
"""carom report: what it counts, what it compares, and each form that it prints.

usage: CAROM=path/to/carom report_test.py [unittest arguments]
"""
import csv
import html.parser
import io
import json
import os
import pathlib
import pty
import re
import sqlite3
import subprocess
import tempfile
import time
import unittest

CAROM = os.path.abspath(os.environ['CAROM'])
LIST = 'news.lists.example.org'
HOSTILE = '550 5.1.1 <script>alert(1)</script><img src=x onerror=alert(2)> "\'& unknown user \u202e \x1b[31m'
POLICY = '''carom.configure {
  lists = { ["news.lists.example.org"] = { address = "news@lists.example.org" } },
}
function on_permanent(bounce)
  if bounce.hard then bounce:unsubscribe() elseif bounce.reason == "mailbox_full" then bounce:suppress { duration = "30d" } end
end
function on_transient(bounce) bounce:probe {} end
'''
DAY = 86400000


class Page(html.parser.HTMLParser):
    """What a browser would make of it: elements with their attributes, the text, and the bars."""

    def __init__(self, text):
        super().__init__()
        self.names, self.attributes, self.rects, self.words, self.section, self.bars = set(), set(), [], [], '', {}
        self.stack, self.row = [], None
        self.feed(text)

    def handle_starttag(self, name, attributes):
        self.names.add(name)
        self.attributes |= {key for key, _ in attributes}
        if name == 'rect':
            self.rects.append(dict(attributes))
            if self.row is not None:
                self.bars[(self.section, ''.join(self.row).strip())] = int(dict(attributes)['data-n'])
        elif name in ('h2', 'th'):
            self.stack.append(name)
            if name == 'h2':
                self.section = ''
            else:
                self.row = []

    def handle_endtag(self, name):
        if self.stack and self.stack[-1] == name:
            self.stack.pop()
        if name == 'table':
            self.row = None

    def handle_data(self, data):
        self.words.append(data)
        if self.stack[-1:] == ['h2']:
            self.section += data
        elif self.stack[-1:] == ['th'] and self.row is not None:
            self.row.append(data)


class Report(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix='carom-report-')
        self.addCleanup(scratch.cleanup)
        self.dir = pathlib.Path(scratch.name)
        (self.dir / 'policy.lua').write_text(POLICY)
        self.deliveries = 0

    def carom(self, *arguments, given='', code=0, **environment):
        done = subprocess.run([CAROM, *map(str, arguments)], input=given.encode(), capture_output=True, timeout=60, cwd=self.dir,
                              env={**os.environ, 'CAROM_STATE': str(self.dir / 'state'), 'LC_ALL': 'C.UTF-8', **environment})
        self.errors = done.stderr.decode()
        self.assertEqual(done.returncode, code, f'{arguments}: {self.errors}{done.stdout}')
        return done.stdout.decode()

    def bounces(self, *rows):
        """(how many, reply, domain, days ago); of one delivery with the same name."""
        lines, days = [], []
        for n, reply, domain, ago, *more in rows:
            for _ in range(n):
                self.deliveries += 1
                lines.append(json.dumps({'reply': reply, 'recipient': f'user{self.deliveries}@{domain}',
                                         'delivery': more[0] if more else f'd{self.deliveries}',
                                         'list': more[1] if len(more) > 1 else LIST}))
                days.append(ago)
        answers = self.carom('run', '--policy', 'policy.lua', '--lines', given=''.join(line + '\n' for line in lines))
        self.assertEqual(len(answers.splitlines()), len(lines))
        with sqlite3.connect(self.dir / 'state' / 'carom.db') as db:  # as if it had been decided then
            ids = [row[0] for row in db.execute('SELECT id FROM fact ORDER BY id DESC LIMIT ?', (len(lines),))][::-1]
            for fact, ago in zip(ids, days):
                db.execute('UPDATE fact SET decided = ? WHERE id = ?', (int(time.time() * 1000 - ago * DAY) - 1000, fact))

    def report(self, *options):
        return json.loads(self.carom('report', '--json', *options))

    def counts(self, report, part, key):
        return {row[key]: row['count'] for row in report[part] if row['count']}


UNKNOWN = '550 5.1.1 User unknown'
FULL = '552 5.2.2 Mailbox full'
GREY = '450 4.2.0 Greylisted, please try again later'
BLOCKED = '550 5.7.1 Client host [192.0.2.{}] blocked using bl.example.org'


class Counts(Report):
    def test_by_reason_fault_provider_and_list(self):
        self.bounces((3, UNKNOWN, 'gmail.com', 1), (2, FULL, 'example.com', 2), (1, BLOCKED.format(7), 'gmail.com', 3),
                     (1, GREY, 'gmx.de', 1, 'x', 'other.lists.example.org'), (5, UNKNOWN, 'gmail.com', 8))
        report = self.report()
        self.assertEqual(report['failures']['count'], 7)
        self.assertEqual(self.counts(report, 'kinds', 'kind'), {'permanent': 6, 'transient': 1})
        self.assertEqual(self.counts(report, 'reasons', 'reason'),
                         {'user_unknown': 3, 'mailbox_full': 2, 'blocked': 1, 'greylisted': 1})
        self.assertEqual(self.counts(report, 'faults', 'fault'), {'recipient': 5, 'sender': 1, 'rate': 1})
        self.assertEqual(self.counts(report, 'providers', 'provider'), {'google': 4, 'others': 2, 'gmx': 1})
        self.assertEqual(self.counts(report, 'lists', 'list'), {LIST: 6, 'other.lists.example.org': 1})
        self.assertEqual([(row['reason'], row['provider'], row['count']) for row in report['ours']], [('blocked', 'google', 1)])
        self.assertEqual(sum(row['ours'] for row in report['times']), 1)
        self.assertEqual(sum(row['address'] for row in report['times']), 5)
        self.assertEqual(len(report['times']), 7)
        self.assertEqual((report['done']['left'], report['done']['suppressed']), (8, 2))
        self.assertNotIn('rate', report['failures'])

    def test_a_delivery_counts_once_for_each_reason(self):
        self.bounces((6, GREY, 'example.com', 1, 'same'), (1, UNKNOWN, 'example.com', 1, 'same'), (2, GREY, 'example.com', 9, 'same'))
        self.assertEqual(self.counts(self.report(), 'reasons', 'reason'), {'greylisted': 1, 'user_unknown': 1})

    def test_words_are_masked_and_gathered(self):
        self.bounces(*[(1, BLOCKED.format(i), 'gmail.com', 1) for i in range(4)], (1, BLOCKED.format(9), 'gmx.de', 1))
        words = self.report()['words']
        self.assertEqual([(row['count'], row['reason'], row['provider'], row['others_too']) for row in words],
                         [(5, 'blocked', 'google', True)])
        self.assertIn('[<ip>]', words[0]['words'])
        self.assertNotIn('192.0.2', json.dumps(words))

    def test_selectors(self):
        self.bounces((3, UNKNOWN, 'gmail.com', 1), (2, FULL, 'example.com', 2, 'x', 'other.lists.example.org'))
        for options, n in ((('--provider', 'google'), 3), (('--reason', 'mailbox_full'), 1), (('--reason', 'permanent'), 4),
                           (('--list', LIST.upper()), 3), (('--since', '36h'), 3), (('--until', '36h'), 1),
                           (('--rule', 'nothing'), 0)):
            self.assertEqual(self.report(*options)['failures']['count'], n, options)
        self.assertEqual(self.report('--provider', 'google')['only'], 'provider google')
        self.carom('report', '--policy', 'policy.lua', '--list', 'nwes.lists.example.org', code=64)
        for options in (('--since', '1h', '--until', '2h'), ('--since', 'yesterday'), ('--json', '--csv'), ('now',)):
            self.carom('report', *options, code=64)

    def test_rates_are_of_what_was_sent(self):
        self.bounces((4, UNKNOWN, 'gmail.com', 1))
        self.assertEqual(self.report('--sent', 1000)['failures']['rate'], 0.004)
        self.assertIn('4 failures, 0.40 % of 1,000 sent', self.carom('report', '--sent', 1000))
        self.assertIn('carom does not know how much was sent', re.sub(r'\s+', ' ', self.carom('report')))
        self.carom('report', '--sent', 0, code=64)
        self.assertNotIn('More failed', self.carom('report', '--sent', 4))
        self.assertIn('More failed than was sent', re.sub(r'\s+', ' ', self.carom('report', '--sent', 3)))

    def test_the_table_fits_and_has_no_empty_part(self):
        long = '550 5.7.1 Service unavailable, Client host [198.51.100.25] blocked, to request removal please fill in the form'
        self.bounces((3, long, 'gmail.com', 1), (2, UNKNOWN, 'gmail.com', 1))
        for options in (), ('--sent', 100):
            for line in self.carom('report', *options).splitlines():
                self.assertLessEqual(len(line), 80, line)
                self.assertEqual(line, line.rstrip())
        self.assertIn('What came', self.carom('report'))
        self.assertNotIn('What came', self.carom('report', '--rule', 'nothing'))

    def test_held_and_ignored_are_told_apart(self):
        self.bounces((2, UNKNOWN, 'gmail.com', 1))
        with sqlite3.connect(self.dir / 'state' / 'carom.db') as db:
            db.execute('UPDATE fact SET held = 1')
        report = self.report()
        self.assertEqual((report['failures']['count'], report['done']['below_gate']), (0, 2))

    def test_what_people_did(self):
        self.bounces((2, UNKNOWN, 'gmail.com', 1), (1, GREY, 'gmx.de', 1))
        self.carom('suppressions', 'add', 'zoe@example.com')
        self.carom('undo', '--policy', 'policy.lua', 'user1@gmail.com')
        done = self.report()['done']
        self.assertEqual((done['by_hand'], done['undone'], done['unmatched'], done['left']), (1, 1, 1, 2))
        self.assertNotIn('undone', self.report('--provider', 'google')['done'])  # of part of it nobody knows

    def test_an_empty_ledger(self):
        self.carom('suppressions', 'add', 'zoe@example.com')
        self.assertEqual(self.report()['failures'], {'count': 0})
        self.assertIn('The ledger is empty.', re.sub(r'\s+', ' ', self.carom('report')))
        self.carom('report', '--html', 'page.html')
        self.carom('report', '--store', 'sqlite:missing.db', code=74)


class Changes(Report):
    def row(self, report, reason):
        return next(row for row in report['reasons'] if row['reason'] == reason)

    def test_only_what_means_something(self):
        self.bounces((90, BLOCKED.format(1), 'gmail.com', 1), (10, BLOCKED.format(1), 'gmail.com', 8),
                     (30, UNKNOWN, 'gmail.com', 1), (26, UNKNOWN, 'gmail.com', 8), (6, FULL, 'gmail.com', 1), (1, FULL, 'gmail.com', 8),
                     (20, GREY, 'gmx.de', 1), (1, UNKNOWN, 'gmail.com', 13.9))
        report = self.report()
        self.assertTrue(report['compared'])
        self.assertEqual((self.row(report, 'blocked')['trend'], self.row(report, 'blocked')['factor']), ('up', 9))
        self.assertEqual(self.row(report, 'greylisted')['trend'], 'new')
        for reason in ('user_unknown', 'mailbox_full'):
            self.assertNotIn('trend', self.row(report, reason))
        text = self.carom('report')
        self.assertRegex(text, r'blocked +█+ +90 +62 % +↑ ×9\.0')
        self.assertRegex(text, r'greylisted +█+\S? +20 +14 % +↑ new')
        self.assertRegex(self.carom('report', LC_ALL='C'), r'blocked +#+ +90 +62 % +up x9\.0')

    def test_a_ledger_that_begins_later_compares_nothing(self):
        self.bounces((90, BLOCKED.format(1), 'gmail.com', 1), (3, UNKNOWN, 'gmail.com', 9))
        report = self.report()
        self.assertFalse(report['compared'])
        self.assertNotIn('trend', json.dumps(report))
        self.assertIn('There is nothing to compare with', re.sub(r'\s+', ' ', self.carom('report')))


class Forms(Report):
    def setUp(self):
        super().setUp()
        self.bounces((3, UNKNOWN, 'gmail.com', 1), (2, HOSTILE, 'example.com', 2, 'x', '=<b>cmd</b>.example.org'),
                     (4, BLOCKED.format(7), 'gmail.com', 3))

    def test_table(self):
        text = self.carom('report')
        self.assertLess(text.index('Our own faults'), text.index('By reason'))
        self.assertNotRegex(text, '[\x00-\x09\x0b-\x1f\x7f\u202e]')
        self.assertLessEqual(max(len(line) for line in text.split('What servers said')[0].splitlines()), 80)
        wide, narrow = (self.carom('report', COLUMNS=str(n)).split('What servers said')[0] for n in (120, 60))
        self.assertLess(max(map(len, narrow.splitlines())), max(map(len, wide.splitlines())))

    def terminal(self, **environment):
        """As a terminal of 100 columns gets it."""
        try:
            primary, secondary = pty.openpty()
        except OSError as error:  # a chroot without /dev/pts
            self.skipTest(f'no terminal to write to: {error}')
        import fcntl
        import struct
        import termios
        fcntl.ioctl(secondary, termios.TIOCSWINSZ, struct.pack('HHHH', 50, 100, 0, 0))
        with open(primary, 'rb', buffering=0) as reading:
            child = subprocess.Popen([CAROM, 'report'], stdout=secondary, cwd=self.dir, env={
                'PATH': os.environ['PATH'], 'CAROM_STATE': str(self.dir / 'state'), 'LANG': 'C.UTF-8', 'TERM': 'xterm',
                'CAROM_MODULES': os.environ.get('CAROM_MODULES', ''), **environment})
            os.close(secondary)
            said = b''
            while True:
                try:
                    more = reading.read(65536)
                except OSError:  # the other end is closed
                    break
                if not more:
                    break
                said += more
            self.assertEqual(child.wait(timeout=60), 0)
        return said.decode()

    def test_colours_only_where_they_are_wanted(self):
        self.assertIn('\x1b[31m', self.terminal())
        for environment in ({'NO_COLOR': '1'}, {'TERM': 'dumb'}):
            self.assertNotIn('\x1b', self.terminal(**environment))
        self.assertNotIn('\x1b', self.carom('report'))

    def test_csv(self):
        rows = list(csv.DictReader(io.StringIO(self.carom('report', '--csv'), newline='')))
        figures = {(row['part'], row['name'], row['detail']): row['count'] for row in rows}
        self.assertEqual(figures['reason', 'user_unknown', 'recipient'], '4')
        self.assertEqual(figures['ours', 'blocked', 'google'], '4')
        self.assertEqual(figures['list', "'=<b>cmd</b>.example.org", ''], '1')  # no formula
        self.assertEqual(len([row for row in rows if row['part'] == 'time']), 7)

    def test_page(self):
        self.assertEqual(self.carom('report', '--html', 'page.html', '--sent', '1000'), 'page.html: 8 failures\n')
        text = (self.dir / 'page.html').read_text()
        page = Page(text)
        self.assertFalse(page.names & {'script', 'img', 'b ', 'link', 'iframe', 'object', 'embed', 'form', 'base', 'a'}, page.names)
        self.assertFalse({name for name in page.attributes if name.startswith('on') or name in ('src', 'href')})
        self.assertIn("default-src 'none'", text)
        self.assertNotRegex(text, r'url\(|@import|https?:')
        words = ''.join(page.words)
        self.assertIn('<script>alert(<n>)</script><img src=x onerror=alert(<n>)>', words)
        self.assertIn('=<b>cmd</b>.example.org', words)
        self.assertNotIn('\u202e', words)
        self.assertEqual(page.bars['By reason', 'user_unknown recipient'], 4)
        self.assertEqual(page.bars['Our own faults: what to mend first', 'blocked google'], 4)
        self.assertEqual(page.bars['By list', LIST], 7)
        columns = [int(rect['data-n']) for rect in page.rects if 'x' in rect]
        self.assertEqual(sorted(columns), [1, 3, 4])
        self.assertEqual(self.carom('report', '--html', '-', '--sent', '1000').count('<rect'), len(page.rects))

    def test_a_page_is_written_whole_or_not_at_all(self):
        self.carom('report', '--html', 'missing/page.html', code=74)
        self.assertIn('missing/page.html: cannot be written', self.errors)
        (self.dir / 'page.html').mkdir()
        self.carom('report', '--html', 'page.html', code=74)
        self.assertEqual([path.name for path in self.dir.glob('page*')], ['page.html'])


if __name__ == '__main__':
    unittest.main()
