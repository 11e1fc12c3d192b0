"""The journal: what was appended is there, in order, after a crash at any byte."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab_helpers.local_aws.firehose import journal
from lab_helpers.local_aws.firehose.journal import Journal


def everything(folder: Path) -> list[bytes]:
    return [data for segment in Journal(folder).closed for data in journal.read(segment)]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.lists(st.binary(max_size=40), min_size=1, max_size=4), max_size=6), st.sets(st.integers(0, 5)))
def test_reopened_journal_has_all_records_in_order(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[bytes]], cuts: set[int]
):
    """Whatever was cut when: a new server finds every record once, in order, without the old one's help."""
    folder = tmp_path_factory.mktemp("journal")
    book = Journal(folder)
    for number, batch in enumerate(batches):
        book.append(batch, 1.0 + number)
        if number in cuts:
            book.cut()
    assert everything(folder) == [data for batch in batches for data in batch]
    assert Journal(folder).held_records == sum(map(len, batches))
    book.cut()


def test_a_torn_last_frame_is_cut_off(tmp_path: Path):
    """Killed in mid-write: whole frames stay, the rest was never acknowledged."""
    book = Journal(tmp_path)
    book.append([b"first", b"second"], 7.0)
    book.cut()
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        assert everything(tmp_path) == ([b"first"] if size >= 12 + len(b"first") else [])
    path.write_bytes(whole + bytes(100))
    assert everything(tmp_path) == [b"first", b"second"]
    path.write_bytes(whole[:5])
    assert everything(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_dropped_segment_is_gone_from_disk(tmp_path: Path):
    """What was delivered is not found again."""
    book = Journal(tmp_path)
    book.append([b"a"], 1.0)
    book.cut()
    book.append([b"b"], 2.0)
    book.drop(book.closed[0])
    assert everything(tmp_path) == [b"b"]
    assert (book.held_records, book.held_bytes) == (1, 1)
    book.cut()


def test_a_segment_keeps_its_object_id(tmp_path: Path):
    """After a crash between PutObject and drop the same key is written again: no duplicate object."""
    book = Journal(tmp_path)
    book.append([b"a"], 1.0)
    book.cut()
    assert Journal(tmp_path).closed == book.closed


def test_full_disk_keeps_the_journal_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A write that fails half way leaves none of its records, and the next one works."""
    book = Journal(tmp_path)
    book.append([b"before"], 1.0)
    real = os.write
    monkeypatch.setattr(journal.os, "write", _half_then_full(real))
    with pytest.raises(OSError, match="No space"):
        book.append([b"x" * 100], 2.0)
    monkeypatch.setattr(journal.os, "write", real)
    book.append([b"after"], 3.0)
    assert everything(tmp_path) == [b"before", b"after"]
    assert book.held_records == 2
    book.cut()


def _half_then_full(real):  # type: ignore[no-untyped-def]
    calls = []

    def write(descriptor: int, content: bytes) -> int:
        calls.append(1)
        if len(calls) == 1:
            return int(real(descriptor, content[: len(content) // 2]))
        raise OSError(28, "No space left on device")

    return write
