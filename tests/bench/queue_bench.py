"""The queue's part of `make bench`: accepted mails a second beside Postfix, how fast a full queue drains, what a large
queue costs at start, and how long one sendmail takes beside others. Both sides write to the same disk in the same run;
read the ratios. BENCH_ENTRIES bounds the largest queue, BENCH_SECONDS the time after which no part
is begun that could take minutes."""

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "crash"))
import rig  # noqa: E402
import shim  # noqa: E402
import bench  # noqa: E402
from clients_test import Postfix  # noqa: E402

SESSIONS = (1, 10, 50, 100, 1000)
PAIRS = 3
STARTED = time.monotonic()
SECONDS = int(os.environ.get("BENCH_SECONDS", "300"))
MOST = int(os.environ.get("BENCH_ENTRIES", "1000000"))
DRIVER = os.path.join(shim.TOP, "tests", "crash", "store_driver")
COPIER = os.path.join(shim.TOP, "tests", "bench", "copy_stdin")
OPENING = (b"EHLO localhost\r\nMAIL FROM:<shop@example.jp> XSUBMIT XDELIVERY=queue\r\nRCPT TO:<b@example.org>\r\n"
           b"DATA\r\n")
OURS = ("bare copy", "sendmail -odq", "sendmail", "sendmail -t", "true")
POSTFIX = "defer_transports = smtp, relay\ndefault_process_limit = 250\nsmtpd_client_connection_count_limit = 0\n"


def shim_world(sandbox, **lines):
    more = {"shimta": "log-level = notice\nqueue-workers = 100\nduplicate-window = 0s\n", "account main": "max-calls = 100\n",
            "listen tcp": "delivery = queue\nmax-connections-per-client = 4000\n"}
    for name, text in lines.items():
        more[name.replace("_", " ")] = more.get(name.replace("_", " "), "") + text
    return rig.Rig(sandbox, "cmc", more)


def private_postfix():
    """One whose deliveries wait, so that it only accepts and queues."""
    postfix = Postfix(9)
    with open(os.path.join(postfix.conf, "main.cf"), "a") as file:
        file.write(POSTFIX)
    postfix.command("reload")
    return postfix


def rest(postfix):
    """Until Postfix has put off what it took: that work is its own, and must not be ours to wait for."""
    if postfix:
        folders = [os.path.join(postfix.folder, "queue", name) for name in ("incoming", "active")]
        shim.until(lambda: not any(files for folder in folders for _, _, files in os.walk(folder)), "Postfix rests")


def accepted(port, path, sessions, count):
    return count / bench.load(port, path, sessions, count)


def acceptance():
    """Neither delivers: the API says 503 and Postfix's transports are deferred. Medians of PAIRS runs in turn."""
    sandbox = shim.Sandbox("--no-store", "--quiet")
    sandbox.get("/fault", kind="status=503", count="100000000")
    world = shim_world(sandbox)
    if not world.start():
        raise SystemExit(world.daemon.text())
    postfix = private_postfix() if shutil.which("postfix") and os.getuid() == 0 else None
    print("\naccepted and queued     shimtad                  Postfix   ratio\nsize    sessions  mails/s  CPU µs/mail   mails/s")
    with tempfile.NamedTemporaryFile() as file:
        for label, size in (("2 KB", 2000), ("10 KB", 10000), ("100 KB", 100_000)):
            file.seek(0)
            file.truncate()
            file.write(bench.plain_mail(size).replace(b"\r\n", b"\n"))
            file.flush()
            for sessions in SESSIONS if size == 2000 else (50,):
                count = {2000: 2000, 10000: 1500, 100_000: 300}[size]
                count = count // 5 if sessions == 1 else count
                rates, cpu, pairs = [], 0.0, PAIRS if sessions < 1000 else 1
                for _ in range(pairs):
                    rest(postfix)
                    before = bench.cpu_ns(world.daemon.child.pid)
                    rates.append([accepted(world.port, file.name, sessions, count)])
                    cpu += (bench.cpu_ns(world.daemon.child.pid) - before) / 1000 / count / pairs
                    rates[-1].append(accepted(postfix.port, file.name, sessions, count) if postfix else 0.0)
                ours, theirs, ratio = (sorted(column)[pairs // 2] for column in
                                       zip(*((a, b, a / max(b, 0.1)) for a, b in rates)))
                print(f"{label:7} {sessions:8} {ours:8.0f} {cpu:12.1f} {theirs:9.0f} {ratio:7.2f}", flush=True)
    world.end()
    sandbox.end()
    if postfix:
        postfix.end()


def filled(world, count, size, *when):
    start = time.monotonic()
    subprocess.run([DRIVER, "fill", os.path.join(world.state, "queue"), str(count), str(size), *when], check=True)
    return time.monotonic() - start


def waiting(world):
    """Entries, as XQUEUE COUNT says."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(world.socket)
        with shim.Dialogue(sock) as talk:
            talk.hello()
            code, text = talk.ask("XQUEUE COUNT")
    numbers = re.findall(r"\d+", text.split(" ", 1)[-1])
    if code != 250 or not numbers:
        raise SystemExit(f"XQUEUE COUNT: {code} {text}")
    return int(numbers[0])


def drain(count=50_000):
    sandbox = shim.Sandbox("--no-store", "--quiet", "--latency", "20", "--connections", "100")
    world = shim_world(sandbox)
    seconds = filled(world, count, 2000)
    print(f"\n{count} mails of 2 KB written in {seconds:.1f} s; drained with 100 calls at once, 20 ms each (at best 5000/s):")
    if not world.start():
        raise SystemExit(world.daemon.text())
    start, last = time.monotonic(), count
    while last and time.monotonic() - start < 60:
        time.sleep(1)
        last = waiting(world)
    seconds = time.monotonic() - start
    cpu = bench.cpu_ns(world.daemon.child.pid) / 1000 / max(count - last, 1)
    print(f"  {(count - last) / seconds:.0f}/s, {last} left after {seconds:.0f} s, CPU {cpu:.0f} µs/mail, "
          f"peak {bench.peak_kib(world.daemon.child.pid)} KiB", flush=True)
    world.end()
    sandbox.end()


def large_queues():
    sandbox = shim.Sandbox("--no-store", "--quiet")
    print("\nentries    written   start to ready   memory after start")
    for count in (0, 100_000, 1_000_000):
        if count > MOST or (count > 100_000 and time.monotonic() - STARTED > SECONDS):
            print(f"{count:8} left out")
            continue
        world = shim_world(sandbox)
        seconds = filled(world, count, 500, "later") if count else 0
        start = time.monotonic()
        if not world.start():
            raise SystemExit(world.daemon.text())
        ready = time.monotonic() - start
        print(f"{count:8} {seconds:8.1f} s {ready * 1000:11.0f} ms {world.daemon.status('VmRSS'):14} KiB", flush=True)
        world.end()
    sandbox.end()


def one_sendmail(runs=200):
    """Medians from exec to exit, 10 KB; ours take turns so that they meet the same machine, then the others. The bare
    copy gives the same mail to the same daemon: a dialogue written beforehand in one piece, -odq in it."""
    sandbox = shim.Sandbox("--no-store", "--quiet")
    world = shim_world(sandbox)
    if not world.start():
        raise SystemExit(world.daemon.text())
    folder = tempfile.mkdtemp(prefix="shimta-bench-")
    path = os.path.join(folder, "mail")
    with open(path, "wb") as file:
        file.write(bench.real_mail(10_000).replace(b"\r\n", b"\n"))
    dialogue = os.path.join(folder, "dialogue")
    with open(path, "rb") as file, open(dialogue, "wb") as copy:
        copy.write(OPENING + file.read().replace(b"\n", b"\r\n") + b".\r\nQUIT\r\n")
    env = {**os.environ, "SHIMTA_CONF": world.conf}
    words = {"bare copy": ([COPIER, world.socket], env),
             "sendmail -odq": ([shim.program("sendmail"), "-odq", "-i", "-f", "shop@example.jp", "b@example.org"], env),
             "sendmail": ([shim.program("sendmail"), "-i", "-f", "shop@example.jp", "b@example.org"], env),
             "sendmail -t": ([shim.program("sendmail"), "-odq", "-t", "-i"], env),
             "true": (["/bin/true"], env)}
    postfix = None
    if shutil.which("postfix") and os.getuid() == 0:
        postfix = private_postfix()
        words["Postfix's sendmail"] = (["/usr/sbin/sendmail", "-i", "-f", "shop@example.jp", "b@example.org"],
                                       {**os.environ, "MAIL_CONFIG": postfix.conf})
    if shutil.which("msmtp"):
        conf = os.path.join(folder, "msmtprc")
        with open(os.open(conf, os.O_CREAT | os.O_WRONLY, 0o600), "w") as file:
            file.write(f"account default\nhost 127.0.0.1\nport {world.port}\nfrom shop@example.jp\nauth off\ntls off\n")
        words["msmtp"] = (["/usr/bin/msmtp", "-C", conf, "-f", "shop@example.jp", "b@example.org"], env)
    if shutil.which("nullmailer-inject"):
        words["nullmailer"] = ([shutil.which("nullmailer-inject"), "-f", "shop@example.jp", "b@example.org"], env)
    times = {name: [] for name in words}
    ours = [name for name in words if name in OURS]
    for group in (ours, [name for name in words if name not in ours]):  # what Postfix does later is not in our way
        for _ in range(runs):
            for name in group:
                argv, its_env = words[name]
                times[name].append(bench.spawn(argv, dialogue if name == "bare copy" else path, its_env))
    base = sorted(times["bare copy"])[runs // 2]
    print("\none mail of 10 KB, exec to exit      median   ratio")
    for name, all_of_it in times.items():
        median = sorted(all_of_it)[runs // 2]
        print(f"{name:32} {median * 1000:8.2f} ms {median / base:6.2f}")
    world.end()
    sandbox.end()
    if postfix:
        postfix.end()
    shutil.rmtree(folder)


def main():
    chosen = sys.argv[1:]
    for part in (one_sendmail, acceptance, drain, large_queues):
        if not chosen or part.__name__ in chosen:
            part()


if __name__ == "__main__":
    main()
