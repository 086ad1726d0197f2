# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: the carom authors
"""What the tests of real mail servers share: following the pages in examples/ to the letter, mail that is refused, and
one expectation of what must stand in the ledger whatever the server.

Each runs as root inside tests/integration/overlay: nothing else would survive what it does to /etc. Mail is refused by
remote.py. First the policy is broken and there can be no spool, so that the server has to keep its bounces; then there can,
and carom takes them; then the policy is mended. Last come the troubles: a policy without end, a worker that crashes, a
ledger that somebody holds, a full disk, a front that is killed. After each the bounce is in the ledger once, or in the
spool, or still with the server.
"""
import contextlib
import email.message
import fcntl
import json
import os
import pathlib
import pwd
import re
import shutil
import signal
import smtplib
import socket
import subprocess
import sys
import threading
import time

import remote

HERE = pathlib.Path(__file__).resolve().parent
EXAMPLES = HERE.parent.parent / 'examples'
POLICY = pathlib.Path('/etc/carom/policy.lua')
STATE = pathlib.Path('/var/lib/carom')
SPOOL = STATE / 'spool'
SYSLOG = pathlib.Path('/var/log/carom-test.log')
LIST = 'news.lists.example.org'
REMOTE_PORT = 2525
OTHER = 'editor@example.org'
PATIENCE_S = 60
# Beyond every limit of its own, so that only the front's deadline ends it.
ENDLESS = '''carom.configure { limits = { time = "60s", instructions = 1e12 } }
function on_permanent(bounce) while true do end end
'''
REPORT = '''From: MAILER-DAEMON@mx.example.com
To: <{to}>
Subject: Undelivered
Message-ID: <{name}@mx.example.com>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b

Not delivered.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.com

Final-Recipient: rfc822; {name}@example.com
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 User unknown
--b--
'''

# Recipient without its number → what the ledger must say of its final failure, and what is done.
WANT = {
    'unknown{}@example.com': (dict(kind='permanent', reason='user_unknown', hard=True, reply_code=550,
                                   status='5.1.1', list=LIST), 'unsubscribe'),
    'full{}@example.com': (dict(kind='permanent', reason='mailbox_full', hard=False, reply_code=552,
                                status='5.2.2', list=LIST), None),
    'busy{}@example.com': (dict(kind='transient', hard=False, list=LIST), 'retry'),
}
# Of the warning that comes before it. What a server says when it gives up need not be the remote server's words.
WANT_WARNING = dict(reason='greylisted', hard=False, reply_code=450, status='4.2.0', list=LIST)

problems = []


def check(what, got, want):
    if got != want:
        problems.append(f'{what}: got {got!r}, want {want!r}')


def sh(command, **more):
    return subprocess.run(command, shell=isinstance(command, str), check=True, text=True, capture_output=True, **more)


class Stuck(Exception):
    """What was waited for does not come, so that the rest need not be asked."""


def until(what, question, patience_s=PATIENCE_S):
    """Asks again and again until the answer is true."""
    end = time.monotonic() + patience_s
    while time.monotonic() < end:
        if question():
            return
        time.sleep(0.1)
    raise Stuck(f'{what}: not within {patience_s} s')


# Pages. What a reader is told to do stands in fenced blocks. `sh`: type this. Another block is text for a file, the
# last one that the paragraph before it names: as a whole, next to a line that the paragraph names, or at its end.
def blocks(text):
    """(the paragraph before, language, text) of each fenced block."""
    for match in re.finditer(r'(?ms)^```(\S*)\n(.*?)^```$', text):
        yield text[:match.start()].rstrip().rpartition('\n\n')[2], match[1], match[2]


def put(before, text):
    name = pathlib.Path(re.findall(r'`(/[^`]+)`', before)[-1])
    old = name.read_text() if name.exists() else ''
    anchor = re.search(r'(below|above)\s+the\s+line\s+`([^`]+)`', before)
    if anchor:
        head, line, tail = old.partition(f'\n{anchor[2]}\n')
        if not line:
            raise SystemExit(f'{name} has no line {anchor[2]!r}')
        text = head + (line + text if anchor[1] == 'below' else '\n' + text + line[1:]) + tail
    elif not re.search(r'whole\s+file', before):
        text = old + text
    name.write_text(text)


def follow(page, *titles):
    """Does what examples/PAGE says, or only what stands under these titles."""
    done = 0
    for section in re.split(r'(?m)^(?=#+ )', (EXAMPLES / page).read_text(encoding='utf-8')):
        if titles and section.partition('\n')[0].lstrip('# ') not in titles:
            continue
        for before, language, text in blocks(section):
            done += 1
            if language == 'sh':
                sh('set -e\n' + text)
            else:
                put(before, text)
    if not done:
        raise SystemExit(f'examples/{page} has no block to follow')


def set_up_carom(titles=('By hand', 'The policy')):
    """The user, the directories, the policy."""
    os.chdir('/tmp')
    shutil.copy(HERE / 'servers.lua', 'policy.lua')
    follow('README.md', *titles)


def keep_syslog():
    """A /dev/log for those who have no log file of their own."""
    log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    log.bind('/dev/log')
    os.chmod('/dev/log', 0o666)

    def write():
        with SYSLOG.open('ab', buffering=0) as out:
            while True:
                out.write(log.recv(65536).rstrip(b'\n\0') + b'\n')

    threading.Thread(target=write, daemon=True).start()


def refuse_mail():
    """The rest of the world, by name and by address."""
    keep_syslog()
    remote.serve(REMOTE_PORT)
    pathlib.Path('/etc/resolv.conf').write_text('nameserver 127.0.0.1\n')
    pathlib.Path('/etc/hosts').write_text('127.0.0.1 mail.example.org mail localhost\n')
    socket.sethostname('mail.example.org')


def listening(port=25):
    with socket.socket() as client:
        return client.connect_ex(('127.0.0.1', port)) == 0


def send(senders, wanted):
    """One mail to each recipient in each sender's name, as a list does."""
    with smtplib.SMTP('127.0.0.1', 25, timeout=30) as smtp:
        for number, sender in senders.items():
            for template in wanted:
                to = template.format(number)
                mail = email.message.EmailMessage()
                mail['From'], mail['To'], mail['Subject'] = 'editor@example.org', to, 'Example News'
                mail['List-Id'] = f'The Example News <{LIST}>'
                mail['Message-ID'] = f'<issue.{to.replace("@", ".")}@lists.example.org>'
                mail.set_content('The news.\n' * (4000 if to.startswith('large') else 1))
                smtp.send_message(mail, from_addr=sender, to_addrs=[to])


def carom(*arguments):
    return sh(['carom', *arguments], user='carom', group='carom', extra_groups=[])


def work_off():
    """Whether the spool is empty now; what a pipe had to leave there that began before the policy was mended, may still come."""
    carom('run', '--spool', '--quiet', '--policy', POLICY)
    return not list(SPOOL.glob('*.mail'))


def facts():
    """All facts of the ledger; none while there is no ledger yet, or one that is just being made."""
    try:
        rows = carom('show', '--all', '--store', f'sqlite:{STATE}/carom.db').stdout
    except subprocess.CalledProcessError as failed:
        if 'nothing has been recorded' not in failed.stderr:
            raise
        return []
    return [json.loads(row) for row in rows.splitlines()]


def check_facts(rows, senders, wanted):
    for template, (want, action) in wanted.items():
        for number, sender in senders.items():
            to = template.format(number)
            mine = [row for row in rows if row.get('recipient') == to and row['kind'] != 'delayed']
            check(f'{to}: final facts', len(mine), 1)
            for row in mine:
                for key, value in want.items():
                    check(f'{to}: {key}', row.get(key), value)
                check(f'{to}: actions', [a['name'] for a in row['decision']['actions']], [action] if action else [])
                check(f'{to}: envelope_to', row.get('envelope_to'), sender)
    warnings = [row for row in rows if row['kind'] == 'delayed']
    check('warned of a delay', {row['recipient'] for row in warnings}, {f'busy{n}@example.com' for n in senders})
    for row in warnings:
        for key, value in WANT_WARNING.items():
            check(f'{row["recipient"]}: warning: {key}', row.get(key), value)


def check_owner():
    """Whoever ran carom made the ledger."""
    owners = {pwd.getpwuid(path.stat().st_uid).pw_name for path in STATE.rglob('*') if path.name != '.forward'}
    check('the ledger belongs to', owners, {'carom'})


class Server:
    """What differs. blind: senders whose pipe is not told the envelope; log: where the server writes; deferred: what it
    writes there when carom answered 75 for a broken policy; full: for want of room."""
    senders = {}
    blind = ()
    wanted = WANT
    log = SYSLOG
    deferred = ''
    full = ''

    def set_up(self):
        """The example's lines, and what makes the server one of a test."""

    def queue(self):
        """What lists the queue prints."""

    def empty(self):
        """Is the queue empty?"""

    def hurry(self):
        """Makes it try at once what it keeps."""

    def give_up(self):
        """Makes it return what is old enough to have had its warning."""

    def be_patient(self):
        """Takes that back, where it lasts."""

    def recipients(self, kind_wanted):
        return {row['recipient'] for row in facts() if kind_wanted(row['kind'])}

    def keeps_what_is_not_taken(self):
        """A policy that does not load, and no spool: every bounce stays with the server, and none is in the ledger."""
        POLICY.write_text('this is no policy\n')
        SPOOL.write_text('no directory')
        send(self.senders, self.wanted)
        until('bounces deferred', lambda: len(re.findall(self.deferred, self.log.read_text())) >= len(self.senders))
        check('facts while the policy is broken', facts(), [])
        check('the queue is empty while the policy is broken', self.empty(), False)

    def hands_over_what_waits(self):
        """With a spool the same is taken, and decided when the policy is mended."""
        SPOOL.unlink()
        self.hurry()
        until('bounces in the spool', lambda: len(list(SPOOL.glob('*.mail'))) >= len(self.senders))
        check('facts while all is in the spool', facts(), [])
        POLICY.write_text((HERE / 'servers.lua').read_text())
        until('an empty spool', work_off)
        check('nothing of the spool in the ledger', facts() == [], False)
        self.hurry()

    def wait_for(self, what, kind_wanted, count):
        def are_there():
            work_off()
            return len(self.recipients(kind_wanted)) >= count
        until(f'{count} {what}', are_there)

    def tells_the_envelope(self):
        """An answer whose header names somebody else came to the return path all the same."""
        with smtplib.SMTP('127.0.0.1', 25, timeout=30) as smtp:
            for number, sender in self.senders.items():
                mail = email.message.EmailMessage()
                mail['From'], mail['To'], mail['Subject'] = 'anna@example.com', OTHER, 'Out of office'
                mail['Auto-Submitted'], mail['Message-ID'] = 'auto-replied', f'<vacation.{number}@example.com>'
                mail.set_content('I am not here.\n')
                smtp.send_message(mail, from_addr='', to_addrs=[sender])
        until('answers', lambda: sum(row['kind'] == 'autoreply' for row in facts()) == len(self.senders))
        told = {row['message_id']: row.get('envelope_to') for row in facts() if row['kind'] == 'autoreply'}
        for number, sender in self.senders.items():
            check(f'answer to {sender}: envelope_to', told.get(f'<vacation.{number}@example.com>'),
                  OTHER if number in self.blind else sender)

    def run(self):
        refuse_mail()
        set_up_carom()
        self.set_up()
        until('port 25 open', listening)
        self.keeps_what_is_not_taken()
        self.hands_over_what_waits()
        count = len(self.senders)
        self.wait_for('warnings', lambda kind: kind == 'delayed', count)
        self.wait_for('failures', lambda kind: kind != 'delayed', count * (len(self.wanted) - 1))
        self.give_up()
        self.wait_for('failures', lambda kind: kind != 'delayed', count * len(self.wanted))
        check_facts(facts(), self.senders, self.wanted)
        self.tells_the_envelope()
        check_owner()
        until('an empty queue', self.empty)

    # ---- Troubles ----

    def bounce(self, trouble):
        """A report about somebody else for each sender; whom they are about."""
        names = {f'{trouble}{number}': sender for number, sender in self.senders.items()}
        with smtplib.SMTP('127.0.0.1', 25, timeout=30) as smtp:
            for name, sender in names.items():
                smtp.sendmail('', [sender], REPORT.format(to=sender, name=name))
        return {f'{name}@example.com' for name in names}

    def survives(self):
        self.sent = set()
        self.be_patient()
        for trouble in without_end, held_ledger, full_disk, killed_front:
            with trouble(self):
                pass
            POLICY.write_text((HERE / 'servers.lua').read_text())
            self.arrives(trouble.__name__)
        until('an empty queue', self.empty)
        check_owner()

    def arrives(self, trouble):
        """Now that it is over, all that was sent is decided, each once."""
        def everything():
            self.hurry()
            work_off()
            return self.sent <= {row.get('recipient') for row in facts()}
        until(f'what came in spite of {trouble}', everything)
        mine = sorted(row['recipient'] for row in facts() if row.get('recipient') in self.sent)
        check(f'{trouble}: each once', mine, sorted(self.sent))
        check(f'{trouble}: left in the spool', list(SPOOL.glob('*.mail')), [])


def whys():
    """Why what is in the spool is there."""
    return [mark.read_text().rpartition('why ')[2].strip() for mark in SPOOL.glob('[0-9]*.mark')]


def pipes():
    """The front and the worker of each pipe that is deciding, as pids."""
    found = []
    for path in pathlib.Path('/proc').glob('[0-9]*/task/[0-9]*/children'):
        with contextlib.suppress(OSError):
            workers = [int(word) for word in path.read_text().split()]
            if workers and path.parent.joinpath('comm').read_text() == 'carom\n':
                found.append((int(path.parts[2]), workers[0]))
    return found


@contextlib.contextmanager
def without_end(server):
    """One worker crashes, another is ended by the deadline; whoever waits for the ledger meanwhile gives up before."""
    POLICY.write_text(ENDLESS)
    server.sent |= server.bounce('endless')
    until('a worker at work', pipes)
    os.kill(pipes()[0][1], signal.SIGSEGV)
    until('all in the spool', lambda: len(whys()) == len(server.senders))
    ends = 'the worker crashed: signal 11', 'did not end within 8000 ms', 'another process has held the ledger'
    counts = [sum(end in why for why in whys()) for end in ends]
    check('crashed', counts[0], 1)
    check('too slow, or waiting for who is', (counts[1] > 0, sum(counts)), (True, len(server.senders)))
    yield


@contextlib.contextmanager
def held_ledger(server):
    with open(STATE / 'carom.db.lock', 'r+') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        server.sent |= server.bounce('held')
        until('all in the spool', lambda: len(whys()) == len(server.senders))
        check('held', {why for why in whys() if 'another process has held the ledger' not in why}, set())
        yield


def fill(filler, enough):
    """Also what becomes free meanwhile."""
    with filler.open('wb', buffering=0) as out:
        while not enough.wait(0.001):
            with contextlib.suppress(OSError):
                while out.write(bytes(4096)):
                    pass


@contextlib.contextmanager
def full_disk(server):
    """The server keeps them, for there is no room in the spool either."""
    shutil.copytree(STATE, '/run/state', copy_function=shutil.copy2)
    owner = STATE.stat()
    sh(f'mount -t tmpfs -o size=4m,mode=2770,uid={owner.st_uid},gid={owner.st_gid} none {STATE}')
    sh(f'cp -a /run/state/. {STATE}; chown -R {owner.st_uid}:{owner.st_gid} {STATE}')
    filler, full = STATE / 'filler', threading.Event()
    filling = threading.Thread(target=fill, args=[filler, full])
    filling.start()
    until('a full disk', lambda: not shutil.disk_usage(STATE).free)
    before = len(re.findall(server.full, server.log.read_text()))
    server.sent |= server.bounce('noroom')
    until('bounces deferred', lambda: len(re.findall(server.full, server.log.read_text())) >= before + len(server.senders))
    check('the queue while the disk is full', server.empty(), False)
    full.set()
    filling.join()
    filler.unlink()
    yield


@contextlib.contextmanager
def killed_front(server):
    """Nobody is left to say how it ended: the server keeps it, and the worker commits nothing."""
    POLICY.write_text(ENDLESS)
    sent = server.bounce('killed')
    server.sent |= sent
    killed = set()
    def all_killed():
        for front, _ in pipes():
            if front not in killed:
                os.kill(front, signal.SIGKILL)
                killed.add(front)
        return len(killed) >= len(server.senders)
    until('all fronts killed', all_killed)
    check('facts of killed fronts', {row.get('recipient') for row in facts()} & sent, set())
    yield


def main(server, after=lambda: None):
    try:
        server.run()
        after()
        server.survives()
        rows = facts()
    except subprocess.CalledProcessError as failed:
        rows = []
        problems.append(f'{failed.cmd}: exit {failed.returncode}: {failed.stdout}{failed.stderr}')
    except Stuck as stuck:
        rows = facts()
        problems.append(f'{stuck}; the queue:\n{server.queue()}')
    for problem in problems:
        print('not ok', problem)
    if not problems:
        count = len(server.senders) * len(server.wanted)
        print(f'{count} mails refused, their bounces kept while carom could not take them, then spooled, then decided')
        sys.exit(0)
    for log in {server.log, SYSLOG}:
        print(f'-- {log}\n{log.read_text(errors="replace") if log.exists() else ""}')
    for row in rows:
        print(json.dumps(row))
    sys.exit(1)
