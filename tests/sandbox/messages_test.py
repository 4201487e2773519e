"""What recipients get: the .eml files, their list, answers, merge markers, charsets."""

import email.utils
import hashlib
import json
import os
import sys
import xml.etree.ElementTree

from sandboxes import (BULK, SEND, File, Sandbox, address, address_list, bulk_fields, equal, fields, parse, run)

SEND_XML = SEND.replace(".json", ".xml")
BULK_XML = BULK.replace(".json", ".xml")


def text_of(part):
    return part.get_content().replace("\r\n", "\n")


def people(message, field):
    return [(a.display_name, a.addr_spec) for a in message[field].addresses] if message[field] else []


def one(sandbox, **changes):
    """Sends one mail to one recipient and returns what that one got."""
    answer = sandbox.post(fields(**changes))
    equal(answer.status, 200, answer.body)
    return sandbox.message(sandbox.messages()[-1]["number"])


def test_answers_are_the_documented_ones():
    with Sandbox() as sandbox:
        answer = sandbox.post(fields())
        equal(answer.headers["Content-Type"], "application/json")
        assert answer.body.startswith(b'{"id":"\\u003C') and answer.body.endswith(b'\\u003E"}'), answer.body
        listed = sandbox.messages()
        equal(answer.json()["id"], listed[0]["id"])
        equal(sandbox.message(1)["Message-ID"], listed[0]["id"])
        answer = sandbox.post(fields(), SEND_XML)
        equal(answer.headers["Content-Type"], "application/xml")
        head = b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<email><id>&lt;'
        assert answer.body.startswith(head), answer.body
        tree = xml.etree.ElementTree.fromstring(answer.body)
        equal(tree.findtext("id"), sandbox.messages()[1]["id"])
        answer = sandbox.post(bulk_fields(), BULK)
        equal(answer.json(), {"message": "Your email sending request was accepted."})
        tree = xml.etree.ElementTree.fromstring(sandbox.post(bulk_fields(), BULK_XML).body)
        equal((tree.tag, tree.findtext("message")), ("bulk", "Your email sending request was accepted."))
        tree = xml.etree.ElementTree.fromstring(sandbox.post(fields(to="<&>", text=None), SEND_XML).body)
        equal([(e.findtext("code"), e.findtext("field"), e.findtext("message")) for e in tree.iter("error")],
              [("11-005", "to", "<&> is invalid mail address."), ("11-009", "text", "text is required.")])


def test_each_recipient_has_a_file():
    everyone = fields(to=address_list({"name": "アリス", "address": "alice@example.org"},
                                      {"name": 'Bob "B" \\ Jr., x', "address": "bob@example.org"}),
                      cc="carol@example.org", bcc=address("dave@example.org", "Dave"),
                      from_=address("shop@example.net", "お店 Shop"), replyto=address("help@example.net", ""),
                      envfrom="bounce@example.net")
    with Sandbox() as sandbox:
        sandbox.post(fields(to="x"))
        sandbox.post(everyone)
        listed = sandbox.messages()
        equal([(m["number"], m["to"], m["place"]) for m in listed],
              [(1, "alice@example.org", "to"), (2, "bob@example.org", "to"), (3, "carol@example.org", "cc"),
               (4, "dave@example.org", "bcc")])
        equal(len({m["id"] for m in listed}), 1, "ids")
        for entry in listed:
            equal((entry["from"], entry["envelope_from"], entry["subject"], entry["call"]),
                  ("shop@example.net", "bounce@example.net", "Hello", 2))
            with open(entry["file"], "rb") as file:
                raw = file.read()
            equal(entry["size"], len(raw))
            message = parse(raw)
            equal(raw, sandbox.request("GET", f"/messages/{entry['number']}").body)
            equal(message["X-Sandbox-Recipient"], entry["to"])
            equal(message["X-Sandbox-Place"], entry["place"])
            equal(message["X-Sandbox-Envelope-From"], "bounce@example.net")
            equal(people(message, "To"), [("アリス", "alice@example.org"), ('Bob "B" \\ Jr., x', "bob@example.org")])
            equal(people(message, "Cc"), [("", "carol@example.org")])
            equal(people(message, "From"), [("お店 Shop", "shop@example.net")])
            equal(people(message, "Reply-To"), [("", "help@example.net")])
            equal(message["Bcc"], None)
            assert b"dave" not in raw.split(b"Date:", 1)[1], "a hidden recipient shows"
            assert email.utils.parsedate_to_datetime(message["Date"]).tzinfo
        equal(sorted(os.path.basename(m["file"]) for m in listed),
              sorted(os.listdir(os.path.join(sandbox.home.name, "box"))), "files")


def test_envelope_from_is_from_by_default():
    with Sandbox() as sandbox:
        equal(one(sandbox)["X-Sandbox-Envelope-From"], "shop@example.net")


def test_subjects_and_headers_come_back_as_sent():
    values = ["plain", "", "日本語の件名", "あ" * 320, "😀" * 240, "a " * 200 + "b", "x" * 900, "two  blanks", "trailing ",
              " leading", "=?UTF-8?B?44GC?= not decoded", "tab\there", "mixed 日本 and ASCII " * 20, "quote \" back\\slash",
              "é" * 250, "a" * 44 + "é" * 3, "<https://example.net/u?a=b>, <mailto:u@example.net>"]
    headers = [{"name": f"X-Test-{i}", "value": value} for i, value in enumerate(values)]
    with Sandbox() as sandbox:
        for value in values:
            if value and len(value) <= 512:
                equal(one(sandbox, subject=value)["Subject"], value)
        message = one(sandbox, headers=json.dumps(headers + [{"name": "X-Twice", "value": v} for v in "ab"]))
        for i, value in enumerate(values):
            equal(message[f"X-Test-{i}"], value, f"X-Test-{i}")
        equal(message.get_all("X-Twice"), ["a", "b"])


def test_texts_come_back_as_sent():
    texts = ["Hello.\n", "no line end", "\n", "日本語\n二行目\n", "a" * 5000, "bare\rreturn\n", "\n\nblank lines\n\n",
             "From me\n.\n..\n--b\n", "あ" * 100000, "crlf\r\nend\r\n", " \t \n"]
    with Sandbox() as sandbox:
        for text in texts:
            message = one(sandbox, text=text)
            equal(message.get_content_type(), "text/plain")
            want = text.replace("\r\n", "\n")
            equal(message.get_payload(decode=True).decode().replace("\r\n", "\n"), want)
        message = one(sandbox, text="日本", html="<p>日本</p>\n")
        equal(message.get_content_type(), "multipart/alternative")
        equal([(p.get_content_type(), p.get_payload(decode=True).decode().replace("\r\n", "\n"))
               for p in message.iter_parts()],
              [("text/plain", "日本"), ("text/html", "<p>日本</p>\n")])


def test_attachments_come_back_as_sent():
    files = [File("a.txt", b"text\n", "text/plain; charset=us-ascii"), File("資料 2.pdf", bytes(range(256)) * 10),
             File("長い名前" * 20 + ".xlsx", b""), File("x" * 90 + ".bin", os.urandom(65536)),
             File("semi;colon, 'quote'.zip", os.urandom(65537)), File('say \\"hi\\".bin', os.urandom(3 * 1024 * 1024)),
             File("m.eml", b"Subject: x\r\n\r\ny", "message/rfc822"), File("odd.bin", b"1", "text/plain\t; ;; x"),
             File("none.bin", b"2", None), File("b.bin", b"\r\n--b7-shimta-tes\r\n--", "multipart/mixed")]
    names = [f.name.replace('\\"', '"') for f in files]
    types = ["text/plain", *["application/octet-stream"] * 5, "message/rfc822", *["application/octet-stream"] * 3]
    parts = [("attachments", str(len(files)))] + [(f"attachment{n}", f) for n, f in enumerate(files, 1)]
    with Sandbox() as sandbox:
        equal(sandbox.post(fields(html="<p>", cc="c@example.org") + parts).status, 200)
        for number in (1, 2):
            message = sandbox.message(number)
            equal(message.get_content_type(), "multipart/mixed")
            body, *got = message.iter_parts()
            equal(body.get_content_type(), "multipart/alternative")
            equal([p.get_filename() for p in got], names)
            equal([p.get_content_type() for p in got], types)
            equal([p.get_content_disposition() for p in got], ["attachment"] * 10)
            for part, file in zip(got, files):
                if part.get_content_type() == "message/rfc822":
                    equal(part.get_content().as_bytes().replace(b"\n", b"\r\n"), file.data)
                    continue
                equal(hashlib.sha256(part.get_payload(decode=True)).digest(), hashlib.sha256(file.data).digest(),
                      file.name)
        box = os.path.join(sandbox.home.name, "box")
        equal([name for name in os.listdir(box) if not name.endswith(".eml")], [], "left over")


def test_iso_2022_jp():
    with Sandbox() as sandbox:
        message = one(sandbox, charset="ISO-2022-JP", subject="日本語の件名" * 10, text="本文です。\nABC\n", html="<p>本文</p>",
                      to=address("a@example.org", "漢字カナ"), headers='[{"name":"X-A","value":"値 value"}]')
        raw = sandbox.request("GET", "/messages/1").body
        assert b"=?ISO-2022-JP?B?" in raw and b"UTF-8" not in raw, raw
        raw.decode("ascii")
        equal((message["Subject"], message["X-A"]), ("日本語の件名" * 10, "値 value"))
        equal(people(message, "To"), [("漢字カナ", "a@example.org")])
        text, html = message.iter_parts()
        equal((text.get_content_charset(), text["Content-Transfer-Encoding"]), ("iso-2022-jp", "7bit"))
        equal((text_of(text), text_of(html)), ("本文です。\nABC\n", "<p>本文</p>"))
        message = one(sandbox, charset="iso-2022-jp", subject="a😀b漢", text="😀漢字\n")
        equal((message["Subject"], text_of(message)), ("a〓b漢", "〓漢字\n"))


def test_bulk_merges_for_each():
    to = address_list(
        {"name": "Alice", "address": "alice@example.org", "customer-id": "A-1", "x": "((#customer-id#))"},
        {"name": "ボブ", "address": "bob@example.org", "customer-id": "改行\nB", "x": ""})
    form = bulk_fields(to=to, subject="Dear ((#name#)) ((#customer-id#))", text="[((#x#))((#none#))] ((#name#)) ((# ((#open",
                       html="<b>((#name#))</b>", headers='[{"name":"X-Api-Data","value":"id=((#customer-id#))"}]')
    with Sandbox() as sandbox:
        sandbox.post(form, BULK)
        listed = sandbox.messages()
        equal(len({m["id"] for m in listed}), 2, "ids")
        equal([m["subject"] for m in listed], ["Dear Alice A-1", "Dear ボブ 改行\nB"])
        alice, bob = [sandbox.message(m["number"]) for m in listed]
        equal((people(alice, "To"), people(bob, "To")), ([("Alice", "alice@example.org")], [("ボブ", "bob@example.org")]))
        equal((alice["Subject"], alice["X-Api-Data"]), ("Dear Alice A-1", "id=A-1"))
        text, html = alice.iter_parts()
        equal((text_of(text), text_of(html)), ("[((#customer-id#))] Alice ((# ((#open", "<b>Alice</b>"))
        text, html = bob.iter_parts()
        equal((text_of(text), text_of(html)), ("[] ボブ ((# ((#open", "<b>ボブ</b>"))


def test_send_does_not_merge():
    with Sandbox() as sandbox:
        message = one(sandbox, subject="((#name#))", text="((#name#))", to=address("a@example.org", "A"))
        equal((message["Subject"], text_of(message)), ("((#name#))", "((#name#))"))


def test_the_box_can_be_emptied():
    with Sandbox() as sandbox:
        sandbox.post(fields())
        path = sandbox.messages()[0]["file"]
        equal(sandbox.request("DELETE", "/messages").status, 200)
        equal((sandbox.messages(), os.path.exists(path)), ([], False))
        equal(sandbox.request("GET", "/messages/1").status, 404)
        equal(sandbox.request("GET", "/messages/../x").status, 404)
        sandbox.post(fields())
        equal([m["number"] for m in sandbox.messages()], [2])


def test_files_of_an_earlier_run_stay():
    with Sandbox() as first:
        box = os.path.join(first.home.name, "box")
        first.post(fields())
        with Sandbox("--folder", box) as second:
            second.post(fields())
            equal([m["number"] for m in second.messages()], [2])
        equal(len(os.listdir(box)), 2)


def test_a_folder_that_cannot_be_written():
    with Sandbox() as sandbox:
        os.rename(os.path.join(sandbox.home.name, "box"), os.path.join(sandbox.home.name, "away"))
        equal(sandbox.post(fields()).codes(), [("13-008", "")])
        big = [("attachments", "1"), ("attachment1", File("a", bytes(100000)))]
        equal(sandbox.post(fields() + big).codes(), [("13-008", "")])
        equal(sandbox.messages(), [])


if __name__ == "__main__":
    run(sys.modules[__name__])
