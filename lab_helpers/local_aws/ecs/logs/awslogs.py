"""The awslogs log driver: lines -> PutLogEvents with the task execution role.

Source: "awslogs log driver" in the ECS developer guide; Docker's awslogs driver for batches and stream creation.
Not modelled: awslogs-multiline-pattern, awslogs-datetime-format.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from lab_helpers.local_aws.ecs.logs.drivers import LineQueue, LoggerArgsError, Stamped, size_bytes
from lab_helpers.local_aws.ecs.logs.lines import LogLine
from lab_helpers.local_aws.kit.clock import Clock

log = logging.getLogger(__name__)

BATCH_EVENTS = 10_000
BATCH_BYTES = 1_048_576
EVENT_OVERHEAD_BYTES = 26
"""Source: the limits of PutLogEvents."""
GATHER_S = 1.0
"""How long lines gather before they are sent; Docker's driver takes 5 s."""
RETRY_S = 1.0
DEFAULT_BUFFER_BYTES = 10 * 1024**2
"""What non-blocking mode holds unless `max-buffer-size` says otherwise: 10m. Source: LogConfiguration (ECS API)."""
BLOCKING_LINES = 4096
"""Source: Docker's awslogs driver (the messages that it holds before a container waits)."""
_SIZE = re.compile(r"(\d+(?:\.\d+)?) ?([kmgt]?)(?:i?b)?", re.IGNORECASE)
_UNITS = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3, "t": 1024**4}


@dataclass(frozen=True)
class AwslogsOptions:
    """The driver's options."""

    group: str
    region: str
    stream: str
    create_group: bool
    blocking: bool
    buffer_bytes: int


def parse_options(
    options: Mapping[str, str], container: str, task_id: str, region: str, container_id: str
) -> AwslogsOptions:
    """Read `logConfiguration.options`; raises LoggerArgsError in Docker's words, where it has some."""
    group = options.get("awslogs-group")
    if not group:
        raise LoggerArgsError("missing awslogs-group: the awslogs log driver needs it")
    prefix, stream = options.get("awslogs-stream-prefix"), options.get("awslogs-stream")
    name = f"{prefix}/{container}/{task_id}" if prefix else stream or container_id
    return AwslogsOptions(
        group=group,
        region=options.get("awslogs-region", region),
        stream=name,
        create_group=options.get("awslogs-create-group", "false").lower() == "true",
        blocking=_is_blocking(options),
        buffer_bytes=_buffer_bytes(options.get("max-buffer-size")),
    )


def create_stream(client: Any, options: AwslogsOptions) -> None:
    """Create the container's stream (and the group if asked to); raises LoggerArgsError with AWS's sentence."""
    if options.create_group:
        _create(lambda: client.create_log_group(logGroupName=options.group), "Cloudwatch log group")
    names = {"logGroupName": options.group, "logStreamName": options.stream}
    _create(lambda: client.create_log_stream(**names), "Cloudwatch log stream")


class AwslogsDriver:
    """Sends one container's lines to its stream; `client` calls with the execution role."""

    def __init__(self, clock: Clock, client: Any, options: AwslogsOptions) -> None:
        self._client, self._options = client, options
        if options.blocking:
            self._queue = LineQueue(clock, BLOCKING_LINES, blocking=True)
        else:
            self._queue = LineQueue(clock, options.buffer_bytes, blocking=False, measure=size_bytes)
        self._given_up = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"ecs-awslogs-{options.stream}", daemon=True)
        self._thread.start()

    def write(self, lines: list[LogLine]) -> None:
        self._queue.put(lines)

    def end_of_output(self) -> None:
        return

    def close(self, timeout_s: float) -> None:
        self._queue.close()
        self._thread.join(timeout_s)
        self._given_up.set()
        self._thread.join()

    def counters(self) -> dict[str, int]:
        return self._queue.counters()

    def _run(self) -> None:
        while not self._queue.drained:
            batch = self._queue.take(1)
            if batch:
                self._queue.pause(GATHER_S)
                self._send(batch + self._queue.take(BATCH_EVENTS - 1, 0))

    def _send(self, batch: list[Stamped]) -> None:
        for part in batches(batch):
            self._queue.done(len(part), sent=self._put(part))

    def _put(self, part: Sequence[Stamped]) -> bool:
        names = {"logGroupName": self._options.group, "logStreamName": self._options.stream}
        events = [{"timestamp": each.time_ns // 1_000_000, "message": _message(each)} for each in part]
        while True:
            try:
                self._client.put_log_events(**names, logEvents=events)
                return True
            except (ClientError, BotoCoreError) as exc:
                log.warning("awslogs: %s lines for %s: %s", len(part), self._options.stream, exc)
            if not self._queue.pause(RETRY_S) and self._given_up.wait(RETRY_S):
                log.error("awslogs: %s lines for %s are lost.", len(part), self._options.stream)
                return False


def batches(stamped: Sequence[Stamped]) -> list[list[Stamped]]:
    """Cut lines into batches that PutLogEvents takes."""
    result: list[list[Stamped]] = [[]]
    size = 0
    for each in stamped:
        bytes_ = len(each.line.text) + EVENT_OVERHEAD_BYTES
        if result[-1] and (size + bytes_ > BATCH_BYTES or len(result[-1]) >= BATCH_EVENTS):
            result.append([])
            size = 0
        result[-1].append(each)
        size += bytes_
    return [batch for batch in result if batch]


def _message(each: Stamped) -> str:
    # The API refuses an empty message; a space keeps the counts even.
    return each.line.text.decode("utf-8", "replace") or " "


def _create(call: Any, what: str) -> None:
    try:
        call()
    except ClientError as exc:
        error = exc.response["Error"]
        if error["Code"] == "ResourceAlreadyExistsException":
            return
        sentence = (
            f"create stream has been retried 1 times: failed to create {what}: {error['Code']}: {error['Message']}"
        )
        raise LoggerArgsError(f"{sentence}: exit status 1") from exc


def _is_blocking(options: Mapping[str, str]) -> bool:
    mode = options.get("mode", "non-blocking")
    if mode not in ("blocking", "non-blocking"):
        raise LoggerArgsError(f"logger: logging mode not supported: {mode}")
    if mode == "blocking" and "max-buffer-size" in options:
        raise LoggerArgsError("logger: max-buffer-size option is only supported with 'mode=non-blocking'")
    return mode == "blocking"


def _buffer_bytes(size: str | None) -> int:
    if not size:
        return DEFAULT_BUFFER_BYTES
    found = _SIZE.fullmatch(size)
    if found is None:
        raise LoggerArgsError(f"max-buffer-size is {size!r}, but must be a size such as 25m")
    return int(float(found[1]) * _UNITS[found[2].lower()])
