#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: the carom authors
"""A sending pipeline that asks carom what to do with each reply that it received.

usage: lines.py POLICY [OPTION…] <replies.tsv
Each row is delivery, recipient and reply, with tabs between them: the pipeline's own id of message and recipient, the
address, the server's words.
For each one line is printed: what to do with that delivery. Options go to carom run. CAROM names the program.
"""
import json
import os
import subprocess
import sys
import threading


class Carom:
    """One process for as long as the pipeline lives: lines in, answers out, in the same order."""

    def __init__(self, policy, *options):
        command = [os.environ.get('CAROM', 'carom'), 'run', '--lines', '--policy', policy, *options]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding='utf-8')

    def tell(self, **line):
        self.process.stdin.write(json.dumps(line) + '\n')

    def tell_all(self, lines):
        """From a thread of its own, so that answers are read while lines are still being written."""
        for line in lines:
            self.tell(**line)
        self.process.stdin.close()

    def answers(self):
        """One a line, each after what it says was committed."""
        return map(json.loads, self.process.stdout)


def what_to_do(answer):
    if 'error' in answer:
        return f'look: line {answer["line"]}: {answer["error"]}'
    for action in answer['actions']:
        if action['state'] == 'decided' and action['name'] == 'retry':
            return f'send again at {action["details"]["due"]}'
    fact = answer['facts'][0]
    return 'done' if fact['kind'] == 'delivered' else f'drop: {fact["reason"]}, the fault of {fact["fault"]}'


def main():
    if len(sys.argv) < 2:
        sys.exit('usage: lines.py POLICY [OPTION…] <replies.tsv')
    rows = [line.rstrip('\n').split('\t', 2) for line in sys.stdin]
    carom = Carom(*sys.argv[1:])
    lines = [{'delivery': delivery, 'recipient': recipient, 'reply': reply} for delivery, recipient, reply in rows]
    threading.Thread(target=carom.tell_all, args=(lines,), daemon=True).start()
    for row, answer in zip(rows, carom.answers()):
        print(f'{row[0]}: {what_to_do(answer)}')
    return carom.process.wait()


if __name__ == '__main__':
    sys.exit(main())
