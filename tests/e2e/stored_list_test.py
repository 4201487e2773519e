"""shimta suppressions where no daemon answers: its table is read and changed."""

import json
import os
import tempfile
import unittest

import shimta_test
import tap

YAMADA = shimta_test.YAMADA


class StoredListTest(shimta_test.Case):
    more = {"account main": "suppression = yes\n"}

    QUESTIONS = (["--json", "suppressions"], ["suppressions", "list"], ["suppressions", "show", YAMADA],
                 ["--csv", "suppressions", "--account", "main"])
    FROM_TABLE = r"^shimta: no shimtad answers \(.*\); this is the list in '.*'\n"

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.state = folder.name
        super().setUp()

    def start(self, **extra):
        return super().start(state=self.state, **extra)

    def kill(self):
        self.daemon.child.kill()
        self.daemon.wait()

    def config(self, changes):
        path = self.daemon.conf + ".other"
        with open(self.daemon.conf) as file:
            text = file.read()
        for old, new in changes.items():
            text = text.replace(old, new)
        with open(path, "w") as file:
            file.write(text)
        return path

    def change(self, *argv, **more):
        done = self.shimta("suppressions", *argv, **more)
        self.assertRegex(done.stderr, self.FROM_TABLE)
        return done

    def test_dead_daemon(self):
        self.kill()
        self.assertIn("nobody is on the list", self.change("list", status=1).stderr)
        self.assertEqual(self.change("add", "--account", "main", YAMADA, "sato@example.org").stdout,
                         f"{YAMADA} gets no mail any more\nsato@example.org gets no mail any more\n")
        self.assertIn("is not on the list", self.change("show", "suzuki@example.org", status=1).stderr)
        self.assertIn("SATO@example.org gets mail again", self.change("remove", "SATO@example.org").stdout)
        self.assertIn("is not on the list", self.change("remove", "sato@example.org", status=1).stderr)
        self.assertIn("is no address", self.change("remove", "sato", status=64).stderr)
        dry = self.shimta("--dry-run", "suppressions", "add", "--account", "main", "suzuki@example.org")
        self.assertNotIn("no shimtad answers", dry.stderr)
        stored = [self.shimta(*argv).stdout for argv in self.QUESTIONS]
        self.assertEqual(json.loads(stored[0])["address"], YAMADA)
        self.daemon = self.start()
        self.assertEqual([self.shimta(*argv).stdout for argv in self.QUESTIONS], stored)
        self.assertEqual(self.send()[0], 550)
        self.assertEqual(self.send(to="sato@example.org")[0], 250)

    def test_running_elsewhere(self):
        """A daemon whose socket is another one goes by what is changed behind it."""
        self.assertEqual(self.send()[0], 250)
        conf = self.config({"control.sock": "elsewhere.sock"})
        self.change("add", "--account", "main", YAMADA, conf=conf)
        self.assertEqual(self.send(2)[0], 550)
        self.assertIn(YAMADA, self.shimta("suppressions").stdout)
        self.change("remove", YAMADA, conf=conf)
        self.assertEqual(self.send(3)[0], 250)

    def test_no_folder(self):
        conf = self.config({self.state: self.state + "/none", "control.sock": "elsewhere.sock"})
        for argv in (["list"], ["show", YAMADA], ["add", "--account", "main", YAMADA], ["remove", YAMADA]):
            done = self.shimta("suppressions", *argv, conf=conf, status=75)
            self.assertRegex(done.stderr, r"^shimta: no shimtad answers .*/none' cannot be used .*: start it, or say .*\n$")
            self.assertEqual(done.stdout, "")

    @unittest.skipIf(os.getuid() != 0, "needs root")
    def test_owner(self):
        """What root makes in a user's folder is the user's; what is somebody else's is not taken."""
        self.kill()
        for name in os.listdir(self.state):
            if name.startswith("feedback.db"):
                os.unlink(os.path.join(self.state, name))
        os.chown(self.state, 65534, 65534)
        env = {"ASAN_OPTIONS": "detect_leaks=0"}  # a sanitizer cannot look at a process that has changed its user
        self.change("add", "--account", "main", YAMADA, env=env)
        self.assertEqual({os.stat(os.path.join(self.state, name)).st_uid for name in os.listdir(self.state)
                          if name.startswith("feedback.db")}, {65534})
        table = os.path.join(self.state, "feedback.db")
        os.chown(table, 0, 0)
        os.chmod(table, 0o666)
        self.assertIn("must be a file of this user", self.change("remove", YAMADA, status=74, env=env).stderr)


if __name__ == "__main__":
    tap.main()
