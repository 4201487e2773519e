"""Starting, checking, stopping, and keeping secrets."""

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import unittest
import urllib.request

import mails
import shim
import tap


def check(text, *options, key_mode=0o600, env=None):
    """Runs shimtad -n on a configuration; %KEY% in it names a key file."""
    folder = tempfile.mkdtemp(prefix="shimta-conf-")
    key = os.path.join(folder, "key")
    with open(key, "w") as file:
        file.write(shim.KEY + "\n")
    os.chmod(key, key_mode)
    conf = os.path.join(folder, "shimta.conf")
    with open(conf, "w") as file:
        file.write(text.replace("%KEY%", key))
    return subprocess.run([shim.program("shimtad"), *(options or ("-n",)), "-c", conf], capture_output=True, text=True,
                          timeout=shim.PATIENCE, env={**os.environ, **(env or {})})


GOOD = """[shimta]
hostname = mx.example.jp
account = main
default-domain = example.jp      # for root and cron

[listen local]
address = 127.0.0.1:0

[account main]
provider = customers-mail-cloud
url = https://sandbox.smtps.jp
api-user = shim@example.jp
api-key-file = %KEY%
from-domains = example.jp
"""


class ConfigurationTest(unittest.TestCase):
    def test_good(self):
        done = check(GOOD)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("https://sandbox.smtps.jp", done.stdout)
        self.assertNotIn(shim.KEY, done.stdout)

    def test_wrong_lines(self):
        for wrong, want in (("hostname = mx.example.jp", "hostnam = mx"), ("[listen local]", "[lisen local]"),
                            ("address = 127.0.0.1:0", "address = 127.0.0.1"), ("address = 127.0.0.1:0", "address = 192.0.2.1:25"),
                            ("url = https://sandbox.smtps.jp", "url = ftp://sandbox.smtps.jp"),
                            ("url = https://sandbox.smtps.jp", "url = http://sandbox.smtps.jp"),
                            ("provider = customers-mail-cloud", "provider = customer-mail-cloud"),
                            ("account = main", "account = man"), ("api-user = shim@example.jp", ""),
                            ("api-key-file = %KEY%", "api-key-file = /nonexistent/key"),
                            ("address = 127.0.0.1:0", "address = 127.0.0.1:0\nmax-size = 10 elephants")):
            with self.subTest(line=want):
                text = GOOD.replace(wrong, want)
                done = check(text)
                self.assertEqual(done.returncode, 78, done.stderr)
                self.assertRegex(done.stderr, r"shimta\.conf(:\d+)?: ")
                if want and "[" not in want:
                    number = text[:text.index(want.split("\n")[-1])].count("\n") + 1
                    self.assertIn(f"shimta.conf:{number}:", done.stderr)
                self.assertEqual(done.stderr.count("\n"), 1, done.stderr)

    def test_nearest_key_is_named(self):
        self.assertIn("hostname", check(GOOD.replace("hostname", "hostnme")).stderr)

    def test_readable_key_is_refused(self):
        for mode in (0o644, 0o640, 0o604):
            with self.subTest(mode=oct(mode)):
                done = check(GOOD, key_mode=mode)
                self.assertEqual(done.returncode, 78)
                self.assertNotIn(shim.KEY, done.stderr + done.stdout)

    def test_credential(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "main.key")
            with open(path, "w") as file:
                file.write(shim.KEY)
            os.chmod(path, 0o440)
            text = GOOD.replace("%KEY%", "${CREDENTIALS_DIRECTORY}/main.key")
            self.assertEqual(check(text, env={"CREDENTIALS_DIRECTORY": folder}).returncode, 0)

    def test_no_file(self):
        done = subprocess.run([shim.program("shimtad"), "-n", "-c", "/nonexistent/shimta.conf"], capture_output=True,
                              text=True, timeout=shim.PATIENCE)
        self.assertEqual(done.returncode, 78)
        self.assertIn("/nonexistent/shimta.conf", done.stderr)

    def test_usage(self):
        done = subprocess.run([shim.program("shimtad"), "--no-such-option"], capture_output=True, timeout=shim.PATIENCE)
        self.assertEqual(done.returncode, 64)


class OperationTest(unittest.TestCase):
    def setUp(self):
        self.sandbox = shim.Sandbox()
        self.addCleanup(self.sandbox.end)
        self.daemon = shim.Daemon(self.sandbox.url, options=["-v"])
        self.addCleanup(self.daemon.end)

    def test_key_shows_nowhere(self):
        replies = [self.daemon.send("shop@example.jp", ["a@example.org"], mails.order(cc=()))]
        for fault in ("error=13-004", "status=500", "html", "close-after", "truncate"):
            self.sandbox.fault(fault)
            replies.append(self.daemon.send("shop@example.jp", ["a@example.org"], mails.order(cc=())))
        with open(f"/proc/{self.daemon.child.pid}/cmdline", "rb") as cmdline, \
             open(f"/proc/{self.daemon.child.pid}/environ", "rb") as environ:
            shown = cmdline.read() + environ.read()
        self.assertNotIn(shim.KEY, repr(replies) + repr(shown))
        self.assertEqual(self.daemon.end(), 0)
        self.assertNotIn(shim.KEY, self.daemon.text())
        self.assertNotIn(shim.KEY, self.sandbox.text())

    def test_log_is_one_line_per_event(self):
        hostile = b"a\x1b[31m\xe2\x80\xa8%s%n\"x@example.jp"
        with self.daemon.raw() as talk:
            talk.hello("evil\x1b[2J")
            talk.ask(b"MAIL FROM:<" + hostile + b">\r\n")
            talk.ask(b"MAIL FROM:<\"a b=c \\\"d\"@example.jp>\r\n")
            talk.ask("QUIT")
        self.assertEqual(self.daemon.end(), 0)
        for line in self.daemon.lines:
            self.assertTrue(line.isprintable(), ascii(line))
            self.assertLessEqual(len(line.encode()), 2047)

    def test_log_in_json(self):
        hostile = b"a\x1b[31m\xe2\x80\xa8\xff%s%n\"x@example.jp"
        daemon = shim.Daemon(self.sandbox.url, more={"shimta": "log-format = json\n"}, options=["-v"])
        self.addCleanup(daemon.end)
        with daemon.raw() as talk:
            talk.hello("evil\x1b[2J")
            talk.ask(b"MAIL FROM:<" + hostile + b">\r\n")
            talk.ask("EHLO client.test")
            self.assertEqual(talk.transaction("shop@example.jp", ["x@example.org"], mails.order(cc=()))[0], 250)
        self.assertEqual(daemon.end(), 0)
        events = [json.loads(line) for line in daemon.lines]
        self.assertEqual({"listening", "ready", "delivered", "stopped"} - {event["event"] for event in events}, set())
        for event, line in zip(events, daemon.lines):
            self.assertEqual({type(value) for value in event.values()}, {str}, line)
            self.assertTrue(line.isprintable(), ascii(line))

    def test_term_lets_data_finish(self):
        with self.daemon.raw() as idle, self.daemon.raw() as busy:
            idle.hello()
            busy.hello()
            for step in ("MAIL FROM:<a@example.jp>", "RCPT TO:<b@example.org>", "DATA"):
                busy.ask(step)
            message = shim.stuff(mails.order())
            busy.put(message[:500])
            self.daemon.child.send_signal(signal.SIGTERM)
            self.assertEqual(idle.reply()[0], 421)
            self.assertEqual(idle.reply()[0], 0)
            busy.put(message[500:])
            self.assertEqual(busy.reply()[0], 250)
            self.assertEqual(busy.reply()[0], 421)
        self.assertEqual(self.daemon.wait(), 0)
        self.assertEqual(len(self.sandbox.box()), 1)

    def test_term_waits_for_the_api(self):
        self.sandbox.fault("delay=700")
        with self.daemon.raw() as talk:
            talk.hello()
            for step in ("MAIL FROM:<a@example.jp>", "RCPT TO:<b@example.org>", "DATA"):
                talk.ask(step)
            talk.put(shim.stuff(mails.order()))
            self.daemon.child.send_signal(signal.SIGTERM)
            self.assertEqual(talk.reply()[0], 250)
        self.assertEqual(self.daemon.wait(), 0)

    def test_hangup_does_not_kill(self):
        self.daemon.child.send_signal(signal.SIGHUP)
        self.assertEqual(self.daemon.send("a@example.jp", ["b@example.org"], mails.order(cc=()))[0], 250)

    def test_socket_of_a_killed_daemon_is_taken_over(self):
        self.daemon.child.kill()
        self.daemon.wait()
        self.assertTrue(os.path.exists(self.daemon.socket))
        heir = shim.Process([shim.program("shimtad"), "-c", self.daemon.conf])
        self.addCleanup(heir.end)
        heir.wait_line(r"ready\b")
        self.assertEqual(self.daemon.sendmail("b@example.org", stdin=b"Subject: s\n\nx\n").returncode, 0)

    def test_system_calls_are_few(self):
        """In each thread, those of the store and of the pool too. Mode 2: there is a filter."""
        if shim.sanitized():
            self.skipTest("sanitizers need more system calls")
        self.assertEqual(self.daemon.send("a@example.jp", ["b@example.org"], mails.order(cc=()))[0], 250)
        tasks = f"/proc/{self.daemon.child.pid}/task"
        for task in os.listdir(tasks):
            with open(f"{tasks}/{task}/status") as file:
                self.assertRegex(file.read(), r"(?m)^Seccomp:\t2$")
        self.daemon.wait_line("confined .*system calls")

    def test_submission_socket_mode(self):
        self.assertEqual(stat.S_IMODE(os.stat(self.daemon.socket).st_mode), 0o666)

    def test_second_daemon_on_the_socket_is_refused(self):
        conf = self.daemon.conf + ".second"
        with open(self.daemon.conf) as first, open(conf, "w") as file:
            file.write(re.sub("state-dir = .*", "queue = none", first.read()))
        second = self.run_second(conf)
        self.assertNotEqual(second.returncode, 0)
        self.assertIn(self.daemon.socket, second.stderr)
        self.assertEqual(self.daemon.sendmail("b@example.org", stdin=b"Subject: s\n\nx\n").returncode, 0)

    def run_second(self, conf):
        return subprocess.run([shim.program("shimtad"), "-c", conf], capture_output=True, text=True,
                              timeout=shim.PATIENCE)

    def test_second_daemon_on_the_queue_is_refused(self):
        second = self.run_second(self.daemon.conf)
        self.assertEqual(second.returncode, 75, second.stderr)
        self.assertRegex(second.stderr, r"another shimtad .*uses .*queue")

    def test_queue_that_others_may_write(self):
        with tempfile.TemporaryDirectory() as state:
            os.mkdir(os.path.join(state, "queue"))
            os.chmod(os.path.join(state, "queue"), 0o777)
            conf = self.daemon.conf + ".unsafe"
            with open(self.daemon.conf) as first, open(conf, "w") as file:
                file.write(re.sub("state-dir = .*", f"state-dir = {state}", first.read()))
            refused = self.run_second(conf)
            self.assertEqual(refused.returncode, 78, refused.stderr)
            self.assertIn(state, refused.stderr)

    def test_crowd_gets_an_answer(self):
        """Above the connection limit: 421, not silence; then a normal client is served."""
        crowd = [self.daemon.raw() for _ in range(60)]
        self.addCleanup(lambda: [talk.close() for talk in crowd])
        codes = [talk.reply()[0] for talk in crowd]
        self.assertEqual(codes, [220] * 50 + [421] * 10)
        for talk in crowd:
            talk.close()
        shim.until(lambda: self.greeting() == 220, "room again")

    def greeting(self):
        with self.daemon.raw() as talk:
            return talk.reply()[0]


def shipped(*path):
    with open(os.path.join(os.environ.get("TOP_SRCDIR", "."), "contrib", *path)) as file:
        return file.read()


# Runs the program of its arguments as a service manager does, with the given descriptor as number 3.
PASS = """import os, sys
aside = [os.dup2(int(fd), 100 + place, False) for place, fd in enumerate(sys.argv[1].split(","))]
for place, fd in enumerate(aside):
    os.dup2(fd, 3 + place)
os.environ["LISTEN_PID"] = str(os.getpid())
os.execv(sys.argv[2], sys.argv[2:])
"""


class SocketActivationTest(unittest.TestCase):
    def test_names_of_unit_and_example_meet(self):
        """A socket that is passed as the shipped unit does serves the section of the shipped example."""
        name = re.search(r"^FileDescriptorName=(\S+)$", shipped("systemd", "shimtad.socket"), re.M).group(1)
        self.assertIn(f"[listen {name}]", shipped("examples", "shimta.conf"))
        with socket.create_server(("127.0.0.1", 0)) as passed:
            port = passed.getsockname()[1]
            daemon = self.start([passed], name, GOOD.replace("listen local", f"listen {name}"))
            daemon.wait_line(rf"\blistening .*port={port}\b")
            with socket.create_connection(("127.0.0.1", port), shim.PATIENCE) as client:
                self.assertEqual(client.recv(4), b"220 ")

    def start(self, passed, names, text):
        """The daemon with these sockets, as a service manager passes them."""
        folder = tempfile.mkdtemp(prefix="shimtad-")
        self.addCleanup(shutil.rmtree, folder)
        key = os.path.join(folder, "key")
        with open(os.open(key, os.O_CREAT | os.O_WRONLY, 0o600), "w") as file:
            file.write(shim.KEY + "\n")
        conf = os.path.join(folder, "shimta.conf")
        with open(conf, "w") as file:
            file.write(text.replace("%KEY%", key).replace(
                "[shimta]", f"[shimta]\nstate-dir = {folder}/state\ncontrol-socket = {folder}/control.sock"))
        fds = [one.fileno() for one in passed]
        daemon = shim.Process([sys.executable, "-c", PASS, ",".join(map(str, fds)), shim.program("shimtad"), "-c", conf],
                              env={"LISTEN_FDS": str(len(fds)), "LISTEN_FDNAMES": names}, pass_fds=fds)
        self.addCleanup(lambda: self.assertEqual(daemon.end(), 0, daemon.text()))
        return daemon

    def test_figures_and_events(self):
        """Sockets of [metrics] and [webhook] are taken: by their names, or by their addresses whatever their names."""
        for names in ("metrics:webhook:other", "local:local:local"):
            with self.subTest(names=names), contextlib.ExitStack() as stack:
                passed = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(3)]
                ports = [one.getsockname()[1] for one in passed]
                told = [0, 0] if "metrics" in names else ports
                daemon = self.start(passed, names, GOOD.replace("listen local", "listen mx") +
                                    f"[metrics]\naddress = 127.0.0.1:{told[0]}\n"
                                    f"[webhook]\naddress = 127.0.0.1:{told[1]}\n")
                daemon.wait_line(rf"^metrics .*port={ports[0]}\b")
                daemon.wait_line(rf"^webhook .*port={ports[1]}\b")
                daemon.wait_line("^sockets-unused number=1")
                with urllib.request.urlopen(f"http://127.0.0.1:{ports[0]}/health", timeout=shim.PATIENCE) as answer:
                    self.assertEqual(answer.status, 200)
                daemon.wait_line("^ready")
                self.assertEqual(daemon.end(), 0, daemon.text())


class QuickstartTest(unittest.TestCase):
    def test_first_mail(self):
        script = os.path.join(os.environ.get("TOP_SRCDIR", "."), "contrib", "first-mail.py")
        done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=2 * shim.PATIENCE,
                              env={**os.environ, "PYTHONUTF8": "1"})
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        self.assertEqual(done.stdout.count("queued as <"), 2)
        for address in ("yamada@example.org", "keiri@example.org", "audit@example.net"):
            self.assertEqual(done.stdout.count(f"{address} got: {mails.SUBJECT}"), 2)
        self.assertIn("everything arrived as it should", done.stdout)


if __name__ == "__main__":
    tap.main()
