"""Load over keep-alive connections, every request numbered: by wrk where it is installed, else by a client of our own.

The path of request n is `/?id=n`, from 1 on. `python -m benchmarks.load PORT SECONDS` runs our own client: a program
of its own, so that it does not share an interpreter with what it measures. It takes more of a core than wrk does, so
its figures are lower bounds.
"""

from __future__ import annotations

import asyncio
import itertools
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

CONNECTIONS = 32
_NUMBERED = """\
local n = 0
request = function() n = n + 1; return wrk.format("GET", "/?id=" .. n) end
"""


@dataclass(frozen=True)
class Load:
    """What came of it: `answered` requests with status 200, and those a second."""

    answered: int
    per_s: float


def name() -> str:
    """Return what makes the load."""
    return shutil.which("wrk") or "python"


def run(port: int, seconds: float, may_close: bool = False) -> Load:
    """Send as many requests as are answered over `CONNECTIONS` connections; raises RuntimeError when any fails.

    `may_close`: the server may close idle connections under the client (httpd does when its workers get scarce).
    """
    wrk = shutil.which("wrk")
    if wrk is None:
        command = [sys.executable, "-m", "benchmarks.load", str(port), str(seconds)]
        answered, per_s = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.split()
        return Load(int(answered), float(per_s))
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "numbered.lua"
        script.write_text(_NUMBERED)
        url = f"http://127.0.0.1:{port}/"
        command = [wrk, "-t1", f"-c{CONNECTIONS}", f"-d{max(1, round(seconds))}s", "-s", str(script), url]
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in told or ("Socket errors" in told and not may_close):
        raise RuntimeError(f"requests failed under load:\n{told}")
    return Load(int(_found(r"(\d+) requests in", told)), float(_found(r"Requests/sec:\s+([\d.]+)", told)))


def _found(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    if found is None:
        raise RuntimeError(f"wrk said something else than expected:\n{text}")
    return found[1]


@dataclass
class _Connection(asyncio.Protocol):
    """Sends the next request as soon as the answer to the last is there; answers must give their length."""

    numbers: Iterator[int]
    failures: list[str]
    answered: int = 0
    _seen: bytes = field(default=b"", repr=False)
    _transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._send()

    def data_received(self, data: bytes) -> None:
        self._seen += data
        head, end, body = self._seen.partition(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE) if end else None
        if length is None or len(body) < int(length[1]):
            return
        if head[9:12] != b"200":
            self.failures.append(head[:80].decode("latin-1"))
        self._seen = b""
        self.answered += 1
        self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self.failures.append(f"a connection was lost: {exc}")

    def _send(self) -> None:
        assert self._transport is not None
        self._transport.write(b"GET /?id=%d HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" % next(self.numbers))


async def _run(port: int, seconds: float) -> Load:
    loop, numbers, failures = asyncio.get_running_loop(), itertools.count(1), list[str]()
    opened = [
        await loop.create_connection(lambda: _Connection(numbers, failures), "127.0.0.1", port)
        for _ in range(CONNECTIONS)
    ]
    began = loop.time()
    await asyncio.sleep(seconds)
    answered, took_s = sum(connection.answered for _, connection in opened), loop.time() - began
    for transport, _ in opened:
        transport.close()
    if failures:
        raise RuntimeError(f"{len(failures)} requests failed under load, the first: {failures[0]}")
    return Load(answered, answered / took_s)


if __name__ == "__main__":
    _made = asyncio.run(_run(int(sys.argv[1]), float(sys.argv[2])))
    print(_made.answered, _made.per_s)
