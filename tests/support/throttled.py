"""CloudWatch Logs and S3 over HTTP that take so many calls a second and throttle the others, as AWS does."""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

from tests.support.fake_aws import FakeLogs, FakeS3
from tests.support.serving import serving


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


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status: int, kind: str, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving_logs(logs: FakeLogs, quota: Quota) -> Iterator[str]:
    """Serve the fake's answers on loopback; gives the URL."""

    class Handler(_Handler):
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
            self.answer(status, "application/x-amz-json-1.1", json.dumps(body).encode())

    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as url:
        yield url


@contextmanager
def serving_s3(s3: FakeS3, quota: Quota) -> Iterator[str]:
    """Serve the fake's objects on loopback, one bucket with any name; gives the URL."""

    class Handler(_Handler):
        def do_GET(self) -> None:
            path, _, query = self.path.partition("?")
            key = unquote(path).split("/", 2)[2] if path.count("/") > 1 else ""
            if not quota.takes():
                refusal = "<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
                self.answer(503, "application/xml", refusal.encode())
            elif "list-type=2" in query:
                self.answer(200, "application/xml", _listing(s3).encode())
            else:
                self.answer(200, "binary/octet-stream", s3.objects[key][0])

    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as url:
        yield url


def _listing(s3: FakeS3) -> str:
    entries = "".join(
        f"<Contents><Key>{key}</Key><Size>{len(body)}</Size><LastModified>{when:%Y-%m-%dT%H:%M:%S.000Z}</LastModified>"
        "</Contents>"
        for key, (body, when) in sorted(s3.objects.items())
    )
    return f"<ListBucketResult><IsTruncated>false</IsTruncated>{entries}</ListBucketResult>"
