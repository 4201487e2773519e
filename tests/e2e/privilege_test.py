"""From root to a user of its own."""

import os
import pwd
import subprocess
import tempfile
import unittest

import mails
import shim
import tap

ROOT = os.getuid() == 0


def identity(pid):
    """The user, group and capability lines of every thread."""
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/status") as file:
            yield {line.split(":")[0]: line.split()[1:] for line in file}


@unittest.skipUnless(ROOT, "needs root")
class PrivilegeTest(unittest.TestCase):
    def setUp(self):
        self.sandbox = shim.Sandbox()
        self.addCleanup(self.sandbox.end)
        self.nobody = pwd.getpwnam("nobody")

    def start(self, **more):
        daemon = shim.Daemon(self.sandbox.url, more={"shimta": "user = nobody\n", **more}, owner=self.nobody.pw_uid)
        self.addCleanup(daemon.end)
        return daemon

    def test_no_thread_keeps_anything(self):
        """The key is root's alone, the sockets and the queue are the user's, a small port is open."""
        daemon = self.start(**{"listen small": "address = 127.0.0.19:601\n"})
        self.assertEqual(daemon.send("shop@example.jp", ["a@example.org"], mails.order(cc=()))[0], 250)
        seen = 0
        for status in identity(daemon.child.pid):
            seen += 1
            self.assertEqual(set(status["Uid"]), {str(self.nobody.pw_uid)})
            self.assertEqual(set(status["Gid"]), {str(self.nobody.pw_gid)})
            self.assertNotIn("0", status["Groups"])
            for which in ("CapEff", "CapPrm", "CapInh", "CapAmb"):
                self.assertEqual(int(status[which][0], 16), 0, which)
            self.assertEqual(status["NoNewPrivs"], ["1"])
        self.assertGreater(seen, 1)
        for path in (daemon.socket, f"{daemon.folder}/control.sock", f"{daemon.folder}/state",
                     f"{daemon.folder}/state/queue", f"{daemon.folder}/state/drop"):
            self.assertEqual(os.stat(path).st_uid, self.nobody.pw_uid, path)
        self.assertEqual(os.stat(daemon.key_file).st_uid, 0)

    def test_folders_of_figures_and_events(self):
        """Made as root, and his who has to write there."""
        with tempfile.TemporaryDirectory() as folder:
            os.chmod(folder, 0o755)
            daemon = self.start(metrics=f"address = {folder}/figures/http.sock\n", webhook=f"address = {folder}/events/http.sock\n")
            for name, event in (("figures", "metrics"), ("events", "webhook")):
                daemon.wait_line(f"^{event} ")
                self.assertEqual(os.stat(f"{folder}/{name}/http.sock").st_uid, self.nobody.pw_uid)

    def test_mail_that_others_left(self):
        """A file of root's in the drop folder is taken by a daemon that is not root."""
        daemon = self.start()
        name = os.path.join(daemon.folder, "state", "drop", f"mail.{7:032x}")
        draft = os.path.join(os.path.dirname(name), "new.left")
        with open(draft, "w") as file:
            file.write("MAIL FROM:<shop@example.jp>\r\nRCPT TO:<left@example.org>\r\nDATA\r\n"
                       "Subject: left\r\n\r\nx\r\n.\r\nQUIT\r\n")
        os.chmod(draft, 0o644)
        os.rename(draft, name)
        daemon.wait_line(r"delivered .*left@example\.org")
        shim.until(lambda: not os.path.exists(name), "the file is gone")

    def test_user_that_is_not_there(self):
        daemon = self.start()
        conf = daemon.conf + ".wrong"
        with open(daemon.conf) as good, open(conf, "w") as file:
            file.write(good.read().replace("user = nobody", "user = no-such-user"))
        done = subprocess.run([shim.program("shimtad"), "-c", conf], capture_output=True, text=True,
                              timeout=shim.PATIENCE)
        self.assertEqual(done.returncode, 77)
        self.assertIn("no-such-user", done.stderr)


if __name__ == "__main__":
    tap.main()
