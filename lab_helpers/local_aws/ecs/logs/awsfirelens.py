"""The awsfirelens log driver: lines -> Forward protocol -> the router's unix socket.

Source: Docker's fluentd log driver, which the ECS agent configures with the tag `<container>-firelens-<task id>`,
sub-second precision, asynchronous connecting and `log-driver-buffer-limit`. The driver is written in Go and encodes a
map, whose order Go makes start anywhere: that is why the keys of the article's records stand in several orders.
It writes one message after the other; one that the socket took is not sent again, though the router may close the
connection before it reads it (Mem_Buf_Limit), and is lost then.
Not modelled: acknowledgements (the agent does not ask for them).
"""

from __future__ import annotations

import bisect
import contextlib
import itertools
import logging
import random
import socket
import struct
import threading
from collections.abc import Sequence

from lab_helpers.local_aws.ecs.logs.drivers import LineQueue, Stamped
from lab_helpers.local_aws.ecs.logs.lines import LogLine
from lab_helpers.local_aws.kit.clock import Clock

log = logging.getLogger(__name__)

DEFAULT_BUFFER_LINES = 1_048_576
"""Source: `log-driver-buffer-limit` in the ECS developer guide."""
BATCH_LINES = 500
RETRY_FIRST_S, RETRY_MOST_S, RETRY_FACTOR = 0.5, 60.0, 1.5
"""Source: fluent-logger-golang's defaults."""
CLOSING_RETRY_S = 0.2
_EVENT_TIME = b"\xd7\x00"
"""msgpack's fixext 8 of type 0: seconds and nanoseconds follow. Source: Forward Protocol specification v1."""


class FirelensDriver:
    """Sends one container's lines to the router at `socket_path`."""

    def __init__(
        self, clock: Clock, socket_path: str, tag: str, container_id: str, container_name: str,
        buffer_lines: int = DEFAULT_BUFFER_LINES, rng: random.Random | None = None,
    ) -> None:  # fmt: skip
        self._path, self._encoder = socket_path, Encoder(tag, container_id, container_name, rng or random.Random())
        # Docker's driver writes asynchronously: a full buffer drops and counts, it never stops the container.
        self._queue = LineQueue(clock, buffer_lines, blocking=False)
        self._socket: socket.socket | None = None
        self._given_up = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"ecs-firelens-{container_name}", daemon=True)
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
            batch = self._queue.take(BATCH_LINES)
            if batch:
                self._deliver(batch)
        if self._socket is not None:
            self._socket.close()
        if lost := self.counters()["dropped"]:
            log.error("%s: %s lines did not get to the log router.", self._thread.name, lost)

    def _deliver(self, batch: Sequence[Stamped]) -> None:
        messages, delay_s = [self._encoder.encode(each) for each in batch], RETRY_FIRST_S
        while messages:
            sent = self._send(messages)
            self._queue.done(sent, sent=True)
            messages = messages[sent:]
            if messages and not self._queue.pause(delay_s) and self._given_up.wait(CLOSING_RETRY_S):
                self._queue.done(len(messages), sent=False)
                return
            delay_s = min(delay_s * RETRY_FACTOR, RETRY_MOST_S)

    def _send(self, messages: Sequence[bytes]) -> int:
        """Send messages; return how many the socket took whole. Those are never sent again, read or not.

        A socket that takes nothing (its router does not read) is waited for until the driver is given up.
        """
        data, sent = memoryview(b"".join(messages)), 0
        try:
            if self._socket is None:
                self._socket = _connected(self._path)
            while sent < len(data) and not self._given_up.is_set():
                with contextlib.suppress(TimeoutError):
                    sent += self._socket.send(data[sent:])
        except OSError as exc:
            log.debug("Log router at %s: %s", self._path, exc)
            if self._socket is not None:
                self._socket.close()
            self._socket = None
        return bisect.bisect_right(list(itertools.accumulate(map(len, messages))), sent)


def _connected(path: str) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(CLOSING_RETRY_S)
    try:
        connection.connect(path)
    except OSError:
        connection.close()
        raise
    return connection


class Encoder:
    """Stamped lines -> Forward protocol in message mode: [tag, EventTime, record]."""

    def __init__(self, tag: str, container_id: str, container_name: str, rng: random.Random) -> None:
        self._head, self._rng = b"\x93" + _text(tag.encode()) + _EVENT_TIME, rng
        self._identity = [_pair("container_id", container_id.encode())]
        self._identity += [_pair("container_name", container_name.encode())]

    def encode(self, stamped: Stamped) -> bytes:
        """Return one message."""
        seconds, nanoseconds = divmod(stamped.time_ns, 1_000_000_000)
        return self._head + struct.pack(">II", seconds, nanoseconds) + self._record(stamped.line)

    def _record(self, line: LogLine) -> bytes:
        fields = [*self._identity, _SOURCES[line.source], _LOG + _text(line.text)]
        if line.part is not None:
            fields += [_pair("partial_message", b"true"), _pair("partial_id", line.part.line_id.encode())]
            fields += [_pair("partial_ordinal", b"%d" % line.part.ordinal)]
            fields += [_pair("partial_last", b"true" if line.part.last else b"false")]
        start = int(self._rng.random() * len(fields))
        return b"".join((bytes((0x80 | len(fields),)), *fields[start:], *fields[:start]))


def _pair(key: str, value: bytes) -> bytes:
    # Strings, not msgpack's bin: Docker's driver sends Go strings, whatever bytes they hold.
    return _text(key.encode()) + _text(value)


def _text(value: bytes) -> bytes:
    size = len(value)
    if size < 32:
        return bytes((0xA0 | size,)) + value
    if size < 256:
        return b"\xd9" + size.to_bytes(1, "big") + value
    return (b"\xda" + size.to_bytes(2, "big") if size < 65_536 else b"\xdb" + size.to_bytes(4, "big")) + value


_SOURCES = {source: _pair("source", source.encode()) for source in ("stdout", "stderr")}
_LOG = _text(b"log")
