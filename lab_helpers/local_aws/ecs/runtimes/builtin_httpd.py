"""A small web server that stands for the httpd image where Apache is not installed.

    python -m lab_helpers.local_aws.ecs.runtimes.builtin_httpd --port N [--config FILE --documents FOLDER]

Serves the image's files behind the PROXY protocol (v1) as its httpd.conf says, prints Apache's access-log lines on
stdout and its notices on stderr. SIGTERM ends it at once, SIGWINCH when what is in flight is answered, as with Apache.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from lab_helpers.httpd import config as httpd_config
from lab_helpers.httpd.config import Asked, ConfigError, HttpdConfig
from lab_helpers.httpd.log_format import Served
from lab_helpers.local_aws.ecs.runtimes.httpd_answers import (
    MAX_LINE_BYTES,
    REASONS,
    Answer,
    BadRequestError,
    Files,
    Page,
    Request,
    answer,
    parse_head,
    path_of,
)
from lab_helpers.local_aws.ecs.runtimes.httpd_files import read_files

HOST = "127.0.0.1"
KEEP_ALIVE_S, KEEP_ALIVE_REQUESTS = 5.0, 100
"""Apache's KeepAliveTimeout and MaxKeepAliveRequests."""
REQUEST_S = 60.0
MAX_HEAD_BYTES = 100 * MAX_LINE_BYTES
NAME = "Apache/2.4 (the lab's built-in)"
INSIDE = "/usr/local/apache2/conf/httpd.conf"
RATE_INTERVAL_S = 0.2
"""Source: mod_ratelimit's RATE_INTERVAL_MS: a fifth of the rate goes out, then there is a pause."""


class HttpServer:
    """Owns the listening socket and the connections."""

    def __init__(self, config: HttpdConfig | None = None, files: Files | None = None) -> None:
        page = Page(datetime.now(UTC).replace(microsecond=0), f"2d-{os.getpid():x}")
        self.config, self.files = config or HttpdConfig(), files or Files.of_page(page)
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
        addresses = proxied_addresses(await asyncio.wait_for(reader.readline(), REQUEST_S))
        if addresses is None:
            return
        left = KEEP_ALIVE_REQUESTS
        while left and not self.leaving:
            self._idle.add(task)
            head = await read_head(reader, KEEP_ALIVE_S if left < KEEP_ALIVE_REQUESTS else REQUEST_S)
            self._idle.discard(task)
            if not head:
                return
            left -= 1
            if not await self._answer(reader, writer, addresses, head, bool(left) and not self.leaving):
                return

    async def _answer(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        addresses: tuple[str, str],
        head: bytes,
        may_keep: bool,
    ) -> bool:
        began, started = datetime.now(UTC), time.perf_counter()
        env: dict[str, str] = {}
        try:
            request = parse_head(head)
            asked = _asked(request, addresses)
            env = self.config.env(asked)
            reply, rate = answer(request, self.files, self.config.status(asked)), self.config.rate(asked, env)
            await discard_body(reader, request)
        except BadRequestError as exc:
            # Apache learns the client's address after it has read the request: what it refuses before has its own.
            request, reply, rate, addresses = exc.request, exc.answer, 0, (HOST, HOST)
        keep = may_keep and request.keeps_alive and not reply.early
        content = response(request, reply, keep)
        await _send(writer, content, rate)
        took_us = int((time.perf_counter() - started) * 1_000_000)
        sys.stdout.write("".join(self._lines(request, reply, began, took_us, len(content), addresses, env)))
        sys.stdout.flush()
        await writer.drain()
        return keep

    def _lines(
        self, request: Request, reply: Answer, began: datetime, took_us: int, sent: int, addresses: tuple[str, str],
        env: dict[str, str],
    ) -> list[str]:  # fmt: skip
        target = request.target.decode("latin-1")
        has_body = request.method != "HEAD" and reply.body
        served = Served(
            addresses[0], request.line, request.method, target.partition("?")[0], target.partition("?")[2],
            f"HTTP/{request.version[0]}.{request.version[1]}", reply.status, len(reply.body) if has_body else None,
            began, took_us, sent, addresses[1], request.headers, env,
        )  # fmt: skip
        return [f"{line}\n" for line in self.config.lines(served)]


def _asked(request: Request, addresses: tuple[str, str]) -> Asked:
    query = request.target.partition(b"?")[2].decode("latin-1")
    version = f"HTTP/{request.version[0]}.{request.version[1]}"
    return Asked(request.method, path_of(request.target) or "", query, version, *addresses, request.headers)


async def _send(writer: asyncio.StreamWriter, content: bytes, rate: int) -> None:
    """Write a response; with a rate (KiB a second) in parts, with a pause between two."""
    if not rate:
        writer.write(content)
        return
    size = max(1, int(rate * 1024 * RATE_INTERVAL_S))
    for at in range(0, len(content), size):
        if at:
            await writer.drain()
            await asyncio.sleep(RATE_INTERVAL_S)
        writer.write(content[at : at + size])


def proxied_addresses(line: bytes) -> tuple[str, str] | None:
    """Return the client's and the server's address from the PROXY line; None when it is not one: it is closed."""
    parts = line.split()
    if len(parts) != 6 or parts[:2] != [b"PROXY", b"TCP4"]:
        return None
    return parts[2].decode("ascii"), parts[3].decode("ascii")


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
    kind = [header for header in reply.headers if header[0] == "Content-Type"]  # the last, as Apache has it
    headers = [("Date", f"{datetime.now(UTC):%a, %d %b %Y %H:%M:%S} GMT"), ("Server", NAME)]
    headers += [header for header in reply.headers if header not in kind]
    if reply.status != 304:
        headers.append(("Content-Length", str(len(reply.body))))
    if not keep:
        headers.append(("Connection", "close"))
    elif request.version < (1, 1):
        headers.append(("Connection", "Keep-Alive"))
    named = [f"{name}: {value}" for name, value in [*headers, *kind]]
    lines = [f"HTTP/1.1 {reply.status} {REASONS[reply.status]}", *named]
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
    parser.add_argument("--config", type=Path, help="the image's httpd.conf; without it the image's own")
    parser.add_argument("--documents", type=Path, help="the folder that stands for DocumentRoot")
    options = parser.parse_args(argv)
    port = options.port
    try:
        config = httpd_config.parse(options.config.read_text(), INSIDE) if options.config else HttpdConfig()
    except ConfigError as exc:
        print(exc, file=sys.stderr)
        return 1
    files = read_files(options.documents, config.index) if options.documents else None

    async def run() -> None:
        await HttpServer(config, files).serve(port)

    try:
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(run())
    except OSError as exc:
        print(f"AH00072: make_sock: could not bind to address {HOST}:{port}: {exc.strerror}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
