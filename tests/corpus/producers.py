# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: the carom authors
"""The servers whose bounces are kept, each set up to relay for the list on this machine, to lose patience within
seconds and to have behind the addresses of its own domain what scenarios.py wants there."""
import os
import pathlib
import smtplib
import subprocess
import time

import exim_test
import opensmtpd_test
import postfix_test
import sendmail_test
import servers
from scenarios import HOME
from servers import put, sh

# A command behind an address, which says why it does not take the mail.
FAILS = '/usr/local/bin/file-by-subject'
NOT_NOW = '/usr/local/bin/file-in-database'
FULL_DISK = pathlib.Path('/srv/full')
MAILBOXES = ['linda', 'bruno', 'celia', 'felix']  # people who have a mailbox


def people():
    for name in MAILBOXES:
        sh(['useradd', '--create-home', '--shell', '/usr/sbin/nologin', name])
    for path, said, status in (FAILS, 'cannot file this message: no folder of that name', 69), \
                              (NOT_NOW, 'database is locked', 75):
        pathlib.Path(path).write_text(f'#!/bin/sh\ncat >/dev/null\necho "{said}"\nexit {status}\n')
        pathlib.Path(path).chmod(0o755)
    FULL_DISK.mkdir(parents=True)
    sh(f'mount -t tmpfs -o size=4k,mode=1777 tmpfs {FULL_DISK} && head -c 4096 /dev/zero >{FULL_DISK}/other')


def aliases(more=''):
    with open('/etc/aliases', 'a') as out:
        out.write(f'\ndavid: "|{FAILS}"\nellen: "|{NOT_NOW}"\nhelga: helga@turin.example.com\n{more}')


class Smtp:
    """How a list gives its mail to a server that listens."""

    def ready(self):
        return servers.listening()

    def send(self, scenario, mail):
        utf8 = any(not to.isascii() for to in scenario.to)
        with smtplib.SMTP('127.0.0.1', 25, local_hostname='lists.example.org', timeout=30) as smtp:
            smtp.ehlo()
            options = ['NOTIFY=' + scenario.notify] if scenario.notify else []
            smtp.send_message(mail, scenario.sender, scenario.to, ['SMTPUTF8', 'BODY=8BITMIME'] if utf8 else [],
                              options)


class Postfix(Smtp, postfix_test.Postfix):
    def set_up(self):
        for setting in [f'myhostname = {HOME}', f'mydestination = {HOME}, localhost', 'mynetworks = 127.0.0.0/8',
                        'inet_interfaces = 127.0.0.1', 'inet_protocols = ipv4', f'maillog_file = {self.log}',
                        'compatibility_level = 3.6', 'queue_run_delay = 1s', 'minimal_backoff_time = 1s',
                        'maximal_backoff_time = 1s', 'maximal_queue_lifetime = 8s', 'delay_warning_time = 1s',
                        'smtp_connection_cache_on_demand = no', 'smtp_destination_concurrency_failed_cohort_limit = 0',
                        'smtp_connect_timeout = 2s', 'smtp_helo_timeout = 2s', 'smtp_rcpt_timeout = 2s',
                        'smtp_tls_security_level = may', 'smtp_tls_policy_maps = inline:{milan.example.com=encrypt}',
                        'local_recipient_maps =', 'smtpd_reject_unlisted_recipient = no',
                        'mailbox_size_limit = 20000000',
                        f'relocated_maps = inline:{{julia@{HOME}=julia@example.net}}',
                        f'transport_maps = inline:{{{{ivo@{HOME}=error:5.2.1 The account is closed}}}}']:
            sh(['postconf', '-e', setting])
        aliases(f'celia: {FULL_DISK}/celia\n')
        sh('truncate -s 19999900 /var/mail/bruno && chown bruno:mail /var/mail/bruno')
        sh(['newaliases'])
        sh(['postconf', '-F', '*/*/chroot = n'])
        sh('postfix start')


EXIM = f'''
primary_hostname = {HOME}
domainlist local_domains = {HOME}
local_interfaces = 127.0.0.1
acl_smtp_rcpt = accept
acl_smtp_data = accept
dsn_advertise_hosts = *
smtputf8_advertise_hosts = *
delay_warning = 1s
delay_warning_condition = yes
received_headers_max = 30
smtp_accept_max = 0
queue_run_max = 10
keep_environment =
tls_advertise_hosts =
begin routers
known:
  driver = dnslookup
  domains = ! +local_domains
  transport = remote
  no_more
aliases:
  driver = redirect
  data = ${{lookup{{$local_part}}lsearch{{/etc/aliases}}}}
  allow_fail
  allow_defer
  file_transport = file
  pipe_transport = pipe
user:
  driver = accept
  check_local_user
  transport = mailbox
begin transports
remote:
  driver = smtp
  connect_timeout = 2s
  command_timeout = 2s
  data_timeout = 2s
  final_timeout = 2s
  hosts_require_tls = mx.milan.example.com
pipe:
  driver = pipe
  return_fail_output
  user = mail
file:
  driver = appendfile
  user = mail
mailbox:
  driver = appendfile
  file = /var/mail/$local_part_data
  delivery_date_add
  envelope_to_add
  return_path_add
  group = mail
begin retry
*  *  F,6s,1s
'''


class Exim(Smtp, exim_test.Exim):
    def set_up(self):
        pathlib.Path('/etc/exim4/exim4.conf').write_text(EXIM)
        aliases(f'celia: {FULL_DISK}/celia\n')
        sh('exim4 -bd -q1s')


OPENSMTPD = f'''
table aliases file:/etc/aliases
listen on 127.0.0.1 port 25 hostname {HOME}
bounce warn-interval 1s
smtp max-message-size 10M
action "home" mbox alias <aliases>
action "strict" relay helo {HOME} tls ttl 6s
action "away" relay helo {HOME} ttl 6s
match for domain "{HOME}" action "home"
match for domain "milan.example.com" action "strict"
match for any action "away"
'''


class OpenSmtpd(Smtp, opensmtpd_test.OpenSmtpd):
    def set_up(self):
        pathlib.Path('/etc/mailname').write_text(HOME + '\n')
        opensmtpd_test.CONFIGURATION.write_text(OPENSMTPD)
        aliases()
        sh('smtpd -n')
        with self.log.open('w') as out:
            subprocess.Popen(['smtpd', '-d'], stdout=out, stderr=out)


SENDMAIL = '''define(`confTO_QUEUEWARN', `1s')dnl
define(`confTO_QUEUERETURN', `8s')dnl
define(`confTO_INITIAL', `2s')dnl
define(`confTO_CONNECT', `2s')dnl
define(`confTO_ICONNECT', `2s')dnl
define(`confTO_RCPT', `2s')dnl
define(`confTO_HELO', `2s')dnl
define(`confMIN_QUEUE_AGE', `0')dnl
define(`confMAX_HOP', `30')dnl
define(`confDONT_PROBE_INTERFACES', `True')dnl
FEATURE(`accept_unresolvable_domains')dnl
FEATURE(`accept_unqualified_senders')dnl
'''


class Sendmail(Smtp, sendmail_test.Sendmail):
    def set_up(self):
        put(f'`{sendmail_test.MC}` above the line `MAILER_DEFINITIONS`', SENDMAIL)
        aliases(f'celia: {FULL_DISK}/celia\n')
        sh(f'm4 {sendmail_test.MC} >/etc/mail/sendmail.cf')
        sh('newaliases')
        sh('sendmail -bd -q1s')


class Command:
    """How a list gives its mail to a server that it calls."""
    log = servers.SYSLOG

    def ready(self):
        return True

    def arguments(self, scenario):
        return ['-f', scenario.sender, *scenario.to]

    def send(self, scenario, mail):
        subprocess.run(['/usr/sbin/sendmail', *self.arguments(scenario)], check=True,
                       input=mail.as_bytes(policy=mail.policy.clone(linesep='\n')))


class Courier(Command, servers.Server):
    etc = pathlib.Path('/etc/courier')
    settings = {'me': HOME, 'locals': f'{HOME}\nlocalhost', 'defaultdomain': HOME,
                'dsnfrom': f'"Courier mail server at {HOME}" <@>',
                'queuetime': '8', 'warntime': '1', 'retryalpha': '1', 'retrybeta': '1', 'retrygamma': '1',
                'retrymaxdelta': '0', 'esmtpdelay': '1', 'esmtptimeout': '2', 'esmtptimeouthelo': '2',
                'esmtptimeoutdata': '2', 'esmtptimeoutconnect': '2', 'esmtptimeoutkeepalive': '0', 'submitdelay': '0'}

    def arguments(self, scenario):
        return [*(['-N', scenario.notify.lower()] if scenario.notify else []), *super().arguments(scenario)]

    def set_up(self):
        for name, value in self.settings.items():
            (self.etc / name).write_text(value + '\n')
        with (self.etc / 'aliases/system').open('a') as out:
            out.write('\nhelga: helga@turin.example.com\n')
        (self.etc / 'aliasdir/.courier-david').write_text(f'|{FAILS}\n')
        sh('mkdir -p /run/courier /run/courier/authdaemon && chown -R courier:courier /run/courier')
        for name in MAILBOXES:
            sh(['maildirmake.courier', f'/home/{name}/Maildir'], user=name)
        sh('makealiases')
        sh('authdaemond start; courier start')

    def queue(self):
        return sh('mailq').stdout

    def hurry(self):
        sh('courier flush')


class Dma(Command, servers.Server):
    spool = pathlib.Path('/var/spool/dma')

    def set_up(self):
        pathlib.Path('/etc/mailname').write_text(HOME + '\n')
        pathlib.Path('/etc/dma/dma.conf').write_text('MAILNAME /etc/mailname\nDEFER\n')

    def queue(self):
        return sh('dma -bp').stdout

    def hurry(self):
        """Its patience of five days is counted from the age of the file."""
        for path in self.spool.glob('[QM]*'):
            os.utime(path, (time.time() - 6 * 86400,) * 2)
        sh('dma -q')


PRODUCERS = {'postfix': Postfix, 'exim': Exim, 'opensmtpd': OpenSmtpd, 'sendmail': Sendmail,
             'courier': Courier, 'dma': Dma}
