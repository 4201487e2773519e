"""The operator's command against the real daemon: what waits, what became of it, and whether all is well."""

import json
import os
import shutil
import socket
import subprocess

import mails
import shim
import tap
import unittest

SENDER, YAMADA = "shop@example.jp", "yamada@example.org"


def order(number=1):
    return mails.order(cc=()).replace(b"Message-ID: <", b"Message-ID: <n%d." % number)


class Case(unittest.TestCase):
    more = {}

    def setUp(self):
        self.sandbox = shim.Sandbox()
        self.addCleanup(self.sandbox.end)
        self.daemon = self.start()

    def start(self, **extra):
        daemon = shim.Daemon(self.sandbox.url, more=self.more, **extra)
        self.addCleanup(daemon.end)
        return daemon

    def shimta(self, *argv, status=0, conf=None, env=None, stdin=""):
        done = subprocess.run([shim.program("shimta"), "-c", conf or self.daemon.conf, *argv], capture_output=True,
                              text=True, timeout=shim.PATIENCE, input=stdin, env={**os.environ, **(env or {})})
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        self.assertNotIn(shim.KEY, done.stdout + done.stderr)
        return done

    def rows(self, *argv, status=0):
        return [json.loads(line) for line in self.shimta("--json", *argv, status=status).stdout.splitlines()]

    def events(self, word):
        return [row["event"] for row in self.rows("trace", word) if "event" in row]

    def send(self, number=1, to=YAMADA):
        return self.daemon.send(SENDER, [to], order(number))


class TraceTest(Case):
    more = {"shimta": "duplicate-window = 10m\n"}

    def test_by_every_kind_of_id(self):
        code, text = self.send()
        self.assertEqual(code, 250)
        row = self.rows("trace", YAMADA)[0]
        self.assertEqual((row["event"], row["recipient"], row["account"]), ("delivered", YAMADA, "main"))
        self.assertIn(row["remote_id"], text)
        for name in ("id", "message_id", "remote_id", "call"):
            for word in (row[name], row[name].strip("<>"), row[name].upper()):
                self.assertEqual(self.rows("trace", word)[0], row, word)
        self.assertEqual(self.rows("trace", "Q" + row["id"])[0], row)
        self.assertIn(row["id"], self.shimta("trace", YAMADA).stdout)

    def test_refusal_and_nothing(self):
        self.sandbox.fault("error=13-006")
        self.assertEqual(self.send()[0], 550)
        self.assertIn("13-006", self.shimta("trace", YAMADA).stdout)
        self.assertIn("nothing is known", self.shimta("trace", "nobody@example.org", status=1).stderr)

    def test_limit_takes_the_latest(self):
        for number in range(3):
            self.assertEqual(self.send(number)[0], 250)
        done = self.shimta("trace", "--limit", "2", YAMADA)
        self.assertIn("<n1.", done.stdout)
        self.assertNotIn("<n0.", done.stdout)
        self.assertIn("earlier", done.stderr)

    def test_killed_behind_the_answer(self):
        with self.daemon.raw() as talk:
            talk.hello()
            code, text = talk.transaction(SENDER, [YAMADA], order())
            self.daemon.child.kill()
        self.assertEqual(code, 250)
        self.daemon.wait()
        done = self.shimta("trace", YAMADA)
        self.assertIn("delivered", done.stdout)
        self.assertIn("not running", done.stderr)
        self.assertEqual(self.shimta("trace", YAMADA).stdout, done.stdout)  # once, however often it is read

    def other_socket(self):
        path = self.daemon.conf + ".other"
        with open(self.daemon.conf) as source, open(path, "w") as out:
            out.write(source.read().replace("control.sock", "elsewhere.sock"))
        return path

    def test_running_elsewhere(self):
        """Its journal is read, and left as it is."""
        for number in range(2):
            self.assertEqual(self.send(number)[0], 250)
            self.shimta("trace", YAMADA)  # loaded into the table
        self.assertEqual(self.send(3, "sato@example.org")[0], 250)
        done = self.shimta("trace", YAMADA, conf=self.other_socket())
        self.assertIn("<n1.", done.stdout)
        self.assertIn("is running", done.stderr)
        self.assertNotIn("not running", done.stderr)
        self.assertIn("delivered", self.shimta("trace", "sato@example.org").stdout)
        self.assertRegex(self.shimta("queue", conf=self.other_socket(), status=75).stderr,
                         r"^shimta: no shimtad answers \(.*/elsewhere.sock.*\): start it, or say with --config .*\n$")

    @unittest.skipUnless(os.geteuid() == 0, "is another user only as root")
    def test_as_nobody(self):
        os.chmod(self.daemon.folder, 0o755)
        program = shutil.copy(shim.program("shimta"), self.daemon.folder)  # the build may be where nobody else gets to
        done = subprocess.run([program, "-c", self.daemon.conf, "trace", YAMADA], capture_output=True,
                              text=True, timeout=shim.PATIENCE, user="nobody", group="nogroup", extra_groups=[])
        self.assertEqual(done.returncode, 75, done.stderr)
        self.assertIn("only root", done.stderr)
        self.assertNotIn("not running", done.stderr)

    def test_known_again_after_a_kill(self):
        mail = order()
        self.assertEqual(self.daemon.send(SENDER, [YAMADA], mail)[0], 250)
        state = os.path.join(self.daemon.folder, "state")
        self.daemon.child.kill()
        self.daemon.wait()
        self.daemon = self.start(state=state)
        self.assertEqual(self.daemon.send(SENDER, [YAMADA], mail)[0], 250)
        self.assertEqual(len(self.sandbox.box()), 1)
        self.assertEqual(self.send(2)[0], 250)
        self.assertEqual(len(self.sandbox.box()), 2)
        self.assertIn("duplicate", self.events(YAMADA) + self.daemon.text().split())

    def test_terminal_is_safe(self):
        self.daemon.send(SENDER, ["yamada@example.org"], b"Message-ID: <\x1b]0;x\x07@h>\r\nFrom: a@example.jp\r\n\r\nx\r\n")
        done = self.shimta("trace", YAMADA)
        self.assertNotIn("\x1b", done.stdout + done.stderr)


class QueueTest(Case):
    more = {"shimta": "delivery = queue\nretry-min = 1h\nretry-max = 1h\n"}

    def queued(self, number=1, to=YAMADA):
        """A mail that has been tried once in vain; its id."""
        before = len(self.daemon.lines)
        self.sandbox.fault("error=13-001")
        code, text = self.send(number, to)
        self.assertEqual(code, 250, text)
        self.daemon.wait_line(r"^deferred .*to=" + to, before)
        found = [row["id"] for row in self.rows("queue", "--recipient", to)]
        shim.until(lambda: all(row["state"] == "waiting" for row in self.rows("queue")), "tried")
        return found[-1]

    def test_list_and_show(self):
        self.assertIn("empty", self.shimta("queue").stdout)
        first, second = self.queued(1), self.queued(2, "sato@example.org")
        self.assertEqual([row["id"] for row in self.rows("queue")], [first, second])
        row = self.rows("queue", "--recipient", "SATO")[0]
        self.assertEqual((row["id"], row["sender"], row["recipients"], row["open"]), (second, SENDER, ["sato@example.org"], 1))
        self.assertIn("13-001", row["text"])
        self.assertEqual(self.rows("queue", "--sender", "nobody"), [])
        self.assertEqual(self.rows("queue", "list", "--held"), [])
        entry, recipient = self.rows("queue", "show", first)
        self.assertIn("Message-ID: <n1.", entry["header"])
        self.assertEqual((recipient["recipient"], recipient["state"], recipient["account"]), (YAMADA, "waiting", "main"))
        self.assertTrue(recipient["call"].startswith(first))
        self.assertIn("2 entries", self.shimta("queue").stdout)
        self.assertIn("13-001", self.shimta("queue", "show", first).stdout)
        self.shimta("queue", "show", "nonsense", status=1)

    def test_before_the_first_try(self):
        """With and without the Q, by recipient, by Message-ID: what sendmail -odq has left."""
        mail = order()
        env = {**os.environ, "SHIMTA_CONF": self.daemon.conf}
        done = subprocess.run([shim.program("sendmail"), "-odq", "-v", YAMADA, "sato@example.org"], input=mail, env=env,
                              capture_output=True, timeout=shim.PATIENCE)
        reply = done.stdout.decode().split("queued as ")[1].strip()
        self.assertTrue(reply.startswith("Q"), reply)
        message_id = mail.split(b"Message-ID: ")[1].split(b"\r\n")[0].decode().strip()
        for word in (reply, reply[1:], YAMADA, "SATO@example.org", message_id, message_id.strip("<>")):
            rows = self.rows("trace", word)
            self.assertEqual([row["recipient"] for row in rows if row.get("event") == "queued"],
                             [YAMADA, "sato@example.org"], word)
            self.assertEqual(rows[-1]["state"], "waiting")
        for word in (reply, reply[1:]):
            self.assertEqual(self.rows("queue", "show", word)[0]["message_id"], message_id)
        done = subprocess.run([shim.program("sendmail"), "-v", "-qI" + reply], env=env, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.daemon.wait_line(r"^delivered .*to=sato@")

    def test_filters(self):
        for number in range(3):
            self.queued(number, "to%d@example.org" % number)
        self.assertIn("1", self.shimta("queue", "hold", "--recipient", "TO1").stdout)
        self.assertEqual([row["recipients"] for row in self.rows("queue", "--held")], [["to1@example.org"]])
        self.assertIn("release it", self.shimta("queue", "retry", "--held", status=1).stderr)
        self.assertEqual(len(self.rows("queue", "hold", "--all")), 3)
        self.assertEqual(len(self.rows("queue", "hold", "--held", "--sender", SENDER.upper())), 3)
        self.sandbox.fault("delay=60000", 3)
        self.assertIn("3", self.shimta("queue", "release", "--held").stdout)
        self.assertEqual(self.rows("queue", "--held"), [])
        self.assertIn("queue has no command 'foo'", self.shimta("queue", "foo", status=64).stderr)
        self.assertNotIn("\u00a0", self.shimta("queue").stdout)
        self.shimta("stats").stdout.encode("ascii")

    def test_hold_release(self):
        queued = self.queued()
        self.shimta("queue", "hold", "Q" + queued)
        self.assertEqual([row["state"] for row in self.rows("queue", "--held")], ["held"])
        self.shimta("queue", "flush")
        self.shimta("queue", "retry", queued, status=1)
        self.assertEqual(self.sandbox.box(), [])
        before = len(self.daemon.lines)
        self.shimta("queue", "release", queued)
        self.daemon.wait_line(r"^delivered ", before)
        shim.until(lambda: self.rows("queue") == [], "gone")
        events = self.events(queued)
        for event in ("deferred", "held", "released", "delivered"):
            self.assertIn(event, events)
        self.assertLess(events.index("held"), events.index("delivered"))

    def test_delete(self):
        queued = self.queued()
        self.assertIn("--yes", self.shimta("queue", "delete", queued, status=64).stderr)
        self.shimta("queue", "delete", "--yes", queued)
        self.assertEqual(self.rows("queue"), [])
        self.assertEqual(self.rows("trace", queued)[-1]["event"], "deleted")
        self.assertEqual(self.rows("trace", queued)[-1]["recipient"], YAMADA)
        self.shimta("queue", "delete", "--yes", queued, status=1)
        self.assertEqual(self.sandbox.box(), [])

    def test_filters(self):
        keep, gone = self.queued(1), self.queued(2, "sato@example.org")
        self.assertEqual([row["id"] for row in self.rows("queue", "delete", "--yes", "--recipient", "sato@")], [gone])
        self.assertEqual([row["id"] for row in self.rows("queue")], [keep])
        self.shimta("queue", "hold", "--all")
        self.shimta("queue", "release", "--all")
        self.daemon.wait_line(r"^delivered .*to=" + YAMADA)

    def test_retry_and_flush(self):
        queued, before = self.queued(1), len(self.daemon.lines)
        self.shimta("queue", "retry", queued)
        self.daemon.wait_line(r"^delivered ", before)
        for number in (2, 3):
            self.queued(number)
        before = len(self.daemon.lines)
        self.assertEqual(self.rows("queue", "flush"), [{"due": 2}])
        self.daemon.wait_line(r"^delivered ", before)
        shim.until(lambda: self.rows("queue") == [], "flushed")
        self.assertEqual(len(self.sandbox.box()), 3)

    def test_trace_tells_the_present(self):
        queued = self.queued()
        self.assertEqual(self.rows("trace", queued)[-1]["state"], "waiting")
        self.assertIn("now in the queue", self.shimta("trace", YAMADA).stdout)

    def test_stats(self):
        self.queued()
        stats = self.rows("stats")[0]
        self.assertEqual((stats["queue"]["entries"], stats["counts"]["deferred"]), (1, 1))
        self.assertEqual(stats["pid"], self.daemon.child.pid)
        self.assertEqual([(one["name"], one["state"]) for one in stats["accounts"]], [("main", "well")])
        self.assertIn("1 entries", self.shimta("stats").stdout)


class CheckTest(Case):
    def setUp(self):
        super().setUp()
        os.chmod(self.daemon.folder, 0o711)

    def failing(self, status=1, **extra):
        done = self.shimta("check", status=status, **extra)
        return [line for line in done.stdout.splitlines() if line.startswith("FAIL")]

    def test_good(self):
        done = self.shimta("check")
        self.assertNotIn("FAIL", done.stdout)
        self.assertGreaterEqual(len(done.stdout.splitlines()), 5)
        self.assertEqual(self.sandbox.box(), [])

    def test_dead_daemon(self):
        self.daemon.child.kill()
        self.daemon.wait()
        self.assertEqual([line.split()[1] for line in self.failing()], ["socket", "daemon"])
        self.shimta("queue", status=75)
        self.shimta("stats", status=75)

    def test_paused_account(self):
        self.sandbox.child.kill()
        self.sandbox.wait()
        for number in range(3):
            self.assertEqual(self.send(number)[0], 250)
        shim.until(lambda: self.rows("stats")[0]["accounts"][0]["pauses"] > 0, "paused")
        self.assertTrue(self.rows("stats")[0]["accounts"][0]["why"])
        self.assertEqual(self.rows("stats")[0]["queue"]["entries"], 3)

    def test_dead_api(self):
        self.sandbox.child.kill()
        self.sandbox.wait()
        self.assertEqual([line.split()[1:3] for line in self.failing()], [["account", "main:"]])

    def test_bad_configuration(self):
        with open(self.daemon.conf, "a") as file:
            file.write("colour = blue\n")
        self.assertIn("colour", self.failing(78)[0])

    def test_bad_aliases(self):
        path = os.path.join(self.daemon.folder, "aliases")
        with open(path, "w") as file:
            file.write("root: \"unfinished\n")
        with open(self.daemon.conf) as file:
            text = file.read().replace("[shimta]\n", f"[shimta]\nalias-file = {path}\n")
        with open(self.daemon.conf, "w") as file:
            file.write(text)
        self.assertEqual([line.split()[1] for line in self.failing(78)], ["aliases:"])
        self.assertIn("account main", self.shimta("check", status=78).stdout)

    def edit(self, old, new):
        with open(self.daemon.conf) as file:
            text = file.read()
        self.assertIn(old, text)
        with open(self.daemon.conf, "w") as file:
            file.write(text.replace(old, new))

    def test_what_cannot_be_known(self):
        """Only a mail shows whether this API takes the key."""
        self.assertIn("--    account main: not checked", self.shimta("check").stdout)
        self.assertEqual([row["check"] for row in self.rows("check") if row["ok"] is None], ["account main"])

    def test_submit_direct_needs_no_daemon(self):
        self.daemon.child.kill()
        self.daemon.wait()
        self.edit("[shimta]\n", "[shimta]\nsubmit = direct\n")
        self.assertEqual(self.failing(0), [])

    def test_drop_dir(self):
        drop = os.path.join(self.daemon.folder, "state", "drop")
        os.chmod(drop, 0o700)
        self.assertIn("1733", self.failing()[0])
        os.chmod(drop, 0o1733)
        os.chmod(self.daemon.folder, 0o700)
        self.assertIn("not searchable", self.failing()[0])
        os.chmod(self.daemon.folder, 0o711)
        os.rename(drop, drop + ".away")
        self.assertIn("No such file", self.failing()[0])

    @unittest.skipUnless(shutil.which("script"), "script(1) makes the terminal")
    def test_progress_on_a_terminal(self):
        with socket.create_server(("127.0.0.1", 0)) as deaf:
            self.edit(self.sandbox.url, "http://127.0.0.1:%d" % deaf.getsockname()[1])
            self.edit("[shimta]\n", "[shimta]\nidle-timeout = 3s\n")
            done = subprocess.run(["script", "-qec", f"{shim.program('shimta')} -c {self.daemon.conf} check", "/dev/null"],
                                  capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=shim.PATIENCE)
        self.assertIn("main: waiting for an answer, 1 s", done.stdout)
        self.assertIn("FAIL  account main", done.stdout)

    def test_unsafe_folder(self):
        state = os.path.join(self.daemon.folder, "state")
        for mode in (0o777, 0o775):
            os.chmod(state, mode)
            self.assertIn("others may write", self.failing()[0])
        os.chmod(state, 0o755)
        self.failing(0)
        os.rename(os.path.join(state, "journal"), os.path.join(state, "elsewhere"))
        os.symlink("elsewhere", os.path.join(state, "journal"))
        self.assertIn("symbolic link", self.failing()[0])

    def test_linked_state_dir(self):
        """As systemd makes it for a service with DynamicUser=."""
        state = os.path.join(self.daemon.folder, "state")
        os.rename(state, state + ".private")
        os.symlink("state.private", state)
        self.failing(0)

    def test_no_file(self):
        self.assertIn("FAIL  configuration", self.shimta("check", conf="/nonexistent.conf", status=78).stdout)
        self.assertIs(self.rows("-c", "/nonexistent.conf", "check", status=78)[0]["ok"], False)

    def test_key_unreadable_without_the_service(self):
        """Whoever only looks at the queue needs no keys."""
        os.rename(self.daemon.key_file, self.daemon.key_file + ".away")
        self.shimta("stats")
        self.failing(78)


class WrongKeyTest(unittest.TestCase):
    def test_arara(self):
        sandbox = shim.Sandbox("--client-id", "shop", "--client-secret", shim.KEY)
        self.addCleanup(sandbox.end)
        daemon = shim.Daemon(sandbox.url, user="shop", account=shim.ARARA, key="another-key")
        self.addCleanup(daemon.end)
        done = subprocess.run([shim.program("shimta"), "-c", daemon.conf, "check"], capture_output=True, text=True,
                              timeout=shim.PATIENCE)
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn("FAIL  account main", done.stdout)
        self.assertNotIn("another-key", done.stdout + done.stderr)


class UsageTest(unittest.TestCase):
    def test_usage(self):
        for argv in ([], ["frob"], ["queue", "frob"], ["queue", "show"], ["queue", "show", "a", "b"], ["trace"],
                     ["--frob"], ["trace", "--limit", "0", "x"], ["trace", "--all", "x"], ["queue", "--yes"],
                     ["check", "x"], ["queue", "hold", "--config"]):
            done = subprocess.run([shim.program("shimta"), *argv], capture_output=True, text=True, timeout=shim.PATIENCE)
            self.assertEqual(done.returncode, 64, argv)
            self.assertIn("--help", done.stderr)


if __name__ == "__main__":
    tap.main()
