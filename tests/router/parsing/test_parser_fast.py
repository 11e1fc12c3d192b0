"""What parsers do quickly is what they do carefully: expressions on one line, known days, digits, decoding at once."""

from __future__ import annotations

import struct
from typing import Any

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab_helpers.router.core.log import ComponentLog, Level, Sink
from lab_helpers.router.core.options import to_integer
from lab_helpers.router.core.regexp import compile_pattern
from lab_helpers.router.parsing.parser_time import APACHE, TimeError, TimeFormat
from lab_helpers.router.parsing.parser_types import caster
from lab_helpers.router.records.batch import Batch
from lab_helpers.router.records.record import decode, encode

LOG = ComponentLog(Sink(Level.OFF))
PATTERNS = [
    "^a",
    "b$",
    "^$",
    "^(?<x>a*)$",
    "a|^b",
    "(?:^a|b$)",
    r"\Aa",
    r"b\z",
    r"b\Z",
    "[$^]",
    r"\$",
    "/^a$/i",
    "^a.b$",
    "(?<x>^)a?",
]


@pytest.mark.parametrize("pattern", PATTERNS)
@given(text=st.text("ab^$ ", max_size=6))
@settings(max_examples=60, deadline=None)
def test_a_text_of_one_line_is_searched_alike_by_both_forms(pattern: str, text: str) -> None:
    """Groups, places and failures."""
    compiled = compile_pattern(pattern)
    for way in ("search", "match"):
        slow, fast = (getattr(form, way)(text) for form in (compiled._lines, compiled._one_line))
        assert (slow and (slow.span(), slow.groupdict())) == (fast and (fast.span(), fast.groupdict()))


def _time(text: str, zone_format: str = APACHE) -> int | None:
    """Read as the parser does; None for a refusal."""
    try:
        return TimeFormat(zone_format).read(text, LOG)
    except TimeError:
        return None


def _carefully(text: str) -> int | None:
    try:
        return TimeFormat(APACHE)._read(text, LOG)
    except TimeError:
        return None


@given(
    st.integers(0, 25),
    st.integers(0, 61),
    st.integers(0, 62),
    st.integers(0, 32),
    st.sampled_from(["+0000", "-0330", "+1400", "+9999", "Z"]),
)
@settings(max_examples=200, deadline=None)
def test_the_time_of_a_known_day_is_arithmetic(hour: int, minute: int, second: int, day: int, zone: str) -> None:
    """Each time of each day, and what is none, is what the careful reading makes of it."""
    text = f"{day:02d}/Feb/2024:{hour:02d}:{minute:02d}:{second:02d} {zone}"
    assert _time(text) == _carefully(text)


@given(st.text("0123456789:/ +-Novabc\0", max_size=28))
@settings(max_examples=200, deadline=None)
def test_odd_times_go_the_careful_way(text: str) -> None:
    """Whatever stands there."""
    assert _time(text) == _carefully(text)


@given(st.text("0123456789-+ x\u0663\u00b2", max_size=24))
@settings(max_examples=200, deadline=None)
def test_digits_are_read_as_ever(text: str) -> None:
    """Decimal digits of any script, signs, rubbish behind, more than 64 bits."""
    limit = 1 << 63
    assert caster("integer", "k", LOG)(text) == max(-limit, min(limit - 1, to_integer(text)))


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False)
    | st.text(max_size=4)
    | st.binary(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2) | st.binary(max_size=2), inner, max_size=3)
    ),
    max_leaves=6,
)
BODIES = st.dictionaries(st.text(max_size=3) | st.integers(0, 3) | st.binary(max_size=2), VALUES, max_size=4)
STAMPS = st.integers(0, 2**32 - 1) | st.integers(0, 2**32 - 1).map(
    lambda s: msgpack.ExtType(0, struct.pack(">II", s, 5))
)


@given(st.lists(st.tuples(STAMPS, BODIES), min_size=1, max_size=4))
@settings(max_examples=200, deadline=None)
def test_decoding_at_once_is_decoding_one_by_one(entries: list[tuple[Any, dict[Any, Any]]]) -> None:
    """Bodies, times, kinds of keys; and what is encoded again is decoded as it was."""
    raw = b"".join(msgpack.packb(list(entry)) for entry in entries)
    slow = decode(raw)
    assert Batch(raw=raw, count=len(entries)).records() == slow
    assert [type(record.time_ns) for record in decode(raw, (), len(entries))] == [int] * len(slow)
    assert decode(encode(slow)) == slow


def test_a_key_that_is_there_twice_is_seen() -> None:
    """Its last value, at its last place: never by the short way, which would keep the first place."""
    body = b"\x83\xa1a\x01\xa1b\x02\xa1a\x03"
    raw = (b"\x92\xce\x00\x00\x00\x01" + body) * 2
    assert [list(record.body.items()) for record in Batch(raw=raw, count=2).records()] == [[("b", 2), ("a", 3)]] * 2
