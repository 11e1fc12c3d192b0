"""A small web server that stands for the httpd image where Apache is not installed.

    python -m lab_helpers.local_aws.ecs.runtimes.builtin_httpd --port N

Serves the image's page behind the PROXY protocol (v1), prints Apache's access-log lines on stdout and its notices on
stderr. SIGTERM ends it at once, SIGWINCH when what is in flight is answered, as with Apache.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import sys
from datetime import UTC, datetime

from lab_helpers.local_aws.ecs.runtimes.httpd_answers import (
    MAX_LINE_BYTES,
    REASONS,
    Answer,
    BadRequestError,
    Page,
    Request,
    answer,
    log_line,
    parse_head,
)

HOST = "127.0.0.1"
KEEP_ALIVE_S, KEEP_ALIVE_REQUESTS = 5.0, 100
"""Apache's KeepAliveTimeout and MaxKeepAliveRequests."""
REQUEST_S = 60.0
MAX_HEAD_BYTES = 100 * MAX_LINE_BYTES
NAME = "Apache/2.4 (the lab's built-in)"


class HttpServer:
    """Owns the listening socket and the connections."""

    def __init__(self) -> None:
        self.page = Page(datetime.now(UTC).replace(microsecond=0), f"2d-{os.getpid():x}")
        self.done = asyncio.Event()
        self.leaving = False
        self._connections: set[asyncio.Task[None]] = set()
        self._idle: set[asyncio.Task[None]] = set()

    async def serve(self, port: int) -> None:
        """Serve until told to stop."""
        server = await asyncio.start_server(self._accept, HOST, port, limit=MAX_HEAD_BYTES, backlog=511)
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._stop, "AH00491: caught SIGTERM, shutting down", False)
        loop.add_signal_handler(signal.SIGINT, self._stop, "AH00491: caught SIGTERM, shutting down", False)
        loop.add_signal_handler(signal.SIGWINCH, self._stop, "AH00492: caught SIGWINCH, shutting down gracefully", True)
        notice(f"AH00489: {NAME} configured -- resuming normal operations")
        await self.done.wait()
        server.close()
        if self.leaving and self._connections:
            await asyncio.wait(self._connections)

    def _stop(self, message: str, graceful: bool) -> None:
        notice(message)
        self.leaving = graceful
        for task in list(self._idle if graceful else self._connections):
            task.cancel()
        self.done.set()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None:
            return
        self._connections.add(task)
        try:
            await self._converse(reader, writer, task)
        except (ConnectionError, TimeoutError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the client went away, was silent for too long, or the server stops
        finally:
            self._connections.discard(task)
            self._idle.discard(task)
            writer.close()

    async def _converse(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, task: asyncio.Task[None]
    ) -> None:
        address = proxied_address(await asyncio.wait_for(reader.readline(), REQUEST_S))
        if address is None:
            return
        left = KEEP_ALIVE_REQUESTS
        while left and not self.leaving:
            self._idle.add(task)
            head = await read_head(reader, KEEP_ALIVE_S if left < KEEP_ALIVE_REQUESTS else REQUEST_S)
            self._idle.discard(task)
            if not head:
                return
            left -= 1
            if not await self._answer(reader, writer, address, head, bool(left) and not self.leaving):
                return

    async def _answer(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, address: str, head: bytes, may_keep: bool
    ) -> bool:
        started = datetime.now(UTC)
        try:
            request = parse_head(head)
            reply = answer(request, self.page)
            await discard_body(reader, request)
        except BadRequestError as exc:
            # Apache learns the client's address after it has read the request: what it refuses before has its own.
            request, reply, address = exc.request, exc.answer, HOST
        keep = may_keep and request.keeps_alive and not reply.early
        writer.write(response(request, reply, keep))
        line = log_line(
            address, started, request.line, reply.status, "-" if request.method == "HEAD" else reply.logged_size
        )
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
        await writer.drain()
        return keep


def proxied_address(line: bytes) -> str | None:
    """Return the client's address from the PROXY line; None when it is not one, and the connection is closed."""
    parts = line.split()
    return parts[2].decode("ascii") if len(parts) == 6 and parts[:2] == [b"PROXY", b"TCP4"] else None


async def read_head(reader: asyncio.StreamReader, timeout_s: float) -> bytes:
    """Read a request's head, without its empty line; b"" when the client closed. A line without version ends itself."""
    lines: list[bytes] = []
    size = 0
    while True:
        line = await asyncio.wait_for(reader.readline(), timeout_s if not lines else REQUEST_S)
        if not line.endswith(b"\n"):
            return b""
        line, size = line.rstrip(b"\r\n"), size + len(line)
        if not line and not lines:
            continue  # Apache passes over empty lines before a request
        if not line:
            return b"\r\n".join(lines)
        lines.append(line)
        if len(lines) == 1 and line.count(b" ") == 1:  # HTTP/0.9
            return line
        if size > MAX_HEAD_BYTES or len(line) > MAX_LINE_BYTES:
            return b"\r\n".join(lines)


async def discard_body(reader: asyncio.StreamReader, request: Request) -> None:
    """Read past the request's body."""
    if request.headers.get("transfer-encoding", "").lower() == "chunked":
        while size := int((await reader.readline()).split(b";")[0] or b"0", 16):
            await reader.readexactly(size + 2)
        await reader.readline()
        return
    left = int(request.headers.get("content-length") or 0)
    while left > 0:
        data = await reader.read(min(left, 65_536))
        if not data:
            raise ConnectionResetError
        left -= len(data)


def response(request: Request, reply: Answer, keep: bool) -> bytes:
    """Return the bytes of a response; HTTP/0.9 has no head."""
    if request.version == (0, 9) and request.method:
        return reply.body
    headers = [("Date", f"{datetime.now(UTC):%a, %d %b %Y %H:%M:%S} GMT"), ("Server", NAME), *reply.headers]
    if reply.status != 304:
        headers.append(("Content-Length", str(len(reply.body))))
    if not keep:
        headers.append(("Connection", "close"))
    elif request.version < (1, 1):
        headers.append(("Connection", "Keep-Alive"))
    lines = [f"HTTP/1.1 {reply.status} {REASONS[reply.status]}", *(f"{name}: {value}" for name, value in headers)]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + (b"" if request.method == "HEAD" else reply.body)


def notice(message: str) -> None:
    """Print a line of Apache's error log."""
    pid = os.getpid()
    when = f"{datetime.now(UTC):%a %b %d %H:%M:%S.%f %Y}"
    print(f"[{when}] [mpm_event:notice] [pid {pid}:tid {pid}] {message}", file=sys.stderr, flush=True)


def main(argv: list[str] | None = None) -> int:
    """Serve until a signal; exit status 1 when the port is taken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    port = parser.parse_args(argv).port

    async def run() -> None:
        await HttpServer().serve(port)

    try:
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(run())
    except OSError as exc:
        print(f"AH00072: make_sock: could not bind to address {HOST}:{port}: {exc.strerror}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
