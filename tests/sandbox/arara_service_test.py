"""Arara Message v2: logins, requests at a time, faults, looking up, cancelling, and what recipients get."""

import base64
import datetime
import http.client
import os
import socket
import sys
import tempfile
import time
import urllib.parse

from arara import (Arara, attachment, basic, body_of, contents, delivery, list_of, recipient, settings)
from sandboxes import SEND, Sandbox, encode, equal, fields, form_headers, run

JST = datetime.timezone(datetime.timedelta(hours=9))


def at(**ahead):
    return (datetime.datetime.now(JST) + datetime.timedelta(**ahead)).strftime("%Y-%m-%dT%H:%M+09:00")


def code(answer):
    """The result of a single delivery, or the status and text of a request that failed as a whole."""
    json = answer.json()
    return json["items"][0]["result"]["code"] if "items" in json else (answer.status, json["message"])


def text_of(part):
    return part.get_content().replace("\r\n", "\n")


def test_login():
    with tempfile.NamedTemporaryFile("w") as file:
        file.write("right\n")
        file.flush()
        with Arara("--client-id", "client", "--client-secret-file", file.name, "--token-lifetime", "1234") as arara:
            answer = arara.login(basic(secret="right"))
            json = answer.json()
            equal((answer.status, json["expires_in"], json["token_type"]), (200, 1234, "Bearer"))
            assert len(json["access_token"]) > 500
            rows = [({"authorization": basic()}, 401), ({"authorization": basic("other", "right")}, 401),
                    ({"authorization": None}, 401), ({"authorization": "Basic !"}, 400),
                    ({"authorization": "Bearer x"}, 400), ({"authorization": "Basic " + base64.b64encode(b"x").decode()}, 400),
                    ({"form": "grant_type=password"}, 400), ({"form": ""}, 405), ({"form": "scope=x"}, 405),
                    ({"form": "grant_type=client_credentials&scope=x"}, 400), ({"content_type": "application/json"}, 400),
                    ({"content_type": None}, 400)]
            for changes, want in rows:
                answer = arara.login(**{"authorization": basic(secret="right"), **changes})
                equal((answer.status, list(answer.json())), (want, ["error"]), changes)
            equal(arara.login(method="GET").status, 405)
            assert "right" not in arara.log() and json["access_token"] not in arara.log(), "a secret in the log"
            equal(arara.health()["logins"], 1)
    with Arara() as arara:
        equal(arara.login(basic("anyone", "anything")).status, 200)
        equal((arara.login(basic("", "x")).status, arara.login(basic("x", "")).status), (401, 401))


def test_tokens():
    with Arara() as arara:
        for header in (None, "", "Bearer", "Bearer ", "Bearer x", "x", basic(), "Bearer " + arara.token + "x"):
            for method, path in (("POST", "/send"), ("GET", "/send/1"), ("GET", "/send?request_id=a"), ("DELETE", "/send/1")):
                headers = {"Content-Type": "application/json", **({"Authorization": header} if header is not None else {})}
                answer = arara.request(method, path, body_of(delivery()), headers)
                equal((answer.status, answer.json()), (401, {"message": "Unauthorized"}), (header, method))
        answer = arara.request("POST", "/send", body_of(delivery()),
                               {"Content-Type": "application/json", "Authorization": arara.token})
        equal(code(answer), "201", "a bare token")
        equal(code(arara.send(delivery())), "201", "and again")
    with Arara("--token-lifetime", "0") as arara:
        equal(arara.send(delivery()).status, 401, "out of date")


def hold(arara):
    """All of a request but its last byte."""
    body = body_of(delivery())
    sock = socket.create_connection((arara.host, arara.port), timeout=60)
    head = f"POST /send HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAuthorization: {arara.token}\r\n"
    sock.sendall(head.encode() + f"Content-Length: {len(body)}\r\n\r\n".encode() + body[:-1])
    return sock


def end(sock):
    sock.sendall(b"}")
    response = http.client.HTTPResponse(sock)
    response.begin()
    status = response.status
    response.read()
    sock.close()
    return status


def wait_for_peak(arara, peak):
    while arara.health()["peak"] < peak:
        time.sleep(0.01)


def test_requests_at_a_time():
    for options, limit, status in (((), 1, 429), (("--arara-connections", "3", "--too-many-status", "200"), 3, 200)):
        with Arara(*options) as arara:
            held = [hold(arara) for _ in range(limit)]
            wait_for_peak(arara, limit)
            equal(code(arara.send(delivery())), (status, "Too Many Requests"))
            equal(code(arara.status("/1")), (status, "Too Many Requests"))
            mine, arara.token = arara.token, arara.login(basic("another")).json()["access_token"]
            equal(code(arara.send(delivery())), "201", "counted for each client")
            arara.token = mine
            equal(end(held.pop()), 200)
            equal(code(arara.send(delivery())), "201")
            equal([end(sock) for sock in held], [200] * (limit - 1))


def test_errors_on_order():
    rows = [("400", "400"), ("409", "409"), ("500", "500"), ("too-many", (429, "Too Many Requests")),
            ("message", (200, "Ordered by --fault")), ("message-400", (400, "Ordered by --fault")),
            ("message-500", (500, "Ordered by --fault"))]
    with Arara() as arara:
        for kind, want in rows:
            item = delivery()
            arara.fault(kind="error=" + kind, count=1)
            answer = arara.send(item)
            equal(code(answer), want, kind)
            if "items" in answer.json():
                equal(answer.json()["items"][0]["request_id"], item["settings"]["request_id"])
            equal(code(arara.send(item)), "201", "nothing was taken")
        for want, answer in ((409, lambda: arara.delete("1")), (500, lambda: arara.status("/1"))):
            arara.fault(kind=f"error={want}", count=1)
            equal(answer().status, want)


def test_faults_and_their_aim():
    with Arara() as arara:
        arara.fault(kind="status=503/7@/oauth2", count=1)
        equal((code(arara.send(delivery())), arara.login().status, arara.login().status), ("201", 503, 200))
    with Arara("--fault", "error=13-002") as arara:
        equal(code(arara.send(delivery())), "201", "not an error of this API")
        equal(arara.request("POST", SEND, encode(fields()), form_headers()).codes(), [("13-002", "")])
        arara.fault(kind="none")
        arara.fault(kind="error=500@/oauth2", count=1)
        equal((code(arara.send(delivery())), arara.login().status, arara.login().status), ("201", 500, 200))
        arara.fault(kind="status=418@/send/", count=1)
        equal((code(arara.send(delivery())), arara.login().status, arara.status("/1").status), ("201", 200, 418))
        arara.fault(kind="html", count=1)
        equal((arara.login().status, arara.send(delivery()).headers["Content-Type"]), (200, "text/html; charset=utf-8"))
        for kind in ("html@", "html@send", "html@send:1", "error=401"):
            equal(arara.request("POST", "/fault", urllib.parse.urlencode({"kind": kind})).status, 400, kind)


def broken(action):
    try:
        action()
    except (http.client.HTTPException, ConnectionError):
        return True
    return False


def test_lost_answers():
    with Arara("--event-delay", "3600000") as arara:
        for number, (kind, kept) in enumerate((("close-before", 0), ("close-after", 1), ("reset", 0), ("truncate", 1)), 1):
            item = delivery(settings=settings(request_id=f"lost{number}"))
            arara.fault(kind=kind, count=1)
            assert broken(lambda: arara.send(item)), kind
            equal(code(arara.send(item)), "409" if kept else "201", kind)
            found = arara.status(request_id=f"lost{number}").json()
            equal((found["count"], found["items"][0]["status"]), (1, "sending"))
            row = [m for m in arara.messages() if m["request_id"] == f"lost{number}"]
            equal([m["delivery_id"] for m in row], [found["items"][0]["delivery_id"]])
        arara.fault(kind="delay=1", count=1)
        equal(code(arara.send(delivery())), "201")


def test_looking_up():
    with Arara("--event-delay", "3600000") as arara:
        before = at()
        ids = [arara.send(delivery(settings=settings(request_id=name))).json()["items"][0]["delivery_id"] for name in "ab"]
        want = {"delivery_id": ids[0], "status": "sending", "success": 0, "failure": 0}
        equal(arara.status("/" + ids[0]).json(), {"items": [want], "count": 1})
        equal(arara.status(request_id="a").json(), {"items": [want], "count": 1})
        equal(arara.status(request_id="c").json(), {"items": [], "count": 0})
        equal([i["delivery_id"] for i in arara.status(timemin=before, timemax=at()).json()["items"]], ids)
        equal(arara.status(timemin=at(minutes=2), timemax=at(minutes=3)).json()["count"], 0)
        equal(arara.status("/1").status, 404)
        for query in ({}, {"request_id": "A"}, {"timemin": before}, {"timemin": "x", "timemax": before},
                      {"timemin": at(minutes=5), "timemax": before}, {"request_id": "a", "timemin": before}):
            equal(arara.status(**query).status, 400, query)
        equal(arara.request("GET", f"/send?timemin={before}&timemax={before}", headers=arara.headers(None)).status, 400,
              "a plus that is not encoded")
    with Arara("--status-lag", "3600000") as arara:
        item = delivery()
        answer = arara.send(item).json()["items"][0]
        equal(arara.status("/" + answer["delivery_id"]).status, 404)
        equal(arara.status(request_id=answer["request_id"]).json()["count"], 0)
        equal(code(arara.send(item)), "409")


def test_cancelling():
    with Arara() as arara:
        now = arara.send(delivery()).json()["items"][0]["delivery_id"]
        soon = arara.send(delivery(settings=settings(send_time=at(minutes=2)))).json()["items"][0]["delivery_id"]
        later = arara.send(delivery(settings=settings(send_time=at(minutes=10)))).json()["items"][0]["delivery_id"]
        equal(arara.status("/" + later).json()["items"][0]["status"], "reserved")
        equal([arara.delete(i).status for i in (now, soon, "1")], [409, 409, 400])
        equal(len(arara.messages()), 3)
        answer = arara.delete(later)
        equal((answer.status, answer.json()), (200, {"items": [{"delivery_id": later}]}))
        equal((arara.status("/" + later).json()["items"][0]["status"], arara.delete(later).status), ("deleted", 409))
        equal([m["delivery_id"] for m in arara.messages()], [now, soon])


def copies(arara):
    return {m["to"]: arara.message(m["number"]) for m in arara.messages()}


def test_each_element_sees_itself_alone():
    people = list_of({**recipient("a@example.org"), "substitutions": {"name": "アリス", "x": "##name##"}},
                     {**recipient("b@example.org"), "substitutions": {"name": "Bob\r\n##x##"},
                      "unsubscribe_url": "https://example.org/u?b"})
    body = {"text": "Dear ##name##[##x##] ##", "html": "<p>##name##</p>"}
    with Arara() as arara:
        arara.send(delivery(**people, contents=contents(subject="To ##x## ##none##.", body=body)))
        seen = copies(arara)
        a, b = seen["a@example.org"], seen["b@example.org"]
        equal([(str(m["To"]), str(m["Subject"])) for m in (a, b)], [("a@example.org", "To ##name## ."), ("b@example.org", "To  .")])
        equal([text_of(m.get_body(("plain",))) for m in (a, b)], ["Dear アリス[##name##] ##", "Dear Bob\n##x##[] ##"])
        equal([text_of(m.get_body(("html",))) for m in (a, b)], ["<p>アリス</p>", "<p>Bob\n##x##</p>"])
        equal([m["List-Unsubscribe"] for m in (a, b)], [None, "<https://example.org/u?b>"])
        equal((str(a["From"]), a["Reply-To"], a["Cc"]), ("Shop <shop@example.net>", None, None))
        assert a["Message-ID"] != b["Message-ID"]
        equal([m["place"] for m in arara.messages()], ["to", "to"])


def test_copies_show_cc_and_hide_bcc():
    item = delivery(**list_of({**recipient(), "substitutions": {"n": "N"}}), contents=contents(
        cc="c@example.org,d@example.org", bcc="hidden@example.org", subject="##n##"),
        settings=settings(reply_to={"address": "r@example.net"}))
    with Arara() as arara:
        arara.send(item)
        equal([(m["to"], m["place"], m["subject"]) for m in arara.messages()],
              [("alice@example.org", "to", "N"), ("c@example.org", "cc", "N"), ("d@example.org", "cc", "N"),
               ("hidden@example.org", "bcc", "N")])
        equal(len({m["id"] for m in arara.messages()}), 1)
        for message in copies(arara).values():
            equal((str(message["To"]), str(message["Cc"]), message["Bcc"]),
                  ("alice@example.org", "c@example.org, d@example.org", None))
            equal(str(message["Reply-To"]), "r@example.net")
            message.replace_header("X-Sandbox-Recipient", "")
            assert "hidden" not in message.as_string(), "a hidden recipient shows"


def test_unknown_markers():
    text = "## Heading\ntext ##x## and #### and ##y## end##"
    for options, want in (((), "## Heading\ntext ##xy"), (("--unknown-marker", "keep"), text)):
        with Arara(*options) as arara:
            item = delivery(**list_of({**recipient(), "substitutions": {" Heading\ntext ": "## Heading\ntext ##"}}),
                            contents=contents(body={"text": text}))
            arara.send(item)
            equal(text_of(arara.message(1)), want)


def test_html_alone_gets_a_text():
    with Arara() as arara:
        arara.send(delivery(contents=contents(body={"html": "<p>日本</p>"})))
        text, html = arara.message(1).iter_parts()
        equal((text_of(text), text_of(html)), ("This is an HTML mail.\n", "<p>日本</p>"))


def test_attached_messages():
    """A message shows as one if MIME allows it; anything else of message and multipart keeps its bytes."""
    good = [b"Subject: x\r\n\r\ny", "Subject: x\r\nX-A:\r\n b\r\n\r\n日本\r\n".encode(), b"Subject: only\r\n",
            b"S: x\r\n\r\n" + b"a" * 998 + b"\r\n"]
    poor = [b"", b"\r\nno header", b"Subject: x\n\ny", b"Subject\r\n\r\ny", b" folded: x\r\n\r\n", b"S: x\r\n\r\n" + b"a" * 999,
            b"S: x\r\n\r\n\0", b"S: x\r\n\r\na\rb", b"S: x\r\n\r\ny\r", "名: x\r\n\r\n".encode(), b": x\r\n\r\n", b"Subj"]
    with Arara() as arara:
        for data in good + poor:
            arara.send(delivery(contents=contents(**{"attachments-list": [
                attachment(filename="m.eml", mimetype="message/rfc822", data=base64.b64encode(data).decode())]})))
            number = arara.messages()[-1]["number"]
            raw = arara.request("GET", f"/messages/{number}").body
            if data in good:
                part = arara.message(number).get_payload()[1]
                equal((part.get_content_type(), part.get_filename(), part["X-Sandbox-Type"]), ("message/rfc822", "m.eml", None), data)
                assert b"\r\n\r\n" + data + b"\r\n--=_" in raw, data
            else:
                part = arara.message(number).get_payload()[1]
                equal((part.get_content_type(), part["X-Sandbox-Type"]), ("application/octet-stream", "message/rfc822"), data)
                equal(part.get_payload(decode=True), data)
        for kind in ("message/delivery-status", "multipart/mixed; boundary=x", "message/partial"):
            arara.send(delivery(contents=contents(**{"attachments-list": [attachment(mimetype=kind)]})))
            part = arara.message(arara.messages()[-1]["number"]).get_payload()[1]
            equal((part.get_content_type(), part["X-Sandbox-Type"], part.get_payload(decode=True)),
                  ("application/octet-stream", kind, b"hello\n"))


def test_a_large_attachment_stays_out_of_memory():
    def resident():
        with open(f"/proc/{arara.process.pid}/status") as status:
            return int(next(line for line in status if line.startswith("VmHWM")).split()[1])

    data = os.urandom(1024) * 25 * 1024
    with Arara() as arara:
        arara.send(delivery())
        before = resident()
        equal(code(arara.send(delivery(contents=contents(**{"attachments-list": [
            attachment(data=base64.b64encode(data).decode())]})))), "201")
        grown = resident() - before
        with open(f"/proc/{arara.process.pid}/exe", "rb") as program:
            sanitized = b"__asan_init" in program.read()
        # The sanitizers keep freed memory for a while.
        assert grown < 4096 or sanitized, f"{grown} KiB"
        equal(arara.message(2).get_payload()[1].get_payload(decode=True), data)
        item = delivery(contents=contents(**{"attachments-list": [attachment(data="A" * (64 * 1024 * 1024))]}))
        equal(code(arara.send(item)), (400, "Request body is too large"))


def test_a_folder_that_cannot_be_written():
    with Arara() as arara:
        os.rename(os.path.join(arara.home.name, "box"), os.path.join(arara.home.name, "away"))
        item = delivery()
        equal(code(arara.send(item)), "500")
        os.rename(os.path.join(arara.home.name, "away"), os.path.join(arara.home.name, "box"))
        equal(code(arara.send(item)), "201", "nothing was taken")


if __name__ == "__main__":
    run(sys.modules[__name__])
