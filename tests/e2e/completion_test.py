"""The completion for bash, loaded and asked by bash itself: it knows all that --help and the command table know."""

import os
import re
import shutil
import subprocess
import unittest

import shim
import tap

SOURCE = os.environ.get("TOP_SRCDIR", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))

ASK = """
source "$1"; program=$2; shift 2
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
function=$(complete -p "$program" | sed 's/.*-F \\([^ ]*\\).*/\\1/')
$function "$program"
printf '%s\\n' "${COMPREPLY[@]}"
"""


@unittest.skipUnless(shutil.which("bash"), "there is no bash")
class CompletionTest(unittest.TestCase):
    def complete(self, program, *words):
        done = subprocess.run(["bash", "--norc", "-c", ASK, "bash", os.path.join(SOURCE, "contrib", "completion", program), program,
                               program, *words], capture_output=True, text=True, timeout=shim.PATIENCE, cwd=SOURCE)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return set(done.stdout.split())

    def help(self, program):
        text = subprocess.run([shim.program(program), "--help"], capture_output=True, text=True,
                              timeout=shim.PATIENCE).stdout
        groups = re.findall(r"^ +(--?\w[\w-]*(?:[= ][A-Z][^\s,]*)?(?:, --?\w[\w-]*)*)", text, re.M)
        options = set(re.findall(r"(?<![\w-])--?\w[\w-]*", " ".join(groups)))
        self.assertGreater(len(options), 8)
        return options

    def test_options(self):
        commands = [line.split() for line in ("check", "stats", "trace", "passwd", "queue list", "queue retry",
                                              "queue delete", "queue flush", "results", "cancel", "usage", "call",
                                              "suppressions set", "domains add", "unsubscribes list", "history search")]
        known = set().union(*(self.complete("shimta", *command, "-") for command in commands))
        self.assertEqual(known, self.help("shimta"))
        for program in ("shimtad", "shimta-sandbox"):
            self.assertEqual(self.complete(program, "-"), self.help(program))

    def test_commands(self):
        with open(os.path.join(SOURCE, "src", "shimta", "main.c"), encoding="utf-8") as file:
            rows = re.findall(r'^    \{ "(\w+)", (?:NULL|"(\w+)"), \w+,', file.read(), re.M)
        self.assertEqual(self.complete("shimta", ""), {group for group, _ in rows})
        for group in {group for group, name in rows if name}:
            self.assertEqual(self.complete("shimta", group, ""), {name for its, name in rows if its == group})

    def test_what_does_not_fit_is_not_offered(self):
        self.assertEqual(self.complete("shimta", "sta"), {"stats", "status"})
        self.assertEqual(self.complete("shimta", "-c", "x", "queue", "de"), {"delete"})
        self.assertNotIn("--yes", self.complete("shimta", "queue", "retry", "--"))
        self.assertNotIn("--yes", self.complete("shimta", "history", "search", "--"))
        self.assertEqual(self.complete("shimta", "domains", "add", "--enable", "y"), {"yes"})
        self.assertEqual(self.complete("shimta", "-c", "contrib/examples/shimta.conf", "plan", "--account", "m"), {"main"})
        self.assertEqual(self.complete("shimta-sandbox", "--unknown-marker", "=", "k"), {"keep"})

    def test_files(self):
        self.assertEqual(self.complete("shimta", "--config", "READ"), {"README"})
        self.assertEqual(self.complete("shimtad", "-c", "READ"), {"README"})
        self.assertEqual(self.complete("shimta-sandbox", "--key-file", "=", "READ"), {"README"})


if __name__ == "__main__":
    tap.main()
