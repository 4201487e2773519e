"""`make bench-sessions`: what idle sessions cost, plain and with TLS; an idle daemon's wake-ups; and what a normal mail
notices of 5,000 slow clients: a byte every ten seconds in a command, in a message, in a TLS handshake, or never a reply
read. Two daemons, one with the slow clients, take turns under the same load: read the ratios. BENCH_SESSIONS and
BENCH_SLOW are the numbers of clients."""

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
import secure  # noqa: E402
import shim  # noqa: E402
from bench import cpu_ns  # noqa: E402

IDLE_S = 20
PAIRS = 4
SLICE_S = 2
BENCH = os.path.join(shim.TOP, "tests", "bench")
# A connection may need a second descriptor for its message, and the daemon some of its own.
FITS = resource.getrlimit(resource.RLIMIT_NOFILE)[1] // 2 - 50
SESSIONS = min(int(os.environ.get("BENCH_SESSIONS", "10000")), FITS)
SLOW = min(int(os.environ.get("BENCH_SLOW", "5000")), FITS - 100)


class World:
    """A daemon with a plain port and one where TLS comes first."""

    def __init__(self, folder, sandbox):
        tls = f"tls = implicit\ntls-certificate = {folder}/mx.example.jp.pem\ntls-key = {folder}/mx.example.jp.key\n"
        many = "max-connections-per-client = 0\n"
        self.daemon = shim.Daemon(sandbox.url, {
            "shimta": "log-level = notice\nmax-connections = 20000\n",
            "listen tcp": many, "listen smtps": "address = 127.0.0.1:0\n" + many + tls})
        self.pid = self.daemon.child.pid
        self.tls_port = int(self.daemon.wait_line(r"listening listener=smtps .*port=(\d+)").group(1))

    def crowd(self, number, kind):
        return Crowd(self, number, kind)

    def heap(self):
        return self.daemon.status("RssAnon")

    def cpu_of(self, seconds):
        """Parts of a processor used while nothing is asked of it."""
        before = cpu_ns(self.pid)
        time.sleep(seconds)
        return (cpu_ns(self.pid) - before) / 1e9 / seconds

    def switches(self):
        """How often its threads have gone to sleep so far."""
        total = 0
        for task in os.listdir(f"/proc/{self.pid}/task"):
            with open(f"/proc/{self.pid}/task/{task}/status") as file:
                total += sum(int(line.split()[1]) for line in file if line.startswith("voluntary_ctxt"))
        return total

    def mails(self, seconds, threads, pause_ms):
        """(a second, failed, median µs, 99th percentile µs) of mails."""
        words = [os.path.join(BENCH, "mails"), str(self.daemon.port), str(seconds), str(threads), str(pause_ms)]
        return [int(word) for word in subprocess.run(words, check=True, capture_output=True, text=True).stdout.split()]


class Crowd:
    def __init__(self, world, number, kind):
        words = [os.path.join(BENCH, "crowd"), str(world.daemon.port), str(world.tls_port), str(number), kind]
        self.child = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if not self.child.stdout.readline():
            raise SystemExit(f"no crowd of {number} {kind}")

    def end(self):
        """How many were thrown out and came again."""
        self.child.stdin.close()
        again = int(self.child.stdout.read().split()[0])
        self.child.wait()
        return again


def at_rest(world):
    world.cpu_of(3)  # until it has settled
    before = world.switches()
    cpu = world.cpu_of(IDLE_S)
    print(f"an idle daemon: {(world.switches() - before) * 60 / IDLE_S:.0f} wake-ups a minute, CPU {cpu:.2%}", flush=True)


def idle(folder, sandbox):
    print(f"\nidle sessions          memory each    in all   CPU over {IDLE_S} s   wake-ups a minute")
    for kind in ("plain", "tls"):
        world = World(folder, sandbox)
        before = world.heap()
        crowd = world.crowd(SESSIONS, kind)
        each = (world.heap() - before) * 1024 / SESSIONS
        switches = world.switches()
        cpu = world.cpu_of(IDLE_S)
        woken = (world.switches() - switches) * 60 / IDLE_S
        print(f"{SESSIONS:6} {kind:10} {each:11.0f} bytes {world.daemon.status('VmRSS') / 1024:6.0f} MB {cpu:15.2%} {woken:19.0f}",
              flush=True)
        crowd.end()
        world.daemon.end()


def median(values):
    return sorted(values)[len(values) // 2]


def slow(folder, sandbox):
    worlds = {"without": World(folder, sandbox), "with": World(folder, sandbox)}
    crowd = worlds["with"].crowd(SLOW, "slow")
    cpu = worlds["with"].cpu_of(3)
    print(f"\n{SLOW} slow clients: CPU {cpu:.1%}, {worlds['with'].daemon.status('VmRSS') / 1024:.0f} MB")
    rows = {name: [] for name in worlds}
    for turn in range(2 * PAIRS):
        name = ("without", "with", "with", "without")[turn % 4]
        rate, failed, *_ = worlds[name].mails(SLICE_S, 8, 0)
        _, more, middle, late = worlds[name].mails(SLICE_S, 2, 10)
        rows[name].append((rate, middle, late, failed + more))
    print("slow clients   mails/s   one mail: median      p99   failed")
    for name, all_of_it in rows.items():
        rates, middles, lates, failed = zip(*all_of_it)
        print(f"{name:12} {median(rates):9} {median(middles) / 1000:17.2f} ms {median(lates) / 1000:5.2f} ms {sum(failed):8}")
    ratios = [median([row[i] for row in rows["with"]]) / max(1, median([row[i] for row in rows["without"]])) for i in range(3)]
    print("ratio        {:9.2f} {:17.2f}    {:5.2f}".format(*ratios))
    print(f"{crowd.end()} were thrown out meanwhile and came again", flush=True)
    for world in worlds.values():
        world.daemon.end()


def main():
    folder = tempfile.mkdtemp(prefix="shimta-bench-")
    secure.certificate(folder, "mx.example.jp")
    sandbox = shim.Sandbox("--no-store", "--quiet", "--connections", "64")
    chosen = sys.argv[1:] or ["rest", "idle", "slow"]
    try:
        if "rest" in chosen:
            world = World(folder, sandbox)
            at_rest(world)
            world.daemon.end()
        if "idle" in chosen:
            idle(folder, sandbox)
        if "slow" in chosen:
            slow(folder, sandbox)
    finally:
        sandbox.end()
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
