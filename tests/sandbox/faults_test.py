"""Faults on order, latency, requests at a time, connections, TLS, start and end."""

import email.utils
import http.client
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

from sandboxes import (PROGRAM, SEND, File, Sandbox, Skip, encode, equal, fields, form_headers, raw_exchange, run)


def raw_post(form=None, path=SEND):
    body = encode(form or fields())
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"Content-Type: " + form_headers()["Content-Type"].encode() + b"\r\n\r\n" + body


def outcome(sandbox):
    """What a client sees: the status, or how the connection ended."""
    received, error = raw_exchange(sandbox, raw_post().replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1))
    if error:
        return "reset"
    if not received:
        return "closed"
    head, _, body = received.partition(b"\r\n\r\n")
    promised = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    return int(head.split()[1]) if len(body) == promised else "cut"


def test_each_fault():
    rows = [("status=503", 503, 0), ("status=429/30", 429, 0), ("status=200", 200, 0), ("close-after", "closed", 1),
            ("truncate", "cut", 1), ("html", 200, 0), ("error=13-002", 400, 0), ("error=01-001", 500, 0),
            ("reset", "reset", 0), ("delay=1", 200, 1), ("cut", 200, 1), ("drip=1", 200, 1)]
    for kind, want, accepted in rows:
        with Sandbox("--fault", kind) as sandbox:
            for _ in range(2):
                equal(outcome(sandbox), want, kind)
            equal((len(sandbox.messages()), sandbox.health()["calls"]), (2 * accepted, 2), kind)
            assert f"fault={kind.split('=')[0]}" in sandbox.log(), sandbox.log()


def test_close_before_reads_no_body():
    with Sandbox("--fault", "close-before:1") as sandbox:
        head = raw_post().partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
        equal(raw_exchange(sandbox, head), (b"", None))
        equal((sandbox.messages(), outcome(sandbox)), ([], 200))


def test_bodies_of_faults():
    with Sandbox() as sandbox:
        sandbox.fault(kind="html", count=1)
        answer = sandbox.post(fields())
        assert answer.headers["Content-Type"].startswith("text/html") and b"<html>" in answer.body
        sandbox.fault(kind="error=11-007", count=1)
        equal(sandbox.post(fields()).codes(), [("11-007", "api_key")])
        sandbox.fault(kind="status=429/30", count=1)
        equal(sandbox.post(fields()).headers["Retry-After"], "30")
        sandbox.fault(kind="truncate", count=1)
        received, _ = raw_exchange(sandbox, raw_post())
        assert b'{"id":"\\u003C' in received and not received.endswith(b"}"), received


def test_a_whole_answer_with_half_the_json():
    with Sandbox("--fault", "cut") as sandbox:
        body = sandbox.post(fields()).body
        assert body.startswith(b'{"id":"') and not body.endswith(b"}"), body


def test_byte_by_byte():
    with Sandbox("--fault", "drip=10:1") as sandbox:
        began = time.monotonic()
        slow = sandbox.post(fields())
        assert "id" in slow.json()
        assert time.monotonic() - began >= 0.01 * len(slow.body)
        sandbox.fault(kind="drip=100000")
        sock = socket.create_connection((sandbox.host, sandbox.port), timeout=60)
        sock.sendall(raw_post())
        sock.recv(1)
    sock.close()


def test_retry_after():
    with Sandbox() as sandbox:
        for order, want in (("status=429/0", "0"), ("status=503/1000000000", "1000000000"), ("status=429", None)):
            sandbox.fault(kind=order, count=1)
            equal(sandbox.post(fields()).headers["Retry-After"], want)
        sandbox.fault(kind="status=429/date3600", count=1)
        then = email.utils.parsedate_to_datetime(sandbox.post(fields()).headers["Retry-After"]).timestamp()
        assert 3500 < then - time.time() <= 3600, then


def test_down_now_and_then():
    with Sandbox("--fault", "status=503:down 300 of 600") as sandbox:
        seen = ""
        while len(seen) < 4:
            status = "-" if sandbox.post(fields()).status == 503 else "+"
            seen += status if not seen.endswith(status) else ""
        assert seen in ("-+-+", "+-+-"), seen
        for order in ("down 10", "down 0 of 5", "down 10 of 5", "down x of y"):
            equal(sandbox.request("POST", "/fault", urllib.parse.urlencode({"kind": "html", "count": order})).status, 400)


def test_counts():
    rows = [(["status=500:2"], [500, 500, 200, 200]), (["status=500:first 1"], [500, 200]),
            (["status=500:every 3"], [200, 200, 500, 200, 200, 500]),
            (["status=500:1", "status=501:2", "status=502:every 2"], [500, 501, 501, 200, 502, 200])]
    for orders, want in rows:
        options = [word for order in orders for word in ("--fault", order)]
        with Sandbox(*options) as sandbox:
            equal([outcome(sandbox) for _ in want], want, orders)


def test_faults_at_run_time():
    with Sandbox("--fault", "status=500") as sandbox:
        equal(outcome(sandbox), 500)
        equal(sandbox.health()["status"], "ok", "only API requests fail")
        sandbox.fault(kind="none")
        equal(outcome(sandbox), 200)
        sandbox.fault(kind="status=418", every=2)
        equal([outcome(sandbox) for _ in range(4)], [200, 418, 200, 418])
        for order in ("", "kind=", "kind=nonsense", "kind=status", "kind=status%3D99", "kind=html&count=0",
                      "kind=error%3D99-999", "kind=delay%3Dx", "kind=html%3D1", "kind=html&count=1&every=1",
                      "kind=html&count=x", "kind=" + "x" * 100000):
            equal(sandbox.request("POST", "/fault", order).status, 400, order[:50])


def begin(sandbox, form=None, hold=10):
    """Sends all of a request but its last bytes."""
    data = raw_post(form)
    sock = socket.create_connection((sandbox.host, sandbox.port), timeout=60)
    sock.sendall(data[:-hold])
    return sock, data[-hold:]


def end(sock, rest):
    sock.sendall(rest)
    response = http.client.HTTPResponse(sock)
    response.begin()
    body = response.read()
    sock.close()
    return response.status, body


def wait_for_peak(sandbox, peak):
    for _ in range(1000):
        if sandbox.health()["peak"] >= peak:
            return
        time.sleep(0.01)
    raise AssertionError("the requests never came")


def test_connections_at_a_time():
    for options, limit in (((), 10), (("--connections", "3"), 3)):
        with Sandbox(*options) as sandbox:
            held = [begin(sandbox) for _ in range(limit)]
            wait_for_peak(sandbox, limit)
            equal(sandbox.post(fields()).codes(), [("11-007", "api_key")])
            equal(sandbox.post(fields(api_user="another")).status, 200, "counted for each user")
            equal(end(*held.pop())[0], 200)
            equal(sandbox.post(fields()).status, 200, "one has left")
            held.pop()[0].close()
            equal([end(*one)[0] for one in held], [200] * (limit - 2))
            equal(sandbox.health()["peak"], limit)


def test_an_aborted_request_is_counted_out():
    with Sandbox("--connections", "1") as sandbox:
        sock, _ = begin(sandbox)
        wait_for_peak(sandbox, 1)
        sock.close()
        while "aborted" not in sandbox.log():
            time.sleep(0.01)
        equal(sandbox.post(fields()).status, 200)


def test_one_client_at_its_limit_is_never_refused():
    with Sandbox("--latency", "1", "--no-store") as sandbox:
        statuses = []

        def client():
            connection = sandbox.connect()
            for _ in range(100):
                connection.request("POST", SEND, encode(fields()), form_headers())
                response = connection.getresponse()
                response.read()
                statuses.append(response.status)
            connection.close()

        threads = [threading.Thread(target=client) for _ in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        equal((len(statuses), set(statuses)), (1000, {200}))


def test_latency():
    with Sandbox("--latency", "300") as sandbox:
        began = time.monotonic()
        equal(sandbox.post(fields()).status, 200)
        assert time.monotonic() - began >= 0.3
        sandbox.fault(kind="delay=300")
        began = time.monotonic()
        equal(sandbox.post(fields()).status, 200)
        assert time.monotonic() - began >= 0.6


def test_latency_holds_no_thread():
    with Sandbox("--latency", "600000", "--connections", "200") as sandbox:
        held = [begin(sandbox) for _ in range(200)]
        for sock, rest in held:
            sock.sendall(rest)
        # All of them are served although none is answered.
        while len(sandbox.messages()) < 200:
            time.sleep(0.01)
    for sock, _ in held:
        sock.close()


def test_it_ends_while_answers_wait():
    with Sandbox("--latency", "600000") as sandbox:
        held = [begin(sandbox) for _ in range(5)]
        for sock, rest in held:
            sock.sendall(rest)
        while len(sandbox.messages()) < 5:
            time.sleep(0.01)
    for sock, _ in held:
        sock.close()


def test_keep_alive_and_expect():
    with Sandbox() as sandbox:
        connection = sandbox.connect()
        for form in (fields(), fields(to="x"), fields(text="a" * 100000)):
            connection.request("POST", SEND, encode(form), form_headers())
            first = connection.sock
            response = connection.getresponse()
            response.read()
            assert connection.sock is first and not response.will_close
        connection.close()
        data = raw_post().replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n", 1)
        received, _ = raw_exchange(sandbox, data)
        assert b" 200 " in received, received


def test_a_large_attachment_stays_out_of_memory():
    def resident():
        with open(f"/proc/{sandbox.process.pid}/status") as status:
            return int(next(line for line in status if line.startswith("VmHWM")).split()[1])

    big = [("attachments", "1"), ("attachment1", File("a", os.urandom(1024) * 25 * 1024))]
    with Sandbox("--size-limit", "40M") as sandbox:
        equal(sandbox.post(fields()).status, 200)
        before = resident()
        equal(sandbox.post(fields() + big).status, 200)
        grown = resident() - before
        # The sanitizers keep freed memory for a while.
        assert grown < 4096 or "asan" in os.environ.get("LD_PRELOAD", "") or sanitized(), f"{grown} KiB"
        assert sandbox.messages()[1]["size"] > 33 * 1024 * 1024


def sanitized():
    with open(PROGRAM, "rb") as program:
        return b"__asan_init" in program.read()


def test_https():
    if not shutil.which("openssl"):
        raise Skip("openssl is missing")
    with tempfile.TemporaryDirectory() as home:
        cert, key = os.path.join(home, "cert.pem"), os.path.join(home, "key.pem")
        made = subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert,
                               "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"],
                              stderr=subprocess.DEVNULL, check=False)
        equal(made.returncode, 0, "openssl")
        context = ssl.create_default_context(cafile=cert)
        with Sandbox("--tls-cert", cert, "--tls-key", key, context=context) as sandbox:
            equal(sandbox.scheme, "https")
            equal(sandbox.post(fields()).status, 200)
            equal(sandbox.messages()[0]["to"], "alice@example.org")


def refused(*options):
    done = subprocess.run([PROGRAM, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60, check=False)
    return done.returncode, done.stderr.decode()


def test_wrong_options():
    rows = [(["--nonsense"], 64), (["argument"], 64), (["--latency", "-1"], 64), (["--connections", "0"], 64),
            (["--error-status", "99"], 64), (["--size-limit", "x"], 64), (["--size-limit", "1G"], 64),
            (["--tls-cert", "/dev/null"], 64), (["--key", "a", "--key-file", "b"], 64), (["--key-file", "/dev/null"], 64),
            (["--key-file", "/nonexistent"], 64), (["--no-store", "--folder", "/tmp"], 64),
            (["--no-store", "--fault", "nonsense"], 73), (["--folder", "/proc/nothing"], 73),
            (["--no-store", "--listen", "8025"], 69), (["--no-store", "--listen", "nowhere:1"], 69),
            (["--no-store", "--listen", "127.0.0.1:99999"], 69)]
    for options, want in rows:
        status, text = refused(*options)
        equal(status, want, (options, text))
        assert text.startswith("shimta-sandbox: ") and text.count("\n") == 1, text
    with Sandbox() as sandbox:
        status, text = refused("--no-store", "--listen", f"127.0.0.1:{sandbox.port}")
        equal(status, 69)
        assert "in use" in text, text


def test_options_that_print():
    for option, want in (("--version", "shimta "), ("--help", "--fault")):
        done = subprocess.run([PROGRAM, option], stdout=subprocess.PIPE, check=True, timeout=60)
        assert want in done.stdout.decode(), done.stdout


def test_key_file_and_quiet():
    with tempfile.NamedTemporaryFile("w") as file:
        file.write("from-file\nsecond line\n")
        file.flush()
        with Sandbox("--key-file", file.name, "--quiet") as sandbox:
            equal(sandbox.post(fields(api_key="from-file")).status, 200)
            equal(sandbox.post(fields()).codes(), [("13-004", "")])
            equal(sandbox.log(), "")


def test_ipv6():
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        raise Skip("no IPv6 here") from None
    with Sandbox("--listen", "[::1]:0") as sandbox:
        equal((sandbox.host, sandbox.post(fields()).status), ("::1", 200))


def test_a_signal_ends_it_and_so_does_its_parent():
    with Sandbox() as sandbox:
        sandbox.process.send_signal(signal.SIGINT)
        equal(sandbox.process.wait(60), 0)
    script = ("import subprocess, sys\n"
              "p = subprocess.Popen([sys.argv[1], '--listen', '127.0.0.1:0', '--no-store', '--exit-with-parent'],"
              " stdout=subprocess.PIPE)\n"
              "p.stdout.readline(); print(p.pid, flush=True)\n")
    parent = subprocess.run([sys.executable, "-c", script, PROGRAM], stdout=subprocess.PIPE, check=True, timeout=60)
    pid = int(parent.stdout)
    for _ in range(1000):
        try:
            with open(f"/proc/{pid}/stat") as stat:
                if stat.read().rpartition(")")[2].split()[0] == "Z":
                    return
        except FileNotFoundError:
            return
        time.sleep(0.01)
    raise AssertionError("it outlived its parent")


if __name__ == "__main__":
    run(sys.modules[__name__])
