"""Emitters of filters: what they take, what stays, and what is said. Compared with a real 5.1.1."""

from __future__ import annotations

import io

import pytest

from lab_helpers.router.core.log import Level, Sink
from lab_helpers.router.core.service import Service
from lab_helpers.router.engine.emitters import ENTRY_BYTES, Emitter, Emitters
from lab_helpers.router.engine.instances import InputInstance
from lab_helpers.router.records.batch import Batch
from lab_helpers.router.records.record import Record

BODY_BYTES = 1 + 4 + 2 + 100
"""{"log": 100 letters} as msgpack: a map's head, `log`, a text's head, the text."""


class Pipe:
    """An emitter of so many records; what it has taken is held until `deliver`."""

    def __init__(self, records: int) -> None:
        self.text = io.StringIO()
        self.inputs: list[InputInstance] = []
        self.taken: list[tuple[str, str]] = []
        service = Service()
        service.sink = Sink(Level.INFO, self.text)
        self.emitters = Emitters(service, self._ingest, self.inputs.append)
        self.emitter = Emitter(self.emitters, "emitter_for_x.0", records * (ENTRY_BYTES + BODY_BYTES))

    def _ingest(self, instance: InputInstance, tag: str, batch: Batch) -> bool:
        self.taken += [(tag, record.body["log"][:1]) for record in batch.records()]
        instance.held_bytes += batch.count * (ENTRY_BYTES + BODY_BYTES)
        return True


def _batch(letters: str) -> Batch:
    return Batch(records=[Record(1, {"log": letter * 100}) for letter in letters])


def test_a_full_emitter_takes_nothing_until_there_is_room() -> None:
    """The records that fit are taken, in their order; the others come back, and one line says so."""
    pipe = Pipe(3)
    assert pipe.emitter.emit("a", _batch("12")) == []
    assert pipe.emitter.emit("b", _batch("345")) == [1, 2]
    assert pipe.emitter.emit("b", _batch("6")) == [0]
    pipe.inputs[0].held_bytes = 0
    assert pipe.emitter.emit("c", _batch("7")) == []
    assert pipe.taken == [("a", "1"), ("a", "2"), ("b", "3"), ("c", "7")]
    assert pipe.text.getvalue().count("[input:emitter:emitter_for_x.0] full (Emitter_Mem_Buf_Limit 354B)") == 1


def test_a_record_of_its_own_is_not_taken_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The filter's Match takes what its emitter emits: told once, in the reference's words, and the record stays."""
    pipe = Pipe(100)
    refused: list[int] = []

    def again(_instance: InputInstance, tag: str, batch: Batch) -> bool:
        refused.extend(pipe.emitter.emit(tag, batch))
        return True

    monkeypatch.setattr(pipe.emitters, "ingest", again)
    for letter in "ab":
        assert pipe.emitter.emit("t", _batch(letter)) == []
    assert refused == [0, 0]
    assert pipe.text.getvalue().count("emitter cycle detected: the filter attached to this emitter") == 1
