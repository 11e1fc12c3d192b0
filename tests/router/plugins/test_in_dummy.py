"""The dummy input."""

from __future__ import annotations

from typing import Any

import pytest

from lab_helpers.router.core.loop import Loop
from lab_helpers.router.plugin import PluginKind
from tests.router.plugins.bench import Bench


class Seconds:
    """A clock that a test moves."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def made(lines: str, seconds: int) -> tuple[list[Any], list[str]]:
    """Return the records of so many seconds, and the log."""
    clock = Seconds()
    bench = Bench(loop=Loop(clock))
    dummy = bench.build(PluginKind.INPUT, "dummy", "Tag d\n" + lines)
    dummy.start()
    for _ in range(seconds):
        clock.now += 1
        bench.loop.turn(0)
    dummy.stop()
    bench.loop.close()
    return [record for _, record in bench.ingested], bench.log


@pytest.mark.parametrize(
    ("lines", "bodies"),
    [
        ("", [{"message": "dummy"}] * 3),
        ('Dummy {"a":1}\nCopies 2\nSamples 1', [{"a": 1}] * 2),
        ("Interval_Sec 2", [{"message": "dummy"}]),
        ("Interval_Sec 5\nFlush_On_Startup on", [{"message": "dummy"}]),
        ('Dummy {"a":1}{"b":2}\nSamples 1', [{"a": 1}, {"b": 2}]),
    ],
)
def test_makes_records(lines: str, bodies: list[Any]) -> None:
    """The record comes at the rate, as often as samples and copies say."""
    assert [record.body for record in made(lines, 3)[0]] == bodies


@pytest.mark.parametrize("part", ["body", "metadata"])
def test_bad_json_is_replaced(part: str) -> None:
    """A record or metadata that is no JSON is a warning at the start and at each record; the default is taken."""
    records, log = made(f'{"Dummy" if part == "body" else "Metadata"} {{"a":', 2)
    assert [record.body for record in records] == [{"message": "dummy"}] * 2
    cached = f"[ warn] [input:dummy:dummy.0] failed to parse JSON template, using cached {part}"
    assert log == ["[ warn] [input:dummy:dummy.0] data is incomplete. Use default string.", cached, cached]


def test_times() -> None:
    """The first time can be set, and be the same for all."""
    records, _ = made("Start_Time_Sec 5\nStart_Time_Nsec 7\nFixed_Timestamp on", 2)
    assert [record.time_ns for record in records] == [5_000_000_007] * 2
