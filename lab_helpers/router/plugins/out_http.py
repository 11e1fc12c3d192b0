"""Send chunks to a web server.

Source: Fluent Bit 4.2.8: 200 to 205 is success; 400 to 499 except 408 and 429 is not worth a retry.
Not modelled: proxy, GELF, snappy, AWS signatures (each is refused); idle timeouts are accepted.
"""

from __future__ import annotations

from lab_helpers.router.aws.aws_output import tls_of
from lab_helpers.router.aws.http_client import Connection, HttpError, Target
from lab_helpers.router.core.c_string import c_string
from lab_helpers.router.core.options import Kind, Option, Options, to_flag, to_integer
from lab_helpers.router.plugin import FlushResult, Output, OutputContext, OutputPlugin, PluginInitError
from lab_helpers.router.records.accessor import MISSING, AccessorError, Path
from lab_helpers.router.records.buffer import Chunk
from lab_helpers.router.records.compress import compressor
from lab_helpers.router.records.json_format import DATE_FORMATS, FORMATS, Format
from lab_helpers.router.records.record import Record, encode
from lab_helpers.router.records.tag_template import key_path

MIME = {"json": "application/json", "json_stream": "application/json", "json_lines": "application/x-ndjson"}
MSGPACK = "application/msgpack"
ACCEPTED, TRY_AGAIN = range(200, 206), (408, 429)
UNSUPPORTED = {"proxy": "proxies", "aws_auth": "AWS signatures"}


class Http(Output):
    """The output: one connection, kept open."""

    def __init__(self, options: Options, context: OutputContext) -> None:
        self._log = context.log
        _refuse_unsupported(options)
        core = context.properties
        uses_tls = to_flag(core.get("tls", "off")) is True
        self._target = Target(
            core.get("host") or "127.0.0.1", to_integer(core.get("port") or "80"), tls_of(context) if uses_tls else None
        )
        self._connection = Connection(self._target, context.log, options["http.response_timeout"] or 60.0)
        uri = options["uri"] or "/"
        self._uri = uri if uri.startswith("/") else "/" + uri
        self._method = options["http_method"].upper()
        self._logs_payload: bool = options["log_response_payload"]
        self._format = _format(options, context)
        self._compression = (options["compress"] or "").lower()
        self._compress = compressor(self._compression) if self._compression else None
        self._tag_header: str | None = options["header_tag"]
        self._headers = [*_authorisation(options), ("User-Agent", "Fluent-Bit"), *_own_headers(options)]
        self._keys = _record_keys(options)
        self._names = (options["body_key"], options["headers_key"])

    def flush(self, chunk: Chunk) -> FlushResult:
        """Send the chunk, or with body_key each record."""
        if self._keys is not None:
            return self._send_each(chunk, *self._keys)
        kind = MSGPACK if self._format is None else MIME[self._format.kind]
        body = encode(chunk.records()) if self._format is None else self._format.render(chunk)
        return self._send(body, [("Content-Type", kind)], chunk.tag)

    def stop(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _send_each(self, chunk: Chunk, body_path: Path, headers_path: Path) -> FlushResult:
        result = FlushResult.OK
        request = None
        for record in chunk.records():
            request = self._request_of(record, body_path, headers_path)
            outcome = self._send(*request, chunk.tag) if request is not None else FlushResult.ERROR
            result = outcome if outcome is not FlushResult.OK else result
        if request is None:  # the last record's: the reference forgets the others
            self._log.error(f'failed to send requests using body key "{self._names[0]}"')
        return result

    def _request_of(
        self, record: Record, body_path: Path, headers_path: Path
    ) -> tuple[bytes, list[tuple[str, str]]] | None:
        body, headers = body_path.get(record.body), headers_path.get(record.body)
        if body is not MISSING and not isinstance(body, str | bytes):
            self._log.warn(f'failed to extract body using pattern "{self._names[0]}" (must be a msgpack string or bin)')
        if headers is not MISSING and not isinstance(headers, dict):
            self._log.warn(f'error extracting headers using pattern "{self._names[1]}"')
        if not isinstance(body, str | bytes) or not isinstance(headers, dict):
            self._log.warn(f'failed to extract body/headers using patterns "{self._names[0]}" and "{self._names[1]}"')
            return None
        data = body if isinstance(body, bytes) else body.encode("utf-8", "surrogateescape")
        return data, [(k, v) for k, v in headers.items() if isinstance(k, str) and isinstance(v, str)]

    def _send(self, body: bytes, headers: list[tuple[str, str]], tag: str) -> FlushResult:
        headers = [("Host", self._target.host_header), ("Content-Length", str(len(body))), *headers]
        if self._compress is not None:
            body = self._compress(body)
            headers[1] = ("Content-Length", str(len(body)))
            headers.append(("Content-Encoding", self._compression))
        if self._tag_header:
            headers.append((self._tag_header, c_string(tag)))
        where = f"{self._target.host}:{self._target.port}"
        try:
            response = self._connection.exchange(self._method, self._uri, [*headers, *self._headers], body)
        except HttpError as exc:
            if exc.unsent:
                self._log.error(f"no upstream connections available to {where}")
            else:
                self._log.error(f"could not flush records to {where} (http_do=-1)")
            return FlushResult.RETRY
        text = response.body.decode("utf-8", "replace")
        line = f"{where}, HTTP status={response.status}" + (f"\n{text}" if self._logs_payload and text else "")
        if response.status in ACCEPTED:
            self._log.info(line)
            return FlushResult.OK
        self._log.error(line)
        if 400 <= response.status < 500 and response.status not in TRY_AGAIN:
            self._log.warn(f"could not flush records to {where} (http_do=0), chunk will not be retried")
            return FlushResult.ERROR
        return FlushResult.RETRY


def _refuse_unsupported(options: Options) -> None:
    for key, what in UNSUPPORTED.items():
        if options[key]:
            raise PluginInitError(f"this router's http output has no {what}: take '{key}' out")
    if options["http_method"].upper() not in ("POST", "PUT"):
        method = options["http_method"]
        raise PluginInitError(f"invalid http_method option '{method}'. Supported methods are POST and PUT")
    if options["compress"] and options["compress"].lower() not in ("gzip", "zstd"):
        raise PluginInitError(f"invalid compress option '{options['compress']}'")


def _format(options: Options, context: OutputContext) -> Format | None:
    kind = options["format"].lower()
    if kind == "gelf":
        raise PluginInitError("this router's http output has no format 'gelf': use json, json_lines or json_stream")
    if kind not in FORMATS:
        if kind != "msgpack":
            context.log.error("unrecognized 'format' option. Using 'msgpack'")
        return None
    date_format = options["json_date_format"] or "double"
    if date_format not in DATE_FORMATS:
        context.log.error("unrecognized 'json_date_format' option. Using 'double'.")
        date_format = "double"
    key = options["json_date_key"]
    return Format(kind, None if to_flag(key) is False else key, date_format, context.service.escape_unicode)


def _authorisation(options: Options) -> list[tuple[str, str]]:
    if not options["http_user"]:
        return []
    from base64 import b64encode

    pair = f"{options['http_user']}:{options['http_passwd']}".encode("utf-8", "surrogateescape")
    return [("Authorization", "Basic " + b64encode(pair).decode())]


def _own_headers(options: Options) -> list[tuple[str, str]]:
    return [(words[0], " ".join(words[1:]) or words[0]) for words in options["header"]]


def _record_keys(options: Options) -> tuple[Path, Path] | None:
    body_key, headers_key = options["body_key"], options["headers_key"]
    if not body_key and not headers_key:
        return None
    if not body_key or not headers_key:
        given, missing = ("headers_key", "body_key") if headers_key else ("body_key", "headers_key")
        raise PluginInitError(f"when setting {given}, {missing} is also required")
    try:
        return key_path(body_key), key_path(headers_key)
    except AccessorError as exc:
        raise PluginInitError(*exc.lines, "failed to allocate body record accessor") from exc


PLUGIN = OutputPlugin(
    "http",
    "Send chunks to a web server.",
    Http,
    (
        Option("proxy", help="Refused: not supported here."),
        Option("allow_duplicated_headers", Kind.FLAG, "Accepted.", default="true"),
        Option("log_response_payload", Kind.FLAG, "Write the answer's body to the log.", default="true"),
        Option("http.response_timeout", Kind.SECONDS, "Longest wait for an answer.", default="60s"),
        Option("http.read_idle_timeout", Kind.SECONDS, "Accepted.", default="0s"),
        Option("http_user", help="User for basic authentication."),
        Option("http_passwd", help="Password for basic authentication.", default=""),
        Option("aws_auth", Kind.FLAG, "Refused when on: not supported here.", default="false"),
        Option("aws_service", help="Accepted."),
        Option("aws_region", help="Accepted."),
        Option("aws_sts_endpoint", help="Accepted."),
        Option("aws_role_arn", help="Accepted."),
        Option("aws_external_id", help="Accepted."),
        Option("aws_profile", help="Accepted."),
        Option("header_tag", help="Header that gets the tag."),
        Option("format", help="json, json_lines, json_stream or msgpack.", default="json"),
        Option("json_date_format", help="double, epoch, epoch_ms, iso8601 or java_sql_timestamp."),
        Option("json_date_key", help="Key of the time; false leaves it out.", default="date"),
        Option("compress", help="gzip or zstd."),
        Option("header", Kind.WORDS, "NAME VALUE: one more header.", multiple=True, at_least=1),
        Option("uri", help="Path on the server."),
        Option("http_method", help="POST or PUT.", default="POST"),
        Option("gelf_timestamp_key", help="Accepted."),
        Option("gelf_host_key", help="Accepted."),
        Option("gelf_short_message_key", help="Accepted."),
        Option("gelf_full_message_key", help="Accepted."),
        Option("gelf_level_key", help="Accepted."),
        Option("body_key", help="Key whose text is sent, one request a record."),
        Option("headers_key", help="Key whose map is the request's headers."),
    ),
    core=("host", "port", "tls"),
    config_error="",
)
