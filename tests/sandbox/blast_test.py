"""BlastMail: tokens, and the history of deliveries as JSON, XML and CSV."""

import csv
import datetime
import sys
import urllib.parse
import xml.etree.ElementTree as ElementTree

from sandboxes import Sandbox, equal, run

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
LOGIN = {"username": "shop", "password": "p&w", "api_key": "k"}
BASE = "/rest/1.0"
SEARCH, DETAIL, EXPORT = "/message/history/search", "/message/detail/search", "/history/list/export"
OPENS, DELETE = "/mailopenlog/list/export", "/message/list/delete"
JAPAN = datetime.timezone(datetime.timedelta(hours=9))
BAD_DATA = (400, {"error": {"message": "Failure_Data is incorrect"}})


class Blast(Sandbox):
    """A sandbox and a token for it."""

    def __enter__(self):
        super().__enter__()
        self.token = self.post("/authenticate/login", format="json", **LOGIN).json()["accessToken"]
        return self

    def post(self, path, headers=FORM, **form):
        return self.request("POST", BASE + path, urllib.parse.urlencode(form), headers)

    def get(self, path, **arguments):
        arguments = {"access_token": self.token, **arguments}
        arguments = {name: value for name, value in arguments.items() if value is not None}
        return self.request("GET", BASE + path + "?" + urllib.parse.urlencode(arguments))

    def search(self, **arguments):
        answer = self.get(SEARCH, f="json", **arguments)
        equal(answer.status, 200, answer.body)
        return answer.json()["message"]

    def ids(self, **arguments):
        return [row["messageID"] for row in self.search(**arguments)]


def result(answer):
    return answer.status, answer.json()


def day(ago):
    """Of Japan, as the API writes it."""
    return (datetime.datetime.now(JAPAN) - datetime.timedelta(days=ago)).strftime("%Y%m%d")


def test_tokens():
    with Blast("--user", "shop", "--key", "k") as blast:
        answer = blast.post("/authenticate/login", **LOGIN)
        tree = ElementTree.fromstring(answer.body)
        equal((answer.status, tree.tag, [element.tag for element in tree]), (200, "authenticate", ["access_token"]))
        for changes, status in (({"api_key": "x"}, 401), ({"username": "x"}, 401), ({"password": ""}, 400),
                                ({"format": "csv"}, 500), ({"more": "x"}, 400)):
            equal(blast.post("/authenticate/login", **{**LOGIN, **changes}).status, status, changes)
        equal(blast.post("/authenticate/login", headers={}, **LOGIN).status, 400)
        equal(blast.request("GET", BASE + "/authenticate/login?" + urllib.parse.urlencode(LOGIN)).status, 405)
        for token in (None, "", "x", blast.token[:-1]):
            for path in (SEARCH, DETAIL, EXPORT, OPENS, "/authenticate/logout"):
                equal(result(blast.get(path, access_token=token, f="json")), (401, {"error": {"message": "unauthorized"}}))
            equal(blast.post(DELETE, messageIDs="501", access_token=token or "").status, 401)
        equal(ElementTree.fromstring(blast.get("/authenticate/logout").body).findtext("message"), "Log out")
        equal(blast.get(SEARCH).status, 401, "after the end")
        assert blast.token not in blast.log() and tree.findtext("access_token") not in blast.log(), "a token in the log"
    with Blast("--token-lifetime", "0") as blast:
        equal(blast.get(SEARCH).status, 401, "out of date")


def test_search():
    with Blast() as blast:
        equal(blast.search(messageIDs="502"), [{
            "messageID": 502, "date": day(14) + "T09:30:00", "subject": "A, B & C <三月>", "group": "店舗", "total": 2,
            "success": 1, "failure": 1, "status": "配信完了"}])
        rows = [({}, [505, 504, 503, 502, 501]), ({"limit": 2}, [505, 504]), ({"limit": 2, "offset": 4}, [501]),
                ({"offset": 5}, []), ({"messageIDs": "501,504,9", "groups": "店舗"}, [504, 501]), ({"groups": "店舗"}, [505, 502]),
                ({"groups": "店舗,会員", "subjects": "良いお年を"}, [501]), ({"subjects": "良い"}, []),
                ({"beginDate": day(7) + "T08:00:00", "endDate": day(1) + "T23:59:59"}, [504, 503]),
                ({"beginDate": day(0) + "T00:00:00", "endDate": day(0) + "T23:59:59"}, [505]),
                ({"endDate": day(60) + "T15:00:00"}, [501])]
        for arguments, want in rows:
            equal(blast.ids(**arguments), want, arguments)
        for arguments in ({"limit": 0}, {"limit": 101}, {"limit": "x"}, {"offset": -1}, {"messageIDs": ""}, {"messageIDs": "a"},
                          {"messageIDs": "501,"}, {"beginDate": "2025-02-07"}, {"endDate": "20250230T00:00:00"},
                          {"beginDate": "20250207T09:30"}, {"colour": "red"}):
            equal(result(blast.get(SEARCH, f="json", **arguments)), BAD_DATA, arguments)
        for arguments in ({"format": "json"}, {"f": "json", "format": "json"}, {"f": "csv"}):
            answer = blast.get(SEARCH, **arguments)
            equal((answer.status, b"illegal format: " in answer.body), (500, True), arguments)
        tree = ElementTree.fromstring(blast.get(SEARCH).body)
        equal((tree.tag, [row.findtext("messageID") for row in tree.findall("message")]),
              ("messages", ["505", "504", "503", "502", "501"]))
        equal(tree.findall("message")[3].findtext("subject"), "A, B & C <三月>")
        equal(blast.request("POST", BASE + SEARCH, "", FORM).status, 405)


def test_detail():
    with Blast() as blast:
        want = blast.get(DETAIL, f="json", messageID=504).json()
        equal(want, {"groupID": 11, "messageID": 504, "subject": "【会員様限定】春のセール①", "scheduleDate": day(1) + "T23:59:59",
                     "senderID": 1, "htmlPart": "<p>本文です。</p><![CDATA[x]]>", "textPart": "本文です。〜&<>]]>\r\n", "public": True})
        body = blast.get(DETAIL, f="xml", messageID=504).body
        assert b"<![CDATA[" in body
        tree = ElementTree.fromstring(body)
        equal({element.tag: element.text for element in tree},
              {**{name: str(value) for name, value in want.items()}, "public": "true", "textPart": "本文です。〜&<>]]>\n"})
        equal(result(blast.get(DETAIL, f="json", messageID=9)), (400, {"error": {"message": "No data"}}))
        equal(ElementTree.fromstring(blast.get(DETAIL, messageID=9).body).findtext("message"), "No data")
        equal((blast.get(DETAIL).status, blast.get(DETAIL, messageID="x").status), (400, 400))


def table(answer):
    equal((answer.status, answer.headers["Content-Type"]), (200, "text/csv"))
    assert answer.body.endswith(b"\r\n")
    return list(csv.reader(answer.body.decode("cp932").splitlines()))


def test_csv():
    with Blast() as blast:
        head, *rows = table(blast.get(EXPORT, messageID=504, status=0))
        equal(head, ["メールアドレス", "お名前", "配信日時"])
        equal([row[:2] for row in rows], [["takahashi@example.jp", "髙橋 一郎"], ["suzuki@example.jp", "鈴木, 花子"],
                                          ["tanaka..@docomo.example.jp", "田中 ソ能表"]])
        head, *rows = table(blast.get(EXPORT, messageID=504, status=1))
        equal((head[3], [row[1::2] for row in rows]), ("エラー内容", [
            ["佐藤 \"はな\"", "452 4.2.2 Mailbox full"], ["山﨑 ①", "550 5.1.1 User unknown"]]))
        head, *rows = table(blast.get(OPENS, messageID=504))
        equal(rows, [["takahashi@example.jp", "髙橋 一郎", "2"], ["tanaka..@docomo.example.jp", "田中 ソ能表", "1"]])
        for path, arguments in ((EXPORT, {"messageID": 504}), (EXPORT, {"status": 0}), (EXPORT, {"messageID": 504, "status": 2}),
                                (EXPORT, {"messageID": 9, "status": 0}), (OPENS, {}), (OPENS, {"messageID": 9}),
                                (OPENS, {"messageID": 504, "f": "json"})):
            equal(blast.get(path, **arguments).status, 400, arguments)


def test_delete():
    with Blast() as blast:
        answer = blast.post(DELETE, access_token=blast.token, messageIDs="501,9,503", format="json")
        equal(result(answer), (200, {"failure": "9", "success": "501,503"}))
        tree = ElementTree.fromstring(blast.post(DELETE, access_token=blast.token, messageIDs="501,502", f="json").body)
        equal({element.tag: element.text for element in tree}, {"failure": "501", "success": "502"})
        equal(blast.ids(), [505, 504])
        for form in ({}, {"messageIDs": "all"}, {"messageIDs": "504", "all": "1"}):
            equal(blast.post(DELETE, access_token=blast.token, **form).status, 400, form)
        equal(blast.request("POST", f"{BASE}{DELETE}?access_token={blast.token}", "messageIDs=504", FORM).status, 400)
        equal(blast.ids(), [505, 504])


def test_faults():
    with Blast() as blast:
        blast.fault(kind="status=503/7@/rest/1.0/message", count=1)
        equal([blast.get(SEARCH).status for _ in range(2)], [503, 200])
        blast.fault(kind="cut@/rest/1.0/message", count=1)
        try:
            blast.search()
            raise AssertionError("a whole answer")
        except ValueError:
            pass
        equal(len(blast.search()), 5)


if __name__ == "__main__":
    run(sys.modules[__name__])
