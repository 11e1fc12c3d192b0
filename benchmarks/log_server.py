"""A CloudWatch Logs that answers FilterLogEvents and DescribeLogStreams, each call some milliseconds late."""

from __future__ import annotations

import bisect
import json
import multiprocessing
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from typing import Any

from benchmarks.log_objects import START, TASKS, records

PAGE_BYTES, PAGE_EVENTS = 1_000_000, 10_000
"""FilterLogEvents answers with up to 1 MB or 10,000 events."""


@contextmanager
def running(events: int, delay_s: float) -> Iterator[str]:
    """The server in a process of its own with `events` events in eight streams; gives its URL."""
    ours, theirs = multiprocessing.Pipe()
    child = multiprocessing.get_context("spawn").Process(target=_serve, args=(theirs, events, delay_s), daemon=True)
    child.start()
    try:
        yield f"http://127.0.0.1:{ours.recv()}"
    finally:
        child.terminate()
        child.join()


def _streams(events: int) -> dict[str, tuple[list[int], list[bytes]]]:
    """Of each stream the times (ms) and the JSON of its events."""
    each, streams = events // TASKS, {}
    for task in range(TASKS):
        name, rng, times, texts = f"from-httpd-firelens-{task:032x}", random.Random(task), list[int](), list[bytes]()
        while len(texts) < each:
            opened = START + timedelta(seconds=60 * len(texts) // 2500)
            for message in records(task * 1000 + len(texts), opened)[: each - len(texts)]:
                times.append((times[-1] if times else int(opened.timestamp() * 1000)) + rng.randrange(50))
                event = {
                    "logStreamName": name,
                    "timestamp": times[-1],
                    "message": message.decode().rstrip(),
                    "ingestionTime": times[-1] + 900,
                    "eventId": f"{rng.getrandbits(186):056d}",
                }
                texts.append(json.dumps(event, separators=(",", ":")).encode())
        streams[name] = times, texts
    return streams


def _serve(pipe: Connection, events: int, delay_s: float) -> None:
    streams, late = _streams(events), threading.Event()

    class Logs(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            late.wait(delay_s)
            operation = self.headers["X-Amz-Target"].rpartition(".")[2]
            body = _describe(streams) if operation == "DescribeLogStreams" else _filter(streams, request)
            self.send_response(200)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Logs)
    pipe.send(server.server_port)
    server.serve_forever()


def _describe(streams: dict[str, tuple[list[int], list[bytes]]]) -> bytes:
    found = [
        {"logStreamName": name, "firstEventTimestamp": times[0], "lastEventTimestamp": times[-1]}
        for name, (times, _) in streams.items()
    ]
    return json.dumps({"logStreams": found}).encode()


def _filter(streams: dict[str, tuple[list[int], list[bytes]]], request: dict[str, Any]) -> bytes:
    """One page: stream after stream, from the place that the token names."""
    names = request.get("logStreamNames") or list(streams)
    number, place = map(int, request.get("nextToken", "0/0").split("/"))
    page, size = list[bytes](), 0
    while number < len(names):
        times, texts = streams[names[number]]
        begin = max(place, bisect.bisect_left(times, request.get("startTime", 0)))
        end = bisect.bisect_right(times, request.get("endTime", 1 << 60))
        for place in range(begin, end):
            if size + len(texts[place]) > PAGE_BYTES or len(page) >= PAGE_EVENTS:
                return _page(page, f"{number}/{place}")
            page.append(texts[place])
            size += len(texts[place])
        number, place = number + 1, 0
    return _page(page, None)


def _page(events: list[bytes], token: str | None) -> bytes:
    following = b',"nextToken":"%s"' % token.encode() if token else b""
    return b'{"events":[' + b",".join(events) + b"]" + following + b"}"
