"""Send records to another Fluent Bit or Fluentd with the forward protocol.

Source: Fluent Bit 4.2.8: forward mode, compressed packed-forward with `Compress gzip`, message mode where the tag needs
the record; acknowledgements are asked for with the checksum of the entries.
`shared_key`, `username`: the handshake of secure forward. Not modelled: upstream files (refused).
"""

from __future__ import annotations

import contextlib
import hashlib
import socket
import struct
from base64 import b64encode
from collections.abc import Callable
from typing import Any

import msgpack

from lab_helpers.router.aws.aws_output import tls_of
from lab_helpers.router.core.log import ComponentLog, Log
from lab_helpers.router.core.options import Kind, Option, Options, to_flag, to_integer
from lab_helpers.router.net.secure_forward import ClientHandshake, HandshakeError
from lab_helpers.router.plugin import FlushResult, Output, OutputContext, OutputPlugin, PluginInitError
from lab_helpers.router.records.accessor import AccessorError
from lab_helpers.router.records.buffer import Chunk
from lab_helpers.router.records.compress import compressor
from lab_helpers.router.records.record import NS, Record, new_unpacker
from lab_helpers.router.records.tag_template import Facts, parse_tag_template

DEFAULT_HOST, DEFAULT_PORT = "127.0.0.1", "24224"
TIMEOUT_S = 10.0
LOGS = 0  # fluent_signal of log events
UNSUPPORTED = ("upstream",)
HOSTNAME = "localhost"
# what the output calls itself in a handshake


class Link:
    """The connection to the other side; opened when needed, closed after an error."""

    def __init__(
        self, context: OutputContext, unix_path: str | None, begin: Callable[[], ClientHandshake] | None
    ) -> None:
        core = context.properties
        self._context, self._unix_path, self._begin = context, unix_path, begin
        self.host, self.port = core.get("host") or DEFAULT_HOST, to_integer(core.get("port") or DEFAULT_PORT)
        self._uses_tls = to_flag(core.get("tls", "off")) is True
        self._socket: socket.socket | None = None

    def send(self, data: bytes, ack: str | None) -> None:
        """Send a message; with `ack` wait for its acknowledgement. Raises OSError, ValueError."""
        if self._socket is not None and self._is_gone(self._socket):
            self.close()
        if self._socket is None:
            self._socket = self._open()
            self._shake(self._socket)
        self._socket.sendall(data)
        if ack is not None:
            self._await(self._socket, ack)

    def close(self) -> None:
        """Close; safe twice."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.close()
        self._socket = None

    def _shake(self, sock: socket.socket) -> None:
        """Go through the handshake where there is a key. Raises OSError, ValueError."""
        if self._begin is None:
            return
        from lab_helpers.router.net.secure_forward import receive

        handshake = self._begin()
        sock.sendall(handshake.ping(receive(sock.recv, "HELO")))
        handshake.check(receive(sock.recv, "PONG"))

    def _open(self) -> socket.socket:
        if self._unix_path:
            return _open_unix(self._unix_path)
        sock = socket.create_connection((self.host, self.port), TIMEOUT_S)
        if not self._uses_tls:
            return sock
        tls = tls_of(self._context)
        try:
            secured: socket.socket = tls.context().wrap_socket(sock, server_hostname=tls.vhost or self.host)
        except OSError:
            sock.close()
            raise
        return secured

    def _is_gone(self, sock: socket.socket) -> bool:
        if self._uses_tls:
            return False
        try:
            sock.settimeout(0)
            return sock.recv(1, socket.MSG_PEEK) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True
        finally:
            sock.settimeout(TIMEOUT_S)

    def _await(self, sock: socket.socket, ack: str) -> None:
        unpacker = new_unpacker()
        while True:
            data = sock.recv(4096)
            if not data:
                raise OSError("connection closed before the acknowledgement")
            unpacker.feed(data)
            for answer in unpacker:
                if not isinstance(answer, dict) or answer.get("ack") != ack:
                    raise ValueError(f"acknowledgement {answer!r} where {ack!r} was expected")
                return


class Forward(Output):
    """The output."""

    def __init__(self, options: Options, context: OutputContext) -> None:
        self._log: Log = context.log
        self._core_log = ComponentLog(context.service.sink)
        for key in UNSUPPORTED:
            if options[key]:
                raise PluginInitError(f"this router's forward output has no '{key}': take it out")
        compression = (options["compress"] or "").lower()
        if compression not in ("", "text", "gzip"):
            raise PluginInitError(f"invalid compress mode: {options['compress']}")
        self._compress = compressor("gzip") if compression == "gzip" else None
        self._whole_seconds: bool = options["time_as_integer"]
        self._wants_ack: bool = options["require_ack_response"]
        self._sends_options = options["send_options"] or self._wants_ack or self._compress is not None
        self._extra = [(words[0], words[1]) for words in options["add_option"]]
        try:
            self._tag = parse_tag_template(options["tag"]) if options["tag"] else None
        except AccessorError as exc:
            raise PluginInitError(*exc.lines, f"cannot create record accessor for tag: '{options['tag']}'") from exc
        self._link = Link(context, options["unix_path"], _handshakes(options))
        self._is_unix = bool(options["unix_path"])

    def flush(self, chunk: Chunk) -> FlushResult:
        """Send the chunk; RETRY where it did not get through or was not acknowledged."""
        try:
            for tag, records in self._by_tag(chunk):
                data, ack = self._message(tag, records)
                self._link.send(data, ack)
        except (OSError, ValueError) as exc:
            self._link.close()
            if isinstance(exc, HandshakeError):
                self._log.error(str(exc))
                return FlushResult.RETRY
            what = "unix socket connection" if self._is_unix else "upstream connections"
            self._log.error(f"no {what} available" if isinstance(exc, ConnectionError) else f"could not forward: {exc}")
            return FlushResult.RETRY
        return FlushResult.OK

    def stop(self) -> None:
        """Close the connection."""
        self._link.close()

    def _by_tag(self, chunk: Chunk) -> list[tuple[str, list[Record]]]:
        """Return runs of records that go under the same tag."""
        if self._tag is None:
            return [(chunk.tag, chunk.records())]
        runs: list[tuple[str, list[Record]]] = []
        for record in chunk.records():
            tag = self._tag.fill(Facts(chunk.tag, record.body, self._core_log))
            if not runs or runs[-1][0] != tag:
                runs.append((tag, []))
            runs[-1][1].append(record)
        return runs

    def _message(self, tag: str, records: list[Record]) -> tuple[bytes, str | None]:
        packer = msgpack.Packer(unicode_errors="surrogateescape")
        entries = b"".join(packer.pack([self._time(record.time_ns), record.body]) for record in records)
        head = packer.pack_array_header(3 if self._sends_options else 2) + packer.pack(tag)
        if self._compress is not None:
            data = head + packer.pack(self._compress(entries))
        else:
            data = head + packer.pack_array_header(len(records)) + entries
        if not self._sends_options:
            return data, None
        options = self._options(len(records), entries)
        return data + packer.pack(options), options.get("chunk")

    def _options(self, count: int, entries: bytes) -> dict[str, Any]:
        options: dict[str, Any] = {}
        if self._wants_ack:
            options["chunk"] = b64encode(hashlib.sha512(entries).digest()[:16]).decode()
        options["size"] = count
        if self._compress is not None:
            options["compressed"] = "gzip"
        return {**options, "fluent_signal": LOGS, **dict(self._extra)}

    def _time(self, time_ns: int) -> Any:
        if self._whole_seconds:
            return time_ns // NS
        return msgpack.ExtType(0, struct.pack(">II", time_ns // NS & 0xFFFF_FFFF, time_ns % NS))


def _handshakes(options: Options) -> Callable[[], ClientHandshake] | None:
    """Return what begins a handshake; None without a key. Raises PluginInitError for a user without one."""
    has_key = options["shared_key"] or options["empty_shared_key"]
    if not has_key and (options["username"] or options["password"]):
        raise PluginInitError(
            "'username'/'password' is set but no 'shared_key' or 'empty_shared_key' is configured: username/password "
            "authentication requires the secure forward handshake"
        )
    if not has_key:
        return None
    key, user, password = options["shared_key"] or "", options["username"], options["password"]
    return lambda: ClientHandshake(key, user, password, options["self_hostname"] or HOSTNAME)


def _open_unix(path: str) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(TIMEOUT_S)
    try:
        sock.connect(path)
    except OSError:
        sock.close()
        raise
    return sock


PLUGIN = OutputPlugin(
    "forward",
    "Send records to another Fluent Bit or Fluentd with the forward protocol.",
    Forward,
    (
        Option("time_as_integer", Kind.FLAG, "Times in whole seconds.", default="false"),
        Option("retain_metadata_in_forward_mode", Kind.FLAG, "Accepted: there is no metadata here.", default="false"),
        Option("shared_key", help="Key that both sides know: secure forward."),
        Option("self_hostname", help="What this side calls itself in the handshake. Default localhost."),
        Option("empty_shared_key", Kind.FLAG, "Secure forward with an empty key.", default="false"),
        Option("send_options", Kind.FLAG, "Send size and the like behind the records.", default="false"),
        Option("require_ack_response", Kind.FLAG, "Wait for the other side's acknowledgement.", default="false"),
        Option("username", help="User of the other side's security.users.", default=""),
        Option("password", help="The user's password.", default=""),
        Option("unix_path", help="Unix socket instead of host and port."),
        Option("upstream", help="Refused: not supported here."),
        Option("tag", help="Another tag; $key and $TAG[n] are filled in."),
        Option("compress", help="gzip."),
        Option("fluentd_compat", Kind.FLAG, "Accepted: there are no metrics here.", default="false"),
        Option("add_option", Kind.WORDS, "KEY VALUE: one more option.", multiple=True, at_least=2),
    ),
    core=("host", "port", "tls"),
    config_error="",
)
