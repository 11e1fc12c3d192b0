"""A small HTTP/1.1 client: one kept-open connection, sizes known, TLS when asked for (http.client costs memory and
speed).

Errors carry the log line of Fluent Bit 4.2.8's client. Not modelled: proxies, HTTP/2, redirects.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from lab_helpers.router.core.log import Log

CONNECT_TIMEOUT_S = 10.0
# net.connect_timeout's default
RESPONSE_TIMEOUT_S = 60.0
MAX_HEAD_BYTES = 65_536

Done = TypeVar("Done")


class HttpError(Exception):
    """No usable answer; `line` is the error to log, `unsent` that no connection could be made at all."""

    def __init__(self, line: str, unsent: bool = False) -> None:
        super().__init__(line)
        self.line, self.unsent = line, unsent


@dataclass(frozen=True)
class Tls:
    """TLS settings of an output. None for a file means the system's default."""

    verify: bool = True
    ca_file: str | None = None
    ca_path: str | None = None
    crt_file: str | None = None
    key_file: str | None = None
    vhost: str | None = None

    def context(self) -> Any:
        """Return the ssl context. Raises OSError where a file cannot be read."""
        import ssl  # only where TLS is used: it costs 3 MiB

        context = ssl.create_default_context(cafile=self.ca_file, capath=self.ca_path)
        if not self.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if self.crt_file:
            context.load_cert_chain(self.crt_file, self.key_file)
        return context


@dataclass(frozen=True)
class Target:
    """Where to connect to; `tls` None is plain TCP."""

    host: str
    port: int
    tls: Tls | None = None

    @property
    def host_header(self) -> str:
        """The Host header: without the scheme's own port."""
        return self.host if self.port == (443 if self.tls else 80) else f"{self.host}:{self.port}"


@dataclass(frozen=True)
class Response:
    """An answer: header names in lower case; `head` is the status line and headers as they came."""

    status: int
    headers: dict[str, str]
    body: bytes
    head: bytes = b""


class Connection:
    """One connection that is opened when needed, kept when the server keeps it, and used by one thread."""

    def __init__(self, target: Target, log: Log, timeout_s: float = RESPONSE_TIMEOUT_S) -> None:
        self.target, self._log, self._timeout_s = target, log, timeout_s
        self._socket: socket.socket | None = None
        self._context: Any = None
        self._rest = b""

    def exchange(
        self,
        method: str,
        path: str,
        headers: Iterable[tuple[str, str]],
        body: bytes,
        meanwhile: Callable[[], None] | None = None,
    ) -> Response:
        """Send a request and return its answer; `meanwhile` is called while the server works on it. Raises HttpError.

        A kept connection that the server has closed meanwhile is opened anew once, before anything is lost by it.
        """
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
        head = f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode("utf-8", "surrogateescape")
        if self._socket is not None and self._is_closed_by_peer():
            self.close()
        if self._socket is None:
            self._open()
        self._told(lambda: self._write(head, body))
        if meanwhile is not None:
            meanwhile()
        response = self._told(self._read)
        if response.headers.get("connection", "").lower() == "close":
            self.close()
        return response

    def close(self) -> None:
        """Close; safe twice."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.close()
        self._socket, self._rest = None, b""

    def _told(self, step: Callable[[], Done]) -> Done:
        """Do a step of an exchange; what fails closes the connection and is told in the reference's words."""
        try:
            return step()
        except TimeoutError as exc:
            self.close()
            raise HttpError(
                f"[http_client] response timeout reached (elapsed={self._timeout_s:.0f}s, limit={self._timeout_s:.0f}s)"
            ) from exc
        except (OSError, ValueError, LookupError, EOFError) as exc:
            self.close()
            raise HttpError(f"[http_client] broken connection to {self.target.host}:{self.target.port} ?") from exc

    def _open(self) -> None:
        host, port = self.target.host, self.target.port
        try:
            raw = socket.create_connection((host, port), CONNECT_TIMEOUT_S)
        except OSError as exc:
            reason = exc.strerror or str(exc)
            self._log.info(f"[net] TCP connection failed: {host}:{port} ({reason})")
            raise HttpError("[aws_client] connection initialization error", unsent=True) from exc
        raw.settimeout(self._timeout_s)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = self._secured(raw)

    def _secured(self, raw: socket.socket) -> socket.socket:
        tls = self.target.tls
        if tls is None:
            return raw
        try:
            self._context = self._context or tls.context()
            return self._context.wrap_socket(raw, server_hostname=tls.vhost or self.target.host)  # type: ignore[no-any-return]
        except OSError as exc:
            raw.close()
            self._log.error(f"[tls] {exc}")
            raise HttpError("[aws_client] connection initialization error", unsent=True) from exc

    def _write(self, head: bytes, body: bytes) -> None:
        assert self._socket is not None
        if len(body) < 8192:
            self._socket.sendall(head + body)
        else:
            self._socket.sendall(head)
            self._socket.sendall(body)

    def _is_closed_by_peer(self) -> bool:
        assert self._socket is not None
        try:
            self._socket.settimeout(0)
            return self._socket.recv(1, socket.MSG_PEEK) == b"" if self.target.tls is None else False
        except (BlockingIOError, ValueError):
            return False
        except OSError:
            return True
        finally:
            self._socket.settimeout(self._timeout_s)

    def _read(self) -> Response:
        while True:
            head = self._read_head()
            status_line, *lines = head.decode("latin-1").split("\r\n")
            status = int(status_line.split(" ", 2)[1])
            if status != 100:
                break
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        if headers.get("transfer-encoding", "").lower() == "chunked":
            return Response(status, headers, self._read_chunked(), head)
        size = max(0, int(headers.get("content-length", "0")))
        return Response(status, headers, self._take(size), head)

    def _read_head(self) -> bytes:
        while b"\r\n\r\n" not in self._rest:
            if len(self._rest) > MAX_HEAD_BYTES:
                raise ValueError("an answer's head without an end")
            self._receive()
        head, _, self._rest = self._rest.partition(b"\r\n\r\n")
        return head

    def _read_chunked(self) -> bytes:
        pieces: list[bytes] = []
        while True:
            while b"\r\n" not in self._rest:
                self._receive()
            line, _, self._rest = self._rest.partition(b"\r\n")
            size = int(line.split(b";")[0], 16)
            piece = self._take(size + 2)
            if size == 0:
                return b"".join(pieces)
            pieces.append(piece[:-2])

    def _take(self, size: int) -> bytes:
        while len(self._rest) < size:
            self._receive()
        taken, self._rest = self._rest[:size], self._rest[size:]
        return taken

    def _receive(self) -> None:
        assert self._socket is not None
        received = self._socket.recv(65_536)
        if not received:
            raise EOFError("the server closed the connection")
        self._rest += received
