#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: the carom authors
"""Seven figures of the messages here, in percent, and what confidence "high" is worth. A figure that falls below what
is recorded fails.

usage: figures.py CAROM

recipients  of failures, missed and made up ones are wrong  kind, reason, code, status  of those found, as expected
non_bounce  messages without a failure, read as that    safe  100 - living addresses called dead, per failure
"""
import collections
import json
import pathlib
import subprocess
import sys

LEAST = {'recipients': 100, 'kind': 100, 'reason': 100, 'code': 100, 'status': 100, 'non_bounce': 100, 'safe': 100}
FAILURES = {'permanent', 'transient', 'delayed'}
DEAD = {'user_unknown', 'user_disabled', 'user_moved', 'host_unknown', 'not_accepting'}


def failures(facts):
    return [fact for fact in facts if fact.get('kind') in FAILURES]


def read(carom, files):
    done = subprocess.run([carom, 'parse', '--json', *map(str, files)], capture_output=True, timeout=120, check=True)
    facts = collections.defaultdict(list)
    for line in done.stdout.decode('utf-8').splitlines():
        fact = json.loads(line)
        facts[pathlib.Path(fact['source'])].append(fact)
    return facts


class Count:
    def __init__(self):
        self.all, self.right = collections.Counter(), collections.Counter()

    def add(self, figure, right):
        self.all[figure] += 1
        self.right[figure] += bool(right)

    def percent(self, figure):
        return 100.0 * self.right[figure] / self.all[figure] if self.all[figure] else 0.0


def is_hard(want, got):
    """As stated, else by what is stated of kind and reason."""
    if 'hard' in want:
        return want['hard']
    return want.get('kind', got['kind']) == 'permanent' and want.get('reason', got.get('reason')) in DEAD


def compare(w, g, count):
    """One failure that is expected, with what came in its place."""
    for key, figure in (('kind', 'kind'), ('reason', 'reason'), ('reply_code', 'code'), ('status', 'status')):
        if w.get(key) is not None:
            count.add(figure, w[key] == g.get(key))
    if 'recipient' in w:
        count.add('recipients', (w['recipient'] or '').lower() == (g.get('recipient') or '').lower())
    count.add('safe', not g.get('hard') or is_hard(w, g))
    if g.get('confidence') == 'high':
        count.add('high', w.get('kind', g['kind']) == g['kind'] and is_hard(w, g) == bool(g.get('hard')))


def compare_message(want, got, count):
    stated = [w.get('kind', g['kind']) in FAILURES for w, g in zip(want, got)]
    if not any(stated):
        count.add('non_bounce', not failures(got))
        return
    for w, g, failed in zip(want, got, stated):
        if failed:
            compare(w, g, count)
    for _ in range(abs(len(want) - len(got))): # missed, or made up
        count.add('recipients', False)


def main(carom):
    files = sorted(pathlib.Path(__file__).parent.rglob('*.eml'))
    got, count = read(carom, files), Count()
    for path in files:
        want = [json.loads(line) for line in path.with_suffix('.json').read_text(encoding='utf-8').splitlines() if line.strip()]
        compare_message(want, got[path], count)
    print(' '.join(f'{figure} {count.percent(figure):.1f}' for figure in LEAST),
          f"({len(files)} messages, {count.all['safe']} failures; {count.all['high']} with confidence high)")
    fell = [f'{figure}: got {count.percent(figure):.2f}, want at least {least}' for figure, least in LEAST.items()
            if count.percent(figure) < least]
    if (count.all['high'] - count.right['high']) * 200 > count.all['high']:
        fell.append(f"confidence high: {count.all['high'] - count.right['high']} of {count.all['high']} have a wrong "
                    'kind or hard, want at most one in 200')
    for sentence in fell:
        print('not ok', sentence)
    return 1 if fell else 0


if __name__ == '__main__':
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
