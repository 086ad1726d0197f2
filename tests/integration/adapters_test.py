#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: the carom authors
"""The adapters of scripts/adapters/ that speak to an API which is not there to be tried: each with the policy of its page,
against contracts.py. Then that server is asked who is still subscribed. And what concerns all adapters: how they are named,
where they are found, and how lists are known.

usage: CAROM=path/to/carom adapters_test.py [unittest arguments]
"""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

import contracts
import managers
import servers
from managers import ADAPTERS, FULL, NAMES

CAROM = os.path.abspath(os.environ['CAROM'])
ALL = sorted(path.stem for path in ADAPTERS.glob('*.lua'))
# Names that an API may take for something else, and that are addresses all the same.
ODD = ["o'brien@example.com", "'or'1'='1@example.com", 'a+b%25@example.com', 'x/y?z=1@example.com', '*@example.com']


class Case(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix='carom-adapters-')
        self.addCleanup(scratch.cleanup)
        self.dir = pathlib.Path(scratch.name)
        servers.problems.clear()

    def serve(self, api):
        self.addCleanup(api.server_close)
        self.addCleanup(api.shutdown)
        return api

    def install(self, name, **replaced):
        """The policy of the page, beside the adapter, with other places."""
        text, = re.findall(r'(?ms)^`/etc/carom/policy\.lua`.*?^```lua\n(.*?)^```$', (ADAPTERS / f'{name}.md').read_text())
        for old, new in replaced.values():
            self.assertIn(old, text)
            text = text.replace(old, new)
        text = text.replace('/etc/carom/', f'{self.dir}/')
        (self.dir / 'policy.lua').write_text(text)
        (self.dir / f'{name}.token').write_text(contracts.TOKEN + '\n')
        (self.dir / f'{name}.token').chmod(0o600)
        shutil.copy(ADAPTERS / f'{name}.lua', self.dir)
        return managers.Manager(user=None, program=CAROM, policy=str(self.dir / 'policy.lua'), more=['--state', str(self.dir)])

    def check_setup(self, carom, url):
        said = carom.check_setup()
        self.assertEqual(servers.problems, [])
        self.assertIn(f'{url} answers', said)

    def states(self, carom, action, address):
        return [state for state, _ in carom.told(action, address)]


class Listmonk(Case):
    def start(self, options=''):
        self.api = self.serve(contracts.Listmonk())
        self.carom = self.install('listmonk', url=('https://listmonk.example.org', self.api.url),
                                  user=('user = "carom",', f'user = "carom", {options}'))

    def come_back(self, to, name='news', *more):
        self.carom.come_back(to, f'{name}-bounces@lists.example.org', *more)

    def test_who_leaves_leaves_that_list(self):
        self.start()
        self.check_setup(self.carom, self.api.url)
        self.api.add('Anna@example.com', 1, 2)
        self.api.add('bert@example.com', 1)
        self.come_back('anna@example.com')
        self.carom.deliver()
        self.assertEqual([self.api.status('anna@example.com', n) for n in (1, 2)], ['unsubscribed', 'confirmed'])
        self.assertEqual(self.api.status('bert@example.com', 1), 'confirmed')
        self.carom.undo('anna@example.com')
        self.carom.deliver()
        self.assertEqual(self.api.status('anna@example.com', 1), 'confirmed')
        self.api.add('clara@example.com', 1, 2)
        self.carom.complain('clara@example.com', 'news.lists.example.org')
        self.carom.deliver()
        self.assertEqual([self.api.status('clara@example.com', n) for n in (1, 2)], ['unsubscribed'] * 2)

    def test_who_is_gone_is_done(self):
        self.start()
        self.come_back('nobody@example.com')
        self.carom.deliver()
        self.assertEqual(self.carom.told('unsubscribe', 'nobody@example.com'), [('done', 'look-up: nothing there')])

    def test_no_address_is_sql(self):
        self.start()
        self.api.add('victim@example.com', 1, 2)
        for address in ODD:
            self.api.add(address, 1)
            self.come_back(address)
        self.carom.deliver()
        self.assertEqual({a: self.api.status(a, 1) for a in ODD}, dict.fromkeys(ODD, 'unsubscribed'))
        self.come_back("''or/**/1=1--@example.com")
        self.carom.deliver()
        self.assertEqual([self.api.status('victim@example.com', n) for n in (1, 2)], ['confirmed'] * 2)
        self.assertEqual(self.states(self.carom, 'unsubscribe', "''or/**/1=1--@example.com"), ['done'])

    def test_a_list_without_a_number_is_a_dead_letter(self):
        self.start()
        self.api.add('anna@example.com', 1)
        policy = self.dir / 'policy.lua'
        policy.write_text(policy.read_text().replace('key = "1"', 'key = "news"'))
        self.come_back('anna@example.com')
        self.carom.deliver()
        (state, why), = self.carom.told('unsubscribe', 'anna@example.com')
        self.assertEqual(state, 'dead')
        self.assertIn('target_list_ids: not a list of numbers', why)

    def test_a_wrong_token_stops_the_sink(self):
        self.start()
        self.api.add('anna@example.com', 1)
        (self.dir / 'listmonk.token').write_text('no longer\n')
        self.come_back('anna@example.com')
        self.carom.deliver()
        (state, why), = self.carom.told('unsubscribe', 'anna@example.com')
        self.assertEqual(state, 'waiting')
        self.assertIn('credentials are refused', why)

    def test_the_blocklist(self):
        self.start('blocklist = true,')
        policy = self.dir / 'policy.lua'
        policy.write_text(policy.read_text().replace('bounce:unsubscribe { scope = "all" }', 'bounce:suppress {}'))
        self.api.add('anna@example.com', 1, 2)
        self.carom.complain('anna@example.com', 'news.lists.example.org')
        self.carom.deliver()
        self.assertEqual(self.api.status('anna@example.com', 1), 'blocklisted')

    def test_thirty_lists(self):
        """Known by the List-Id of the returned message, and else by the address that the bounce came to."""
        self.start()
        policy = self.dir / 'policy.lua'
        lists = ''.join(f'["{name}.lists.example.org"] = {{ address = "{name}-bounces@lists.example.org", key = "{n}" }},\n'
                        for n, name in enumerate(NAMES, 1))
        policy.write_text(re.sub(r'(?s)  lists = \{\n.*?\n  \},\n', f'lists = {{ {lists} }},\n', policy.read_text()))
        self.api.add('anna@example.com', *range(1, 31))
        for n, name in enumerate(NAMES, 1):
            self.api.add(f'{name}@example.com', *range(1, 31))
            self.carom.come_back(f'{name}@example.com', *(['mail@example.org', managers.UNKNOWN, f'{name}.lists.example.org'] if
                                                          n % 2 else [f'{name}-bounces@lists.example.org']))
        self.carom.deliver()
        for n, name in enumerate(NAMES, 1):
            left = [k for k in range(1, 31) if self.api.status(f'{name}@example.com', k) == 'unsubscribed']
            self.assertEqual(left, [n], name)
        self.assertEqual({self.api.status('anna@example.com', k) for k in range(1, 31)}, {'confirmed'})


class Keila(Case):
    def start(self):
        self.api = self.serve(contracts.Keila())
        self.carom = self.install('keila', url=('https://app.keila.io', self.api.url))

    def come_back(self, to, *more):
        self.carom.come_back(to, 'news-bounces@lists.example.org', *more)

    def test_who_leaves(self):
        self.start()
        self.check_setup(self.carom, self.api.url)
        for address in ('anna@example.com', 'bert@example.com', *ODD):
            self.api.contacts[address] = 'active'
            if address != 'bert@example.com':
                self.come_back(address)
        self.come_back('nobody@example.com')
        self.carom.deliver()
        self.assertEqual(self.api.contacts, dict.fromkeys(['anna@example.com', *ODD], 'unsubscribed') | {'bert@example.com': 'active'})
        self.assertEqual(self.states(self.carom, 'unsubscribe', 'nobody@example.com'), ['done'])
        self.carom.undo('anna@example.com')
        self.carom.deliver()
        self.assertEqual(self.api.contacts['anna@example.com'], 'active')

    def test_a_suppression_and_its_end(self):
        self.start()
        self.api.contacts = {'anna@example.com': 'active', 'bert@example.com': 'active', 'clara@example.com': 'unsubscribed'}
        for address in list(self.api.contacts):
            self.come_back(address, FULL)
        self.carom.deliver()
        self.assertEqual(list(self.api.contacts.values()), ['unreachable', 'unreachable', 'unsubscribed'])
        self.api.contacts['bert@example.com'] = 'unsubscribed'  # he himself, meanwhile
        for address in list(self.api.contacts):
            self.carom.undo(address)
        self.carom.deliver()
        self.assertEqual(list(self.api.contacts.values()), ['active', 'unsubscribed', 'unsubscribed'])
        self.assertEqual(self.carom.told('unsuppress', 'bert@example.com')[-1],
                         ('done', 'look-up: nothing there: data.status is unsubscribed'))


class Rest(Case):
    def start(self):
        self.api = self.serve(contracts.Rest())
        self.carom = self.install('rest', url=('https://app.example.org/api', self.api.url))

    def come_back(self, to, *more):
        self.carom.come_back(to, 'mail@example.org', *more, 'news.lists.example.org')

    def test_who_leaves_and_comes_back(self):
        self.start()
        self.check_setup(self.carom, self.api.url)
        name = 'news.lists.example.org'
        addresses = ['anna@example.com', 'bert@example.com', *ODD]
        self.api.members = {(name, address) for address in addresses}
        self.api.slow = {'bert@example.com'}
        for address in [*addresses, 'nobody@example.com']:
            self.come_back(address, managers.UNKNOWN)
        self.carom.deliver()
        self.assertEqual(self.api.members, {(name, 'bert@example.com')})
        self.assertEqual(self.states(self.carom, 'unsubscribe', 'bert@example.com'), ['pending'])
        self.assertEqual(self.states(self.carom, 'unsubscribe', 'nobody@example.com'), ['done'])
        self.assertEqual(self.api.calls[0][2], {'reason': 'user_unknown', 'kind': 'permanent', 'diagnostic': managers.UNKNOWN[1]})
        self.carom.undo('anna@example.com')
        self.carom.deliver()
        self.assertIn((name, 'anna@example.com'), self.api.members)

    def test_a_suppression_and_its_end(self):
        self.start()
        self.come_back('anna@example.com', FULL)
        self.carom.deliver()
        self.assertEqual(self.api.suppressed['anna@example.com']['list'], 'news.lists.example.org')
        self.assertRegex(self.api.suppressed['anna@example.com']['until'], r'^20\d\d-')
        self.carom.undo('anna@example.com')
        self.carom.deliver()
        self.assertEqual(self.api.suppressed, {})


class All(Case):
    """What an operator meets whatever the manager."""

    def test_each_has_a_page_and_is_installed(self):
        index = (ADAPTERS / 'README.md').read_text()
        installed = (ADAPTERS.parent.parent / 'examples' / 'meson.build').read_text()
        self.assertEqual(sorted(path.stem for path in ADAPTERS.glob('*.md') if path.stem != 'README'), ALL)
        for name in ALL:
            self.assertIn(f'[{name}]({name}.md)', index)
            self.assertIn(f"'{name}'", installed)

    def test_the_policy_of_each_page_is_sound(self):
        (self.dir / 'lists.lua').write_text('return { ["dev.lists.example.org"] = { address = "dev@lists.example.org" } }\n')
        for name in ALL:
            self.install(name)
            done = subprocess.run([CAROM, 'lint', '--strict', self.dir / 'policy.lua'], capture_output=True, text=True)
            self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ''), name)

    def test_a_wrong_option_is_named(self):
        for name in ALL:
            shutil.copy(ADAPTERS / f'{name}.lua', self.dir)
            (self.dir / 'policy.lua').write_text(f'carom.configure {{ sinks = require "{name}" {{ pasword = "x" }} }}\n')
            done = subprocess.run([CAROM, 'explain', '--policy', 'policy.lua', '450'], cwd=self.dir, capture_output=True, text=True)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(f'{name} knows no option pasword', done.stderr)

    def test_it_is_found_beside_the_policy_also_by_a_link(self):
        (self.dir / 'rest.lua').symlink_to(ADAPTERS / 'rest.lua')
        (self.dir / 'policy.lua').write_text('local sinks = require "rest" { url = "https://app.example.org" }\n'
                                             'sinks.alert = carom.webhook { url = "https://app.example.org/a", secret = "s" }\n'
                                             'carom.configure { sinks = sinks }\n')
        done = subprocess.run([CAROM, 'explain', '--policy', 'policy.lua', '450'], cwd=self.dir, capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (0, ''))


if __name__ == '__main__':
    unittest.main()
