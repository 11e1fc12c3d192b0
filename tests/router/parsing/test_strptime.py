"""Times by a format."""

from __future__ import annotations

import pytest

from lab_helpers.router.core.log import ComponentLog, Level, Sink
from lab_helpers.router.parsing.parser_time import TimeError, TimeFormat, read_offset

LOG = ComponentLog(Sink(Level.OFF))
NOON = 1_794_052_800  # 2026-11-07 12:00:00 UTC
NS = 1_000_000_000


@pytest.mark.parametrize(
    ("pattern", "text", "seconds"),
    [
        ("%d/%b/%Y:%H:%M:%S %z", "07/Nov/2021:18:14:02 +0900", 1_636_276_442),
        ("%Y-%m-%dT%H:%M:%SZ", "2021-11-07T09:14:02Z", 1_636_276_442),
        ("%Y-%m-%d %T %Z", "2021-11-07 18:14:02 JST", 1_636_276_442),
        ("%Y-%m-%d %T%z", "2021-11-07 18:14:02+09:00", 1_636_276_442),
        ("%a, %d %B %y %I:%M:%S %p %z", "Sun, 7 November 21 09:14:02 AM UTC", 1_636_276_442),
        ("%s", "1636276442", 1_636_276_442),
        ("%Y %j", "2021 60", 1_614_556_800),
        ("%F", "2021-11-07 and more", 1_636_243_200),
        ("%b %e %H:%M", "Nov  7 12:00", NOON),  # no year: this year's
        ("%H:%M", "12:00", NOON),  # no date: today's
        ("%Y", "2021", 1_609_372_800),  # no day: C's day 0, the last of the year before
    ],
)
def test_formats(pattern: str, text: str, seconds: int) -> None:
    """Each conversion reads what C's strptime reads."""
    assert TimeFormat(pattern, now_s=lambda: NOON).read(text, LOG) == seconds * NS


def test_fraction() -> None:
    """%L reads up to nine digits."""
    assert TimeFormat("%s.%L").read("1636276442.5", LOG) == 1_636_276_442_500_000_000
    assert TimeFormat("%s.%LZ").read("1636276442.123456789Z", LOG) == 1_636_276_442_123_456_789


def test_offsets_and_zones_fill_in() -> None:
    """Time_Offset and Time_Zone count where the format names no zone."""
    from zoneinfo import ZoneInfo

    assert TimeFormat("%F %T", offset_s=32_400).read("2021-11-07 18:14:02", LOG) == 1_636_276_442 * NS
    assert TimeFormat("%F %T", zone=ZoneInfo("Asia/Tokyo")).read("2021-11-07 18:14:02", LOG) == 1_636_276_442 * NS
    assert [read_offset(text) for text in ("+0900", "-09:30", "Z", "9", "+99:00")] == [32_400, -34_200, 0, None, None]


@pytest.mark.parametrize("text", ["", "2021", "2021-13-01", "2021-11-07x", "9" * 70])
def test_what_does_not_follow_the_format(text: str) -> None:
    """Such a text is an error; with Time_Strict off the time is what had been read, unless it is too long."""
    with pytest.raises(TimeError):
        TimeFormat("%Y-%m-%d %H").read(text, LOG)
    if len(text) < 64:
        assert isinstance(TimeFormat("%Y-%m-%d %H", strict=False).read(text, LOG), int)
