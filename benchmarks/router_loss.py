"""Nothing that the log router acknowledged is lost within FireLens' 25 MB buffer, however slow the destination is.

Numbered records go packed-forward, 1,000 a message; each message asks for an acknowledgement, and one that got none is
sent again, as a log driver does. The stand-in for CloudWatch Logs takes its time, so that more is on the way than the
buffer holds. Told: sent, acknowledged, arrived, twice, lost; the router's peak memory.
Method: aws-for-fluent-bit's load test (numbered records, counted at the destination).
Run: `python -m benchmarks.router_loss`; ends with 1 when a record was lost or the memory goal missed.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import msgpack

ROUTER = [sys.executable, "-m", "lab_helpers.router"]
ANSWER = b'{"nextSequenceToken":"1"}'
PER_MESSAGE = 1000
GOAL_MIB = 80
QUIET_S = 3.0
CONFIGURATION = """[SERVICE]
    Grace 30
[INPUT]
    Name forward
    unix_path {folder}/fluent.sock
    Mem_Buf_Limit 25MB
[OUTPUT]
    Name cloudwatch_logs
    Match *
    region ap-northeast-1
    log_group_name g
    log_stream_name s
    endpoint 127.0.0.1
    port {port}
    tls off
"""


class SlowLogs(ThreadingHTTPServer):
    """CloudWatch Logs that needs `delay_s` for a call and counts how often each number arrives."""

    daemon_threads = True

    def __init__(self, delay_s: float) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.delay_s, self.last_call = delay_s, time.monotonic()
        self.arrived: Counter[bytes] = Counter()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: SlowLogs

    def do_POST(self) -> None:
        """Take one call."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        time.sleep(self.server.delay_s)
        self.server.arrived.update(re.findall(rb"number=(\d+)", body))
        self.server.last_call = time.monotonic()
        self.send_response(200)
        self.send_header("x-amzn-RequestId", "1")  # without it an answer is not AWS's, and the chunk is sent again
        self.send_header("Content-Length", str(len(ANSWER)))
        self.end_headers()
        self.wfile.write(ANSWER)

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


class Sender:
    """A log driver: sends until it is acknowledged, connects again when it was cut off."""

    def __init__(self, path: str) -> None:
        self._path = path
        self.acknowledged = self.sent_again = 0

    def send_all(self, messages: Iterator[bytes]) -> None:
        """Send each message until it is acknowledged."""
        connection = self._connect()
        for message in messages:
            while True:
                try:
                    connection.sendall(message)
                    if connection.recv(200):
                        break
                except OSError:
                    pass
                connection.close()
                self.sent_again += 1
                connection = self._connect()
            self.acknowledged += PER_MESSAGE
        connection.close()

    def _connect(self) -> socket.socket:
        until = time.monotonic() + 60
        while True:
            connection = socket.socket(socket.AF_UNIX)
            connection.settimeout(60)
            try:
                connection.connect(self._path)
            except OSError:
                connection.close()
                if time.monotonic() > until:
                    raise
                threading.Event().wait(0.02)
            else:
                return connection


def messages(records: int) -> Iterator[bytes]:
    """Yield packed messages of numbered records."""
    for start in range(0, records, PER_MESSAGE):
        entries = b"".join(
            msgpack.packb([1_636_276_442, {"log": f"number={number} " + "x" * 90, "source": "stdout"}])
            for number in range(start, start + PER_MESSAGE)
        )
        yield msgpack.packb(["httpd-firelens-1", entries, {"size": PER_MESSAGE, "chunk": str(start)}])


def measure(records: int, delay_s: float) -> bool:
    """Run once and print what became of the records; return whether the goals are reached."""
    server = SlowLogs(delay_s)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "c.conf").write_text(CONFIGURATION.format(folder=folder, port=server.server_address[1]))
        environment = {**os.environ, "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
        process = subprocess.Popen([*ROUTER, "-c", f"{folder}/c.conf"], stderr=subprocess.DEVNULL, env=environment)
        try:
            sender = Sender(f"{folder}/fluent.sock")
            sender.send_all(messages(records))
            while time.monotonic() - server.last_call < QUIET_S + delay_s:
                threading.Event().wait(0.1)
            peak_mib = _peak_mib(process.pid)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(40)
            server.shutdown()
            server.server_close()
    return _tell(sender, server.arrived, peak_mib)


def _tell(sender: Sender, arrived: Counter[bytes], peak_mib: float) -> bool:
    lost = sender.acknowledged - len(arrived)
    twice = arrived.total() - len(arrived)
    print(f"acknowledged {sender.acknowledged}, arrived {len(arrived)}, twice {twice}, lost {lost}; messages sent "
          f"again {sender.sent_again}; {peak_mib:.0f} MiB peak (goal {GOAL_MIB})")  # fmt: skip
    return lost == 0 and peak_mib <= GOAL_MIB


def _peak_mib(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))) / 1024


def main() -> int:
    """Measure; return 1 when something acknowledged was lost or the memory goal missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=300_000)
    parser.add_argument("--delay", type=float, default=0.2, help="seconds that each PutLogEvents takes")
    arguments = parser.parse_args()
    return 0 if measure(arguments.records, arguments.delay) else 1


if __name__ == "__main__":
    sys.exit(main())
