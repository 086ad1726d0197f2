#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: the carom authors
"""The examples in other languages do what they say.

usage: CAROM=path/to/carom examples_test.py [unittest arguments]
"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

CAROM = pathlib.Path(os.path.abspath(os.environ['CAROM']))
EXAMPLES = pathlib.Path(__file__).resolve().parent.parent.parent / 'examples'
POLICY = '''
function on_permanent(bounce)
  if bounce.hard then bounce:suppress {} end
end
function on_transient(bounce)
  bounce:retry { after = "4h", limit = 5 }
end
'''
ROWS = ('7/1\tanna@example.com\t550 5.1.1 <anna@example.com>: User unknown\n'
        '7/2\tbert@example.net\t450 4.2.0 Greylisted, try again\n'
        '7/3\tclara@example.org\t250 2.0.0 Ok: queued\n'
        '7/4\tnobody\t250 2.0.0 Ok\n')
SAID = ('7/1: drop: user_unknown, the fault of recipient\n'
        r'7/2: send again at \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ' '\n'
        '7/3: done\n'
        "7/4: look: line 4: reply: recipient 'nobody' is no address\n")


class Examples(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.dir = pathlib.Path(scratch.name)
        (self.dir / 'policy.lua').write_text(POLICY)

    def run_it(self, *command, given=''):
        environment = {**os.environ, 'CAROM': str(CAROM), 'CAROM_STATE': str(self.dir),
                       'LIBCAROM': str(CAROM.parent.parent / 'libcarom.so.0')}
        done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=60, cwd=self.dir,
                              env=environment)
        print(done.stdout, done.stderr)
        return done

    def pipeline(self, *command):
        done = self.run_it(*command, 'policy.lua', given=ROWS)
        self.assertEqual(done.returncode, 65, 'one line is wrong, and the exit code says so')
        self.assertTrue(re.fullmatch(SAID, done.stdout), f'got {done.stdout}, want {SAID}')

    def test_python_by_lines(self):
        self.pipeline(sys.executable, str(EXAMPLES / 'python' / 'lines.py'))

    @unittest.skipUnless(shutil.which('node'), 'node is not installed')
    def test_node_by_lines(self):
        self.pipeline('node', str(EXAMPLES / 'node' / 'lines.js'))

    def test_python_over_the_library(self):
        command = [sys.executable, str(EXAMPLES / 'python' / 'embed.py'), 'policy.lua', f'sqlite:{self.dir}/carom.db']
        reply = ['9/1', 'anna@example.com', '450 4.2.0 Greylisted, try again']
        for copy in (False, True):
            done = self.run_it(*command, *reply)
            self.assertEqual(done.returncode, 0, done.stderr)
            said = json.loads(done.stdout)
            self.assertEqual(said['duplicate'], copy)
            self.assertEqual((said['fact']['reason'], said['fact']['delivery']), ('greylisted', '9/1'))
            self.assertEqual([action['name'] for action in said['actions']], ['retry'])
        done = self.run_it(*command, '9/1', 'nobody', '450 4.2.0 Greylisted')
        self.assertIn("recipient 'nobody' is no address", done.stderr)


if __name__ == '__main__':
    unittest.main(verbosity=2)
