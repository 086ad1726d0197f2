#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: the carom authors
"""Every command of README.md and of the pages in scripts/ works as it stands there, and the tables of the README name what
the program has.

usage: CAROM=path/to/carom readme_test.py
Each line of a page's ```sh blocks is run, in order, in one folder with sample bounces, a policy (for pages in scripts/ all
that stand there), and the Lua files that the page names in their first line. What takes a build or a
machine of its own is run by the test that COVERED names, which must contain these words.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
README = (ROOT / 'README.md').read_text(encoding='utf-8')
CAROM = os.path.abspath(os.environ['CAROM'])
COVERED = {
    './examples/quickstart': ('tests/integration/quickstart_test', './examples/quickstart'),
    './tests/run': ('.ci/run', './tests/run'),
    'meson setup build': ('tests/run', 'meson setup'),
    'ninja -C build': ('tests/run', 'ninja -C'),
    'meson install -C build': ('tests/integration/embed_test', 'meson install'),
}


def blocks(page, language):
    return re.findall(rf'(?m)^```{language}\n(.*?)^```$', page, re.DOTALL)


def named_files(page):
    """The Lua blocks that begin with a remark that is a file's name: (name, text)."""
    return re.findall(r'(?m)^```lua\n(?=-- ([a-z_]+\.lua)\n)(.*?)^```$', page, re.DOTALL)


def prepare(folder, page):
    for name, text in named_files(page):
        (folder / name).write_text(text)
    if page != README:
        for path in (ROOT / 'scripts').glob('*.lua'):
            shutil.copy(path, folder)
    (folder / 'manager.txt').write_text('anna@example.com\nclara@example.com\n') # whom a list manager removed
    shutil.copytree(ROOT / 'examples' / 'bounces', folder / 'bounces')
    shutil.copy(ROOT / 'scripts' / 'newsletter.lua', folder / 'policy.lua')
    messages = [path.read_bytes() for path in sorted((folder / 'bounces').iterdir())]
    (folder / 'archive.mbox').write_bytes(b''.join(b'From x Mon Nov  3 00:00:00 2025\n' + m + b'\n' for m in messages))
    (folder / 'suppressed.csv').write_text('address,reason\ngustav@example.com,asked by phone\n')
    (folder / 'recipients.txt').write_text('bert@example.net\ngustav@example.com\n')
    (folder / 'signed.lua').write_text(
        'carom.configure { verp = { domain = "bounces.example.org", keys = { { id = 1, since = "2026-01-01", '
        'secret = "a secret of the test, not yours" } } } }')
    (folder / 'bin').mkdir()
    (folder / 'bin' / 'carom').symlink_to(CAROM)
    return {**os.environ, 'PATH': f'{folder / "bin"}:{os.environ["PATH"]}', 'CAROM_STATE': str(folder / 'state')}


def run_all(page, folder, environment):
    for line in ''.join(blocks(page, 'sh')).splitlines():
        if line in COVERED:
            name, words = COVERED[line]
            if words not in (ROOT / name).read_text():
                yield f'{line}: {name} does not run it'
            continue
        done = subprocess.run(line, shell=True, cwd=folder, env=environment, capture_output=True, text=True, timeout=60)
        print(f'$ {line}   exit {done.returncode}, {len(done.stdout.splitlines())} lines')
        if done.returncode or done.stderr:
            yield f'{line}: exit {done.returncode}: {done.stderr}'
        if not done.stdout and 'carom pipe' not in line and not line.startswith('sed '):
            yield f'{line}: prints nothing'


def check_policy(folder, environment):
    """The Lua of the README loads and decides."""
    for text in set(blocks(README, 'lua')) - {text for _, text in named_files(README)}:
        (folder / 'readme.lua').write_text(text)
        done = subprocess.run([CAROM, 'run', '--policy', 'readme.lua', '--state', 'fresh', 'bounces'], cwd=folder,
                              env=environment, capture_output=True, text=True, timeout=60)
        print(done.stdout)
        if done.returncode or not re.search(r'actions +.*unsubscribe [1-9]', done.stdout):
            yield f'the policy of the README: exit {done.returncode}: {done.stderr}'


def check_tables():
    header = (ROOT / 'src' / 'carom.h').read_text()
    words = re.findall(r'X\([A-Z_]+, ([a-z_]+)\)', header) + re.findall(r'X\([A-Z_]+, ([a-z_]+), [A-Z]+\)', header)
    commands = re.findall(r'(?m)^  ([a-z-]+)  ', subprocess.run([CAROM, '--help'], capture_output=True, text=True).stdout)
    tables = '\n'.join(line for line in README.splitlines() if line.startswith('|'))
    for word in words:
        if f'`{word}`' not in tables and word not in ('low', 'medium', 'high', 'unproven', 'aligned', 'matched', 'signed',
                                                      'direct'):
            yield f'no table of the README names `{word}`'
    for command in commands:
        if f'`carom {command}' not in tables:
            yield f'the table of commands has no carom {command}'
    for command in re.findall(r'(?m)^\| `carom ([a-z-]+)', README):
        if command not in commands:
            yield f'there is no carom {command}'


def check_page(name, page):
    print(f'-- {name}')
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        environment = prepare(folder, page)
        problems = list(run_all(page, folder, environment))
        if page == README:
            problems += [*check_policy(folder, environment), *check_tables()]
    return [f'{name}: {problem}' for problem in problems]


def main():
    pages = {'README.md': README}
    pages |= {f'scripts/{path.name}': path.read_text() for path in sorted((ROOT / 'scripts').glob('*.md'))}
    problems = [f'{name}: no commands' for name, page in pages.items() if not blocks(page, 'sh')]
    if not blocks(README, 'lua'):
        problems.append('README.md: no policy')
    for name, page in pages.items():
        problems += check_page(name, page)
    for problem in problems:
        print('not ok', problem)
    return 1 if problems else 0


if __name__ == '__main__':
    sys.exit(main())
