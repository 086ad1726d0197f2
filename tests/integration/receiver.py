#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: the carom authors
"""A small webhook receiver for tests: answers by plan, checks signatures, writes down what it saw.

Written from the Standard Webhooks specification with Python's standard library alone, so that it shares no code and no
mistake with the sender. It listens on 127.0.0.1 only and knows nothing of carom.

A plan is a list of steps, one a request, the last one repeated:
    204                 that status, no body
    429/120             with Retry-After: 120 (seconds, or anything else without a comma)
    302>http://host/    with Location
    200=TEXT            with that body
    200*70000           with a body of that many bytes
    drop                the connection is closed without an answer
    reset               the connection is reset without an answer
    hang                no answer until the client gives up
    drip                200, then the body byte by byte, one every half second

    receiver.py --secret whsec_… --plan 503,503,204 --path '/crm=401,204' --max 5 --log seen.json
"""

import argparse
import base64
import binascii
import hashlib
import hmac
import json
import os
import socket
import struct
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOLERANCE_S = 300  # as the specification's reference libraries have it


def key_of(secret):
    """The bytes that a secret stands for."""
    if secret.startswith("whsec_"):
        return base64.b64decode(secret[len("whsec_"):], validate=True)
    return secret.encode()


def verify(secrets, headers, body, now):
    """None when the request is genuine, else what is wrong with it."""
    for name in ("webhook-id", "webhook-timestamp", "webhook-signature"):
        if len(headers.get_all(name) or []) != 1:
            return "%s: not there exactly once" % name
    ident, stamp = headers["webhook-id"], headers["webhook-timestamp"]
    if not stamp.isdigit() or abs(int(stamp) - now) > TOLERANCE_S:
        return "webhook-timestamp: %r is not now" % stamp
    signed = b"%s.%s.%s" % (ident.encode(), stamp.encode(), body)
    for secret in secrets:
        wanted = hmac.new(key_of(secret), signed, hashlib.sha256).digest()
        for given in headers["webhook-signature"].split(" "):
            version, _, text = given.partition(",")
            try:
                found = base64.b64decode(text, validate=True)
            except binascii.Error:
                continue
            if version == "v1" and hmac.compare_digest(found, wanted):
                return None
    return "webhook-signature: none of them fits"


class Plan:
    """Steps by path; a path without its own plan has the common one."""

    def __init__(self, common, paths):
        self.steps = {path: list(steps) for path, steps in paths.items()}
        self.steps[None] = list(common)
        self.lock = threading.Lock()

    def next(self, path):
        with self.lock:
            steps = self.steps.get(path, self.steps[None])
            return steps.pop(0) if len(steps) > 1 else steps[0]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *args):
        pass

    def read_body(self):
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while True:
            size = int(self.rfile.readline().split(b";")[0], 16)
            body += self.rfile.read(size)
            self.rfile.readline()
            if size == 0:
                return body

    def handle_any(self):
        body = self.read_body()
        step = self.server.plan.next(self.path.split("?")[0])
        self.server.note(self, body, step)
        try:
            self.answer(step)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True
        self.server.count()

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = handle_any

    def answer(self, step):
        if step == "drop":
            self.close_connection = True
        elif step == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
        elif step == "hang":
            self.connection.settimeout(60)
            self.rfile.read(1)  # until the client goes
            self.close_connection = True
        elif step == "drip":
            self.head(200, 1000)
            for _ in range(1000):
                self.wfile.write(b".")
                time.sleep(0.5)
        else:
            self.answer_plainly(step)

    def answer_plainly(self, step):
        code, extra, body = step, {}, b""
        if "/" in code and "=" not in code and ">" not in code:
            code, extra["Retry-After"] = code.split("/", 1)
        elif ">" in code:
            code, extra["Location"] = code.split(">", 1)
        elif "=" in code:
            code, text = code.split("=", 1)
            body = text.encode()
        elif "*" in code:
            code, size = code.split("*", 1)
            body = b"x" * int(size)
        self.head(int(code), len(body), extra)
        if self.command != "HEAD":
            self.wfile.write(body)

    def head(self, code, length, extra={}):
        self.send_response(code)
        for name, value in extra.items():
            self.send_header(name, value)
        if code != 204:
            self.send_header("Content-Length", str(length))
        self.end_headers()


class Receiver(ThreadingHTTPServer):
    """seen: one dictionary a request, in the order of arrival."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, secrets=(), plan=("204",), paths={}, maximum=None, port=0):
        super().__init__(("127.0.0.1", port), Handler)
        self.secrets = list(secrets)
        self.plan = Plan(plan, paths)
        self.maximum = maximum
        self.seen, self.connections, self.answered = [], 0, 0
        self.lock = threading.Lock()
        self.finished = threading.Event()

    @property
    def url(self):
        return "http://127.0.0.1:%d" % self.server_address[1]

    def get_request(self):
        self.connections += 1
        return super().get_request()

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)

    def note(self, request, body, step):
        now = time.time()
        problem = verify(self.secrets, request.headers, body, now) if self.secrets else "no secret was given"
        try:
            event = json.loads(body)
        except ValueError:
            event = None
        with self.lock:
            self.seen.append({
                "method": request.command, "path": request.path, "received": now, "answer": step,
                "id": request.headers.get("webhook-id"), "timestamp": request.headers.get("webhook-timestamp"),
                "type": event.get("type") if isinstance(event, dict) else None,
                "verified": problem is None, "problem": problem,
                "headers": request.headers.items(), "body": body.decode("utf-8", "backslashreplace"),
            })

    def count(self):
        with self.lock:
            self.answered += 1
            if self.maximum and self.answered >= self.maximum:
                self.finished.set()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--secret", action="append", default=[], help="a signing secret; may be given twice")
    parser.add_argument("--plan", default="204", help="steps for all paths (default: 204)")
    parser.add_argument("--path", action="append", default=[], metavar="PATH=PLAN", help="steps for one path")
    parser.add_argument("--max", type=int, help="stop after that many requests")
    parser.add_argument("--seconds", type=float, default=60, help="stop after that time (default: 60)")
    parser.add_argument("--log", help="write what was seen to this file, as JSON (default: standard output)")
    parser.add_argument("--port", type=int, default=0, help="default: a free one, printed on standard output")
    options = parser.parse_args()
    paths = dict(path.split("=", 1) for path in options.path)
    server = Receiver(options.secret, options.plan.split(","), {p: steps.split(",") for p, steps in paths.items()},
                      options.max, options.port)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_address[1], flush=True)
    server.finished.wait(options.seconds)
    server.shutdown()
    text = json.dumps(server.seen, indent=1)
    if options.log:
        with open(options.log + ".new", "w") as log:
            log.write(text + "\n")
        os.rename(options.log + ".new", options.log)  # who waits for the file sees it whole
    else:
        print(text)
    return 0 if all(seen["verified"] for seen in server.seen) or not options.secret else 1


if __name__ == "__main__":
    sys.exit(main())
