#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: the carom authors
"""From a bounce to a webhook: `carom run` and `carom deliver` against receiver.py, as an operator would run them.

CAROM names the program (default: build/carom). A wait of the schedule is cut short with `carom outbox resend`; nothing
here sleeps where something can be waited for.
"""

import datetime
import email.utils
import json
import os
import pathlib
import signal
import socketserver
import sqlite3
import subprocess
import tempfile
import threading
import time
import unittest

from receiver import Receiver

CAROM = os.environ.get("CAROM") or str(pathlib.Path(__file__).resolve().parents[2] / "build" / "carom")
SECRET = "whsec_Y2Fyb20tdGVzdC1zZWNyZXQtMDEyMzQ1Njc4OQ=="
OTHER = "whsec_YW5vdGhlci1zZWNyZXQtMDEyMzQ1Njc4OQ=="
LIST = "dev.lists.example.org"

BOUNCE = """\
From: MAILER-DAEMON@mx.example.net
To: dev-bounces@lists.example.org
Subject: Undelivered Mail Returned to Sender
Message-ID: <%(number)d.bounce@mx.example.net>
Date: %(date)s
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b

It failed.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net

Final-Recipient: rfc822; %(recipient)s
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 %(text)s

--b
Content-Type: text/rfc822-headers

Message-ID: <%(number)d.post@lists.example.org>
List-Id: Developers <dev.lists.example.org>
X-Campaign: %(campaign)s

--b--
"""

POLICY = """\
carom.configure {
  lists = { ["%s"] = { address = "dev@lists.example.org", key = "7" } },
  sinks = { unsubscribe = %%s },
}
function on_permanent(bounce) bounce:unsubscribe() end
""" % LIST


class Mail(socketserver.StreamRequestHandler):
    def handle(self):
        self.server.connections += 1
        self.wfile.write(b"220 relay ESMTP\r\n")
        for line in self.rfile:
            if line[:4].upper() == b"DATA":
                self.wfile.write(b"354 go\r\n")
                while self.rfile.readline() not in (b".\r\n", b""):
                    pass
                self.server.take()
            self.wfile.write(b"250 2.0.0 ok\r\n")


class Relay(socketserver.ThreadingTCPServer):
    """Says nothing to the first so many mails before it may go on."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, slow):
        super().__init__(("127.0.0.1", 0), Mail)
        self.connections, self.mails, self.slow, self.lock = 0, 0, slow, threading.Lock()
        self.waiting, self.go_on = threading.Event(), threading.Event()

    def take(self):
        with self.lock:
            self.mails += 1
            waits = self.mails <= self.slow
            if self.mails == self.slow:
                self.waiting.set()
        if waits:
            self.go_on.wait(60)


class Bench(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="carom-outbox-")
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)
        self.policy = self.directory / "policy.lua"
        self.number = 0

    def receiver(self, *plan, secrets=(SECRET,), **more):
        server = Receiver(secrets, plan or ("204",), **more)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return server

    def configure(self, sink):
        self.policy.write_text(POLICY % sink)

    def webhook(self, server, path="/hook", secret='"%s"' % SECRET, more="allow_private = true"):
        self.configure('carom.webhook { url = "%s%s", secret = %s, %s }' % (server.url, path, secret, more))

    def arguments(self, command):
        return [CAROM, command, "--policy", str(self.policy), "--state", str(self.directory / "state")]

    def carom(self, command, *arguments, status=0):
        (self.directory / "state").mkdir(exist_ok=True)
        done = subprocess.run([*self.arguments(command), *arguments], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=120)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done

    def bounce(self, recipient="jane@example.net", text="User unknown", campaign="spring"):
        self.number += 1
        path = self.directory / ("%d.eml" % self.number)
        path.write_bytes((BOUNCE % dict(number=self.number, recipient=recipient, text=text, campaign=campaign,
                                        date=email.utils.formatdate())).encode())
        self.carom("run", "--quiet", str(path))

    def deliver(self, status=0):
        return self.carom("deliver", status=status)

    def jobs(self):
        return [json.loads(line) for line in self.carom("outbox", "--json", "list").stdout.splitlines()]

    def job(self):
        jobs = self.jobs()
        self.assertEqual(len(jobs), 1, jobs)
        return jobs[0]

    def hurry(self):
        """What waits is due now."""
        waiting = [str(job["job"]) for job in self.jobs() if job["state"] == "waiting"]
        self.carom("outbox", "resend", *waiting)

    def due_in(self, job):
        then = datetime.datetime.fromisoformat(job["due"].replace("Z", "+00:00")).timestamp()
        return then - time.time()

    def assertGenuine(self, server):
        self.assertEqual([seen["problem"] for seen in server.seen], [None] * len(server.seen))


class Outbox(Bench):
    # ---- Webhooks ----

    def test_delivered_once_and_signed(self):
        server = self.receiver()
        self.webhook(server)
        self.bounce()
        self.bounce("joe@example.net")
        self.deliver()
        self.deliver()
        self.assertEqual(len(server.seen), 2)
        self.assertGenuine(server)
        self.assertEqual(len({seen["id"] for seen in server.seen}), 2)
        self.assertEqual({job["state"] for job in self.jobs()}, {"done"})
        event = json.loads(server.seen[0]["body"])
        self.assertEqual(sorted(event), ["data", "timestamp", "type"])
        self.assertEqual(event["type"], "carom.unsubscribe")
        self.assertEqual(event["data"]["action"]["list"], LIST)
        self.assertEqual(event["data"]["fact"]["reason"], "user_unknown")
        self.assertEqual({json.loads(seen["body"])["data"]["fact"]["recipient"] for seen in server.seen},
                         {"jane@example.net", "joe@example.net"})

    def test_retry_keeps_id_and_body(self):
        server = self.receiver("503", "reset", "204")
        self.webhook(server)
        self.bounce()
        for _ in range(2):
            self.deliver()
            job = self.job()
            self.assertEqual((job["state"], job["attempts"]), ("waiting", 1))  # by hand it begins anew
            self.hurry()
        self.deliver()
        self.assertEqual(self.job()["state"], "done")
        self.assertGenuine(server)
        self.assertEqual(len(server.seen), 3)
        self.assertEqual(len({(seen["id"], seen["body"]) for seen in server.seen}), 1)

    def test_retry_after(self):
        for asked in ("7200", email.utils.formatdate(time.time() + 7200, usegmt=True)):
            with self.subTest(asked=asked):
                server = self.receiver("429/" + asked if asked.isdigit() else "503/" + asked)
                self.webhook(server)
                self.bounce("u%s@example.net" % len(asked))
                self.deliver()
                job = self.jobs()[-1]
                self.assertEqual(job["state"], "waiting")
                self.assertTrue(7100 < self.due_in(job) < 7300, job)

    def test_rotated_secret(self):
        server = self.receiver(secrets=(OTHER,))
        self.webhook(server, secret='{ "%s", "%s" }' % (SECRET, OTHER))
        self.bounce()
        self.deliver()
        self.assertGenuine(server)
        self.assertEqual(len(server.seen), 1)

    def test_missing_secret_waits(self):
        secret = self.directory / "hook.secret"
        server = self.receiver()
        self.webhook(server, secret='carom.file "%s"' % secret)
        self.bounce()
        told = self.deliver(status=78)
        job = self.job()
        self.assertEqual((job["state"], job["attempts"]), ("waiting", 0))
        self.assertIn(str(secret), job["last_answer"])
        self.assertIn(str(secret), told.stderr)
        self.assertRegex(told.stderr, r"sink (\S+) waits: (?!sink )")
        self.assertEqual(server.seen, [])
        secret.write_text(SECRET + "\n")
        self.hurry()
        self.deliver()
        self.assertEqual(len(server.seen), 1)
        self.assertGenuine(server)

    def rests_until_enabled(self, server, why=None):
        asked = len(server.seen)
        self.deliver()
        self.assertEqual(len(server.seen), asked, why)  # nobody asks again within the minute
        server.plan.steps[None] = ["204"]
        self.carom("outbox", "enable", "unsubscribe")
        self.hurry()
        self.deliver()
        self.assertEqual({job["state"] for job in self.jobs()}, {"done"}, why)

    def test_refused_credentials_pause(self):
        server = self.receiver("401")
        self.webhook(server)
        for name in ("a", "b", "c"):
            self.bounce(name + "@example.net")
        self.deliver()
        for job in self.jobs():
            self.assertEqual((job["state"], job["attempts"]), ("waiting", 0))
            self.assertIn("401", job["last_answer"])
        self.assertIn("sink unsubscribe is stopped since", self.carom("outbox").stdout)
        self.rests_until_enabled(server)

    def test_a_stopped_sink_raises_an_alert(self):
        hook, pager = self.receiver("401=password expired"), self.receiver()
        sinks = ['carom.webhook { url = "%s/", secret = "%s", allow_private = true }' % (server.url, SECRET)
                 for server in (hook, pager)]
        self.configure("%s, alert = %s" % tuple(sinks))
        for name in ("a", "b"):
            self.bounce(name + "@example.net")
        self.deliver()
        self.deliver()
        self.assertEqual(len(pager.seen), 1)
        self.assertGenuine(pager)
        action = json.loads(pager.seen[0]["body"])["data"]["action"]
        self.assertEqual(action["key"], "stopped:unsubscribe")
        self.assertRegex(action["text"], "the sink unsubscribe is stopped, its jobs wait: 401 Unauthorized .*: password expired")
        pager.plan.steps[None] = ["401"]  # who is told of nothing is told of nothing
        self.carom("outbox", "resend", str(self.jobs()[-1]["job"]))
        self.deliver()
        self.assertEqual(len(self.jobs()), 3)

    def test_gone_webhook_waits(self):
        server = self.receiver("410")
        self.webhook(server)
        self.bounce()
        self.deliver()
        self.assertEqual((self.job()["state"], self.job()["attempts"]), ("waiting", 0))
        self.hurry()
        self.deliver()
        self.assertEqual(len(server.seen), 1)  # disabled: no trial, also not by resend
        stopped = json.loads(self.carom("outbox", "--json", "stopped").stdout)
        self.assertEqual((stopped["sink"], "trial" in stopped), ("unsubscribe", False))
        server.plan.steps[None] = ["204"]
        self.carom("outbox", "enable", "webhook", status=64)
        self.carom("outbox", "enable", "unsubscribe")
        self.assertEqual(self.carom("outbox", "stopped").stdout, "no sink is stopped\n")
        self.hurry()
        self.deliver()
        self.assertEqual(self.job()["state"], "done")

    def test_a_dead_letter_begins_anew(self):
        server = self.receiver("400", "503")
        self.webhook(server)
        self.bounce()
        self.deliver()
        number = self.job()["job"]
        self.assertLess(number, 2 ** 53)  # jq and JavaScript read it exactly
        self.assertEqual(self.job()["state"], "dead")
        self.carom("outbox", "resend", str(number))
        self.assertEqual(json.loads(self.carom("outbox", "show", str(number)).stdout)["attempts"], 0)
        self.deliver()
        self.assertEqual((self.job()["state"], self.job()["attempts"]), ("waiting", 1))
        self.assertLess(self.due_in(self.job()), 6)

    def test_all_dead_letters_begin_anew(self):
        server = self.receiver("400", "400", "204")
        self.webhook(server)
        for recipient in ("jane@example.net", "joan@example.net", "june@example.net"):
            self.bounce(recipient)
        self.deliver()
        self.assertEqual(sorted(job["state"] for job in self.jobs()), ["dead", "dead", "done"])
        self.assertEqual(self.carom("outbox", "resend", "--all").stdout, "2 dead letters are due again\n")
        self.deliver()
        self.assertEqual([job["state"] for job in self.jobs()], ["done"] * 3)
        self.assertEqual(self.carom("outbox", "resend", "--all").stdout, "0 dead letters are due again\n")
        self.carom("outbox", "drop", "--all", status=64)
        self.carom("outbox", "resend", "--all", "1", status=64)

    def test_redirect_and_refusal_are_dead_letters(self):
        target = self.receiver()
        for step in ("302>" + target.url + "/", "400=no thanks"):
            server = self.receiver(step)
            self.configure('carom.http { url = "%s/{address}", allow_private = true }' % server.url)
            self.bounce("u%d@example.net" % len(step))
            self.deliver()
            self.assertEqual(self.jobs()[-1]["state"], "dead")
        self.assertEqual(target.seen, [])
        self.assertIn("redirects", self.jobs()[0]["last_answer"])
        self.assertIn("no thanks", self.jobs()[1]["last_answer"])

    def test_a_webhook_at_a_wrong_address_waits(self):
        target = self.receiver()
        for step, said in (("308>" + target.url + "/", "give the final URL"), ("404", "address seems to be wrong"),
                           ("405", "address seems to be wrong"), ("421", "address seems to be wrong")):
            server = self.receiver(step)
            self.webhook(server)
            for name in "abc":
                self.bounce(name + step[:3] + "@example.net")
            self.deliver()
            jobs = [job for job in self.jobs() if job["state"] != "done"]
            self.assertEqual([job["state"] for job in jobs], ["waiting"] * 3, step)
            self.assertEqual(sum(job["attempts"] for job in jobs), 1, step)
            self.assertIn(said, self.carom("outbox", "stopped").stdout)
            self.rests_until_enabled(server, step)
        self.assertEqual(target.seen, [])

    def test_who_alone_is_not_found_is_given_up_in_the_end(self):
        server = self.receiver("404")
        self.webhook(server)
        self.bounce()
        for attempt in range(10):
            self.assertEqual(self.job()["attempts"], attempt)
            self.carom("outbox", "enable", "unsubscribe", status=64 if attempt == 0 else 0)  # as the success of another would
            with sqlite3.connect(self.directory / "state" / "carom.db") as ledger:
                ledger.execute("UPDATE job SET due = 0")
            ledger.close()
            self.deliver()
        self.assertEqual((self.job()["state"], self.job()["attempts"]), ("dead", 10))

    def test_private_address_is_refused(self):
        server = self.receiver()
        self.webhook(server, more="")
        self.bounce()
        self.deliver()
        self.assertEqual(server.connections, 0)
        self.assertEqual(self.job()["state"], "waiting")
        self.assertIn("allow_private = true", self.job()["last_answer"])

    # ---- Order, crashes, many ----

    def test_order_per_address(self):
        server = self.receiver("503", "204")
        self.webhook(server)
        self.bounce()
        self.bounce()
        self.deliver()
        self.assertEqual(len(server.seen), 1)
        self.hurry()
        self.deliver()
        self.assertEqual(len(server.seen), 3)
        keys = [job["key"] for job in self.jobs()]
        self.assertEqual([seen["id"] for seen in server.seen], [keys[0], keys[0], keys[1]])

    def test_killed_in_the_middle(self):
        server = self.receiver("hang", "204")
        self.webhook(server)
        self.bounce()
        run = subprocess.Popen(self.arguments("deliver"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 30
        while not server.seen and time.monotonic() < deadline:
            time.sleep(0.02)  # the request is in the other process's hands
        run.kill()
        run.wait()
        self.assertEqual(len(server.seen), 1)
        self.deliver()
        self.assertEqual(len(server.seen), 1)  # leased: the killed run might still be at it
        self.assertEqual(self.job()["state"], "waiting")
        self.hurry()
        self.deliver()
        self.assertEqual(self.job()["state"], "done")
        self.assertEqual(len({seen["id"] for seen in server.seen}), 1)

    def test_killed_in_the_middle_and_taken_back(self):
        server = self.receiver("hang", "204")
        self.webhook(server)
        self.policy.write_text(self.policy.read_text().replace("unsubscribe = carom", '["*"] = carom'))
        self.bounce()
        run = subprocess.Popen(self.arguments("deliver"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 30
        while not server.seen and time.monotonic() < deadline:
            time.sleep(0.02)
        run.kill()
        run.wait()
        with sqlite3.connect(self.directory / "state" / "carom.db") as ledger:
            ledger.execute("UPDATE job SET lease = lease - 60000")  # a minute later
        self.carom("undo", "jane@example.net")
        # The receiver may have done what it was told, though nobody heard its answer.
        self.assertEqual([(job["action"], job["state"]) for job in self.jobs()],
                         [("unsubscribe", "dropped"), ("resubscribe", "waiting")])

    def test_forgotten_while_it_is_told(self):
        self.configure('carom.command { argv = { "/bin/sh", "-c", "echo >%s; exec sleep 1" } }' % (self.directory / "told"))
        self.bounce()
        self.bounce("joe@example.net")
        run = subprocess.Popen(self.arguments("deliver"), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        deadline = time.monotonic() + 30
        while not (self.directory / "told").exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        self.carom("forget", "jane@example.net")
        _, error = run.communicate(timeout=60)
        self.assertEqual((run.returncode, error), (0, b""))
        self.assertEqual(self.job()["state"], "done")  # joe's

    def test_many_share_connections(self):
        server = self.receiver()
        self.webhook(server)
        n = 150  # fewer than the breaker wonders at
        mbox = self.directory / "many.mbox"
        with mbox.open("w") as out:
            for i in range(n):
                out.write("From MAILER-DAEMON Mon Jan  5 12:00:00 2026\n")
                out.write(BOUNCE % dict(number=1000 + i, recipient="u%d@example.net" % i, text="x", campaign="c",
                                        date=email.utils.formatdate()) + "\n")
        self.carom("run", "--quiet", str(mbox))
        self.deliver()
        self.assertEqual(len(server.seen), n)
        self.assertEqual(len({seen["id"] for seen in server.seen}), n)
        self.assertGenuine(server)
        self.assertLessEqual(server.connections, 64)

    # ---- Mail ----

    def relay(self, mails, slow):
        relay = Relay(slow)
        threading.Thread(target=relay.serve_forever, args=(0.05,), daemon=True).start()
        self.addCleanup(relay.server_close)
        self.addCleanup(relay.shutdown)
        self.policy.write_text(
            'carom.configure { smtp = { url = "smtp://127.0.0.1:%d", from = "carom@example.org", allow_private = true } }\n'
            'function on_permanent(bounce) bounce:forward("ops@example.org") end\n' % relay.server_address[1])
        bounces = [BOUNCE % dict(number=number, recipient="r%d@example.net" % number, text="User unknown", campaign="spring",
                                 date=email.utils.formatdate()) for number in range(mails)]
        box = self.directory / "bounces.mbox"
        box.write_text("".join("From MAILER-DAEMON Mon Nov  3 00:00:00 2025\n%s\n" % bounce for bounce in bounces))
        self.carom("run", "--quiet", str(box))
        return relay

    def test_one_mail_after_the_other(self):
        relay = self.relay(mails=20, slow=0)
        self.deliver()
        self.assertEqual((relay.mails, relay.connections), (20, 1))

    def test_two_runs_share_what_a_relay_may_have(self):
        most = 200
        relay = self.relay(mails=500, slow=1)
        first = subprocess.Popen([*self.arguments("deliver"), "--quiet"])
        self.assertTrue(relay.waiting.wait(60))
        self.deliver()
        self.assertEqual(relay.mails, 1 + most)
        relay.go_on.set()
        self.assertEqual(first.wait(60), 0)
        self.assertEqual(relay.mails, 1 + most)

    # ---- REST ----

    def rest(self, server, text):
        self.configure('carom.http { url = "%s/3.1/lists/{list}/member/{address}", allow_private = true, %s }' %
                       (server.url, text))

    def test_rest_call(self):
        server = self.receiver("204")
        self.rest(server, 'method = "DELETE", body = { emails = "{address}", why = "{diagnostic}" }, '
                          'user = "restadmin", password = "p:w", headers = { ["X-Campaign"] = "{header.X-Campaign}" }')
        self.bounce("a+b/c%2e@example.net", text='say "no"\\ \u00fc \x01 {address}', campaign="spring\r\n\tsale")
        self.deliver()
        self.assertEqual(self.job()["state"], "done", self.job())
        seen = server.seen[0]
        self.assertEqual(seen["method"], "DELETE")
        self.assertEqual(seen["path"], "/3.1/lists/" + LIST + "/member/a%2Bb%2Fc%252e%40example.net")
        body = json.loads(seen["body"])
        self.assertEqual(body["emails"], "a+b/c%2e@example.net")
        self.assertIn('say "no"\\ \u00fc', body["why"])
        self.assertIn("{address}", body["why"])  # what mail says is not expanded again
        headers = dict(seen["headers"])
        self.assertEqual(headers["Authorization"], "Basic cmVzdGFkbWluOnA6dw==")
        self.assertEqual(headers["X-Campaign"].split(), ["spring", "sale"])
        self.assertTrue(headers["User-Agent"].startswith("carom/"))

    def test_rest_form_and_token(self):
        server = self.receiver("201")
        self.rest(server, 'method = "POST", token = "t0ken", form = { email = "{address}" }')
        self.bounce("a&b=c@example.net")
        self.deliver()
        seen = server.seen[0]
        self.assertEqual(seen["body"], "email=a%26b%3Dc%40example.net")
        self.assertEqual(dict(seen["headers"])["Authorization"], "Bearer t0ken")
        self.assertEqual(dict(seen["headers"])["Content-Type"], "application/x-www-form-urlencoded")

    def test_rest_meaning_of_answers(self):
        cases = (("DELETE", "", "404", "done"), ("DELETE", "", "410", "done"), ("POST", "", "404", "dead"),
                 ("DELETE", "", "202", "done"), ("POST", "done = { 200 },", "202", "dead"),
                 ("POST", "done = { 409 },", "409", "done"), ("POST", 'done = { "2xx", 404 },', "404", "done"))
        for number, (method, done, answer, state) in enumerate(cases):
            with self.subTest(method=method, done=done, answer=answer):
                server = self.receiver(answer)
                self.rest(server, '%s method = "%s"' % (done, method))
                self.bounce("u%d@example.net" % number)
                self.deliver()
                self.assertEqual(len(server.seen), 1)
                self.assertEqual(self.jobs()[-1]["state"], state)


class Waiting(Bench):
    """What takes its time goes on in the background while all else is tested."""

    @classmethod
    def begin(cls):
        cls.slow, cls.watch = cls.begin_slow(cls.bench()), cls.begin_watch(cls.bench())

    @staticmethod
    def bench():
        bench = Bench()
        bench.setUp()
        unittest.addModuleCleanup(bench.doCleanups)
        return bench

    @staticmethod
    def spawn(bench, *arguments):
        process = subprocess.Popen([*bench.arguments("deliver"), *arguments], stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        bench.addCleanup(process.wait)
        bench.addCleanup(process.kill)
        return process

    @classmethod
    def begin_slow(cls, bench):
        server = bench.receiver(paths={"/hang": ["hang"], "/drip": ["drip"], "/large": ["200*5000000"]})
        bench.configure("{ %s }" % ", ".join('carom.webhook { url = "%s%s", secret = "%s", allow_private = true }' %
                                             (server.url, path, SECRET) for path in ("/hang", "/drip", "/large")))
        bench.bounce()
        return bench, cls.spawn(bench)

    @classmethod
    def begin_watch(cls, bench):
        server = bench.receiver("503", "204", maximum=2)
        bench.webhook(server)
        bench.bounce()
        return bench, server, cls.spawn(bench, "--watch")

    def test_slow_answers_end(self):
        bench, process = self.slow
        self.assertEqual(process.wait(60), 0)
        self.assertEqual([(job["state"], job["attempts"]) for job in bench.jobs()],
                         [("waiting", 1), ("waiting", 1), ("done", 1)])

    def test_watch_retries_by_the_schedule(self):
        bench, server, watch = self.watch
        self.assertTrue(server.finished.wait(30))
        watch.send_signal(signal.SIGTERM)
        self.assertEqual(watch.wait(20), 0)
        self.assertGenuine(server)
        first, second = server.seen
        self.assertEqual(first["id"], second["id"])
        self.assertGreaterEqual(second["received"] - first["received"], 4.4)  # 5 s less 10 %
        self.assertNotEqual(first["timestamp"], second["timestamp"])
        self.assertEqual(bench.job()["state"], "done")


def setUpModule():
    Waiting.begin()


if __name__ == "__main__":
    if not os.access(CAROM, os.X_OK):
        raise SystemExit("%s: there is no program; build it, or name it in CAROM" % CAROM)
    unittest.main()
