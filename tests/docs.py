"""Holds the manual pages against the programs: the keys and defaults of shimta.conf(5) against the CONF_KEY tables,
options against --help, examples against `shimtad -n`, and all pages against mandoc."""

import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

SOURCE = os.environ.get("TOP_SRCDIR", os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
sys.path.insert(0, os.path.join(SOURCE, "tests", "e2e"))
import secure  # noqa: E402
import shim  # noqa: E402
import tap  # noqa: E402

PAGES = sorted(glob.glob(os.path.join(SOURCE, "man", "*.[1-9]")))


def read(*path):
    with open(os.path.join(SOURCE, *path), encoding="utf-8") as file:
        return file.read()


class Key:
    """A row of a ConfKey table: the section it is read from, its name, and its default."""

    def __init__(self, kind, name, fallback, rest):
        self.where = f"[{kind}] {name}"
        self.required = ".required = true" in rest
        self.default = None if fallback == "NULL" else fallback.strip('"')


def conf_keys():
    code = "\n".join(read(path) for path in sorted(glob.glob(os.path.join(SOURCE, "src", "*", "*.c"))))
    read_from = dict((table, kind) for kind, table in
                     re.findall(r'\bconf_read\([^;]*?"(\w+)",[^;]*?(\w+|->keys),\s*&?\w+(?:->\w+)*,\s*error\)', code))
    keys = []
    for table, rows in re.findall(r"\bConfKey (\w+)\[\] = \{(.*?)\{ *0 *\}", code, re.S):
        kind = read_from.get(table) or read_from["->keys"]  # the tables of the providers are reached by pointer
        for row in rows.split("CONF_KEY(")[1:]:
            match = re.match(r'\w+,\s*[\w.]+,\s*"([\w-]+)",\s*\w+,\s*("[^"]*"|NULL)(.*)', row, re.S)
            keys.append(Key(kind, *match.groups()))
    assert len(keys) == code.count("CONF_KEY("), "a table was not understood"
    return keys


def plain(line):
    """A line of mdoc as text: without the macro, closing punctuation joined to the word before."""
    if not line.startswith("."):
        return line
    return re.sub(r" ([.,;:)])(?= |$)", r"\1", re.sub(r"^\.\w+ ?", "", line)).replace(r"\-", "-")


def items(page, macro):
    """(section, arguments, text) of each `.It macro` of a page."""
    section, found = None, []
    for line in read("man", page).splitlines():
        if line.startswith(".Sh "):
            section = line[4:]
        if line.startswith(f".It {macro} "):
            found.append((section, line[4:], []))
        elif line.startswith((".It Ic ", ".It Fl ", ".Sh ")):
            found.append((section, "", []))
        elif found:
            found[-1][2].append(plain(line))
    return [(section, arguments, " ".join(text)) for section, arguments, text in found if arguments]


def page_keys():
    """"[section] key" -> the texts of its items."""
    texts = {}
    for section, arguments, text in items("shimta.conf.5", "Ic"):
        kind = re.search(r"\[(\w+)(?: NAME)?\]", section)
        for name in re.findall(r"Ic ([\w-]+)", arguments) if kind else []:
            texts.setdefault(f"[{kind.group(1)}] {name}", []).append(text)
    return texts


def says_default(text, key):
    """Whether an item tells what holds without the key."""
    if key.required or key.default is None:
        return key.required == bool(re.search(r"\bRequired\b", text))
    return bool(re.search(rf"Default: {re.escape(key.default)}(?:[.,;]|$)", text))


class ConfigurationPageTest(unittest.TestCase):
    def test_every_key_has_an_item_and_the_reverse(self):
        keys = {key.where for key in conf_keys()}
        self.assertGreater(len(keys), 40)
        self.assertEqual(sorted(keys), sorted(page_keys()))

    def test_defaults(self):
        texts = page_keys()
        wrong = [f"{key.where}: {key.default}: {texts.get(key.where)}" for key in conf_keys()
                 if not any(says_default(text, key) for text in texts.get(key.where, []))]
        self.assertEqual(wrong, [])

    def test_examples_are_good(self):
        page = read("man", "shimta.conf.5").partition(".Sh EXAMPLES")[2]
        blocks = re.findall(r"^\.Bd -literal.*?\n(.*?)^\.Ed", page, re.S | re.M)
        self.assertGreater(len(blocks), 1)
        for text in ("\n".join(blocks), read("contrib", "examples", "shimta.conf")):
            with tempfile.TemporaryDirectory() as folder:
                with open(os.open(os.path.join(folder, "main.key"), os.O_CREAT | os.O_WRONLY, 0o600), "w") as file:
                    file.write("key\n")
                secure.certificate(folder, "mx.example.jp")
                secure.write(os.path.join(folder, "users"), secure.user_line("ann", "secret"))
                conf = os.path.join(folder, "shimta.conf")
                with open(conf, "w", encoding="utf-8") as file:
                    file.write(text.replace("/etc/shimta/", "${CREDENTIALS_DIRECTORY}/"))
                done = subprocess.run([shim.program("shimtad"), "-n", "-c", conf], capture_output=True, text=True,
                                      timeout=shim.PATIENCE, env={**os.environ, "CREDENTIALS_DIRECTORY": folder})
                self.assertEqual((done.returncode, done.stderr), (0, ""), text)


class OptionTest(unittest.TestCase):
    def check(self, program, page):
        help_text = subprocess.run([shim.program(program), "--help"], capture_output=True, text=True,
                                   timeout=shim.PATIENCE).stdout
        option = r"--?\w[\w-]*(?:[= ][A-Z][^\s,]*)?"
        listed = [(re.findall(r"(?<![\w-])--?\w[\w-]*", group), summary)
                  for group, summary in re.findall(rf"^ +({option}(?:, {option})*)(.*)$", help_text, re.M)]
        described = [(re.findall(r"-[\w-]+", arguments.replace("Fl ", "-").replace(r"\-", "-")), arguments + text)
                     for _, arguments, text in items(page, "Fl")]
        self.assertEqual(sorted(set(sum((options for options, _ in listed), []))),
                         sorted(set(sum((options for options, _ in described), []))))
        for options, summary in listed:
            texts = [text for names, text in described if options[0] in names]
            self.assertEqual(len(texts), 1, options)
            if len(options[0]) == 2:  # -x, --long
                self.assertIn(options, [names[:len(options)] for names, _ in described])
            default = re.search(r"\((\S*[1-9]\S*)\)", summary)
            self.assertIn(default.group(1) if default else "", texts[0])

    def test_shimtad(self):
        self.check("shimtad", "shimtad.8")

    def test_shimta(self):
        self.check("shimta", "shimta.1")

    def test_shimta_commands(self):
        page = read("man", "shimta.1")
        for command in re.findall(r'^    \{ "(\w+)", (?:NULL|"(\w+)"), \w+,', read("src", "shimta", "main.c"), re.M):
            self.assertIn(".It Cm " + " ".join(filter(None, command)), page)

    def test_sandbox(self):
        self.check("shimta-sandbox", "shimta-sandbox.1")

    def test_endpoints_of_the_sandbox(self):
        help_text = subprocess.run([shim.program("shimta-sandbox"), "--help"], capture_output=True, text=True,
                                   timeout=shim.PATIENCE).stdout
        while braces := re.search(r"(\S*)\{([^{}]*)\}(\S*)", help_text):
            words = " ".join(braces[1] + word + braces[3] for word in braces[2].split(","))
            help_text = help_text[:braces.start()] + words + help_text[braces.end():]
        sources = "".join(read(path) for path in sorted(glob.glob(os.path.join(SOURCE, "src", "sandbox", "*.c"))))
        endpoints = re.findall(r'^    \{ "[A-Z]+", "(/[^"*]+)/?', sources, re.M)
        self.assertGreater(len(endpoints), 30)
        page = read("man", "shimta-sandbox.1")
        for path in endpoints:
            self.assertIn(path.rstrip("/"), help_text)
            self.assertIn(path.rstrip("/").rsplit("/", 1)[1], page)


class MandocTest(unittest.TestCase):
    def test_lint(self):
        if not shutil.which("mandoc"):
            self.skipTest("mandoc is missing")
        self.assertGreater(len(PAGES), 3)
        done = subprocess.run(["mandoc", "-Tlint", "-W", "warning", *PAGES], capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout), (0, ""))


if __name__ == "__main__":
    tap.main()
