"""The time of a record from its text: Time_Format, fractions of a second, offsets and time zones.

Source: Fluent Bit 4.2.8, flb_parser.c: one `%L` for up to nine digits of a fraction; a format without a year takes this
year's; a time that does not follow the format is an error unless Time_Strict is off.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from lab_helpers.router.core.log import ComponentLog, Level, Log, Sink
from lab_helpers.router.parsing.moment import Moment
from lab_helpers.router.parsing.strptime import NoMatchError, strptime
from lab_helpers.router.records.record import NS

MAX_BYTES = 63
FRACTION = "%L"
REMEMBERED = 4096
# lines of one second have the same time: reading it again is half of a parser's work
APACHE = "%d/%b/%Y:%H:%M:%S %z"
_APACHE_CLOCK = re.compile(
    r"([0-9]{2}/[A-Za-z]{3}/[0-9]{4}:)([01][0-9]|2[0-3]):([0-5][0-9]):([0-5][0-9])( [+-][0-9]{4})"
)
# the day, the time of day, the zone: of a day that is known the rest is arithmetic
_QUIET = ComponentLog(Sink(Level.OFF))
_DIGITS = re.compile(r"\d{1,9}")
_OFFSET = re.compile(r"([+-])(\d\d):?(\d\d)")


class TimeError(ValueError):
    """The text is no time of this format; `fraction_ns` is what had been read of it."""

    def __init__(self, message: str, fraction_ns: int = 0) -> None:
        super().__init__(message)
        self.fraction_ns = fraction_ns


@dataclass(frozen=True)
class TimeFormat:
    """A Time_Format with its settings.

    `offset_s` is Time_Offset in seconds; `zone` is a tzinfo for Time_Zone; both only count where the format names none.
    """

    text: str
    offset_s: int = 0
    strict: bool = True
    system_zone: bool = False
    zone: Any = None
    now_s: Callable[[], float] = time.time
    _known: dict[str, int] = field(default_factory=dict, compare=False, repr=False)

    @property
    def has_year(self) -> bool:
        """Whether the format says which year."""
        return any(part in self.text for part in ("%Y", "%y", "%s"))

    @property
    def has_zone(self) -> bool:
        """Whether the format says which time zone."""
        return any(part in self.text for part in ("%z", "%Z", "%SZ", "%S.%LZ"))

    def read(self, text: str, log: Log) -> int:
        """Return nanoseconds since 1970. Raises TimeError, after an error in the log where Fluent Bit writes one."""
        known = self._known.get(text)
        if known is None:
            known = self._apache(text) if self.text == APACHE and not self.system_zone else None
        return known if known is not None else self._read(text, log)

    def _apache(self, text: str) -> int | None:
        """Return the time of a usual `07/Nov/2021:09:14:02 +0000`; None where it has to be read the careful way."""
        found = _APACHE_CLOCK.fullmatch(text)
        if found is None:
            return None
        day, hours, minutes, seconds, zone = found.groups()
        midnight = self._known.get(day + zone)
        if midnight is None:
            midnight = self._midnight(day, zone)
            if midnight is None:
                return None
        time_ns = midnight + (int(hours) * 3600 + int(minutes) * 60 + int(seconds)) * NS
        self._remember(text, time_ns)
        return time_ns

    def _midnight(self, day: str, zone: str) -> int | None:
        """Return the first moment of a day; None where the careful reading refuses it."""
        try:
            first = self._read(f"{day}00:00:00{zone}", _QUIET)
        except TimeError:
            return None
        self._remember(day + zone, first)
        return first

    def _read(self, text: str, log: Log) -> int:
        if len(text.encode("utf-8", "surrogateescape")) > MAX_BYTES:
            log.error("[parser] time string length is too long")
            raise TimeError(text)
        moment = Moment()
        fraction_ns = self._fill(moment, text.partition("\0")[0], text, log)
        time_ns = self._seconds(moment) * NS + fraction_ns
        if self.has_year:  # else it depends on today
            self._remember(text, time_ns)
        return time_ns

    def _remember(self, text: str, time_ns: int) -> None:
        if len(self._known) >= REMEMBERED:
            self._known.clear()
        self._known[text] = time_ns

    def _fill(self, moment: Moment, text: str, shown: str, log: Log) -> int:
        head, fraction, tail = self.text.partition(FRACTION)
        if not self.has_year:
            today = self._today()
            head, text = "%Y " + head, f"{today.tm_year} {text}"
            moment.month, moment.day = today.tm_mon - 1, today.tm_mday
        fraction_ns = 0
        problem = f"[parser] cannot parse '{shown}'"
        try:
            at = strptime(text, head, moment)
            if fraction:
                problem = f"[parser] cannot parse %L for '{shown}'"
                fraction_ns, at = _fraction_ns(text, at)
                problem = f"[parser] cannot parse '{shown}' after %L"
                strptime(text[at:], tail, moment)
        except NoMatchError as exc:
            if self.strict:
                log.error(problem)
                raise TimeError(shown, fraction_ns) from exc
            return fraction_ns
        if not self.has_zone and self.zone is None:
            moment.offset_s = self.offset_s
        return fraction_ns

    def _today(self) -> time.struct_time:
        if self.zone is not None and not self.has_zone:
            from datetime import datetime

            return datetime.fromtimestamp(self.now_s(), self.zone).timetuple()
        return (time.localtime if self.system_zone else time.gmtime)(self.now_s())

    def _seconds(self, moment: Moment) -> int:
        if self.system_zone:
            parts = (moment.year, moment.month + 1, moment.day, moment.hour, moment.minute, moment.second, 0, 0, -1)
            return int(time.mktime(parts))
        if self.zone is not None and not self.has_zone:
            from datetime import UTC, datetime

            local = datetime.fromtimestamp(moment.seconds(), UTC).replace(tzinfo=self.zone)
            return int(local.timestamp())
        return moment.seconds()


def read_offset(text: str) -> int | None:
    """Return the seconds of a Time_Offset, `+0900`, `+09:00` or `Z`; None where it is none."""
    if text.startswith("Z"):
        return 0
    found = _OFFSET.match(text)
    if not found or int(found[2]) > 59 or int(found[3]) > 59:
        return None
    offset_s = int(found[2]) * 3_600 + int(found[3]) * 60
    return -offset_s if found[1] == "-" else offset_s


def _fraction_ns(text: str, at: int) -> tuple[int, int]:
    found = _DIGITS.match(text, at)
    if not found:
        raise NoMatchError
    return int(float("0." + found[0]) * NS), found.end()
