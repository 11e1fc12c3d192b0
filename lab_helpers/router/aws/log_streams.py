"""Log groups and streams that have to exist before events can be sent, with Fluent Bit's calls and messages.

Source: Fluent Bit 4.2.8: the stream is created first; only where its group is missing the group is made, its retention
set, and the stream tried once more. A group that exists keeps its retention.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from lab_helpers.router.aws.http_client import Response
from lab_helpers.router.aws.put_log_events import LogStream, escaped_name
from lab_helpers.router.aws.signed_calls import AwsClient, log_error, read_error
from lab_helpers.router.core.log import Log

TARGET = "Logs_20140328."
STREAM_KEPT_S = 4 * 3600
CLASSES = ("STANDARD", "INFREQUENT_ACCESS")


@dataclass(frozen=True)
class GroupSettings:
    """What a group gets when it is made here; `retention_days` 0 is for ever, `group_class` '' is AWS's default."""

    creates_groups: bool
    retention_days: int
    group_class: str


class SendError(Exception):
    """A call failed; what was wrong has been logged."""


class StreamGoneError(SendError):
    """The stream was deleted since it was made: its events are not tried again. Source: Fluent Bit 5.0.9."""


class LogStreams:
    """The streams that are known to exist, and the calls that make the others."""

    def __init__(self, client: AwsClient, settings: GroupSettings, log: Log) -> None:
        self._client, self._settings, self._log = client, settings, log
        self._known: dict[LogStream, float] = {}

    def ready(self, stream: LogStream) -> LogStream:
        """Return the stream once it is known to exist. Raises SendError."""
        now = time.monotonic()
        if self._known.get(stream, 0.0) < now:
            self._known = {one: until for one, until in self._known.items() if until >= now}
            self._create_stream(stream, may_retry=True)
        self._known[stream] = now + STREAM_KEPT_S
        return stream

    def forget(self, stream: LogStream) -> None:
        """Take the stream as not existing: the next events make it again."""
        self._known.pop(stream, None)

    def _create_stream(self, stream: LogStream, *, may_retry: bool) -> None:
        self._log.info(f"Creating log stream {stream.name} in log group {stream.group}")
        response = self._client.call(
            TARGET + "CreateLogStream", json_of(logGroupName=stream.group, logStreamName=stream.name)
        )
        if response is not None and response.status == 200:
            self._log.info(f"Created log stream {stream.name}")
            return
        code = read_error(response.body).code if response is not None and response.body else ""
        if code == "ResourceAlreadyExistsException":
            self._log.info(f"Log Stream {stream.name} already exists")
            return
        if code == "ResourceNotFoundException":
            self._create_missing_group(stream, may_retry=may_retry)
            return
        if response is not None and response.body:
            self._tell(response, code, "CreateLogStream")
        self._log.error("Failed to create log stream")
        raise SendError

    def _create_missing_group(self, stream: LogStream, *, may_retry: bool) -> None:
        if not self._settings.creates_groups:
            self._log.error(f"Log Group {stream.group} not found and `auto_create_group` disabled.")
            raise SendError
        self._log.info(f"Log Group {stream.group} not found. Will attempt to create it.")
        self._create_group(stream.group)
        if not may_retry:
            raise SendError
        self._create_stream(stream, may_retry=False)

    def _create_group(self, group: str) -> None:
        self._log.info(f"Creating log group {group}")
        chosen = {"logGroupClass": self._settings.group_class} if self._settings.group_class else {}
        pairs = ",".join(f'"{key}":"{text}"' for key, text in {"logGroupName": group, **chosen}.items())
        body = f"{{{pairs}}}".encode("utf-8", "surrogateescape")  # not escaped: a quote breaks it, as in Fluent Bit
        response = self._client.call(TARGET + "CreateLogGroup", body)
        code = read_error(response.body).code if response is not None and response.body else ""
        if response is not None and response.status == 200:
            self._log.info(f"Created log group {group} with storage class {self._settings.group_class or CLASSES[0]}")
        elif code == "ResourceAlreadyExistsException":
            self._group_exists(group)
        else:
            if response is not None and response.body:
                self._tell(response, code, "CreateLogGroup")
            self._log.error("Failed to create log group")
            raise SendError
        self._set_retention(group)

    def _group_exists(self, group: str) -> None:
        if self._settings.group_class == CLASSES[1]:
            self._log.warn(
                f"Log Group {group} already exists; Fluent Bit did not create this group in this execution. Fluent Bit "
                f"therefore was unable verify or set {CLASSES[1]} storage. Check CloudWatch Console or API for the "
                "groups storage class status."
            )
        else:
            self._log.info(f"Log Group {group} already exists")

    def _set_retention(self, group: str) -> None:
        if self._settings.retention_days <= 0:
            return
        self._log.info(f"Setting retention policy on log group {group} to {self._settings.retention_days}d")
        body = json_of(logGroupName=group)[:-1] + b',"retentionInDays":%d}' % self._settings.retention_days
        response = self._client.call(TARGET + "PutRetentionPolicy", body)
        if response is not None and response.status == 200:
            self._log.info(f"Set retention policy to {self._settings.retention_days}")
            return
        if response is not None and response.body:
            log_error(response, "PutRetentionPolicy", self._log)
        self._log.error("Failed to putRetentionPolicy")
        raise SendError

    def _tell(self, response: Response, code: str, api: str) -> None:
        if code:
            log_error(response, api, self._log)
        else:
            self._log.warn(f"Raw response: {response.body.decode('utf-8', 'replace')}")


def json_of(**texts: str) -> bytes:
    """Return the JSON of these texts."""
    return b"{%s}" % b",".join(b'"%s":%s' % (key.encode(), escaped_name(text)) for key, text in texts.items())
