"""Arara Message v2: what /send takes and refuses, each rule at its edges, and what it answers."""

import base64
import datetime
import json
import sys

from arara import (NEW, Arara, attachment, body_of, contents, delivery, list_of, recipient, request_id, settings)
from sandboxes import equal, run

JST = datetime.timezone(datetime.timedelta(hours=9))


def at(**ahead):
    """A send_time so far from now."""
    time = datetime.datetime.now(JST) + datetime.timedelta(**ahead)
    return time.strftime("%Y-%m-%dT%H:%M+09:00")


def ok(**changes):
    return delivery(**changes), "201"


def bad(**changes):
    return delivery(**changes), "400"


def text_of(data):
    return base64.b64encode(data).decode()


ADDRESSES = [("a@example.org", "201"), ("0@x", "201"), ("a..b.@docomo.example", "201"), ("+a+@-x-", "201"),
             ("a" * 244 + "@example.org", "201"), ("a" * 245 + "@example.org", "400"), ("x", "400"), ("", "400"),
             ("@example.org", "400"), ("a@", "400"), ("+@example.org", "400"), ("a@-.-", "400"),
             ("a@b@example.org", "400"), ("a b@example.org", "400"), ("名@example.org", "400"),
             ("a@example.org\nBcc: x@example.org", "400"), ("<a@example.org>", "400"), ("a@x,b@x", "400")]

ROWS = {
    "recipients": [
        ok(), bad(**{"mailing-list": NEW}), bad(**{"mailing-list": []}), bad(**{"mailing-list": {}}),
        bad(**{"mailing-list": ["a@example.org"]}), bad(**list_of({"to": "a@example.org"})),
        ok(**list_of(*[recipient(f"r{n}@example.org") for n in range(500)])),
        *[(delivery(**list_of(recipient(address))), code) for address, code in ADDRESSES],
        *[ok(**list_of(recipient(device=n))) for n in range(5)], bad(**list_of(recipient(device=5))),
        bad(**list_of(recipient(device=-1))), bad(**list_of(recipient(device="1"))), bad(**list_of(recipient(device=1.5))),
        bad(**list_of({**recipient(), "name": "A"})), bad(**list_of({"to": {"address": "a@x", "name": "A"}})),
        ok(**list_of({**recipient(), "substitutions": {}})), ok(**list_of({**recipient(), "substitutions": {"": "x"}})),
        bad(**list_of({**recipient(), "substitutions": {"a": 1}})), bad(**list_of({**recipient(), "substitutions": []})),
        ok(**list_of({**recipient(), "unsubscribe_url": "https://example.org/u?a=b"})),
        bad(**list_of({**recipient(), "unsubscribe_url": "http://example.org/"})),
        bad(**list_of({**recipient(), "unsubscribe_url": "https://"})),
        bad(**list_of({**recipient(), "unsubscribe_url": "https://x/ y"})),
        bad(**list_of({**recipient(), "unsubscribe_url": "https://x/\r\nBcc: y"})),
    ],
    "copies": [
        ok(contents=contents(cc="c@example.org")), ok(contents=contents(cc="c@example.org,d@example.org", bcc="e@example.org")),
        *[(delivery(contents=contents(**{name: address})), code if "," not in address else "201")
          for name in ("cc", "bcc") for address, code in ADDRESSES],
        bad(contents=contents(cc="c@example.org, d@example.org")), bad(contents=contents(cc="c@example.org,")),
        bad(contents=contents(cc="C <c@example.org>")), bad(contents=contents(cc=["c@example.org"])),
        *[bad(contents=contents(**{name: "c@example.org"}), **list_of(recipient(), recipient("b@example.org")))
          for name in ("cc", "bcc")],
    ],
    "contents": [
        bad(contents=NEW), bad(contents=contents(subject=NEW)), bad(contents=contents(subject="")),
        ok(contents=contents(subject="a" * 500)), bad(contents=contents(subject="a" * 501)),
        ok(contents=contents(subject="あ" * 166 + "ab")), bad(contents=contents(subject="あ" * 167)),
        *[bad(contents=contents(subject=f"a{c}b")) for c in "\n\r\t\x1f\x7f\x01"],
        bad(contents=contents(subject=1)), bad(contents=contents(body=NEW)), bad(contents=contents(body={})),
        bad(contents=contents(body={"text": ""})), ok(contents=contents(body={"text": "", "html": "<p>"})),
        ok(contents=contents(body={"html": "<p>"})), ok(contents=contents(body={"text": "\n"})),
        bad(contents=contents(body={"text": "x", "amp": "y"})), bad(contents=contents(body="x")),
        ok(contents=contents(body={"text": "a" * 1000 + "\n" + "b" * 1000})), bad(contents=contents(body={"text": "a" * 1001})),
        ok(contents=contents(body={"text": "x", "html": "あ" * 333})), bad(contents=contents(body={"text": "x", "html": "あ" * 334})),
        bad(contents=contents(body={"text": "##k##"}), **list_of({**recipient(), "substitutions": {"k": "a" * 1001}})),
        bad(contents=contents(subject="##k##"), **list_of({**recipient(), "substitutions": {"k": "a\nb"}})),
        bad(contents=contents(subject="##k##"), **list_of(recipient(), {**recipient(), "substitutions": {"k": "a" * 501}})),
        ok(contents=contents(encode=0)), bad(contents=contents(encode=1)), bad(contents=contents(encode="0")),
        bad(contents=contents(charset="UTF-8")),
    ],
    "attachments": [
        ok(contents=contents(**{"attachments-list": []})), bad(contents=contents(**{"attachments-list": attachment()})),
        ok(contents=contents(**{"attachments-list": [attachment()] * 3})), bad(contents=contents(**{"attachments-list": [attachment()] * 4})),
        *[bad(contents=contents(**{"attachments-list": [attachment(**{name: value})]})) for name, value in (
            ("filename", NEW), ("filename", ""), ("filename", "README"), ("filename", ".txt"), ("filename", "a."),
            ("filename", "a\r\n.txt"), ("mimetype", NEW), ("mimetype", ""), ("mimetype", "text"), ("mimetype", "text/"),
            ("mimetype", "/plain"), ("mimetype", "text/pl ain/x"), ("mimetype", "text/plain\r\nX: y"), ("data", NEW), ("data", 1),
            ("data", None), ("data", "A"), ("data", "AA"), ("data", "AAA"), ("data", "A==="), ("data", "===="), ("data", "AA=A"),
            ("data", "AAAA="), ("data", "AAAA\n"), ("data", "AAAA\r\nAAAA"), ("data", "AA-_"), ("data", " AAAA"), ("data", "あAAA"),
            ("data", "\u0001\u0030"), ("inline", True))],
        *[ok(contents=contents(**{"attachments-list": [attachment(**{name: value})]})) for name, value in (
            ("data", ""), ("data", "AA=="), ("data", "AAA="), ("data", "ab+/"), ("data", text_of(bytes(200000))),
            ("filename", "資料.pdf"), ("mimetype", "text/plain; charset=utf-8"))],
    ],
    "settings": [
        bad(settings=NEW), *[bad(settings=settings(**{name: NEW})) for name in ("send_time", "request_id", "from")],
        *[bad(settings=settings(send_time=time)) for time in (
            "", "Now", " now", "2026-02-30T10:00+09:00", "2099-01-01", "2099-01-01T10:00Z", "2099-01-01T10:00:00+09:00",
            "2099-01-01T24:00+09:00", "2099-01-01T10:60+09:00", "2099-01-01T10:00+15:00", "2000-01-01T00:00+09:00",
            at(minutes=-2), at(days=32, minutes=2), 0)],
        ok(settings=settings(send_time=at(minutes=2))), ok(settings=settings(send_time=at(days=32, minutes=-2))),
        *[bad(settings=settings(request_id=value)) for value in ("", "A", "a-b", "a_b", "a" * 65, "é", "a ", 1)],
        ok(settings=settings(request_id="z" * 64)), ok(settings=settings(request_id="0")),
        ok(settings=settings(**{"from": {"address": "s@example.net"}})), bad(settings=settings(**{"from": {"name": "S"}})),
        bad(settings=settings(**{"from": {"name": "a\nb", "address": "s@example.net"}})),
        bad(settings=settings(**{"from": {"address": "s"}})), bad(settings=settings(**{"from": "s@example.net"})),
        ok(settings=settings(reply_to={"address": "r@example.net"})), bad(settings=settings(reply_to={})),
        bad(settings=settings(reply_to={"name": "R", "address": "r@example.net"})), bad(settings=settings(reply_to="r@example.net")),
        bad(settings=settings(reply_to={"address": "r@example.net,s@example.net"})),
        ok(settings=settings(throttle=1)), bad(settings=settings(throttle=0)), bad(settings=settings(throttle="1")),
        ok(settings=settings(error_count=0)), bad(settings=settings(error_count=-1)),
        ok(settings=settings(ignore_attachments_size=True)), bad(settings=settings(ignore_attachments_size=1)),
        bad(settings=settings(envelope_from="x@example.net")),
    ],
    "tc_option": [(delivery(settings=settings(tc_option=option)), code) for option, code in (
        ({}, "201"), ([], "400"), ({"lifetime": 3600}, "201"), ({"lifetime": 86400}, "201"), ({"lifetime": 3599}, "400"),
        ({"lifetime": 86401}, "400"), ({"lifetime": "3600"}, "400"), ({"lifetime": 3600.5}, "400"), ({"retry_interval": 60}, "201"),
        ({"retry_interval": 0}, "400"), ({"throttle": 1}, "400"),
        ({"stop_send": {"timemin": "00:00+09:00", "timemax": "23:59+09:00"}}, "201"),
        ({"stop_send": {"timemin": "08:00+09:00", "timemax": "22:00-05:30"}}, "201"), ({"stop_send": {"timemin": "08:00+09:00"}}, "400"),
        ({"stop_send": {"timemin": "24:00+09:00", "timemax": "08:00+09:00"}}, "400"),
        ({"stop_send": {"timemin": "8:00+09:00", "timemax": "08:00+09:00"}}, "400"),
        ({"stop_send": {"timemin": "08:00", "timemax": "08:00+09:00"}}, "400"))],
}


def check_rows(name):
    with Arara() as arara:
        wrong = []
        for number, (item, want) in enumerate(ROWS[name]):
            answer = arara.send(item)
            item_answer = answer.json()["items"][0]
            if (answer.status, item_answer["result"]["code"]) != (200, want):
                wrong.append(f"row {number}: {answer.body[:300]} for {json.dumps(item)[:300]}")
            if want == "201":
                assert item_answer["delivery_id"].isdigit()
        assert not wrong, "\n".join(wrong)


def test_recipients():
    check_rows("recipients")


def test_copies():
    check_rows("copies")


def test_contents():
    check_rows("contents")


def test_attachments():
    check_rows("attachments")


def test_settings():
    check_rows("settings")


def test_tc_option():
    check_rows("tc_option")


def test_answer_is_the_documented_one():
    with Arara() as arara:
        item = delivery(settings=settings(request_id="first"))
        answer = arara.send(item)
        equal(answer.headers["Content-Type"], "application/json")
        first = answer.json()
        equal(first, {"items": [{"result": {"code": "201", "message": "success"},
                                 "delivery_id": first["items"][0]["delivery_id"], "request_id": "first"}], "count": 1})
        row = arara.messages()[0]
        equal((row["delivery_id"], row["request_id"]), (first["items"][0]["delivery_id"], "first"))
        again = arara.send(item).json()["items"][0]
        equal(again["result"], {"code": "409", "message": "This RequestID is already exists."})
        assert again["delivery_id"] != row["delivery_id"], "nobody promised that"
        equal(len(arara.messages()), 1)


def test_several_deliveries():
    with Arara() as arara:
        items = [delivery(settings=settings(request_id=name)) for name in ("one", "two", "one")]
        answer = arara.send(*items, delivery(contents=NEW, settings=settings(request_id="three")), "nothing")
        got = [(item.get("request_id"), item["result"]["code"]) for item in answer.json()["items"]]
        equal(got, [(None, "400"), ("three", "400"), ("one", "409"), ("two", "201"), ("one", "201")], "the last comes first")
        equal((answer.status, answer.json()["count"], len(arara.messages())), (200, 5, 2))
        equal(arara.send(delivery(settings=settings(request_id="three"))).json()["items"][0]["result"]["code"], "409",
              "a refused id is a used one")
        health = arara.health()
        equal((health["calls"], health["accepted"], health["refused"]), (2, 1, 1))


def test_whole_requests():
    whole = body_of(delivery())
    rows = [b"", b"x", b"[]", b"{}", b'{"delivery":{}}', b'{"delivery":[]}', whole[:-1], whole + b"x", whole.replace(b"}", b",}", 1),
            whole.replace(b"Hello", b"He\nllo", 1), whole.replace(b"Hello", b"He\\u0000llo", 1), whole.replace(b"Hello", b"\xff", 1),
            whole.replace(b"Hello", b"\\ud800", 1), whole.replace(b"Hello", b"\\x", 1), b'{"delivery":' + b"[" * 100000,
            whole.replace(b'{"delivery"', b'{"more":1,"delivery"'), b'{"a":1,"delivery":[{', b'{"\\', b'{"a\\u00', b":" * 10]
    with Arara() as arara:
        for row in rows:
            answer = arara.post(row)
            equal((answer.status, list(answer.json())), (400, ["message"]), row[:100])
        equal(arara.post(whole, content_type="text/plain").status, 400)
        equal(arara.post(whole, content_type=None).status, 400)
        equal(arara.post(whole, content_type="application/json; charset=utf-8").status, 200)
        equal(arara.request("PUT", "/send").status, 405)


def test_a_body_in_pieces():
    """Attachments are taken out while the body is read: wherever it is cut, it comes to the same."""
    data = bytes(range(256)) * 3
    text = json.dumps({"delivery": [delivery(contents=contents(**{"attachments-list": [attachment(data=text_of(data))]}),
                                             settings=settings(request_id="ID"))]})
    text = text.replace("/", "\\/").replace("=", "\\u003d").replace('"data"', '"d\\u0061ta" ').encode()
    with Arara() as arara:
        for size in (1, 7, 1000):
            arara.post_in_pieces(text.replace(b'"ID"', f'"id{size}"'.encode()), size)
            part, = [p for p in arara.message(arara.messages()[-1]["number"]).walk() if p.get_filename()]
            equal(part.get_payload(decode=True), data)


def test_members_named_data_elsewhere():
    with Arara() as arara:
        item = delivery(contents=contents(subject="##data##"), **list_of({**recipient(), "substitutions": {"data": "値"}}))
        equal(arara.send(item).json()["items"][0]["result"]["code"], "201")
        equal(arara.messages()[0]["subject"], "値")


def test_twice_the_same_member():
    text = body_of(delivery()).replace(b'"subject"', b'"subject": "x", "subject"')
    with Arara() as arara:
        equal(arara.post(text).json()["items"][0]["result"]["code"], "400")


def test_no_store_is_as_strict():
    with Arara("--no-store") as arara:
        for item, want in ROWS["attachments"]:
            item["settings"]["request_id"] = request_id()
            equal(arara.send(item).json()["items"][0]["result"]["code"], want, item)
        equal(arara.messages(), [])


def test_options():
    with Arara("--line-limit", "0", "--arara-attachments", "10") as arara:
        item = delivery(contents=contents(body={"text": "a" * 9999}, **{"attachments-list": [attachment()] * 10}))
        equal(arara.send(item).json()["items"][0]["result"]["code"], "201")
        item = delivery(contents=contents(**{"attachments-list": [attachment()] * 11}))
        equal(arara.send(item).json()["items"][0]["result"]["code"], "400")


if __name__ == "__main__":
    run(sys.modules[__name__])
