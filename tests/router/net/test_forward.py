"""Frames are found in a byte stream whatever their mode and however the bytes arrive."""

from __future__ import annotations

import gzip
from typing import Any

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab_helpers.router.records.forward import acknowledgement, count_entries, read_frames
from lab_helpers.router.records.record import NS, Record, decode

TIME = 1_636_276_442
EVENT_TIME = msgpack.ExtType(0, TIME.to_bytes(4, "big") + (5).to_bytes(4, "big"))
PACKED = msgpack.packb([TIME, {"a": 1}]) + msgpack.packb([TIME, {"a": 2}])
MESSAGES: dict[str, Any] = {
    "message": ["t", TIME, {"a": 1}],
    "message with options": ["t", EVENT_TIME, {"a": 1}, {"chunk": "c"}],
    "forward": ["t", [[TIME, {"a": 1}], [EVENT_TIME, {"a": 2}]]],
    "packed": ["t", PACKED, {"size": 2, "chunk": "c"}],
    "packed as a string": ["t", PACKED.decode("latin-1").encode().decode(), None],
    "packed with a wrong size": ["t", PACKED, {"size": 99}],
    "compressed": ["t", gzip.compress(PACKED), {"compressed": "gzip"}],
    "two members": ["t", gzip.compress(PACKED[:3]) + gzip.compress(PACKED[3:]), {"compressed": "gzip"}],
}


@pytest.mark.parametrize("mode", [mode for mode in MESSAGES if mode != "packed as a string"])
def test_every_mode_gives_its_records(mode: str) -> None:
    """Tag, entries and their number; the option's word about the size does not count."""
    framing = read_frames(msgpack.packb(MESSAGES[mode]))
    (frame,) = framing.frames
    bodies = [record.body for record in decode(frame.raw)]
    assert framing.error is None
    assert (frame.tag, frame.count) == ("t", len(bodies))
    assert bodies == [{"a": 1}, {"a": 2}][: len(bodies)]


def test_an_acknowledgement_is_asked_for_by_chunk() -> None:
    """Its answer carries the same value."""
    (frame,) = read_frames(msgpack.packb(MESSAGES["packed"])).frames
    assert msgpack.unpackb(acknowledgement(frame.chunk)) == {"ack": "c"}


SENT = st.lists(
    st.tuples(
        st.sampled_from(["a.b", "c"]), st.sampled_from([TIME, EVENT_TIME, 5]),
        st.dictionaries(st.text(max_size=3), st.text(max_size=40), max_size=2), st.sampled_from([None, {"chunk": "x"}]),
    ),
    min_size=1, max_size=12,
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(SENT, st.integers(0, 400))
def test_messages_read_alike_are_the_messages_sent(sent: list[Any], cut: int) -> None:
    """A run of messages gives the same frames whole or in two pieces, with changing tags, times and options."""
    data = b"".join(
        msgpack.packb([tag, stamp, body, *([option] if option else [])]) for tag, stamp, body, option in sent
    )
    first = read_frames(data[:cut])
    rest = read_frames(data[first.used :])
    frames = first.frames + rest.frames
    assert rest.used == len(data) - first.used
    assert [(frame.tag, frame.chunk) for frame in frames] == [
        (tag, (option or {}).get("chunk")) for tag, _, _, option in sent
    ]
    assert [decode(frame.raw)[0].body for frame in frames] == [body for _, _, body, _ in sent]


@pytest.mark.parametrize(
    ("message", "why"),
    [
        (["t", TIME, "text"], "invalid data format, map expected"),
        (["t", 1.5, {"a": 1}], "invalid data format, type=4"),
        (["t", None, {"a": 1}], "invalid data format, type=0"),
        (["t", TIME], "message mode requires at least 3 elements"),
        (["t", b"\x1f\x8bnothing at all", {"compressed": "gzip"}], "decompression failed, data may be corrupt"),
        (["t", PACKED, {"fluent_signal": 1}], "cmt_decode_msgpack_create failed. ret=10"),
        (["t", PACKED, {"fluent_signal": 2}], "could not decode trace message. ret=10"),
        (["t", PACKED, {"fluent_signal": 3}], "invalid value in options fluent_signal\ninvalid chunk event type"),
        (["t", PACKED, {"fluent_signal": ""}], "invalid value type in options fluent_signal\ninvalid chunk event type"),
        (["t", PACKED, {"compressed": "zstd"}], "[zstd] frame is corrupted: Unknown frame descriptor"),
        (["t", TIME, {"a": 1}, {"metadata": 5}], ""),
        (["t", msgpack.ExtType(1, b"12345678"), {"a": 1}], "could not ingest Forward message: -8"),
        (["t", PACKED, {"compressed": "gzip"}], "[gzip] invalid magic bytes : ce92"),
        (["t", PACKED, {"chunk": 5}], ""),
        (["t", [None]], "event decoder or encoder failure: -4"),
        (["t", [[1, None]]], "event decoder or encoder failure: -10"),
        ({"a": 1}, ""),
        (["only"], ""),
        ([5, TIME, {}], ""),
    ],
)
def test_what_is_no_message_ends_the_connection(message: Any, why: str) -> None:
    """With the reference's warning, or silently; the good message before it counts, the one behind does not."""
    good = msgpack.packb(MESSAGES["message"])
    framing = read_frames(good + msgpack.packb(message) + good)
    assert len(framing.frames) == 1
    assert str(framing.error) == why


@pytest.mark.parametrize(
    ("entry", "number"),
    [
        ([TIME, {}, 1], -5), ([[TIME], {}], -7), ([["x", {}], {}], -8), ([[TIME, 5], {}], -9), ([[TIME, {}], 5], -10),
        ([-1, {}], -8), ([True, {}], -8), ([None, 5], -8), ([msgpack.ExtType(5, b"x"), 5], -10),
        ([msgpack.ExtType(5, b"x"), {}], -8), ([EVENT_TIME, 5], -10), (5, -4),
    ],
)  # fmt: skip
def test_entries_before_one_that_is_none_are_taken(entry: Any, number: int) -> None:
    """The reference's number says what is wrong; nothing is said before the message is whole."""
    data = msgpack.packb(["t", [[TIME, {"a": 1}], [[EVENT_TIME, {"m": 1}], {"a": 2}], entry, [TIME, {"a": 3}]]])
    framing = read_frames(data)
    assert [record.body for record in decode(framing.frames[0].raw)] == [{"a": 1}, {"a": 2}]
    assert framing.frames[0].count == 2
    assert str(framing.error) == f"event decoder or encoder failure: {number}"
    assert read_frames(data[:-1]).error is None


def test_packed_entries_have_a_limit() -> None:
    """As they came, and unpacked; one that is cut off gives what it has, one of the other kind a warning."""
    packed = gzip.compress(PACKED)
    assert str(read_frames(msgpack.packb(["t", PACKED]), 10).error) == (
        f"packedforward payload too large ({len(PACKED)} bytes), limit=10"
    )
    bomb = gzip.compress(PACKED * 1000)
    assert str(read_frames(msgpack.packb(["t", bomb, {}]), len(bomb)).error) == (
        f"decompressed payload exceeds limit ({len(bomb)} bytes)"
    )
    (cut,) = read_frames(msgpack.packb(["t", packed[:-9], {"compressed": "gzip"}])).frames
    assert cut.count == 2
    (other,) = read_frames(msgpack.packb(["t", packed, {"compressed": "zstd"}])).frames
    assert (other.count, other.warning) == (2, "compressed=zstd but magic says gzip; using magic")


def test_entries_are_counted_up_to_the_last_whole_one() -> None:
    """A torn tail is neither counted nor kept."""
    assert count_entries(PACKED + b"\x92\x01") == (2, len(PACKED))
    assert decode(PACKED + b"\xc1") == [Record(TIME * NS, {"a": 1}), Record(TIME * NS, {"a": 2})]


def test_a_tag_that_is_no_utf8_can_still_name_a_stream() -> None:
    """Its stray bytes are replaced."""
    (frame,) = read_frames(b"\x93\xa2\xffx\x01\x81\xa1a\x01").frames
    assert frame.tag == "\ufffdx"
