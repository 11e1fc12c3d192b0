"""Take records by the forward protocol, on a unix socket or TCP: what the awsfirelens log driver speaks.

Source: Fluent Bit 5.1.1. Over its Mem_Buf_Limit the input closes its connections and listens again when there is room;
what was not read yet is not acknowledged. With a key a connection begins with the handshake of secure forward.
At its end it takes what senders have sent already: every connection that waits, to the last byte that the kernel holds
(the reference takes a part). What is read and cannot be taken is told to the engine as lost.
Not modelled: TLS on the input (refused).
"""

from __future__ import annotations

import contextlib
import os
import socket
import stat
from collections.abc import Sequence
from typing import TYPE_CHECKING

from lab_helpers.router.core.options import Kind, Option, Options, to_flag
from lab_helpers.router.net.listener import port_of, refusal
from lab_helpers.router.plugin import Input, InputContext, InputPlugin, PluginInitError
from lab_helpers.router.records.batch import Batch
from lab_helpers.router.records.forward import Frame, FrameError, acknowledgement, read_frames

if TYPE_CHECKING:
    from lab_helpers.router.net.secure_forward import ServerHandshake

DEFAULT_PORT = 24224
READ_BYTES = 1 << 18
BACKLOG = 128
LAST_READS = 8
# at the end, of each connection: 2 MB, ten times what a socket of Linux or macOS holds
HOSTNAME = "localhost"
# what the input calls itself in a handshake


class Forward(Input):
    """The input: a listener and its connections, all on the engine's loop."""

    def __init__(self, options: Options, context: InputContext) -> None:
        self._has_key = bool(options["shared_key"] or options["empty_shared_key"])
        if options["security.users"] and not self._has_key:
            raise PluginInitError("security.users is set but no shared_key or empty_shared_key")
        if options["unix_path"] and options["workers"] > 1:
            raise PluginInitError("workers is not supported with unix_path")
        if to_flag(context.properties.get("tls", "off")):
            raise PluginInitError("'tls' on an input is not modelled by this router")
        self._context, self._options = context, options
        self._own_tag = context.properties.get("tag") or None
        self._prefix = options["tag_prefix"]
        self.max_bytes: int = options["buffer_max_size"]
        self._listener: socket.socket | None = None
        self._connections: dict[Connection, None] = {}  # in the order in which they came
        self._stopped = False

    def start(self) -> None:
        """Listen. Raises PluginInitError."""
        path = self._options["unix_path"]
        try:
            self._listener = self._unix_listener(path) if path else self._tcp_listener()
        except OSError as exc:
            if not path:
                raise refusal(exc, *self._address(), self._context, "unix://") from exc
            raise PluginInitError(f"could not bind address {path}. Aborting", f"{path}: {exc.strerror}") from exc
        self._listener.setblocking(False)
        self._context.loop.add_reader(self._listener, self._accept)

    def pause(self) -> None:
        """Close all connections: their senders come back when there is room."""
        if self._listener is not None:
            self._context.loop.remove_reader(self._listener)
        for connection in list(self._connections):
            if not connection.is_processing:  # that one answers first, then closes itself
                connection.close()

    def resume(self) -> None:
        """Accept connections again."""
        if self._listener is not None and not self._stopped:
            self._context.loop.add_reader(self._listener, self._accept)

    def stop(self) -> None:
        """Read what has already arrived, also on connections that nobody has accepted yet, then close everything."""
        if self._stopped or self._listener is None:
            return
        self._stopped = True
        self._context.loop.remove_reader(self._listener)
        if self._options["unix_path"]:
            with contextlib.suppress(OSError):
                os.unlink(self._options["unix_path"])  # first: from now on nobody new can connect
        self._accept()
        self._listener.close()
        for connection in list(self._connections):
            connection.read_rest()
            connection.close()

    def take(self, frame: Frame) -> bool:
        """Hand a frame's records on; returns False when the input is paused by them and the sender has to come again.

        At the end there is no coming again: what has arrived is taken, over the limit or not.
        """
        tag = self._prefix + frame.tag if self._prefix else self._own_tag or frame.tag
        if not tag:
            self._context.lose(frame.count, "no tag")  # the reference loses a record without a tag, too
            return True
        may_go_on = self._context.ingest(tag, Batch(raw=frame.raw, count=frame.count))
        return may_go_on or self._stopped

    def handshake(self) -> ServerHandshake | None:
        """Return the handshake that a connection begins with; None without a shared key."""
        if not self._has_key:
            return None
        from lab_helpers.router.net.secure_forward import ServerHandshake  # only where there is a key

        users = {words[0]: words[1] for words in self._options["security.users"]}
        return ServerHandshake(self._options["shared_key"] or "", users, self._options["self_hostname"] or HOSTNAME)

    def forget(self, connection: Connection) -> None:
        """Drop a connection that has closed."""
        self._connections.pop(connection, None)

    @property
    def context(self) -> InputContext:
        """The instance's context."""
        return self._context

    def _address(self) -> tuple[str, int]:
        core = self._context.properties
        return core.get("listen") or core.get("host") or "0.0.0.0", port_of(self._context, DEFAULT_PORT)

    def _tcp_listener(self) -> socket.socket:
        host, port = self._address()
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        socket.getaddrinfo(host, None, family)  # create_server hides what kind of error it was
        listener = socket.create_server((host, port % 65_536), family=family, backlog=BACKLOG)
        shown = listener.getsockname()[1]
        workers = max(1, self._options["workers"])
        plural = "" if workers == 1 else "s"
        self._context.log.info(f"listening on {host}:{shown} with {workers} worker{plural}")
        return listener

    def _unix_listener(self, path: str) -> socket.socket:
        with contextlib.suppress(FileNotFoundError):
            if stat.S_ISSOCK(os.stat(path).st_mode):
                os.unlink(path)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        if self._options["unix_perm"]:
            os.chmod(path, int(self._options["unix_perm"], 8))
        listener.listen(BACKLOG)
        self._context.log.info(f"listening on unix://{path}")
        return listener

    def _accept(self) -> None:
        """Take every connection that waits: behind a probe's there may be a sender's that has ended already."""
        assert self._listener is not None
        while True:
            try:
                peer, _ = self._listener.accept()
            except BlockingIOError:
                return
            except ConnectionError:  # that one has gone; there may be others
                continue
            self._connections[Connection(self, peer)] = None


class Connection:
    """One sender: bytes that are no whole frame yet, and the socket."""

    def __init__(self, owner: Forward, peer: socket.socket) -> None:
        self._owner, self._peer = owner, peer
        self._rest = bytearray()
        self._is_open = True
        self.is_processing = False
        peer.setblocking(False)
        self._handshake = owner.handshake()
        if self._handshake is not None:
            self._send(self._handshake.helo())
        owner.context.loop.add_reader(peer, self._readable)

    def close(self) -> None:
        """Close; safe twice."""
        if self._is_open:
            self._is_open = False
            self._owner.context.loop.remove_reader(self._peer)
            self._peer.close()
            self._owner.forget(self)

    def read_rest(self) -> None:
        """Take what the kernel holds already; not more, for a sender that never stops would keep the router alive."""
        for _ in range(LAST_READS):
            if not self._is_open or not self._readable():
                return

    def _readable(self) -> bool:
        try:
            received = self._peer.recv(READ_BYTES)
        except BlockingIOError:
            return False
        except OSError:
            received = b""
        if not received:
            self.close()
            return False
        self._rest += received
        if self._handshake is None or self._shake(self._handshake):
            self._process()
        return True

    def _shake(self, handshake: ServerHandshake) -> bool:
        """Take the sender's PING; return whether records may follow."""
        log = self._owner.context.log
        try:
            answered = handshake.answer(bytes(self._rest))
        except ValueError as exc:  # HandshakeError
            log.error(str(exc))
            log.error("handshake error checking PING")
            self.close()
            return False
        if answered is None:
            return False
        pong, refusal, used = answered
        self._send(pong)
        if refusal:
            log.warn("user authentication is failed")
            self.close()
            return False
        del self._rest[:used]
        self._handshake = None
        return True

    def _send(self, data: bytes) -> None:
        with contextlib.suppress(OSError):  # a sender that has gone is found at the next read
            self._peer.sendall(data)

    def _process(self) -> None:
        self.is_processing = True
        try:
            self._take_frames()
        finally:
            self.is_processing = False

    def _take_frames(self) -> None:
        framing = read_frames(self._rest, self._owner.max_bytes)
        for number, frame in enumerate(framing.frames, start=1):
            if frame.warning:
                self._owner.context.log.warn(frame.warning)
            may_go_on = self._owner.take(frame)
            if frame.chunk is not None:
                self._answer(acknowledgement(frame.chunk))
            if not may_go_on:
                self._lose_without_answer(framing.frames[number:])
                self.close()
                return
        if framing.error is not None:
            self._owner.context.lose(1, "unreadable")
            self._tell(framing.error)
            self.close()
            return
        del self._rest[: framing.used]
        if len(self._rest) >= self._owner.max_bytes:
            self._owner.context.log.warn(
                f"fd={self._peer.fileno()} incoming data exceed limit ({self._owner.max_bytes} bytes)"
            )
            self._owner.context.lose(1, "too long")
            self.close()

    def _lose_without_answer(self, frames: Sequence[Frame]) -> None:
        """Count frames that were read and not taken; who asks for answers sends them again, and has lost nothing."""
        self._owner.context.lose(sum(frame.count for frame in frames if frame.chunk is None), "paused input")

    def _tell(self, error: FrameError) -> None:
        log = self._owner.context.log
        for text in str(error).splitlines():
            if text.startswith("["):
                self._owner.context.service.sink.write("error", text)
            else:
                (log.error if error.is_error else log.warn)(text)

    def _answer(self, data: bytes) -> None:
        if not self._is_open:
            return
        try:
            self._peer.sendall(data)
        except OSError:
            self._owner.context.log.error("cannot send ACK response")


PLUGIN = InputPlugin(
    "forward",
    "Take records by the forward protocol (Fluentd, FireLens).",
    Forward,
    (
        Option("tag_prefix", help="Put this before each tag."),
        Option("shared_key", help="Senders must know this key: secure forward."),
        Option("self_hostname", help="Accepted, without effect (secure forward)."),
        Option("security.users", Kind.WORDS, "NAME PASSWORD that senders must give, too.", multiple=True, at_least=2),
        Option("unix_path", help="Unix socket to listen on, in the place of TCP."),
        Option("unix_perm", help="Permissions of the unix socket, octal."),
        Option("buffer_chunk_size", Kind.SIZE, "Accepted, without effect: reads are 256 KiB.", "1024000"),
        Option("buffer_max_size", Kind.SIZE, "Largest message in bytes; above, the connection is closed.", "6144000"),
        Option("empty_shared_key", Kind.FLAG, "Secure forward with an empty key.", "false"),
        Option("workers", Kind.INTEGER, "Accepted: one thread reads; above 1 not with unix_path.", "1"),
    ),
    core=("listen", "port", "tag", "mem_buf_limit", "storage.type"),
    config_error="config map set error",
)
