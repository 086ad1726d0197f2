# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: the carom authors
"""The rest of the world for a mail server on loopback: mail servers that answer each step as a script says, and a name
server that knows the names which it is given and no other."""
import socketserver
import struct
import threading

SIZE = 20000

# Instead of an answer.
DROP = 'drop'  # the connection is closed
HANG = 'hang'  # nothing is said until the client gives up

# Step of the session → what is answered, every line as it goes over the wire.
USUAL = {
    'CONN': '220 {host} ESMTP',
    'EHLO': f'250-{{host}}\n250-SIZE {SIZE}\n250-8BITMIME\n250 ENHANCEDSTATUSCODES',
    'HELO': '250 {host}',
    'MAIL': '250 2.1.0 Ok',
    'RCPT': '250 2.1.5 Ok',
    'DATA': '354 End data with <CR><LF>.<CR><LF>',
    'DOT': '250 2.0.0 Ok: queued',  # what follows the message
    'QUIT': '221 2.0.0 Bye',
}

# Refuses in the way that the first word of the address says, the local part up to the first digit; takes mail to others.
REFUSING = {
    'RCPT': {
        'unknown': '550 5.1.1 <{to}>: Recipient address rejected: User unknown in virtual mailbox table',
        'busy': '450 4.2.0 <{to}>: Recipient address rejected: Greylisted, please try again later',
        'full': '552 5.2.2 <{to}>: The mailbox is full and can take no more mail',
        'large': '250 2.1.5 Ok',
    },
    'DATA': '552 5.3.4 Error: message file too big',  # by a client that did not look at SIZE
}


class Mail(socketserver.StreamRequestHandler):
    to = sender = ''
    recipients = ()

    def say(self, step):
        """False when the session ends with this."""
        answer = self.server.script.get(step, '250 2.0.0 Ok')
        if isinstance(answer, dict):
            answer = answer.get(self.to.partition('@')[0].rstrip('0123456789'), USUAL[step])
        if answer == HANG:
            self.rfile.read()
        if answer in (HANG, DROP):
            return False
        text = answer.format(host=self.server.host, to=self.to, sender=self.sender)
        self.wfile.write(text.replace('\n', '\r\n').encode() + b'\r\n')
        # RFC 5321 3.8: after 421 and 521 the server closes.
        return step != 'QUIT' and text[:3] not in ('421', '521')

    def handle(self):
        try:
            self.converse()
        except ConnectionError:
            pass  # the client had enough

    def converse(self):
        if not self.say('CONN'):
            return
        for line in self.rfile:
            words = line.decode('utf-8', 'replace').strip()
            verb = words[:4].upper()
            if verb in ('MAIL', 'RCPT'):
                address = words[words.index('<') + 1:words.index('>')]
                if verb == 'MAIL':
                    self.sender, self.recipients = address, []
                else:
                    self.to = address
                    self.recipients.append(address)
            if not self.say(verb):
                return
            if verb == 'DATA' and self.server.script['DATA'].startswith('354'):
                message = self.read_message()
                if self.server.keep:
                    self.server.keep(self.sender, self.recipients, message)
                if not self.say('DOT'):
                    return

    def read_message(self):
        lines = []
        for line in self.rfile:
            if line == b'.\r\n':
                break
            lines.append(line[1:] if line.startswith(b'.') else line)
        return b''.join(lines)


class MailServer(socketserver.ThreadingTCPServer):
    """Answers by script, and as usual where that says nothing. keep(sender, recipients, bytes): given each message."""
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 50

    def __init__(self, address, script, host='mx.example.com', keep=None):
        super().__init__(address, Mail)
        self.script, self.host, self.keep = {**USUAL, **script}, host, keep


TYPES = {1: 'A', 12: 'PTR', 15: 'MX'}


def wire_name(name):
    return b''.join(bytes([len(label)]) + label.encode() for label in name.split('.') if label) + b'\0'


def wire_data(kind, value):
    if kind == 'A':
        return bytes(map(int, value.split('.')))
    if kind == 'MX':
        return struct.pack('!H', 10 if value != '.' else 0) + wire_name(value)
    return wire_name(value)


class Names(socketserver.BaseRequestHandler):
    """RFC 1035 4.1: what the zone has, else no such name (code 3), or no answer for now (2)."""

    def answer(self, name, kind):
        zone = self.server.zone
        records = zone.get(name)
        if records == 'SERVFAIL':
            return 2, []
        if records is not None:
            return 0, [wire_data(kind, value) for value in records.get(kind, [])]
        return (0 if any(other.endswith('.' + name) for other in zone) else 3), []

    def handle(self):
        query, sock = self.request
        if len(query) < 12:
            return
        ident, flags = struct.unpack('!HH', query[:4])
        end, labels = 12, []
        while end < len(query) and query[end]:
            labels.append(query[end + 1:end + 1 + query[end]].decode('ascii', 'replace').lower())
            end += query[end] + 1
        kind = struct.unpack('!H', query[end + 1:end + 3])[0]
        code, values = self.answer('.'.join(labels), TYPES.get(kind, ''))
        head = struct.pack('!HHHHHH', ident, 0x8080 | (flags & 0x0100) | code, 1, len(values), 0, 0)
        answers = (struct.pack('!HHHIH', 0xC00C, kind, 1, 60, len(value)) + value for value in values)
        sock.sendto(head + query[12:end + 5] + b''.join(answers), self.client_address)


class NameServer(socketserver.ThreadingUDPServer):
    """zone: name → {type: [values]}, or 'SERVFAIL'. The null MX (RFC 7505) is '.'."""
    daemon_threads = True

    def __init__(self, address, zone):
        super().__init__(address, Names)
        self.zone = zone


def in_background(*servers):
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()


def serve(mail_port):
    """A world where few take mail and no name is known."""
    in_background(MailServer(('127.0.0.1', mail_port), REFUSING), NameServer(('127.0.0.1', 53), {}))
