# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: the carom authors
"""Small servers that behave as the documented APIs of listmonk and Keila say, and as scripts/adapters/rest.md does: paths,
methods, authentication, JSON, error codes. Written from these documents alone."""
import base64
import json
import re
import sqlite3
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOKEN = 'a token of the test'


class Refused(Exception):
    def __init__(self, status, text):
        super().__init__(text)
        self.status = status


class Api(ThreadingHTTPServer):
    """routes: (method, pattern of the path, function of the match, the query and the JSON body → status, JSON)."""
    daemon_threads = True
    authorization = f'Bearer {TOKEN}'
    unauthorized = 401

    def __init__(self):
        super().__init__(('127.0.0.1', 0), Call)
        self.url = f'http://127.0.0.1:{self.server_address[1]}'
        self.lock = threading.Lock()
        self.calls = []  # (method, path, body)
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def error(self, refused):
        return {'message': str(refused)}

    def answer(self, method, target, authorization, text):
        path, _, query = target.partition('?')
        if authorization != self.authorization:
            raise Refused(self.unauthorized, 'invalid credentials')
        try:
            body = json.loads(text) if text else None
        except ValueError:
            raise Refused(400, 'no JSON') from None
        self.calls.append((method, target, body))
        for wanted, pattern, function in self.routes():
            match = re.fullmatch(pattern, path)
            if match and wanted == method:
                return function(*map(urllib.parse.unquote, match.groups()), query=urllib.parse.parse_qs(query), body=body)
        raise Refused(404, 'no such path')


class Call(BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def log_message(self, *_):
        pass

    def reply(self):
        text = self.rfile.read(int(self.headers.get('Content-Length', 0)))
        try:
            with self.server.lock:
                status, answer = self.server.answer(self.command, self.path, self.headers.get('Authorization'), text)
        except Refused as refused:
            status, answer = refused.status, self.server.error(refused)
        data = b'' if answer is None else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = reply


class Listmonk(Api):
    """GET /api/subscribers?query= (an SQL expression, as it stands), PUT /api/subscribers/lists and /blocklist."""
    authorization = 'Basic ' + base64.b64encode(f'carom:{TOKEN}'.encode()).decode()
    unauthorized = 403

    def __init__(self):
        super().__init__()
        self.db = sqlite3.connect(':memory:', check_same_thread=False)
        self.db.execute('CREATE TABLE subscribers (id INTEGER PRIMARY KEY, email TEXT UNIQUE, status TEXT)')
        self.lists = {}  # (subscriber, list) → status

    def routes(self):
        return [('GET', '/api/subscribers', self.find), ('PUT', '/api/subscribers/lists', self.manage),
                ('PUT', '/api/subscribers/blocklist', self.block)]

    def add(self, email, *lists):
        number = self.db.execute("INSERT INTO subscribers (email, status) VALUES (?, 'enabled')", (email.lower(),)).lastrowid
        self.lists.update({(number, name): 'confirmed' for name in lists})

    def status(self, email, number):
        row = self.db.execute('SELECT id, status FROM subscribers WHERE email = ?', (email,)).fetchone()
        return row and (row[1] if row[1] != 'enabled' else self.lists.get((row[0], number)))

    def find(self, query, body):
        try:
            rows = self.db.execute('SELECT subscribers.id, subscribers.email, subscribers.status FROM subscribers WHERE '
                                   + query.get('query', ['1'])[0] + ' LIMIT ' + str(int(query['per_page'][0]))).fetchall()
        except sqlite3.Error as wrong:
            raise Refused(400, f'error querying: {wrong}') from None
        results = [{'id': row[0], 'email': row[1], 'status': row[2], 'lists': []} for row in rows]
        return 200, {'data': {'results': results, 'query': '', 'total': len(results), 'per_page': 2, 'page': 1}}

    def numbers(self, body, name):
        values = body.get(name)
        if not isinstance(values, list) or not values or not all(type(value) is int for value in values):
            raise Refused(400, f'{name}: not a list of numbers')
        return values

    def manage(self, query, body):
        status = {'add': body.get('status'), 'unsubscribe': 'unsubscribed', 'remove': None}
        if body.get('action') not in status:
            raise Refused(400, 'invalid action')
        for subscriber in self.numbers(body, 'ids'):
            for number in self.numbers(body, 'target_list_ids'):
                if body['action'] == 'add' or (subscriber, number) in self.lists:
                    self.lists[subscriber, number] = status[body['action']]
        return 200, {'data': True}

    def block(self, query, body):
        for subscriber in self.numbers(body, 'ids'):
            self.db.execute("UPDATE subscribers SET status = 'blocklisted' WHERE id = ?", (subscriber,))
            self.lists.update({key: 'unsubscribed' for key in self.lists if key[0] == subscriber})
        return 200, {'data': True}


class Keila(Api):
    """GET and PATCH /api/v1/contacts/{id}?id_type=email."""

    def __init__(self):
        super().__init__()
        self.contacts = {}  # email → status

    def routes(self):
        return [('GET', '/api/v1/contacts/([^/]+)', self.get), ('PATCH', '/api/v1/contacts/([^/]+)', self.patch)]

    def error(self, refused):
        return {'errors': [{'status': str(refused.status), 'title': str(refused)}]}

    def contact(self, email, query):
        if query.get('id_type') != ['email'] or email not in self.contacts:
            raise Refused(404, 'Not found')
        return {'data': {'id': 'nc_' + email, 'email': email, 'status': self.contacts[email], 'data': {}}}

    def get(self, email, query, body):
        return 200, self.contact(email, query)

    def patch(self, email, query, body):
        self.contact(email, query)
        status = body.get('data', {}).get('status')
        if status not in ('active', 'unsubscribed', 'unreachable'):
            raise Refused(400, 'status is invalid')
        self.contacts[email] = status
        return 200, self.contact(email, query)


class Rest(Api):
    """What scripts/adapters/rest.md asks for."""

    def __init__(self):
        super().__init__()
        self.members, self.suppressed, self.slow = set(), {}, set()

    def routes(self):
        return [('DELETE', '/lists/([^/]+)/members/([^/]+)', self.leave), ('PUT', '/lists/([^/]+)/members/([^/]+)', self.join),
                ('PUT', '/suppressions/([^/]+)', self.suppress), ('DELETE', '/suppressions/([^/]+)', self.unsuppress)]

    def leave(self, name, address, query, body):
        if (name, address) not in self.members:
            raise Refused(404, 'no member')
        if address in self.slow:
            return 202, {}
        self.members.remove((name, address))
        return 204, None

    def join(self, name, address, query, body):
        self.members.add((name, address))
        return 201, {}

    def suppress(self, address, query, body):
        self.suppressed[address] = body
        return 200, {}

    def unsuppress(self, address, query, body):
        if not self.suppressed.pop(address, None):
            raise Refused(404, 'not suppressed')
        return 204, None
