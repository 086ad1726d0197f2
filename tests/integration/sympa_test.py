#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: the carom authors
"""Sympa as scripts/adapters/sympa.md sets it up: three lists, one policy. What carom did is asked of `sympa review`."""
import pathlib

import managers
import servers
from managers import FULL
from servers import check, sh

DOMAIN = 'lists.example.org'
LISTS = ['dev', 'dev-talk', 'news']
POLICY = pathlib.Path('/etc/carom/policy.lua')
LIST = '''<?xml version="1.0" ?>
<list><listname>{name}</listname><type>discussion_list</type><subject>{name}</subject><description>{name}</description>
<status>open</status><owner multiple="1"><email>owner@example.org</email></owner><topic>computers</topic></list>
'''
TEST = '''carom.test("the page's policy", function(t)
  local anna, news = "anna@example.com", "news.lists.example.org"
  local function bounce(kind, reason) return carom.fact { kind = kind, reason = reason, recipient = anna, list = news } end
  t:expect(t:feed(bounce("permanent", "user_unknown")), { "unsubscribe", list = news })
  t:expect(t:feed(bounce("permanent", "mailbox_full")), "nothing")
  t:expect(t:feed(bounce("permanent", "blocked")), "nothing")
  t:expect(t:feed(bounce("complaint")), { "unsubscribe", scope = "all" })
end)
'''

carom = managers.Manager('sympa')


def sympa(*command, text=None):
    return sh(['/usr/bin/sympa', *command], user='sympa', group='sympa', extra_groups=[], input=text).stdout


def join(address, *names):
    for name in names:
        sympa('add', '--quiet', f'{name}@{DOMAIN}', text=address + '\n')


def on(address):
    return [name for name in LISTS if address in sympa('review', f'{name}@{DOMAIN}').splitlines()]


def bounce(name, address, *reply):
    user, _, domain = address.partition('@')
    carom.come_back(address, f'bounce+{user}==a=={domain}=={name}@{DOMAIN}', *reply)


# ---- The machine ----

def set_up():
    servers.keep_syslog()
    for name in LISTS:
        file = pathlib.Path(f'/tmp/{name}.xml')
        file.write_text(LIST.format(name=name))
        sympa('create', f'--input_file={file}', DOMAIN)
    servers.follow(managers.ADAPTERS / 'sympa.md')


def the_set_up_is_as_the_page_says():
    said = carom.check_setup()
    check(f'check-setup: {said}', 'sympa may run /bin/sh' in said, True)
    check('lint', sh(['carom', 'lint', '--strict', POLICY]).stdout, '')
    pathlib.Path('/tmp/policy_test.lua').write_text(TEST)
    sh(['carom', 'test', POLICY, '/tmp/policy_test.lua'])


# ---- What is tried ----

def each_list_by_itself():
    join('anna@example.com', *LISTS)
    join('bert+tag@example.com', *LISTS)
    bounce('dev', 'anna@example.com')
    bounce('dev-talk', 'bert+tag@example.com')
    bounce('news', 'anna@example.com', FULL)
    fact = carom.facts()[0]
    check('read', [fact.get(key) for key in ('recipient', 'list', 'list_by')], ['anna@example.com', f'dev.{DOMAIN}', 'return_path'])
    carom.deliver()
    check('anna', on('anna@example.com'), ['dev-talk', 'news'])
    check('bert', on('bert+tag@example.com'), ['dev', 'news'])
    carom.complain('bert+tag@example.com', f'dev.{DOMAIN}')
    carom.deliver()
    check('who complained is on', on('bert+tag@example.com'), [])


def an_undo_brings_back():
    carom.undo('anna@example.com')
    carom.deliver()
    check('anna is back', on('anna@example.com'), LISTS)
    check('told', carom.told('resubscribe', 'anna@example.com'), [('done', 'verify: exit 0')])


def like_an_option():
    join('-x@example.com', 'dev')
    bounce('dev', '-x@example.com')
    carom.deliver()
    check('like an option', on('-x@example.com'), [])


def like_a_comment():
    """Sympa would read no address, and that nobody of that name stands there would be no news."""
    for address in ('#x@example.com', '"a b"@example.com'):
        carom.complain(address, f'dev.{DOMAIN}')
        carom.deliver()
        told = carom.told('unsubscribe', address)
        check(f'{address}: {told}', {(state, 'for something else' in answer) for state, answer in told}, {('dead', True)})


def who_is_gone_is_done():
    bounce('dev', 'emil@example.com')
    bounce('elsewhere', 'fritz@example.com')
    carom.deliver()
    check('no member', carom.told('unsubscribe', 'emil@example.com'), [('done', 'verify: exit 0')])
    check('no list of ours', carom.told('unsubscribe', 'fritz@example.com'),
          [('dead', 'exit 65: the list is not in lists, or has no address there')])


def a_list_that_is_gone_is_told():
    sh(['rm', '-r', '/var/lib/sympa/list_data/news'])
    bounce('news', 'gerda@example.com')
    carom.deliver()
    told = carom.told('unsubscribe', 'gerda@example.com')
    check(f'the list is gone: {told}', [(state, 'list is expected' in answer) for state, answer in told], [('waiting', True)])


if __name__ == '__main__':
    managers.main([set_up, the_set_up_is_as_the_page_says, each_list_by_itself, an_undo_brings_back, like_an_option,
                   like_a_comment, who_is_gone_is_done, a_list_that_is_gone_is_told])
