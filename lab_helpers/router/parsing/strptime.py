"""Read times by a format as Fluent Bit's own strptime does (OpenBSD's, with zone names and without locales).

What the format does not name stays as it was in the Moment, and text behind the end of the format is left alone: both
differ from `time.strptime`.

Source: Fluent Bit 4.2.8, flb_strptime.c.
Not modelled: %c, %x, %X of other locales; %g, %G, %V, %U, %W are read and ignored, as there.
"""

from __future__ import annotations

import calendar
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from lab_helpers.router.parsing.moment import Moment, days_before
from lab_helpers.router.parsing.zone_names import ZONE_HOURS

HOUR_S, MINUTE_S = 3_600, 60
MONTHS = tuple(name.lower() for name in calendar.month_name[1:])
WEEKDAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
COMPOSED = {
    "c": "%a %b %e %H:%M:%S %Y",
    "D": "%m/%d/%y",
    "F": "%Y-%m-%d",
    "R": "%H:%M",
    "r": "%I:%M:%S %p",
    "T": "%H:%M:%S",
    "X": "%H:%M:%S",
    "x": "%m/%d/%y",
}
_OFFSET = re.compile(
    r"\s*(?:(?P<utc>GMT|UTC?|Z)|(?P<sign>[+-])(?P<h>\d\d):?+(?:(?P<m>\d\d)|(?!\d))|(?P<us>[ECMP][DS]T))", re.I
)
_ZONE = re.compile(r"[A-Za-z]+(?![A-Za-z0-9])")
_EPOCH = re.compile(r"[0-9]{1,19}")
_LAST_EPOCH_S = 67_768_036_191_676_799
# the last second whose year fits C's int


class NoMatchError(ValueError):
    """The text does not follow the format."""


@dataclass
class _Reader:
    text: str
    moment: Moment
    at: int = 0
    century: int | None = None
    short_year: int | None = None

    def number(self, low: int, high: int) -> int:
        found = _digits(len(str(high))).match(self.text, self.at)
        if not found:
            raise NoMatchError
        digits = found[0]
        while int(digits) > high and len(digits) > 1 and int(digits[:-1]) * 10 > high:
            digits = digits[:-1]  # a further digit is only taken while the number can stay in its range
        if not low <= int(digits) <= high:
            raise NoMatchError
        self.at += len(digits)
        return int(digits)

    def name(self, names: tuple[str, ...]) -> int:
        rest = self.text[self.at : self.at + 9].lower()
        for number, name in enumerate(names):
            for form in (name, name[:3]):
                if rest.startswith(form):
                    self.at += len(form)
                    return number
        raise NoMatchError

    def space(self) -> None:
        while self.at < len(self.text) and self.text[self.at].isspace():
            self.at += 1


def strptime(text: str, pattern: str, moment: Moment) -> int:
    """Set the moment's fields from the text; return where the format ended in it. Raises NoMatchError."""
    moment.offset_s, moment.seen = 0, set()
    reader = _Reader(text, moment)
    _read(reader, pattern)
    _complete(reader)
    return reader.at


def _read(reader: _Reader, pattern: str) -> None:
    for piece in _pieces(pattern):
        if piece.isspace():
            reader.space()
            continue
        if reader.at >= len(reader.text):
            raise NoMatchError
        letter = piece[-1]
        if piece[0] != "%" or letter == "%":
            _literal(reader, letter)
        elif letter in COMPOSED:
            _read(reader, COMPOSED[letter])
        elif letter in _FIELDS:
            _FIELDS[letter](reader)
        else:
            raise NoMatchError


@cache
def _pieces(pattern: str) -> list[str]:
    return re.findall(r"%[EO]*.|\s+|.", pattern, re.S)


@cache
def _digits(count: int) -> re.Pattern[str]:
    return re.compile(rf"[0-9]{{1,{count}}}")


def _literal(reader: _Reader, letter: str) -> None:
    if reader.text[reader.at] != letter:
        raise NoMatchError
    reader.at += 1


def _complete(reader: _Reader) -> None:
    moment = reader.moment
    if reader.short_year is not None:
        century = (2000 if reader.short_year <= 68 else 1900) if reader.century is None else reader.century
        moment.year = century + reader.short_year
        moment.seen.add("year")
    if "year" in moment.seen and "year_day" in moment.seen and not {"month", "day"} <= moment.seen:
        _from_year_day(moment)


def _from_year_day(moment: Moment) -> None:
    first = days_before(moment.year, 1)
    ends = [days_before(moment.year, month + 1) - first for month in range(1, 13)]
    month = next((number for number, end in enumerate(ends) if moment.year_day < end), 11)
    if "month" not in moment.seen:
        moment.month = month
    if "day" not in moment.seen:
        moment.day = moment.year_day - (ends[month - 1] if month else 0) + 1


def _set(name: str, low: int, high: int, shift: int = 0) -> Callable[[_Reader], None]:
    def read(reader: _Reader) -> None:
        setattr(reader.moment, name, reader.number(low, high) + shift)
        reader.moment.seen.add(name)

    return read


def _ignored(low: int, high: int) -> Callable[[_Reader], None]:
    def read(reader: _Reader) -> None:
        reader.number(low, high)

    return read


def _month(reader: _Reader) -> None:
    reader.moment.month = reader.name(MONTHS)
    reader.moment.seen.add("month")


def _weekday(reader: _Reader) -> None:
    reader.name(WEEKDAYS)


def _padded_day(reader: _Reader) -> None:
    if reader.text[reader.at].isspace():
        reader.at += 1
    _FIELDS["d"](reader)


def _century(reader: _Reader) -> None:
    reader.century = reader.number(0, 99) * 100


def _short_year(reader: _Reader) -> None:
    reader.short_year = reader.number(0, 99)


def _year(reader: _Reader) -> None:
    _set("year", 0, 9999)(reader)
    reader.short_year = None


def _half_of_day(reader: _Reader) -> None:
    half = reader.text[reader.at : reader.at + 2].lower()
    if half not in ("am", "pm") or reader.moment.hour > 12:
        raise NoMatchError
    reader.moment.hour = reader.moment.hour % 12 + (12 if half == "pm" else 0)
    reader.at += 2


def _epoch(reader: _Reader) -> None:
    found = _EPOCH.match(reader.text, reader.at)
    if not found or int(found[0]) > _LAST_EPOCH_S:
        raise NoMatchError
    parts, moment = time.gmtime(int(found[0])), reader.moment
    moment.year, moment.month, moment.day, moment.offset_s = parts.tm_year, parts.tm_mon - 1, parts.tm_mday, 0
    moment.hour, moment.minute, moment.second = parts.tm_hour, parts.tm_min, parts.tm_sec
    moment.seen = {"year", "month", "day"}
    reader.at = found.end()


def _zone_name(reader: _Reader) -> None:
    found = _ZONE.match(reader.text, reader.at)
    if found and found[0].lower() in ZONE_HOURS:
        reader.moment.offset_s = int(ZONE_HOURS[found[0].lower()] * HOUR_S)
        reader.at = found.end()
        return
    rest = reader.text[reader.at :]
    if rest.startswith(("GMT", "UTC")):  # here also with more letters behind them
        reader.moment.offset_s = 0
        reader.at += 3
        return
    own = next((name for name in time.tzname if rest.lower().startswith(name.lower())), None)
    if own is None:
        raise NoMatchError
    reader.moment.offset_s = -time.timezone
    reader.at += len(own)


def _iso_year(reader: _Reader) -> None:
    reader.at += 1
    while reader.text[reader.at : reader.at + 1].isdigit():
        reader.at += 1


def _offset(reader: _Reader) -> None:
    found = _OFFSET.match(reader.text, reader.at)
    if not found:
        raise NoMatchError
    if found["sign"]:
        offset_s = int(found["h"]) * HOUR_S + int(found["m"] or 0) * MINUTE_S
        reader.moment.offset_s = -offset_s if found["sign"] == "-" else offset_s
    else:
        reader.moment.offset_s = int(ZONE_HOURS[(found["utc"] or found["us"]).lower()] * HOUR_S)
    reader.at = found.end()


_FIELDS: dict[str, Callable[[_Reader], None]] = {
    "A": _weekday, "a": _weekday, "B": _month, "b": _month, "h": _month,
    "C": _century, "e": _padded_day, "d": _set("day", 1, 31),
    "k": _set("hour", 0, 23), "H": _set("hour", 0, 23), "l": _set("hour", 1, 12), "I": _set("hour", 1, 12),
    "j": _set("year_day", 1, 366, -1), "M": _set("minute", 0, 59), "m": _set("month", 1, 12, -1),
    "p": _half_of_day, "S": _set("second", 0, 60), "s": _epoch, "U": _ignored(0, 53), "W": _ignored(0, 53),
    "w": _ignored(0, 6), "u": _ignored(1, 7), "g": _ignored(0, 99), "G": _iso_year, "V": _ignored(0, 53),
    "Y": _year, "y": _short_year, "Z": _zone_name, "z": _offset, "n": _Reader.space, "t": _Reader.space,
}  # fmt: skip
