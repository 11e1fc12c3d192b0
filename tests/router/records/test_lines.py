"""Lines know whether any of them needs looking at, and the quick ways for those that need none give the same bytes."""

from __future__ import annotations

from binascii import b2a_base64

import pytest

from lab_helpers.router.aws.record_data import Bodies
from lab_helpers.router.plugins.out_kinesis_streams import partition_key
from lab_helpers.router.records.batch import Batch
from lab_helpers.router.records.buffer import Chunk
from lab_helpers.router.records.lines import Lines
from lab_helpers.router.records.record import Record


def test_simple_lines_are_neither_empty_nor_large() -> None:
    """The common ends count; without a line nothing is simple."""
    assert Lines([1, 1], [b"1", b"22"], b"{", b"}").are_simple(below_bytes=5)
    assert not Lines([1, 1], [b"1", b"22"], b"{", b"}").are_simple(below_bytes=4)
    assert not Lines([1, 1], [b"1", b""], b"{", b"}").are_simple(below_bytes=5)
    assert not Lines([], []).are_simple(below_bytes=5)


@pytest.mark.parametrize(("times", "in_order"), [([], True), ([1, 1, 2], True), ([2, 1], False), ([0, 1], False)])
def test_lines_know_their_order(times: list[int], in_order: bool) -> None:
    """None before the one in front of it, none before 1970."""
    assert Lines(times, [b"{}"] * len(times)).are_in_order is in_order


@pytest.mark.parametrize(
    ("times", "oldest", "span"), [([], 0, 0), ([5, 7], 5, 2), ([7, 5, 9, 8], 5, 4), ([0, 1], 0, 1)]
)
def test_lines_know_their_times_in_any_order(times: list[int], oldest: int, span: int) -> None:
    """The first and the last by the clock, wherever they stand."""
    lines = Lines(times, [b"{}"] * len(times))
    assert (lines.oldest_ms, lines.span_ms) == (oldest, span)


def test_a_chunk_of_several_parts_hands_out_one() -> None:
    """Entries that were treated differently on their way are lines of one chunk."""
    chunk = Chunk("t", "in")
    for at, appended in enumerate(((), (("k", "v"),), ())):
        chunk.add(Batch(records=[Record(at * 10**9, {"n": at})], appended=appended))
    assert chunk.json_lines() == [b'{"n":0}', b'{"n":1,"k":"v"}', b'{"n":2}']
    assert chunk.lines().times_ms == [0, 1000, 2000]
    assert chunk.lines() is chunk.lines()


@pytest.mark.parametrize("max_bytes", [4_194_304, 900])
def test_requests_of_lines_are_those_of_their_records(max_bytes: int) -> None:
    """Cut by the number of records or by bytes, the short way writes what the long one writes."""
    lines = Lines([1] * 1201, [b"%d" % number for number in range(1201)], b'{"n":', b"}")
    made = Bodies("StreamName", "s", 50, 12, max_bytes)
    encoded = [b2a_base64(line, newline=False) for line in lines.terminated()]
    assert list(made.of_lines(lines)) == list(made.of_records(encoded))


def test_each_record_of_kinesis_has_a_key_of_its_own() -> None:
    """Behind its data, in the short way, too."""
    ((body, count),) = Bodies("StreamName", "s", 50, 48, 10_485_760, partition_key).of_lines(
        Lines([1, 1], [b"12", b"34"])
    )
    keys = {part.split(b'"')[0] for part in body.split(b'"PartitionKey":"')[1:]}
    assert (len(keys), count) == (2, 2)
