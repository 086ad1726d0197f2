#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: the carom authors
"""mlmmj as scripts/adapters/mlmmj.md sets it up: thirty lists, one policy. Its posts are taken by remote.py, which tells
their return paths; what comes back to these is given to carom, and then the lists' own directories are looked into.
"""
import pathlib
import subprocess

import managers
import remote
import servers
from managers import FULL, NAMES
from servers import check, sh, until

DOMAIN = 'lists.example.org'
SPOOL = pathlib.Path('/var/spool/mlmmj')

carom = managers.Manager('mlmmj')
sent = []  # (return path, recipient)


def as_owner(*command, text=None, user='mlmmj'):
    return sh(command, user=user, group=user, extra_groups=[], input=text)


def join(name, address, *version):
    as_owner('/usr/bin/mlmmj-sub', '-L', SPOOL / name, '-a', address, '-f', '-s', '-q', *version)


def where(name, address):
    """The versions of the list that the address is subscribed to."""
    return [kind for kind in ('subscribers', 'digesters', 'nomailsubs')
            for file in (SPOOL / name / f'{kind}.d').iterdir() if address in file.read_text().splitlines()]


def static_path(name, address):
    return f'bounces+{name}-bounces-1-{address.replace("@", "=")}@{DOMAIN}'


# ---- The machine ----

def set_up():
    server = remote.MailServer(('127.0.0.1', 25), {}, keep=lambda sender, recipients, message: sent.extend(
        (sender, to) for to in recipients))
    remote.in_background(server)
    for name in NAMES:
        sh(['mlmmj-make-ml', '-L', name], input=f'{DOMAIN}\nowner@example.org\nen\nn\n')
    (SPOOL / 'dev' / 'bounce' / 'old=example.com').write_text('1:1\n')
    servers.follow(managers.ADAPTERS / 'mlmmj.md')


def the_set_up_is_as_the_page_says():
    said = carom.check_setup()
    what = 'sink unsubscribe: mlmmj may run /usr/bin/flock'
    check(f'check-setup says once "{what}": {said}', said.count(what), 1)
    check('counted before', list((SPOOL / 'dev' / 'bounce').iterdir()), [])


# ---- What is tried ----

def post(name):
    """What mlmmj writes into the envelopes of a post: recipient → return path."""
    sent.clear()
    as_owner('/usr/bin/mlmmj-receive', '-F', '-L', SPOOL / name,
             text=f'Return-Path: <anna@example.com>\nFrom: anna@example.com\nTo: {name}@{DOMAIN}\nSubject: News\n\nNews.\n')
    until(f'a post of {name}', lambda: len(sent) >= 2)
    return {to: path for path, to in sent}


def return_paths_are_read():
    """The one address for all lists, and the one that each list has without it."""
    for name in ('dev', 'dev-talk'):
        for address in ('anna@example.com', 'bert+tag@example.com'):
            join(name, address)
        paths = post(name)
        (SPOOL / name / 'control' / 'staticbounceaddr').rename(SPOOL / name / 'static')
        own = post(name)
        (SPOOL / name / 'static').rename(SPOOL / name / 'control' / 'staticbounceaddr')
        for to in ('anna@example.com', 'bert+tag@example.com'):
            print(paths[to], own[to])
            for path in (paths[to], own[to]):
                # What the report says of the recipient is another address: where it was forwarded to.
                carom.come_back('forwarded@example.net', path, ('4.2.0', '450 4.2.0 Greylisted'))
                fact = carom.facts()[-1]
                got = [fact.get(key) for key in ('recipient', 'list', 'list_by', 'final_recipient')]
                check(path, got, [to, f'{name}.{DOMAIN}', 'return_path', 'forwarded@example.net'])


def thirty_lists_each_by_itself():
    for name in NAMES:
        join(name, 'Anna@example.com')
        join(name, f'only-{name}@example.com')
        carom.come_back(f'only-{name}@example.com', static_path(name, f'only-{name}@example.com'))
    carom.deliver()
    check('each its own', [name for name in NAMES if where(name, f'only-{name}@example.com')], [])
    check('nobody else', [name for name in NAMES if not where(name, 'anna@example.com')], [])
    carom.complain('anna@example.com', f'dev.{DOMAIN}')
    carom.deliver()
    check('who complained is on', [name for name in NAMES if where(name, 'anna@example.com')], [])


def many_at_once():
    """Whose names stand in one file; eight of these commands run at a time."""
    addresses = [f'm{n}@example.com' for n in range(40)]
    for address in addresses:
        join('team01', address)
        carom.come_back(address, static_path('team01', address))
    carom.deliver()
    check('left', [address for address in addresses if where('team01', address)], [])
    check('at the first try', {carom.told('unsubscribe', address)[0] for address in addresses}, {('done', 'verify: exit 0')})


def no_mail_and_mail_again():
    for name, version in (('team02', ()), ('team03', ('-d',))):
        join(name, 'clara@example.com', *version)
        carom.come_back('clara@example.com', static_path(name, 'clara@example.com'), FULL)
    carom.come_back('nobody@example.com', static_path('team02', 'nobody@example.com'), FULL)
    carom.deliver()
    check('no mail', [where(name, 'clara@example.com') for name in ('team02', 'team03')], [['nomailsubs']] * 2)
    check('who is no subscriber does not become one', where('team02', 'nobody@example.com'), [])
    carom.undo('clara@example.com')
    carom.undo('nobody@example.com')
    carom.deliver()
    check('mail', [where(name, 'clara@example.com') for name in ('team02', 'team03')], [['subscribers']] * 2)
    check('nor then', where('team02', 'nobody@example.com'), [])


def an_undo_brings_back():
    join('team04', 'dora@example.com')
    carom.come_back('dora@example.com', static_path('team04', 'dora@example.com'))
    carom.deliver()
    check('dora left', where('team04', 'dora@example.com'), [])
    carom.undo('dora@example.com')
    carom.deliver()
    check('dora is back', where('team04', 'dora@example.com'), ['subscribers'])


def who_is_gone_is_done():
    carom.come_back('emil@example.com', static_path('team05', 'emil@example.com'))
    carom.come_back('emil@example.com', static_path('elsewhere', 'emil@example.com'))
    sh(['rm', '-r', SPOOL / 'team06'])
    carom.come_back('emil@example.com', static_path('team06', 'emil@example.com'))
    join('team07', '-x@example.com')
    carom.come_back('-x@example.com', static_path('team07', '-x@example.com'))
    carom.deliver()
    done, unknown, gone = carom.told('unsubscribe', 'emil@example.com')
    check('no subscriber', done, ('done', 'verify: exit 0'))
    check('no list of ours', (unknown[0], 'a value is empty' in unknown[1]), ('dead', True))
    check('the list is gone', (gone[0], 'team06' in gone[1]), ('dead', True))
    check('like an option', where('team07', '-x@example.com'), [])


def silent_success_is_caught():
    """mlmmj-unsub for somebody else's list says nothing, does nothing, and ends with 0."""
    join('team08', 'fritz@example.com')
    sh(['chown', '-R', 'root:', SPOOL / 'team08'])
    sh(['chmod', '-R', 'a+rX', SPOOL / 'team08'])
    silent = subprocess.run(['/usr/bin/mlmmj-unsub', '-L', SPOOL / 'team08', '-a', 'fritz@example.com', '-s', '-q', '-U'],
                            user='mlmmj', group='mlmmj', extra_groups=[], capture_output=True, text=True)
    check('mlmmj-unsub', (silent.returncode, silent.stdout + silent.stderr), (0, ''))
    carom.come_back('fritz@example.com', static_path('team08', 'fritz@example.com'))
    carom.deliver()
    check('fritz', where('team08', 'fritz@example.com'), ['subscribers'])
    check('is not done', carom.told('unsubscribe', 'fritz@example.com'),
          [('waiting', 'verify: exit 1: fritz@example.com may still be in subscribers.d')])


if __name__ == '__main__':
    managers.main([set_up, the_set_up_is_as_the_page_says, return_paths_are_read, thirty_lists_each_by_itself, many_at_once,
                   no_mail_and_mail_again, an_undo_brings_back, who_is_gone_is_done, silent_success_is_caught])
