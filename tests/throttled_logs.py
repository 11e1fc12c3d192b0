"""A CloudWatch Logs over HTTP that takes so many calls a second and throttles the others, as AWS does."""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.fake_aws import FakeLogs


class Quota:
    """Counts calls: those of the last second, and how many were taken and refused."""

    def __init__(self, per_second: int) -> None:
        self._per_second, self._lock = per_second, threading.Lock()
        self._times: deque[float] = deque()
        self.taken = self.refused = 0

    def takes(self) -> bool:
        """Whether one more call fits into this second."""
        with self._lock:
            now = time.monotonic()
            while self._times and self._times[0] <= now - 1:
                self._times.popleft()
            fits = len(self._times) < self._per_second
            if fits:
                self._times.append(now)
            self.taken, self.refused = self.taken + fits, self.refused + (not fits)
            return fits


@contextmanager
def serving(logs: FakeLogs, quota: Quota) -> Iterator[str]:
    """Serve the fake's answers on loopback; gives the URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.headers["X-Amz-Target"].endswith("DescribeLogStreams"):
                found = [stream for page in logs.paginate() for stream in page["logStreams"]]
                self._answer(200, {"logStreams": found})
            elif quota.takes():
                self._answer(200, logs.filter_log_events(**request))
            else:
                self._answer(400, {"__type": "ThrottlingException", "message": "Rate exceeded"})

        def _answer(self, status: int, body: dict[str, Any]) -> None:
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, name="throttled-logs")
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
