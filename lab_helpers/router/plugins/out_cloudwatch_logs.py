"""Send records to CloudWatch Logs: one event a record, groups and streams made on the way.

Source: Fluent Bit 5.1.1 (calls, their order, limits, messages). The limits are in put_log_events.py.
Not modelled: `add_entity` and metrics (accepted, without effect); batches of one output are sent one after
the other, whatever `workers` says.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lab_helpers.router.aws.aws_output import USER_AGENT, build_client, values_of_key
from lab_helpers.router.aws.http_client import Response
from lab_helpers.router.aws.log_streams import (
    CLASSES,
    TARGET,
    GroupSettings,
    LogStreams,
    SendError,
    StreamGoneError,
)
from lab_helpers.router.aws.put_log_events import Batches, Event, LogStream, bodies
from lab_helpers.router.aws.signed_calls import log_error, read_error
from lab_helpers.router.core.c_string import c_string
from lab_helpers.router.core.log import ComponentLog
from lab_helpers.router.core.options import Kind, Option, Options, to_integer
from lab_helpers.router.plugin import FlushResult, Output, OutputContext, OutputPlugin, PluginInitError
from lab_helpers.router.records.accessor import AccessorError
from lab_helpers.router.records.buffer import Chunk
from lab_helpers.router.records.lines import Lines, escaped
from lab_helpers.router.records.template import Template, parse_template

REQUEST_ID = "x-amzn-requestid"


class CloudWatchLogs(Output):
    """The output; `flush` sends a chunk's records in as few PutLogEvents as the limits allow."""

    def __init__(self, options: Options, context: OutputContext) -> None:
        self._log, self._options = context.log, options
        self._core_log = ComponentLog(context.service.sink)
        self._escape = context.service.escape_unicode
        self._check(options)
        self._group_template = self._template("log_group_template")
        self._stream_template = self._template("log_stream_template")
        if not options["region"]:
            raise PluginInitError("'region' is a required field", "Initialization failed")
        settings = GroupSettings(
            creates_groups=options["auto_create_group"],
            retention_days=to_integer(options["log_retention_days"] or "0"),
            group_class=self._class_of(options["log_group_class"] or ""),
        )
        self._log_key = options["log_key"]
        self._looks_at_records = bool(self._group_template or self._stream_template or self._log_key)
        self._put_headers = {"x-amzn-logs-format": options["log_format"]} if options["log_format"] else {}
        agent = f"{USER_AGENT}-{options['extra_user_agent'] or ''}"
        self._client = build_client("logs", "logs", options, context, agent)
        self._streams = LogStreams(self._client, settings, context.log)

    def flush(self, chunk: Chunk) -> FlushResult:
        """Deliver the chunk; RETRY when any call failed (what was sent before it will be sent again)."""
        try:
            if self._looks_at_records:
                self._send_by_record(chunk)
            else:
                self._send_lines(chunk.tag, chunk.lines())
        except SendError as exc:
            self._log.error("Failed to send events")
            return FlushResult.ERROR if isinstance(exc, StreamGoneError) else FlushResult.RETRY
        return FlushResult.OK

    def stop(self) -> None:
        """Close the connection."""
        self._client.close()

    # options

    def _check(self, options: Options) -> None:
        failed = "Initialization failed"
        if not options["log_group_name"]:
            raise PluginInitError("'log_group_name' is a required field", failed)
        if bool(options["log_stream_name"]) == bool(options["log_stream_prefix"]):
            raise PluginInitError("Either 'log_stream_name' or 'log_stream_prefix' is required", failed)

    def _template(self, option: str) -> Template | None:
        text = self._options[option]
        try:
            return parse_template(text) if text else None
        except AccessorError as exc:
            raise PluginInitError(*exc.lines, f"Could not parse `{option}`", "Initialization failed") from exc

    def _class_of(self, text: str) -> str:
        if not text:
            return ""
        if text not in CLASSES:
            raise PluginInitError(
                f"The valid values for log_group_class are {{{CLASSES[0]}, {CLASSES[1]}}}. Invalid input was {text}",
                "Initialization failed",
            )
        if text == CLASSES[1]:
            self._log.warn(
                f"Configured `log_group_class {text}` will only apply to log groups created by Fluent Bit. Look for "
                "the `Created log group` info level message emitted when a group does not already exist and is created."
            )
        return text

    # sending

    def _send_lines(self, tag: str, lines: Lines) -> None:
        if not lines.parts:
            return  # nothing could be read: the reference does not even look for the stream
        stream = self._streams.ready(self._stream_for(tag, {}))
        requests = bodies(lines, stream, self._log)
        for body in requests:
            self._put(stream, body, requests.prefetch)

    def _send_by_record(self, chunk: Chunk) -> None:
        """Send with templates or log_key: streams may change from record to record, and what is for another one ends a
        batch; a record that has nothing to send ends none.
        """
        batches: Batches | None = None
        for record, line in zip(chunk.records(), self._lines(chunk), strict=True):
            try:
                stream = self._streams.ready(self._stream_for(chunk.tag, record.body))
            except SendError:
                self._put_rest(batches)  # as the reference: what came before is sent, and again with the retry
                raise
            for event in self._events(record.time_ns // 1_000_000, record.body, line):
                if batches is None or batches.stream != stream:
                    self._put_rest(batches)
                    batches = Batches(stream, self._log)
                for body in batches.add(event):
                    self._put(stream, body)
        self._put_rest(batches)

    def _lines(self, chunk: Chunk) -> list[bytes]:
        return [b""] * chunk.count if self._log_key else chunk.json_lines()

    def _stream_for(self, tag: str, body: dict[Any, Any]) -> LogStream:
        stream = self._stream_template.render(tag, body, self._core_log) if self._stream_template else None
        group = self._group_template.render(tag, body, self._core_log) if self._group_template else None
        if stream is None:
            stream = self._options["log_stream_name"] or f"{self._options['log_stream_prefix']}{tag}"
        return LogStream(self._options["log_group_name"] if group is None else c_string(group), c_string(stream))

    def _events(self, time_ms: int, body: dict[Any, Any], line: bytes) -> list[Event]:
        if not self._log_key:
            return [Event(time_ms, len(line), escaped(line))]
        values = list(values_of_key(body, self._log_key, self._escape))
        if not values:
            self._log.error(f"Could not find log_key '{self._log_key}' in record")
        return [Event(time_ms, len(value), value[1:-1]) for value in values]

    def _put_rest(self, batches: Batches | None) -> None:
        if batches is not None:
            for body in batches.rest():
                self._put(batches.stream, body)

    def _put(self, stream: LogStream, body: bytes, meanwhile: Callable[[], None] | None = None) -> None:
        for _ in range(2):  # a 200 without a request id is asked again once
            response = self._client.call(TARGET + "PutLogEvents", body, self._put_headers, meanwhile)
            if response is None or response.status != 200:
                raise self._refused(stream, response)
            if REQUEST_ID in response.headers:
                return
        self._log.error("Recieved code 200 but response was invalid, x-amzn-RequestId header not found")
        self._log.error("Failed to send log events")
        raise SendError

    def _refused(self, stream: LogStream, response: Response | None) -> SendError:
        """Tell why a call failed; return the error to raise."""
        if response is not None and read_error(response.body).code == "ResourceNotFoundException":
            self._log.error(f"Log stream {stream.name} not found. Rejecting the chunk without retry.")
            self._log.error("Failed to send log events")
            self._streams.forget(stream)
            return StreamGoneError()
        if response is not None and response.body:
            log_error(response, "PutLogEvents", self._log)
        self._log.error("Failed to send log events")
        self._log.error("Failed to send log events")
        return SendError()


PLUGIN = OutputPlugin(
    "cloudwatch_logs",
    "Send records to Amazon CloudWatch Logs.",
    CloudWatchLogs,
    (
        Option("region", help="AWS region of the logs."),
        Option("log_group_name", help="Log group; required."),
        Option("log_stream_name", help="Log stream for all records; this or log_stream_prefix."),
        Option("log_stream_prefix", help="Log stream is this prefix and the tag."),
        Option("log_group_template", help="Log group from values of the record ($key['sub']); else log_group_name."),
        Option("log_stream_template", help="Log stream from values of the record; else name or prefix."),
        Option("log_key", help="Send only the value of this key, without quotes."),
        Option("extra_user_agent", help="Text behind the user agent."),
        Option("log_format", help="json/emf makes CloudWatch read embedded metrics."),
        Option("role_arn", help="Role to assume for the calls; without it the task role's credentials."),
        Option("auto_create_group", Kind.FLAG, "Create the log group where it is missing.", "false"),
        Option("auto_retry_requests", Kind.FLAG, "Try once more at once where no connection came about.", "true"),
        Option("log_retention_days", help="Retention of groups that this output creates; 0 is for ever.", default="0"),
        Option("endpoint", help="Host to use instead of AWS's (the core property `port` goes with it)."),
        Option("sts_endpoint", help="STS to ask for the role, in the place of the region's."),
        Option("external_id", help="ExternalId of the AssumeRole."),
        Option("metric_namespace", help="Accepted, not modelled: there are no metrics here."),
        Option("metric_dimensions", help="Accepted, not modelled."),
        Option("profile", help="Accepted, not modelled: see AWS_PROFILE."),
        Option("log_group_class", help="STANDARD or INFREQUENT_ACCESS, for groups that this output creates."),
        Option("add_entity", Kind.FLAG, "Accepted, not modelled.", "false"),
    ),
    core=("port", "retry_limit", "tls", "tls.ca_file"),
    config_error="configuration error\nInitialization failed",
)
