"""A router that passes over its waits while it stops does all that it would have done, as often."""

from __future__ import annotations

import io
import itertools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab_helpers.router.config.config_text import read_file
from lab_helpers.router.config.settings import build_service
from lab_helpers.router.core.log import ComponentLog, Sink
from lab_helpers.router.core.loop import Loop
from lab_helpers.router.core.service import PASSES_WAITS
from lab_helpers.router.engine.engine import Engine
from tests.router.stand_in import StandIn

CONFIG = """[INPUT]
    Name dummy
    Samples 1
    Interval_NSec 1
[OUTPUT]
    Name cloudwatch_logs
    Match *
    region r
    log_group_name /g
    log_stream_name s
    endpoint 127.0.0.1
    port PORT
    tls off
    Retry_Limit LIMIT
"""
ENVIRONMENT = {"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "secret", PASSES_WAITS: "1"}


@pytest.fixture
def aws() -> Iterator[StandIn]:
    """An AWS that refuses what is put into it."""
    with StandIn() as one:
        one.refuse("PutLogEvents", "ThrottlingException", times=1000)
        yield one


def ended(folder: Path, aws: StandIn, limit: str) -> tuple[str, float]:
    """Have a router read one record and stop; return its log and the loop's time in seconds."""
    path, text = folder / "c", io.StringIO()
    path.write_text(CONFIG.replace("PORT", str(aws.port)).replace("LIMIT", limit))
    sink = Sink(stream=text)
    configuration = read_file(str(path), ComponentLog(sink))
    service = build_service(configuration, ENVIRONMENT, sink, 1.0)
    looks = itertools.count()
    engine = Engine(configuration, service, Loop(clock=lambda: next(looks) / 10_000))
    engine.build()
    engine.start()
    engine.loop.passes_waits = engine.tasks.only_wait  # also before it stops: it is read at the first second
    engine.loop.call_after(2.0, engine.request_stop)
    engine.loop.run()
    time_s = engine.loop.clock()
    engine.close()
    return text.getvalue(), time_s


def test_retries_are_as_many_as_in_real_time(tmp_path: Path, aws: StandIn) -> None:
    """Without a limit: when it is flushed, when it is to stop, and each second until the grace of five is over."""
    log, time_s = ended(tmp_path, aws, "False")
    assert re.findall(r"grace_timer=(\d)", log) == ["1", "2", "3", "4", "5"]
    assert len(aws.of("PutLogEvents")) == 6
    assert 7.0 < time_s < 7.5
    assert "service has stopped (1 pending tasks)" in log


def test_it_ends_when_nothing_is_left(tmp_path: Path, aws: StandIn) -> None:
    """Two retries are allowed: when it is to stop and a second after that; the next look finds nothing."""
    log, _ = ended(tmp_path, aws, "2")
    assert len(aws.of("PutLogEvents")) == 3
    assert "retry in 1 seconds" in log
    assert "cannot be retried" in log
    assert "service has stopped (0 pending tasks)" in log
