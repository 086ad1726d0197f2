#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: the carom authors
"""Every command of README.md and of the pages in scripts/ works as it stands there, the tables of the README name what
the program has, and links lead somewhere, from the README to
every page of scripts/ and examples/; the README of a folder names all that lies there.

usage: CAROM=path/to/carom readme_test.py
Each line of a page's ```sh blocks is run, in order, in a folder that examples/playground made, with the Lua files that the
page names in their first line. What takes a build or a
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
    './examples/playground build/try': ('tests/integration/readme_test.py', "'playground', folder"),
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
    subprocess.run([ROOT / 'examples' / 'playground', folder], check=True, stdout=subprocess.DEVNULL)
    for name, text in named_files(page):
        (folder / name).write_text(text)
    (folder / 'bin').mkdir()
    (folder / 'bin' / 'carom').symlink_to(CAROM)
    return {**os.environ, 'PATH': f'{folder / "bin"}:{os.environ["PATH"]}', 'CAROM_STATE': str(folder / 'state')}


def run_all(page, folder, environment):
    said = set()
    for line in ''.join(blocks(page, 'sh')).splitlines():
        if line in COVERED:
            name, words = COVERED[line]
            if words not in (ROOT / name).read_text():
                yield f'{line}: {name} does not run it'
            continue
        done = subprocess.run(line, shell=True, cwd=folder, env=environment, capture_output=True, text=True, timeout=60)
        print(f'$ {line}   exit {done.returncode}, {len(done.stdout.splitlines())} lines')
        # As diff(1): 1 when there is a difference.
        if done.returncode not in ((0, 1) if line.startswith('carom diff ') else (0,)) or done.stderr:
            yield f'{line}: exit {done.returncode}: {done.stderr}'
        if not done.stdout and 'carom pipe' not in line and not line.startswith('sed '):
            yield f'{line}: prints nothing'
        said.update(done.stdout.splitlines())
    # The first text of the README is what the quickstart prints, which has a test of its own.
    for text in blocks(page, 'text')[page == README:]:
        for line in set(text.splitlines()) - said - {'…'}:
            yield f'no command of the page prints: {line}'


def check_policy(folder, environment):
    """The policies of the README load, and decide what they say."""
    for text in blocks(README, 'lua'):
        if 'carom.test(' in text:
            continue
        (folder / 'readme.lua').write_text(text)
        done = subprocess.run([CAROM, 'run', '--policy', 'readme.lua', '--state', 'fresh', 'bounces'], cwd=folder,
                              env=environment, capture_output=True, text=True, timeout=60)
        print(done.stdout)
        shutil.rmtree(folder / 'fresh')
        decides = re.search(r'actions +.*unsubscribe [1-9]', done.stdout)
        if done.returncode or bool(decides) != ('bounce:unsubscribe' in text):
            yield f'a policy of the README: exit {done.returncode}: {done.stderr}\n{text}'


def check_links():
    pages = [*ROOT.glob('*.md'), *ROOT.glob('scripts/**/*.md'), *ROOT.glob('examples/**/*.md')]
    linked = set()
    for page in pages:
        text = page.read_text()
        for target, anchor in re.findall(r'\]\((?!https?:)([^)#\s]*)(#[^)\s]*)?\)', text):
            goal = (page.parent / target).resolve() if target else page
            linked |= {goal} if page == ROOT / 'README.md' else set()
            heads = re.findall(r'(?m)^#+ (.*)$', goal.read_text()) if anchor and goal.is_file() else []
            anchors = ['#' + re.sub(r'[^\w\- ]', '', head.lower()).replace(' ', '-') for head in heads]
            if not goal.exists() or (anchor and anchor not in anchors):
                yield f'{page.relative_to(ROOT)}: the link {target}{anchor} leads nowhere'
    for page in set(pages) - linked - {ROOT / 'README.md'}:
        yield f'README.md: no link to {page.relative_to(ROOT)}'


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


def check_indexes():
    for folder in (ROOT / 'scripts', ROOT / 'scripts' / 'adapters', ROOT / 'examples'):
        index = (folder / 'README.md').read_text()
        for path in folder.iterdir():
            name = re.sub(r'(_test)?\.(lua|md)$', '', path.name)
            ways = (f'[{name}', f'`{path.name}', f'({path.name}/', f'\n## {path.name}')
            if path.name not in ('README.md', 'meson.build') and not any(way in index for way in ways):
                yield f'{folder.relative_to(ROOT)}/README.md does not name {path.name}'


def check_page(name, page):
    print(f'-- {name}')
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch) / 'try'
        environment = prepare(folder, page)
        problems = list(run_all(page, folder, environment))
        if page == README:
            problems += [*check_policy(folder, environment), *check_tables()]
    return [f'{name}: {problem}' for problem in problems]


def main():
    pages = {'README.md': README}
    pages |= {f'scripts/{path.name}': path.read_text() for path in sorted((ROOT / 'scripts').glob('*.md'))}
    problems = [*check_links(), *check_indexes()]
    problems += [f'{name}: no commands' for name, page in pages.items() if not blocks(page, 'sh')]
    if not blocks(README, 'lua'):
        problems.append('README.md: no policy')
    for name, page in pages.items():
        problems += check_page(name, page)
    for problem in problems:
        print('not ok', problem)
    return 1 if problems else 0


if __name__ == '__main__':
    sys.exit(main())
