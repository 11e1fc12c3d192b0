"""Chunks in files are whole up to the last batch that was written, and memory may let go of them."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab_helpers.router.core.log import ComponentLog, Sink
from lab_helpers.router.core.service import Service
from lab_helpers.router.engine.chunk_maker import ChunkMaker
from lab_helpers.router.records.batch import Batch
from lab_helpers.router.records.buffer import Chunk, chunk_from_file
from lab_helpers.router.records.record import NS, Record
from lab_helpers.router.records.storage import ChunkFile, left_over

APPENDED = (("ecs_cluster", "demo"),)


def stored(folder: Path, batches: int = 3) -> Chunk:
    """Return a chunk with a file and this many batches of two records."""
    chunk = Chunk("t.ü", "forward.0")
    chunk.file = ChunkFile(str(folder / "forward.0" / chunk.name))
    chunk.file.begin(chunk.tag)
    for number in range(batches):
        records = [Record(NS, {"n": number}), Record(2 * NS, {"m": number})]
        batch = Batch(records=records)
        batch.packed()
        batch.append_to_all(APPENDED)
        chunk.add(batch)
    return chunk


def test_a_chunk_comes_back_as_it_was(tmp_path: Path) -> None:
    """Tag, records, what was appended, and its size for Mem_Buf_Limit."""
    chunk = stored(tmp_path)
    (path,) = left_over(str(tmp_path))
    again = chunk_from_file(ChunkFile(path), "storage_backlog.1", True)
    assert (again.tag, again.name, again.count, again.size_bytes) == (
        chunk.tag, chunk.name, chunk.count, chunk.size_bytes,
    )  # fmt: skip
    assert again.json_lines() == chunk.json_lines()
    assert again.json_lines()[1] == b'{"m":0,"ecs_cluster":"demo"}'


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 400))
def test_a_torn_file_is_good_up_to_its_last_whole_batch(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    """Killed in the middle of a write: whole batches are read, or the file is no chunk at all."""
    folder = tmp_path_factory.mktemp("torn")
    chunk = stored(folder)
    (path,) = left_over(str(folder))
    Path(path).write_bytes(Path(path).read_bytes()[:cut])
    try:
        again = chunk_from_file(ChunkFile(path), "b", True)
    except ValueError:
        assert cut < 40
        return
    assert again.count % 2 == 0
    assert again.json_lines() == chunk.json_lines()[: again.count]


def test_what_memory_lets_go_is_read_back(tmp_path: Path) -> None:
    """Only a chunk with a file can be let go; its lines are the same afterwards."""
    chunk, in_memory = stored(tmp_path), Chunk("t", "i")
    in_memory.add(Batch(records=[Record(NS, {"a": 1})]))
    lines = chunk.json_lines()
    chunk.let_go()
    in_memory.let_go()
    assert chunk.json_lines() == lines
    assert in_memory.json_lines() == [b'{"a":1}']


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    """It is named, not taken for records."""
    (tmp_path / "x.flb").write_bytes(b"\x92\xa1a\xa1b")
    with pytest.raises(ValueError, match="is no chunk of this router"):
        ChunkFile(str(tmp_path / "x.flb")).load()


def test_files_that_are_no_chunks_are_told_and_left_unless_said_otherwise(tmp_path: Path) -> None:
    """An empty one goes; a foreign one stays, but with storage.delete_irrecoverable_chunks."""
    folder = tmp_path / "forward.0"
    folder.mkdir()
    (folder / "1-1.1.flb").write_bytes(b"")
    (folder / "1-1.2.flb").write_bytes(b"junk" * 100)
    stream = io.StringIO()
    service = Service(storage_path=str(tmp_path), sink=Sink(stream=stream))
    assert list(ChunkMaker(service).left_over("storage_backlog.1", ComponentLog(service.sink))) == []
    assert [path.name for path in folder.iterdir()] == ["1-1.2.flb"]
    assert "could not retrieve chunk tag from forward.0/1-1.1.flb, removing it from the queue" in stream.getvalue()
    assert "[error] [storage] format check failed: forward.0/1-1.2.flb" in stream.getvalue()
    service.storage_delete_irrecoverable = True
    assert list(ChunkMaker(service).left_over("storage_backlog.1", ComponentLog(service.sink))) == []
    assert list(folder.iterdir()) == []


def test_left_over_files_are_read_in_the_order_they_were_made(tmp_path: Path) -> None:
    """Nanoseconds are not padded in a name, as in the reference: names do not sort by themselves."""
    for name in ("1-20.5.flb", "1-9.100.flb", "1-20.40.flb", "odd.flb"):
        (tmp_path / "in").mkdir(exist_ok=True)
        (tmp_path / "in" / name).touch()
    assert [Path(path).name for path in left_over(str(tmp_path))] == [
        "odd.flb",
        "1-9.100.flb",
        "1-20.5.flb",
        "1-20.40.flb",
    ]
