"""The Go plugins `firehose` and `kinesis`: one implementation, two descriptions.

Source: aws/amazon-kinesis-firehose-for-fluent-bit, aws/amazon-kinesis-streams-for-fluent-bit. Unlike the C plugins
they cut a record that is too large (`[Truncated...]`), and send only the failed records again, with the next flush.
Not modelled: `experimental_concurrency`, `aggregation` (KPL), `http_request_timeout`; accepted with a warning.
"""

from __future__ import annotations

import uuid
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

from lab_helpers.router.aws.go_plugin import GoLog, build_go_client, failure, record_bytes
from lab_helpers.router.aws.record_data import format_time
from lab_helpers.router.aws.signed_calls import read_error
from lab_helpers.router.core.options import Options
from lab_helpers.router.plugin import FlushResult, Output, OutputContext
from lab_helpers.router.records.buffer import Chunk
from lab_helpers.router.records.compress import gzip_library, zlib_library
from lab_helpers.router.records.record import Record

MAX_RECORDS = 500
TRUNCATED = b"[Truncated...]"
TIME_FORMAT = "%Y-%m-%dT%H:%M:%S"


@dataclass(frozen=True)
class GoApi:
    """What differs between the two. Sizes in bytes."""

    plugin: str
    service: str
    target: str
    call: str
    stream_option: str
    name_key: str
    failed_key: str
    responses_key: str
    throttled_code: str
    max_record_bytes: int
    max_call_bytes: int
    shown_size: str
    parameters: tuple[str, ...]
    is_keyed: bool


@dataclass(frozen=True)
class Entry:
    """A record ready to be sent; `key` is '' for Firehose."""

    data: bytes
    key: str

    def size(self) -> int:
        """Return the bytes that count."""
        return len(self.data) + len(self.key)


class GoRecords(Output):
    """The output. `_left` are records that AWS refused: they go with the next flush."""

    def __init__(self, api: GoApi, options: Options, context: OutputContext) -> None:
        self._api, self._options = api, options
        self._log = GoLog(api.plugin, context.ordinal, context)
        self._log.parameters(options, *api.parameters)
        self._stream = options[api.stream_option]
        if api.is_keyed and options["partition_key"] == "log":
            raise self._log.refusal("'log' cannot be set as the partition key")
        if not self._stream or not options["region"]:
            raise self._log.refusal(f"{api.stream_option} and region are required configuration parameters")
        self._compress = self._compressor()
        self._newline = b"\n" if not api.is_keyed or (options["append_newline"] or "").lower() == "true" else b""
        self._joins = not api.is_keyed and (options["simple_aggregation"] or "").lower() == "true"
        self._client = build_go_client(api.service, api.service, options, context)
        self._left: list[Entry] = []

    def flush(self, chunk: Chunk) -> FlushResult:
        """Send what was left and the chunk's records."""
        pending, self._left = self._left, []
        for record in chunk.records():
            entry = self._entry(record)
            if entry is not None:
                self._add(pending, entry)
        for batch in self._batches(pending):
            if not self._put(batch):
                return FlushResult.RETRY
        return FlushResult.OK

    def stop(self) -> None:
        """Close the connection."""
        self._client.close()

    def _compressor(self) -> Callable[[bytes], bytes] | None:
        kind = (self._options["compression"] or "none").lower() if self._api.is_keyed else "none"
        if kind == "none":
            return None
        if kind not in ("gzip", "zlib"):
            raise self._log.refusal(
                f"Invalid 'compression' value ({kind}) specified, must be 'zlib', 'gzip', 'none', or undefined"
            )
        library = gzip_library() if kind == "gzip" else zlib_library()
        compress: Callable[[bytes], bytes] = library.compress
        return compress

    def _entry(self, record: Record) -> Entry | None:
        body = record.body
        if self._options["time_key"]:
            stamp = format_time(self._options["time_key_format"] or TIME_FORMAT, record.time_ns)
            body = {**body, self._options["time_key"]: stamp}
        try:
            data = record_bytes(body, self._options) + self._newline
        except KeyError as exc:
            self._log.error(str(exc.args[0]))
            return None
        key = self._partition_key(body) if self._api.is_keyed else ""
        if self._compress is not None:
            data = self._compress(data)
        if len(data) + len(key) > self._api.max_record_bytes:
            self._log.warning(
                f"Found record with {len(data) + len(key)} bytes, truncating to {self._api.shown_size}, "
                f"stream={self._stream}"
            )
            data = data[: self._api.max_record_bytes - len(key) - len(TRUNCATED)] + TRUNCATED
        return Entry(data, key)

    def _partition_key(self, body: dict[Any, Any]) -> str:
        value = body.get(self._options["partition_key"] or "")
        return value[:256] if isinstance(value, str) and value else uuid.uuid4().hex[:8]

    def _add(self, entries: list[Entry], entry: Entry) -> None:
        if self._joins and entries and entries[-1].size() + entry.size() <= self._api.max_record_bytes:
            entries[-1] = Entry(entries[-1].data + entry.data, "")
        else:
            entries.append(entry)

    def _batches(self, entries: list[Entry]) -> list[list[Entry]]:
        batches: list[list[Entry]] = []
        used = 0
        for entry in entries:
            is_full = not batches or len(batches[-1]) == MAX_RECORDS
            if is_full or used + entry.size() > self._api.max_call_bytes:
                batches.append([])
                used = 0
            batches[-1].append(entry)
            used += entry.size()
        return batches

    def _put(self, batch: list[Entry]) -> bool:
        api = self._api
        records = [
            {"Data": b64encode(entry.data).decode(), **({"PartitionKey": entry.key} if entry.key else {})}
            for entry in batch
        ]
        response = self._client.call(api.target, orjson.dumps({api.name_key: self._stream, "Records": records}))
        if response is None or response.status != 200:
            self._log.error(f"{api.call} failed with {failure(response)}")
            if response is not None and read_error(response.body).code == api.throttled_code:
                self._log.warning("Throughput limits for the stream may have been exceeded.")
            return False
        try:
            answer: dict[str, Any] = orjson.loads(response.body or b"{}")
            return self._take_note(answer, batch)
        except (ValueError, TypeError, AttributeError) as exc:
            self._log.error(f"{api.call} answered with what cannot be read: {exc}")
            return False

    def _take_note(self, answer: dict[str, Any], batch: list[Entry]) -> bool:
        failed = int(answer.get(self._api.failed_key, 0))
        if not failed:
            return True
        if failed == len(batch):
            self._log.error(f"{self._api.call} request returned with no records successfully recieved")
            return False
        self._log.warning(f"{failed} records failed to be delivered. Will retry.")
        results = answer.get(self._api.responses_key, [])
        if any(one.get("ErrorCode") == self._api.throttled_code for one in results):
            self._log.warning("Throughput limits for the stream may have been exceeded.")
        self._left += [entry for entry, one in zip(batch, results, strict=False) if one.get("ErrorCode")]
        return True
