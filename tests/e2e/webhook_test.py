"""Events that an API posts: who may, what is understood, what is answered, and what it costs."""

import contextlib
import contextlib
import http.client
import json
import os
import re
import signal
import socket
import sqlite3
import sqlite3
import subprocess
import tempfile
import threading
import unittest
import urllib.parse

import metrics_test
import secure
import shim
import tap

SECRET = "s3cret-of-the-hook"
ROW = {"created": "2026-11-20 11:00:00", "status": "2", "from": "shop@example.jp", "to": "nobody@example.org",
       "messageId": "<m1@node1>", "apiData": "Q1", "reason": "550 5.1.1 unknown"}
FORM = "application/x-www-form-urlencoded"


def form(rows=(ROW,), kind="bounces", key=SECRET, composition="shop", **more):
    fields = {"event_type": kind, "server_composition": composition, "event": json.dumps({kind: list(rows)}), **more}
    return urllib.parse.urlencode({**fields, **({"api_key": key} if key else {})}).encode()


class WebhookTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sandbox = shim.Sandbox()
        cls.addClassCleanup(cls.sandbox.end)

    def start(self, hook="", account="server-composition = shop\n", secret=True, state=None, **more):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        file = secure.write(os.path.join(folder.name, "secret"), SECRET + "\n")
        text = "address = 127.0.0.1:0\n" + (f"secret-file = {file}\n" if secret else "") + hook
        daemon = shim.Daemon(self.sandbox.url, more={"webhook": text, "account main": account, **metrics_test.LISTEN,
                                                     **more}, state=state)
        self.addCleanup(daemon.end)
        self.port = int(daemon.wait_line(r"^webhook .*port=(\d+)").group(1))
        self.metrics = int(daemon.wait_line(r"^metrics .*port=(\d+)").group(1))
        return daemon

    def connect(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=shim.PATIENCE)
        self.addCleanup(connection.close)
        return connection

    def post(self, body, path="/webhook", kind=FORM, method="POST", connection=None, **headers):
        connection = connection or self.connect()
        connection.request(method, path, body, {"Content-Type": kind, **headers})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()

    def counted(self, result):
        connection = http.client.HTTPConnection("127.0.0.1", self.metrics, timeout=shim.PATIENCE)
        connection.request("GET", "/metrics")
        figures = metrics_test.parse(connection.getresponse().read().decode())
        connection.close()
        return figures.get("shimta_webhook_requests_total", {}).get(f'result="{result}"', 0)

    def test_events(self):
        daemon = self.start()
        whole = {"event_type": "bounces", "server_composition": "shop", "api_key": SECRET, "event": {"bounces": [ROW]}}
        old = {"created": ROW["created"], "envelopeFrom": "a@example.jp", "envelopeTo": ROW["to"], "status": "1"}
        multipart = "".join(f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in
                            urllib.parse.parse_qsl(form().decode())) + "--x--\r\n"
        for body, kind in ((form(), FORM), (form([ROW] * 100), FORM), (form([{**ROW, "status": "succeeded"}], "deliveries"), FORM),
                           (form([old]), FORM), (json.dumps(whole), "application/json"),
                           (json.dumps({**whole, "event": json.dumps(whole["event"])}), "application/json"),
                           (multipart, "multipart/form-data; boundary=x")):
            with self.subTest(body=body[:200]):
                self.assertEqual(self.post(body, kind=kind), (200, "stored\n"))
        self.assertEqual(self.counted("taken"), 7)
        self.assertNotIn(SECRET, daemon.text())
        self.assertNotIn("webhook-refused", daemon.text())

    def test_events_of_no_use(self):
        self.start()
        for body in (form([{"to": "a@example.org"}], "opens"), form([]), form([{"email": "a@example.org"}], "blocks"),
                     form([{"to": {"a": 1}}, {"to": "a@example.org", "status": []}])):
            with self.subTest(body=body):
                self.assertEqual(self.post(body), (200, "nothing of use\n"))
        self.assertEqual(self.counted("ignored"), 4)

    def test_what_is_no_address(self):
        """Nothing of it gets on the list, the rest does, and a line says so."""
        daemon = self.start(account="server-composition = shop\nfeedback = yes\n")
        odd = ["123", "*", "<>", "@b.test", "a@b.test, c@b.test", "a@b.test\0x", "a@b.test\r\nx: y",
               "a" * 5000 + "@b.test"]
        rows = [{**ROW, "to": address} for address in [*odd, "Name <d@b.test>", "e@b.test"]]
        self.assertEqual(self.post(form(rows)), (200, "stored\n"))
        self.assertEqual(self.post(form(rows[:3])), (200, "stored\n"))
        text = daemon.text()
        self.assertEqual(re.findall(r"^feedback-odd account=main source=webhook text=\"(.*)\"", text, re.M),
                         ["8 of 10 events name no address"])
        self.assertEqual(re.findall("^suppressed .*address=(\\S+)", text, re.M), ["d@b.test", "e@b.test"])

    def test_a_mail_that_cannot_be_looked_up(self):
        """While the journal cannot be loaded nobody knows which mails are watched: what is told of them is not taken."""
        daemon = self.start(account="server-composition = shop\nfeedback = yes\n")
        journal = os.path.join(daemon.folder, "state", "journal", "journal.db")
        mail = "From: shop@example.jp\r\nTo: a@example.org\r\nSubject: Hello\r\n\r\nHello.\r\n"
        with contextlib.closing(sqlite3.connect(journal, timeout=shim.PATIENCE, isolation_level=None)) as table:
            self.assertEqual(self.post(form())[0], 200)  # what was written before has been read
            table.execute("BEGIN IMMEDIATE")
            self.assertEqual(daemon.send("shop@example.jp", ["a@example.org"], mail)[0], 250)
            known = daemon.wait_line(r"^delivered .*to=a@example.org.*remote_id=(\S+)").group(1)
            body = form([{**ROW, "to": "a@example.org", "messageId": known}])
            self.assertEqual(self.post(body), (503, "cannot be stored, later\n"))
            self.assertNotIn("suppressed account=main address=a@", daemon.text())
            table.execute("ROLLBACK")
        shim.until(lambda: self.post(body)[0] == 200, "it is taken")
        daemon.wait_line("^returned .*to=a@example.org")

    def test_malformed(self):
        daemon = self.start()
        bodies = (b"", b"\0" * 100, b"event_type=bounces", form()[:80], form(event="{"), form(event="[1,2]"),
                  form(event='"x"'), form(event='{"bounces":"x"}'), form(event="nan"),
                  form(event="[" * 1000), b'{"event_type":', b"[]", b"{}")
        for body in bodies:
            with self.subTest(body=body[:100]):
                self.assertEqual(self.post(body, **{"X-Api-Key": SECRET})[0], 400)
        self.assertEqual(self.counted("malformed"), len(bodies))
        self.assertEqual(len(re.findall("^webhook-refused reason=malformed client=127.0.0.1", daemon.text(), re.M)), 1)

    def test_secret(self):
        daemon = self.start()
        good = {"path": f"/webhook/{SECRET}"}, {"X-Api-Key": SECRET}, {"Authorization": f"Bearer {SECRET}"}
        for how in good:
            with self.subTest(how=how):
                self.assertEqual(self.post(form(key=None), **how)[0], 200)
        bad = ({"path": "/webhook/x"}, {"path": f"/webhook/{SECRET}/"}, {"X-Api-Key": SECRET[:-1]}, {"X-Api-Key": ""},
               {"Authorization": f"Basic {SECRET}"}, {"Authorization": "Bearer "}, {"path": "/webhook/"})
        for how in bad:
            with self.subTest(how=how):
                self.assertEqual(self.post(form(key=None), **how)[0], 403)
        for key in ("", SECRET + "x", SECRET[:-1], SECRET.upper(), "\0" * 18, "x" * 100000):
            with self.subTest(key=key[:40]):
                self.assertEqual(self.post(form(key=key))[0], 403)
        self.assertEqual(self.post(form(key="x"), f"/webhook/{SECRET}")[0], 200)
        self.assertEqual(self.counted("forbidden"), len(bad) + 6)
        self.assertEqual(daemon.text().count("webhook-refused"), 1)
        self.assertNotIn(SECRET[:-1], daemon.text())

    def test_nothing_else(self):
        self.start()
        for method, path, wanted in (("GET", "/webhook", 405), ("PUT", "/webhook", 405), ("POST", "/", 404),
                                     ("POST", "/webhookx", 404), ("POST", "/metrics", 404), ("POST", "//webhook", 404)):
            with self.subTest(method=method, path=path):
                self.assertEqual(self.post(form(), path, method=method)[0], wanted)
        self.assertEqual(self.post(b"x" * (1024 * 1024 + 1))[0], 413)
        self.assertEqual((self.counted("method"), self.counted("not-found"), self.counted("too-large")), (2, 4, 1))

    def test_whose_events(self):
        second = shim.CMC.format(url=self.sandbox.url, user="u", key_file="{key}")
        with tempfile.TemporaryDirectory() as folder:
            key = secure.write(os.path.join(folder, "key"), "k\n")
            more = {"account second": second.format(key=key) + "server-composition = other\n"}
            daemon = self.start(**more)
            self.assertEqual(self.post(form(composition="shop"))[0], 200)
            self.assertEqual(self.post(form(composition="other"))[0], 200)
            self.assertEqual(self.post(form(composition="third"))[0], 503)
            self.assertRegex(daemon.wait_line("^webhook-refused.*").group(0), "reason=no-account .*text=third")
            self.start(hook="account = second\n", **more)
            self.assertEqual(self.post(form(composition="third"))[0], 200)

    def test_replays(self):
        self.start()
        connection, body = self.connect(), form([ROW] * 100)
        for _ in range(100):
            self.assertEqual(self.post(body, connection=connection)[0], 200)
        self.assertEqual(self.counted("taken"), 100)

    def test_a_store_that_cannot_be_used(self):
        """Nothing is answered 200, mail goes on, and the log has a line, not one for each event."""
        state = tempfile.TemporaryDirectory()
        self.addCleanup(state.cleanup)
        with contextlib.closing(sqlite3.connect(f"{state.name}/feedback.db", isolation_level=None)) as table:
            for line in "CREATE TABLE a (b)", f"PRAGMA application_id = {0x73686662}", "PRAGMA user_version = 99":
                table.execute(line)
        os.chmod(f"{state.name}/feedback.db", 0o600)
        daemon = self.start(account="server-composition = shop\nfeedback = on\n", state=state.name)
        for _ in range(10):
            self.assertEqual(self.post(form())[0], 503)
        self.assertEqual(daemon.send("a@example.jp", ["b@example.org"], "Subject: x\r\n\r\nx\r\n")[0], 250)
        failures = re.findall("^feedback-failed .*later version of shimtad", daemon.text(), re.M)
        self.assertLess(len(failures), 10)  # with those of the questions

    def test_flood(self):
        """2,000 requests over 50 connections are all answered, in memory that does not grow with them."""
        daemon = self.start()
        body, answers = form([ROW] * 10), []

        def run(times):
            connection = self.connect()
            for _ in range(times):
                answers.append(self.post(body, connection=connection)[0])
            connection.close()

        def flood(times):
            threads = [threading.Thread(target=run, args=(times,)) for _ in range(50)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()

        flood(4)
        before = daemon.status("VmHWM")
        flood(36)
        self.assertEqual(len(answers), 2000)
        self.assertLessEqual(set(answers), {200, 503})
        self.assertGreater(answers.count(200), 1000)
        if not shim.sanitized():
            self.assertLess(daemon.status("VmHWM") - before, 20000)

    def raw(self, data):
        sock = socket.create_connection(("127.0.0.1", self.port), shim.PATIENCE)
        self.addCleanup(sock.close)
        sock.sendall(data)
        return sock

    def test_bodies_that_never_end(self):
        """They cost a place each and bounded memory; those who come in between are served."""
        daemon = self.start()
        head = b"POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Type: " + FORM.encode()
        before = daemon.status("VmRSS")
        socks = [self.raw(head + b"\r\nContent-Length: 1048576\r\n\r\n" + b"x" * 300000) for _ in range(20)]
        socks += [self.raw(head + b"\r\nTransfer-Encoding: chunked\r\n\r\nfffff\r\n" + b"x" * 300000) for _ in range(20)]
        self.assertIn(self.post(form())[0], (200, 503))
        if not shim.sanitized():
            self.assertLess(daemon.status("VmRSS") - before, 60000)
        for sock in socks:
            sock.close()
        shim.until(lambda: self.post(form())[0] == 200, "there is room again")

    def test_body_bomb(self):
        self.start()
        sock = self.raw(b"POST /webhook HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        with self.assertRaises(OSError):
            for _ in range(1000):
                sock.sendall(b"10000\r\n" + b"x" * 65536 + b"\r\n")
        self.assertEqual(self.post(form())[0], 200)

    def test_expect_and_pipeline(self):
        self.start()
        body = form()
        head = b"POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\nContent-Length: %d\r\n" % (FORM.encode(), len(body))
        sock = self.raw(head + b"Expect: 100-continue\r\n\r\n")
        self.assertTrue(sock.recv(100).startswith(b"HTTP/1.1 100 "))
        sock.sendall(body + (head + b"\r\n" + body) * 3 + head + b"Connection: close\r\n\r\n" + body)
        answers = b"".join(iter(lambda: sock.recv(65536), b""))
        self.assertEqual(answers.count(b"HTTP/1.1 200 "), 5)

    def test_reload(self):
        """Secret, path and size follow; what is wrong changes nothing; the section can go."""
        daemon = self.start()
        with open(daemon.conf) as file:
            text = file.read()

        def hup(new, wanted):
            with open(daemon.conf, "w") as file:
                file.write(new)
            before = len(daemon.lines)
            daemon.child.send_signal(signal.SIGHUP)
            daemon.wait_line(f"^{wanted}", before)

        secret = re.search("secret-file = (.*)", text).group(1)
        hup(text.replace("[webhook]\n", "[webhook]\npath = there\n"), "reload-failed")
        self.assertEqual(self.post(form())[0], 200)
        with open(secret, "w") as file:
            file.write("other\n")
        hup(text.replace("[webhook]\n", "[webhook]\npath = /there\nmax-bytes = 2k\n"), "reloaded")
        self.assertEqual(self.post(form(key="other"))[0], 404)
        self.assertEqual(self.post(form(), "/there")[0], 403)
        self.assertEqual(self.post(form(key="other"), "/there")[0], 200)
        self.assertEqual(self.post(form([ROW] * 20, key="other"), "/there")[0], 413)
        hup(re.sub(r"(?s)\[webhook\].*?\n\n", "", text), "reloaded")
        with self.assertRaises(OSError):
            self.post(form())

    def test_configuration(self):
        daemon = self.start()
        with open(daemon.conf) as file:
            text = file.read()
        section = re.search(r"(?s)\[webhook\]\n(.*?)\n\n", text).group(1)
        secret = re.search("secret-file = .*", section).group(0)
        for wrong, wanted in ((f"address = *:8026\n{secret}", "networks ="), ("address = *:8026\nnetworks = 192.0.2.1", "secret-file ="),
                              ("address = 127.0.0.1:0\npath = webhook", "not a path"),
                              ("address = 127.0.0.1:0\naccount = none", "customers-mail-cloud"),
                              ("address = 127.0.0.1:0\nsecret-file = /none", "secret-file"),
                              ("address = 127.0.0.1:0\nnetworks = x", "networks"),
                              (f"address = *:8026\nnetworks = 192.0.2.1\n{secret}", None)):
            with self.subTest(wrong=wrong):
                with open(daemon.conf + ".new", "w") as file:
                    file.write(text.replace(section, wrong))
                done = subprocess.run([shim.program("shimtad"), "-n", "-c", daemon.conf + ".new"], capture_output=True,
                                      text=True, timeout=shim.PATIENCE)
                self.assertEqual(done.returncode, 78 if wanted else 0, done.stderr)
                self.assertIn(f"{wanted}" if wanted else "[webhook]", done.stderr if wanted else done.stdout)
                self.assertNotIn(SECRET, done.stdout + done.stderr)


if __name__ == "__main__":
    tap.main()
