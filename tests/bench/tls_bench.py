"""`make bench-tls`: TLS sessions per second, full and resumed, beside Postfix's smtpd with the same certificate in the
same run, where it is installed and root runs this. What idle sessions cost: see sessions_bench.py."""

import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
import clients_test  # noqa: E402
import secure  # noqa: E402
import shim  # noqa: E402
from bench import cpu_ns, free_port  # noqa: E402

SECONDS = 4


def postfix_tls(folder):
    """A Postfix whose second port has TLS from the first byte."""
    postfix, port = clients_test.Postfix(1), free_port()
    with open(os.path.join(postfix.conf, "main.cf"), "a") as file:
        file.write(f"smtpd_tls_cert_file = {folder}/mx.example.jp.pem\nsmtpd_tls_key_file = {folder}/mx.example.jp.key\n"
                   "smtpd_client_connection_count_limit = 0\nsmtpd_tls_security_level = encrypt\n")
    with open(os.path.join(postfix.conf, "master.cf"), "a") as file:
        file.write(f"127.0.0.1:{port} inet n - n - - smtpd -o smtpd_tls_wrappermode=yes\n")
    postfix.command("reload")
    return postfix, port


def load(port, kind):
    program = os.path.join(shim.TOP, "tests", "bench", "tls_load")
    shown = subprocess.run([program, str(port), str(SECONDS), kind], capture_output=True, text=True, check=True).stdout
    return [int(word) for word in shown.split()]


def main():
    folder = tempfile.mkdtemp(prefix="shimta-bench-")
    secure.certificate(folder, "mx.example.jp")
    sandbox = shim.Sandbox("--no-store", "--quiet")
    tls = f"tls-certificate = {folder}/mx.example.jp.pem\ntls-key = {folder}/mx.example.jp.key\nmax-connections-per-client = 0\n"
    daemon = shim.Daemon(sandbox.url, {"shimta": "log-level = notice\n", "listen tcp": "tls = implicit\n" + tls})
    postfix = None
    try:
        port = 0
        if shutil.which("postfix") and os.getuid() == 0:
            postfix, port = postfix_tls(folder)
            load(port, "full")
        load(daemon.port, "full")
        print("handshakes   shimtad/s  CPU µs each   Postfix/s   ratio")
        for kind in ("full", "resumed"):
            before = cpu_ns(daemon.child.pid)
            ours, resumed, failed = load(daemon.port, kind)
            cpu = (cpu_ns(daemon.child.pid) - before) / 1000 / max(1, ours * SECONDS)
            theirs, their_resumed, _ = load(port, kind) if port else (0, 0, 0)
            print(f"{kind:10} {ours:11} {cpu:12.0f} {theirs:11} {ours / max(1, theirs):7.1f}"
                  f"   (resumed {resumed}, {their_resumed}; failed {failed})")
    finally:
        if postfix:
            postfix.end()
        daemon.end()
        sandbox.end()
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
