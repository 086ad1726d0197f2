# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: the carom authors
"""What is provoked, and what each bounce must then be read as: one table, servers × scenarios.

The facts stand here because we know what happened, not because carom says so. Each domain belongs to one scenario and
is named after a city, so that no name tells what it is for. A scenario is what the remote server answers at a step
(CONN, EHLO, MAIL, RCPT, DATA, DOT: remote.py), or what the server itself comes across at home (producers.py).
"""
import dataclasses
import re

PACKAGES = {'postfix': 'postfix', 'exim': 'exim4-daemon-light', 'opensmtpd': 'opensmtpd', 'sendmail': 'sendmail-bin',
            'courier': 'courier-mta', 'dma': 'dma'}
ALL = tuple(PACKAGES)
HARD = {'user_unknown', 'user_disabled', 'user_moved', 'host_unknown', 'not_accepting'}
ANY = 'any'  # instead of a value: not looked at
HOME = 'mail.example.org'


@dataclasses.dataclass
class Scenario:
    """to: recipients, all in one message. want: of each, what its final fact says, None for one who got the mail.
    servers: who can come to that. warned: of whom the delay warning before it is kept too. dns: of the recipient's
    domain: 'mx', 'none', 'null', 'self', 'closed' (nobody listens), 'nowhere' (no route), 'fail'."""
    name: str
    to: tuple
    want: tuple
    remote: dict = dataclasses.field(default_factory=dict)
    servers: tuple = ALL
    warned: tuple = ()
    dns: str = 'mx'
    notify: str = ''
    lines: int = 1
    extra: tuple = ()  # more header fields

    @property
    def domain(self):
        return self.to[0].rpartition('@')[2]

    @property
    def sender(self):
        """The return path, which tells whose bounce it is."""
        return f'news-bounces+{self.key}@lists.example.org'

    @property
    def key(self):
        local, _, domain = self.to[0].rpartition('@')
        return (local if domain == HOME else domain.partition('.')[0]).encode('ascii', 'ignore').decode()

    def file(self, server, delayed=False):
        return f'{server}-{self.name}{"-delayed" if delayed else ""}.eml'


# What is otherwise in the words of one server.
BUT = {
    'exim': {
        'no-such-domain': {'reason': 'user_unknown'},  # "Unrouteable address", as it says of a user
        'home-hops': {'reason': 'unknown'},  # the address and not a word
        'home-forwarded': {'final_recipient': ANY},  # Final-Recipient is the forwarding address
        'relayed': {'action': 'delivered'},
        # That its patience has ended, and not with what.
        **dict.fromkeys(('names-fail', 'refused', 'no-route', 'silent', 'silent-after-rcpt', 'connection-lost',
                         'home-disk-full', 'home-tls'), {'reason': 'expired'}),
    },
    # The addresses of list mail's own To are not believed, and OpenSMTPD names the other one only.
    'opensmtpd': {'home-forwarded': {'recipient': 'helga@turin.example.com', 'final_recipient': None}},
    'sendmail': {  # codes of its own
        'no-such-domain': {'reply_code': 550},
        'null-mx': {'reply_code': 556},
        'names-fail': {'reply_code': 451},
        'connection-lost': {'reply_code': 451},
        'loops-back': {'reason': 'system_error', 'reply_code': 553},  # "system config error"
        'home-disk-full': {'reason': 'system_error'},  # "I/O error"
    },
    'courier': {
        'null-mx': {'reason': 'host_unknown'},  # "No such domain."
        'silent': {'kind': 'permanent', 'reason': 'unknown'},  # the address and not a word
        'home-command-fails': {'reason': 'unknown'},  # what the command printed, as if a server had said it
    },
}


def forgets(scenario, server, kind):
    """OpenSMTPD and dma say when they give up, and not why. OpenSMTPD tries again, too, whom it cannot even greet."""
    if server == 'opensmtpd':
        return kind == 'transient' or scenario.dns == 'null' or 'CONN' in scenario.remote
    return server == 'dma' and (kind == 'transient' or scenario.dns == 'null')


def facts(scenario, server, delayed, message):
    """What must be read in the message that this server sent, in the order in which its recipients stand there."""
    told = [(to, want) for to, want in zip(scenario.to, scenario.want) if want]
    order = re.findall(rb'(?im)^Final-Recipient: *rfc822; *<?([^\s>]+)', message)
    if len(told) > 1:
        told.sort(key=lambda pair: order.index(pair[0].encode()))
    for to, want in told:
        fact = {'recipient': to, **want, 'list': 'news.lists.example.org'}
        if delayed:
            fact['kind'] = 'delayed'
        elif forgets(scenario, server, want['kind']):
            fact.update(kind='transient', reason='expired', reply_code=None, status=ANY)
        else:
            fact.update(BUT.get(server, {}).get(scenario.name, {}))
        fact['hard'] = fact['kind'] == 'permanent' and fact.get('reason') in HARD
        yield {key: value for key, value in fact.items() if value != ANY}


def replied(code, status):
    """Where the remote server states no status, the reporting server may state its own."""
    return {'reply_code': code, **({'status': status} if status else {})}


def fails(reason, code=None, status=None):
    return dict(kind='permanent', reason=reason, **replied(code, status))


def gives_up(reason, code=None, status=None):
    return dict(kind='transient', reason=reason, **replied(code, status))


def remote(name, to, want, servers=ALL, warned=(), extra=(), lines=1, **answers):
    """One recipient whose server answers so."""
    return Scenario(name, (to,), (want,), answers, servers, warned, extra=extra, lines=lines)


# The others: two of them tell what dma says when it gives up, which is the same for any cause.
QUEUES = tuple(s for s in ALL if s != 'dma')

SCENARIOS = [
    # The address
    remote('user-unknown', 'anna@berlin.example.com', fails('user_unknown', 550, '5.1.1'),
           RCPT='550 5.1.1 <{to}>: Recipient address rejected: User unknown in virtual mailbox table'),
    remote('user-unknown-lines', 'bela@paris.example.com', fails('user_unknown', 550, '5.1.1'),
           RCPT='550-5.1.1 The email account that you tried to reach does not exist. Please try\n'
                "550-5.1.1 double-checking the recipient's email address for typos or\n"
                '550-5.1.1 unnecessary spaces. For more information, go to\n'
                '550 5.1.1  https://support.google.com/mail/?p=NoSuchUser a92af1059eb24-4b8f1d - gsmtp'),
    remote('user-unknown-bare', 'carl@rome.example.com', fails('user_unknown', 550),
           RCPT='550 Unrouteable address'),
    remote('user-unknown-after-data', 'dora@vienna.example.com', fails('user_unknown', 554),
           DOT='554 delivery error: dd This user doesn\'t have a {to} account ({to}) [0] - {host}'),
    remote('user-disabled', 'emil@madrid.example.com', fails('user_disabled', 550, '5.2.1'),
           RCPT='550-5.2.1 The email account that you tried to reach is inactive. For more\n'
                '550-5.2.1 information, go to\n'
                '550 5.2.1  https://support.google.com/mail/?p=DisabledUser 4fb4d7f45d1cf-1a2b - gsmtp'),
    remote('user-moved', 'fritz@lisbon.example.com', fails('user_moved', 551, '5.1.6'),
           RCPT='551 5.1.6 User not local; please try <fritz@example.net>'),
    remote('user-unknown-denied', 'gustav@bergen.example.com', fails('user_unknown', 550, '5.4.1'),
           RCPT='550 5.4.1 Recipient address rejected: Access denied. For more information see '
                'https://aka.ms/EXOSmtpErrors [{host} 2026-01-01T00:00:00.000Z 08DE4B1C5A0F8E21]'),
    remote('mailbox-full', 'gerda@oslo.example.com', fails('mailbox_full', 552, '5.2.2'),
           RCPT='552 5.2.2 <{to}>: Mailbox size limit exceeded'),
    remote('mailbox-full-store', 'gerd@aarhus.example.com', fails('mailbox_full', 554, '5.2.2'),
           DOT='554 5.2.2 mailbox full; STOREDRV.Deliver.Exception:QuotaExceededException.'
               'MapiExceptionShutoffQuotaExceeded; Failed to process message due to a permanent exception '
               'with message [BeginDiagnosticData]Cannot open mailbox.[EndDiagnosticData] [Hostname={host}]'),
    remote('mailbox-full-for-now', 'hans@dublin.example.com', gives_up('mailbox_full', 452, '4.2.2'), QUEUES,
           warned=QUEUES,
           RCPT="452-4.2.2 The recipient's inbox is out of storage space. Please direct the\n"
                '452-4.2.2 recipient to\n'
                '452 4.2.2  https://support.google.com/mail/?p=OverQuotaTemp 98e67ed59e1d1-2f - gsmtp'),
    # The domain and the way there.
    Scenario('no-such-domain', ('ida@nowhere.example.net',), (fails('host_unknown'),), dns='none'),
    Scenario('null-mx', ('jan@prague.example.net',), (fails('not_accepting'),), dns='null'),
    Scenario('names-fail', ('karl@kyiv.example.net',), (gives_up('network_error'),), dns='fail', servers=QUEUES),
    Scenario('refused', ('lena@riga.example.net',), (gives_up('network_error'),), dns='closed',
             warned=('postfix', 'opensmtpd', 'sendmail', 'courier')),
    Scenario('no-route', ('max@tallinn.example.net',), (gives_up('network_error'),), dns='nowhere', servers=QUEUES),
    Scenario('loops-back', ('nora@vilnius.example.net',), (fails('mail_loop'),), dns='self',
             servers=('postfix', 'sendmail', 'courier')),
    remote('silent', 'otto@warsaw.example.net', gives_up('network_error'), ('postfix', 'exim', 'sendmail', 'courier'),
           CONN='hang'),
    remote('silent-after-rcpt', 'paul@minsk.example.net', gives_up('network_error'),
           ('postfix', 'exim', 'sendmail', 'courier'), RCPT='hang'),
    remote('connection-lost', 'rosa@zagreb.example.net', gives_up('network_error'), QUEUES, DATA='drop'),
    remote('takes-no-mail', 'sara@bern.example.net', fails('not_accepting', 521),
           CONN='521 {host} does not accept mail'),
    remote('null-mx-elsewhere', 'theo@geneva.example.net', fails('not_accepting', 556, '5.1.10'),
           RCPT='556 5.1.10 <{to}>: Recipient address rejected: Domain geneva.example.net does not accept '
                'mail (nullMX)'),
    remote('hops-elsewhere', 'uli@basel.example.net', fails('mail_loop', 554, '5.4.6'),
           DOT='554 5.4.6 Error: too many hops'),
    # The system there
    remote('disk-full', 'vera@sofia.example.net', gives_up('system_full', 452, '4.3.1'), QUEUES,
           MAIL='452 4.3.1 Insufficient system storage'),
    remote('local-error', 'willi@athens.example.net', gives_up('system_error', 451, '4.3.0'), QUEUES,
           RCPT='451 4.3.0 <{to}>: Temporary lookup failure'),
    remote('bad-syntax', 'xaver@cairo.example.net', fails('syntax_error', 501, '5.1.3'),
           RCPT='501 5.1.3 Bad recipient address syntax'),
    # Rate
    remote('greylisted', 'anton@london.example.org', gives_up('greylisted', 450, '4.2.0'), warned=QUEUES,
           RCPT='450 4.2.0 <{to}>: Recipient address rejected: Greylisted, see '
                'http://postgrey.schweikert.ch/help/example.org.html'),
    remote('greylisted-bare', 'berta@leeds.example.org', gives_up('greylisted', 451), QUEUES,
           RCPT='451 Greylisting in action, please come back in 00:05:00'),
    remote('rate-limited', 'conny@york.example.org', gives_up('rate_limited', 450, '4.2.1'), QUEUES,
           RCPT='450-4.2.1 The user you are trying to contact is receiving email too quickly.\n'
                '450-4.2.1 Please resend your message at a later time. If the user is able to\n'
                '450-4.2.1 receive mail at that time, your message will be delivered. For more\n'
                '450-4.2.1 information, please visit\n'
                '450 4.2.1  https://support.google.com/mail/?p=ReceivingRate d75a77b69052e-12 - gsmtp'),
    remote('too-many-connections', 'doris@bath.example.org', gives_up('too_many_connections', 421, '4.7.0'), QUEUES,
           CONN='421 4.7.0 {host} Error: too many connections from 192.0.2.1'),
    remote('too-many-recipients', 'ernst@dover.example.org', gives_up('rate_limited', 452, '4.5.3'), QUEUES,
           RCPT='452 4.5.3 Error: too many recipients'),
    # The content
    remote('too-large', 'frank@hull.example.org', fails('message_too_large'), ('postfix',), lines=2500),
    remote('too-large-said', 'greta@ripon.example.org', fails('message_too_large', 552, '5.3.4'),
           EHLO='250-{host}\n250 ENHANCEDSTATUSCODES', DOT='552 5.3.4 Message size exceeds fixed limit'),
    remote('spam', 'heinz@truro.example.org', fails('spam_detected', 554, '5.7.1'),
           DOT='554 5.7.1 Spam message rejected'),
    remote('spam-score', 'inge@ely.example.org', fails('spam_detected', 550),
           DOT='550 High probability of spam (score 14.2), message refused'),
    remote('virus', 'jutta@wells.example.org', fails('virus_detected', 550, '5.7.1'),
           DOT='550 5.7.1 This message contains a virus (Eicar-Test-Signature)'),
    remote('filter-infected', 'jens@padua.example.org', fails('virus_detected', 554, '5.7.0'),
           DOT='554 5.7.0 Reject, id=04711-05 - INFECTED: Eicar-Test-Signature'),
    remote('filter-banned', 'jakob@genoa.example.org', fails('content_rejected', 554, '5.7.0'),
           DOT='554 5.7.0 Reject, id=04711-06 - BANNED: .exe,.exe-ms,setup.exe'),
    remote('attachment', 'kurt@derby.example.org', fails('content_rejected', 552, '5.7.0'),
           DOT='552-5.7.0 This message was blocked because its content presents a potential\n'
               '552-5.7.0 security issue. To review our message content and attachment content\n'
               '552-5.7.0 guidelines, go to\n'
               '552 5.7.0  https://support.google.com/mail/?p=BlockedMessage a640c23a62f3a-7 - gsmtp'),
    remote('not-compliant', 'lotte@perth.example.org', fails('not_compliant', 550, '5.7.1'),
           DOT='550-5.7.1 [192.0.2.1] Messages missing a valid address in From: header, or\n'
               '550 5.7.1 having no From: header, are not accepted. gsmtp'),
    # The sender
    remote('relay-denied', 'mia@boston.example.com', fails('relay_denied', 554, '5.7.1'),
           RCPT='554 5.7.1 <{to}>: Relay access denied'),
    remote('relay-denied-tenant', 'nils@denver.example.com', fails('relay_denied', 550, '5.7.64'),
           RCPT='550 5.7.64 TenantAttribution; Relay Access Denied [{host}]'),
    remote('sender-refused', 'olga@dallas.example.com', fails('sender_rejected', 553, '5.1.8'),
           MAIL='553 5.1.8 <{sender}>... Domain of sender address {sender} does not exist'),
    remote('sender-refused-for-now', 'peter@austin.example.com', gives_up('sender_rejected', 450, '4.1.8'), QUEUES,
           RCPT='450 4.1.8 <{sender}>: Sender address rejected: Domain not found'),
    remote('dnsbl', 'rita@miami.example.com', fails('blocked', 554, '5.7.1'),
           RCPT='554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org; '
                'https://www.spamhaus.org/query/ip/192.0.2.1'),
    remote('dnsbl-on-connect', 'sven@tampa.example.com', fails('blocked', 554), warned=('postfix',),
           CONN='554 Your access to this mail system has been rejected: 192.0.2.1 is listed at bl.spamcop.net'),
    remote('block-list', 'tina@omaha.example.com', fails('blocked', 550, '5.7.1'),
           MAIL="550 5.7.1 Unfortunately, messages from [192.0.2.1] weren't sent. Please contact your Internet service "
                'provider since part of their network is on our block list (S3140). You can also refer your provider '
                'to http://mail.live.com/mail/troubleshooting.aspx#errors.'),
    remote('banned-address', 'till@laredo.example.com', fails('blocked', 550, '5.7.511'),
           RCPT='550 5.7.511 Access denied, banned sender[192.0.2.1]. To request removal from this list please forward '
                'this message to delist@messaging.microsoft.com. For more information please go to '
                'http://go.microsoft.com/fwlink/?LinkId=526653. AS(1410)'),
    remote('deferred-for-complaints', 'udo@tulsa.example.com', gives_up('rate_limited', 421, '4.7.0'), QUEUES,
           warned=QUEUES,
           MAIL='421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred due to unexpected volume or user '
                'complaints - 4.16.55.1; see https://postmaster.yahooinc.com/error-codes'),
    remote('reputation', 'vito@reno.example.com', fails('bad_reputation', 554),
           CONN="554-{host}\n554 Your access to this mail system has been rejected due to the sending MTA's poor "
                'reputation. If you believe that this failure is in error, please contact the intended recipient via '
                'alternate means.'),
    remote('spf', 'wanda@mesa.example.com', fails('auth_failure', 550, '5.7.23'),
           RCPT='550 5.7.23 <{to}>: Recipient address rejected: Message rejected due to: SPF fail - not authorized. '
                'Please see http://www.open-spf.net/Why?s=mfrom;id={sender};ip=192.0.2.1;r=<UNKNOWN>'),
    remote('dmarc', 'yves@fargo.example.com', fails('auth_failure', 550, '5.7.26'),
           DOT="550-5.7.26 Unauthenticated email from example.org is not accepted due to\n"
               "550-5.7.26 domain's DMARC policy. Please contact the administrator of\n"
               '550-5.7.26 example.org domain if this was a legitimate mail. To learn about the\n'
               '550-5.7.26 DMARC initiative, go to\n'
               '550 5.7.26  https://support.google.com/mail/?p=DmarcRejection 6a1803df08f44-6f - gsmtp'),
    remote('dmarc-reject', 'yvonne@akron.example.com', fails('auth_failure', 550, '5.7.509'),
           DOT='550 5.7.509 Access denied, sending domain LISTS.EXAMPLE.ORG does not pass DMARC verification and has a '
               'DMARC policy of reject. [{host} 2026-01-01T00:00:00.000Z 08DE4B1C5A0F8E22]'),
    remote('no-reverse-name', 'zoe@salem.example.com', gives_up('ptr_required', 450, '4.7.25'), QUEUES,
           RCPT='450 4.7.25 Client host rejected: cannot find your hostname, [192.0.2.1]'),
    remote('no-reverse-name-for-good', 'adam@boise.example.com', fails('ptr_required', 550, '5.7.25'),
           RCPT='550-5.7.25 [192.0.2.1] The IP address sending this message does not have a PTR\n'
                '550-5.7.25 record setup, or the corresponding forward DNS entry does not match\n'
                '550 5.7.25 the sending IP. gsmtp'),
    remote('tls-required', 'bert@macon.example.com', fails('tls_required', 530, '5.7.0'),
           MAIL='530 5.7.0 Must issue a STARTTLS command first'),
    remote('authentication', 'cora@selma.example.com', fails('security_error', 530, '5.7.1'),
           MAIL='530 5.7.1 Client was not authenticated'),
    remote('policy', 'dirk@tyler.example.com', fails('policy_violation', 550, '5.7.1'),
           RCPT='550 5.7.1 <{to}>: Recipient address rejected: Message rejected due to local policy'),
    remote('no-cause', 'edda@flint.example.com', fails('unknown', 550, '5.0.0'),
           RCPT='550 5.0.0 Requested action not taken'),
    remote('closing', 'finn@provo.example.com', gives_up('system_error', 421, '4.3.2'), QUEUES,
           CONN='421 4.3.2 {host} Service not available, closing transmission channel'),
    # What a message can be
    Scenario('several-recipients', ('gabi@lyon.example.net', 'heidi@lyon.example.net', 'ines@lyon.example.net'),
             (fails('user_unknown', 550, '5.1.1'), None, fails('mailbox_full', 552, '5.2.2')),
             {'RCPT': {'gabi': '550 5.1.1 <{to}>: User unknown', 'heidi': '250 2.1.5 Ok',
                       'ines': '552 5.2.2 <{to}>: Mailbox full'}}, servers=QUEUES),
    Scenario('utf8-recipient', ('jörg@nice.example.net',), (fails('user_unknown', 550, '5.1.1'),),
             {'EHLO': '250-{host}\n250-SMTPUTF8\n250-8BITMIME\n250 ENHANCEDSTATUSCODES',
              'RCPT': '550 5.1.1 <{to}>: User unknown'}, servers=('postfix', 'exim', 'courier')),
    Scenario('utf8-not-offered', ('käthe@lille.example.net',), (fails('syntax_error', None, '5.6.7'),),
             servers=('postfix',)),
    Scenario('relayed', ('lars@nantes.example.net',), (dict(kind='delivered', action='relayed'),), notify='SUCCESS',
             servers=('postfix', 'exim', 'sendmail', 'courier')),
]

# At home. The user or alias says which: producers.py sets them up, and says what stands behind them.
SCENARIOS += [
    Scenario('home-unknown', (f'aaron@{HOME}',), (dict(kind='permanent', reason='user_unknown'),),
             servers=('postfix', 'exim', 'courier')),
    Scenario('home-full', (f'bruno@{HOME}',), (dict(kind='permanent', reason='mailbox_full'),), servers=('postfix',)),
    Scenario('home-disk-full', (f'celia@{HOME}',), (dict(kind='transient', reason='system_full'),),
             servers=('postfix', 'exim', 'sendmail')),
    Scenario('home-command-fails', (f'david@{HOME}',), (dict(kind='permanent', reason='mailer_error'),),
             servers=('postfix', 'exim', 'sendmail', 'courier')),
    Scenario('home-command-not-now', (f'ellen@{HOME}',), (dict(kind='transient', reason='mailer_error'),),
             servers=('postfix', 'exim', 'sendmail'), warned=('postfix', 'sendmail')),
    Scenario('home-loop', (f'felix@{HOME}',), (dict(kind='permanent', reason='mail_loop'),),
             servers=('postfix', 'courier'), extra=(('Delivered-To', f'felix@{HOME}'),)),
    Scenario('home-hops', (f'georg@{HOME}',), (dict(kind='permanent', reason='mail_loop'),), servers=('exim',),
             extra=(('Received', 'from relay.example.net by relay.example.net; Thu, 1 Jan 2026 00:00:00 +0000'),) * 60),
    # The forwarding address was written to, the other one fails.
    Scenario('home-forwarded', (f'helga@{HOME}',), (dict(kind='permanent', reason='user_unknown', status='5.1.1',
                                                       reply_code=550, final_recipient='helga@turin.example.com'),),
             {'RCPT': '550 5.1.1 <{to}>: Recipient address rejected: User unknown in local recipient table'},
             servers=('postfix', 'exim', 'opensmtpd', 'sendmail', 'courier')),
    Scenario('home-closed', (f'ivo@{HOME}',), (dict(kind='permanent', reason='user_disabled', status='5.2.1'),),
             servers=('postfix',)),
    Scenario('home-moved', (f'julia@{HOME}',), (dict(kind='permanent', reason='user_moved', status='5.1.6'),),
             servers=('postfix',)),
    Scenario('home-tls', ('klaus@milan.example.com',), (dict(kind='transient', reason='tls_required'),),
             servers=('postfix', 'exim', 'opensmtpd')),
    Scenario('home-delivered', (f'linda@{HOME}',), (dict(kind='delivered', action='delivered'),), notify='SUCCESS',
             servers=('postfix', 'exim', 'opensmtpd', 'courier')),
]
