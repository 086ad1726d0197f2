#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: the carom authors
"""phpList as scripts/adapters/phplist.md sets it up, by Debian's MariaDB and the tables that phpList documents: thirty lists,
one policy. What carom did is asked of these tables."""
import pathlib
import subprocess

import managers
import servers
from managers import FULL, NAMES
from servers import check, sh, until

BOUNCES = 'news-bounces@lists.example.org'
POLICY = pathlib.Path('/etc/carom/policy.lua')
# Of the columns that phpList's structure.php has, those that are written or asked, and those that must not be empty.
TABLES = '''
CREATE TABLE phplist_user_user (id INTEGER NOT NULL PRIMARY KEY AUTO_INCREMENT, email VARCHAR(255) NOT NULL UNIQUE,
  confirmed TINYINT DEFAULT 0, blacklisted TINYINT DEFAULT 0, optedin TINYINT DEFAULT 0, bouncecount INTEGER DEFAULT 0,
  entered DATETIME, modified TIMESTAMP, uniqid VARCHAR(255), htmlemail TINYINT DEFAULT 0, password VARCHAR(255),
  disabled TINYINT DEFAULT 0) DEFAULT CHARSET=utf8;
CREATE TABLE phplist_user_user_history (id INTEGER NOT NULL PRIMARY KEY AUTO_INCREMENT, userid INTEGER NOT NULL,
  ip VARCHAR(255), date DATETIME, summary VARCHAR(255), detail TEXT, systeminfo TEXT, KEY (userid), KEY (date)) DEFAULT CHARSET=utf8;
CREATE TABLE phplist_user_blacklist (email VARCHAR(255) NOT NULL UNIQUE, added DATETIME) DEFAULT CHARSET=utf8;
CREATE TABLE phplist_user_blacklist_data (email VARCHAR(150) NOT NULL UNIQUE, name VARCHAR(25) NOT NULL, data TEXT,
  KEY (email, name)) DEFAULT CHARSET=utf8;
CREATE TABLE phplist_list (id INTEGER NOT NULL PRIMARY KEY AUTO_INCREMENT, name VARCHAR(255) NOT NULL, description TEXT,
  entered DATETIME, active TINYINT, owner INTEGER) DEFAULT CHARSET=utf8;
CREATE TABLE phplist_listuser (userid INTEGER NOT NULL, listid INTEGER NOT NULL, entered DATETIME, modified TIMESTAMP,
  PRIMARY KEY (userid, listid)) DEFAULT CHARSET=utf8;
CREATE TABLE phplist_listmessage (id INTEGER NOT NULL PRIMARY KEY AUTO_INCREMENT, messageid INTEGER NOT NULL,
  listid INTEGER NOT NULL, entered DATETIME, modified TIMESTAMP, UNIQUE (messageid, listid)) DEFAULT CHARSET=utf8;
'''
TEST = '''carom.test("the page's policy", function(t)
  local anna, news = "anna@example.com", "news.lists.example.org"
  local function bounce(kind, reason) return carom.fact { kind = kind, reason = reason, recipient = anna, list = news } end
  t:expect(t:feed(bounce("permanent", "user_unknown")), { "unsubscribe", list = news })
  t:expect(t:feed(bounce("permanent", "mailbox_full")), { "suppress", duration = "30d" })
  t:expect(t:feed(bounce("permanent", "blocked")), "nothing")
  t:expect(t:feed(bounce("complaint")), { "unsubscribe", scope = "all" }, "suppress")
end)
'''
CAMPAIGN = 100  # of list n it is this and n
BOTH = 500      # to the lists 1 and 2

carom = managers.Manager()


def quoted(text):
    return "'" + str(text).replace('\\', '\\\\').replace("'", "''") + "'"


def sql(text, database='phplist'):
    """The rows, each a list of texts."""
    out = sh(['mariadb', '--batch', '--skip-column-names', '--default-character-set=utf8mb4', database], input=text).stdout
    return [line.split('\t') for line in out.splitlines()]


def add(address, *lists):
    sql(f'INSERT INTO phplist_user_user (email, confirmed) VALUES ({quoted(address)}, 1); SET @id = LAST_INSERT_ID();'
        + ''.join(f'INSERT INTO phplist_listuser (userid, listid) VALUES (@id, {n});' for n in lists))


def on(address):
    return [int(row[0]) for row in sql('SELECT listid FROM phplist_listuser JOIN phplist_user_user ON id = userid '
                                       f'WHERE BINARY email = {quoted(address)} ORDER BY listid')]


def blacklist(address):
    """Whether the subscriber is marked, whether the address stands there, and its reason."""
    (row,) = sql(f'''SELECT (SELECT blacklisted FROM phplist_user_user WHERE BINARY email = {quoted(address)}),
        (SELECT COUNT(*) FROM phplist_user_blacklist WHERE BINARY email = {quoted(address)}),
        (SELECT data FROM phplist_user_blacklist_data WHERE BINARY email = {quoted(address)} AND name = 'reason')''')
    return row


def history(address):
    return sql('SELECT summary, detail FROM phplist_user_user_history h JOIN phplist_user_user u ON u.id = h.userid '
               f'WHERE BINARY email = {quoted(address)} ORDER BY h.id')


def come_back(address, campaign, *more, path=BOUNCES, fails=None, headers=''):
    named = f'X-MessageID: {campaign}\n' if campaign else ''
    carom.come_back(fails or address, path, *more, headers=f'{named}X-ListMember: {address}\n{headers}')


def said(why):
    """Of a job whose verify did not agree."""
    return 'waiting', f'verify: exit 1: ERROR 1644 (45000) at line 1: {why}'


def set_policy(old, new):
    text = POLICY.read_text()
    check(f'the policy has {old!r}', old in text, True)
    POLICY.write_text(text.replace(old, new))
    return text


# ---- The machine ----

def start():
    subprocess.Popen(['/usr/sbin/mariadbd', '--user=mysql', '--innodb-flush-log-at-trx-commit=0'], stdin=subprocess.DEVNULL,
                     stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until('the database', lambda: subprocess.run(['mariadb-admin', 'ping'], capture_output=True).returncode == 0)


def set_up():
    servers.set_up_carom(titles=('By hand',))
    sh('install -d -o mysql -g mysql /run/mysqld')
    start()
    sql('CREATE DATABASE phplist CHARACTER SET utf8', database='mysql')
    sql(TABLES + ''.join(f"INSERT INTO phplist_list (id, name) VALUES ({n}, '{name}'); "
                         f'INSERT INTO phplist_listmessage (messageid, listid) VALUES ({CAMPAIGN + n}, {n});\n'
                         for n, name in enumerate(NAMES, 1))
        + ''.join(f'INSERT INTO phplist_listmessage (messageid, listid) VALUES ({BOTH}, {n});' for n in (1, 2)))
    servers.follow(managers.ADAPTERS / 'phplist.md', 'The adapter', 'phpList')


def the_set_up_is_as_the_page_says():
    said = carom.check_setup()
    check(f'check-setup names the client: {said}', 'carom may run /usr/bin/mariadb' in said, True)
    check('lint', sh(['carom', 'lint', '--strict', POLICY]).stdout, '')
    pathlib.Path('/tmp/policy_test.lua').write_text(TEST)
    sh(['carom', 'test', POLICY, '/tmp/policy_test.lua'])


# ---- What is tried ----

def thirty_lists_each_by_itself():
    """Known by the campaign; who complained leaves them all."""
    everything = list(range(1, 31))
    add('Anna@example.com', *everything)
    for n, name in enumerate(NAMES, 1):
        add(f'only-{name}@example.com', *everything)
        come_back(f'only-{name}@example.com', CAMPAIGN + n, fails='forwarded@example.net')
    carom.deliver()
    for n, name in enumerate(NAMES, 1):
        check(name, on(f'only-{name}@example.com'), [k for k in everything if k != n])
    check('nobody else', on('Anna@example.com'), everything)
    check('history', history('only-dev@example.com'), [['carom: left list 28', 'permanent user_unknown 550 5.1.1 No such user']])
    carom.complain('Anna@example.com', 'anything.example.org')
    carom.deliver()
    check('who complained is on', on('Anna@example.com'), [])
    check('and blacklisted', blacklist('Anna@example.com'), ['1', '1', 'carom: complaint'])
    carom.undo('anna@example.com')
    carom.deliver()
    check('taken back', (on('Anna@example.com'), blacklist('Anna@example.com')), (everything, ['0', '0', 'NULL']))


def an_undo_brings_back_what_it_cost():
    """A campaign to two lists, to somebody on one of them and a third, who has once left the other."""
    add('bert@example.com', 1, 2, 3)
    come_back('bert@example.com', CAMPAIGN + 2)
    carom.deliver()
    come_back('bert@example.com', BOTH)
    carom.deliver()
    check('bert left', on('bert@example.com'), [3])
    sql("DELETE FROM phplist_user_user_history WHERE summary = 'carom: left list 2'")  # only this bounce is known
    carom.undo('bert@example.com')
    carom.deliver()
    check('bert is back', on('bert@example.com'), [1, 3])
    check('says his page', [row[0] for row in history('bert@example.com')], ['carom: left list 1', 'carom: back on list 1'])


def the_blacklist():
    for address in ('clara@example.com', 'dora@example.com'):
        add(address, 1)
    sql("INSERT INTO phplist_user_blacklist VALUES ('dora@example.com', NOW()); "
        "INSERT INTO phplist_user_blacklist_data VALUES ('dora@example.com', 'reason', 'I had enough'); "
        "UPDATE phplist_user_user SET blacklisted = 1 WHERE email = 'dora@example.com'")
    everybody = ('clara@example.com', 'dora@example.com', 'nobody@example.com')
    for address in everybody:
        come_back(address, CAMPAIGN + 1, FULL)
    carom.deliver()
    check('clara', blacklist('clara@example.com'), ['1', '1', 'carom: permanent mailbox_full 552 5.2.2 Mailbox full'])
    check('dora, who was there', blacklist('dora@example.com'), ['1', '1', 'I had enough'])
    check('nobody', blacklist('nobody@example.com'), ['NULL', '0', 'NULL'])
    for address in everybody:
        carom.undo(address)
    carom.deliver()
    check('clara, off', (blacklist('clara@example.com'), on('clara@example.com')), (['0', '0', 'NULL'], [1]))
    check('dora stays', blacklist('dora@example.com'), ['1', '1', 'I had enough'])
    check('told', {carom.told(action, address)[-1] for address in everybody for action in ('suppress', 'unsuppress')},
          {('done', 'verify: exit 0')})
    check('history', [row[0] for row in history('clara@example.com')], ['carom: on the blacklist', 'carom: off the blacklist'])
    check('of dora', history('dora@example.com'), [])


def who_is_deleted_meanwhile():
    add('emil@example.com', 1)
    come_back('emil@example.com', CAMPAIGN + 1, FULL)
    carom.deliver()
    sql("DELETE FROM phplist_user_user WHERE email = 'emil@example.com'")
    carom.undo('emil@example.com')
    carom.deliver()
    check('emil', blacklist('emil@example.com'), ['NULL', '0', 'NULL'])


def no_address_is_sql():
    """Quotes, backslashes, commands of the client, and letters that MariaDB takes for others."""
    victims = ('victim@example.com', 'anne@example.com')
    hostile = ["o'brien@example.com", "'or'1'='1@example.com", '"\\\\\' or 1=1 -- "@example.com', '"\\! touch /tmp/x \\\\"@example.com',
               '"a\\\\"@example.com', "''or/**/1=1--@example.com", '"; DELETE FROM phplist_listuser; --"@example.com', '%@example.com',
               '"//"@example.com', 'änne@example.com']
    for address in victims:
        add(address, 1, 2)
    for address in hostile:
        come_back(address, CAMPAIGN + 1)
        carom.come_back(address, BOUNCES, ('5.1.1', "550 5.1.1 \\' or 1=1; -- '\\"), headers="X-MessageID: 101\\' or 1=1 -- '\n")
    known = [row['recipient'] for row in carom.facts()][-2 * len(hostile)::2]
    print(*known, sep='\n')
    carom.deliver()
    check('victims', [on(address) for address in victims], [[1, 2]] * 2)
    for address in known:
        if address != 'änne@example.com':  # to MariaDB there is one already
            add(address, 1, 2)
            come_back(address, CAMPAIGN + 1)
            come_back(address, CAMPAIGN + 1, FULL)
    carom.deliver()
    for address in known:
        if address != 'änne@example.com':
            check(address, (on(address), blacklist(address)[:2]), ([2], ['1', '1']))
    check('victims still', [(on(address), blacklist(address)) for address in victims], [([1, 2], ['0', '0', 'NULL'])] * 2)
    check('no command was run', pathlib.Path('/tmp/x').exists(), False)


def what_names_no_campaign_is_about_all_lists():
    for name, campaign in ('fritz', 999), ('gina', 'systemmessage'), ('gustav', None), ('nobody', 999):
        if name != 'nobody':
            add(f'{name}@example.com', 1, 2)
        come_back(f'{name}@example.com', campaign)
    carom.deliver()
    for name in ('fritz', 'gina', 'gustav', 'nobody'):
        check(name, (on(f'{name}@example.com'), carom.told('unsubscribe', f'{name}@example.com')), ([], [('done', 'verify: exit 0')]))


def a_list_of_its_own():
    text = set_policy('address = "news-bounces@lists.example.org" }',
                      'address = "news-bounces@lists.example.org", key = "2" }, ["gone.example.org"] = { key = "x2" }')
    add('hans@example.com', 1, 2, 3)
    come_back('hans@example.com', BOTH)
    come_back('hans@example.com', BOTH, headers='List-Id: <gone.example.org>\n')
    carom.deliver()
    check('hans', on('hans@example.com'), [1, 3])
    check('no number', carom.told('unsubscribe', 'hans@example.com')[1], said('no such list'))
    POLICY.write_text(text)


def not_for_one_list():
    text = set_policy('duration = "30d"', 'duration = "30d", scope = "list"')
    add('ida@example.com', 1)
    come_back('ida@example.com', CAMPAIGN + 1, FULL)
    carom.deliver()
    check('ida', (carom.told('suppress', 'ida@example.com'), blacklist('ida@example.com')),
          ([said('phpList suppresses for all lists or not at all')], ['0', '0', 'NULL']))
    POLICY.write_text(text)


def many_at_once():
    addresses = [f'm{n}@example.com' for n in range(24)]
    for address in addresses:
        add(address, 1, 2)
        come_back(address, CAMPAIGN + 1)
        come_back(address, CAMPAIGN + 1, FULL)
    carom.deliver()
    check('left', {tuple(on(address)) for address in addresses}, {(2,)})
    check('at the first try', {carom.told(action, address)[0] for address in addresses for action in ('unsubscribe', 'suppress')},
          {('done', 'verify: exit 0')})


def a_database_that_is_away_is_waited_for():
    add('jan@example.com', 1)
    sh(['mariadb-admin', 'shutdown'])
    come_back('jan@example.com', CAMPAIGN + 1)
    carom.deliver()
    (state, why), = carom.told('unsubscribe', 'jan@example.com')
    check('jan', (state, "Can't connect" in why), ('waiting', True))
    start()
    check('jan is on', on('jan@example.com'), [1])


def other_prefixes():
    sql(TABLES.replace('phplist_user_', 'people_').replace('phplist_', 'pl_')
        + "INSERT INTO pl_list (id, name) VALUES (1, 'news'); INSERT INTO pl_listmessage (messageid, listid) VALUES (101, 1); "
          "INSERT INTO people_user (id, email) VALUES (1, 'karl@example.com'); INSERT INTO pl_listuser (userid, listid) VALUES (1, 1); "
          'GRANT ALL ON phplist.* TO carom@localhost')
    text = set_policy('phplist {}', 'phplist { prefix = "pl_", user_prefix = "people_" }')
    come_back('karl@example.com', 101)
    carom.deliver()
    check('karl', sql('SELECT COUNT(*) FROM pl_listuser'), [['0']])
    POLICY.write_text(text)


if __name__ == '__main__':
    managers.main([set_up, the_set_up_is_as_the_page_says, thirty_lists_each_by_itself, an_undo_brings_back_what_it_cost,
                   the_blacklist, who_is_deleted_meanwhile, no_address_is_sql, what_names_no_campaign_is_about_all_lists, a_list_of_its_own,
                   not_for_one_list, many_at_once, other_prefixes, a_database_that_is_away_is_waited_for])
