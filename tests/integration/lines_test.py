#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: the carom authors
"""carom run --lines as a pipeline uses it: thousands of replies, an answer to each, a kill in the middle.

usage: CAROM=path/to/carom lines_test.py [unittest arguments]
"""
import base64
import collections
import datetime
import json
import os
import pathlib
import signal
import sqlite3
import subprocess
import tempfile
import threading
import unittest

CAROM = os.path.abspath(os.environ['CAROM'])
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
UNKNOWN = ROOT / 'examples' / 'bounces' / '01-user-unknown.eml'
REPLIES = 10000
POLICY = '''
carom.configure {
  lists = { ["news.lists.example.org"] = { address = "news@lists.example.org" } },
  breaker = { min = 1000000 }, -- thousands unknown at one provider in a second are what it is for
  endpoints = { crm = carom.webhook { url = "https://crm.example.org/", secret = "0123456789abcdef0123456789abcdef" } },
}
function on_permanent(bounce)
  if bounce.hard then bounce:unsubscribe() end
end
function on_transient(bounce)
  bounce:tag("deferrals", tostring(bounce:count {}))
  bounce:webhook("crm", { event = "deferred" })
  bounce:retry { after = "4h", limit = 5 }
end
function on_virus_detected(bounce)
  error("broken on purpose")
end
'''
WORDS = ('450 4.2.0 Greylisted, try again later', '550 5.1.1 User unknown', '250 2.0.0 Ok: queued',
         '452 4.2.2 Mailbox full', '421 4.7.0 Too many connections')


def reply(i):
    return {'reply': WORDS[i % len(WORDS)], 'recipient': f'reader{i}@example.com', 'delivery': f'11/{i}',
            'list': 'news.lists.example.org', 'remote_mta': 'mx.example.com', 'time': '2026-03-01T12:00:00Z'}


class Lines(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.dir = pathlib.Path(scratch.name)
        (self.dir / 'policy.lua').write_text(POLICY)

    def command(self, *more):
        return [CAROM, 'run', '--lines', '--policy', str(self.dir / 'policy.lua'), '--state', str(self.dir), *map(str, more)]

    def start(self, *more):
        process = subprocess.Popen(self.command(*more), stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding='utf-8')
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def ask(self, *lines, code=0, more=(), stderr=''):
        given = '\n'.join(line if isinstance(line, str) else json.dumps(line) for line in lines)
        done = subprocess.run(self.command(*more), input=given, capture_output=True, encoding='utf-8', timeout=120)
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertRegex(done.stderr, f'^{stderr}$')
        return [json.loads(line) for line in done.stdout.splitlines()]

    def feed(self, process, lines):
        def write():
            try:
                for line in lines:
                    process.stdin.write(json.dumps(line) + '\n')
            except (BrokenPipeError, ValueError):
                pass # killed: what was not answered is fed again
            finally:
                try:
                    process.stdin.close()
                except BrokenPipeError:
                    pass
        thread = threading.Thread(target=write, daemon=True)
        thread.start()
        return thread

    def ledger(self, query):
        with sqlite3.connect(f'file:{self.dir / "carom.db"}?mode=ro', uri=True) as ledger:
            return ledger.execute(query).fetchall()

    def tag(self, address):
        rows = self.ledger(f"SELECT value FROM tag JOIN address a ON a.id = tag.address WHERE tag.ended = 0 AND a.key = '{address}'")
        return rows[0][0] if rows else None


class Pipeline(Lines):
    def test_as_many_answers_as_replies_in_their_order(self):
        process = self.start()
        self.feed(process, map(reply, range(REPLIES)))
        answers = [json.loads(line) for line in process.stdout]
        self.assertEqual(process.wait(timeout=60), 0)
        self.assertEqual([a['facts'][0]['recipient'] for a in answers], [f'reader{i}@example.com' for i in range(REPLIES)])
        kinds = collections.Counter(a['facts'][0]['kind'] for a in answers)
        self.assertEqual(kinds, {'transient': REPLIES * 3 // 5, 'permanent': REPLIES // 5, 'delivered': REPLIES // 5})
        self.assertEqual({a['facts'][0]['authenticity'] for a in answers}, {'direct'})
        names = collections.Counter(action['name'] for a in answers for action in a['actions'])
        self.assertEqual((names['retry'], names['unsubscribe']), (REPLIES * 3 // 5, REPLIES // 5))

    def test_a_breaker_that_never_trips_costs_no_memory(self):
        (self.dir / 'policy.lua').write_text(POLICY.replace('min = 1000000', 'min = 1000000000'))
        answers = self.ask(*(dict(reply(i), reply='550 5.1.1 User unknown') for i in range(5)))
        self.assertEqual([answer['actions'][0]['state'] for answer in answers], ['decided'] * 5)

    def test_killed_in_the_middle_nothing_counts_twice(self):
        process = self.start()
        thread = self.feed(process, map(reply, range(REPLIES)))
        before = [json.loads(process.stdout.readline()) for _ in range(REPLIES // 3)]
        process.send_signal(signal.SIGKILL)
        self.assertEqual(process.wait(timeout=60), -signal.SIGKILL)
        thread.join(60)
        kept = self.ledger('SELECT count(*) FROM fact')[0][0]
        self.assertFalse(any(a['facts'][0]['duplicate'] for a in before))
        self.assertLessEqual(len(before), kept, 'what was answered is kept')
        self.assertLess(kept, REPLIES, 'killed too late to show anything')

        again = self.ask(*map(reply, range(REPLIES)))
        self.assertEqual(len(again), REPLIES)
        copies = [a['facts'][0]['duplicate'] for a in again]
        self.assertEqual(copies, [True] * kept + [False] * (REPLIES - kept))
        self.assertEqual([a['actions'] for a in again[:len(before)]], [a['actions'] for a in before],
                         'a sender that was stopped is told again what to do')
        self.assertEqual(self.ledger('SELECT count(*) FROM fact'), [(REPLIES,)])
        self.assertEqual(self.ledger("SELECT count(*) FROM job WHERE sink = 'endpoint.crm'"), [(REPLIES * 3 // 5,)])
        self.assertEqual(self.ledger("SELECT value, count(*) FROM tag GROUP BY value"), [('1', REPLIES * 3 // 5)])

        # Put off once more: the same delivery, so that it counts once, but news, which the hook is asked about.
        later = [{**reply(i), 'time': '2026-03-01T16:00:00Z'} for i in range(0, REPLIES, len(WORDS))]
        news = self.ask(*later, *map(reply, range(REPLIES)))
        self.assertEqual({(a['facts'][0]['duplicate'], a['facts'][0].get('hook')) for a in news[:len(later)]},
                         {(False, 'on_transient')})
        self.assertEqual({a['facts'][0]['duplicate'] for a in news[len(later):]}, {True})
        self.assertEqual(self.ledger('SELECT count(*) FROM fact'), [(REPLIES + len(later),)])
        self.assertEqual(self.ledger("SELECT count(*) FROM job WHERE sink = 'endpoint.crm'"), [(REPLIES * 3 // 5 + len(later),)])
        self.assertEqual(self.ledger("SELECT value, count(*) FROM tag GROUP BY value"), [('1', REPLIES * 3 // 5)])

    def test_another_time_runs_the_hook_and_counts_once(self):
        first, start = reply(0), datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
        answers = []
        for minutes in (60, 45, 45, 30):
            first['time'] = (start - datetime.timedelta(minutes=minutes)).isoformat()
            answers += self.ask(first)
        self.assertEqual([a['facts'][0]['duplicate'] for a in answers], [False, False, True, False])
        self.assertEqual([a['facts'][0].get('hook') for a in answers], ['on_transient', 'on_transient', None, 'on_transient'])
        self.assertEqual(self.tag(first['recipient']), '1', 'one delivery, however often it was put off')
        self.ask({**first, 'delivery': '12/0'})
        self.assertEqual(self.tag(first['recipient']), '2')

    def test_answers_come_when_the_input_pauses(self):
        process = self.start()
        self.addCleanup(process.stdin.close)
        answered = 0
        for i in range(3):
            for line in (json.dumps(reply(2 * i)) + '\n', json.dumps(reply(2 * i + 1)) + '\n' + '{"reply":'):
                process.stdin.write(line)
                process.stdin.flush()
                answer = json.loads(process.stdout.readline())
                self.assertEqual(len(answer['facts']), 1)
                answered += 1
                self.assertEqual(self.ledger('SELECT count(*) FROM fact'), [(answered,)], 'committed when it is answered')
            process.stdin.write('"250 ok", "recipient": "x@example.com", "delivery": %d}\n' % i)
            process.stdin.flush()
            self.assertEqual(json.loads(process.stdout.readline())['facts'][0]['delivery'], str(i))
            answered += 1


class Members(Lines):
    def test_messages(self):
        given = base64.b64encode(UNKNOWN.read_bytes()).decode()
        one, two, three = self.ask({'message_base64': given}, {'path': str(UNKNOWN)},
                                   {'path': str(UNKNOWN), 'list': 'other.lists.example.org'})
        self.assertEqual((one['facts'][0]['reason'], one['facts'][0]['source']), ('user_unknown', '-'))
        self.assertEqual([a['name'] for a in one['actions']], ['unsubscribe'])
        self.assertEqual(one['actions'][0]['fact'], 0)
        self.assertEqual((two['facts'][0]['duplicate'], two['facts'][0]['source'], two['actions']), (True, str(UNKNOWN), []))
        self.assertEqual((three['facts'][0]['list'], three['facts'][0]['list_by']), ('other.lists.example.org', 'caller'))

    def test_what_is_wrong_is_said_and_stops_nothing(self):
        good = reply(1)
        cases = [
            ('{"reply":"550"', 'no JSON'),
            ('[1]', 'no JSON object'),
            ('{}', 'one of reply, message_base64 and path'),
            ({**good, 'path': 'x'}, 'one of reply, message_base64 and path'),
            ({**good, 'recipent': 'x'}, "'recipent'; did you mean recipient"),
            ({**good, 'sender': 'x'}, 'sender belongs to a message'),
            ({'path': 'x', 'delivery': '1'}, 'delivery belongs to a reply'),
            ({**good, 'time': 'yesterday'}, 'RFC 3339'),
            ({**good, 'reply': 550}, 'reply is no string'),
            ({**good, 'reply': '354 Go ahead'}, 'no final answer'),
            ({**good, 'recipient': 'x'}, "'x' is no address"),
            ({**good, 'recipient': 'x anna@example.com'}, "'x anna@example.com' is no address"), # not Anna
            ({**good, 'recipient': 'anna@example.com,bert@example.com'}, 'is no address'),
            ({**good, 'delivery': None, 'time': None}, 'told from its copy'),
            ('{"reply":"550 no","reply":"250 ok"}', 'duplicate'),
            ({'path': '/nowhere'}, '/nowhere: cannot read'),
            ({'path': str(self.dir)}, 'is no file'),
            ({'message_base64': 'RnJvbTog*'}, 'no base64.*at byte 8'),
            ({'message_base64': 'RnJvb'}, 'cut off'),
            ({'message_base64': ''}, 'empty'),
        ]
        lines = [line for case in cases for line in (case[0], {**good, 'delivery': cases.index(case)})]
        answers = self.ask(*lines, code=65)
        self.assertEqual(len(answers), len(lines))
        for i, (line, want) in enumerate(cases):
            self.assertRegex(answers[2 * i]['error'], want, f'line {line}')
            self.assertEqual(answers[2 * i]['line'], 2 * i + 1)
            self.assertEqual(answers[2 * i + 1]['facts'][0]['delivery'], str(i), f'the line behind {line}')

    def test_a_failing_hook_costs_its_line_only(self):
        answers = self.ask(reply(0), {**reply(1), 'reply': '554 5.7.1 Message contains a virus'}, reply(2), code=70)
        self.assertRegex(answers[1]['error'], r'policy\.lua:16: on_virus_detected: broken on purpose')
        self.assertEqual(answers[1]['line'], 2)
        self.assertEqual(self.ledger('SELECT count(*) FROM fact'), [(2,)])

    def test_files_and_a_default_list(self):
        (self.dir / 'one').write_text('\r\n' + json.dumps({**reply(1), 'list': None}) + '\r\n{}\n')
        (self.dir / 'two').write_text(json.dumps(reply(2)))
        one, two, three = self.ask(code=65, more=('--list', 'all.example.org', self.dir / 'one', self.dir / 'two'))
        self.assertEqual(one['facts'][0]['list'], 'all.example.org')
        self.assertEqual((two['line'], two['source']), (3, str(self.dir / 'one')))
        self.assertEqual(three['facts'][0]['list'], 'news.lists.example.org')

    def test_a_missing_file_is_named_and_the_others_read(self):
        (self.dir / 'one').write_text(json.dumps(reply(1)))
        answers = self.ask(code=66, more=['nowhere', self.dir / 'one'], stderr='carom: nowhere: cannot read: .*\n')
        self.assertEqual(len(answers), 1)

    def test_a_dry_run_keeps_nothing(self):
        one, two = self.ask(reply(1), reply(1), more=['--dry-run'])
        self.assertEqual((one['facts'][0]['duplicate'], two['facts'][0]['duplicate']), (False, True))
        self.assertFalse((self.dir / 'carom.db').exists())

    def test_without_a_ledger_nothing_is_answered(self):
        (self.dir / 'carom.db').write_text('this is no ledger, and long enough to be none')
        self.assertEqual(self.ask(reply(1), code=74, stderr=r'carom: .*carom\.db: (.|\n)*'), [])


if __name__ == '__main__':
    unittest.main(verbosity=2)
