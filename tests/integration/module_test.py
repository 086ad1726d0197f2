#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: the carom authors
"""The Lua module in a stock Lua: it says of each sample what `carom parse` says.

usage: CAROM=path/to/carom module_test.py DIRECTORY-OF-CAROM.SO
"""
import datetime
import json
import os
import pathlib
import shutil
import subprocess
import sys

CAROM = os.path.abspath(os.environ['CAROM'])
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SCRIPT = r'''
local carom = require "carom"
local function print_table(prefix, t)
  for name, value in pairs(t) do
    if type(value) == "table" then print_table(prefix .. name .. ".", value)
    else print(prefix .. name .. "\t" .. tostring(value):gsub("\n", " ")) end
  end
end
for i, fact in ipairs(assert(carom.parse(assert(io.open(arg[1], "rb")), { source = arg[2] }))) do print_table(i .. ".", fact) end
'''


def flat(prefix, value, out):
    for name, inner in value.items():
        if isinstance(inner, dict):
            flat(prefix + name + '.', inner, out)
        elif inner is not None:
            out[prefix + name] = inner


def text(name, value):
    if isinstance(value, bool):
        return str(value).lower()
    if name.split('.')[-1] in ('time', 'received', 'retry_until', 'until', 'token_time'):
        return str(int(datetime.datetime.fromisoformat(value.replace('Z', '+00:00')).timestamp()))
    return str(value).replace('\n', ' ')


def main():
    lua = shutil.which('lua5.4')
    if not lua:
        print('skip: there is no lua5.4 (Debian package lua5.4)')
        return 77
    environment = dict(os.environ, LUA_CPATH=os.path.join(sys.argv[1], '?.so'))
    n = 0
    for path in sorted((ROOT / 'examples/bounces').glob('*.eml')) + sorted((ROOT / 'tests/corpus').rglob('*.eml')):
        if n >= 200:
            break
        said = subprocess.run([lua, '-', str(path), path.name], input=SCRIPT, env=environment, capture_output=True, text=True)
        assert said.returncode == 0, (path, said.stderr)
        module = dict(line.split('\t', 1) for line in said.stdout.splitlines())
        # What follows from the file's own time differs: the module knows no file.
        program = {}
        lines = subprocess.run([CAROM, 'parse', '--json', path.name], cwd=path.parent, capture_output=True, text=True, check=True).stdout
        for i, line in enumerate(lines.splitlines(), 1):
            flat(f'{i}.', json.loads(line), program)
        for name, value in program.items():
            if name.split('.')[-1] in ('received', 'id', 'time', 'index'):
                continue
            assert module.get(name) == text(name, value), (path, name, module.get(name), value)
        for name, value in module.items():
            known = name in program or value == 'false' or name.endswith('.original.headers') or name.split('.')[-1] in ('received', 'time', 'id', 'index')
            assert known, (path, name, value)
        n += 1
    assert n >= 10, n
    wrong = subprocess.run([lua, '-e', 'local carom = require "carom" print(pcall(carom.parse, io.open("absent"))) '
                            'print(pcall(carom.parse, "", { sorce = "x" }))'], env=environment, capture_output=True, text=True)
    assert 'a text or an open file expected, got nil' in wrong.stdout and '"sorce" is no option' in wrong.stdout, wrong
    example = subprocess.run([lua, ROOT / 'examples/lua/bounced.lua', *sorted((ROOT / 'examples/bounces').glob('*.eml'))],
                             env=environment, capture_output=True, text=True)
    assert example.returncode == 0 and 'user_unknown' in example.stdout, example
    print(f'{n} messages read as the program reads them')
    return 0


if __name__ == '__main__':
    sys.exit(main())
