"""The forward input: what has arrived is taken, whoever comes and goes; what cannot be taken is told."""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgpack
import pytest

from lab_helpers.router.core.loop import Loop
from lab_helpers.router.core.options import parse
from lab_helpers.router.core.service import Service
from lab_helpers.router.plugin import InputContext
from lab_helpers.router.plugins.in_forward import PLUGIN, Forward
from lab_helpers.router.records.batch import Batch


class Stand:
    """The input on a socket in a folder; `most` records may be taken before it is paused."""

    def __init__(self, folder: Path, most: int = 1_000_000) -> None:
        self.path, self.most = str(folder / "s"), most
        self.loop, self.taken, self.lost = Loop(), list[str](), Counter[str]()
        context = InputContext(
            "forward.0", _Silent(), Service(), ingest=self._ingest, loop=self.loop, lose=self._lose  # type: ignore[arg-type]
        )  # fmt: skip
        self.input = Forward(parse(PLUGIN.options, [("unix_path", self.path)]), context)
        self.input.start()

    def _ingest(self, _tag: str, batch: Batch) -> bool:
        self.taken += [record.body["log"] for record in batch.records()]
        if len(self.taken) == self.most:
            self.input.pause()
        return len(self.taken) < self.most

    def _lose(self, count: int, reason: str) -> None:
        self.lost[reason] += count

    def send(self, *lines: str, leave: bool = True) -> socket.socket:
        """Connect, send messages, and close unless told otherwise."""
        peer = socket.socket(socket.AF_UNIX)
        try:
            peer.connect(self.path)
        except OSError:
            peer.close()
            raise
        peer.sendall(b"".join(msgpack.packb(["t", 1, {"log": line}]) for line in lines))
        if leave:
            peer.close()
        return peer


class _Silent:
    def __getattr__(self, _name: str) -> Any:
        return lambda _text: None


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Stand]:
    """An input that takes whatever comes."""
    one = Stand(tmp_path)
    yield one
    one.input.stop()
    one.loop.close()


def test_every_waiting_connection_is_taken_in_one_turn(stand: Stand) -> None:
    """A probe that only connects does not make the senders behind it wait."""
    stand.send()
    for number in range(20):
        stand.send(f"{number}")
    stand.loop.turn(0)  # accepts
    stand.loop.turn(0)  # reads
    assert stand.taken == [str(number) for number in range(20)]


def test_what_waits_at_the_end_is_taken(stand: Stand) -> None:
    """F1: senders that came, sent and left before the listener had its turn lose nothing when the input stops."""
    stand.send()
    for number in range(50):
        stand.send(f"{number}", "and more" * 1000)
    stand.input.stop()
    assert [line for line in stand.taken if line.isdigit()] == [str(number) for number in range(50)]
    assert len(stand.taken) == 100
    with pytest.raises(OSError, match="No such file"):
        stand.send("too late")  # who comes later is told so, and can keep it


def test_a_paused_input_takes_at_its_end_what_has_arrived(tmp_path: Path) -> None:
    """Closing a connection makes room for nobody any more: neither what was read is thrown away nor what was not."""
    stand = Stand(tmp_path, most=3)
    stand.send("1", "2", "3")
    stand.loop.turn(0)
    stand.loop.turn(0)
    stand.send("4", "5", "6")
    stand.loop.turn(0)
    assert stand.taken == ["1", "2", "3"]
    stand.input.stop()
    stand.loop.close()
    assert stand.taken == ["1", "2", "3", "4", "5", "6"]
    assert not stand.lost.total()


def test_frames_that_a_pause_throws_away_are_told(tmp_path: Path) -> None:
    """Read, and not taken: the records behind the one that filled the buffer; their sender never sends them again."""
    stand = Stand(tmp_path, most=3)
    stand.send("1", "2", "3", "4", "5")
    stand.loop.turn(0)
    stand.loop.turn(0)
    assert stand.taken == ["1", "2", "3"]
    assert stand.lost == {"paused input": 2}
    stand.input.stop()
    stand.loop.close()


def test_who_asks_for_answers_loses_nothing_by_a_pause(tmp_path: Path) -> None:
    """A frame without its acknowledgement is sent again, so it is not lost."""
    stand = Stand(tmp_path, most=1)
    peer = stand.send("1", leave=False)
    peer.sendall(msgpack.packb(["t", 1, {"log": "2"}, {"chunk": "c"}]))
    stand.loop.turn(0)
    stand.loop.turn(0)
    peer.close()
    assert stand.taken == ["1"]
    assert not stand.lost.total()
    stand.input.stop()
    stand.loop.close()


def test_what_cannot_be_read_is_told(stand: Stand) -> None:
    """A message without a tag, and bytes that are no message, count as lost."""
    peer = stand.send(leave=False)
    peer.sendall(msgpack.packb(["", 1, {"log": "x"}]) + b"\x00")
    stand.loop.turn(0)
    stand.loop.turn(0)
    peer.close()
    assert stand.lost == {"no tag": 1, "unreadable": 1}
