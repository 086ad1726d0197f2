#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: the carom authors
"""Mailman 3 as scripts/adapters/mailman3.md sets it up, with Postfix: thirty lists, one policy. A post is refused by
remote.py, its bounces come back to carom, and then Mailman is asked who is still a member.
"""
import email.message
import json
import pathlib
import re
import smtplib
import urllib.error
import urllib.parse
import urllib.request

import managers
import servers
from managers import FULL, NAMES
from servers import check, sh, until

DOMAIN = 'lists.example.org'
LOG = pathlib.Path('/var/log/postfix.log')
DEBIAN = pathlib.Path('/usr/share/doc/mailman3/README.Debian')
TOKEN = 'a' * 40
START_S = 240  # fourteen Python programs on a busy machine

carom = managers.Manager()


# ---- Mailman, asked past carom ----

def api(method, path, **form):
    """(status, JSON or text) of Mailman's answer."""
    password = re.search(r'(?m)^admin_pass: *(.*)$', pathlib.Path('/etc/mailman3/mailman.cfg').read_text())[1]
    manager = urllib.request.HTTPPasswordMgrWithDefaultRealm()
    manager.add_password(None, 'http://localhost:8001/', 'restadmin', password)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPBasicAuthHandler(manager))
    data = urllib.parse.urlencode(form).encode() if form else None
    request = urllib.request.Request('http://localhost:8001/3.1' + path, data, method=method)
    try:
        with opener.open(request, timeout=30) as answer:
            text = answer.read()
            return answer.status, json.loads(text) if text else {}
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()


def is_there():
    try:
        return api('GET', '/system/versions')[0] == 200
    except OSError:
        return False


def members(name):
    entries = api('GET', f'/lists/{name}.{DOMAIN}/roster/member')[1].get('entries', [])
    return sorted(entry['email'] for entry in entries)


def join(name, address, confirmed='true'):
    status, answer = api('POST', '/members', list_id=f'{name}.{DOMAIN}', subscriber=address, pre_verified='true',
                         pre_confirmed=confirmed, pre_approved='true', send_welcome_message='false')
    check(f'{address} joins {name}', status, 201 if confirmed == 'true' else 202)
    return answer


def delivery(name, address):
    member = api('GET', f'/lists/{name}.{DOMAIN}/member/{address}')[1]['member_id']
    return api('GET', f'/members/{member}/preferences')[1].get('delivery_status', 'enabled')


def configure(name, **settings):
    check(f'{name}: {settings}', api('PATCH', f'/lists/{name}.{DOMAIN}/config', **settings)[0], 204)


def come_back(address, name, *more):
    carom.come_back(address, f'{name}-bounces+{address.replace("@", "=")}@{DOMAIN}', *more)


def mail(sender, to, subject):
    message = email.message.EmailMessage()
    message['From'], message['To'], message['Subject'] = sender, to, subject
    message.set_content('The news.\n')
    with smtplib.SMTP('127.0.0.1', 25, timeout=30) as smtp:
        smtp.send_message(message)


# ---- The machine ----

def set_up_postfix():
    related = re.search(r'(?ms)^# Mailman related settings\n(.*?)^```$', DEBIAN.read_text())[1]
    for setting in ['myhostname = mail.example.org', 'mydestination = mail.example.org, localhost',
                    'mynetworks = 127.0.0.0/8', 'inet_interfaces = 127.0.0.1', 'inet_protocols = ipv4',
                    f'maillog_file = {LOG}', 'compatibility_level = 3.6', 'alias_maps =', 'alias_database =',
                    *filter(None, related.splitlines())]:
        sh(['postconf', '-e', setting])
    sh(['postconf', '-F', '*/*/chroot = n'])
    sh('postfix start')


def start_mailman():
    sh("su -s /bin/sh list -c 'mailman start' >/dev/null 2>&1 </dev/null")  # its runners would keep our pipe open
    until('Mailman answers', is_there, START_S)


def set_up():
    servers.refuse_mail()
    servers.set_up_carom(titles=('By hand',))
    set_up_postfix()
    sh('install -d -o list -g list /run/mailman3')
    start_mailman()
    api('POST', '/domains', mail_host=DOMAIN)
    for name in NAMES:
        check(f'made {name}', api('POST', '/lists', fqdn_listname=f'{name}@{DOMAIN}')[0], 201)
    servers.follow(managers.ADAPTERS / 'mailman3.md')
    sh("su -s /bin/sh list -c 'mailman stop' >/dev/null 2>&1 </dev/null")
    until('Mailman is stopped', lambda: not pathlib.Path('/run/mailman3/master.pid').exists(), START_S)
    start_mailman()
    with open('/etc/postfix/carom-mailman', 'a') as transport:  # who is no list lives at remote.py
        transport.write(f'/@example\\.com$/   smtp:[127.0.0.1]:{servers.REMOTE_PORT}\n')
    sh('postfix reload')


def the_set_up_is_as_the_page_says():
    said = carom.check_setup()
    for what in ('http://localhost:8001 answers', 'mailman.secret can be read'):
        check(f'check-setup says "{what}": {said}', what in said, True)
    for name in ('team01', 'dev-talk'):
        check(f'{name}: process_bounces', api('GET', f'/lists/{name}.{DOMAIN}/config')[1]['process_bounces'], False)


# ---- What is tried ----

def a_post_removes_whom_it_does_not_reach():
    """From the post to the roster, with nothing between but what the page sets up."""
    dev, talk = f'dev.{DOMAIN}', f'dev-talk.{DOMAIN}'
    for name, address in (('dev', 'unknown1@example.com'), ('dev', 'full1@example.com'), ('dev-talk', 'unknown1@example.com'),
                          ('dev-talk', 'unknown2@example.com'), ('team07', 'unknown1@example.com')):
        join(name, address)
    for name in ('dev', 'dev-talk'):
        configure(name, default_nonmember_action='accept')
        mail('editor@mail.example.org', f'{name}@{DOMAIN}', 'News')
    until('bounces of the posts', lambda: len(servers.facts()) >= 4, START_S)
    got = sorted((row['recipient'], row['list'], row['list_by'], row['reason']) for row in servers.facts())
    check('facts', got, [('full1@example.com', dev, 'return_path', 'mailbox_full'),
                         ('unknown1@example.com', talk, 'return_path', 'user_unknown'),
                         ('unknown1@example.com', dev, 'return_path', 'user_unknown'),
                         ('unknown2@example.com', talk, 'return_path', 'user_unknown')])
    check('before', members('dev'), ['full1@example.com', 'unknown1@example.com'])
    carom.deliver()
    check('dev', members('dev'), ['full1@example.com'])
    check('dev-talk', members('dev-talk'), [])
    check('team07, whose mail did not come back', members('team07'), ['unknown1@example.com'])
    check('full1', delivery('dev', 'full1@example.com'), 'by_bounces')


def thirty_lists_each_by_itself():
    """Each takes off its own, and who complained leaves them all."""
    for name in NAMES:
        join(name, 'anna@example.com')
        join(name, f'only-{name}@example.com')
        come_back(f'only-{name}@example.com', name)
    carom.deliver()
    check('each its own', [name for name in NAMES if f'only-{name}@example.com' in members(name)], [])
    check('nobody else', [name for name in NAMES if 'anna@example.com' not in members(name)], [])
    carom.complain('anna@example.com', f'dev.{DOMAIN}')
    carom.deliver()
    check('who complained is on', [name for name in NAMES if 'anna@example.com' in members(name)], [])


def delivery_is_disabled_and_enabled():
    """Each list's suppression has its own end."""
    for name in ('team01', 'team02'):
        join(name, 'bert@example.com')
        come_back('bert@example.com', name, FULL)
    carom.deliver()
    check('disabled', [delivery(name, 'bert@example.com') for name in ('team01', 'team02')], ['by_bounces'] * 2)
    carom.undo('bert@example.com')
    carom.deliver()
    check('enabled', [delivery(name, 'bert@example.com') for name in ('team01', 'team02')], ['enabled'] * 2)
    come_back('nobody@example.com', 'team01', FULL)
    carom.deliver()
    check('no member is disabled', carom.told('suppress', 'nobody@example.com'), [('done', 'look-up: 404 Not Found')])


def an_undo_brings_back():
    join('team03', 'clara@example.com')
    come_back('clara@example.com', 'team03')
    carom.deliver()
    check('clara left', 'clara@example.com' in members('team03'), False)
    carom.undo('clara@example.com')
    carom.deliver()
    check('clara is back', 'clara@example.com' in members('team03'), True)


def who_is_gone_is_done():
    come_back('dora@example.com', 'team04')
    check('removed', api('DELETE', f'/lists/team05.{DOMAIN}')[0], 204)
    come_back('emil@example.com', 'team05')
    carom.deliver()
    check('no member', carom.told('unsubscribe', 'dora@example.com'), [('done', '200 OK')])
    check('no list', carom.told('unsubscribe', 'emil@example.com'), [('done', '404 Not Found')])


def moderators_are_waited_for():
    """With `moderated`: pending until the moderator agreed, at once where nobody is asked, and no stranger by a *."""
    policy = pathlib.Path(carom.policy)
    text = policy.read_text()
    policy.write_text(text.replace('mailman3 {', 'mailman3 { moderated = true,'))
    configure('team06', unsubscription_policy='moderate')
    for name in ('team06', 'team08'):
        join(name, 'fritz@example.com')
        come_back('fritz@example.com', name)
    for address in members('team10'):
        api('DELETE', f'/lists/team10.{DOMAIN}/roster/member', emails=address)
    join('team10', 'gina@example.com')
    come_back('*@example.com', 'team10')
    come_back('nobody@example.com', 'team08')
    carom.deliver()
    check('asked', carom.told('unsubscribe', 'fritz@example.com'),
          [('pending', '202 Accepted (taken, not done yet)'), ('done', '204 No Content')])
    check('still there, and gone', ['fritz@example.com' in members(name) for name in ('team06', 'team08')], [True, False])
    check('no member', carom.told('unsubscribe', 'nobody@example.com'), [('done', 'look-up: 404 Not Found')])
    check('*', carom.told('unsubscribe', '*@example.com'), [('done', 'look-up: nothing there: email is gina@example.com')])
    check('whom * would find', 'gina@example.com' in members('team10'), True)
    requests = api('GET', f'/lists/team06.{DOMAIN}/requests?request_type=unsubscription')[1].get('entries', [])
    for token in [request['token'] for request in requests if request['email'] == 'fritz@example.com']:
        check('agreed', api('POST', f'/lists/team06.{DOMAIN}/requests/{token}', action='accept')[0], 204)
    check('gone', 'fritz@example.com' in members('team06'), False)
    policy.write_text(text)


def what_is_mailman_s_reaches_mailman():
    """Its own probes and confirmations."""
    asked = join('team09', 'hans@example.com', confirmed='false')
    mail('hans@example.com', f'team09-confirm+{asked["token"]}@{DOMAIN}', 'Re: confirm')
    mail('hans@example.com', f'team09-bounces+{TOKEN}@{DOMAIN}', 'Undelivered')
    until('hans is confirmed', lambda: 'hans@example.com' in members('team09'), START_S)
    took = re.compile(rf'to=<team09-bounces\+{TOKEN}@{DOMAIN}>, relay=127\.0\.0\.1\[127\.0\.0\.1\]:8024,.* status=sent')
    until('the probe is with Mailman', lambda: took.search(LOG.read_text()))
    came = [row.get('envelope_to', '') for row in servers.facts()]
    check('what carom took of it', [path for path in came if '-confirm' in path or TOKEN in path], [])


def without_verp_the_list_is_known():
    """A return path of the list alone: the recipient stands in the report."""
    with smtplib.SMTP('127.0.0.1', 25, timeout=30) as smtp:
        smtp.sendmail(f'dev-bounces@{DOMAIN}', 'unknown9@example.com', 'Subject: News\n\nThe news.\n')
    until('its bounce', lambda: any(row.get('recipient') == 'unknown9@example.com' for row in servers.facts()))
    fact = [row for row in servers.facts() if row.get('recipient') == 'unknown9@example.com'][0]
    check('its list', (fact['list'], fact['list_by']), (f'dev.{DOMAIN}', 'return_path'))


if __name__ == '__main__':
    managers.main([set_up, the_set_up_is_as_the_page_says, a_post_removes_whom_it_does_not_reach,
                   thirty_lists_each_by_itself, delivery_is_disabled_and_enabled, an_undo_brings_back, who_is_gone_is_done,
                   moderators_are_waited_for, what_is_mailman_s_reaches_mailman, without_verp_the_list_is_known], LOG)
