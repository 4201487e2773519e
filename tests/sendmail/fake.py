"""A scripted server on a unix socket, and the real sendmail run against it."""
import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import traceback

BUILD = os.environ.get('TOP_BUILDDIR', '.')
SOURCE = os.environ.get('TOP_SRCDIR', '.')
SENDMAIL = os.path.join(BUILD, 'bin', 'sendmail')
MAIL = b'Subject: hello\n\nbody\n'
WIRE = b'Subject: hello\r\n\r\nbody\r\n'
QUEUED = '250 2.0.0 Ok: queued as <1@x>'
EHLO = '250-mx.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-XSENDMAIL\r\n250 SIZE 1000000'


class Server:
    """Speaks one or more sessions. replies: by verb ("220", "EHLO", "MAIL", "RCPT", "DATA", "."), a string, or a list
    used up call by call; None closes the connection instead. early: closes or answers after so many bytes of DATA."""

    def __init__(self, folder, early=None, **replies):
        self.path = os.path.join(folder, 'submit.sock')
        self.replies = {'greeting': '220 mx.test ESMTP', 'EHLO': EHLO, 'MAIL': '250 2.1.0 Ok', 'RCPT': '250 2.1.5 Ok',
                        'DATA': '354 Go on', 'end': QUEUED, 'QUIT': '221 2.0.0 Bye', 'NOOP': '250 Ok', 'XQUEUE': '250 2.0.0 END', 'XTEST': '250 2.1.5 Ok',
                        'XALIASES': '250 2.0.0 /etc/aliases'}
        self.replies.update(replies)
        self.early = early
        self.commands = []
        self.message = None
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen(16)
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection, connection.makefile('rb') as stream:
                with contextlib.suppress(OSError):
                    self.session(connection, stream)

    def answer(self, connection, what):
        reply = self.replies.get(what, '500 5.5.2 Unknown command')
        if isinstance(reply, list):
            reply = reply.pop(0)
        if reply is None:
            connection.shutdown(socket.SHUT_RDWR)
            return False
        connection.sendall(reply.encode() + b'\r\n')
        return True

    def session(self, connection, stream):
        if not self.answer(connection, 'greeting'):
            return
        for line in stream:
            line = line.decode().rstrip('\r\n')
            self.commands.append(line)
            verb = line.split(' ')[0].upper()
            deaf = verb == 'DATA' and '\r\n' in (self.replies['DATA'] or '')
            if deaf:  # the verdict comes with 354, and nobody listens any more
                connection.shutdown(socket.SHUT_RD)
            if not self.answer(connection, verb) or verb == 'QUIT' or deaf:
                return
            if verb == 'DATA' and isinstance(self.replies['DATA'], str) and self.replies['DATA'].startswith('354'):
                if not self.data(connection, stream):
                    return

    def data(self, connection, stream):
        lines = []
        size = 0
        for line in stream:
            if line == b'.\r\n':
                self.message = b''.join(part[1:] if part.startswith(b'.') else part for part in lines)
                return self.answer(connection, 'end')
            size += len(line)
            if self.early is not None and size > self.early:
                self.answer(connection, 'end')
                return False
            lines.append(line)
        return False

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(10)
        assert not self.thread.is_alive()


class Case:
    """A folder with a configuration, a server if wanted, and a way to run sendmail."""

    def __init__(self, server=True, wait='0s', submit='daemon', more='', **script):
        self.folder = tempfile.mkdtemp(prefix='shimta-sendmail-')
        self.socket = os.path.join(self.folder, 'submit.sock')
        self.conf = os.path.join(self.folder, 'shimta.conf')
        with open(self.conf, 'w', encoding='utf-8') as conf:
            conf.write(f'[shimta]\nsubmit = {submit}\nsubmit-wait = {wait}\nstate-dir = {self.folder}\n{more}\n[listen local]\naddress = 127.0.0.1:25\n\n'
                       f'[listen submit]   \naddress = {self.socket}  # here\nsendmail = yes\n')
        self.server = Server(self.folder, **script) if server else None
        self.env = {'SHIMTA_CONF': self.conf, 'PATH': os.environ.get('PATH', '')}
        for name in ('ASAN_OPTIONS', 'UBSAN_OPTIONS', 'LSAN_OPTIONS'):
            if name in os.environ:
                self.env[name] = os.environ[name]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.server:
            self.server.close()
        shutil.rmtree(self.folder)

    def run(self, *args, data=MAIL, program=SENDMAIL, name='sendmail', **env):
        """Exit status, standard output, standard error."""
        done = subprocess.run([name, *args], executable=program, input=data, capture_output=True,
                              env={**self.env, **env}, timeout=60, check=False)
        self.out, self.err = done.stdout, done.stderr
        return done.returncode

    def expect(self, want, *args, **more):
        got = self.run(*args, **more)
        assert got == want, f'{args}: exit {got}, not {want}: {self.out!r} {self.err!r}'
        if want == 0:
            assert self.err == b'', self.err
        else:
            assert re.fullmatch(rb'sendmail: [^\n]+\n', self.err), self.err

    def mail(self):
        return next(c for c in self.server.commands if c.startswith('MAIL'))

    def rcpts(self):
        return [re.match('RCPT TO:<(.*)>', c).group(1) for c in self.server.commands if c.startswith('RCPT')]


def equal(got, want):
    assert got == want, f'{got!r} is not {want!r}'


def sanitized():
    with open(SENDMAIL, 'rb') as file:
        return b'__asan_init' in file.read()


def read(path):
    with open(path, encoding='utf-8') as file:
        return file.read()


def run_tests(functions):
    """Runs those whose name begins with test_, or the ones named as arguments; prints TAP. A test returns why it was
    skipped, or nothing."""
    chosen = [name for name in functions if name.startswith('test_') and name in (sys.argv[1:] or functions)]
    failed = False
    print(f'1..{len(chosen)}', flush=True)
    for number, name in enumerate(chosen, 1):
        try:
            skipped = functions[name]()
        except Exception:  # a failed test must not hide the others
            failed = True
            print(''.join(f'# {line}\n' for line in traceback.format_exc().splitlines()), end='')
            print(f'not ok {number} - {name}', flush=True)
        else:
            print(f'ok {number} - {name}' + (f' # SKIP {skipped}' if skipped else ''), flush=True)
    sys.exit(failed)
