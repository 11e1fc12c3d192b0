"""Gather records in files, one for each tag, and upload them to S3 as objects.

Source: Fluent Bit 5.1.1: a file is uploaded when it has `total_file_size` (multipart parts: `upload_chunk_size`), when
it is
older than `upload_timeout` (looked at every sixth of that, 6 to 60 s), and at the end. The object's time is the first
record's, at the end the file's own. A file that failed more than Retry_Limit times (5 unless
given) is put aside.
Not modelled: blobs, Arrow and Parquet, the `authorization_endpoint_…` family (accepted, without effect).
"""

from __future__ import annotations

import time
from collections.abc import Callable

from lab_helpers.router.aws.aws_output import build_client
from lab_helpers.router.aws.s3_sender import MIN_PART_BYTES, S3Sender, S3Settings
from lab_helpers.router.aws.s3_store import S3Store
from lab_helpers.router.aws.s3_uploads import S3Calls
from lab_helpers.router.core.c_string import c_string
from lab_helpers.router.core.log import ComponentLog
from lab_helpers.router.core.options import Kind, Option, Options, to_flag
from lab_helpers.router.core.retry import UNLIMITED, parse_limit
from lab_helpers.router.plugin import FlushResult, Output, OutputContext, OutputPlugin, PluginInitError
from lab_helpers.router.records.buffer import Chunk
from lab_helpers.router.records.compress import compressor
from lab_helpers.router.records.json_format import DATE_FORMATS, Format
from lab_helpers.router.records.json_text import dumps
from lab_helpers.router.records.record import NS, Record

MAX_PUT_BYTES = 1_000_000_000
MIN_FILE_BYTES = 1_000_000
MAX_FILE_BYTES = 50_000_000_000
MAX_PART_BYTES = 50_000_000
MAX_UPLOAD_ERRORS = 5
DEFAULT_KEY = "/fluent-bit-logs/$TAG/%Y/%m/%d/%H/%M/%S"


class S3(Output):
    """The output. `tick` is called by the worker every `tick_every_s` seconds from the first flush on."""

    def __init__(self, options: Options, context: OutputContext) -> None:
        self._options, self._log = options, context.log
        self._format = self._format_of(options, context)
        self._check(options)
        self._retry_limit = self._limit(context.properties.get("retry_limit"))
        settings = self._settings(options)
        self._store = S3Store(options["store_dir"], options["bucket"])
        calls = self._build_calls(options, context)
        self._sender = S3Sender(settings, self._store, calls, context.log, ComponentLog(context.service.sink))
        self.tick_every_s = min(max(settings.timeout_s // 6, 6), 60)
        self._log.info(f"Using upload size {settings.file_bytes} bytes")

    # the protocol

    def flush(self, chunk: Chunk) -> FlushResult:
        """Put the chunk's records into the file of its tag; upload what is ready."""
        self._sender.send_leftover()
        data = self._text(chunk)
        if not data:
            self._log.error("Could not marshal msgpack to output string")
            return FlushResult.ERROR
        tag = c_string(chunk.tag)
        file = self._store.active(tag)
        if file is not None and file.failures > self._retry_limit:
            self._log.warn(
                f"File with tag {tag} failed to send {file.failures}/{self._retry_limit} times, will not retry"
            )
            self._sender.exhausted(file)
            file = None
        is_due = file is not None and self._sender.is_due(file, len(data))
        file = self._store.put(file, tag, data, _first_time(chunk.records()))
        if is_due:
            self._sender.enqueue(file)
        return FlushResult.OK

    def tick(self) -> None:
        """Look for what has waited long enough."""
        self._sender.tick()

    def stop(self) -> None:
        """Upload everything that is still here."""
        self._sender.end()

    # options

    def _limit(self, text: str | None) -> int:
        limit, _ = parse_limit(text)
        if text is not None and limit == UNLIMITED:
            self._log.warn(f"retry_limit set to unlimited, capping to {MAX_UPLOAD_ERRORS}")
        return MAX_UPLOAD_ERRORS if text is None or limit == UNLIMITED else limit

    def _format_of(self, options: Options, context: OutputContext) -> Format:
        form = options["json_date_format"] or "iso8601"
        if form not in DATE_FORMATS:
            raise PluginInitError(f"invalid json_date_format '{form}'. ")
        key = options["json_date_key"]
        return Format("json_lines", None if to_flag(key) is False else key, form, context.service.escape_unicode)

    def _check(self, options: Options) -> None:
        if not options["bucket"]:
            raise PluginInitError("'bucket' is a required parameter")
        if not options["s3_key_format"].startswith("/"):
            raise PluginInitError("'s3_key_format' must start with a '/'")
        if options["format"].lower() != "json_lines":
            raise PluginInitError(f"format '{options['format']}' is not modelled by this router: json_lines is")
        if options["retry_exhausted_action"].lower() not in ("quarantine", "delete"):
            raise PluginInitError(f"invalid retry_exhausted_action value '{options['retry_exhausted_action']}'")
        size, part = options["total_file_size"], options["upload_chunk_size"]
        put_only = options["use_put_object"] or size < 2 * MIN_PART_BYTES
        problems = (
            (size > MAX_FILE_BYTES or size < 0, "Max total_file_size is 50,000,000,000 bytes"),  # an unsigned number
            (size < MIN_FILE_BYTES, "total_file_size must be at least 1MB"),
            (not put_only and part > size, "upload_chunk_size can not be larger than total_file_size"),
            (not put_only and part < MIN_PART_BYTES, "upload_chunk_size must be at least 5,242,880 bytes"),
            (not put_only and part > MAX_PART_BYTES and not options["compression"], "Max upload_chunk_size is 50MB"),
            (part != MIN_PART_BYTES and 2 * part > size, "total_file_size is less than 2x upload_chunk_size"),
            (options["use_put_object"] and size > MAX_PUT_BYTES,
             "Max total_file_size is 50M when use_put_object is enabled"),
        )  # fmt: skip
        for is_wrong, sentence in problems:
            if is_wrong:
                raise PluginInitError(sentence)

    def _settings(self, options: Options) -> S3Settings:
        size: int = options["total_file_size"]
        puts_only = options["use_put_object"] or size < 2 * MIN_PART_BYTES
        return S3Settings(
            timeout_s=options["upload_timeout"],
            file_bytes=size,
            part_bytes=size if puts_only else options["upload_chunk_size"],
            puts_only=puts_only,
            retry_limit=self._retry_limit,
            key_format=options["s3_key_format"],
            tag_delimiters=options["s3_key_format_tag_delimiters"],
            static_path=options["static_file_path"],
            compress=self._compressor(options["compression"]),
            quarantines=options["retry_exhausted_action"].lower() == "quarantine",
            quarantine_bytes=options["quarantine_dir_limit_size"],
        )

    def _compressor(self, kind: str | None) -> Callable[[bytes], bytes] | None:
        if kind == "none":
            return None
        compress = compressor(kind) if kind else None
        if kind and compress is None:
            raise PluginInitError(f"[aws_compress] unknown compression type: {kind}", f"unknown compression: {kind}")
        return compress

    def _build_calls(self, options: Options, context: OutputContext) -> S3Calls:
        headers = {
            "Content-Type": options["content_type"],
            "Content-Encoding": "" if options["compression"] == "none" else options["compression"],
            "x-amz-acl": options["canned_acl"],
            "x-amz-storage-class": options["storage_class"],
        }
        given = {name: value for name, value in headers.items() if value}
        client = build_client("s3", "s3", options, context)
        return S3Calls(client, options["bucket"], given, options["send_content_md5"], context.log)

    # records

    def _text(self, chunk: Chunk) -> bytes:
        log_key = self._options["log_key"]
        if not log_key:
            return self._format.render(chunk)
        lines = [self._value(record, log_key) for record in chunk.records()]
        missing = sum(line is None for line in lines)
        if missing:
            self._log.error(f"Could not find log_key '{log_key}' in {missing} records")
        return b"".join(line + b"\n" for line in lines if line is not None)

    def _value(self, record: Record, log_key: str) -> bytes | None:
        for key, value in record.body.items():
            if key == log_key:
                if isinstance(value, str):
                    return value.encode("utf-8", "surrogateescape")
                return value if isinstance(value, bytes) else dumps(value, self._format.escape_unicode)
        return None


def _first_time(records: list[Record]) -> int:
    return next((record.time_ns // NS for record in records if record.time_ns >= NS), int(time.time()))


_IGNORED = "Accepted, not modelled."
PLUGIN = OutputPlugin(
    "s3",
    "Gather records and upload them to Amazon S3.",
    S3,
    (
        Option("format", help="json_lines; the others are not modelled.", default="json_lines"),
        Option("json_date_format", help="iso8601 (default), double, epoch, epoch_ms, java_sql_timestamp."),
        Option("json_date_key", help="Key of the time; false leaves it out.", default="date"),
        Option("total_file_size", Kind.SIZE, "Size of an object, 1MB to 50GB.", "100000000"),
        Option("upload_chunk_size", Kind.SIZE, "Size of a multipart upload's part.", str(MIN_PART_BYTES)),
        Option("upload_timeout", Kind.SECONDS, "Upload a file when it is as old as this.", "10m"),
        Option("bucket", help="Bucket; required."),
        Option("region", help="AWS region of the bucket.", default="us-east-1"),
        Option("role_arn", help="Role to assume for the calls; without it the task role's credentials."),
        Option("endpoint", help="Endpoint to use instead of AWS's; http:// is plain, a :port may follow."),
        Option("sts_endpoint", help="STS to ask for the role, in the place of the region's."),
        Option("canned_acl", help="x-amz-acl of the objects."),
        Option("compression", help="gzip, zstd, snappy or none."),
        Option("content_type", help="Content-Type of the objects."),
        Option("store_dir", help="Where files are gathered.", default="/tmp/fluent-bit/s3"),
        Option("store_dir_limit_size", Kind.SIZE, _IGNORED),
        Option("quarantine_dir_limit_size", Kind.SIZE, "What the quarantine may hold; 0: any.", "0"),
        Option("s3_key_format", help="Key: $TAG, $TAG[n], $INDEX, $UUID, strftime letters.", default=DEFAULT_KEY),
        Option("s3_key_format_tag_delimiters", help="What $TAG[n] splits the tag at.", default="."),
        Option("auto_retry_requests", Kind.FLAG, "Try once more at once where no connection came about.", "true"),
        Option("use_put_object", Kind.FLAG, "PutObject in the place of multipart uploads.", "false"),
        Option("send_content_md5", Kind.FLAG, "Send Content-MD5 with each object.", "false"),
        Option("preserve_data_ordering", Kind.FLAG, "Accepted; order is always kept.", "true"),
        Option("retry_exhausted_action", help="quarantine or delete what failed too often.", default="quarantine"),
        Option("log_key", help="Write only the value of this key, raw."),
        Option("external_id", help="ExternalId of the AssumeRole."),
        Option("static_file_path", Kind.FLAG, "Do not append -object and random characters to the key.", "false"),
        Option("storage_class", help="x-amz-storage-class of the objects."),
        Option("profile", help=_IGNORED),
        Option("blob_database_file", help=_IGNORED),
        Option("part_size", Kind.SIZE, _IGNORED, "25M"),
        Option("file_delivery_attempt_limit", Kind.INTEGER, _IGNORED, "1"),
        Option("part_delivery_attempt_limit", Kind.INTEGER, _IGNORED, "1"),
        Option("upload_parts_timeout", Kind.SECONDS, _IGNORED, "10M"),
        Option("upload_part_freshness_limit", Kind.SECONDS, _IGNORED, "6D"),
        Option("authorization_endpoint_url", help=_IGNORED),
        Option("authorization_endpoint_username", help=_IGNORED),
        Option("authorization_endpoint_password", help=_IGNORED),
        Option("authorization_endpoint_bearer_token", help=_IGNORED),
    ),
    core=("retry_limit", "tls.ca_file"),
    config_error="",
)
