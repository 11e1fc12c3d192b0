"""Take records from POST requests: JSON objects and arrays, or form fields.

Source: Fluent Bit 4.2.8: the path is the tag, odd letters become `_`; each answer is 201 without a body.
A body may be compressed with gzip, deflate or zstd. Not modelled: HTTP/2, TLS.
"""

from __future__ import annotations

import re
import time
from typing import Any
from urllib.parse import unquote

from lab_helpers.local_aws.router.accessor import AccessorError
from lab_helpers.local_aws.router.compress import DecompressError, decompress
from lab_helpers.local_aws.router.http_request import Request
from lab_helpers.local_aws.router.http_stream import Answer, RequestStream
from lab_helpers.local_aws.router.json_reader import JsonIncompleteError, JsonInvalidError, read_arrived
from lab_helpers.local_aws.router.listener import Listener, port_of
from lab_helpers.local_aws.router.options import Kind, Option, Options, to_flag
from lab_helpers.local_aws.router.plugin import InputContext, Plugin, PluginInitError, PluginKind
from lab_helpers.local_aws.router.record import Batch, Record
from lab_helpers.local_aws.router.tag_template import key_path

DEFAULT_HOST, DEFAULT_PORT = "0.0.0.0", 9880
SERVER = "Fluent Bit v4.2.8"
REASONS = {200: "OK", 201: "Created", 204: "No Content", 400: "Bad Request", 413: "Request Entity Too Large"}
JSON, FORM = "application/json", "application/x-www-form-urlencoded"
ENCODINGS = frozenset({"gzip", "deflate", "zstd"})
_ODD = re.compile(r"[^A-Za-z0-9_.]")


class RefusedError(ValueError):
    """The request is answered with 400 and this text."""


class Http:
    """The input: settings, and one RequestStream per connection."""

    def __init__(self, options: Options, context: InputContext) -> None:
        self.context = context
        if to_flag(context.properties.get("tls", "off")) is True:
            raise PluginInitError("this router's http input has no TLS: set 'tls off' or put the sender on loopback")
        self.max_bytes: int = options["buffer_max_size"]
        self._status = options["successful_response_code"]
        if self._status not in (200, 201, 204):
            context.log.error(f"{self._status} is not supported response code. Use default 201")
            self._status = 201
        self._headers = "".join(f"{words[0]}: {words[-1]}\r\n" for words in options["success_header"])
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
        try:
            bodies = self._bodies(request)
        except RefusedError as exc:
            return Answer(response(400, str(exc)), request.keeps_alive)
        tag = _ODD.sub("_", unquote(request.path)[1:]) or self.context.tag
        now_ns = time.time_ns()
        for body in bodies:
            self.context.ingest(self._tag_of(body) or tag, Batch(records=[Record(now_ns, body)]))
        return Answer(response(self._status, "", self._headers), request.keeps_alive)

    def refusal(self, status: int) -> bytes:
        """Return the answer to what is no request."""
        return response(status, "error: invalid request\n" if status == 400 else "")

    def _bodies(self, request: Request) -> list[dict[Any, Any]]:
        if request.method != "POST":
            raise RefusedError("error: invalid HTTP method\n")
        kind = request.headers.get("content-type")
        if kind is None:
            raise RefusedError("error: header 'Content-Type' is not set\n")
        if kind.lower() not in (JSON, FORM) and not kind.lower().startswith((JSON + " ", JSON + ";")):
            raise RefusedError("error: invalid 'Content-Type'\n")
        if not request.body:
            raise RefusedError("error: no payload found\n")
        body = self._uncompressed(request)
        return self._form(body) if kind.lower() == FORM else self._json(body)

    def _uncompressed(self, request: Request) -> bytes:
        encoding = request.headers.get("content-encoding", "").lower()
        if encoding not in ENCODINGS:
            return request.body
        try:
            return decompress(encoding, request.body)
        except DecompressError as exc:
            self.context.log.error(f"{encoding} decompression failed")
            raise RefusedError("error: invalid payload\n") from exc

    def _json(self, data: bytes) -> list[dict[Any, Any]]:
        try:
            documents = read_arrived(data).documents
        except JsonIncompleteError as exc:
            self.context.log.warn("JSON data is incomplete, skipping")
            raise RefusedError("error: invalid payload\n") from exc
        except JsonInvalidError as exc:
            self.context.log.warn("invalid JSON message, skipping")
            raise RefusedError("error: invalid payload\n") from exc
        bodies: list[dict[Any, Any]] = []
        for document in documents:
            if not isinstance(document, dict | list):
                self.context.log.error(f"skip record from invalid type: {type(document).__name__}")
                raise RefusedError("error: invalid payload\n")
            bodies += [document] if isinstance(document, dict) else [one for one in document if isinstance(one, dict)]
        return bodies

    def _form(self, data: bytes) -> list[dict[Any, Any]]:
        text = data.decode("utf-8", "surrogateescape")
        pairs = [part.strip("\n").partition("=") for part in text.split("&")]
        return [
            {key.strip(): unquote(value.strip().replace("+", " ")) for key, equals, value in pairs if key and equals}
        ]

    def _tag_of(self, body: dict[Any, Any]) -> str:
        value = self._tag_path.get(body) if self._tag_path else None
        return _ODD.sub("_", value) if isinstance(value, str) else ""


def response(status: int, text: str, headers: str = "") -> bytes:
    """Return an answer's bytes."""
    length = "" if status == 204 else f"Content-Length: {len(text.encode())}\r\n"
    return f"HTTP/1.1 {status} {REASONS[status]}\r\nServer: {SERVER}\r\n{headers}{length}\r\n{text}".encode()


PLUGIN = Plugin(
    PluginKind.INPUT,
    "http",
    "Take records from POST requests.",
    Http,
    (
        Option("http2", Kind.FLAG, "Accepted: HTTP/1.1 only.", default="true"),
        Option("buffer_max_size", Kind.SIZE, "Longest request in bytes.", default="4M"),
        Option("buffer_chunk_size", Kind.SIZE, "Accepted.", default="512K"),
        Option("success_header", Kind.WORDS, "NAME VALUE: one more header of each answer.", multiple=True, at_least=1),
        Option("tag_key", help="Key of the record that holds the tag."),
        Option("successful_response_code", Kind.INTEGER, "200, 201 or 204.", default="201"),
    ),
    core=("listen", "port", "tag", "mem_buf_limit"),
)
