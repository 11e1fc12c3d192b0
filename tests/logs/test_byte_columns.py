from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab_helpers.logs.fast.byte_columns import Buffer, Scratch
from lab_helpers.logs.fast.byte_words import pair_codes

TEXTS = st.lists(st.text("ab\n", max_size=40).map(str.encode) | st.sampled_from([b"", b"x" * 30, b"y" * 31 + b"\n"]))


@given(TEXTS)
@settings(max_examples=300, deadline=None)
def test_lines_are_found_wherever_their_newlines_are(parts: list[bytes]) -> None:
    """Lines near each other, empty and long ones, in memory that held other text before: each has its two ends."""
    scratch = Scratch()
    Buffer([b"\n" * 500], scratch).lines()
    buffer = Buffer(parts, scratch)
    whole = b"".join(part if part.endswith(b"\n") or not part else part + b"\n" for part in parts)
    starts, ends = buffer.lines()
    assert ends.tolist() == [found.start() for found in re.finditer(b"\n", whole)]
    assert [buffer.text(start, end) for start, end in zip(starts, ends, strict=True)] == whole.split(b"\n")[:-1]


@pytest.mark.parametrize("first", range(2**19 - 2, 2**19 + 3))
@pytest.mark.parametrize("gap", [1, 63, 64, 65, 2**19])
def test_lines_are_found_across_the_blocks_that_are_looked_at(first: int, gap: int) -> None:
    """Newlines around the end of a block, near each other and far apart, and one at the very end."""
    buffer = Buffer([b"a" * first + b"\n" + b"b" * (gap - 1) + b"\n" + b"c" * 7], Scratch())
    _, ends = buffer.lines()
    assert ends.tolist() == [first, first + gap, first + gap + 8]


@given(st.text("a?b ", max_size=40), st.lists(st.integers(0, 40)))
def test_what_is_sought_is_found_between_its_places_only(text: str, cuts: list[int]) -> None:
    """The first one counts, from the first place on; what lies in the gaps is not looked at."""
    places = sorted(min(cut, len(text)) for cut in cuts[: len(cuts) // 2 * 2])
    starts, ends = np.array(places[::2], np.int64), np.array(places[1::2], np.int64)
    found = Buffer([text.encode()], Scratch()).find(starts, ends, "?")
    assert found.tolist() == [text[start:end].find("?") for start, end in zip(starts, ends, strict=True)]


@given(st.lists(st.tuples(st.sampled_from([0, 1, 2**64 - 1]), st.integers(0, 3))))
@settings(max_examples=100, deadline=None)
def test_pairs_come_back_from_their_codes(rows: list[tuple[int, int]]) -> None:
    """Each row is the distinct pair that its code names, and no pair is there twice."""
    words = np.array(rows, np.uint64).reshape(-1, 2)
    distinct, codes = pair_codes(words)
    assert np.array_equal(distinct[codes], words)
    assert len({tuple(pair) for pair in distinct.tolist()}) == len(distinct)
