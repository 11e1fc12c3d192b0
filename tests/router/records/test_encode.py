"""Whatever way a chunk's records are encoded, the JSON is the same."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from typing import Any

import msgpack
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab_helpers.router.aws.record_data import base64_joined
from lab_helpers.router.records import uniform
from lab_helpers.router.records.encode import encode_part, encode_records
from lab_helpers.router.records.lines import Lines
from lab_helpers.router.records.record import decode

METADATA = (("ecs_cluster", "demo"), ("ecs_task_arn", "arn:aws:ecs:r:1:task/demo/ab"))
TEXTS = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=40)
TIMES = st.sampled_from([1_636_276_442, 1_636_276_443]) | st.builds(
    lambda ns: msgpack.ExtType(0, (1_636_276_442).to_bytes(4, "big") + ns.to_bytes(4, "big")),
    st.integers(0, 999_999_999),
)


def packed(entries: list[tuple[Any, Any]]) -> bytes:
    """Return concatenated entries."""
    return b"".join(msgpack.packb([stamp, body]) for stamp, body in entries)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(TIMES, TEXTS), min_size=1, max_size=8), st.booleans())
def test_records_of_one_container_give_the_careful_encoding(rows: list[tuple[Any, str]], escapes: bool) -> None:
    """The way that decodes nothing gives the same lines and times as the one that decodes everything."""
    raw = packed([(stamp, {"source": "stdout", "log": text, "n": 1}) for stamp, text in rows])
    expected = encode_records(decode(raw, METADATA), escapes)
    batch = encode_part(raw, len(rows), METADATA, escapes)
    assert (batch.complete(), batch.times_ms) == (expected.complete(), expected.times_ms)


BODIES = st.dictionaries(
    st.sampled_from(["log", "a", "b", "ecs_cluster", "日"]),
    TEXTS | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.booleans() | st.none() | st.lists(TEXTS, max_size=2)
    | st.dictionaries(TEXTS, TEXTS, max_size=2),
    max_size=4,
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(TIMES, BODIES), min_size=1, max_size=6), st.booleans())
def test_any_records_give_the_careful_encoding(rows: list[tuple[Any, dict[str, Any]]], escapes: bool) -> None:
    """The short ways give way where a record is not plain: floats, odd texts, repeated keys, empty maps."""
    raw = packed(rows)
    expected = encode_records(decode(raw, METADATA), escapes)
    assert encode_part(raw, len(rows), METADATA, escapes).complete() == expected.complete()


def test_alike_records_take_the_way_without_decoding() -> None:
    """The shortcut is really taken for a container's stream, so that its speed is not lost unnoticed."""
    raw = packed([(1_636_276_442 + i, {"log": f"line {i}", "source": "stdout"}) for i in range(5)])
    cut = uniform.cut_uniform(raw, METADATA, True)
    assert cut is not None
    assert cut[1] == [b"line 0", b"line 1", b"line 2", b"line 3", b"line 4"]
    assert cut[2] == b'{"log":"'


@pytest.mark.parametrize(
    "stamp", [int, lambda s: msgpack.ExtType(0, s.to_bytes(4, "big") + (5_000_000).to_bytes(4, "big"))]
)
def test_alike_records_keep_their_order_and_times_over_many_blocks(stamp: Callable[[int], Any]) -> None:
    """More records than are cut at once, values of every kind of head, times that repeat and then change."""
    rows = [
        (stamp(1_636_276_442 + i // 700), {"log": f"{i} " + "x" * (i % 400), "source": "stdout"}) for i in range(2_500)
    ]
    cut = uniform.cut_uniform(packed(rows), (), True)
    assert cut is not None
    assert (cut[1], cut[0]) == (
        [body["log"].encode() for _, body in rows],
        [1_636_276_442_000 + i // 700 * 1000 + (stamp is not int) * 5 for i in range(2_500)],
    )


def test_a_value_that_looks_like_the_end_of_an_entry_stays_a_value() -> None:
    """A log line may hold the very bytes that stand between two lines."""
    rows = [(1, {"log": "a", "source": "stdout"}), (1, {"log": "a\xa6source\xa6stdout\x92", "source": "stdout"})]
    expected = encode_records(decode(packed(rows)), False)
    assert encode_part(packed(rows), 2, (), False).complete() == expected.complete()


EVENT_TIME = msgpack.ExtType(0, bytes(range(8)))


@pytest.mark.parametrize("stamp", [1, EVENT_TIME])
@pytest.mark.parametrize("size", range(1, 40))
def test_a_torn_entry_is_not_taken_for_one_that_is_alike(size: int, stamp: Any) -> None:
    """Bytes that end anywhere inside an entry: the shortcut says no, and raises nothing."""
    whole = packed([(stamp, {"log": "x" * 300, "source": "stdout"})])
    assert uniform.cut_uniform(whole + whole[:size], (), True) is None
    assert uniform.cut_uniform(whole + whole[:-size], (), True) is None


@pytest.mark.parametrize("stamp", [1, EVENT_TIME])
@pytest.mark.parametrize(
    "second",
    [{"log": "x", "source": "stderr"}, {"log": 5, "source": "stdout"}, {"source": "stdout", "log": "x"}, {"log": "x"}],
)
def test_one_odd_record_sends_the_chunk_the_general_way(second: dict[str, Any], stamp: Any) -> None:
    """Another constant, another type, another order or a missing key: none may be written with the first's pattern."""
    raw = packed([(stamp, {"log": "a", "source": "stdout"}), (stamp, second)])
    assert uniform.cut_uniform(raw, (), True) is None
    assert encode_part(raw, 2, (), True).complete()[1] == orjson.dumps(second)


def test_a_repeated_key_keeps_its_last_value_and_place() -> None:
    """{"a":1,"b":2,"a":3} is written {"b":2,"a":3}."""
    body = b"\x83\xa1a\x01\xa1b\x02\xa1a\x03"
    assert encode_part(b"\x92\x01" + body, 1, (), True).complete() == [b'{"b":2,"a":3}']


def test_unreadable_entries_cost_only_themselves() -> None:
    """A record that is no map is left out, its neighbours are not."""
    raw = packed([(1, {"a": 1}), (2, "text"), (3, {"b": 2})])
    assert encode_part(raw, 3, (), True).complete() == [b'{"a":1}', b'{"b":2}']


@settings(max_examples=100, deadline=None)
@given(st.lists(TEXTS.map(lambda text: orjson.dumps({"log": text})), min_size=1, max_size=6))
def test_escaped_lines_are_what_a_json_string_of_each_holds(lines: list[bytes]) -> None:
    """Escaping all lines at once equals escaping each."""
    batch = Lines([1] * len(lines), [line[1:-1] for line in lines], b"{", b"}")
    expected = [orjson.dumps(line.decode())[1:-1] for line in lines]
    assert batch.escaped().complete() == expected


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=9), st.binary(max_size=9), st.lists(st.binary(max_size=12), min_size=1, max_size=5))
def test_base64_put_together_equals_base64_of_the_whole(prefix: bytes, suffix: bytes, parts: list[bytes]) -> None:
    """Encoding the common ends once gives the same text for every length of every piece."""
    text = base64_joined(Lines([0] * len(parts), parts, prefix, suffix), b" , ")
    assert text.split(b" , ") == [b64encode(prefix + part + suffix + b"\n") for part in parts]


@pytest.mark.parametrize("shift", range(3))
def test_base64_is_whole_where_a_part_holds_what_marks_its_end(shift: int) -> None:
    """Bytes that are no UTF-8 may be any, also those that stand between two parts before they are cut apart."""
    parts = [b"x" * shift + b"\x03\xff\xff", b"y", b"\xff\xff\x03\xff\xff"]
    text = base64_joined(Lines([0, 0, 0], parts, b"{", b"}"), b" , ")
    assert text.split(b" , ") == [b64encode(b"{" + part + b"}\n") for part in parts]


def test_a_record_nested_too_deeply_costs_only_itself() -> None:
    """No recursion error reaches the chunk: the neighbours are written."""
    deep = b"\x81\xa1a" * 900 + b"\x01"
    raw = packed([(1, {"a": 1})]) + b"\x92\x02" + deep + packed([(3, {"b": 2})])
    lines = encode_part(raw, 3, (), True).complete()
    assert (lines[0], lines[-1]) == (b'{"a":1}', b'{"b":2}')
