"""Send records in batches to Firehose (PutRecordBatch) or Kinesis (PutRecords): one implementation, two descriptions.

Source: Fluent Bit 4.2.8: a record is the JSON and a newline; at most 500 records a call; the body's size counts, base64
included; a partial failure sends the whole chunk again (duplicates).
"""

from __future__ import annotations

from binascii import b2a_base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from lab_helpers.router.aws.aws_output import build_client, values_of_key
from lab_helpers.router.aws.http_client import Response
from lab_helpers.router.aws.partial_failure import AnswerError, read_partial_failure
from lab_helpers.router.aws.prefetch import Prefetched
from lab_helpers.router.aws.record_data import NEWLINE_BYTES, Bodies, format_time
from lab_helpers.router.aws.signed_calls import AwsClient, log_error, read_error
from lab_helpers.router.core.options import Options
from lab_helpers.router.plugin import FlushResult, Output, OutputContext, PluginInitError
from lab_helpers.router.records.buffer import Chunk
from lab_helpers.router.records.lines import EMPTY_BYTES

DEFAULT_TIME_FORMAT = "%Y-%m-%dT%H:%M:%S"


@dataclass(frozen=True)
class Api:
    """What differs between the two services. Sizes in bytes."""

    service: str
    host_prefix: str
    target: str
    call: str
    product: str
    stream_option: str
    name_key: str
    failed_key: str
    responses_key: str
    throttled_code: str
    max_record_bytes: int
    max_body_bytes: int
    request_bytes: int
    record_bytes: int
    between: Callable[[], bytes] | None = None
    last_newline: bool = True
    failure: str = "Failed to send records"


class RecordStream(Output):
    """An output to such a service."""

    def __init__(self, api: Api, options: Options, context: OutputContext) -> None:
        self._api, self._log = api, context.log
        self._stream = options[api.stream_option] or ""
        self._escape = context.service.escape_unicode
        self._time_key, self._log_key = options["time_key"], options["log_key"]
        self._time_format = options["time_key_format"] or DEFAULT_TIME_FORMAT
        self._aggregates = options["simple_aggregation"]
        self._compress = self._compression(options)
        self._check(options)
        self._bodies = Bodies(
            api.name_key, self._stream, api.request_bytes + len(self._stream.encode()), api.record_bytes,
            api.max_body_bytes, api.between,
        )  # fmt: skip
        self._sends_lines = not (self._time_key or self._log_key or self._aggregates or self._compress)
        self._client: AwsClient = build_client(api.service, api.host_prefix, options, context)

    def flush(self, chunk: Chunk) -> FlushResult:
        """Deliver the chunk; RETRY when any call failed or any record was refused."""
        try:
            requests = self._requests(chunk)
            for body, count in requests:
                if not self._put(body, count, requests.prefetch):
                    self._log.error("Failed to send log records")
                    self._log.error(self._api.failure)
                    return FlushResult.RETRY
        except UnicodeError as exc:
            self._log.error(f"a record cannot be encoded, chunk dropped: {exc}")
            return FlushResult.ERROR
        return FlushResult.OK

    def stop(self) -> None:
        """Close the connection."""
        self._client.close()

    # options

    def _check(self, options: Options) -> None:
        failed = "Initialization failed"
        if not self._stream:
            raise PluginInitError(f"'{self._api.stream_option}' is a required field", failed)
        if self._log_key and self._time_key:
            raise PluginInitError("'time_key' and 'log_key' can not be used together", failed)
        if not options["region"]:
            raise PluginInitError("'region' is a required field", failed)

    def _compression(self, options: Options) -> Callable[[bytes], bytes] | None:
        kind = options["compression"] if "compression" in list(options) else None
        if not kind:
            return None
        from lab_helpers.router.records.compress import compressor

        compress = compressor(kind)
        if compress is None:
            raise PluginInitError(
                f"[aws_compress] unknown compression type: {kind}",
                f"unknown compression: {kind}",
                "Initialization failed",
            )
        return compress

    # records

    def _requests(self, chunk: Chunk) -> Prefetched[tuple[bytes, int]]:
        """Return the body and the number of records of each request."""
        if self._sends_lines and chunk.lines().are_simple(self._api.max_record_bytes - NEWLINE_BYTES):
            return Prefetched(self._bodies.of_lines(chunk.lines()), silent=True)
        return Prefetched(self._bodies.of_records(self._encoded(chunk)), silent=False)

    def _encoded(self, chunk: Chunk) -> Iterator[bytes]:
        lines = self._aggregated(self._lines(chunk)) if self._aggregates else self._lines(chunk)
        if self._compress is not None:
            compress = self._compress
            return (b2a_base64(compress(line), newline=False) for line in lines)
        return (b2a_base64(line, newline=False) for line in lines)

    def _lines(self, chunk: Chunk) -> Iterator[bytes]:
        """Yield each record's bytes, newline included; what is too large or empty is warned about and left out."""
        limit = self._api.max_record_bytes
        for line in self._texts(chunk):
            if len(line) >= limit:
                self._log.warn(
                    f"[size={len(line)}] Discarding record which is larger than max size allowed by "
                    f"{self._api.product}, {self._stream}"
                )
            if len(line) + 2 * bool(self._log_key) <= EMPTY_BYTES + NEWLINE_BYTES or len(line) >= limit:
                self._log.warn(f"Discarding large or unprocessable record, {self._stream}")
            else:
                yield line

    def _texts(self, chunk: Chunk) -> Iterator[bytes]:
        if self._log_key:
            for record in chunk.records():
                values = list(values_of_key(record.body, self._log_key, self._escape))
                if not values:
                    self._log.error(f"Could not find log_key '{self._log_key}' in record, {self._stream}")
                yield from (value[1:-1] + b"\n" for value in values)
        elif self._time_key:
            for record, line in zip(chunk.records(), chunk.json_lines(), strict=True):
                yield self._stamped(record.time_ns, line) if len(line) > EMPTY_BYTES else line + b"\n"
        else:
            yield from chunk.lines().terminated()

    def _stamped(self, time_ns: int, line: bytes) -> bytes:
        stamp = format_time(self._time_format, time_ns)
        if not stamp:
            self._log.error(f"Failed to add time_key {self._time_key} to record, {self._stream}")
            return line + b"\n"
        return line[:-1] + f',"{self._time_key}":"{stamp}"}}\n'.encode()

    def _aggregated(self, lines: Iterator[bytes]) -> Iterator[bytes]:
        joined: list[bytes] = []
        size = 0
        for line in lines:
            if joined and size + len(line) > self._api.max_record_bytes:
                yield self._joined(joined)
                joined, size = [], 0
            joined.append(line)
            size += len(line)
        if joined:
            yield self._joined(joined)

    def _joined(self, lines: list[bytes]) -> bytes:
        # the reference ends a Firehose record with one more newline than its lines have
        return b"".join(lines) + b"\n" * self._api.last_newline

    # calls

    def _put(self, body: bytes, count: int, meanwhile: Callable[[], None]) -> bool:
        response = self._client.call(self._api.target, body, meanwhile=meanwhile)
        if response is not None and response.status == 200:
            return self._all_taken(response, count)
        if response is not None and response.body:
            self._tell(response)
        self._log.error(f"Failed to send log records to {self._stream}")
        return False

    def _all_taken(self, response: Response, count: int) -> bool:
        failed = self._failed_records(response)
        if failed is None:
            return False
        if failed == count:
            self._log.error(f"{self._api.call} request returned with no records successfully recieved, {self._stream}")
        elif failed:
            self._log.error(
                f"{failed} out of {count} records failed to be delivered, will retry this batch, {self._stream}"
            )
        return failed == 0

    def _failed_records(self, response: Response) -> int | None:
        body = response.body
        if not body or b'"%b":0' % self._api.failed_key.encode() in body:
            return 0
        text = body.decode("utf-8", "replace")
        try:
            failed, codes = read_partial_failure(body, self._api.failed_key, self._api.responses_key)
        except AnswerError as exc:
            self._log.error(str(exc) or f"could not pack/validate JSON API response\n{text}")
            failed, codes = None, []
        if self._api.throttled_code in codes:
            self._log.error(f"Throughput limits may have been exceeded, {self._stream}")
        if failed is None:
            self._log.error(f"{self._api.call} response could not be parsed, {text}")
        return failed

    def _tell(self, response: Response) -> None:
        code = read_error(response.body).code
        if not code:
            self._log.debug(f"Raw response: {response.body.decode('utf-8', 'replace')}")
            return
        if code == self._api.throttled_code:
            self._log.error(f"Throughput limits for {self._stream} may have been exceeded.")
        if code.startswith("SerializationException"):
            self._log.error("<<------Bug in Code------>>")
        log_error(response, self._api.call, self._log)
