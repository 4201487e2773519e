"""Rates: so many messages and recipients of a client, or of a user, in a minute, an hour or a day. Loopback
addresses are different clients."""

import base64
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import unittest
import urllib.request

import secure
import shim
import tap

MAIL = b"Subject: s\r\n\r\nx\r\n"
FROM, TO = "shop@example.jp", "a@example.org"


class RatesTest(unittest.TestCase):
    def setUp(self):
        self.sandbox = shim.Sandbox()
        self.addCleanup(self.sandbox.end)

    def start(self, tcp="", **more):
        more = {name.replace("_", " "): text for name, text in more.items()}
        daemon = shim.Daemon(self.sandbox.url, {"listen tcp": tcp, "metrics": "address = 127.0.0.1:0\n", **more})
        self.addCleanup(daemon.end)
        return daemon

    def come_from(self, daemon, address):
        sock = socket.create_connection(("127.0.0.1", daemon.port), shim.PATIENCE, source_address=(address, 0))
        talk = shim.Dialogue(sock)
        self.addCleanup(talk.close)
        talk.hello()
        return talk

    def reload(self, daemon, old, new):
        with open(daemon.conf) as file:
            text = file.read()
        self.assertIn(old, text)
        with open(daemon.conf, "w") as file:
            file.write(text.replace(old, new))
        before = len(daemon.lines)
        daemon.child.send_signal(signal.SIGHUP)
        daemon.wait_line(r"^reloaded\b", before)

    def limited(self, daemon):
        port = daemon.wait_line(r"^metrics .*port=(\d+)").group(1)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=shim.PATIENCE) as answer:
            lines = answer.read().decode().splitlines()
        return {line.split('rate="')[1].split('"')[0]: float(line.rpartition(" ")[2])
                for line in lines if line.startswith("shimta_rate_limited_total{")}

    def expect_put_off(self, answer, text=r"Too many messages from your address, try again in \d+ (minutes|hours)"):
        self.assertEqual((answer[0], answer[1][:5]), (450, "4.7.1"), answer)
        self.assertRegex(answer[1], text)

    def test_messages_of_a_client(self):
        daemon = self.start("client-rate = 2/hour, 100/day\n")
        for _ in range(2):
            self.assertEqual(daemon.send(FROM, [TO], MAIL)[0], 250)
        with daemon.raw() as talk:
            talk.hello()
            for _ in range(5):
                self.expect_put_off(talk.ask(f"MAIL FROM:<{FROM}>"), "try again in 30 minutes")
        self.assertEqual(self.come_from(daemon, "127.0.0.2").transaction(FROM, [TO], MAIL)[0], 250)
        daemon.wait_line("^rate-limited client=127.0.0.1 listener=tcp rate=client-rate")
        self.assertEqual(self.limited(daemon), {"client-rate": 5})
        self.reload(daemon, "2/hour", "3/hour")  # what was put off has not counted
        self.assertEqual(daemon.send(FROM, [TO], MAIL)[0], 250)
        self.expect_put_off(daemon.send(FROM, [TO], MAIL))
        self.reload(daemon, "client-rate = 3/hour, 100/day", "")
        self.assertEqual(daemon.send(FROM, [TO], MAIL)[0], 250)

    def test_recipients_of_a_client(self):
        daemon = self.start("client-recipient-rate = 3/day\n")
        with daemon.raw() as talk:
            talk.hello()
            self.assertEqual(talk.ask(f"MAIL FROM:<{FROM}>")[0], 250)
            for name in "abc":
                self.assertEqual(talk.ask(f"RCPT TO:<{name}@example.org>")[0], 250)
            for name in "de":
                self.expect_put_off(talk.ask(f"RCPT TO:<{name}@example.org>"), "Too many recipients from your address")
            self.assertEqual(talk.ask("DATA")[0], 354)
            talk.put(shim.stuff(MAIL))
            self.assertEqual(talk.reply()[0], 250)
            self.expect_put_off(talk.ask(f"MAIL FROM:<{FROM}>"), "Too many recipients .*in 8 hours")
        self.assertEqual(sorted(self.sandbox.copies()), [f"{name}@example.org" for name in "abc"])
        self.assertEqual(self.limited(daemon), {"client-recipient-rate": 3})

    def test_what_is_given_up_or_put_off_does_not_count(self):
        daemon = self.start("client-rate = 2/day\nclient-recipient-rate = 2/day\n", shimta=shim.NO_QUEUE)
        with daemon.raw() as talk:
            talk.hello()
            for end in ("RSET", "EHLO client.test"):
                for _ in range(3):
                    self.assertEqual(talk.ask(f"MAIL FROM:<{FROM}>")[0], 250)
                    for _ in range(2):
                        self.assertEqual(talk.ask(f"RCPT TO:<{TO}>")[0], 250)
                    self.assertEqual(talk.ask(end)[0], 250)
        for _ in range(3):
            with daemon.raw() as gone:
                gone.hello()
                self.assertEqual(gone.ask(f"MAIL FROM:<{FROM}>")[0], 250)
        self.sandbox.fault("status=503", 100)
        for _ in range(3):
            self.assertEqual(daemon.send(FROM, [TO], MAIL)[0], 451)
        self.sandbox.mend()
        for _ in range(2):
            shim.until(lambda: daemon.send(FROM, [TO], MAIL)[0] == 250, "the account is well again")
        self.expect_put_off(daemon.send(FROM, [TO], MAIL))

    def test_users_who_log_in(self):
        """Each has his own, from wherever he comes; who says no name has none."""
        with tempfile.TemporaryDirectory() as folder:
            users = secure.write(os.path.join(folder, "users"), "".join(secure.user_line(n, "pw") for n in ("ann", "bob")))
            daemon = self.start(f"auth = yes\nauth-without-tls = yes\npassword-file = {users}\nuser-rate = 1/hour\n")
            for name, address, code in (("ann", "127.0.0.1", 250), ("ann", "127.0.0.2", 450), ("bob", "127.0.0.1", 250)):
                talk = self.come_from(daemon, address)
                plain = base64.b64encode(f"\0{name}\0pw".encode()).decode()
                self.assertEqual(talk.ask(f"AUTH PLAIN {plain}")[0], 235)
                self.assertEqual(talk.transaction(FROM, [TO], MAIL)[0], code)
            for _ in range(2):
                self.assertEqual(daemon.send(FROM, [TO], MAIL)[0], 250)
        daemon.wait_line("^rate-limited client=127.0.0.2 listener=tcp user=ann rate=user-rate")

    def test_users_of_this_machine(self):
        daemon = self.start("client-rate = 1/hour\n", listen_submit="user-rate = 2/hour\nclient-rate = 1/hour\n")
        argv = ("-f", FROM, TO)
        for _ in range(2):
            self.assertEqual(daemon.sendmail(*argv, stdin=MAIL).returncode, 0)
        refused = daemon.sendmail(*argv, stdin=MAIL)
        self.assertEqual(refused.returncode, 75, refused)
        self.assertIn(b"Too many messages from you, try again in 30 minutes", refused.stderr)
        self.assertEqual(daemon.send(FROM, [TO], MAIL)[0], 250)

    @unittest.skipUnless(shutil.which("msmtp"), "there is no msmtp")
    def test_msmtp_says_why(self):
        daemon = self.start("client-rate = 1/hour\n")
        argv = ["msmtp", "--file=/dev/null", "--host=127.0.0.1", f"--port={daemon.port}", f"--from={FROM}", TO]
        for status in (0, 69):  # EX_UNAVAILABLE, whatever a server says to MAIL
            done = subprocess.run(argv, input=MAIL, capture_output=True, timeout=shim.PATIENCE)
            self.assertEqual(done.returncode, status, done.stderr)
        self.assertIn(b"try again in 60 minutes", done.stderr)

    def test_wrong_and_doubtful(self):
        daemon = self.start()
        with open(daemon.conf) as file:
            text = file.read()
        for tcp, status, said in (
                ("client-rate = 100/week", 78, "'100/week' is not N/minute"),
                ("user-recipient-rate = 0/day", 78, "user-recipient-rate"),
                ("client-recipient-rate = 5000/day, 10/minute", 0, "client-recipient-rate lets 10 pass at once"),
                ("client-recipient-rate = 5000/day, 1000/minute", 0, ""),
                ("max-connections-per-network = 20", 0, "no client can have the 50"),
                ("max-connections-per-client = 0\nclient-rate = 1/day", 0, "")):
            secure.write(daemon.conf, text.replace("[listen tcp]", f"[listen tcp]\n{tcp}"))
            done = subprocess.run([shim.program("shimtad"), "-n", "-c", daemon.conf], capture_output=True, text=True,
                                  timeout=shim.PATIENCE)
            self.assertEqual(done.returncode, status, done.stderr)
            self.assertIn(said, done.stderr)
            self.assertEqual("[listen tcp]" in done.stderr, said != "", done.stderr)


if __name__ == "__main__":
    tap.main()
