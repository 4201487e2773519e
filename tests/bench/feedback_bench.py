"""`make bench-feedback`: what becomes of 100,000 mails that an API has taken, told by Arara's results and then by
events that Customers Mail Cloud posts, a tenth of them bounces that go into a Maildir. The daemon's memory should be the
same all the time, and a mail should hardly notice. BENCH_MAILS is the number, BENCH_SECONDS (of each) the most it
takes."""

import os
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
import feedback_load  # noqa: E402
from bench import cpu_ns  # noqa: E402

MAILS = int(os.environ.get("BENCH_MAILS", "100000"))
SECONDS = int(os.environ.get("BENCH_SECONDS", "120"))


def figures(world, account):
    names = ("events", "bounces", "requests")
    return [world.figures(f"shimta_feedback_{name}_total", account=account) for name in names]


def run(label, polled):
    world = feedback_load.World(MAILS)
    world.start(polled)
    account, pid = ("second" if polled else "main"), world.daemon.child.pid
    print(f"\n{label}: {MAILS} mails\n   s    told  bounces    KiB", flush=True)
    cpu, start, told = cpu_ns(pid), time.monotonic(), [0, 0]
    watch = feedback_load.Watch(world.daemon)
    posting = threading.Thread(target=feedback_load.post_all, args=(world, 4), daemon=True)
    if not polled:
        posting.start()
    while (told[0] < MAILS or told[1] < MAILS // 10) and time.monotonic() - start < SECONDS:
        time.sleep(2)
        told = figures(world, account)
        print(f"{time.monotonic() - start:4.0f} {told[0]:7} {told[1]:8} {world.daemon.status('VmRSS'):6}", flush=True)
    watch.end()
    print(f"at most {world.daemon.status('VmHWM')} KiB, CPU {(cpu_ns(pid) - cpu) / 1e3 / MAILS:.0f} µs a mail, "
          f"{told[2] if polled else 'no'} questions; {len(watch.waits)} mails meanwhile: median "
          f"{watch.median() * 1000:.1f} ms, longest {watch.waits[-1] * 1000:.0f} ms")
    world.end()


def main():
    run("results", True)
    run("events", False)


if __name__ == "__main__":
    main()
