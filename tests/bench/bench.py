"""`make bench`: what a mail costs, beside Postfix's smtp-sink under the same load in the same run. Times of a shared
machine say little; read the ratios, CPU per mail and memory. Needs Postfix's smtp-source and smtp-sink."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from email.message import EmailMessage

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
import mails  # noqa: E402
import shim  # noqa: E402

SIZES = {"1 KB": 1_000, "10 KB": 10_000, "100 KB": 100_000, "5 MB": 5_000_000}
SESSIONS = (1, 10, 50, 200)
BYTES_A_RUN = 60_000_000  # bounds a run of large mails
MAILS_A_RUN = 4000


def plain_mail(size):
    """One text of that many bytes at most, as programs write it."""
    head = (b"From: shop@example.jp\r\nTo: yamada@example.org\r\nSubject: =?utf-8?B?44GU5rOo5paH?=\r\n"
            b"Message-ID: <1@example.jp>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
            b"Content-Transfer-Encoding: 8bit\r\n\r\n")
    line = "ご注文ありがとうございます。商品の発送は三日以内です。\r\n".encode()
    return head + line * ((size - len(head)) // len(line))


def shop_mail(size):
    """A shop's confirmation of that many bytes at most: text in base64, HTML quoted-printable, nothing attached."""
    row = "<tr><td class=\"name\" style=\"padding: 4px 8px\">緑茶 100g</td><td align=\"right\">1,080円</td></tr>\n"
    best = b""
    for rows in range(1, size):
        mail = EmailMessage()
        mail["From"] = "店 <shop@example.jp>"
        mail["To"] = "山田 <yamada@example.org>"
        mail["Subject"] = mails.SUBJECT
        mail["Date"] = "Sat, 07 Nov 2026 09:30:00 +0900"
        mail["Message-ID"] = "<order-12@shop.example.jp>"
        mail["X-Mailer"] = "shop 2.1"
        mail.set_content(mails.TEXT + "緑茶 100g 1,080円\n" * rows, cte="base64")
        mail.add_alternative(mails.HTML.replace("</body>", f"<table>{row * rows}</table></body>"), subtype="html",
                             cte="quoted-printable")
        message = mail.as_bytes(policy=mail.policy.clone(linesep="\r\n"))
        if len(message) > size:
            return best
        best = message


def real_mail(size):
    if size <= 1_000:
        return plain_mail(size)
    if size <= 10_000:
        return shop_mail(size)
    return mails.with_attachment(size * 73 // 100)[0]


def cpu_ns(pid):
    """Nanoseconds all threads of a process have been on a processor."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{task}/schedstat") as file:
                total += int(file.read().split()[0])
        except OSError:
            pass
    return total


def peak_kib(pid):
    with open(f"/proc/{pid}/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM"))


def reset_peak(pid):
    with open(f"/proc/{pid}/clear_refs", "w") as file:
        file.write("5")


def load(port, path, sessions, count):
    """Sends count mails over kept sessions; seconds it took."""
    start = time.monotonic()
    done = subprocess.run(["smtp-source", "-d", "-s", str(sessions), "-m", str(count), "-f", "shop@example.jp",
                           "-t", "yamada@example.org", "-F", path, f"inet:127.0.0.1:{port}"],
                          capture_output=True, timeout=300)
    if done.returncode:
        raise SystemExit(f"smtp-source: {done.stderr.decode()}")
    return time.monotonic() - start


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


class Sink:
    """Postfix's smtp-sink, which reads and forgets."""

    def __init__(self):
        self.port = free_port()
        who = ["-u", "nobody"] if os.getuid() == 0 else []
        self.child = subprocess.Popen(["smtp-sink", *who, f"inet:127.0.0.1:{self.port}", "1024"],
                                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        shim.until(self.answers, "smtp-sink answers")

    def answers(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        except OSError:
            return False

    def end(self):
        self.child.terminate()
        self.child.wait()


def throughput(daemon, sink):
    folder = tempfile.mkdtemp(prefix="shimta-bench-")
    print("\nmails            shimtad                          smtp-sink            ratio")
    print("size    sessions  mails/s  CPU µs/mail  peak KiB   mails/s  CPU µs/mail   mails/s   CPU")
    for label, size in SIZES.items():
        path = os.path.join(folder, "mail")
        content = real_mail(size)
        with open(path, "wb") as file:
            file.write(content.replace(b"\r\n", b"\n"))
        for sessions in SESSIONS:
            count = max(sessions, min(MAILS_A_RUN, BYTES_A_RUN // len(content)))
            row = []
            for port, pid in ((daemon.port, daemon.child.pid), (sink.port, sink.child.pid)):
                load(port, path, min(sessions, count), min(count, 200))
                reset_peak(pid)
                before = cpu_ns(pid)
                seconds = load(port, path, sessions, count)
                row.append((count / seconds, (cpu_ns(pid) - before) / 1000 / count, peak_kib(pid)))
            (rate, cpu, peak), (sink_rate, sink_cpu, _) = row
            print(f"{label:7} {sessions:8} {rate:8.0f} {cpu:12.1f} {peak:9} {sink_rate:9.0f} {sink_cpu:12.1f}"
                  f" {rate / sink_rate:9.2f} {cpu / max(sink_cpu, 0.1):5.1f}", flush=True)
    shutil.rmtree(folder)


def spawn(argv, path, env):
    """Seconds from exec to exit of a program that reads the file on its standard input."""
    start = time.perf_counter()
    child = os.posix_spawn(argv[0], argv, env, file_actions=[(os.POSIX_SPAWN_OPEN, 0, path, os.O_RDONLY, 0)])
    _, status = os.waitpid(child, 0)
    if status:
        raise SystemExit(f"{argv[0]} failed")
    return time.perf_counter() - start


def sendmail_runs(daemon, runs=300):
    env = {**os.environ, "SHIMTA_CONF": daemon.conf}
    argv = [shim.program("sendmail"), "-t", "-i"]
    message = real_mail(10_000).replace(b"\r\n", b"\n")
    with tempfile.NamedTemporaryFile() as file:
        file.write(message)
        file.flush()
        median = {name: sorted(spawn(words, file.name, env) for _ in range(runs))[runs // 2] * 1e3
                  for name, words in (("sendmail", argv), ("true", ["/bin/true"]))}
    with subprocess.Popen(argv, stdin=subprocess.PIPE, env=env) as child:
        shim.until(lambda: os.readlink(f"/proc/{child.pid}/exe") == argv[0], "sendmail runs")
        child.stdin.write(message)
        child.stdin.flush()
        shim.until(lambda: open(f"/proc/{child.pid}/wchan").read() != "0", "it waits for more")
        peak = peak_kib(child.pid)
        child.stdin.close()
    print(f"\none sendmail run, 10 KB, from exec to the API's answer: median {median['sendmail']:.1f} ms "
          f"(/bin/true: {median['true']:.1f} ms), {peak} KiB")


def idle_sessions(daemon, count=1000):
    def heap():
        return daemon.status("RssAnon")

    before = heap()
    talks = []
    for _ in range(count):
        talk = daemon.raw()
        talk.hello()
        talks.append(talk)
    print(f"\n{count} idle sessions: {(heap() - before) * 1024 / count:.0f} bytes of memory each")
    for talk in talks:
        talk.close()


def big_mails(daemon, count=10, megabytes=25):
    message = shim.stuff(mails.with_attachment(megabytes * 1_000_000 * 73 // 100)[0])
    reset_peak(daemon.child.pid)
    talks = [daemon.raw() for _ in range(count)]
    before = cpu_ns(daemon.child.pid)
    for talk in talks:
        talk.hello()
        for step in ("MAIL FROM:<a@example.jp>", "RCPT TO:<b@example.org>", "DATA"):
            talk.ask(step)
    view, at = memoryview(message), 0
    while at < len(message):
        for talk in talks:
            talk.sock.sendall(view[at:at + 262144])
        at += 262144
    codes = [talk.reply()[0] for talk in talks]
    cpu = (cpu_ns(daemon.child.pid) - before) / 1e6 / count
    print(f"\n{count} mails of {megabytes} MB at once: replies {sorted(set(codes))}, peak {peak_kib(daemon.child.pid)} KiB, "
          f"CPU {cpu:.0f} ms each")


def main():
    for tool in ("smtp-source", "smtp-sink"):
        if not shutil.which(tool):
            raise SystemExit(f"{tool} is missing; on Debian: apt-get install postfix")
    sandbox = shim.Sandbox("--no-store", "--quiet", "--connections", "64", "--size-limit", "64M")
    daemon = shim.Daemon(sandbox.url, {"shimta": "log-level = notice\n",
                                       "listen tcp": "max-size = 64M\nmax-connections-per-client = 4000\n",
                                       "account main": "max-mail-size = 64M\n"})
    sink = Sink()
    try:
        print(f"shimtad after start: {daemon.status('VmRSS')} KiB")
        idle_sessions(daemon)
        sendmail_runs(daemon)
        throughput(daemon, sink)
        big_mails(daemon)
    finally:
        sink.end()
        daemon.end()
        sandbox.end()


if __name__ == "__main__":
    main()
