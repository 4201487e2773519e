"""An API that says what a test tells it to, on a free port of loopback."""

import http.server
import threading
import urllib.parse


class Stub:
    """.on("GET", "/plan", 200, b"{}") says what a request gets; the last of several answers stays. .seen has the requests."""

    def __init__(self):
        self.answers, self.seen = {}, []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                url = urllib.parse.urlsplit(self.path)
                outer.seen.append((self.command, self.path, body.decode("utf-8", "replace"), dict(self.headers)))
                status, answer, headers = outer.next(self.command, url.path)
                if callable(answer):
                    answer = answer(urllib.parse.parse_qs(url.query), body)
                answer = answer.encode() if isinstance(answer, str) else answer
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                if status != 204:
                    self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer if status != 204 else b"")

            do_GET = do_POST = do_PUT = do_DELETE = handle_any

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # a client that breaks off
        self.url = "http://127.0.0.1:%d" % self.server.server_port
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def on(self, method, path, status=200, answer="{}", **headers):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answers.setdefault((method, path), []).append((status, answer, named))

    def next(self, method, path):
        rows = self.answers.get((method, path))
        if not rows:
            return 404, '{"message":"no such path: %s"}' % path, {}
        return rows.pop(0) if len(rows) > 1 else rows[0]

    def requests(self, path):
        """[(method, query or body)] of that path."""
        return [(method, urllib.parse.unquote(urllib.parse.urlsplit(target).query) or body)
                for method, target, body, _ in self.seen if urllib.parse.urlsplit(target).path == path]

    def end(self):
        self.server.shutdown()
        self.server.server_close()
