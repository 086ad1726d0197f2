#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: the carom authors
"""Receivers that mean no good: answers without end, addresses of the network next door in every spelling, certificates
that are not theirs, HTTP/2; and a watch of hundreds of rounds, which must not grow.

CAROM names the program, QUICK_SLEEP the library that shortens a watch's pauses.
"""

import json
import os
import pathlib
import shutil
import socket
import socketserver
import ssl
import subprocess
import threading
import time
import unittest

from outbox_test import CAROM, SECRET, Bench

NOT_PUBLIC = r'which is refused; allow_private = true'

# Every one of them is this machine, or a network that is not the internet.
PRIVATE = ['127.0.0.1', '127.1', '127.255.255.254', '2130706433', '0x7f.1', '0x7f000001', '017700000001', '0177.0.0.1', '0', '0.0.0.0',
           '[::1]', '[::]', '[::ffff:127.0.0.1]', '[::ffff:7f00:1]', '[::127.0.0.1]', '[0:0:0:0:0:0:0:1]', '10.0.0.1', '172.16.0.1',
           '192.168.1.1', '169.254.169.254', '[fe80::1]', '[fc00::1]', '[fd12:3456::1]', '[fec0::1]', '100.64.0.1', '[64:ff9b::7f00:1]',
           '[64:ff9b::a00:1]', '[64:ff9b:1::1]', '[2002:7f00:1::1]', '[2001:0:1::1]', '224.0.0.1', '255.255.255.255', 'localhost', 'LOCALHOST',
           '192.0.0.1', '198.18.0.1', '240.0.0.1']
NAMES = {'inside.example.com': '10.1.2.3', 'here.example.com': '127.0.0.1', 'six.example.com': '::1', 'meta.example.com': '169.254.169.254',
         'mapped.example.com': '::ffff:127.0.0.1'}


class Endless(socketserver.StreamRequestHandler):
    """Answers by the path: never an end."""

    def handle(self):
        path = self.rfile.readline().split()[1]
        while self.rfile.readline().strip():
            pass
        self.server.asked.append(path)
        try:
            getattr(self, path[1:].decode())()
        except (BrokenPipeError, ConnectionResetError):
            self.server.left.append(path)

    def headers(self):
        self.wfile.write(b'HTTP/1.1 200 OK\r\n')
        while True:
            self.wfile.write(b'X-More: ' + b'x' * 1000 + b'\r\n')

    def header(self):
        self.wfile.write(b'HTTP/1.1 200 OK\r\nX-Long: ')
        while True:
            self.wfile.write(b'x' * 4096)

    def body(self):
        self.wfile.write(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')
        while True:
            self.wfile.write(b'1000\r\n' + b'x' * 4096 + b'\r\n')

    def refusal(self):
        self.wfile.write(b'HTTP/1.1 503 Busy\r\n\r\n')
        while True:
            self.wfile.write(b'\x1b[31m\xff' * 1000)

    def interim(self):
        while True:
            self.wfile.write(b'HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n')

    def nonsense(self):
        while True:
            self.wfile.write(b'\x00\xff220 hello\r\n' * 100)


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, handler):
        super().__init__(('127.0.0.1', 0), handler)
        self.asked, self.left = [], []
        self.port = self.server_address[1]

    def handle_error(self, request, client_address):
        pass  # a handshake that the client gave up


class Greeter(socketserver.StreamRequestHandler):
    def handle(self):
        while True:
            line = self.rfile.readline()
            if not line:
                return
            length = 0
            while line.strip():
                if line.lower().startswith(b'content-length:'):
                    length = int(line.split(b':')[1])
                line = self.rfile.readline()
            self.rfile.read(length)
            self.server.asked.append(self.client_address)
            self.wfile.write(b'HTTP/1.1 204 No Content\r\n\r\n')


class Hostile(Bench):
    def serve(self, server):
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return server

    def hooks(self, urls, more='allow_private = true'):
        """One webhook a URL, and one bounce that is told to all; the jobs in the order of the URLs."""
        self.configure('{ %s }' % ',\n'.join('carom.webhook { url = "%s", secret = "%s", %s }' % (url, SECRET, more) for url in urls))
        self.bounce()

    # ---- Answers ----

    def test_answers_without_end(self):
        server = self.serve(Server(Endless))
        cases = [('headers', 'waiting', 'header of the answer is larger'), ('header', 'waiting', 'a header line of the answer is too long'),
                 ('body', 'done', '200 OK'), ('refusal', 'waiting', '503 Service Unavailable'), ('interim', 'waiting', 'header of the answer is larger'),
                 ('nonsense', 'waiting', 'HTTP')]
        self.hooks('http://127.0.0.1:%d/%s' % (server.port, path) for path, *_ in cases)
        start = time.monotonic()
        self.deliver()
        self.assertLess(time.monotonic() - start, 10)  # no end of time is waited for
        for job, (path, state, answer) in zip(self.jobs(), cases, strict=True):
            with self.subTest(path=path):
                self.assertEqual(job['state'], state, job)
                self.assertRegex(job['last_answer'], answer)
                self.assertLess(len(job['last_answer']), 400)

    def test_when_to_come_again(self):
        """Whatever is asked for, it is neither now nor beyond a day; after that the schedule's own time stands."""
        cases = [('429/7200', 7200), ('429/0', 5), ('503/-5', 5), ('429/soon', 5), ('503/99999999999', 86400), ('429/Fri', 5),
                 ('503/99999999999999999999999999', None), ('429/1e9', None), ('429', 5)]
        server = self.receiver(paths={'/%d' % i: [step] for i, (step, _) in enumerate(cases)})
        self.hooks('%s/%d' % (server.url, i) for i in range(len(cases)))
        self.deliver()
        for job, (step, wanted) in zip(self.jobs(), cases, strict=True):
            with self.subTest(step=step):
                self.assertEqual((job['state'], job['attempts']), ('waiting', 1))
                due = self.due_in(job)
                self.assertTrue(-10 < due <= 86400, due)
                if wanted:
                    self.assertAlmostEqual(due, wanted, delta=10 + wanted / 10)

    # ---- Addresses ----

    def refused(self, hosts, run=None):
        server = self.serve(Server(Greeter))
        self.hooks(['http://%s:%d/' % (host, server.port) for host in hosts], 'allow_private = false')
        (run or self.deliver)()
        for job, host in zip(self.jobs(), hosts, strict=True):
            with self.subTest(host=host):
                self.assertEqual(job['state'], 'waiting')
                self.assertRegex(job['last_answer'], NOT_PUBLIC)
        self.assertEqual(server.asked, [])

    def test_private_addresses_in_every_spelling(self):
        self.refused(PRIVATE)

    def test_private_addresses_by_name(self):
        if os.geteuid() != 0 or subprocess.run(['unshare', '-m', 'true'], capture_output=True).returncode != 0:
            self.skipTest('needs root and a mount namespace of its own, for names in /etc/hosts')
        hosts = self.directory / 'hosts'
        hosts.write_text(''.join('%s %s\n' % (address, name) for name, address in NAMES.items()))

        def run():
            script = 'mount --bind "$1" /etc/hosts && shift && exec "$@"'
            done = subprocess.run(['unshare', '-m', 'sh', '-c', script, 'sh', hosts, *self.arguments('deliver')], capture_output=True,
                                  text=True, timeout=60)
            self.assertEqual(done.returncode, 0, done.stderr)
        self.refused(list(NAMES), run)

    def test_allowed_it_is_asked(self):
        server = self.serve(Server(Greeter))
        self.hooks(['http://127.1:%d/' % server.port, 'http://localhost:%d/' % server.port])
        self.deliver()
        self.assertEqual([job['state'] for job in self.jobs()], ['done', 'done'])

    # ---- TLS ----

    def openssl(self, *arguments):
        subprocess.run(['openssl', *arguments], cwd=self.directory, check=True, capture_output=True)

    def certificates(self):
        """An authority; a certificate of it for localhost, one for another host, one that has expired; one that signs itself."""
        if not shutil.which('openssl'):
            self.skipTest('openssl, which makes certificates, is not installed')
        key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
        self.openssl('req', '-x509', *key, '-keyout', 'ca.key', '-out', 'ca', '-subj', '/CN=Test authority')
        self.openssl('req', '-x509', *key, '-keyout', 'self.key', '-out', 'self', '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost')
        for name, host, days in (('good', 'localhost', '30'), ('other', 'other.example.com', '30'), ('expired', 'localhost', '-1')):
            (self.directory / 'names').write_text('subjectAltName=DNS:%s\n' % host)
            self.openssl('req', *key, '-keyout', name + '.key', '-out', name + '.csr', '-subj', '/CN=' + host)
            self.openssl('x509', '-req', '-in', name + '.csr', '-CA', 'ca', '-CAkey', 'ca.key', '-days', days, '-extfile', 'names', '-out', name)

    def tls(self, name):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.directory / name, self.directory / (name + '.key'))
        server = Server(Greeter)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        return self.serve(server)

    def test_certificates(self):
        self.certificates()
        for name, ca, state in (('good', 'ca', 'done'), ('good', None, 'waiting'), ('other', 'ca', 'waiting'), ('expired', 'ca', 'waiting'),
                                ('self', 'ca', 'waiting'), ('self', None, 'waiting'), ('self', 'self', 'done')):
            with self.subTest(certificate=name, ca=ca):
                server = self.tls(name)
                more = 'allow_private = true' + (', ca = "%s/%s"' % (self.directory, ca) if ca else '')
                self.hooks(['https://localhost:%d/' % server.port], more)
                self.deliver()
                job = self.jobs()[-1]
                self.assertEqual(job['state'], state, job)
                self.assertEqual(len(server.asked), state == 'done')
                if state != 'done':
                    self.assertRegex(job['last_answer'], '(?i)certificate|SSL')
                    self.carom('outbox', 'drop', str(job['job']))

    # ---- HTTP/2 ----

    NODE = '''
    const http2 = require('http2'), fs = require('fs');
    const server = http2.createSecureServer({ key: fs.readFileSync('good.key'), cert: fs.readFileSync('good'), allowHTTP1: false });
    let first = true;
    server.on('session', session => console.log(JSON.stringify({ session: session.alpnProtocol })));
    server.on('stream', (stream, headers) => {
      console.log(JSON.stringify({ path: headers[':path'], id: headers['webhook-id'] }));
      stream.on('error', () => 0);
      if (headers[':path'] === '/refuse') return stream.close(http2.constants.NGHTTP2_REFUSED_STREAM);
      if (headers[':path'] === '/endless') {
        stream.respond({ ':status': 200 });
        const more = () => { while (!stream.destroyed && stream.write('x'.repeat(65536))); }; stream.on('drain', more); return more();
      }
      stream.respond({ ':status': headers[':path'] === '/busy' ? 503 : 200, 'retry-after': '7200' }); stream.end('said');
    });
    server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ port: server.address().port })));
    '''

    def test_http2(self):
        if not shutil.which('node'):
            self.skipTest('node, which speaks HTTP/2, is not installed')
        self.certificates()
        node = subprocess.Popen(['node', '-e', self.NODE], cwd=self.directory, stdout=subprocess.PIPE, text=True)
        self.addCleanup(node.stdout.close)
        self.addCleanup(node.wait)
        self.addCleanup(node.kill)
        port = json.loads(node.stdout.readline())['port']
        paths = ['ok', 'busy', 'refuse', 'endless']
        self.hooks(['https://localhost:%d/%s' % (port, path) for path in paths], 'allow_private = true, ca = "%s/ca"' % self.directory)
        self.deliver()
        jobs = self.jobs()
        if jobs[0]['state'] == 'waiting':  # the library may give its stream up with the one that was refused: then it goes again
            self.assertRegex(jobs[0]['last_answer'], 'HTTP/2')
            self.carom('outbox', 'resend', str(jobs[0]['job']))
            self.deliver()
            jobs = self.jobs()
        self.assertEqual([job['state'] for job in jobs], ['done', 'waiting', 'waiting', 'done'], jobs)
        self.assertTrue(7100 < self.due_in(jobs[1]) < 7300)
        node.kill()
        seen = [json.loads(line) for line in node.stdout]
        self.assertIn({'session': 'h2'}, seen)
        self.assertIn({'path': '/ok', 'id': jobs[0]['key']}, seen)

    # ---- For ever ----

    def test_hundreds_of_rounds_do_not_grow(self):
        quick = os.environ.get('QUICK_SLEEP')
        if not quick:
            self.skipTest('QUICK_SLEEP names no library: the build is one with a sanitizer, or none at all')
        server = self.receiver('503')
        rounds = self.directory / 'rounds'
        self.configure('{ carom.webhook { url = "%s/", secret = carom.file "%s/none", allow_private = true }, '
                       'carom.webhook { url = "%s/", secret = "%s", allow_private = true } }' % (server.url, self.directory, server.url, SECRET))
        for i in range(20):
            self.bounce('u%d@example.net' % i)
        watch = subprocess.Popen([*self.arguments('deliver'), '--watch'], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                 env={**os.environ, 'LD_PRELOAD': quick, 'ROUNDS': str(rounds)})
        self.addCleanup(watch.stdout.close)
        self.addCleanup(watch.wait)
        self.addCleanup(watch.kill)

        def after(n):
            deadline = time.monotonic() + 60
            while not rounds.exists() or rounds.stat().st_size < n:
                self.assertLess(time.monotonic(), deadline, 'no %d rounds' % n)
                self.assertIsNone(watch.poll())
                time.sleep(0.02)
            status = pathlib.Path('/proc/%d/status' % watch.pid).read_text()
            files = len(os.listdir('/proc/%d/fd' % watch.pid))
            return int(status.split('VmRSS:')[1].split()[0]), files
        early, files = after(100)
        late, files_late = after(600)
        watch.terminate()
        self.assertEqual(watch.wait(20), 0)
        self.assertLessEqual(late - early, 256, '%d KiB after 100 rounds, %d after 600' % (early, late))
        self.assertLessEqual(files_late, files + 2)
        said = watch.stdout.read().splitlines()
        self.assertLess(len(said), 30, said[:40])  # what waits is said once, not in every round


if __name__ == '__main__':
    unittest.main()
