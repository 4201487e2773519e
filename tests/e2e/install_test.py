"""make install and make uninstall: everything a host needs is there, below DESTDIR alone, and nothing of it stays."""

import os
import shutil
import subprocess
import tempfile
import unittest

import shim
import tap

WANTED = """bin/mailq bin/newaliases bin/shimta bin/shimta-sandbox sbin/sendmail sbin/shimtad
lib/systemd/system/shimtad.service lib/systemd/system/shimtad.socket lib/sysusers.d/shimta.conf lib/tmpfiles.d/shimta.conf
share/bash-completion/completions/shimta share/bash-completion/completions/shimta-sandbox
share/bash-completion/completions/shimtad share/doc/shimta/README share/doc/shimta/examples/shimta.conf
share/doc/shimta/examples/fail2ban/filter.d/shimtad.conf share/man/man1/mailq.1 share/man/man1/newaliases.1
share/man/man1/shimta.1 share/man/man1/shimta-sandbox.1 share/man/man5/shimta.conf.5 share/man/man8/sendmail.8
share/man/man8/shimtad.8""".split()


@unittest.skipUnless(os.path.exists(os.path.join(shim.TOP, "Makefile")), "not configured here")
class InstallTest(unittest.TestCase):
    def make(self, target, root):
        done = subprocess.run(["make", "-s", target, f"DESTDIR={root}", "prefix=/opt/s"], cwd=shim.TOP, capture_output=True,
                              text=True, timeout=10 * shim.PATIENCE,
                              env={name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))})
        self.assertEqual(done.returncode, 0, done.stderr)

    def files(self, root):
        return sorted(os.path.relpath(os.path.join(folder, name), root) for folder, _, names in os.walk(root) for name in names)

    def test_complete_and_gone(self):
        root = tempfile.mkdtemp(prefix="shimta-install-")
        self.addCleanup(shutil.rmtree, root)
        self.make("install", root)
        self.assertEqual(self.files(root), sorted("opt/s/" + name for name in WANTED))
        mailq = os.path.join(root, "opt/s/bin/mailq")
        self.assertEqual(os.path.realpath(mailq), os.path.realpath(os.path.join(root, "opt/s/sbin/sendmail")))
        self.make("uninstall", root)
        self.assertEqual(self.files(root), [])


if __name__ == "__main__":
    tap.main()
