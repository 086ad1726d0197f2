#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: the carom authors
"""A real Postfix, whose bounces go to carom in both ways of examples/postfix, with the very lines that stand there.

What servers.py asks of every server, and on to the end: decisions go to receiver.py, which answers 503 at first.
"""
import json
import pathlib
import re
import threading
import time

import receiver
import servers
from servers import check, carom, sh

SECRET = 'whsec_' + 'Y2Fyb20taW50ZWdyYXRpb24tdGVzdC1zZWNyZXQ='
WANT = {
    **servers.WANT,
    'anna{}@no-such-domain.example.net': (dict(kind='permanent', reason='host_unknown', hard=True, list=servers.LIST),
                                          'unsubscribe'),
    'large{}@example.com': (dict(kind='permanent', reason='message_too_large', hard=False, list=servers.LIST), 'alert'),
}
# One alert an hour for one cause, so the others are held back.
JOBS = {'carom.unsubscribe': 6, 'carom.retry': 3, 'carom.alert': 1}


class Postfix(servers.Server):
    senders = {1: 'news-bounces@lists.example.org', 2: 'news-bounces+9@lists.example.org',  # by alias
               3: 'news+9@bounces.example.org'}  # by transport
    wanted = WANT
    log = pathlib.Path('/var/log/postfix.log')
    deferred = r'dsn=4\.3\.0, status=deferred \(carom: policy\.lua:1: syntax error'
    full = r'dsn=4\.3\.0, status=deferred \(carom: .*and not into the spool: '

    def set_up(self):
        for setting in ['myhostname = mail.example.org', 'mydestination = mail.example.org, lists.example.org, localhost',
                        'mynetworks = 127.0.0.0/8', 'inet_interfaces = 127.0.0.1', 'inet_protocols = ipv4',
                        f'maillog_file = {self.log}', 'compatibility_level = 3.6',
                        'queue_run_delay = 1s', 'minimal_backoff_time = 1s', 'maximal_backoff_time = 1s',
                        'delay_warning_time = 1s',
                        # A session that was used before has forgotten what SIZE the other side takes.
                        'smtp_destination_concurrency_failed_cohort_limit = 0',
                        'smtp_connection_cache_on_demand = no']:
            sh(['postconf', '-e', setting])
        servers.follow('postfix/README.md')
        with open('/etc/postfix/transport', 'a') as transport:
            transport.write(f'example.com    smtp:[127.0.0.1]:{servers.REMOTE_PORT}\n')
        sh('postmap hash:/etc/postfix/transport; newaliases')
        sh(['postconf', '-F', '*/*/chroot = n'])
        sh('postfix start')

    def queue(self):
        return sh('mailq').stdout.strip()

    def empty(self):
        return self.queue() == 'Mail queue is empty'

    def hurry(self):
        sh('postqueue -f')

    def give_up(self):
        sh('postconf -e maximal_queue_lifetime=1s && postfix reload')

    def be_patient(self):
        sh('postconf -X maximal_queue_lifetime && postfix reload')


def deliver(web):
    """carom deliver, again and again as a timer would, until all jobs were taken."""
    end = time.monotonic() + servers.PATIENCE_S
    wanted = sum(JOBS.values())
    while time.monotonic() < end and sum(seen['answer'] == '204' for seen in web.seen) < wanted:
        carom('deliver', '--policy', str(servers.POLICY))
        time.sleep(0.5)
    carom('deliver', '--policy', str(servers.POLICY))  # nothing is left: nothing may come


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
    check('unsubscribed', gone, {t.format(n) for t, (_, a) in WANT.items() if a == 'unsubscribe'
                                 for n in Postfix.senders})


def deliver_and_check():
    pathlib.Path('/etc/carom/webhook.secret').write_text(SECRET + '\n')
    sh('chgrp carom /etc/carom/webhook.secret && chmod 640 /etc/carom/webhook.secret')
    web = receiver.Receiver([SECRET], ['503', '503', '204'], port=8099)
    threading.Thread(target=web.serve_forever, daemon=True).start()
    deliver(web)
    check_web(web)
    log = Postfix.log.read_text()
    # Five final failures, a warning and an answer for each sender.
    check('taken by alias', log.count('status=sent (delivered to command: /usr/local/bin/carom pipe'), 14)
    check('taken by transport', log.count('status=sent (delivered via carom service)'), 7)
    check('other reasons to keep a bounce', {reason for reason in re.findall(r'dsn=4\.3\.0, status=deferred \((.*)\)', log)
                                             if not reason.startswith('carom: policy.lua:1: ')}, set())


if __name__ == '__main__':
    servers.main(Postfix(), deliver_and_check)
