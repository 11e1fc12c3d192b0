"""AWS's older CloudWatch Logs plugin (Go). Enabled with `-e cloudwatch.so`, as in AWS's image.

Source: aws/amazon-cloudwatch-logs-for-fluent-bit: the group is created before anything else and its retention set even
where
it exists; streams are looked for before they are made; events over 256 KB end in `[Truncated...]`; sequence tokens are
used.
Not modelled: see go_plugin.py; groups and streams from $(tag), $(tag[n]), $(key), $(key['sub']), $(uuid) and the ecs_
family.
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass, field
from typing import Any

import orjson

from lab_helpers.router.aws.go_plugin import GoLog, build_go_client, failure, go_text, record_bytes
from lab_helpers.router.aws.http_client import Response
from lab_helpers.router.aws.signed_calls import read_error
from lab_helpers.router.core.c_string import c_string
from lab_helpers.router.core.options import Option, Options, to_integer
from lab_helpers.router.plugin import FlushResult, Output, OutputContext, OutputPlugin
from lab_helpers.router.records.buffer import Chunk
from lab_helpers.router.records.record import Record

TARGET = "Logs_20140328."
MAX_EVENT_BYTES = 256 * 1024
MAX_CALL_BYTES = 1_048_576
MAX_EVENTS = 10_000
EVENT_OVERHEAD = 26
SPAN_MS = 24 * 3600 * 1000
MAX_NAME = 512
TRUNCATED = b"[Truncated...]"
NAMES = (
    "log_group_name", "default_log_group_name", "log_stream_prefix", "log_stream_name", "default_log_stream_name",
    "region", "log_key", "role_arn", "auto_create_group", "auto_create_stream", "new_log_group_tags",
    "log_retention_days", "endpoint", "sts_endpoint", "external_id", "credentials_endpoint", "log_format",
)  # fmt: skip


class CallError(Exception):
    """AWS refused or did not answer; `code` is '' without an answer."""

    def __init__(self, response: Response | None) -> None:
        super().__init__(failure(response))
        error = read_error(response.body) if response is not None else None
        self.code, self.message = (error.code, error.message) if error else ("", "")


@dataclass
class Stream:
    """A log stream and the events that wait for it."""

    group: str
    name: str
    token: str | None = None
    events: list[tuple[int, str]] = field(default_factory=list)
    size: int = 0
    oldest_ms: int = 0
    newest_ms: int = 0

    def has_room_for(self, time_ms: int, size: int) -> bool:
        """Whether the event fits into the next call."""
        if not self.events:
            return True
        span = max(self.newest_ms, time_ms) - min(self.oldest_ms, time_ms)
        return len(self.events) < MAX_EVENTS and self.size + size < MAX_CALL_BYTES and span < SPAN_MS

    def add(self, time_ms: int, message: str, size: int) -> None:
        """Have an event wait for the next call."""
        first = not self.events
        self.oldest_ms = time_ms if first else min(self.oldest_ms, time_ms)
        self.newest_ms = time_ms if first else max(self.newest_ms, time_ms)
        self.events.append((time_ms, message))
        self.size += size


class CloudWatch(Output):
    """The output."""

    def __init__(self, options: Options, context: OutputContext) -> None:
        self._options = options
        self._log = GoLog("cloudwatch", context.ordinal, context)
        self._log.parameters(options, *NAMES)
        self._check(options)
        self._creates_group = (options["auto_create_group"] or "").lower() == "true"
        self._creates_stream = (options["auto_create_stream"] or "").lower() != "false"
        self._retention_days = to_integer(options["log_retention_days"] or "0")
        self._headers = {"x-amzn-logs-format": options["log_format"]} if options["log_format"] else {}
        self._client = build_go_client("logs", "logs", options, context)
        self._groups: set[str] = set()
        self._streams: dict[tuple[str, str], Stream] = {}
        self._uuid = uuid.uuid4().hex

    def flush(self, chunk: Chunk) -> FlushResult:
        """Add each record to its stream's events, then send all streams."""
        try:
            for record in chunk.records():
                self._add(c_string(chunk.tag), record)
            for stream in self._streams.values():
                self._put(stream)
        except CallError as exc:
            self._log.error(str(exc))
            return FlushResult.RETRY
        return FlushResult.OK

    def stop(self) -> None:
        """Close the connection."""
        self._client.close()

    def _check(self, options: Options) -> None:
        for name in ("region", "log_group_name"):
            if not options[name]:
                raise self._log.refusal(f"{name} is a required parameter")
        if not options["log_stream_name"] and not options["log_stream_prefix"]:
            raise self._log.refusal("log_stream_name or log_stream_prefix is required")
        if options["log_stream_name"] and options["log_stream_prefix"]:
            raise self._log.refusal(
                "either log_stream_name or log_stream_prefix can be configured. They cannot be provided together"
            )

    def _add(self, tag: str, record: Record) -> None:
        try:
            message = self._message(record.body)
        except KeyError as exc:
            self._log.error(str(exc.args[0]))
            return
        if not message:
            return
        group, name = self._names(tag, record.body)
        if group not in self._groups:
            self._create_group(group)
            self._groups.add(group)
        stream = self._streams.get((group, name)) or self._find_stream(group, name)
        time_ms, size = record.time_ns // 1_000_000, len(message.encode()) + EVENT_OVERHEAD
        if not stream.has_room_for(time_ms, size):
            self._put(stream)
        stream.add(time_ms, message, size)

    def _message(self, body: dict[Any, Any]) -> str:
        data = record_bytes(body, self._options) + b"\n"
        if len(data) + EVENT_OVERHEAD > MAX_EVENT_BYTES:
            self._log.warning(f"Found record with {len(data) + EVENT_OVERHEAD} bytes, truncating to 256KB")
            cut = MAX_EVENT_BYTES - len(TRUNCATED) - EVENT_OVERHEAD
            while cut and data[cut] & 0xC0 == 0x80:
                cut -= 1
            data = data[:cut] + TRUNCATED
        return data.decode("utf-8", "replace").strip()

    def _names(self, tag: str, body: dict[Any, Any]) -> tuple[str, str]:
        group = self._filled("log_group_name", tag, body) or self._options["default_log_group_name"]
        prefix = self._options["log_stream_prefix"]
        name = prefix + tag if prefix else self._filled("log_stream_name", tag, body)
        return group[:MAX_NAME], (name or self._options["default_log_stream_name"])[:MAX_NAME]

    def _filled(self, option: str, tag: str, body: dict[Any, Any]) -> str:
        """Return the option with its $(…) filled in; '' (after an error line) where one is missing."""
        missing: list[str] = []

        def value_of(found: re.Match[str]) -> str:
            value = self._variable(found.group(1), tag, body)
            if value is None:
                missing.append(found.group(1))
            pattern = r"[^A-Za-z0-9_./\-]" if option == "log_group_name" else r"[*:]"
            return re.sub(pattern, ".", value or "")

        text = re.sub(r"\$\(([^)]*)\)", value_of, self._options[option])
        if missing:
            self._log.error(f"parsing {option} template '{self._options[option]}' (using value of default_{option} "
                            f"instead): {missing[0]}: tag name not found")  # fmt: skip
            return ""
        return text

    def _variable(self, name: str, tag: str, body: dict[Any, Any]) -> str | None:
        if name == "uuid":
            return self._uuid
        indexed = re.fullmatch(r"tag(?:\[(\d)\])?", name)
        if indexed:
            parts = tag.split(".", 9)
            at = indexed.group(1)
            return tag if at is None else parts[int(at)] if int(at) < len(parts) else None
        if name == "ecs_task_id":
            arn = body.get("ecs_task_arn")
            return arn.rpartition("/")[2] if isinstance(arn, str) else None
        value: Any = body
        for key in [re.split(r"\[", name)[0], *re.findall(r"\['([^']*)'\]", name)]:
            value = value.get(key) if isinstance(value, dict) else None
        return value if isinstance(value, str) else None

    # calls

    def _call(self, operation: str, body: dict[str, Any]) -> dict[str, Any]:
        response = self._client.call(TARGET + operation, orjson.dumps(go_text(body)), self._headers)
        if response is None or response.status != 200:
            raise CallError(response)
        try:
            answer = orjson.loads(response.body or b"{}")
        except ValueError:
            raise CallError(response) from None
        if not isinstance(answer, dict):
            raise CallError(response)
        return answer

    def _create_group(self, group: str) -> None:
        if not self._creates_group:
            return
        tags = dict(pair.partition("=")[::2] for pair in (self._options["new_log_group_tags"] or "").split(",") if pair)
        try:
            self._call("CreateLogGroup", {"logGroupName": group, **({"tags": tags} if tags else {})})
            self._log.info(f"Created log group {group}\n")
        except CallError as exc:
            if exc.code != "ResourceAlreadyExistsException":
                raise
            self._log.info(f"Log group {group} already exists\n")
        if self._retention_days > 0:
            self._call("PutRetentionPolicy", {"logGroupName": group, "retentionInDays": self._retention_days})
            self._log.info(f"Set retention policy on log group {group} to {self._retention_days}d\n")

    def _find_stream(self, group: str, name: str) -> Stream:
        body: dict[str, Any] = {"logGroupName": group, "logStreamNamePrefix": name}
        while True:
            answer = self._call("DescribeLogStreams", body)
            for one in answer.get("logStreams") or []:
                if isinstance(one, dict) and one.get("logStreamName") == name:
                    return self._known(Stream(group, name, one.get("uploadSequenceToken")))
            if not answer.get("nextToken"):
                break
            body["nextToken"] = answer["nextToken"]
        self._log.info(f"Log stream {name} does not exist in log group {group}")
        return self._create_stream(group, name)

    def _create_stream(self, group: str, name: str) -> Stream:
        if not self._creates_stream:
            self._log.error(f"error: attempting to create log Stream {name} in log group {group} however "
                            "auto_create_stream is disabled")  # fmt: skip
            raise CallError(None)
        self._call("CreateLogStream", {"logGroupName": group, "logStreamName": name})
        self._log.info(f"Created log stream {name} in group {group}")
        return self._known(Stream(group, name))

    def _known(self, stream: Stream) -> Stream:
        self._streams[stream.group, stream.name] = stream
        return stream

    def _put(self, stream: Stream) -> None:
        if not stream.events:
            return
        in_order = sorted(stream.events, key=lambda event: event[0])
        events = [{"message": text, "timestamp": stamp} for stamp, text in in_order]
        body = {"logEvents": events, "logGroupName": stream.group, "logStreamName": stream.name}
        try:
            answer = self._call("PutLogEvents", {**body, **({"sequenceToken": stream.token} if stream.token else {})})
        except CallError as exc:
            self._after_refusal(stream, exc)
            return
        for key, words in (("expiredLogEventEndIndex", "expired"), ("tooNewLogEventStartIndex", "too new"),
                           ("tooOldLogEventEndIndex", "too old")):  # fmt: skip
            if key in (answer.get("rejectedLogEventsInfo") or {}):
                amount = answer["rejectedLogEventsInfo"][key]
                self._log.warning(f"{amount} log events were marked as {words} by CloudWatch\n")
        stream.token, stream.events, stream.size = answer.get("nextSequenceToken"), [], 0

    def _after_refusal(self, stream: Stream, exc: CallError) -> None:
        token = exc.message.rpartition(" ")[2]
        if exc.code == "DataAlreadyAcceptedException":
            self._log.info(f"Encountered error {exc}; data already accepted, ignoring error\n")
            stream.token, stream.events, stream.size = token, [], 0
        elif exc.code == "InvalidSequenceTokenException":
            if stream.token == token:
                raise exc
            stream.token = None if token.startswith("null") else token
            self._put(stream)
        elif exc.code == "ResourceNotFoundException":
            self._log.error(f"Encountered error {exc}; detailed information: {exc.message}\n")
            if "group" in exc.message:
                self._create_group(stream.group)
            elif "stream" in exc.message:
                self._call("CreateLogStream", {"logGroupName": stream.group, "logStreamName": stream.name})
            self._log.error("A Log group/stream did not exist, re-created it. Will retry PutLogEvents on next flush")
            raise exc
        else:
            raise exc


PLUGIN = OutputPlugin(
    "cloudwatch",
    "AWS's older plugin for Amazon CloudWatch Logs.",
    CloudWatch,
    (
        Option("log_group_name", help="Log group; $(tag), $(key) are filled in; required."),
        Option("default_log_group_name", help="Where a $(…) is missing.", default="fluentbit-default"),
        Option("log_stream_prefix", help="Log stream is this prefix and the tag."),
        Option("log_stream_name", help="Log stream; $(tag), $(key) are filled in."),
        Option("default_log_stream_name", help="Where a $(…) is missing.", default="/fluentbit-default"),
        Option("region", help="AWS region; required."),
        Option("log_key", help="Send only the value of this key, raw."),
        Option("role_arn", help="Role to assume for the calls; without it the task role's credentials."),
        Option("auto_create_group", help="true creates the log group.", default="false"),
        Option("auto_create_stream", help="false does not create the log stream.", default="true"),
        Option("new_log_group_tags", help="Tags of a group it creates: a=b,c=d."),
        Option("log_retention_days", help="Retention, also of a group that exists.", default="0"),
        Option("endpoint", help="URL to use instead of AWS's."),
        Option("sts_endpoint", help="STS to ask for the role, in the place of the region's."),
        Option("external_id", help="ExternalId of the AssumeRole."),
        Option("credentials_endpoint", help="Accepted, not modelled: the container's own is used."),
        Option("log_format", help="json/emf makes CloudWatch read embedded metrics."),
        Option("extra_user_agent", help="Accepted, without effect."),
    ),
    accepts_any=True,
    is_external=True,
)
