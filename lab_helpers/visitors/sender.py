"""Sends planned requests over a few connections that stay open: thousands within seconds, from one thread.

Open loop: each is due at its time, however long the others take. Nothing is retried but a request whose connection
the server had closed before it was read.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pandas as pd
import pyarrow as pa

from lab_helpers.base.parallel import OnProgress, Progress
from lab_helpers.logs import frames
from lab_helpers.logs.frames import CATEGORY
from lab_helpers.traffic import REQUEST_SCHEMA, TIMEOUT_S
from lab_helpers.visitors.planned import Planned

CONNECTIONS = 48
_SEEN_AGO = timedelta(seconds=30)
"""When a client that is back says to have seen a file: a time ahead of the server's would not count."""
SAY_EVERY = 50
"""Requests between two reports of progress."""
SENT_SCHEMA = pa.schema([*REQUEST_SCHEMA, ("client", pa.string()), ("kind", CATEGORY)])


def send(
    url: str, planned: Sequence[Planned], *, connections: int = CONNECTIONS, on_progress: OnProgress | None = None
) -> pd.DataFrame:
    """Send the requests and return one row each in their order: columns of `traffic.send`, client, kind."""
    rows: list[tuple[Any, ...] | None] = [None] * len(planned)
    failure: list[BaseException] = []
    stop, ended = threading.Event(), threading.Event()

    def run() -> None:
        try:
            asyncio.run(_send_all(url, planned, rows, connections, stop, on_progress))
        except BaseException as exc:
            failure.append(exc)
        finally:
            ended.set()

    # a thread of its own: a notebook's kernel runs an event loop already
    threading.Thread(target=run, name="visitors", daemon=True).start()
    try:
        ended.wait()  # not Thread.join: interrupted, it says of a running thread that it has ended
    except KeyboardInterrupt:
        stop.set()
        ended.wait()
        raise
    if failure:
        raise failure[0]
    done = [row for row in rows if row is not None]
    columns = dict(zip(SENT_SCHEMA.names, zip(*done, strict=True), strict=True)) if done else {}
    return frames.to_frame([frames.from_columns(columns, len(done), SENT_SCHEMA)], SENT_SCHEMA)


async def _send_all(
    url: str,
    planned: Sequence[Planned],
    rows: list[tuple[Any, ...] | None],
    connections: int,
    stop: threading.Event,
    on_progress: OnProgress | None,
) -> None:
    where = urlsplit(url)
    waiting = iter(enumerate(planned))
    started, done = time.monotonic(), 0

    async def work() -> None:
        nonlocal done
        line = _Line(where.hostname or "", where.port or 80, where.netloc)
        try:
            for number, request in waiting:
                early_s = started + request.due_s - time.monotonic()
                if early_s > 0:
                    await asyncio.sleep(early_s)
                if stop.is_set():
                    return
                rows[number] = await line.ask(request)
                done += 1
                if on_progress and (done % SAY_EVERY == 0 or done == len(planned)):
                    on_progress(Progress(done, len(planned), "requests"))
        finally:
            line.close()

    await asyncio.gather(*(work() for _ in range(min(connections, len(planned)))))


class _Line:
    """One connection, opened when it is needed and kept while the server keeps it."""

    def __init__(self, host: str, port: int, name: str) -> None:
        self._address, self._name = (host, port), name
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, request: Planned) -> tuple[Any, ...]:
        sent_at, began = datetime.now(UTC), time.perf_counter()
        status, error = None, None
        try:
            status = await asyncio.wait_for(self._exchange(self._text(request)), TIMEOUT_S)
        except (OSError, asyncio.IncompleteReadError, TimeoutError, ValueError) as exc:
            error = type(exc).__name__
            self.close()
        elapsed_ms = (time.perf_counter() - began) * 1000
        told = (request.id, request.method, request.target, status, sent_at, elapsed_ms, error)
        return (*told, request.client, request.kind)

    def close(self) -> None:
        """Close the connection, if one is open."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None

    async def _exchange(self, text: bytes) -> int:
        if self._streams is not None:
            try:
                return await self._once(text)
            except (ConnectionError, asyncio.IncompleteReadError) as exc:
                self.close()
                if isinstance(exc, asyncio.IncompleteReadError) and exc.partial:
                    raise
        self._streams = await asyncio.open_connection(*self._address)
        return await self._once(text)

    async def _once(self, text: bytes) -> int:
        assert self._streams is not None
        reader, writer = self._streams
        writer.write(text)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        status = int(head.split(" ", 2)[1])
        if status not in (204, 304) and not text.startswith(b"HEAD "):
            _, found, rest = head.partition("content-length:")
            await reader.readexactly(int(rest.partition("\r\n")[0]) if found else 0)
        if "connection: close" in head:
            self.close()
        return status

    def _text(self, request: Planned) -> bytes:
        lines = [f"{request.method} {request.target} HTTP/1.1", f"Host: {self._name}"]
        lines += [f"User-Agent: {request.user_agent}", f"X-Forwarded-For: {request.client}"]
        if request.referer:
            own = request.referer if "://" in request.referer else f"http://{self._name}{request.referer}"
            lines.append(f"Referer: {own}")
        if request.is_known:
            seen_at = datetime.now(UTC) - _SEEN_AGO
            lines.append(f"If-Modified-Since: {seen_at:%a, %d %b %Y %H:%M:%S} GMT")
        if request.method == "POST":
            lines.append("Content-Length: 0")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
