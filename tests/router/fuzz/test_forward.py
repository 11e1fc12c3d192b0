"""Odd bytes at the forward input: nothing crashes, nothing hangs, and what was whole before them arrives."""

from __future__ import annotations

import itertools
import socket
from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab_helpers.router.config.config_text import Configuration
from lab_helpers.router.core.log import Level, Sink
from lab_helpers.router.core.service import Section, Service
from lab_helpers.router.engine.engine import Engine
from lab_helpers.router.records.forward import read_frames
from lab_helpers.router.records.record import decode
from tests.router.fuzz.bounds import bodies, bounded

PACKER = msgpack.Packer(unicode_errors="surrogateescape")
ODD = st.one_of(
    st.integers(-5, 5), st.text(max_size=3), st.none(), st.floats(), bodies(), st.lists(bodies(), max_size=2)
)
ODD_ENTRIES = st.lists(st.one_of(ODD, st.tuples(ODD, ODD), st.tuples(st.integers(0, 9), bodies())), max_size=3)
ODD_FRAMES = st.one_of(
    st.lists(ODD, max_size=5),
    st.tuples(st.just("app"), ODD_ENTRIES),
    st.tuples(
        st.just("app"), st.binary(max_size=30), st.one_of(ODD, st.dictionaries(st.text(max_size=4), ODD, max_size=2))
    ),
    st.tuples(st.just("app"), ODD, ODD, ODD),
)
NOISE = st.one_of(st.binary(min_size=1, max_size=60), ODD_FRAMES.map(lambda frame: _packed(frame)))


def _packed(value: Any) -> bytes:
    return bytes(PACKER.pack(value)) if _fits(value) else b"\xc1"


def _fits(value: Any) -> bool:
    try:
        PACKER.pack(value)
    except (OverflowError, ValueError):
        PACKER.reset()
        return False
    return True


def frame(mode: str, tag: str, found: list[Any]) -> bytes:
    """Return a frame of these bodies."""
    entries = [[1_636_276_442 + at, body] for at, body in enumerate(found)]
    if mode == "message":
        return b"".join(PACKER.pack([tag, *entry]) for entry in entries)
    if mode == "forward":
        return bytes(PACKER.pack([tag, entries]))
    return bytes(PACKER.pack([tag, b"".join(PACKER.pack(entry) for entry in entries), {"size": len(entries)}]))


FRAMES = st.tuples(st.sampled_from(["message", "forward", "packed"]), st.lists(bodies(), min_size=1, max_size=3))


def received(data: bytes, cuts: list[int]) -> tuple[list[Any], bool]:
    """Return the bodies that the stream holds when it comes in these pieces, and whether it broke."""
    found: list[Any] = []
    rest = b""
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    for begin, end in itertools.pairwise(edges):
        rest += data[begin:end]
        framing = read_frames(rest)
        assert 0 <= framing.used <= len(rest)
        for one in framing.frames:
            found += [record.body for record in decode(one.raw)]
        if framing.error is not None:
            return found, True
        rest = rest[framing.used :]
    return found, False


@bounded(25)
@given(st.lists(FRAMES, max_size=4), st.lists(st.integers(0, 10_000), max_size=6))
def test_pieces_make_no_difference(frames: list[Any], cuts: list[int]) -> None:
    """Every record arrives once and in its order, wherever the stream is cut."""
    data = b"".join(frame(mode, "app", found) for mode, found in frames)
    found, broke = received(data, cuts)
    assert not broke
    assert found == [body for _, group in frames for body in group]


@bounded(40)
@given(st.lists(FRAMES, max_size=3), NOISE)
def test_noise_costs_nothing_that_was_whole(frames: list[Any], noise: bytes) -> None:
    """What came before the noise is delivered."""
    data = b"".join(frame(mode, "app", found) for mode, found in frames)
    expected = [body for _, group in frames for body in group]
    framing = read_frames(data + noise)
    whole = [record.body for one in framing.frames[: _frame_count(frames)] for record in decode(one.raw)]
    assert whole == expected


def _frame_count(frames: list[Any]) -> int:
    return sum(len(group) if mode == "message" else 1 for mode, group in frames)


@bounded(60)
@given(st.one_of(NOISE, st.binary(max_size=200)), st.integers(0, 10_000), st.integers(0, 255))
def test_any_bytes_end(data: bytes, at: int, byte: int) -> None:
    """Any bytes, also a frame with one byte changed, are read to an end without an exception."""
    read_frames(data)
    changed = bytearray(frame("packed", "app", [{"log": "x"}]) + data)
    changed[at % len(changed)] = byte
    read_frames(bytes(changed))


@pytest.fixture
def engine(tmp_path: Any) -> Any:
    """A running router: forward input on a unix socket, filters that decode, a file output."""
    pairs = {
        "input": [("Name", "forward"), ("unix_path", f"{tmp_path}/s")],
        "filter": [("Name", "modify"), ("Match", "*"), ("Set", "seen yes")],
        "output": [("Name", "file"), ("Match", "*"), ("Path", str(tmp_path)), ("File", "out"), ("Format", "msgpack")],
    }
    sections = [Section(kind, list(lines)) for kind, lines in pairs.items()]
    one = Engine(Configuration(sections=sections), Service(flush_s=60, sink=Sink(Level.OFF)))
    one.build()
    one.start()
    yield one
    one.close()


def test_neighbours_on_other_connections_survive(engine: Engine, tmp_path: Any) -> None:
    """Noise on one connection costs that connection only; every good record of the others is delivered."""
    sent = 0

    @bounded(40)
    @given(NOISE)
    def one_round(noise: bytes) -> None:
        nonlocal sent
        with socket.socket(socket.AF_UNIX) as bad, socket.socket(socket.AF_UNIX) as good:
            bad.connect(f"{tmp_path}/s")
            good.connect(f"{tmp_path}/s")
            bad.sendall(noise)
            good.sendall(frame("message", "app", [{"good": sent}]))
            sent += 1
            for _ in range(4):
                engine.loop.turn(0.001)
        for _ in range(2):
            engine.loop.turn(0.001)

    one_round()
    engine.request_stop()
    for _ in range(200):
        if not engine.tasks.pending():
            break
        engine.loop.turn(0.02)
    bodies_out = [record.body for record in decode((tmp_path / "out").read_bytes())]
    assert [body["good"] for body in bodies_out if "good" in body and body["good"] in range(sent)] == list(range(sent))
