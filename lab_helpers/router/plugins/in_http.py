"""Take records from POST requests: JSON objects and arrays, or form fields.

Source: Fluent Bit 4.2.8: the path is the tag, odd letters become `_`; each answer is 201 without a body. The reference
has two servers and takes the older one with `http2 off`; they differ in their answers, in what they take for JSON, and
in whether the path is decoded. A body may be compressed with gzip, deflate, zlib or zstd.
Not modelled: HTTP/2, TLS, snappy; that the newer server answers a refused request twice.
"""

from __future__ import annotations

import re
import time
from typing import Any
from urllib.parse import unquote

from lab_helpers.router.core.log import ComponentLog
from lab_helpers.router.core.options import Kind, Option, Options, to_flag
from lab_helpers.router.core.version import VERSION
from lab_helpers.router.net.http_request import Request
from lab_helpers.router.net.http_stream import Answer, RequestStream
from lab_helpers.router.net.listener import Listener, port_of
from lab_helpers.router.parsing.json_reader import JsonIncompleteError, JsonInvalidError, read_arrived
from lab_helpers.router.plugin import Input, InputContext, InputPlugin, PluginInitError
from lab_helpers.router.records.accessor import AccessorError, look_up
from lab_helpers.router.records.batch import Batch
from lab_helpers.router.records.compress import DecompressError, decompress, gzip_complaint
from lab_helpers.router.records.record import Record
from lab_helpers.router.records.tag_template import key_path

DEFAULT_HOST, DEFAULT_PORT = "0.0.0.0", 9880
SERVER = f"Fluent Bit v{VERSION}"
REASONS = {200: "OK", 201: "Created", 204: "No Content", 400: "Bad Request", 413: "Request Entity Too Large"}
JSON, FORM = "application/json", "application/x-www-form-urlencoded"
ENCODINGS = frozenset({"gzip", "deflate", "zlib", "zstd"})
GZIP_FAILED = "[opentelemetry] gzip decompression failed"
# of the older server, whose function came from another plugin
TOO_LARGE = b"HTTP/1.1 413 Request Entity Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_ODD = re.compile(r"[^A-Za-z0-9_.]")


class RefusedError(ValueError):
    """The request is answered with 400 and this text."""


class Http(Input):
    """The input: settings, and one RequestStream per connection."""

    def __init__(self, options: Options, context: InputContext) -> None:
        self.context = context
        if to_flag(context.properties.get("tls", "off")) is True:
            raise PluginInitError("this router's http input has no TLS: set 'tls off' or put the sender on loopback")
        self._core_log = ComponentLog(context.service.sink)
        self._is_newer: bool = options["http2"]
        self.max_bytes: int = options["buffer_max_size"]
        if not self._is_newer:
            self.max_bytes = max(self.max_bytes, options["buffer_chunk_size"])
        self._refused = "error: unable to process records\n" if self._is_newer else "error: invalid payload\n"
        self._status = options["successful_response_code"]
        if self._status not in (200, 201, 204):
            context.log.error(f"{self._status} is not supported response code. Use default 201")
            self._status = 201
        self._headers = [(words[0], words[-1]) for words in options["success_header"]]
        try:
            self._tag_path = key_path(options["tag_key"]) if options["tag_key"] else None
        except AccessorError as exc:
            raise PluginInitError(
                *exc.lines, f"invalid record accessor pattern for tag_key: {options['tag_key']}"
            ) from exc
        self._listener = Listener(context.loop, lambda connection: RequestStream(self, connection))

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._listener.port

    def start(self) -> None:
        """Listen. Raises PluginInitError when the address cannot be had."""
        host = self.context.properties.get("listen") or DEFAULT_HOST
        port = port_of(self.context, DEFAULT_PORT)
        try:
            self._listener.start(host, port)
        except OSError as exc:
            self.context.service.sink.write("error", "Error binding socket")
            self.context.service.sink.write(" warn", f"Cannot listen on {host} port {port}")
            raise PluginInitError(
                f"[downstream] could not bind address {host}:{port}. Aborting",
                f"could not start http server on {host}:{port}. Aborting",
            ) from exc

    def pause(self) -> None:
        """Close the connections; their senders come again later."""
        self._listener.pause()

    def resume(self) -> None:
        """Accept again."""
        self._listener.resume()

    def stop(self) -> None:
        """Close everything."""
        self._listener.stop()

    def answer(self, request: Request) -> Answer:
        """Take the request's records and return the answer."""
        if not self._is_newer and request.version == "HTTP/1.1" and "host" not in request.headers:
            return Answer(b"", False)  # the older server closes the connection without a word
        try:
            bodies = self._bodies(request)
        except RefusedError as exc:
            return Answer(self._response(400, str(exc)), request.keeps_alive)
        path = request.path if self._is_newer else unquote(request.path)
        tag = _ODD.sub("_", path[1:]) or self.context.tag
        now_ns = time.time_ns()
        for body in bodies:
            self.context.ingest(self._tag_of(body) or tag, Batch(records=[Record(now_ns, body)]))
        return Answer(self._response(self._status), request.keeps_alive)

    def refusal(self, status: int) -> bytes:
        """Return the answer to what is no request: none; or to what is too large."""
        if status != 413:
            return b""
        return TOO_LARGE if self._is_newer else self._response(status)

    def _response(self, status: int, text: str = "") -> bytes:
        """Return an answer's bytes."""
        headers = self._headers if status < 300 else []
        reason, length = REASONS[status], len(text.encode())
        if self._is_newer:
            lines = [(name.lower(), value) for name, value in headers] + [("content-length", str(length))]
        else:
            reason += " " * (status == 201)
            lines = [("Server", SERVER), *headers, *([] if status == 204 else [("Content-Length", str(length))])]
        head = "".join(f"{name}: {value}\r\n" for name, value in lines)
        return f"HTTP/1.1 {status} {reason}\r\n{head}\r\n{text}".encode()

    def _bodies(self, request: Request) -> list[dict[Any, Any]]:
        if request.method != "POST":
            raise RefusedError("error: invalid HTTP method\n")
        kind = request.headers.get("content-type")
        if kind is None:
            raise RefusedError("error: header 'Content-Type' is not set\n")
        has_more = not self._is_newer and kind.lower().startswith((JSON + " ", JSON + ";"))
        if kind.lower() not in (JSON, FORM) and not has_more:
            raise RefusedError("error: invalid 'Content-Type'\n")
        if not request.body:
            raise RefusedError("error: no payload found\n")
        body = self._uncompressed(request)
        return self._form(body) if kind.lower() == FORM else self._json(body)

    def _uncompressed(self, request: Request) -> bytes:
        """Return the body as it was before it was compressed; what is no such thing goes on as it is, as there."""
        encoding = request.headers.get("content-encoding", "").lower()
        if encoding not in ENCODINGS:
            return request.body
        if encoding == "deflate" and not self._is_newer:
            self.context.log.warn("deflate decompression is not supported")
            return request.body
        try:
            return decompress(encoding, request.body)
        except DecompressError:
            if encoding == "gzip":
                self.context.service.sink.write("error", f"[gzip] {gzip_complaint(request.body)}")
                failed = "[http gzip] decompression failed" if self._is_newer else GZIP_FAILED
                self.context.service.sink.write("error", failed)
            return request.body

    def _json(self, data: bytes) -> list[dict[Any, Any]]:
        try:
            documents = read_arrived(data).documents
        except JsonIncompleteError as exc:
            self.context.log.warn("JSON data is incomplete, skipping")
            raise RefusedError(self._refused) from exc
        except JsonInvalidError as exc:
            self.context.log.warn("invalid JSON message, skipping")
            raise RefusedError(self._refused) from exc
        bodies: list[dict[Any, Any]] = []
        for document in documents:
            if not isinstance(document, dict | list):
                self.context.log.error(f"skip record from invalid type: {type(document).__name__}")
                raise RefusedError(self._refused)
            if isinstance(document, list):
                return bodies + [one for one in document if isinstance(one, dict)]  # what is behind a list is not read
            bodies.append(document)
        return bodies

    def _form(self, data: bytes) -> list[dict[Any, Any]]:
        text = data.decode("utf-8", "surrogateescape")
        pairs = [part.strip("\n").partition("=") for part in text.split("&")]
        body = {key.strip(): unquote(value.strip().replace("+", " ")) for key, equals, value in pairs if key and equals}
        if not body:
            raise RefusedError(self._refused)
        return [body]

    def _tag_of(self, body: dict[Any, Any]) -> str:
        value = look_up(self._tag_path, body, self._core_log) if self._tag_path else None
        return _ODD.sub("_", value) if isinstance(value, str) else ""


PLUGIN = InputPlugin(
    "http",
    "Take records from POST requests.",
    Http,
    (
        Option("http2", Kind.FLAG, "Off: answers as the older server does. HTTP/1.1 only either way.", default="true"),
        Option("buffer_max_size", Kind.SIZE, "Longest request in bytes.", default="4M"),
        Option("buffer_chunk_size", Kind.SIZE, "Accepted.", default="512K"),
        Option("success_header", Kind.WORDS, "NAME VALUE: one more header of each answer.", multiple=True, at_least=1),
        Option("tag_key", help="Key of the record that holds the tag."),
        Option("successful_response_code", Kind.INTEGER, "200, 201 or 204.", default="201"),
    ),
    core=("listen", "port", "tag", "mem_buf_limit"),
    config_error="",
)
