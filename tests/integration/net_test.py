#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: the carom authors
"""The safety net as an operator meets it: the gate, observing, a provider's bad day, release, discard, undo.

usage: CAROM=path/to/carom net_test.py [unittest arguments]
"""
import datetime
import email.utils
import json
import os
import pathlib
import re
import subprocess
import tempfile
import time
import unittest

CAROM = os.path.abspath(os.environ['CAROM'])
POLICY = '''
carom.configure {
  lists = { ["news.lists.example.org"] = { address = "news@lists.example.org" }, ["other.example.org"] = {} },
  sinks = { ["*"] = carom.command { argv = { "/bin/true" } } },
  %s
}
function on_permanent(bounce)
  if bounce.hard then bounce:unsubscribe() end
end
function on_transient(bounce)
  bounce:score(1)
  bounce:tag("count", tostring(bounce:count {}))
  if bounce:count {} >= 3 then bounce:suppress { duration = "90d" } end
end
function on_complaint(bounce)
  bounce:unsubscribe { scope = "all" }
end
function on_delivered(bounce) end
%s
'''
MESSAGE = '''From MAILER-DAEMON {mbox}
Received: from mx.example.org by mail.example.org; {date}
From: MAILER-DAEMON@mail.{domain}
To: bounces@lists.example.org
Subject: Undelivered Mail Returned to Sender
Date: {date}
Message-ID: <{name}@mail.{domain}>
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b

The mail system

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mail.example.org

Final-Recipient: rfc822; {name}@{domain}
Action: failed
Status: {status}
Remote-MTA: dns; mx.{domain}
Diagnostic-Code: smtp; {reply}

--b
Content-Type: message/rfc822

From: news@lists.example.org
To: news@lists.example.org
List-Id: <news.lists.example.org>
Message-ID: <{name}.1@lists.example.org>
Subject: News

hello
--b--

'''
MONDAY = datetime.datetime(2026, 3, 2, 12, tzinfo=datetime.timezone.utc)
GONE = '550 5.1.1 User unknown'
BLOCKED = '550 5.7.1 Client host [192.0.2.1] blocked using Spamhaus'


def bounce(name, when, domain='example.net', reply=GONE):
    return MESSAGE.format(name=name, domain=domain, reply=reply, status=reply.split()[1],
                          mbox=when.strftime('%a %b %d %H:%M:%S %Y'), date=email.utils.format_datetime(when))


class Net(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.dir = pathlib.Path(scratch.name)
        self.policy()

    def policy(self, settings='', more=''):
        (self.dir / 'policy.lua').write_text(POLICY % (settings, more))

    def carom(self, command, *arguments, given=None, code=0, policy=True):
        place = ['--policy', str(self.dir / 'policy.lua')] if policy else []
        done = subprocess.run([CAROM, command, *place, '--state', str(self.dir), *map(str, arguments)],
                              input=given, capture_output=True, encoding='utf-8', timeout=120)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout

    def read(self, *messages, options=()):
        (self.dir / 'box.mbox').write_text(''.join(messages))
        return self.carom('run', '--quiet', *options, self.dir / 'box.mbox')

    def lines(self, *replies):
        """Replies that the sender itself heard: direct."""
        out = self.carom('run', '--lines', given='\n'.join(map(json.dumps, replies)))
        return [json.loads(line) for line in out.splitlines()]

    def json(self, command, *arguments):
        return [json.loads(line) for line in self.carom(command, *arguments, '--json').splitlines()]

    def states(self, action='unsubscribe'):
        """How often the ledger has that action in which state."""
        found = {}
        for fact in self.journal():
            for one in fact['decision']['actions']:
                if one['name'] == action:
                    found[one['state']] = found.get(one['state'], 0) + 1
        return found

    def journal(self):
        return [json.loads(line) for line in self.carom('show', '--all').splitlines()]

    def may(self, address, *more):
        place = ['--policy', str(self.dir / 'policy.lua'), '--state', str(self.dir)]
        return subprocess.run([CAROM, 'check', *place, *more, address], capture_output=True).returncode == 0

    def waiting(self):
        return sorted((job['action'], job['address']) for job in self.json('outbox', 'list', '--state-is', 'waiting'))


class Gate(Net):
    GATE = 'gate = { failure = "matched" },'

    def test_below_the_gate_nothing_is_done(self):
        self.policy(self.GATE)
        self.read(bounce('anna', MONDAY))
        self.assertEqual(self.states(), {'held': 1})
        self.assertEqual(self.waiting(), [])
        self.assertTrue(self.may('anna@example.net', '--list', 'news.lists.example.org'))
        held = self.json('held')
        self.assertEqual([(h['cause'], h['action'], h['address'], h['reason'], h['authenticity']) for h in held],
                         [('gate', 'unsubscribe', 'anna@example.net', 'user_unknown', 'unproven')])
        self.assertIn('anna@example.net', self.carom('held', 'list'))

    def test_released_it_is_done(self):
        self.policy(self.GATE)
        self.read(bounce('anna', MONDAY), bounce('bert', MONDAY))
        self.assertIn('would be: 1 decision released', self.carom('held', '--dry-run', 'release', 'anna@example.net'))
        self.assertEqual(self.states(), {'held': 2})
        self.assertIn('1 decision released', self.carom('held', 'release', 'Anna@Example.net'))
        self.assertEqual(self.states(), {'held': 1, 'decided': 1})
        self.assertEqual(self.waiting(), [('unsubscribe', 'anna@example.net')])
        self.assertFalse(self.may('anna@example.net', '--list', 'news.lists.example.org'))
        self.carom('held', '--all', 'discard')
        self.assertEqual(self.states(), {'discarded': 1, 'decided': 1})
        self.assertEqual(self.carom('held'), 'nothing is held\n')
        self.assertTrue(self.may('bert@example.net', '--list', 'news.lists.example.org'))

    def test_everything_is_never_meant_by_nothing(self):
        self.policy(self.GATE)
        self.read(bounce('anna', MONDAY))
        for verb in ('release', 'discard'):
            self.carom('held', verb, code=64)
        self.carom('undo', code=64)
        self.assertEqual(self.states(), {'held': 1})

    def test_what_proves_too_little_does_not_count(self):
        self.policy(self.GATE, '''
function on_mailbox_full(bounce)
  bounce:score(2)
  bounce:tag("seen", bounce:count {} .. "/" .. bounce:count { held = true } .. "/" .. bounce.history.score)
end''')
        full = '452 4.2.2 Mailbox full'
        for day in range(3):
            self.read(bounce('anna', MONDAY + datetime.timedelta(days=day), reply=full).replace('<anna', f'<anna{day}'))
        tags = [one['details']['value'] for fact in self.journal() for one in fact['decision']['actions']
                if one['name'] == 'tag']
        # the present one counts for its own hook; those before wait
        self.assertEqual(tags, ['1/1/2.0', '1/2/2.0', '1/3/2.0'])
        self.carom('held', 'release', 'anna@example.net')
        self.read(bounce('anna', MONDAY + datetime.timedelta(days=3), reply=full).replace('<anna', '<anna9'))
        self.assertRegex([one['details']['value'] for fact in self.journal() for one in fact['decision']['actions']
                          if one['name'] == 'tag'][-1], r'4/4/7\.')

    def test_one_action_may_accept_less(self):
        self.policy(self.GATE, '''
function on_user_unknown(bounce)
  bounce:alert { text = "gone: {recipient}", accept = "unproven" }
  bounce:unsubscribe { accept = "aligned" }
end''')
        self.read(bounce('anna', MONDAY))
        self.assertEqual(self.states('alert'), {'decided': 1})
        self.assertEqual(self.states('unsubscribe'), {'held': 1})

    def test_with_a_key_the_gate_is_up_from_its_first_day(self):
        key = 'verp = { domain = "bounces.example.org", keys = { { id = 1, secret = "%s", since = "2026-03-01" } } },'
        self.policy(key % ('x' * 32))
        self.read(bounce('anna', MONDAY), bounce('bert', MONDAY - datetime.timedelta(days=3)))
        self.assertEqual(self.states(), {'held': 1, 'decided': 1})
        self.assertEqual([h['address'] for h in self.json('held')], ['anna@example.net'])
        answer, = self.lines({'reply': GONE, 'recipient': 'carl@example.net', 'list': 'news.lists.example.org',
                              'delivery': '1'})
        self.assertEqual([a['state'] for a in answer['actions']], ['decided'])

    def test_what_the_sender_heard_itself_passes(self):
        self.policy('gate = { failure = "direct" },')
        answer, = self.lines({'reply': GONE, 'recipient': 'anna@example.net', 'list': 'news.lists.example.org',
                              'delivery': '1'})
        self.assertEqual([(a['name'], a['state']) for a in answer['actions']], [('unsubscribe', 'decided')])

    def test_check_may_say_no_to_what_is_held(self):
        self.policy(self.GATE + 'held = { check = "deny" },')
        self.read(bounce('anna', MONDAY))
        self.assertFalse(self.may('anna@example.net', '--list', 'news.lists.example.org'))
        self.assertTrue(self.may('anna@example.net', '--list', 'other.example.org'))
        out = self.carom('check', '--list', 'news.lists.example.org', '-', given='anna@example.net\nbert@example.net\n')
        self.assertEqual(out, 'bert@example.net\n')

    def test_held_too_long_it_lapses(self):
        self.policy(self.GATE + 'held = { expire = "1s" },')
        self.read(bounce('anna', MONDAY))
        for _ in range(50):
            self.carom('deliver')
            if self.states() != {'held': 1}:
                break
            subprocess.run(['sleep', '0.1'])
        self.assertEqual(self.states(), {'discarded': 1})


class Observe(Net):
    def test_hooks_run_and_nothing_happens(self):
        self.policy('mode = "observe",')
        self.read(bounce('anna', MONDAY),
                  *(bounce(f'bert{i}', MONDAY + datetime.timedelta(days=i), reply='452 4.2.2 Mailbox full')
                    .replace(f'rfc822; bert{i}', 'rfc822; bert') for i in range(4)))
        self.assertEqual(self.states(), {'held': 1})
        self.assertEqual(self.states('suppress'), {'held': 2})
        self.assertEqual(self.states('score'), {'decided': 4})
        self.assertEqual(self.waiting(), [])
        self.assertTrue(self.may('anna@example.net', '--list', 'news.lists.example.org'))
        self.assertEqual({h['cause'] for h in self.json('held')}, {'observe'})
        self.policy()
        self.carom('held', '--cause', 'observe', 'release')
        self.assertFalse(self.may('anna@example.net', '--list', 'news.lists.example.org'))
        self.assertFalse(self.may('bert@example.net'))


class Breaker(Net):
    HOOK = '''
function on_incident(incident)
  incident:alert { text = incident.provider .. " " .. incident.reason .. " " .. incident.count .. " " ..
                   incident.usual .. " " .. incident.samples[1], key = "incident" }
end'''

    def outage(self, when, n, domain='example.net', name='a'):
        return [bounce(f'{name}{when.day}-{i}', when + datetime.timedelta(seconds=7200 * i / n), domain) for i in range(n)]

    def ordinary(self, start, days, domain='example.net'):
        """A removal every six hours."""
        return [bounce(f'o{i}', start + datetime.timedelta(hours=6 * i), domain) for i in range(4 * days)]

    def test_a_bad_day_is_held_and_the_next_one_like_the_first(self):
        self.policy('breaker = { min = 10 },', self.HOOK)
        start = MONDAY - datetime.timedelta(days=35)
        self.read(*self.ordinary(start, 34))
        self.assertEqual(self.states(), {'decided': 136})
        self.read(*self.outage(MONDAY, 400))
        self.assertEqual(self.states(), {'decided': 136, 'held': 400})
        incident, = self.json('incidents')
        self.assertEqual((incident['provider'], incident['reason'], incident['held']), ('example.net', 'user_unknown', 400))
        self.assertIn('400 held', self.carom('incidents'))
        alerts = [job for job in self.json('outbox', 'list') if job['action'] == 'alert']
        self.assertEqual(len(alerts), 1)
        shown = json.loads(self.carom('outbox', '--json', 'show', alerts[0]['job']))
        self.assertEqual(shown['data']['action']['text'], f'example.net user_unknown 10 1 {GONE}')
        # other providers pass meanwhile
        self.read(*[bounce(f'other{i}', MONDAY + datetime.timedelta(minutes=30), 'example.com') for i in range(3)])
        self.assertEqual(self.states(), {'decided': 139, 'held': 400})
        # the second outage
        self.read(*self.outage(MONDAY + datetime.timedelta(days=1), 400))
        self.assertEqual(self.states(), {'decided': 139, 'held': 800})
        self.assertEqual(len(self.json('incidents')), 2)
        # after two quiet windows new ones pass
        self.read(*[bounce(f'late{i}', MONDAY + datetime.timedelta(days=1, hours=5 + i)) for i in range(3)])
        self.assertEqual(self.states(), {'decided': 142, 'held': 800})
        self.assertIn('400 decisions released', self.carom('held', '--incident', incident['incident'], 'release'))
        self.carom('held', '--cause', 'breaker', 'discard')
        self.assertEqual(self.states(), {'decided': 542, 'discarded': 400})

    def test_what_was_told_already_is_not_held(self):
        self.policy('breaker = { min = 10 },')
        self.read(*self.ordinary(MONDAY - datetime.timedelta(days=35), 34))
        self.carom('deliver')
        self.read(*self.outage(MONDAY, 400)[:5])
        self.carom('deliver')
        self.read(*self.outage(MONDAY, 400)[5:100])
        self.assertEqual(self.states(), {'decided': 141, 'held': 95})
        self.assertRegex(self.carom('status'), r'(?m)^yellow +a bad day of example\.net .*: what it would have removed is held$')
        incident, = self.json('incidents')
        self.assertEqual(len(self.json('held', 'list', '--provider', incident['provider'])), 95)
        self.assertIn('95 decisions', self.carom('held', 'release', '--dry-run', '--provider', incident['provider']))
        self.assertIn('\nBad days', self.carom('report', '--provider', incident['provider'], '--since', '2026-03-01'))
        # and is taken back with the number of the incident, as is what was released
        self.carom('held', 'release', 'a2-7@example.net')
        self.assertIn('6 decisions taken back', self.carom('undo', '--incident', incident['incident']))
        self.assertEqual(self.states(), {'decided': 136, 'held': 94, 'undone': 6})
        self.carom('undo', '--incident', '5', code=64)
        self.carom('held', 'discard', '--all')
        self.assertRegex(self.carom('status'), r'(?m)^yellow +a bad day of example\.net .*: nothing of it is held any more$')

    def test_the_summary_tells_of_those_that_were_taken_before(self):
        self.policy('breaker = { min = 10 },')
        (self.dir / 'box.mbox').write_text(''.join(self.outage(MONDAY, 100)))
        for dry in (['--dry-run'], []):
            out = self.carom('run', *dry, self.dir / 'box.mbox')
            self.assertRegex(out, r'(?m)^actions +unsubscribe 39\n')
            self.assertRegex(out, r'(?m)^held +61 actions wait for somebody; see carom held\n'
                                  r'recalled +39 decisions taken before that, here or in earlier runs: they wait, too\n')
        self.assertEqual(self.states(), {'held': 100})

    def test_settled_ones_are_recalled_unsent(self):
        self.policy('breaker = { min = 10 }, settle = "6h",')
        self.read(*self.ordinary(MONDAY - datetime.timedelta(days=35), 34))
        self.assertFalse(self.may('o1@example.net', '--list', 'news.lists.example.org'))
        self.assertIn('done 0,', self.carom('deliver'))
        self.read(*self.outage(MONDAY, 400)[:5])
        self.carom('deliver')
        self.read(*self.outage(MONDAY, 400)[5:100])
        self.assertEqual(self.states(), {'decided': 136, 'held': 100})
        self.assertEqual(len(self.waiting()), 136)
        self.assertTrue(self.may('a2-0@example.net', '--list', 'news.lists.example.org'))

    def test_an_archive_is_judged_as_it_happened(self):
        start = MONDAY - datetime.timedelta(days=3 * 365)
        days = (bounce(f'y{i}', start + datetime.timedelta(hours=9 * i)) for i in range(2900))
        self.read(*days)
        self.assertEqual(self.states(), {'decided': 2900})
        self.assertEqual(self.json('incidents'), [])

    def test_a_young_ledger_wants_four_times_as_many(self):
        self.policy('breaker = { min = 10 },')
        self.read(*self.outage(MONDAY, 78)[:39])
        self.assertEqual(self.states(), {'decided': 39})
        self.read(*self.outage(MONDAY, 78, name='b')[:20])
        self.assertEqual(self.states(), {'held': 59})

    def test_a_dry_run_trips_and_writes_nothing(self):
        self.policy('breaker = { min = 10 },', self.HOOK)
        out = self.read(*self.outage(MONDAY, 400), options=('--dry-run', '--json'))
        facts = [json.loads(line) for line in out.splitlines()]
        self.assertEqual({a['state'] for a in facts[-1]['actions']}, {'held'})
        self.assertFalse((self.dir / 'carom.db').exists())

    def test_a_broken_hook_loses_no_bounce(self):
        self.policy('breaker = { min = 10 },', 'function on_incident(incident) error("broken") end')
        self.read(*self.outage(MONDAY, 100))
        self.assertEqual(len(self.journal()), 100)
        self.assertEqual(len(self.json('incidents')), 1)


class Undo(Net):
    def test_what_was_sent_is_taken_back(self):
        self.read(bounce('anna', MONDAY), bounce('bert', MONDAY, 'example.com'))
        self.carom('deliver')
        self.assertFalse(self.may('anna@example.net', '--list', 'news.lists.example.org'))
        self.assertIn('would be: 1 decision taken back', self.carom('undo', '--dry-run', 'anna@example.net'))
        out = self.carom('undo', 'anna@example.net')
        self.assertIn('1 decision taken back', out)
        self.assertTrue(self.may('anna@example.net', '--list', 'news.lists.example.org'))
        self.assertFalse(self.may('bert@example.com', '--list', 'news.lists.example.org'))
        self.assertEqual(self.waiting(), [('resubscribe', 'anna@example.net')])
        self.assertEqual(self.states(), {'undone': 1, 'decided': 1})
        number = re.search(r'carom undo --operation (\d+)', out).group(1)
        self.assertIn('done again', self.carom('undo', '--operation', number))
        self.assertFalse(self.may('anna@example.net', '--list', 'news.lists.example.org'))
        self.assertEqual(self.states(), {'decided': 2})
        self.carom('undo', '--operation', number, code=64)
        self.assertEqual([o['action'] for o in self.json('undo', 'list')], ['undo', 'redo'])

    def test_what_another_bounce_says_too_stands(self):
        of_list = ('--list', 'news.lists.example.org')
        for hook, may in (('bounce:unsubscribe()', of_list), ('bounce:suppress { duration = "90d" }', ())):
            with self.subTest(hook):
                (self.dir / 'carom.db').unlink(missing_ok=True)
                self.policy('', 'function on_permanent(bounce) %s end' % hook)
                later = bounce('anna', MONDAY + datetime.timedelta(days=1), reply=BLOCKED).replace('ID: <anna', 'ID: <later')
                self.read(bounce('anna', MONDAY), later)
                self.carom('deliver')
                before = self.waiting()
                self.carom('undo', '--reason', 'user_unknown')
                self.assertFalse(self.may('anna@example.net', *may))
                self.assertEqual(self.waiting(), before)  # nobody is told that she is back
                self.carom('undo', 'anna@example.net')
                self.assertTrue(self.may('anna@example.net', *may))
                self.assertEqual(len(self.waiting()), 1)  # now somebody is, once
                self.carom('deliver')
                self.assertEqual(self.waiting(), [])
                self.carom('ledger', 'check')

    def ends(self):
        """In how many days the ends of suppressions are told."""
        return [round((datetime.datetime.fromisoformat(job['due'].replace('Z', '+00:00')).timestamp() - time.time()) / 86400)
                for job in self.json('outbox', 'list', '--state-is', 'waiting') if job['action'] == 'unsuppress']

    def test_who_lasts_longest_is_told_the_end(self):
        """Of the second no end is told, which comes sooner than that of the first; but once the first is taken back."""
        self.policy('', 'function on_permanent(bounce)\n'
                        '  bounce:suppress { duration = bounce.reason == "user_unknown" and "90d" or "30d" }\nend')
        later = bounce('anna', MONDAY + datetime.timedelta(days=1), reply=BLOCKED).replace('ID: <anna', 'ID: <later')
        self.read(bounce('anna', MONDAY), later)
        self.carom('deliver')
        self.assertEqual(self.ends(), [90])
        out = self.carom('undo', '--reason', 'user_unknown')
        self.assertEqual(self.ends(), [30])
        self.carom('undo', '--operation', re.search(r'carom undo --operation (\d+)', out).group(1))
        self.assertEqual(self.ends(), [90])

    def test_taken_back_again_the_last_word_counts(self):
        self.read(bounce('anna', MONDAY))
        self.carom('deliver')
        for _ in range(2):
            out = self.carom('undo', 'anna@example.net')
            self.assertEqual(self.waiting(), [('resubscribe', 'anna@example.net')])
            self.carom('deliver')
            self.carom('undo', '--operation', re.search(r'carom undo --operation (\d+)', out).group(1))
            self.assertEqual(self.waiting(), [('unsubscribe', 'anna@example.net')])
            self.carom('deliver')

    def test_what_was_not_sent_never_is(self):
        self.read(bounce('anna', MONDAY))
        self.carom('undo', '--provider', 'google')
        self.assertEqual(self.states(), {'decided': 1})
        self.carom('undo', '--reason', 'user_unknown', '--since', '1h')
        self.assertEqual(self.waiting(), [])
        self.assertTrue(self.may('anna@example.net', '--list', 'news.lists.example.org'))

    def test_scores_counts_and_tags_go(self):
        full = '452 4.2.2 Mailbox full'
        for day in range(3):
            self.read(bounce('anna', MONDAY + datetime.timedelta(days=day), reply=full).replace('<anna', f'<anna{day}'))
        self.assertFalse(self.may('anna@example.net'))
        self.carom('undo', 'anna@example.net')
        self.assertTrue(self.may('anna@example.net'))
        self.read(bounce('anna', MONDAY + datetime.timedelta(days=3), reply=full).replace('<anna', '<anna9'))
        self.assertTrue(self.may('anna@example.net'))
        tags = [one['details']['value'] for fact in self.journal() for one in fact['decision']['actions']
                if one['name'] == 'tag']
        self.assertEqual(tags[-1], '1')

    def test_old_bounces_never_remove_who_was_taken_back(self):
        now = datetime.datetime.now(datetime.timezone.utc)
        days = datetime.timedelta(days=1)
        self.read(bounce('anna', now - 2 * days))
        self.assertEqual(self.states(), {'decided': 1})
        self.carom('undo', 'anna@example.net')
        # the same told again by another message, and one that was long on its way
        self.read(bounce('anna', now - 2 * days).replace('<anna@mail', '<copy@mail').replace('<anna.1', '<anna.2'),
                  bounce('anna', now - days).replace('<anna@mail', '<late@mail').replace('<anna.1', '<anna.3'))
        self.assertEqual(self.states(), {'undone': 1, 'refused': 2})
        self.assertTrue(self.may('anna@example.net', '--list', 'news.lists.example.org'))
        restored = int(time.time())
        while int(time.time()) <= restored: # times of mail are whole seconds
            time.sleep(0.05)
        self.read(bounce('anna', now + days).replace('<anna@mail', '<new@mail').replace('<anna.1', '<anna.4'))
        self.assertEqual(self.states(), {'undone': 1, 'refused': 2, 'decided': 1})

    def test_bad_words_are_answered(self):
        self.read(bounce('anna', MONDAY))
        self.carom('undo', '--reason', 'user_unkown', code=64)
        self.carom('undo', '--since', 'yesterday', code=64)
        self.carom('undo', 'nobody@example.org', code=64)
        self.carom('held', 'relase', code=64)
        self.carom('held', '--cause', 'gates', code=64)
        self.carom('undo', '--operation', '7', code=64)


if __name__ == '__main__':
    unittest.main()
