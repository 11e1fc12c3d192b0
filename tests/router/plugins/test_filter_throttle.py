"""The throttle filter."""

from __future__ import annotations

from lab_helpers.router.core.loop import Loop
from lab_helpers.router.plugin import PluginKind
from lab_helpers.router.plugins.filter_throttle import Throttle
from lab_helpers.router.records.record import Record
from tests.router.plugins.bench import Bench


class Seconds:
    """A clock that a test moves."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def passed(throttle: Throttle, count: int) -> int:
    records = [Record(0, {"n": number}) for number in range(count)]
    kept = throttle.filter("t", records)
    return count if kept is None else len(kept)


def test_burst_of_rate_times_window_passes() -> None:
    """Rate 2, Window 3: six records at once, then none until a pane falls out of the window."""
    clock = Seconds()
    bench = Bench(loop=Loop(clock))
    throttle = bench.build(PluginKind.FILTER, "throttle", "Rate 2\nWindow 3\nInterval 1s")
    assert passed(throttle, 8) == 6
    for second in (1001.0, 1002.0):
        clock.now = second
        bench.loop.turn(0)
        assert passed(throttle, 8) == 0
    clock.now = 1003.0
    bench.loop.turn(0)
    assert passed(throttle, 8) == 6
    throttle.stop()
    bench.loop.close()


def test_status_and_odd_settings(bench: Bench) -> None:
    """Print_Status writes a line per tick; a bad interval falls back to a second, small numbers to the defaults."""
    throttle = bench.build(PluginKind.FILTER, "throttle", "Rate 0\nWindow 0\nInterval soon\nPrint_Status on")
    assert passed(throttle, 8) == 5
    throttle.stop()
    assert any("limit is 1.00 per soon with window size of 5, current rate is: 0 per interval" in x for x in bench.log)
    assert any("invalid time interval soon falling back to default: 1 second" in line for line in bench.log)
