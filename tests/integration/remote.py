# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: the carom authors
"""The rest of the world for a mail server on loopback: a name server that knows no name, and a mail server that
refuses everybody in the way that the first word of the address says."""
import socketserver
import struct
import threading

# The recipient's local part up to the first digit → what RCPT is answered.
ANSWERS = {
    'unknown': '550 5.1.1 <{to}>: Recipient address rejected: User unknown in virtual mailbox table',
    'busy': '450 4.2.0 <{to}>: Recipient address rejected: Greylisted, please try again later',
    'full': '552 5.2.2 <{to}>: The mailbox is full and can take no more mail',
    'large': '250 2.1.5 Ok',
}
SIZE = 20000


class Mail(socketserver.StreamRequestHandler):
    def say(self, line):
        self.wfile.write(line.encode() + b'\r\n')

    def handle(self):
        self.say('220 mx.example.com ESMTP')
        for line in self.rfile:
            words = line.decode('utf-8', 'replace').strip()
            verb = words[:4].upper()
            if verb == 'EHLO':
                self.say('250-mx.example.com')
                self.say(f'250-SIZE {SIZE}')
                self.say('250-8BITMIME')
                self.say('250 ENHANCEDSTATUSCODES')
            elif verb == 'RCPT':
                to = words[words.index('<') + 1:words.index('>')]
                self.say(ANSWERS[to.partition('@')[0].rstrip('0123456789')].format(to=to))
            elif verb == 'DATA':
                self.say('552 5.3.4 Error: message file too big')  # by a client that did not look at SIZE
            elif verb == 'QUIT':
                self.say('221 2.0.0 Bye')
                return
            else:
                self.say('250 2.0.0 Ok')


class Names(socketserver.BaseRequestHandler):
    """Every name is answered with NXDOMAIN (RFC 1035 4.1.1: response, recursion available, code 3)."""

    def handle(self):
        query, sock = self.request
        if len(query) < 12:
            return
        ident, flags, questions = struct.unpack('!HHH', query[:6])
        end = 12
        while end < len(query) and query[end]:
            end += query[end] + 1
        head = struct.pack('!HHHHHH', ident, 0x8083 | (flags & 0x0100), 1, 0, 0, 0)
        sock.sendto(head + query[12:end + 5], self.client_address)


class MailServer(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


def serve(mail_port):
    """Starts both in the background."""
    for server in (MailServer(('127.0.0.1', mail_port), Mail), socketserver.UDPServer(('127.0.0.1', 53), Names)):
        threading.Thread(target=server.serve_forever, daemon=True).start()
