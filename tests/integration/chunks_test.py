#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: the carom authors
"""The whole corpus as one mbox: the same facts from a file, and through a pipe in pieces of any size, with LF and CRLF.

usage: CAROM=path/to/carom chunks_test.py [unittest arguments]
"""
import json
import os
import pathlib
import random
import re
import subprocess
import tempfile
import threading
import unittest

CAROM = os.path.abspath(os.environ['CAROM'])
CORPUS = pathlib.Path(__file__).resolve().parents[1] / 'corpus'


def mbox(ends):
    """mboxrd."""
    whole = b''
    for path in sorted(CORPUS.rglob('*.eml')):
        message = path.read_bytes().replace(b'\r\n', b'\n')
        message = re.sub(rb'\AFrom .*\n', b'', message)
        whole += b'From MAILER-DAEMON Sun Mar  1 12:00:00 2026\n' + re.sub(rb'(?m)^(>*From )', rb'>\1', message)
        whole += b'\n' if message.endswith(b'\n') else b'\n\n'
    return whole.replace(b'\n', ends)


def facts(text, *without):
    found = [json.loads(line) for line in text.splitlines()]
    for fact in found:
        for name in ('source', *without):
            fact.pop(name, None)
    return found


class Chunks(unittest.TestCase):
    def from_file(self, content):
        with tempfile.NamedTemporaryFile(prefix='carom-chunks-') as file:
            file.write(content)
            file.flush()
            return subprocess.run([CAROM, 'parse', '--json', file.name], capture_output=True, check=True).stdout

    def from_pipe(self, content, largest):
        carom = subprocess.Popen([CAROM, 'parse', '--json', '-'], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        pieces = random.Random(largest)

        def feed():
            at = 0
            while at < len(content):
                at += os.write(carom.stdin.fileno(), content[at:at + pieces.randint(1, largest)])
            carom.stdin.close()

        writer = threading.Thread(target=feed)
        writer.start()
        said = carom.stdout.read()
        writer.join()
        self.assertEqual(carom.wait(), 0)
        carom.stdout.close()
        return said

    def same(self, got, want):
        self.assertEqual(len(got), len(want))
        for one, other in zip(got, want):
            self.assertEqual(one, other)

    def test_pieces_of_any_size(self):
        for ends, sizes in ((b'\n', (500, 3 << 20)), (b'\r\n', (5000, 70000))):
            content = mbox(ends)
            want = facts(self.from_file(content))
            self.assertGreaterEqual(len(want), len(list(CORPUS.rglob('*.eml'))))
            for largest in sizes:
                self.same(facts(self.from_pipe(content, largest)), want)

    def test_line_ends(self):
        lf, crlf = (facts(self.from_file(mbox(ends)), 'original') for ends in (b'\n', b'\r\n'))
        self.same(crlf, lf)


if __name__ == '__main__':
    unittest.main()
