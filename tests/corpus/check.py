#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: the carom authors
"""Compares what carom reads with what is expected.

usage: check.py CAROM [FILE.eml | DIRECTORY]...

Beside each NAME.eml stands NAME.json: one JSON object a line for each fact, in order. Only the keys that stand there
are compared, in nested objects too; null wants a key absent or null. A message is read three times: with the line ends
as they lie there, with LF and with CRLF; all must give the same.
"""
import json
import pathlib
import subprocess
import sys


def differences(want, got, where=''):
    """What of want is not so in got, as sentences."""
    if isinstance(want, dict) and isinstance(got, dict):
        for key, value in want.items():
            yield from differences(value, got.get(key), f'{where}.{key}' if where else key)
    elif want != got or isinstance(want, bool) != isinstance(got, bool):
        yield f'{where}: got {json.dumps(got, ensure_ascii=False)}, want {json.dumps(want, ensure_ascii=False)}'


def lines_of(text):
    return [json.loads(line) for line in text.splitlines() if line.strip()]


def parse(carom, message):
    done = subprocess.run([carom, 'parse', '--json', '-'], input=message, capture_output=True, timeout=60)
    if done.returncode != 0:
        raise ValueError(f'exit {done.returncode}: {done.stderr.decode(errors="replace").strip()}')
    return lines_of(done.stdout.decode('utf-8'))


def check(carom, path):
    expected = path.with_suffix('.json')
    if not expected.exists():
        return [f'{expected.name} is missing']
    want = lines_of(expected.read_text(encoding='utf-8'))
    if not want or not all(want):
        return [f'{expected.name} expects nothing']
    raw = path.read_bytes()
    lf = raw.replace(b'\r\n', b'\n')
    wrong = []
    for name, message in (('as it is', raw), ('LF', lf), ('CRLF', lf.replace(b'\n', b'\r\n'))):
        try:
            got = parse(carom, message)
        except (ValueError, subprocess.TimeoutExpired) as why:
            wrong.append(f'{name}: {why}')
            continue
        if len(got) != len(want):
            wrong.append(f'{name}: got {len(got)} facts, want {len(want)}')
        for i, (w, g) in enumerate(zip(want, got), 1):
            wrong += [f'{name}: fact {i}: {d}' for d in differences(w, g)]
    return wrong


def messages(paths):
    for path in map(pathlib.Path, paths):
        if path.is_dir():
            yield from sorted(path.rglob('*.eml'))
        else:
            yield path


def main(arguments):
    if not arguments:
        sys.exit(__doc__)
    carom = arguments[0]
    n = failed = 0
    for path in messages(arguments[1:] or [pathlib.Path(__file__).parent]):
        n += 1
        wrong = check(carom, path)
        failed += bool(wrong)
        for sentence in wrong:
            print(f'not ok {path.name}: {sentence}')
    print(f'{n - failed} of {n} messages read as expected')
    return 1 if failed or not n else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
