"""Lines that are given: a source may never end."""

from __future__ import annotations

import io
import itertools
from typing import IO, cast

import pytest

from lab_helpers.cli.trying import taken
from lab_helpers.trying.trial import MOST_LINE_BYTES, MOST_LINES


class _Endless:
    """`yes`, or one line without an end."""

    def __init__(self, line: bytes) -> None:
        self._bytes = itertools.cycle(line)

    def readline(self, limit: int) -> bytes:
        found = bytearray()
        for each in itertools.islice(self._bytes, limit):
            found.append(each)
            if each == 10:
                break
        return bytes(found)


def test_lines_without_end_are_taken_up_to_a_bound(capsys: pytest.CaptureFixture[str]) -> None:
    """And it is said that there were more."""
    assert list(taken(cast(IO[bytes], _Endless(b"y\n")))) == ["y"] * MOST_LINES
    assert f"only the first {MOST_LINES:,} lines" in capsys.readouterr().err


def test_a_line_without_end_is_not_taken(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a line would be another one."""
    monkeypatch.setattr("lab_helpers.trying.trial.MOST_LINE_BYTES", 1_000)
    assert MOST_LINE_BYTES > 1_000
    assert list(taken(cast(IO[bytes], _Endless(b"y")))) == []
    assert "only the first" in capsys.readouterr().err


def test_as_many_as_are_allowed_are_no_reason_to_say_anything(capsys: pytest.CaptureFixture[str]) -> None:
    """Bytes that are no UTF-8 stay what they are."""
    assert list(taken(io.BytesIO(b"\xff\r\n" * MOST_LINES))) == ["\udcff"] * MOST_LINES
    assert not capsys.readouterr().err
