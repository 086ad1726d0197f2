#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: the carom authors
"""An installation as newcomers leave it: who may read and write what, as whom carom runs, and what it says about that.

usage: CAROM=path/to/carom setup_test.py [unittest arguments]
"""
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

CAROM = os.path.abspath(os.environ['CAROM'])
BOUNCES = pathlib.Path(__file__).resolve().parent.parent.parent / 'examples' / 'bounces'
BOUNCE = (BOUNCES / '01-user-unknown.eml').read_text()
POLICY = '''
function on_permanent(bounce)
  if bounce.hard then bounce:suppress { duration = "90d" } end
end
'''
NOBODY = 65534 # nobody and nogroup of Debian
NUMBER = 54321 # of no user


class Setup(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix='carom-setup-')
        self.addCleanup(scratch.cleanup)
        self.dir = pathlib.Path(scratch.name)
        self.dir.chmod(0o755)
        self.state = self.dir / 'state'
        self.write(POLICY)

    def write(self, policy):
        (self.dir / 'policy.lua').write_text(policy)

    def carom(self, *arguments, given='', code=0, environment=(), **how):
        done = subprocess.run([CAROM, *map(str, arguments)], input=given, capture_output=True, text=True, timeout=120,
                              cwd=self.dir, env={'PATH': os.environ['PATH'], 'CAROM_STATE': str(self.state),
                                                 'CAROM_MODULES': os.environ.get('CAROM_MODULES', ''),
                                                 'ASAN_OPTIONS': os.environ.get('ASAN_OPTIONS', ''),
                                                 **dict(environment)}, **how)
        self.assertEqual(done.returncode, code, f'{arguments}: {done.stderr}{done.stdout}')
        self.errors = done.stderr
        return done.stdout

    def pipe(self, **how):
        return self.carom('pipe', '--policy', 'policy.lua', given=BOUNCE, **how)

    def owners(self, directory=None):
        return {path.name: path.stat().st_uid for path in (directory or self.state).iterdir()}


@unittest.skipUnless(os.geteuid() == 0, 'becoming somebody else needs root')
class Root(Setup):
    def setUp(self):
        super().setUp()
        self.state.mkdir()
        os.chown(self.state, NOBODY, NOBODY)
        self.state.chmod(0o2770)
        self.as_nobody = {'user': NOBODY, 'group': NOBODY, 'extra_groups': []}
        if subprocess.run([CAROM, '--version'], capture_output=True, **self.as_nobody).returncode:
            self.skipTest(f'nobody may not run {CAROM}')

    def test_becomes_who_owns_the_state_directory(self):
        self.pipe()
        self.carom('run', '--policy', 'policy.lua', '--quiet', BOUNCES)
        self.carom('suppressions', 'add', 'zoe@example.com')
        self.carom('forget', '--keep-hash', 'zoe@example.com')
        self.carom('deliver', '--policy', 'policy.lua')
        self.assertEqual(set(self.owners().values()), {NOBODY}, self.owners())
        self.pipe(**self.as_nobody)
        self.assertIn('anna@example.com', self.carom('show', 'anna@example.com', **self.as_nobody))

    def test_a_user_without_a_name(self):
        os.chown(self.state, NUMBER, NUMBER)
        self.pipe()
        self.assertEqual(set(self.owners().values()), {NUMBER})
        self.assertEqual({path.stat().st_gid for path in self.state.iterdir()}, {NUMBER})

    def test_a_directory_that_is_yet_to_be_made(self):
        self.pipe(environment={'CAROM_STATE': str(self.state / 'deep' / 'er')})
        self.assertEqual(self.owners(), {'deep': NOBODY})
        self.assertEqual(set(self.owners(self.state / 'deep' / 'er').values()), {NOBODY})

    def test_the_store_of_the_policy(self):
        elsewhere = self.dir / 'elsewhere'
        elsewhere.mkdir()
        os.chown(elsewhere, NUMBER, NUMBER)
        self.write(f'carom.configure {{ store = "sqlite:{elsewhere}/carom.db" }}{POLICY}')
        self.pipe()
        self.assertEqual(set(self.owners(elsewhere).values()), {NUMBER})
        self.assertEqual(self.owners(), {})
        self.carom('run', '--policy', 'policy.lua', '--quiet', '--store', f'sqlite:{self.state}/x.db', BOUNCES)
        self.assertEqual(set(self.owners().values()), {NOBODY})

    def test_a_ledger_of_somebody_in_a_directory_of_root(self):
        os.chown(self.state, 0, 0)
        self.pipe()
        self.assertEqual(set(self.owners().values()), {0})
        for path in self.state.iterdir():
            os.chown(path, NOBODY, NOBODY)
        self.state.chmod(0o777)
        self.carom('suppressions', 'add', 'zoe@example.com')
        self.assertEqual(set(self.owners().values()), {NOBODY}, self.owners())

    def test_what_root_alone_may_read_is_not_read(self):
        shutil.copy(BOUNCES / '01-user-unknown.eml', self.dir / 'secret.eml')
        (self.dir / 'secret.eml').chmod(0o600)
        self.carom('run', '--policy', 'policy.lua', 'secret.eml', code=66)
        self.assertIn('secret.eml', self.errors)
        (self.dir / 'policy.lua').chmod(0o600)
        self.carom('run', '--policy', 'policy.lua', BOUNCES, code=74)
        self.assertRegex(self.errors, r'policy\.lua.*Permission denied')

    def test_others_are_told_as_whom_to_run(self):
        how = {'user': NUMBER, 'group': NUMBER, 'extra_groups': []}
        self.carom('show', 'anna@example.com', code=74, **how)
        self.assertRegex(self.errors, r'state directory /\S+/state: Permission denied; run this as the user nobody, as root,')
        self.assertRegex(self.pipe(code=75, **how), r'^4\.3\.0 carom: the state directory .* run this as the user nobody')


if __name__ == '__main__':
    unittest.main()
