#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: the carom authors
"""Sixteen carom pipe at once, message after message: how long each takes to be accepted. None may fail, and the slowest of
a hundred may take 15 times as long as the middle one.

usage: CAROM=path/to/carom pipes.py [--at-once N] [--messages N] [--dir DIR]
"""
import argparse
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import threading
import time

CAROM = os.path.abspath(os.environ.get('CAROM', 'build/src/cli/carom'))
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BOUNCE = (ROOT / 'examples' / 'bounces' / '01-user-unknown.eml').read_text().replace('anna@', 'anna{0}@')


def accept(folder, number):
    begin = time.monotonic()
    done = subprocess.run([CAROM, 'pipe', '--policy', 'policy.lua', '--log', 'stderr'], cwd=folder, capture_output=True,
                          input=BOUNCE.replace('{0}', str(number)).encode(), env={**os.environ, 'CAROM_STATE': f'{folder}/state'})
    return done.returncode, time.monotonic() - begin


def main():
    options = argparse.ArgumentParser()
    options.add_argument('--at-once', type=int, default=16)
    options.add_argument('--messages', type=int, default=1600)
    options.add_argument('--dir', help='where the ledger lies: a disk (default: the folder of temporary files)')
    options = options.parse_args()
    results = []
    with tempfile.TemporaryDirectory(prefix='carom-bench-', dir=options.dir) as folder:
        (pathlib.Path(folder) / 'policy.lua').write_text('function on_permanent(bounce) bounce:suppress { duration = "90d" } end\n')
        accept(folder, 'first')
        threads = [threading.Thread(target=lambda first=i: results.extend(
            [accept(folder, n) for n in range(first, options.messages, options.at_once)])) for i in range(options.at_once)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    times = sorted(seconds for _, seconds in results)
    failed = sum(code != 0 for code, _ in results)
    median, p99 = statistics.median(times), times[len(times) * 99 // 100]
    print(f'{len(times)} messages by {options.at_once} at once, {failed} failed: median {median * 1000:.1f} ms, '
          f'p99 {p99 * 1000:.1f} ms ({p99 / median:.1f} times), slowest {times[-1] * 1000:.1f} ms')
    return 1 if failed or p99 >= 15 * median else 0


if __name__ == '__main__':
    sys.exit(main())
