"""Output is cut into lines as container runtimes cut it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lab_helpers.local_aws.ecs.logs.lines import MAX_LINE_BYTES, LineSplitter, LogLine


def test_lines_end_at_newlines_only() -> None:
    """A carriage return belongs to the line; an empty line is a line."""
    splitter = LineSplitter("stdout")
    assert splitter.feed(b"a\r\n\nb") == [LogLine("stdout", b"a\r"), LogLine("stdout", b"")]
    assert splitter.finish() == [LogLine("stdout", b"b")]
    assert splitter.finish() == []


@given(st.lists(st.binary(max_size=40), max_size=8))
def test_how_the_bytes_arrive_does_not_matter(pieces: list[bytes]) -> None:
    """Whatever the pieces, the lines are those of the whole."""
    splitter = LineSplitter("stdout")
    lines = [line.text for piece in pieces for line in splitter.feed(piece)]
    lines += [line.text for line in splitter.finish()]
    whole = b"".join(pieces)
    assert lines == (whole[:-1] if whole.endswith(b"\n") else whole).split(b"\n") or (not whole and lines == [])


def test_a_line_of_16_kib_is_whole() -> None:
    """Only what is longer is cut."""
    (line,) = LineSplitter("stdout").feed(b"x" * MAX_LINE_BYTES + b"\n")
    assert (len(line.text), line.part) == (MAX_LINE_BYTES, None)


def test_a_longer_line_comes_in_numbered_parts() -> None:
    """Parts share an id, count from 1, and the last one says so."""
    lines = LineSplitter("stdout").feed(b"x" * (2 * MAX_LINE_BYTES + 5) + b"\nnext\n")
    parts = [line.part for line in lines[:3]]
    assert [len(line.text) for line in lines] == [MAX_LINE_BYTES, MAX_LINE_BYTES, 5, 4]
    assert [(part.ordinal, part.last) for part in parts if part] == [(1, False), (2, False), (3, True)]
    assert len({part.line_id for part in parts if part}) == 1
    assert lines[3].part is None
