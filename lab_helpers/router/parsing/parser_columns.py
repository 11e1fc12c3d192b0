"""Run an expression's parser on many texts at once: one call an expression, a type and a time, not one a record.

What is not plain is left to `Parser.parse`, text by text: no match, nothing found, a time that cannot be read. The
whole parser is where a text's result may depend on more than the text, or tells something (`are_plain`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any, cast

from lab_helpers.router.core.log import ComponentLog, Level, Sink
from lab_helpers.router.core.regexp import Row
from lab_helpers.router.parsing.parser import Parsed, Parser
from lab_helpers.router.parsing.parser_time import TimeError, TimeFormat
from lab_helpers.router.records.table import MOST_KEYS, Column, Table

_QUIET = ComponentLog(Sink(Level.OFF))
_UNREADABLE = -1
# no time of a parser: seconds since 1970 are counted from there, what is before goes the careful way, too


def are_plain(parser: Parser) -> bool:
    """Whether a text's result depends on the text alone, is a key for each group, and tells nothing when it is one."""
    keys = [group.key for group in parser.groups]
    return bool(
        parser.format == "regex"
        and keys
        and len(set(keys)) == len(keys)
        and parser.skips_empty
        and not parser.decoders
        and "bool" not in parser.types.values()
    )


def parse_all(parser: Parser, found: Sequence[Row | None]) -> list[Parsed | None]:
    """Return what the parser makes of each text's row, None where it has to be asked itself.

    The parser is plain; the rows are those of its pattern.
    """
    rows = [row for row in found if row is not None]
    parsed = iter(_parsed(parser, list(zip(*rows, strict=True)), len(rows)))
    return [None if row is None else next(parsed) for row in found]


def tabulate(parser: Parser, found: Sequence[Row | None], times_ns: list[int]) -> Table | None:
    """Return the same of all rows as one table, with these times where none is found; None where one is no plain case.

    That is: no match, nothing found, a time that cannot be read; or rows that have no key in common which comes first.
    """
    if None in found or len(parser.groups) > MOST_KEYS:
        return None
    width = parser.pattern.groups if parser.pattern else 1
    flat = list(chain.from_iterable(cast(Sequence[Row], found)))
    columns: dict[str, Column] = {}
    for group in parser.groups:
        texts = flat[group.number - 1 :: width]
        if group.is_time:
            assert parser.time_format is not None
            read = _each(texts, _time_reader(parser.time_format))
            if _UNREADABLE in read:
                return None
            times_ns = [own or before for own, before in zip(read, times_ns, strict=True)]
        if (group.is_time and not parser.time_keep) or not any(texts):
            continue
        has_gaps = not all(texts)
        if has_gaps and not columns:
            return None
        values = texts if group.cast is None else _each(texts, group.cast)
        if has_gaps:
            values = [value if text else None for text, value in zip(texts, values, strict=True)]
        columns[group.key] = Column(values, group.cast in (None, str), has_gaps)
    return Table(times_ns, columns) if columns else None


def _parsed(parser: Parser, columns: list[tuple[str, ...]], count: int) -> list[Parsed | None]:
    """Return what is in these rows, given as a column for each group of the expression."""
    times = [0] * count
    kept: dict[str, Sequence[Any]] = {}
    gaps: list[tuple[str, int]] = []  # key and row of each value that is not there, or empty
    for group in parser.groups if count else ():
        column = columns[group.number - 1]
        if group.is_time:
            assert parser.time_format is not None
            times = _each(column, _time_reader(parser.time_format))
        if not group.is_time or parser.time_keep:
            kept[group.key] = column if group.cast is None else _each(column, group.cast)
            gaps += [(group.key, row) for row, value in enumerate(column) if not value]
    bodies = [dict(zip(kept, row, strict=True)) for row in zip(*kept.values(), strict=True)] or [{}] * count
    for key, row in gaps:
        del bodies[row][key]
    return [
        Parsed(body, time_ns or None) if body and time_ns >= 0 else None
        for body, time_ns in zip(bodies, times, strict=True)
    ]


def _each(column: Sequence[str], read: Callable[[str], Any]) -> list[Any]:
    """Return what `read` makes of each text; it is asked once for equal ones, and 0 stands for what is empty."""
    known = {text: read(text) if text else 0 for text in set(column)}
    return [known[text] for text in column]


def _time_reader(time_format: TimeFormat) -> Callable[[str], int]:
    def read(text: str) -> int:
        try:
            return time_format.read(text, _QUIET)
        except TimeError:
            return _UNREADABLE

    return read
