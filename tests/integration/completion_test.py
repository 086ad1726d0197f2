#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: the carom authors
"""Completion in bash, zsh and fish: every command and option, values, files. A shell that is not there is skipped.

usage: CAROM=path/to/carom completion_test.py [unittest arguments]
"""
import os
import pathlib
import pty
import re
import select
import shutil
import subprocess
import tempfile
import time
import unittest

CAROM = os.path.abspath(os.environ['CAROM'])
SCRIPTS = pathlib.Path(__file__).resolve().parent.parent.parent / 'src/cli/completion'


def carom(*arguments):
    return subprocess.run([CAROM, *arguments], capture_output=True, text=True, check=True).stdout


def commands():
    return re.findall(r'^  ([a-z-]+)  ', carom('--help'), re.M)


def options(command):
    return set(re.findall(r'^  (--[a-z-]+)', carom(command, '--help'), re.M))


def complete(*words):
    return [line.split('\t')[0] for line in carom('--complete', *words).splitlines()]


class Program(unittest.TestCase):
    def test_every_command(self):
        self.assertGreater(len(commands()), 15)
        self.assertEqual(complete(''), commands() + ['--help', '--version'])
        self.assertEqual(complete('ru'), ['rules', 'run'])
        self.assertEqual(complete('help', 'ru'), ['rules', 'run'])

    def test_every_option(self):
        for command in commands():
            self.assertEqual(set(complete(command, '-')), options(command), command)

    def test_descriptions(self):
        self.assertIn('--policy\tthe policy, a Lua file\n', carom('--complete', 'run', '--pol'))

    def test_values(self):
        self.assertIn('user_unknown', complete('rules', '--reason', 'user_u'))
        self.assertEqual(complete('rules', '--reason=user_u'), ['user_unknown'])
        self.assertEqual(complete('rules', '--reason', '=', 'user_u'), ['user_unknown'])
        self.assertEqual(complete('rules', '--kind', 'comp'), ['complaint'])
        self.assertEqual(complete('held', '--cause', ''), ['gate', 'observe', 'breaker'])
        self.assertIn('google', complete('held', '--provider', ''))
        self.assertTrue(all(word.startswith('generic.') for word in complete('undo', '--rule', 'generic.')))
        self.assertGreater(len(complete('undo', '--rule', '')), 100)
        self.assertEqual(complete('outbox', '--state-is', 'd'), ['done', 'dead', 'dropped'])
        self.assertEqual(complete('explain', 'greyl'), ['greylisted'])
        self.assertEqual(complete('run', '--policy', ''), [':files'])
        self.assertEqual(complete('run', '--policy', 'x', '--state', ''), [':directories'])
        self.assertEqual(complete('undo', '--since', ''), [])

    def test_operands(self):
        self.assertEqual(complete('parse', 'x'), [':files'])
        self.assertEqual(complete('run', '--dry-run', ''), [':files'])
        self.assertEqual(complete('lint', ''), [':files'])
        self.assertEqual(complete('ledger', 'b'), ['backup', ':directories'])
        self.assertEqual(complete('held', 're'), ['release'])
        self.assertEqual(complete('check', 'x'), [])


class Shell(unittest.TestCase):
    """Each works in a folder with policy.lua, other files and a folder; carom is first in PATH."""

    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory()
        self.cwd = self.temporary.name
        os.mkdir(os.path.join(self.cwd, 'bin'))
        os.symlink(CAROM, os.path.join(self.cwd, 'bin', 'carom'))
        for name in ('policy one.lua', 'polite.txt'):
            pathlib.Path(self.cwd, name).touch()
        os.mkdir(os.path.join(self.cwd, 'poldir'))
        self.environment = dict(os.environ, PATH=os.path.join(self.cwd, 'bin') + ':' + os.environ['PATH'], HOME=self.cwd, TERM='dumb')

    def tearDown(self):
        self.temporary.cleanup()

    def need(self, shell):
        if not shutil.which(shell):
            self.skipTest(f'there is no {shell} (Debian package {shell})')

    def bash(self, *words):
        """What bash offers; words as it splits them."""
        script = ('source "$1"; shift; COMP_WORDS=(carom "$@"); COMP_CWORD=$#; compopt() { :; }; _carom; '
                  'printf "%s\\n" "${COMPREPLY[@]}"')
        said = subprocess.run(['bash', '--norc', '-c', script, 'bash', str(SCRIPTS / 'carom.bash'), *words], cwd=self.cwd,
                              env=self.environment, capture_output=True, text=True)
        self.assertEqual(said.stderr, '')
        return [line for line in said.stdout.splitlines() if line]

    def test_bash(self):
        self.need('bash')
        self.assertEqual(self.bash('ru'), ['rules', 'run'])
        for command in commands():
            self.assertEqual(set(self.bash(command, '--')), options(command))
        self.assertEqual(sorted(self.bash('run', '--policy', 'pol')), ['poldir', 'policy one.lua', 'polite.txt'])
        self.assertEqual(sorted(self.bash('run', '--policy', '=', 'poli')), ['policy one.lua', 'polite.txt'])
        self.assertEqual(self.bash('run', '--state', 'pol'), ['poldir'])
        self.assertEqual(self.bash('rules', '--reason', '=', 'user_u'), ['user_unknown'])
        self.assertEqual(self.bash('rules', '--kind', '='), complete('rules', '--kind', ''))

    def test_bash_registers_it(self):
        self.need('bash')
        said = subprocess.run(['bash', '--norc', '-c', f'source "{SCRIPTS}/carom.bash"; complete -p carom'], capture_output=True, text=True)
        self.assertEqual(said.stdout, 'complete -F _carom carom\n')

    def fish(self, line):
        said = subprocess.run(['fish', '--no-config', '-c', f'source {SCRIPTS}/carom.fish; complete -C $argv[1]', line], cwd=self.cwd,
                              env=self.environment, capture_output=True, text=True, timeout=60)
        self.assertEqual(said.stderr, '')
        return [line.split('\t')[0] for line in said.stdout.splitlines()]

    def test_fish(self):
        self.need('fish')
        self.assertEqual(sorted(self.fish('carom ru')), ['rules', 'run'])
        self.assertEqual(set(self.fish('carom run --')), options('run'))
        self.assertIn('policy one.lua', [name.replace('\\ ', ' ') for name in self.fish('carom run --policy pol')])
        self.assertEqual(self.fish('carom run --state pol'), ['poldir/'])
        self.assertEqual(self.fish('carom rules --reason=user_u'), ['--reason=user_unknown'])
        self.assertIn('parse', self.fish('carom '))

    def zsh(self, line):
        """Types it into a terminal, presses TAB, and returns what the line has become."""
        try:
            pid, terminal = pty.fork()
        except OSError as error:
            self.skipTest(f'there is no terminal to be had: {error}')
        if pid == 0:
            os.chdir(self.cwd)
            os.execvpe('zsh', ['zsh', '-f', '-i'], self.environment)
        try:
            def send(text):
                os.write(terminal, text.encode())

            def read(until):
                said, end = '', time.monotonic() + 30
                while until not in said and time.monotonic() < end:
                    if select.select([terminal], [], [], 0.2)[0]:
                        said += os.read(terminal, 4096).decode(errors='replace')
                self.assertIn(until, said)
                return said
            send(f'PS1="ready> "; fpath=({SCRIPTS} $fpath); autoload -Uz compinit && compinit -u -D; '
                 'bindkey "^X" show; show() { print -r -- "<<$BUFFER>>"; }; zle -N show; echo set-"up"\n')
            read('set-up')
            send(line + '\t\x18')
            said = read('>>')
            return said[said.rindex('<<') + 2:said.rindex('>>')]
        finally:
            os.close(terminal)
            os.waitpid(pid, 0)

    def test_zsh(self):
        self.need('zsh')
        self.assertEqual(self.zsh('carom explai'), 'carom explain ')
        self.assertEqual(self.zsh('carom run --poli'), 'carom run --policy ')
        self.assertEqual(self.zsh('carom rules --reason user_u'), 'carom rules --reason user_unknown ')
        self.assertEqual(self.zsh('carom rules --reason=user_u'), 'carom rules --reason=user_unknown ')
        self.assertEqual(self.zsh('carom run --policy polit'), 'carom run --policy polite.txt ')
        self.assertEqual(self.zsh('carom run --state pol'), 'carom run --state poldir/')


if __name__ == '__main__':
    unittest.main(verbosity=2)
