"""The awslogs driver: options, stream creation, batches, retries."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lab_helpers.local_aws.ecs.logs.awslogs import (
    AwslogsDriver,
    AwslogsOptions,
    batches,
    create_stream,
    parse_options,
)
from lab_helpers.local_aws.ecs.logs.drivers import LineQueue, LoggerArgsError, Stamped, size_bytes
from lab_helpers.local_aws.ecs.logs.lines import LogLine
from lab_helpers.local_aws.kit.clock import ManualClock, SystemClock

GIVEN = {"awslogs-group": "/ecs/firelens", "awslogs-region": "ap-northeast-1", "awslogs-stream-prefix": "httpd-sidecar"}


def _options(**changes: str) -> AwslogsOptions:
    return parse_options({**GIVEN, **changes}, "log_router", "abc", "us-east-1", "abc-1")


class FakeLogs:
    """Answers like CloudWatch Logs; `fail` lists error codes for the next calls."""

    def __init__(self, *fail: str) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.fail = list(fail)
        self.delivered = threading.Event()

    def __getattr__(self, name: str) -> Any:
        def call(**arguments: Any) -> dict[str, Any]:
            self.calls.append((name, arguments))
            if self.fail:
                code = self.fail.pop(0)
                raise ClientError({"Error": {"Code": code, "Message": "Sentence."}}, name)
            if name == "put_log_events":
                self.delivered.set()
            return {}

        return call


def test_the_stream_is_prefix_container_task() -> None:
    """As in the article: httpd-sidecar/log_router/<task id>."""
    options = _options()
    assert (options.group, options.stream, options.region) == (
        "/ecs/firelens",
        "httpd-sidecar/log_router/abc",
        "ap-northeast-1",
    )
    assert not options.create_group


def test_the_mode_is_non_blocking_unless_said_otherwise() -> None:
    """The default since 25 June 2025."""
    assert not _options().blocking
    assert _options(mode="blocking").blocking


def test_buffer_sizes() -> None:
    """`max-buffer-size` takes k, m and g; anything else is refused with what was given."""
    for given, expected in {"1m": 2**20, "25M": 25 * 2**20, "64k": 65_536, "1g": 2**30, "5mb": 5 * 2**20}.items():
        assert _options(**{"max-buffer-size": given}).buffer_bytes == expected
    for wrong in ("lots", "inf", "-1m", "1m2"):
        with pytest.raises(LoggerArgsError, match=f"'{wrong}'"):
            _options(**{"max-buffer-size": wrong})


def test_modes_that_docker_refuses() -> None:
    """In Docker's words: another mode, and a buffer for the mode that has none."""
    with pytest.raises(LoggerArgsError, match="logger: logging mode not supported: fast"):
        _options(mode="fast")
    told = "logger: max-buffer-size option is only supported with 'mode=non-blocking'"
    with pytest.raises(LoggerArgsError, match=told):
        _options(**{"mode": "blocking", "max-buffer-size": "1m"})


def test_ten_megabytes_are_held_by_default() -> None:
    """Non-blocking without `max-buffer-size`: 10m of lines wait for CloudWatch Logs, the newest are lost."""
    clock, logs = ManualClock(), FakeLogs()
    driver = AwslogsDriver(clock, logs, _options())
    lines = [LogLine("stdout", b"x" * 2**20) for _ in range(20)]
    for line in lines:
        driver.write([line])
    assert driver.counters()["dropped"] in (9, 10)  # one line may be with the sender
    driver.close(5)
    sent = sum(len(call["logEvents"]) for name, call in logs.calls if name == "put_log_events")
    assert sent == driver.counters()["sent"] == 20 - driver.counters()["dropped"]


def test_a_line_larger_than_the_buffer_is_taken_by_an_empty_one() -> None:
    """As Docker's ring buffer: its limit is looked at when something waits already."""
    queue = LineQueue(SystemClock(), 4, blocking=False, measure=size_bytes)
    queue.put([LogLine("stdout", b"long line")])
    queue.put([LogLine("stdout", b"x")])
    assert queue.counters() == {"received": 2, "sent": 0, "dropped": 1, "held": 1}
    assert [each.line.text for each in queue.take(5)] == [b"long line"]
    queue.put([LogLine("stdout", b"x")])
    assert queue.counters()["dropped"] == 1


def test_a_group_is_needed() -> None:
    """There is no default log group."""
    with pytest.raises(LoggerArgsError, match="awslogs-group"):
        parse_options({}, "c", "t", "r", "i")


def test_only_a_stream_is_created_by_default() -> None:
    """Row E3: without awslogs-create-group the group has to be there."""
    logs = FakeLogs()
    create_stream(logs, _options())
    assert [name for name, _ in logs.calls] == ["create_log_stream"]
    create_stream(logs, _options(**{"awslogs-create-group": "true"}))
    assert [name for name, _ in logs.calls[1:]] == ["create_log_group", "create_log_stream"]


def test_existing_ones_are_taken() -> None:
    """A second task of the service finds the group there."""
    create_stream(FakeLogs("ResourceAlreadyExistsException"), _options(**{"awslogs-create-group": "true"}))


def test_a_refusal_carries_awss_sentence() -> None:
    """The stopped reason says which call failed and why."""
    with pytest.raises(LoggerArgsError) as caught:
        create_stream(FakeLogs("AccessDeniedException"), _options(**{"awslogs-create-group": "true"}))
    assert str(caught.value) == (
        "create stream has been retried 1 times: failed to create Cloudwatch log group: AccessDeniedException: "
        "Sentence.: exit status 1"
    )


def test_lines_are_delivered_once_in_order() -> None:
    """What is written is sent to the container's stream, and counted; close sends the rest."""
    logs = FakeLogs()
    driver = AwslogsDriver(SystemClock(), logs, _options())
    driver.write([LogLine("stderr", b"one"), LogLine("stderr", b"")])
    driver.write([LogLine("stderr", b"\xff")])
    driver.close(5)
    sent = [event["message"] for _, arguments in logs.calls for event in arguments["logEvents"]]
    assert sent == ["one", " ", "\ufffd"]
    assert driver.counters() == {"received": 3, "sent": 3, "dropped": 0, "held": 0}


def test_a_failed_batch_is_sent_again() -> None:
    """A throttled or denied call loses nothing."""
    logs = FakeLogs("ThrottlingException")
    driver = AwslogsDriver(SystemClock(), logs, _options())
    driver.write([LogLine("stderr", b"one")])
    assert logs.delivered.wait(10)
    driver.close(5)
    assert driver.counters()["sent"] == 1
    assert len(logs.calls) == 2


def test_batches_keep_the_limits_of_put_log_events() -> None:
    """10,000 events; 1,048,576 bytes with 26 for each event."""
    small = [Stamped(LogLine("stdout", b"x"), 0)] * 10_001
    assert [len(batch) for batch in batches(small)] == [10_000, 1]
    big = [Stamped(LogLine("stdout", b"x" * (524_288 - 26)), 0)] * 3
    assert [len(batch) for batch in batches(big)] == [2, 1]
    assert batches([]) == []


def test_a_blocking_queue_makes_the_writer_wait() -> None:
    """mode=blocking: the container waits, nothing is dropped."""
    queue = LineQueue(SystemClock(), 2, blocking=True)
    writer = threading.Thread(target=queue.put, args=([LogLine("stdout", b"%d" % number) for number in range(5)],))
    writer.start()
    taken: list[Stamped] = []
    while len(taken) < 5:
        batch = queue.take(10, 5)
        queue.done(len(batch), sent=True)
        taken += batch
    writer.join()
    assert [each.line.text for each in taken] == [b"0", b"1", b"2", b"3", b"4"]
    assert queue.counters()["dropped"] == 0
