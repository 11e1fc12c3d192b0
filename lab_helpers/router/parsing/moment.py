"""A broken-down time and its seconds since 1970, as C's struct tm and timegm.

Source: Fluent Bit 4.2.8 (POSIX): fields that a format does not name are 0, and are counted as they are.
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass, field

DAYS_BEFORE = (0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334)


@dataclass
class Moment:
    """A broken-down time, as C's struct tm: month 0-11, year in full; `offset_s` is seconds east of UTC."""

    year: int = 1900
    month: int = 0
    day: int = 0
    hour: int = 0
    minute: int = 0
    second: int = 0
    year_day: int = 0
    offset_s: int = 0
    seen: set[str] = field(default_factory=set)

    def seconds(self) -> int:
        """Return seconds since 1970 with the offset taken off; a day 0 is the last of the month before, as in C."""
        year, month = self.year + self.month // 12, self.month % 12 + 1
        days = days_before(year, month) + self.day - 1
        return ((days * 24 + self.hour) * 60 + self.minute) * 60 + self.second - self.offset_s


def days_before(year: int, month: int) -> int:
    """Return the days between 1970-01-01 and the first of this month (1-12; 13 is next year's first)."""
    year, month = year + (month - 1) // 12, (month - 1) % 12 + 1
    years = year - 1
    leap_days = years // 4 - years // 100 + years // 400
    days = years * 365 + leap_days - 719_162  # 1970-01-01
    return days + DAYS_BEFORE[month - 1] + (month > 2 and calendar.isleap(year))
