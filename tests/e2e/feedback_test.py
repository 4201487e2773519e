#!/usr/bin/python3
"""What the API tells after it has taken a mail: the bounce, the refusal, the operator's pardon."""

import contextlib
import email
import email.policy
import http.server
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import unittest
import urllib.parse

sys.path.insert(0, os.path.dirname(__file__))
import secure
import shim
import tap

MAIL = ("From: Shop <shop@example.jp>\r\nTo: {to}\r\nSubject: =?utf-8?B?5rOo5paH?=\r\nBcc: hidden@example.jp\r\n"
        "Message-ID: <{number}@client.test>\r\n\r\nThank you.\r\n")


class Api(http.server.ThreadingHTTPServer):
    """As much of Arara as is needed here, with results that the test chooses."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answerer)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.sent = []        # (delivery id, address, subject)
        self.fates = {}       # address -> (success, text)
        self.down = False     # for bounces
        self.nonsense = None  # the answer to any question
        self.told = None      # the answer to those about results
        self.unsubscribed = {}  # header From -> addresses
        self.asked = threading.Condition()
        self.questions = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, *_):
        pass  # a client that leaves in the middle of an answer is none of ours

    def note(self, path):
        with self.asked:
            self.questions.append(path)
            self.asked.notify_all()

    def wait_asked(self, pattern, more=1):
        with self.asked:
            want = sum(pattern in path for path in self.questions) + more
            assert self.asked.wait_for(lambda: sum(pattern in path for path in self.questions) >= want, shim.PATIENCE)


class Answerer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, body, status=200):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path == "/oauth2/token":
            self.answer({"access_token": "t0ken-secret", "expires_in": 3600, "token_type": "Bearer"})
            return
        if self.server.down and b"Undelivered mail" in body:
            self.answer({"message": "down"}, 503)
            return
        items = []
        for delivery in json.loads(body)["delivery"]:
            number = str(1000 + len(self.server.sent))
            request_id = delivery["settings"]["request_id"]
            for to in delivery["mailing-list"]:
                body = delivery["contents"]["body"].get("text", "")
                self.server.sent.append((number, to["to"]["address"], delivery["contents"]["subject"], body))
            for place in "cc", "bcc":
                for to in filter(None, delivery["contents"].get(place, "").split(",")):
                    self.server.sent.append((number, to.strip(), delivery["contents"]["subject"], ""))
            items.append({"result": {"code": "201", "message": "success"}, "delivery_id": number,
                          "request_id": request_id})
        self.answer({"items": items, "count": len(items)})

    def do_GET(self):
        self.server.note(self.path)
        if self.server.nonsense is not None:
            self.answer(self.server.nonsense)
        elif self.path.startswith("/results"):
            self.answer(self.server.told or {"items": self.results(), "count": 1})
        else:
            sender = urllib.parse.parse_qs(urllib.parse.urlparse(self.path).query).get("header-from", [""])[0]
            self.answer({"items": [{"header_from": sender, "to_address": address, "message_id": "x"}
                                   for address in self.server.unsubscribed.get(sender, [])], "count": 0})

    def results(self):
        wanted = re.match(r"/results/([^/?]+)", self.path)
        items = []
        for number, address, _, _ in list(self.server.sent):
            if wanted and urllib.parse.unquote(wanted.group(1)) != number:
                continue
            fate = self.server.fates.get(address)
            if fate:
                items.append({"delivery_id": number, "to": address, "success": fate[0], "result": fate[1],
                              "from": "shop@example.jp"})
        return items


class Folder:
    def __init__(self, path):
        self.path = os.path.join(path, "new")

    def mails(self):
        names = sorted(os.listdir(self.path)) if os.path.isdir(self.path) else []
        found = []
        for name in names:
            with open(os.path.join(self.path, name), "rb") as file:
                found.append(email.message_from_binary_file(file, policy=email.policy.default))
        return found

    def wait(self, count):
        shim.until(lambda: len(self.mails()) >= count, f"{count} bounces")
        return self.mails()


class FeedbackTest(unittest.TestCase):
    def setUp(self):
        self.api = Api()
        self.addCleanup(self.api.server_close)
        self.addCleanup(self.api.shutdown)

    def start(self, more="", shimta="", sections=None, **extra):
        daemon = shim.Daemon(self.api.url, account=shim.ARARA, more={
            "account main": "feedback = on\nfeedback-interval = 1s\n" + more, "shimta": shimta, **(sections or {})}, **extra)
        self.addCleanup(daemon.end)
        return daemon

    def shimta(self, daemon, *argv):
        return subprocess.run([shim.program("shimta"), "-c", daemon.conf, *argv], capture_output=True, text=True,
                              timeout=shim.PATIENCE)

    def send(self, daemon, *recipients, number=1, options="", rcpt_options=""):
        with daemon.raw() as talk:
            talk.hello()
            talk.ask(f"MAIL FROM:<shop@example.jp>{options}")
            for to in recipients:
                code, text = talk.ask(f"RCPT TO:<{to}>{rcpt_options}")
                if code >= 400:
                    return code, text
            talk.ask("DATA")
            talk.put(shim.stuff(MAIL.format(to=", ".join(recipients), number=number)))
            return talk.reply()

    def test_bounce_comes_home(self):
        self.api.fates = {"gone@example.org": (False, "550 5.1.1 User unknown"),
                          "full@example.org": (False, "552 5.2.2 Mailbox full"),
                          "never@example.org": (False, "550 5.1.1 User unknown"),
                          "fine@example.org": (True, "250 2.0.0 Ok")}
        daemon = self.start()
        self.assertEqual(self.send(daemon, "gone@example.org", "full@example.org", "fine@example.org",
                                   options=" RET=FULL ENVID=order+2B7",
                                   rcpt_options=" ORCPT=rfc822;old@example.org")[0], 250)
        daemon.wait_line(r"^returned .*to=gone@example.org .*dsn=5.1.1")
        daemon.wait_line(r"^returned .*to=full@example.org .*dsn=5.2.2")
        self.assertEqual(sum(path.startswith("/unsubscribers") and "date=2" in path for path in self.api.questions),
                         len(set(path for path in self.api.questions if path.startswith("/unsubscribers"))))
        daemon.wait_line(r"^suppressed .*address=gone@example.org .*kind=hard")
        daemon.wait_line(r"^notice .*to=shop@example.jp")
        daemon.wait_line(r"^delivered .*to=shop@example.jp")
        bounce = [sent for sent in self.api.sent if sent[1] == "shop@example.jp"]
        self.assertIn("gone@example.org", bounce[0][3])
        self.assertIn("5.1.1 User unknown", bounce[0][3])
        self.assertNotIn("fine@example.org", bounce[0][3])
        self.assertNotIn("suppressed account=main address=full", daemon.text())
        self.assertEqual(self.send(daemon, "never@example.org", number=2, rcpt_options=" NOTIFY=NEVER")[0], 250)
        daemon.wait_line(r"^returned .*to=never@example.org .*told=no")
        self.assertNotIn("t0ken-secret", daemon.text())
        self.assertNotIn(shim.KEY, daemon.text())

    def test_maildir_and_dsn(self):
        folder = Folder(os.path.join(self.make_folder(), "bounces"))
        self.api.fates = {"gone@example.org": (False, "550 5.1.1 User unknown")}
        daemon = self.start(f"feedback-to = maildir:{os.path.dirname(folder.path)}\n")
        self.assertEqual(self.send(daemon, "gone@example.org", options=" ENVID=order+2B7",
                                   rcpt_options=" ORCPT=rfc822;old@example.org")[0], 250)
        mail = folder.wait(1)[0]
        self.assertEqual(mail.get_content_type(), "multipart/report")
        self.assertEqual(mail.get_param("report-type"), "delivery-status")
        text, status, original = mail.iter_parts()
        whole, one = status.get_payload()
        self.assertEqual(whole["Original-Envelope-Id"], "order+7")
        self.assertTrue(whole["Arrival-Date"])
        self.assertEqual(one["Final-Recipient"], "rfc822; gone@example.org")
        self.assertEqual(one["Original-Recipient"], "rfc822; old@example.org")
        self.assertEqual(one["Action"], "failed")
        self.assertEqual(one["Status"], "5.1.1")
        self.assertIn("User unknown", one["Diagnostic-Code"])
        self.assertIn("Subject: =?utf-8?B?5rOo5paH?=", original.as_string())
        self.assertIn("<1@client.test>", original.as_string())
        self.assertNotIn("hidden@example.jp", mail.as_string())
        trace = self.shimta(daemon, "trace", "gone@example.org").stdout
        self.assertIn("returned", trace)
        self.assertNotIn("watched", trace)

    def make_folder(self):
        folder = tempfile.mkdtemp(prefix="shimta-feedback-")
        self.addCleanup(shutil.rmtree, folder)
        return folder

    def test_refused_until_pardoned(self):
        self.api.fates = {"gone@example.org": (False, "550 5.1.1 User unknown")}
        daemon = self.start()
        self.assertEqual(self.send(daemon, "gone@example.org")[0], 250)
        daemon.wait_line(r"^suppressed .*address=gone@example.org")
        code, text = self.send(daemon, "Gone@Example.ORG", number=2)
        self.assertEqual(code, 550)
        self.assertRegex(text, r"^5\.1\.1 .*came back on \d{4}-\d\d-\d\d .*User unknown.*shimta suppressions remove")
        self.assertIn("gone@example.org", self.shimta(daemon, "suppressions").stdout)
        shown = self.shimta(daemon, "--json", "suppressions", "show", "GONE@example.org")
        self.assertEqual(json.loads(shown.stdout)["kind"], "hard")
        gone = self.shimta(daemon, "suppressions", "remove", "gone@example.org")
        self.assertEqual((gone.returncode, gone.stdout), (0, "gone@example.org gets mail again\n"))
        self.assertEqual(self.send(daemon, "gone@example.org", number=3)[0], 250)
        self.assertEqual(self.shimta(daemon, "suppressions", "remove", "gone@example.org").returncode, 1)
        self.assertEqual(self.shimta(daemon, "suppressions", "add", "stop@example.org").returncode, 64)
        self.shimta(daemon, "suppressions", "add", "--account", "main", "stop@example.org")
        code, text = self.send(daemon, "stop@example.org", number=4)
        self.assertEqual((code, text[:5]), (550, "5.7.1"))
        traced = self.shimta(daemon, "trace", "stop@example.org").stdout
        self.assertRegex(traced, "refused .*5.7.1 .*the operator has stopped it")
        id, = re.findall(r"^recipient-refused id=(\S+) .*to=stop@example.org", daemon.text(), re.M)
        self.assertEqual(self.shimta(daemon, "trace", id).stdout, traced)
        for _ in range(130):
            self.assertEqual(self.send(daemon, "stop@example.org", number=5)[0], 550)
        self.shimta(daemon, "trace", "stop@example.org")  # by now all are in the table
        with contextlib.closing(sqlite3.connect(f"{daemon.folder}/state/journal/journal.db")) as table:
            lines = table.execute("SELECT count(*) FROM lines WHERE event = 'refused'").fetchone()[0]
        self.assertIn(lines, range(100, 132))  # a hundred in a minute

    def test_alias_and_exempt(self):
        folder = self.make_folder()
        with open(os.path.join(folder, "aliases"), "w") as file:
            file.write("staff: stop@example.org, fine@example.org\n")
        daemon = self.start("suppression-exempt = @example.net boss@example.org\n",
                            f"alias-file = {folder}/aliases\nlocal-domains = example.jp\n")
        for address in "stop@example.org", "boss@example.org", "any@example.net":
            self.shimta(daemon, "suppressions", "add", "--account", "main", address)
        self.assertEqual(self.send(daemon, "boss@example.org", "any@example.net")[0], 250)
        self.assertEqual(self.send(daemon, "staff@example.jp", number=2)[0], 250)
        daemon.wait_line(r"^refused .*to=stop@example.org .*dsn=5.7.1")
        self.assertNotIn("stop@example.org", [sent[1] for sent in self.api.sent])
        self.assertIn("fine@example.org", [sent[1] for sent in self.api.sent])

    def count_mails(self, state, change=None):
        with contextlib.closing(sqlite3.connect(f"{state}/feedback.db", timeout=shim.PATIENCE)) as table:
            if change:
                table.execute(change)
                table.commit()
            return table.execute("SELECT count(*) FROM mail").fetchone()[0]

    def test_each_account_waits_as_long_as_it_says(self):
        state, key = self.make_folder(), secure.write(f"{self.make_folder()}/key", "k\n")
        daemon = self.start(state=state)
        self.assertEqual(self.send(daemon, "a@example.org")[0], 250)
        shim.until(lambda: self.count_mails(state) == 1, "the mail is watched")
        daemon.end()
        self.count_mails(state, f"UPDATE mail SET delivered_ms = delivered_ms - {3 * 24 * 3600 * 1000}, next_ms = 1")
        self.api.questions.clear()
        other = shim.ARARA.format(url=self.api.url, user="u", key_file=key)  # which waits for a week
        self.start("feedback-lifetime = 1h\n", state=state, sections={"account other": other})
        shim.until(lambda: self.count_mails(state) == 0, "the mail is forgotten")
        self.assertFalse([path for path in self.api.questions if path.startswith("/results")])

    def test_nonsense_beside_results(self):
        self.api.told = {"items": [1, "x", None, [], {"delivery_id": "1000", "to": "gone@example.org", "success": False,
                                                      "result": "550 5.1.1 User unknown"}], "count": 5}
        daemon = self.start()
        self.assertEqual(self.send(daemon, "gone@example.org")[0], 250)
        daemon.wait_line(r"^feedback-odd account=main source=results text=")
        daemon.wait_line(r"^returned .*to=gone@example.org .*dsn=5.1.1")

    def test_nonsense(self):
        daemon = self.start()
        self.api.fates = {"gone@example.org": (False, "550 5.1.1 User unknown")}
        self.api.nonsense = b"<html>Under maintenance</html>"
        self.assertEqual(self.send(daemon, "gone@example.org")[0], 250)
        daemon.wait_line(r"^feedback-failed account=main call=results text=")
        self.assertNotIn("returned", daemon.text())
        self.assertIsNone(daemon.child.poll())
        self.assertNotIn("t0ken-secret", daemon.text())

    def test_rate(self):
        addresses = [f"gone{number}@example.org" for number in range(25)]
        self.api.fates = {address: (False, "550 5.1.1 User unknown") for address in addresses}
        daemon = self.start("bounce-rate-warning = 5%\nfeedback-to = postmaster@example.jp\n")
        self.assertEqual(self.send(daemon, *addresses)[0], 250)
        daemon.wait_line(r"^bounce-rate account=main domain=example.jp failed=2\d sent=25")
        daemon.wait_line(r"^delivered .*to=postmaster@example.jp")
        daemon.end()
        self.assertEqual(daemon.text().count("\nbounce-rate "), 1)
        bounced = "".join(sent[3] for sent in self.api.sent if sent[1] == "postmaster@example.jp")
        for address in addresses:
            self.assertEqual(len(re.findall(rf"<{address}>", bounced)), 1, address)

    def test_told_once_after_a_kill(self):
        state = self.make_folder()
        self.api.fates = {"gone@example.org": (False, "550 5.1.1 User unknown")}
        daemon = self.start(state=state)
        self.assertEqual(self.send(daemon, "gone@example.org")[0], 250)
        daemon.end(9)  # perhaps before the journal's line was moved
        daemon = self.start(state=state)
        daemon.wait_line(r"^delivered .*to=shop@example.jp")
        daemon.end()
        daemon = self.start(state=state)
        self.assertEqual(self.send(daemon, "gone@example.org", number=2)[0], 550)
        self.assertEqual([sent[1] for sent in self.api.sent].count("shop@example.jp"), 1)

    def start_program(self, script, **more):
        """A daemon whose bounces go to a program, which finds its own folder in the script's first word."""
        folder = self.make_folder()
        with open(os.open(f"{folder}/program", os.O_CREAT | os.O_WRONLY, 0o755), "w") as file:
            file.write(f"#!/bin/sh\necho $SENDER $QUEUE_ID >>{folder}/runs\n{script.format(folder=folder)}\n")
        daemon = self.start(f"feedback-to = command:{folder}/program\n", "confine = no\n", **more)
        return daemon, lambda: open(f"{folder}/runs").read().split() if os.path.exists(f"{folder}/runs") else []

    def bounce(self, daemon, number, sender="shop@example.jp"):
        self.api.fates[f"gone{number}@example.org"] = (False, "550 5.1.1 User unknown")
        with daemon.raw() as talk:
            talk.hello()
            self.assertEqual(talk.transaction(sender, [f"gone{number}@example.org"], MAIL.format(
                to=f"gone{number}@example.org", number=number))[0], 250)
        daemon.wait_line(rf"^returned .*to=gone{number}@example.org")

    def test_stops_while_a_program_hangs(self):
        state = self.make_folder()
        daemon, runs = self.start_program("test -e {folder}/mended || sleep 600", state=state)
        self.bounce(daemon, 1)
        shim.until(runs, "a run of the program")
        with open(daemon.conf) as file:
            program = re.search(r"feedback-to = command:(.*)/program", file.read()).group(1)
        daemon.child.send_signal(signal.SIGTERM)
        self.assertEqual(daemon.child.wait(30), 0)  # half of what a program has otherwise
        daemon.wait()
        self.assertRegex(daemon.text(), "(?m)^notice-failed .*took too long")
        with open(f"{program}/mended", "w"):
            pass
        again = self.start(f"feedback-to = command:{program}/program\n", "confine = no\n", state=state)
        again.wait_line(r"^notice .*to=command:")
        self.assertEqual(len(set(runs()[1::2])), 1)

    def test_a_refused_bounce_keeps_no_other(self):
        daemon, runs = self.start_program("test $SENDER != no@example.jp")
        self.bounce(daemon, 1, "no@example.jp")
        daemon.wait_line(r"^notice-failed .*status 1")
        self.bounce(daemon, 2)
        daemon.wait_line(r"^notice .*to=command:")
        self.assertEqual(runs()[::2], ["no@example.jp", "shop@example.jp"])

    def test_told_once_though_it_cannot_be_noted(self):
        state = self.make_folder()
        daemon, runs = self.start_program("exit 0", state=state)
        self.bounce(daemon, 1)
        daemon.wait_line(r"^notice ")
        with contextlib.closing(sqlite3.connect(f"{state}/feedback.db", isolation_level=None)) as table:
            table.execute("CREATE TRIGGER deaf BEFORE UPDATE ON recipient WHEN OLD.owed > NEW.owed BEGIN "
                          "SELECT RAISE(ABORT, 'on purpose'); END")
            self.bounce(daemon, 2)
            daemon.wait_line(r"^feedback-failed account=main text=.*on purpose")
            failures = len(daemon.text().split("on purpose"))
            self.bounce(daemon, 3)
            shim.until(lambda: len(daemon.text().split("on purpose")) > failures, "another failure")
            table.execute("DROP TRIGGER deaf")
        self.bounce(daemon, 4)
        shim.until(lambda: len(runs()) == 8, "four runs of the program")
        daemon.end()
        self.assertEqual(len(set(runs()[1::2])), 4)

    def test_told_once_though_the_table_is_lost(self):
        state = self.make_folder()
        daemon = self.start(state=state)
        self.bounce(daemon, 1)
        daemon.wait_line(r"^delivered .*to=shop@example.jp")
        daemon.end()
        os.rename(f"{state}/feedback.db", f"{state}/aside.db")
        daemon = self.start(state=state)
        self.bounce(daemon, 2)  # behind what the journal still knows
        shim.until(lambda: self.bounces() >= 2, "the other bounce")
        os.rename(f"{state}/feedback.db", f"{state}/aside.db")  # while it is in use
        self.assertEqual(self.send(daemon, "fine@example.org", number=3)[0], 250)
        daemon.wait_line(r"^feedback-failed .* while in use")
        daemon.child.send_signal(signal.SIGHUP)  # else the API is left alone for a minute
        self.bounce(daemon, 4)
        shim.until(lambda: self.bounces() >= 3, "the third bounce")
        self.api.wait_asked("/results", 2)
        daemon.end()
        self.assertEqual(self.bounces(), 3)

    def test_a_part_that_cannot_be_stored(self):
        """An answer counts as read only when all of it is stored, the first of its rows too."""
        state = self.make_folder()
        self.api.nonsense = {"items": [], "count": 0}
        daemon = self.start(state=state)
        self.assertEqual(self.send(daemon, "gone@example.org")[0], 250)
        self.api.wait_asked("/results")
        with contextlib.closing(sqlite3.connect(f"{state}/feedback.db", isolation_level=None)) as table:
            table.execute("CREATE TRIGGER full BEFORE UPDATE OF state ON recipient BEGIN SELECT RAISE(ABORT, 'on purpose'); "
                          "END")
        rows = [{"delivery_id": "1000", "to": "gone@example.org", "success": False, "result": "552 5.2.2 full"}] + [
            {"delivery_id": "9", "to": f"any{i}@example.org", "success": True, "result": "250 Ok"} for i in range(700)]
        self.api.nonsense = {"items": rows, "count": len(rows)}
        daemon.wait_line(r"^feedback-failed account=main call=results text=.*on purpose")

    def bounces(self):
        return [sent[1] for sent in self.api.sent].count("shop@example.jp")


@unittest.skipUnless(shutil.which("php"), "no php")
class CircleTest(unittest.TestCase):
    """An application's bounce handling on one machine: PHP, the sandbox, the mail that comes back."""

    def php(self, daemon, to):
        argv = ["php", "-d", f"sendmail_path={shim.program('sendmail')} -t -i -f app@example.jp", "-r",
                f"exit(mail('{to}', 'Hello', 'Hi', 'From: app@example.jp') ? 0 : 1);"]
        return subprocess.run(argv, capture_output=True, timeout=shim.PATIENCE,
                              env={**os.environ, "SHIMTA_CONF": daemon.conf}).returncode

    def test_circle(self):
        sandbox = shim.Sandbox()
        self.addCleanup(sandbox.end)
        folder = tempfile.mkdtemp(prefix="shimta-feedback-")
        self.addCleanup(shutil.rmtree, folder)
        daemon = shim.Daemon(sandbox.url, account=shim.ARARA, more={
            "account main": f"feedback = on\nfeedback-interval = 1s\nfeedback-to = maildir:{folder}/box\n"})
        self.addCleanup(daemon.end)
        self.assertEqual(self.php(daemon, "bounce-1@example.org"), 0)
        mail = Folder(os.path.join(folder, "box")).wait(1)[0]
        _, status, original = mail.iter_parts()
        self.assertEqual(status.get_payload()[1]["Final-Recipient"], "rfc822; bounce-1@example.org")
        self.assertEqual(status.get_payload()[1]["Action"], "failed")
        self.assertIn("Subject: Hello", original.as_string())
        daemon.wait_line(r"^suppressed .*address=bounce-1@example.org")
        self.assertNotEqual(self.php(daemon, "bounce-1@example.org"), 0)
        shimta = [shim.program("shimta"), "-c", daemon.conf, "suppressions", "remove", "bounce-1@example.org"]
        self.assertEqual(subprocess.run(shimta, capture_output=True, timeout=shim.PATIENCE).returncode, 0)
        self.assertEqual(self.php(daemon, "bounce-1@example.org"), 0)


if __name__ == "__main__":
    tap.main()
