"""shimta against an API that answers what nobody should: what it says, how it ends, and how much memory it takes."""

import io
import json
import shutil
import unicodedata
import zipfile

import asking
import shim
import tap

LIST, EXPORT = "/tm/unsubscribe_requesters.php", "/history/list/export"
ASK = ("unsubscribes", "list", "--account", "v1", "--sender", "news@example.net", "2026-11-01")
NONSENSE, LATER = 76, 75
FORMS = (), ("--json",), ("--csv",)
DATA_BYTES = 96 << 20  # that may be written to, stacks of threads included

with open(shim.program("shimta"), "rb") as program:
    SANITIZED = b"__asan_init" in program.read()


def document(rows, encoding="UTF-8", head=""):
    return (f'<?xml version="1.0" encoding="{encoding}"?>{head}<response><unsubscribers><header_from>news@example.net'
            f'</header_from><requesters>{rows}</requesters></unsubscribers></response>')


def requester(address="a@example.org", more=""):
    return (f"<requester><message_id>1@mx</message_id><message_to>{address}</message_to><datetime>2026/11/01 09:15"
            f"</datetime><filtered>1</filtered>{more}</requester>\n")


class Case(asking.Case):
    accounts = ("cmc", "v1", "blast", "arara")

    def setUp(self):
        super().setUp()
        if not SANITIZED and shutil.which("prlimit"):
            self.before = ("prlimit", "--data=%d" % DATA_BYTES)

    def answer(self, body, status=200, method="POST", path=LIST, **headers):
        self.api.answers[(method, path)] = [(status, body, headers)]

    def assertHarmless(self, text):
        bad = [c for c in text if c != "\n" and unicodedata.category(c) in ("Cc", "Cf", "Co", "Cn", "Zl", "Zp")]
        self.assertEqual(bad, [])

    def fails(self, argv, status=NONSENSE):
        """What is said, in every form alike; a long answer is asked for once."""
        said, large = set(), any(len(row[0][1]) > 100000 for row in self.api.answers.values())
        for form in FORMS[:1] if large else FORMS:
            done = self.shimta(*form, *argv, status=status)
            self.assertHarmless(done.stderr)
            said.add(done.stderr)
        self.assertEqual(len(said), 1, said)
        self.assertNotIn("root:", done.stdout + done.stderr)
        return said.pop()


class XmlTest(Case):
    def test_document_types(self):
        laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
        for head in ("<!DOCTYPE r>", '<!DOCTYPE r [<!ENTITY e "x">]>', '<!DOCTYPE r [<!ENTITY l0 "ha">%s]>' % laughs,
                     '<!DOCTYPE r [<!ENTITY e SYSTEM "file:///etc/passwd">]>', '<!DOCTYPE r SYSTEM "%s/dtd">' % self.api.url,
                     '<!DOCTYPE r [<!ENTITY %% p SYSTEM "%s/p">%%p;]>' % self.api.url,
                     '<!DOCTYPE r [<!ENTITY e SYSTEM "%s/e">]>' % self.api.url):
            entity = "&l11;" if "l11" in head else "&e;"
            self.answer(document(requester(entity), head=head))
            self.assertIn("account v1: not an answer of the API: it has a document type\n", self.fails(ASK), head)
        self.assertEqual({target for _, target, _, _ in self.api.seen}, {LIST}, "something was fetched")

    def test_other_references(self):
        self.answer(document(requester("&e;")))
        self.assertIn("its XML is broken", self.fails(ASK))
        for char in ("\033", "\0", "&#27;", "&#0;", "\ufffe"):
            self.answer(document(requester(char)))
            self.assertIn("its XML is broken", self.fails(ASK), char)
        self.answer(document(requester("&lt;a&#x40;example.org&gt;")))
        self.assertEqual(self.rows(*ASK)[0]["address"], "<a@example.org>")
        include = '<x:include xmlns:x="http://www.w3.org/2001/XInclude" href="file:///etc/passwd" parse="text"/>'
        self.answer(document(requester(more=include)))
        self.assertEqual(self.rows(*ASK)[0]["include.href"], "file:///etc/passwd")

    def test_eight_megabytes(self):
        rows = "".join(requester(f"r{n:05}@example.org", f"<memo>{'x' * 250}</memo>") for n in range(19999))
        self.answer(document(rows))
        self.assertGreater(len(rows), 7.9 * 2 ** 20)
        done = self.shimta("--json", *ASK)
        self.assertEqual((done.stdout.count("\n"), done.stderr), (19999, ""))
        self.assertEqual(self.shimta("--csv", *ASK).stdout.count("\n"), 20000)

    def test_as_many_as_a_day_has(self):
        """About 20,000 of a day are all that version 1 shows, and a day is the shortest period."""
        self.answer(document(requester() * 20000))
        done = self.shimta("--csv", *ASK, status=76)
        self.assertIn("this may not be all: the API shows no more", done.stderr)
        self.assertEqual(done.stdout.count("\n"), 20001)

    def test_without_end(self):
        self.answer(document(requester() * 250000))
        self.assertRegex(self.fails(ASK, status=LATER), "no whole answer from the API: .*longer than 33554432 bytes")
        for piece in ("<!-- %s -->", "<requester><![CDATA[%s]]></requester>"):
            self.answer(document(piece % ("x" * (12 << 20))))
            self.assertIn("its XML is broken", self.fails(ASK), piece)
        self.answer(document("<a>" * 100000))
        self.assertIn("nested too deeply", self.fails(ASK))

    def test_encodings(self):
        rows = requester(more="<memo>髙橋 ソ能 ①</memo>")
        for told, used in (("UTF-8", "utf-8"), ("Windows-31J", "cp932"), ("Shift_JIS", "cp932"), ("UTF-16", "utf-16"),
                           ("US-ASCII", "utf-8")):
            self.answer(document(rows, told).encode(used))
            self.assertEqual(self.rows(*ASK)[0]["memo"], "髙橋 ソ能 ①", told)
        self.answer(document(requester(more="<memo>高橋</memo>"), "EUC-JP").encode("euc-jp"))
        self.assertEqual(self.rows(*ASK)[0]["memo"], "高橋")
        self.answer(document(requester(more="<memo>高橋</memo>"), "ISO-2022-JP").encode("iso-2022-jp"))
        self.assertEqual(self.rows(*ASK)[0]["memo"], "高橋")
        for told, used in (("UTF-8", "cp932"), ("UTF-8", "euc-jp"), ("EUC-JP", "cp932"), ("UTF-16", "utf-8"),
                           ("x-none", "utf-8")):
            self.answer(document(rows.replace("髙", "高").replace("①", "1"), told).encode(used))
            self.assertIn("it is not in the encoding that it names", self.fails(ASK), (told, used))

    def test_cut(self):
        whole = document(requester() + requester("b@example.org"))
        for end in (40, 200, whole.index("b@example"), len(whole) - 20, len(whole) - 1):
            self.answer(whole[:end])
            self.assertIn("it ends too early", self.fails(ASK), end)


class CsvTest(Case):
    argv = ("history", "export", "7", "--account", "blast")

    def answer(self, body, **more):
        super().answer(body, method="GET", path=EXPORT, **more)

    def test_broken_bytes(self):
        self.answer("メール,お名前\r\nann@example.org,".encode("cp932") + b"\x83\x5c\xfd\xff\x81\r\nbob@example.org,\x94\x5c\r\n")
        rows = self.rows(*self.argv)
        self.assertEqual([row["address"] for row in rows], ["ann@example.org", "bob@example.org"])
        self.assertTrue(rows[0]["お名前"].startswith("ソ\ufffd"), rows)
        self.assertEqual(rows[1]["お名前"], "能")

    def test_what_is_no_csv(self):
        for body, why in (("a@example.org,\"open\r\nb@example.org,x\r\n", "it ends too early"), ("a@example.org,\"", "it ends too early"),
                          ("a@example.org,\0\r\n", "its CSV is broken"), ("a@example.org," + "x" * (1 << 20) + "\r\n", "a line in it is too long"),
                          ("a@example.org" + ",x" * 2000 + "\r\n", "too many columns"), ("a@example.org,\"" + "\r\n" * (1 << 20), "too long"),
                          ("PK\x03\x04 no archive", "its ZIP archive is broken"), ("No data", "no list of addresses")):
            self.answer(body)
            self.assertRegex(self.fails(self.argv), why, body[:60])

    def test_a_formula_stays_what_it_is(self):
        """A program reads it as it was; the manual says what to do before a spreadsheet does."""
        fields = ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(1)", "\t=1", '=HYPERLINK("http://x/?"&A1)']
        self.answer("mail," + ",".join(f"f{n}" for n in range(len(fields))) + "\r\nann@example.org,"
                    + ",".join('"%s"' % field.replace('"', '""') for field in fields) + "\r\n")
        row, = self.csv(*self.argv)
        self.assertEqual([row[f"f{n}"] for n in range(len(fields))], fields)


class ZipTest(Case):
    argv = ("unsubscribes", "list", "--account", "cmc")

    def answer(self, *files):
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, text in files:
                archive.writestr(name, text)
        super().answer(packed.getvalue(), path="/transaction/v2/unsubscribes/download.json")
        return packed.getvalue()

    def test_bombs(self):
        row = "a@example.org," + "x" * 100000 + "\r\n"
        for text, why in ((row * 700, "its ZIP archive is too large"), ("x" * (80 << 20), "a line in it is too long")):
            self.assertLess(len(self.answer(("list.csv", text))), 200000)
            self.assertIn(why, self.shimta("--json", *self.argv, status=NONSENSE).stderr)

    def test_odd_archives(self):
        packed = self.answer(("../../../tmp/list.csv", "email\r\na@example.org\r\n"), ("more.csv", "b@example.org\r\n"))
        self.assertEqual([row["address"] for row in self.rows(*self.argv)], ["a@example.org"])
        for body in (packed[:-30], packed[:40], packed.replace(b"PK\x01\x02", b"PK\x01\x03").replace(b"PK\x03\x04", b"PK\x03\x05")):
            Case.answer(self, body, path="/transaction/v2/unsubscribes/download.json")
            done = self.shimta("--json", *self.argv, status=None)
            self.assertTrue(done.returncode == 0 and done.stdout.count("a@example.org") == 1 or done.returncode == NONSENSE, done)
        self.answer()
        self.assertRegex(self.fails(self.argv), "its ZIP archive is broken")


class JsonTest(Case):
    argv = ("status", "1", "--account", "arara")

    def answer(self, body, **more):
        super().answer(body, method="GET", path="/send/1", **more)

    def test_nested(self):
        for body in ("[" * 1000000, '{"items":' * 1000000, '{"items":[' + '{"a":' * 60 + "1" + "}" * 60 + "]}"):
            self.answer(body)
            self.assertIn("it is nested too deeply", self.fails(self.argv))

    def test_numbers(self):
        for number in ("1e999999", "-0", "123456789012345678901234567890", "0." + "1" * 1000, "1E-400"):
            self.answer('{"items":[{"delivery_id":%s}]}' % number)
            self.assertEqual(self.rows(*self.argv)[0]["id"], number)
        self.answer('{"items":[{"delivery_id":%s}]}' % ("1" * (3 << 20)))
        self.assertIn("a value in it is too long", self.fails(self.argv))
        for number in ("NaN", "Infinity", "0x10", "+1", "1."):
            self.answer('{"items":[{"delivery_id":%s}]}' % number)
            self.assertIn("its JSON is broken", self.fails(self.argv))

    def test_names_twice(self):
        self.answer('{"items":[{"delivery_id":"1","delivery_id":"2"}],"items":[{"delivery_id":"3"}]}')
        done = self.shimta("--json", *self.argv)
        self.assertEqual([json.loads(line)["id"] for line in done.stdout.splitlines()][1:], ["3"])
        self.assertIn('"1', done.stdout)
        self.assertIn("2", done.stdout.splitlines()[0])

    def test_text_that_is_none(self):
        self.answer(b'{"items":[{"delivery_id":"1","note":"\x93\xfa \xff\xfe \xed\xa0\x80 \\ud83d \\u0000"}]}')
        note = self.rows(*self.argv)[0]["note"]
        self.assertRegex(note, "^\ufffd+ \ufffd+ \ufffd+ \ufffd \ufffd$")
        self.answer('{"items":[{"delivery_id":"1\0"}]}')
        self.assertIn("its JSON is broken", self.fails(self.argv))

    def test_cut(self):
        whole = '{"items":[{"delivery_id":"1"},{"delivery_id":"2"}],"count":2}'
        for end in (1, 12, 29, len(whole) - 1):
            self.answer(whole[:end])
            self.assertIn("it ends too early", self.fails(self.argv), end)

    def test_lists_where_texts_are_documented(self):
        super().answer('{"failure":["503",504],"success":["501"],"note":"late"}', path="/message/list/delete")
        rows = self.rows("history", "delete", "501", "503", "504", "--yes", "--account", "blast", status=1)
        self.assertEqual([(row.get("id"), row.get("result"), row.get("note")) for row in rows],
                         [("501", "deleted", None), ("503", "not deleted", None), ("504", "not deleted", None),
                          (None, None, "late")])

    def test_a_refusal_behind_a_good_status(self):
        super().answer('{"items":[{"delivery_id":"1","result":{"code":"409","message":"too late"}}]}', method="DELETE",
                       path="/send/1")
        done = self.shimta("--json", "cancel", "1", "--yes", "--account", "arara", status=65)
        self.assertIn("409 too late", done.stderr)
        self.assertEqual(json.loads(done.stdout)["code"], "409")

    def test_many_members(self):
        self.answer('{"items":[{"delivery_id":1' + ',"a":1' * 50000 + "}]}")
        self.assertIn("there is too much in one row of it", self.fails(self.argv))
        self.answer('{"items":[' + '{"a":1},' * 200000 + '{"a":1}]}')
        self.assertEqual(self.shimta("--json", *self.argv).stdout.count("\n"), 200001)

    def test_many_columns(self):
        self.answer('{"items":[' + ",".join('{"c%d":%d}' % (n, n) for n in range(5000)) + "]}")
        self.assertIn("4999", self.shimta("--csv", *self.argv).stdout)
        self.assertIn("4999", self.shimta(*self.argv).stdout)


EVIL = "\033]0;owned\007\033[2J\r\n\t\b\x7f\x9b31m\u2028\u202e\u2066\u200f\ufeff"


class ScreenTest(Case):
    """Whatever a name or a value holds: a terminal is told nothing."""

    def shown(self, *argv, status=0):
        code, shown = self.terminal(*argv)
        self.assertEqual(code, status, shown)
        self.assertHarmless(shown)
        return shown

    def test_json(self):
        self.answer(json.dumps({"items": [{"delivery_id": EVIL, "n" + EVIL: "1"}, {"delivery_id": "2", "x": {EVIL: EVIL}}]}),
                    method="GET", path="/send/1")
        for form in FORMS:
            self.assertIn("owned", self.shown(*form, "status", "1", "--account", "arara"))
        self.assertHarmless(self.shimta("status", "1", "--account", "arara").stdout)
        lines = self.shimta("--json", "status", "1", "--account", "arara").stdout
        self.assertHarmless(lines)
        self.assertEqual(json.loads(lines.splitlines()[0])["id"], EVIL)

    def test_csv(self):
        self.answer("mail,\"n\033[31m\"\r\nann@example.org,\"\033]0;owned\007\u202e\"\r\n", method="GET", path=EXPORT)
        argv = ("history", "export", "7", "--account", "blast")
        for form in FORMS:
            self.assertIn("owned", self.shown(*form, *argv))
        self.assertEqual(self.csv(*argv)[0]["n\033[31m"], "\033]0;owned\007\u202e", "a program gets the bytes")

    def test_xml(self):
        self.answer(document(requester(more="<memo>owned&#x9b;31m&#x85;&#x202e;&#9;&#13;&#10;x</memo>")))
        for form in FORMS:
            self.assertIn("owned", self.shown(*form, *ASK))

    def test_refusals(self):
        for status, code in ((400, 65), (401, 77), (404, 1), (500, 75)):
            self.answer(json.dumps({"message": "owned" + EVIL, "code": EVIL}), status=status, method="GET", path="/send/1")
            self.assertIn("owned", self.shown("status", "1", "--account", "arara", status=code))
        self.answer('<mail><result code="-1">owned&#x9b;&#x202e;</result></mail>')
        self.assertIn("-1 owned", self.shown(*ASK, status=65))


class PageTest(Case):
    """What stands between, a proxy or a captive portal, answers for the API."""

    def test_pages(self):
        for page in ("<!DOCTYPE html><html><body>Log in</body></html>", "<html><p>x</html>", "<!doctype html><p>",
                     "\n<!DOCTYPE HTML PUBLIC '-//W3C//DTD HTML 4.01//EN' 'x.dtd'><HTML>"):
            self.answer(page)
            self.assertIn("it is a web page", self.fails(ASK))
            self.answer(page, status=404)
            self.assertIn("is this its URL? (HTTP status 404)", self.fails(ASK))
            self.answer(page, status=503)
            self.assertIn("(HTTP status 503)", self.fails(ASK, status=LATER))
            self.answer(page, status=403)
            self.assertIn("(HTTP status 403)", self.fails(ASK, status=77))


if __name__ == "__main__":
    tap.main()
