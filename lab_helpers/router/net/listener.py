"""A TCP server on the engine's loop: accepts, reads, and tells a connection's owner what came."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable
from typing import Protocol

from lab_helpers.router.core.loop import Loop
from lab_helpers.router.core.options import to_integer
from lab_helpers.router.plugin import InputContext, PluginInitError

READ_BYTES = 65_536


class Connection:
    """One accepted connection. `handler` gets its bytes; close() may be called at any time, also twice."""

    def __init__(self, sock: socket.socket, listener: Listener) -> None:
        self.socket, self._listener = sock, listener
        self.handler: Handler | None = None

    @property
    def peer(self) -> str:
        """The other side as Fluent Bit writes it: `tcp://127.0.0.1:50000`."""
        with contextlib.suppress(OSError):
            host, port = self.socket.getpeername()[:2]
            return f"tcp://{host}:{port}"
        return ""

    def send(self, data: bytes) -> None:
        """Send a short answer; a peer that has gone is not worth an error."""
        with contextlib.suppress(OSError):
            self.socket.settimeout(1.0)
            self.socket.sendall(data)
            self.socket.setblocking(False)

    def close(self) -> None:
        """Close and forget the connection."""
        self._listener.forget(self)
        self.socket.close()

    def on_readable(self) -> None:
        """Read once and hand the bytes to the handler; the end of the stream closes the connection."""
        try:
            data = self.socket.recv(READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.close()
        elif self.handler is not None:
            self.handler.received(data)


def port_of(context: InputContext, default: int) -> int:
    """Return the input's port; what is no number is the default. `0`, any free port, is for tests."""
    text = context.properties.get("port") or ""
    return to_integer(text) or (0 if text == "0" else default)


def refusal(exc: OSError, host: str, port: int, context: InputContext, scheme: str = "") -> PluginInitError:
    """Log why nothing can listen there, and return what to raise."""
    sink = context.service.sink
    if isinstance(exc, socket.gaierror):
        sink.write(" warn", f"net_server: getaddrinfo(listen='{host}:{port}'): {exc.strerror}")
    else:
        sink.write("error", "Error binding socket")
        sink.write(" warn", f"Cannot listen on {host} port {port}")
    return PluginInitError(
        f"[downstream] could not bind address {host}:{port}. Aborting",
        f"could not initialize downstream on {scheme}{host}{'' if scheme else f':{port}'}. Aborting",
    )


class Handler(Protocol):
    """What understands the bytes of one connection."""

    def received(self, data: bytes, /) -> None:
        """Take the next bytes; may close the connection."""


class Listener:
    """Owns a listening socket and its connections; all on the loop's thread.

    `serve(connection)` returns the Handler of a new connection. pause() closes all connections, as Fluent Bit does,
    and accepts no more until resume().
    """

    def __init__(self, loop: Loop, serve: Callable[[Connection], Handler]) -> None:
        self._loop, self._serve = loop, serve
        self._socket: socket.socket | None = None
        self._connections: set[Connection] = set()
        self.port = 0

    def start(self, host: str, port: int) -> None:
        """Bind and listen; port 0 takes any free one, see `port`. Raises OSError."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        socket.getaddrinfo(host, None, family)  # create_server hides what kind of error it was
        self._socket = socket.create_server((host, port % 65_536), family=family, backlog=128)
        self._socket.setblocking(False)
        self.port = self._socket.getsockname()[1]
        self._loop.add_reader(self._socket, self._accept)

    def listen(self, context: InputContext, default_host: str, default_port: int, scheme: str = "") -> None:
        """Listen where the input's `listen` and `port` say. Raises PluginInitError with Fluent Bit's lines."""
        host, port = context.properties.get("listen") or default_host, port_of(context, default_port)
        try:
            self.start(host, port)
        except OSError as exc:
            raise refusal(exc, host, port, context, scheme) from exc

    def pause(self) -> None:
        """Close the connections and leave new ones waiting."""
        if self._socket is not None:
            self._loop.remove_reader(self._socket)
        self._close_connections()

    def resume(self) -> None:
        """Accept again."""
        if self._socket is not None:
            self._loop.remove_reader(self._socket)
            self._loop.add_reader(self._socket, self._accept)

    def stop(self) -> None:
        """Close everything; safe before start and twice."""
        if self._socket is not None:
            self._loop.remove_reader(self._socket)
            self._socket.close()
            self._socket = None
        self._close_connections()

    def forget(self, connection: Connection) -> None:
        """No longer watch this connection."""
        self._loop.remove_reader(connection.socket)
        self._connections.discard(connection)

    def _accept(self) -> None:
        if self._socket is None:
            return
        try:
            accepted, _ = self._socket.accept()
        except OSError:  # the client has gone again
            return
        accepted.setblocking(False)
        connection = Connection(accepted, self)
        connection.handler = self._serve(connection)
        self._connections.add(connection)
        self._loop.add_reader(accepted, connection.on_readable)

    def _close_connections(self) -> None:
        for connection in tuple(self._connections):
            connection.close()
