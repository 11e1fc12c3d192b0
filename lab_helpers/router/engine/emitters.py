"""The inputs through which filters put records in again (rewrite_tag, multiline): their limit, and cycles.

Source: Fluent Bit 5.1.1, in_emitter: a record that would bring the emitter over its limit is not taken, nor one that
the filter has from its own emitter. The reference tells the first at debug level only; here a line says how many.
Not modelled: emitter_storage.type.
"""

from __future__ import annotations

from collections.abc import Callable

import msgpack

from lab_helpers.router.core.log import ComponentLog
from lab_helpers.router.core.service import Service
from lab_helpers.router.engine.instances import InputInstance
from lab_helpers.router.records.batch import Batch
from lab_helpers.router.records.record import packable

ENTRY_BYTES = 11
# array header and EventTime before each body
Ingest = Callable[[InputInstance, str, Batch], bool]


class Emitters:
    """All emitters of a pipeline; the last of `active` is the one whose records go through the filters now."""

    def __init__(self, service: Service, ingest: Ingest, add_input: Callable[[InputInstance], None]) -> None:
        self.service, self.ingest, self.add_input = service, ingest, add_input
        self.active: list[InputInstance] = []


class Emitter:
    """One filter's emitter; its input appears with the first record."""

    def __init__(self, emitters: Emitters, name: str, limit_bytes: int) -> None:
        self._emitters, self._limit_bytes = emitters, limit_bytes
        self._log = ComponentLog(emitters.service.sink, f"[input:emitter:{name}]")
        self._input = InputInstance("emitter", name)
        self._is_known = self._has_told_cycle = False
        self._refused = 0

    def emit(self, tag: str, batch: Batch) -> list[int]:
        """Put the records in; return the places of those that are not taken."""
        active = self._emitters.active
        if active and active[-1] is self._input:
            self._tell_cycle(tag)
            return list(range(batch.count))
        refused = self._refused_places(batch)
        if refused:
            self._tell_full(len(refused))
            batch = batch.picked(sorted({*range(batch.count)}.difference(refused)))
        if not batch.count:
            return refused
        if not self._is_known:
            self._is_known = True
            self._emitters.add_input(self._input)
        active.append(self._input)
        try:
            self._emitters.ingest(self._input, tag, batch)
        finally:
            active.pop()
        return refused

    def _refused_places(self, batch: Batch) -> list[int]:
        """Return the places of the records that there is no room for."""
        room = self._limit_bytes - self._input.held_bytes
        if self._limit_bytes <= 0 or batch.most_bytes() + ENTRY_BYTES * batch.count <= room:
            return []
        pack = msgpack.Packer(unicode_errors="surrogateescape", default=packable).pack
        refused: list[int] = []
        for place in range(batch.count):
            size = ENTRY_BYTES + len(pack(batch.copy_of(place).body))
            if size > room:
                refused.append(place)
            else:
                room -= size
        return refused

    def _tell_full(self, count: int) -> None:
        for _ in range(count):
            self._log.debug("emitter memory buffer limit reached. Not accepting record.")
        if not self._refused:
            self._log.info(
                f"full (Emitter_Mem_Buf_Limit {self._limit_bytes}B): records are not taken until outputs have "
                "delivered what it holds"
            )
        self._refused += count

    def _tell_cycle(self, tag: str) -> None:
        if not self._has_told_cycle:
            self._has_told_cycle = True
            self._log.error(
                "emitter cycle detected: the filter attached to this emitter matches the records it emits "
                f"(tag={tag}), the emission is rejected. Adjust the filter 'Match' or its rules so emitted records are "
                "not processed again"
            )
