"""Take records from TCP connections: JSON documents, or lines of text.

FireLens writes a `tcp` input on port 8877 into every configuration, for the health check of the log router's container.

Source: Fluent Bit 4.2.8: strips one CR or LF at the head, keeps half a document for the next read, drops everything
that has arrived when any of it is bad.
Not modelled: TLS, net.* settings.
"""

from __future__ import annotations

import time
from typing import Any

from lab_helpers.router.core.options import Option, Options, to_integer
from lab_helpers.router.net.listener import Connection, Listener
from lab_helpers.router.parsing.json_reader import JsonIncompleteError, JsonInvalidError, read_arrived
from lab_helpers.router.plugin import Input, InputContext, InputPlugin, PluginInitError
from lab_helpers.router.records.batch import Batch
from lab_helpers.router.records.escapes import unescape
from lab_helpers.router.records.record import Record

DEFAULT_HOST, DEFAULT_PORT = "0.0.0.0", 5170
KIBIBYTE = 1024
DEFAULT_CHUNK_BYTES = 32 * KIBIBYTE
INVALID_VALUE_TYPE = -6  # Fluent Bit's number for a record that is neither map nor array


class Tcp(Input):
    """The input: settings, and one Stream per connection."""

    def __init__(self, options: Options, context: InputContext) -> None:
        self.context = context
        self.format = (options["format"] or "json").lower()
        if self.format not in ("json", "none"):
            raise PluginInitError(f"unrecognized format value '{options['format']}'")
        if context.properties.get("tls", "").lower() in ("on", "true", "yes"):
            raise PluginInitError("this router's tcp input has no TLS: set 'tls off' or put the sender on loopback")
        self.separator = unescape(options["separator"] or "\\n").encode("utf-8", "surrogateescape")
        self.chunk_bytes = _kibibytes(options["chunk_size"]) or DEFAULT_CHUNK_BYTES
        self.buffer_bytes = max(_kibibytes(options["buffer_size"]) or self.chunk_bytes, self.chunk_bytes)
        self.source_address_key: str | None = options["source_address_key"]
        self._listener = Listener(context.loop, lambda connection: Stream(self, connection))

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._listener.port

    def start(self) -> None:
        """Listen. Raises PluginInitError when the address cannot be had."""
        self._listener.listen(self.context, DEFAULT_HOST, DEFAULT_PORT)

    def pause(self) -> None:
        """Close the connections; their senders come again later."""
        self._listener.pause()

    def resume(self) -> None:
        """Accept again."""
        self._listener.resume()

    def stop(self) -> None:
        """Close everything."""
        self._listener.stop()

    def ingest(self, bodies: list[dict[Any, Any]]) -> None:
        """Hand the bodies over, stamped with the current time."""
        if bodies:
            now_ns = time.time_ns()
            self.context.ingest(self.context.tag, Batch(records=[Record(now_ns, body) for body in bodies]))


class Stream:
    """The bytes of one connection that are not yet records."""

    def __init__(self, tcp: Tcp, connection: Connection) -> None:
        self._tcp, self._connection = tcp, connection
        self._pending = b""

    def received(self, data: bytes) -> None:
        """Turn what is complete into records; close the connection when the rest does not fit the buffer."""
        pending = self._pending + data
        if pending[:1] in (b"\r", b"\n"):
            pending = pending[1:]
        self._pending = self._take_json(pending) if self._tcp.format == "json" else self._take_text(pending)
        if len(self._pending) >= self._tcp.buffer_bytes - 1:
            limit = self._tcp.buffer_bytes // KIBIBYTE
            number = self._connection.socket.fileno()
            self._tcp.context.log.warn(f"fd={number} incoming data exceeds 'Buffer_Size' ({limit} KB)")
            self._connection.close()

    def _take_json(self, data: bytes) -> bytes:
        try:
            documents, consumed = read_arrived(data)
        except JsonIncompleteError:
            return data
        except JsonInvalidError:
            self._tcp.context.log.warn("invalid JSON message, skipping")
            return b""
        if all(isinstance(one, dict | list) for one in documents):
            self._tcp.ingest([self._body(one) for one in documents])
        else:
            self._tcp.context.log.error(f"log event encoding error : {INVALID_VALUE_TYPE}")
        return data[consumed:]

    def _body(self, document: dict[Any, Any] | list[Any]) -> dict[Any, Any]:
        body = document if isinstance(document, dict) else {"msg": document}
        if self._tcp.source_address_key:
            body[self._tcp.source_address_key] = self._connection.peer
        return body

    def _take_text(self, data: bytes) -> bytes:
        bodies: list[dict[Any, Any]] = []
        while (end := data.find(self._tcp.separator)) > 0:  # an empty line stops the reading: Fluent Bit's way
            bodies.append({"log": data[:end].decode("utf-8", "surrogateescape")})
            data = data[end + len(self._tcp.separator) :]
        self._tcp.ingest(bodies)
        return data


def _kibibytes(text: str | None) -> int:
    return to_integer(text) * KIBIBYTE if text else 0


PLUGIN = InputPlugin(
    "tcp",
    "Take JSON documents or lines of text from TCP connections.",
    Tcp,
    (
        Option("format", help="json (default) or none: text, split at the separator."),
        Option("separator", help="What splits records with format none; \\n and the like are understood. Default \\n."),
        Option("chunk_size", help="KiB that the buffer of a connection starts with. Default 32."),
        Option("buffer_size", help="KiB that it may grow to; a longer message closes the connection."),
        Option("source_address_key", help="Key that gets the sender's address."),
    ),
    core=("listen", "port", "tag", "mem_buf_limit"),
    config_error="unable to load configuration",
)
