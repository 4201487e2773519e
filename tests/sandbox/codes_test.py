"""Each documented error code at the edges of its rule."""

import json
import sys

from sandboxes import (BULK, SEND, File, Sandbox, address, address_list, addresses, bulk_fields, encode, equal,
                       fields, form_headers, run)

LONG = 524228


def header(name, value):
    return json.dumps([{"name": name, "value": value}], ensure_ascii=False)


def attach(count, parts):
    return [("attachments", str(count))] + [(f"attachment{n}", File(f"{n}.bin", b"x")) for n in parts]


# What a request lacks or has too much of, and the errors it gets; [] is success.
SEND_ROWS = [
    ("all is well", fields(), []),
    ("type 2", fields(to=address("a@example.org", "A")), []),
    ("10 to", fields(to=addresses(10)), []),
    ("11 to", fields(to=addresses(11)), [("11-004", "to")]),
    ("10 cc", fields(cc=addresses(10)), []),
    ("11 cc", fields(cc=addresses(11)), [("11-004", "cc")]),
    ("10 bcc", fields(bcc=addresses(10)), []),
    ("11 bcc", fields(bcc=addresses(11)), [("11-004", "bcc")]),
    ("to without @", fields(to="x"), [("11-005", "to")]),
    ("to with a bad object", fields(to=address("a@")), [("11-005", "to")]),
    ("to with two bare ones", fields(to="a@example.org,b@example.org"), [("11-005", "to")]),
    ("to with blanks", fields(to="a b@example.org"), [("11-005", "to")]),
    ("to not ASCII", fields(to=address("名前@example.org")), [("11-005", "to")]),
    ("to with a line end", fields(to=address("a@example.org\nBcc: x@example.org")), [("11-005", "to")]),
    ("to as phones have it", fields(to="a..b.@docomo.example"), []),
    ("to in brackets", fields(to="<a@example.org>"), [("11-005", "to")]),
    ("domain label of 63", fields(to="a@" + "d" * 63 + ".example"), []),
    ("domain label of 64", fields(to="a@" + "d" * 64 + ".example"), [("11-005", "to")]),
    ("local part of 64", fields(to="a" * 64 + "@example.org"), []),
    ("local part of 65", fields(to="a" * 65 + "@example.org"), [("11-005", "to")]),
    ("empty cc", fields(cc=""), [("11-005", "cc")]),
    ("bad bcc", fields(bcc="x"), [("11-005", "bcc")]),
    ("bad from", fields(from_=address("x")), [("11-005", "from")]),
    ("bad replyto", fields(replyto=address("x")), [("11-005", "replyto")]),
    ("replyto", fields(replyto=address("r@example.net")), []),
    ("from bare", fields(from_="shop@example.net"), [("11-006", "from")]),
    ("from in a list", fields(from_=f"[{address('shop@example.net')}]"), [("11-006", "from")]),
    ("replyto bare", fields(replyto="r@example.net"), [("11-006", "replyto")]),
    ("to with broken JSON", fields(to='[{"name":""'), [("11-006", "to")]),
    ("to with more after JSON", fields(to=addresses(1) + "x"), [("11-006", "to")]),
    ("to without name", fields(to='{"address":"a@example.org"}'), [("11-006", "to")]),
    ("to without address", fields(to='{"name":"a"}'), [("11-006", "to")]),
    ("to with merge data", fields(to='{"name":"","address":"a@example.org","k":"v"}'), [("11-006", "to")]),
    ("to with a number", fields(to='{"name":1,"address":"a@example.org"}'), [("11-006", "to")]),
    ("to not UTF-8", fields(to=b'{"name":"\xff","address":"a@example.org"}'), [("11-006", "to")]),
    ("to empty list", fields(to="[]"), [("11-009", "to")]),
    ("no to", fields(to=None), [("11-009", "to")]),
    ("no api_user", fields(api_user=None), [("11-009", "api_user")]),
    ("no api_key", fields(api_key=None), [("11-009", "api_key")]),
    ("no from", fields(from_=None), [("11-009", "from")]),
    ("no subject", fields(subject=None), [("11-009", "subject")]),
    ("no text", fields(text=None, html="<p>"), [("11-009", "text")]),
    ("empty text", fields(text=""), [("11-009", "text")]),
    ("text of a line end", fields(text="\n"), []),
    ("two things missing", fields(subject=None, text=None), [("11-009", "subject"), ("11-009", "text")]),
    ("text at its limit", fields(text="a" * LONG), []),
    ("text over it", fields(text="a" * (LONG + 1)), [("11-008", "text")]),
    ("text of wide characters at it", fields(text="あ" * LONG), []),
    ("text of wide characters over it", fields(text="あ" * (LONG + 1)), [("11-008", "text")]),
    ("text of emoji at it", fields(text="😀" * LONG), []),
    ("text of emoji over it", fields(text="😀" * (LONG + 1)), [("11-008", "text")]),
    ("html at its limit", fields(html="a" * LONG), []),
    ("html over it", fields(html="a" * (LONG + 1)), [("11-008", "html")]),
    ("html far over it", fields(html="a" * (30 * 1024 * 1024)), [("11-008", "html")]),
    ("empty html", fields(html=""), []),
    ("text not UTF-8", fields(text=b"\xff"), [("11-011", "text")]),
    ("text with NUL", fields(text="a\0b"), [("11-011", "text")]),
    ("subject at its limit", fields(subject="あ" * 512), []),
    ("subject over it", fields(subject="あ" * 513), [("11-016", "subject")]),
    ("subject with a line end", fields(subject="a\r\nBcc: x@example.org"), [("11-006", "subject")]),
    ("charset UTF-8", fields(charset="UTF-8"), []),
    ("charset ISO-2022-JP", fields(charset="ISO-2022-JP"), []),
    ("charset Shift_JIS", fields(charset="Shift_JIS"), [("11-011", "charset")]),
    ("headers", fields(headers=header("X-Api-Data", "1")), []),
    ("no headers in the list", fields(headers="[]"), []),
    ("headers as an object", fields(headers='{"X-A":"1"}'), [("11-006", "headers")]),
    ("headers broken", fields(headers="["), [("11-006", "headers")]),
    ("header with a line end", fields(headers=header("X-A", "a\nb")), [("11-006", "headers")]),
    ("header without value", fields(headers='[{"name":"X-A"}]'), [("11-009", "headers")]),
    ("header name with a blank", fields(headers=header("X A", "1")), [("11-013", "headers")]),
    ("header name with a colon", fields(headers=header("X:A", "1")), [("11-013", "headers")]),
    ("header name not ASCII", fields(headers=header("X-あ", "1")), [("11-013", "headers")]),
    ("header without a name", fields(headers=header("", "1")), [("11-013", "headers")]),
    ("header of the service's own", fields(headers=header("bcc", "x@example.org")), [("11-013", "headers")]),
    ("Content-Language", fields(headers=header("Content-Language", "ja")), []),
    ("header at its limit", fields(headers=header("X-A", "a" * (998 - 5))), []),
    ("header over it", fields(headers=header("X-A", "a" * (998 - 4))), [("11-014", "headers")]),
    ("header of wide characters at it", fields(headers=header("X-A", "あ" * 331)), []),
    ("header of wide characters over it", fields(headers=header("X-A", "あ" * 332)), [("11-014", "headers")]),
    ("no attachments", fields() + [("attachments", "0")], []),
    ("10 attachments", fields() + attach(10, range(1, 11)), []),
    ("11 attachments", fields() + attach(11, range(1, 11)), [("11-017", "attachments")]),
    ("attachment 11", fields() + attach(10, range(1, 12)), [("11-018", "")]),
    ("attachments as a word", fields() + [("attachments", "one")], [("11-017", "attachments")]),
    ("attachments negative", fields() + [("attachments", "-1")], [("11-017", "attachments")]),
    ("attachments empty", fields() + [("attachments", "")], [("11-017", "attachments")]),
    ("one attachment too few", fields() + attach(2, [1]), [("11-010", "attachments")]),
    ("one attachment too many", fields() + attach(1, [1, 2]), [("11-010", "attachments")]),
    ("an attachment skipped", fields() + attach(2, [1, 3]), [("11-010", "attachments")]),
    ("attachments not counted", fields() + [("attachment1", File("a", b"x"))], [("11-010", "attachments")]),
    ("attachment without a name", fields() + [("attachments", "1"), ("attachment1", "x")],
     [("11-012", "attachment1")]),
    ("attachment with an empty name", fields() + [("attachments", "1"), ("attachment1", File("", b"x"))],
     [("11-012", "attachment1")]),
    ("empty attachment", fields() + [("attachments", "1"), ("attachment1", File("a", b""))], []),
    ("unknown parameter", fields(reply_to="r@example.net"), [("11-018", "")]),
    ("parameter twice", fields() + [("text", "again")], [("11-018", "")]),
    ("envfrom", fields(envfrom="bounce@example.net"), []),
    ("bad envfrom", fields(envfrom="bounce"), [("13-003", "")]),
    ("empty envfrom", fields(envfrom=""), [("13-003", "")]),
]


def person(i, **more):
    return {"name": f"P{i}", "address": f"p{i}@example.org", **more}


def people(count):
    return address_list(*[person(i) for i in range(count)])


BULK_ROWS = [
    ("all is well", bulk_fields(), []),
    ("1000 to", bulk_fields(to=people(1000)), []),
    ("1001 to", bulk_fields(to=people(1001)), [("11-004", "to")]),
    ("cc", bulk_fields(cc="c@example.org"), [("11-018", "")]),
    ("bcc", bulk_fields(bcc="c@example.org"), [("11-018", "")]),
    ("to bare", bulk_fields(to="a@example.org"), [("11-006", "to")]),
    ("to as one object", bulk_fields(to=address("a@example.org")), [("11-006", "to")]),
    ("to without name", bulk_fields(to='[{"address":"a@example.org"}]'), [("11-006", "to")]),
    ("bad to", bulk_fields(to=address_list(person(1), {"name": "", "address": "x"})), [("11-005", "to")]),
    ("bad envfrom", bulk_fields(envfrom="x"), [("11-005", "envfrom")]),
    ("100 properties", bulk_fields(to=address_list(person(1, **{f"k{i}": "" for i in range(98)}))), []),
    ("101 properties", bulk_fields(to=address_list(person(1, **{f"k{i}": "" for i in range(99)}))),
     [("11-006", "to")]),
    ("value of 5 KB", bulk_fields(to=address_list(person(1, k="v" * 5120))), []),
    ("value over it", bulk_fields(to=address_list(person(1, k="v" * 5121))), [("11-006", "to")]),
    ("property not a string", bulk_fields(to=address_list(person(1, k=1))), [("11-006", "to")]),
    ("subject over its limit", bulk_fields(subject="a" * 513), [("11-016", "subject")]),
    ("text that markers make huge",
     bulk_fields(to=address_list(person(1, k="v" * 5120)), text="((#k#))" * 5000), [("11-008", "text")]),
    ("attachment", bulk_fields() + attach(1, [1]), []),
]


def check_rows(rows, path):
    with Sandbox() as sandbox:
        wrong = []
        for name, form, want in rows:
            answer = sandbox.post(form, path)
            status = 400 if want else 200
            if (answer.codes(), answer.status) != (want, status):
                wrong.append(f"{name}: {answer.status} {answer.body[:300]}")
        assert not wrong, "\n".join(wrong)
        health = sandbox.health()
        equal(health["accepted"], sum(1 for row in rows if not row[2]), "accepted")
        equal(health["refused"], sum(1 for row in rows if row[2]), "refused")


def test_send_parameters():
    check_rows(SEND_ROWS, SEND)


def test_bulk_parameters():
    check_rows(BULK_ROWS, BULK)


def test_no_store_is_as_strict():
    rows = [row for row in SEND_ROWS if "limit" not in row[0] and "far" not in row[0]]
    with Sandbox("--no-store") as sandbox:
        for name, form, want in rows:
            equal(sandbox.post(form).codes(), want, name)
        equal(sandbox.messages(), [], "messages")
        assert sandbox.health()["messages"] > 0


def test_texts_are_the_documented_ones():
    rows = [
        (fields(to="x"), {"code": "11-005", "field": "to", "message": "x is invalid mail address."}),
        (fields(text=None), {"code": "11-009", "field": "text", "message": "text is required."}),
        (fields() + attach(1, []), {
            "code": "11-010", "field": "attachments",
            "message": "The value of attachments and the number of actual attachments doesn't match."}),
        (fields(headers='[{"value":"x"}]'),
         {"code": "11-009", "field": "headers", "message": "name is required."}),
    ]
    with Sandbox() as sandbox:
        for form, want in rows:
            answer = sandbox.post(form)
            equal(answer.json(), {"errors": [want]})
            equal(answer.headers["Content-Type"], "application/json")


def test_content_type_and_form():
    whole = encode(fields())
    rows = [
        ("json", b'{"to":"a@example.org"}', {"Content-Type": "application/json"}),
        ("no type", b"x", {}),
        ("urlencoded", b"to=a", {"Content-Type": "application/x-www-form-urlencoded"}),
        ("mixed", whole, {"Content-Type": "multipart/mixed; boundary=b"}),
        ("no boundary", whole, {"Content-Type": "multipart/form-data"}),
        ("another boundary", whole, form_headers("other")),
        ("cut before its end", whole[:-6], form_headers()),
        ("a part that is no form's", whole.replace(b"form-data; name=\"to\"", b"attachment"), form_headers()),
        ("endless part header", b"--b7-shimta-test\r\nX: " + b"y" * 20000, form_headers()),
        ("empty", b"", form_headers()),
    ]
    with Sandbox() as sandbox:
        for name, body, headers in rows:
            answer = sandbox.request("POST", SEND, body, headers)
            equal((answer.status, answer.codes()), (400, [("11-015", "")]), name)
        quoted = {"Content-Type": 'Multipart/Form-Data; charset=utf-8; boundary="b7-shimta-test"'}
        equal(sandbox.request("POST", SEND, b"preamble\r\n" + whole + b"epilogue", quoted).status, 200)


def test_actions():
    with Sandbox() as sandbox:
        equal(sandbox.post(fields(), "/api/v2/emails/receive.json").codes(), [("11-019", "")])
        equal(sandbox.post(fields(), "/api/v2/emails/send.txt").status, 404)
        equal(sandbox.post(fields(), "/api/v1/emails/send.json").status, 404)
        equal(sandbox.request("GET", SEND).status, 405)
        equal(sandbox.request("GET", "/").status, 404)


def test_credentials():
    with Sandbox("--user", "shim", "--key", "right") as sandbox:
        rows = [("shim", "right", []), ("shim", "wrong", [("13-004", "")]), ("other", "right", [("13-004", "")]),
                ("shim", "", [("11-009", "api_key")])]
        for user, key, want in rows:
            equal(sandbox.post(fields(api_user=user, api_key=key)).codes(), want, (user, key))
            assert "right" not in sandbox.log() and "wrong" not in sandbox.log(), "a key in the log"
        equal(sandbox.post(fields(api_user="shim", api_key="no", text=None)).codes(), [("11-009", "text")],
              "parameters come first")


def test_dkim():
    with Sandbox("--dkim", "example.net,Example.JP") as sandbox:
        for domain, want in [("example.net", []), ("EXAMPLE.jp", []), ("example.org", [("13-006", "")]),
                             ("sub.example.net", [("13-006", "")])]:
            equal(sandbox.post(fields(from_=address("a@" + domain))).codes(), want, domain)


def test_size_of_the_whole():
    def sized(n):
        """text is a byte; base64 of 3k bytes is 4k."""
        return fields(subject="s", text="t") + [("attachments", "1"), ("attachment1", File("a", bytes(n)))]

    with Sandbox("--size-limit", "1000002") as sandbox:
        equal(sandbox.post(sized(750000)).status, 200)
        answer = sandbox.post(sized(750001))
        equal((answer.status, answer.codes()), (500, [("01-001", "")]))
    with Sandbox() as sandbox:
        equal(sandbox.post(sized(14 * 1024 * 1024)).status, 200)
        answer = sandbox.post(sized(16 * 1024 * 1024))
        equal((answer.status, answer.codes()), (500, [("01-001", "")]))


def test_error_status():
    with Sandbox("--error-status", "200") as sandbox:
        answer = sandbox.post(fields(to="x"))
        equal((answer.status, answer.codes()), (200, [("11-005", "to")]))


if __name__ == "__main__":
    run(sys.modules[__name__])
