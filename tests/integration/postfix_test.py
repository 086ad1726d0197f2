#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: the carom authors
"""A real Postfix, whose bounces go to carom in both ways of examples/postfix, with the very lines that stand there.

Runs as root inside tests/integration/overlay: nothing else would survive what it does to /etc. Mail is refused by
remote.py; decisions go to receiver.py, which answers 503 at first.
"""
import email.message
import json
import os
import pathlib
import shutil
import smtplib
import subprocess
import sys
import threading
import time

import receiver
import remote

HERE = pathlib.Path(__file__).resolve().parent
EXAMPLES = HERE.parent.parent / 'examples' / 'postfix'
LOG = pathlib.Path('/var/log/postfix.log')
POLICY = '/etc/carom/policy.lua'
SECRET = 'whsec_' + 'Y2Fyb20taW50ZWdyYXRpb24tdGVzdC1zZWNyZXQ='
LIST = 'news.lists.example.org'
SENDERS = {1: 'news-bounces@lists.example.org', 2: 'news+9@bounces.example.org'}  # by alias, by transport
PATIENCE_S = 90

# Recipient without its number → what the ledger must say of its final failure, and what is done.
WANT = {
    'unknown{}@example.com': (dict(kind='permanent', reason='user_unknown', hard=True, reply_code=550,
                                   status='5.1.1', list=LIST), 'unsubscribe'),
    'busy{}@example.com': (dict(kind='transient', hard=False, reply_code=450, status='4.2.0', list=LIST), 'retry'),
    'full{}@example.com': (dict(kind='permanent', reason='mailbox_full', hard=False, reply_code=552,
                                status='5.2.2', list=LIST), None),
    'anna{}@no-such-domain.example.net': (dict(kind='permanent', reason='host_unknown', hard=True, list=LIST),
                                          'unsubscribe'),
    'large{}@example.com': (dict(kind='permanent', reason='message_too_large', hard=False, list=LIST), 'alert'),
}
# One alert an hour for one cause, so the second one is held back.
JOBS = {'carom.unsubscribe': 4, 'carom.retry': 2, 'carom.alert': 1}

problems = []


def check(what, got, want):
    if got != want:
        problems.append(f'{what}: got {got!r}, want {want!r}')


def sh(command, **more):
    return subprocess.run(command, shell=isinstance(command, str), check=True, text=True, capture_output=True, **more)


def lines_of(name):
    return [line for line in (EXAMPLES / name).read_text().splitlines() if line and not line.startswith('#')]


def set_up_carom():
    """The commands of examples/postfix/README.md, in their order."""
    shutil.copy(HERE / 'postfix.lua', 'policy.lua')
    shutil.copy(EXAMPLES / 'aliases', 'aliases')
    for line in (EXAMPLES / 'README.md').read_text().splitlines():
        if line.startswith('    '):
            sh(line.strip())
    pathlib.Path('/etc/carom/webhook.secret').write_text(SECRET + '\n')
    sh('chgrp carom /etc/carom/webhook.secret && chmod 640 /etc/carom/webhook.secret')


def set_up_postfix():
    for setting in ['myhostname = mail.example.org', 'mydestination = mail.example.org, lists.example.org, localhost',
                    'mynetworks = 127.0.0.0/8', 'inet_interfaces = 127.0.0.1', 'inet_protocols = ipv4',
                    f'maillog_file = {LOG}', 'compatibility_level = 3.6', 'recipient_delimiter = +',
                    # Give up within the patience of a test; warn before that.
                    'queue_run_delay = 1s', 'minimal_backoff_time = 1s', 'maximal_backoff_time = 1s',
                    'delay_warning_time = 2s', 'maximal_queue_lifetime = 8s', 'bounce_queue_lifetime = 8s',
                    'smtp_destination_concurrency_failed_cohort_limit = 0']:
        sh(['postconf', '-e', setting])
    for name in ('main.cf.alias', 'main.cf.transport'):
        for line in lines_of(name):
            sh(['postconf', '-e', line])
    with open('/etc/postfix/master.cf', 'a') as master:
        master.write((EXAMPLES / 'master.cf').read_text())
    pathlib.Path('/etc/postfix/transport').write_text(
        (EXAMPLES / 'transport').read_text() + 'example.com    smtp:[127.0.0.1]:2525\n')
    sh('postmap hash:/etc/postfix/transport; newaliases')
    sh(['postconf', '-F', '*/*/chroot = n'])
    pathlib.Path('/etc/resolv.conf').write_text('nameserver 127.0.0.1\n')
    sh('postfix start')


def send():
    with smtplib.SMTP('127.0.0.1', 25, timeout=30) as smtp:
        for number, sender in SENDERS.items():
            for template in WANT:
                to = template.format(number)
                mail = email.message.EmailMessage()
                mail['From'], mail['To'], mail['Subject'] = 'editor@example.org', to, 'Example News'
                mail['List-Id'] = f'The Example News <{LIST}>'
                mail['Message-ID'] = f'<issue.{to.replace("@", ".")}@lists.example.org>'
                mail.set_content('The news.\n' * (4000 if to.startswith('large') else 1))
                smtp.send_message(mail, from_addr=sender, to_addrs=[to])


def carom(*arguments):
    return sh(['carom', *arguments], user='carom', group='carom', extra_groups=[])


def facts():
    """All facts of the ledger; none while there is no ledger yet."""
    if not os.path.exists('/var/lib/carom/carom.db'):
        return []
    return [json.loads(line) for line in carom('show', '--all', '--policy', POLICY).stdout.splitlines()]


def wait_for_bounces():
    """Until each recipient has a final failure."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        rows = facts()
        final = {row['recipient'] for row in rows if row['kind'] != 'delayed'}
        if len(final) == len(WANT) * len(SENDERS):
            return rows
        time.sleep(0.5)
    problems.append(f'after {PATIENCE_S} s only {sorted(final)} had failed for good')
    return rows


def check_facts(rows):
    for template, (want, action) in WANT.items():
        for number, sender in SENDERS.items():
            to = template.format(number)
            mine = [row for row in rows if row.get('recipient') == to and row['kind'] != 'delayed']
            check(f'{to}: final facts', len(mine), 1)
            for row in mine:
                for key, value in want.items():
                    check(f'{to}: {key}', row.get(key), value)
                check(f'{to}: actions', [a['name'] for a in row['decision']['actions']], [action] if action else [])
                check(f'{to}: envelope_to', row.get('envelope_to'), sender)
    warned = {row['recipient'] for row in rows if row['kind'] == 'delayed'}
    check('warned of a delay', warned, {f'busy{n}@example.com' for n in SENDERS})


def deliver(web):
    """carom deliver, again and again as a timer would, until all jobs were taken."""
    end = time.monotonic() + PATIENCE_S
    wanted = sum(JOBS.values())
    while time.monotonic() < end and sum(seen['answer'] == '204' for seen in web.seen) < wanted:
        carom('deliver', '--policy', POLICY)
        time.sleep(0.5)
    carom('deliver', '--policy', POLICY)  # nothing is left: nothing may come


def check_web(web):
    taken = [seen for seen in web.seen if seen['answer'] == '204']
    check('requests answered 503', len(web.seen) - len(taken), 2)
    check('jobs taken', len(taken), sum(JOBS.values()))
    check('each id once', len({seen['id'] for seen in taken}), len(taken))
    check('refused ones came again', {s['id'] for s in web.seen} - {s['id'] for s in taken}, set())
    for seen in web.seen:
        check(f'{seen["type"]} {seen["id"]}: signature', seen['problem'], None)
    types = [seen['type'] for seen in taken]
    check('types', {t: types.count(t) for t in types}, JOBS)
    gone = {json.loads(s['body'])['data']['fact']['recipient'] for s in taken if s['type'] == 'carom.unsubscribe'}
    check('unsubscribed', gone, {t.format(n) for t, (_, a) in WANT.items() if a == 'unsubscribe' for n in SENDERS})


def check_postfix():
    log = LOG.read_text()
    check('bounces that Postfix had to keep', [line for line in log.splitlines() if '4.3.0 carom' in line], [])
    check('taken by alias', log.count('status=sent (delivered to command: /usr/local/bin/carom pipe'), 6)
    check('taken by transport', log.count('status=sent (delivered via carom service)'), 6)
    check('the queue', sh('mailq').stdout.strip(), 'Mail queue is empty')


def main():
    os.chdir('/tmp')
    remote.serve(2525)
    web = receiver.Receiver([SECRET], ['503', '503', '204'], port=8099)
    threading.Thread(target=web.serve_forever, daemon=True).start()
    set_up_carom()
    set_up_postfix()
    send()
    check_facts(wait_for_bounces())
    deliver(web)
    check_web(web)
    check_postfix()
    for problem in problems:
        print('not ok', problem)
    if problems:
        print(LOG.read_text())
        return 1
    print('ten mails refused in five ways, their bounces decided, seven jobs delivered')
    return 0


if __name__ == '__main__':
    try:
        sys.exit(main())
    except subprocess.CalledProcessError as failed:
        print(f'not ok {failed.cmd}: exit {failed.returncode}: {failed.stdout}{failed.stderr}')
        if LOG.exists():
            print(LOG.read_text())
        sys.exit(1)
