"""SIGHUP: the configuration is read again, as a whole or not at all, and nobody notices who is being served."""

import base64
import os
import re
import signal
import socket
import subprocess
import tempfile
import threading
import unittest

import secure
import shim
import tap

MAIL = b"Subject: s\r\n\r\nx\r\n"


class ReloadTest(unittest.TestCase):
    def setUp(self):
        self.sandbox = shim.Sandbox()
        self.addCleanup(self.sandbox.end)

    def start(self, **more):
        daemon = shim.Daemon(self.sandbox.url, **more)
        self.addCleanup(daemon.end)
        return daemon

    def edit(self, daemon, old, new):
        with open(daemon.conf) as file:
            text = file.read()
        self.assertIn(old, text)
        with open(daemon.conf, "w") as file:
            file.write(text.replace(old, new))

    def hup(self, daemon, wanted="reloaded"):
        before = len(daemon.lines)
        daemon.child.send_signal(signal.SIGHUP)
        daemon.wait_line(rf"^{wanted}\b", before)
        return daemon.lines[before:]

    def test_wrong_file_changes_nothing(self):
        daemon = self.start()
        number = open(daemon.conf).read().split("\n").index("hostname = mx.example.jp") + 1
        with daemon.raw() as talk:
            talk.hello()
            self.edit(daemon, "hostname = ", "hostnam = ")
            lines = self.hup(daemon, "reload-failed")
            self.assertEqual(len(lines), 1)
            self.assertIn(f"shimta.conf:{number}:", lines[0])
            self.assertEqual(talk.transaction("shop@example.jp", ["a@example.org"], MAIL)[0], 250)
        self.assertEqual(daemon.send("shop@example.jp", ["b@example.org"], MAIL)[0], 250)
        self.edit(daemon, "hostnam = mx", "hostname = other")
        self.hup(daemon)
        with daemon.raw() as talk:
            self.assertIn("other.example.jp", talk.reply()[1])

    def test_address_in_use_changes_nothing(self):
        daemon = self.start()
        with socket.create_server(("127.0.0.1", 0)) as taken:
            self.edit(daemon, "[account main]", f"[listen free]\naddress = 127.0.0.1:0\n[listen taken]\n"
                      f"address = 127.0.0.1:{taken.getsockname()[1]}\n[account main]")
            lines = self.hup(daemon, "reload-failed")
        opened = int(re.search(r"listener=free .*port=(\d+)", "\n".join(lines)).group(1))
        shim.until(lambda: socket.socket().connect_ex(("127.0.0.1", opened)) != 0, "what was opened is closed")
        self.assertEqual(daemon.send("shop@example.jp", ["a@example.org"], MAIL)[0], 250)

    def test_listeners_come_and_go(self):
        daemon = self.start(more={"listen second": "address = 127.0.0.1:0\n"})
        second = int(daemon.wait_line(r"listening listener=second .*port=(\d+)").group(1))
        with shim.Dialogue(socket.create_connection(("127.0.0.1", second), shim.PATIENCE)) as talk, daemon.raw() as stays:
            talk.hello()
            stays.hello()
            self.edit(daemon, "[listen second]\naddress = 127.0.0.1:0", "[listen third]\naddress = 127.0.0.2:0")
            lines = "\n".join(self.hup(daemon))
            self.assertRegex(lines, "closed listener=second")
            self.assertNotIn("listener=tcp", lines)
            third = int(re.search(r"listening listener=third .*port=(\d+)", lines).group(1))
            shim.until(lambda: socket.socket().connect_ex(("127.0.0.1", second)) != 0, "it is closed")
            for one in (talk, stays):
                self.assertEqual(one.transaction("shop@example.jp", ["a@example.org"], MAIL)[0], 250)
            with shim.Dialogue(socket.create_connection(("127.0.0.2", third), shim.PATIENCE)) as new:
                self.assertEqual(new.reply()[0], 220)

    def test_sections_at_one_address_keep_its_socket(self):
        daemon = self.start()
        os.chmod(daemon.socket, 0o600)
        inode = os.stat(daemon.socket).st_ino
        self.edit(daemon, "mode = 0666", "mode = 0660")
        self.hup(daemon)
        self.assertEqual((os.stat(daemon.socket).st_ino, os.stat(daemon.socket).st_mode & 0o777), (inode, 0o660))

    def test_mended_key_ends_the_pause(self):
        daemon = self.start()
        with open(daemon.key_file, "w") as file:
            file.write("wrong\n")
        self.hup(daemon)
        self.assertIn("queued as Q", daemon.send("shop@example.jp", ["a@example.org"], MAIL)[1])
        daemon.wait_line("account-paused")
        with open(daemon.key_file, "w") as file:
            file.write(shim.KEY + "\n")
        self.hup(daemon)
        self.assertEqual(daemon.send("shop@example.jp", ["b@example.org"], MAIL)[0], 250)
        daemon.wait_line("account-well")

    def test_health_of_an_account_is_kept(self):
        daemon = self.start(more={"shimta": shim.NO_QUEUE})
        self.sandbox.fault("status=429/600")
        self.assertEqual(daemon.send("shop@example.jp", ["a@example.org"], MAIL)[0] // 100, 4)
        daemon.wait_line("account-paused")
        self.hup(daemon)
        self.assertEqual(daemon.send("shop@example.jp", ["a@example.org"], MAIL)[0] // 100, 4)
        self.assertEqual(self.sandbox.box(), [])

    def test_token_is_renewed(self):
        daemon = shim.Daemon(self.sandbox.url, account=shim.ARARA)
        self.addCleanup(daemon.end)
        for to in ("a@example.org", "b@example.org"):
            self.assertEqual(daemon.send("shop@example.jp", [to], MAIL)[0], 250)
            self.hup(daemon)
        self.assertEqual(len(self.sandbox.box()), 2)

    def test_aliases_and_level(self):
        daemon = self.start()
        aliases = os.path.join(daemon.folder, "aliases")
        with open(aliases, "w") as file:
            file.write("someone: alias@example.org\n")
        self.edit(daemon, "[listen tcp]", f"alias-file = {aliases}\nlog-level = error\n[listen tcp]")
        daemon.child.send_signal(signal.SIGHUP)
        shim.until(lambda: daemon.send("shop@example.jp", ["someone"], MAIL)[0] == 250
                   and "alias@example.org" in self.sandbox.copies(), "the alias is known")
        before = len(daemon.lines)
        self.assertEqual(daemon.send("shop@example.jp", ["someone"], MAIL)[0], 250)
        self.assertEqual(daemon.lines[before:], [])

    def test_certificate_and_users(self):
        """A handshake shows the new certificate, the new user may come in; who is in stays in."""
        with tempfile.TemporaryDirectory() as folder:
            pem, key = secure.certificate(folder, "old.test")
            users = secure.write(os.path.join(folder, "users"), secure.user_line("first", "pw1"))
            daemon = self.start(more={"listen tls": f"address = 127.0.0.1:0\ntls = implicit\ntls-certificate = {pem}\n"
                                      f"tls-key = {key}\nauth = yes\npassword-file = {users}\n"})
            port = int(daemon.wait_line(r"listening listener=tls .*port=(\d+)").group(1))

            def connect():
                sock = socket.create_connection(("127.0.0.1", port), shim.PATIENCE)
                return secure.context().wrap_socket(sock)

            with shim.Dialogue(connect()) as before:
                before.hello()
                old = before.sock.getpeercert(True)
                for source, target in zip(secure.certificate(folder, "new.test"), (pem, key)):
                    os.replace(source, target)
                secure.write(users, secure.user_line("second", "pw2"))
                self.hup(daemon)
                with shim.Dialogue(connect()) as after:
                    after.hello()
                    self.assertNotEqual(after.sock.getpeercert(True), old)
                    self.assertEqual(after.ask(b"AUTH PLAIN " + base64.b64encode(b"\0second\0pw2") + b"\r\n")[0], 235)
                self.assertEqual(before.ask(b"AUTH PLAIN " + base64.b64encode(b"\0first\0pw1") + b"\r\n")[0], 235)
                os.unlink(key)
                self.assertIn("tls-key", self.hup(daemon, "reload-failed")[0])
                self.assertEqual(before.transaction("shop@example.jp", ["a@example.org"], MAIL)[0], 250)

    def test_last_user(self):
        """Whoever is taken out of the file of users stays out, though no one is left in it."""
        with tempfile.TemporaryDirectory() as folder:
            users = secure.write(os.path.join(folder, "users"), secure.user_line("last", "pw"))
            daemon = self.start(more={"listen names": f"address = {folder}/names.sock\nauth = required\npassword-file = {users}\n"})

            def log_in():
                sock = socket.socket(socket.AF_UNIX)
                sock.settimeout(shim.PATIENCE)
                sock.connect(f"{folder}/names.sock")
                with shim.Dialogue(sock) as talk:
                    talk.hello()
                    return talk.ask(b"AUTH PLAIN " + base64.b64encode(b"\0last\0pw") + b"\r\n")[0]

            self.assertEqual(log_in(), 235)
            secure.write(users, "# nobody\n")
            self.assertIn("no users", str(self.hup(daemon)))
            self.assertEqual(log_in(), 535)
            secure.write(users, "")
            self.hup(daemon)
            self.assertEqual(log_in(), 535)
            start = subprocess.run([shim.program("shimtad"), "-n", "-c", daemon.conf], capture_output=True, text=True,
                                   timeout=shim.PATIENCE)
            self.assertEqual(start.returncode, 0)
            self.assertIn("[listen names] password-file: it has no users", start.stderr)

    def test_tickets_survive(self):
        """Who was here before the reload resumes its session behind it, unless others may vouch for clients then."""
        with tempfile.TemporaryDirectory() as folder:
            pem, key = secure.certificate(folder, "mx.test")
            daemon = self.start(more={"listen tls": f"address = 127.0.0.1:0\ntls = implicit\ntls-certificate = {pem}\n"
                                      f"tls-key = {key}\n"})
            port = int(daemon.wait_line(r"listening listener=tls .*port=(\d+)").group(1))
            client = secure.context()

            def connect(ticket=None):
                sock = client.wrap_socket(socket.create_connection(("127.0.0.1", port), shim.PATIENCE), session=ticket)
                with shim.Dialogue(sock) as talk:
                    talk.hello()
                    return sock.session_reused, sock.session

            ticket = connect()[1]
            self.hup(daemon)
            resumed, ticket = connect(ticket)
            self.assertTrue(resumed)
            self.edit(daemon, "tls = implicit", f"tls = implicit\ntls-client = request\ntls-client-ca = {pem}")
            self.hup(daemon)
            self.assertFalse(connect(ticket)[0])

    def test_what_is_wrong_changes_nothing(self):
        """Whatever a file lacks: one line says so, and everybody is served as before."""
        with tempfile.TemporaryDirectory() as folder:
            pem, key = secure.certificate(folder, "mx.test")
            users = secure.write(os.path.join(folder, "users"), secure.user_line("u", "pw"))
            aliases = secure.write(os.path.join(folder, "aliases"), "someone: alias@example.org\n")
            daemon = self.start(more={
                "shimta": f"alias-file = {aliases}\n",
                "listen tls": f"address = 127.0.0.1:0\ntls = implicit\ntls-certificate = {pem}\ntls-key = {key}\n"
                              f"auth = yes\npassword-file = {users}\n"})
            port = int(daemon.wait_line(r"listening listener=tls .*port=(\d+)").group(1))
            for path, wrong, mode, named in (
                    (pem, "no certificate\n", 0o600, "tls-certificate"), (key, "no key\n", 0o600, "tls-key"),
                    (key, None, 0o644, "tls-key"), (users, "no line of users\n", 0o600, "password-file"),
                    (users, None, 0o644, "password-file"), (aliases, '"unended: x\n', 0o600, "alias"),
                    (daemon.key_file, None, 0o644, "api-key-file"), (daemon.key_file, "", 0o600, "api-key-file")):
                with self.subTest(file=named, wrong=wrong), open(path) as file:
                    good = file.read()
                    os.chmod(path, mode)
                    if wrong is not None:
                        secure.write(path, wrong)
                    lines = [line for line in self.hup(daemon, "reload-failed") if not line.startswith("delivered ")]
                    self.assertEqual(len(lines), 1, lines)
                    self.assertIn(named, lines[0])
                    self.assertNotIn(shim.KEY, lines[0])
                    sock = socket.create_connection(("127.0.0.1", port), shim.PATIENCE)
                    with shim.Dialogue(secure.context().wrap_socket(sock)) as talk:
                        talk.hello()
                        self.assertEqual(talk.ask(b"AUTH PLAIN " + base64.b64encode(b"\0u\0pw") + b"\r\n")[0], 235)
                        self.assertEqual(talk.transaction("shop@example.jp", ["someone"], MAIL)[0], 250)
                    secure.write(path, good)
                    os.chmod(path, 0o600)
            self.hup(daemon)

    def test_service_manager_is_told(self):
        with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(os.path.join(folder, "notify"))
            manager.settimeout(shim.PATIENCE)
            heard = []

            def wait_for(*wanted):
                heard.clear()
                while not all(any(word in state for state in heard) for word in wanted):
                    heard.append(manager.recv(4096).decode())

            daemon = self.start(env={"NOTIFY_SOCKET": manager.getsockname(), "WATCHDOG_USEC": "20000"})
            wait_for("READY=1", "WATCHDOG=1")
            daemon.child.send_signal(signal.SIGHUP)
            wait_for("RELOADING=1\nMONOTONIC_USEC=", "READY=1\nSTATUS=Configuration read again", "WATCHDOG=1")
            self.edit(daemon, "hostname = ", "hostnam = ")
            daemon.child.send_signal(signal.SIGHUP)
            wait_for("RELOADING=1", "STATUS=The configuration is wrong")
            daemon.child.send_signal(signal.SIGTERM)
            wait_for("STOPPING=1")

    def test_service_manager_that_reads_nothing(self):
        with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager, \
                socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as full:
            manager.bind(os.path.join(folder, "notify"))
            daemon = self.start(env={"NOTIFY_SOCKET": manager.getsockname(), "WATCHDOG_USEC": "20000"})
            full.setblocking(False)
            with self.assertRaises(BlockingIOError):
                while True:
                    full.sendto(b"WATCHDOG=1", manager.getsockname())
            self.hup(daemon)
            self.assertEqual(daemon.send("shop@example.jp", ["a@example.org"], MAIL)[0], 250)
            self.assertEqual(daemon.end(), 0)

    def test_what_needs_a_restart(self):
        daemon = self.start()
        self.edit(daemon, "queue-reserve = 0", "queue-reserve = 1M")
        self.assertIn("restart-needed key=queue-reserve", self.hup(daemon))

    def test_folders_that_may_not_be_written(self):
        """The kernel lets the daemon write where the settings of its start say, the metrics' socket too."""
        with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
            for name in ("first", "second", "figures"):
                os.mkdir(os.path.join(folder, name))
            daemon = self.start(more={"shimta": f"spool-memory = 4k\nspool-folder = {folder}/first\n",
                                      "metrics": f"address = {folder}/figures/http.sock\n"})
            if "not-confined" in daemon.text():
                self.skipTest("the kernel has no Landlock")
            self.assertTrue(os.path.exists(f"{folder}/figures/http.sock"))
            self.edit(daemon, f"{folder}/first", f"{folder}/second")
            self.assertIn(f"spool-folder: cannot make a temporary file in {folder}/second",
                          self.hup(daemon, "reload-failed")[-1])
            self.assertEqual(daemon.send("shop@example.jp", ["a@example.org"], MAIL + b"x\r\n" * 10000)[0], 250)

    def test_sessions_in_each_state(self):
        """50 in each, over two reloads: each ends as it would have."""
        steps = ("EHLO client.test", "MAIL FROM:<shop@example.jp>", "RCPT TO:<a@example.org>", "DATA")
        daemon = self.start(more={"listen tcp": "max-connections-per-client = 0\n"})
        talks = []
        for state in range(6):
            for _ in range(50):
                talk = daemon.raw()
                self.addCleanup(talk.close)
                talk.reply()
                for step in steps[:state]:
                    self.assertIn(talk.ask(step)[0] // 100, (2, 3))
                if state == 5:
                    talk.put(MAIL[:10])
                talks.append((state, talk))
        self.edit(daemon, "mx.example.jp", "other.example.jp")
        self.hup(daemon)
        self.hup(daemon)
        for state, talk in talks:
            for step in steps[state:]:
                self.assertIn(talk.ask(step)[0] // 100, (2, 3))
            talk.put((MAIL[10:] if state == 5 else MAIL) + b".\r\n")
        self.assertEqual({talk.reply()[0] for _, talk in talks}, {250})
        self.assertEqual(len(self.sandbox.box()), 300)

    def test_under_load(self):
        """No connection is refused and no mail lost while it is reloaded all the time."""
        daemon = self.start()
        failed, sent = [], []

        def client(number):
            for turn in range(15):
                try:
                    code = daemon.send("shop@example.jp", [f"u{number}.{turn}@example.org"], MAIL)
                except OSError as error:
                    code = (0, str(error))
                (sent if code[0] == 250 else failed).append(code)

        threads = [threading.Thread(target=client, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            self.hup(daemon)
        self.assertEqual(failed, [])
        shim.until(lambda: len(self.sandbox.box()) == len(sent) == 90, "all have got their mail")


if __name__ == "__main__":
    tap.main()
