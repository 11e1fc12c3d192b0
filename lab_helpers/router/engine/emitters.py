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
from lab_helpers.router.records.record import Record, packable

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

    def emit(self, tag: str, records: list[Record]) -> list[Record]:
        """Put the records in; return those that are not taken."""
        active = self._emitters.active
        if active and active[-1] is self._input:
            self._tell_cycle(tag)
            return records
        taken, refused = self._within_limit(records)
        if refused:
            self._tell_full(len(refused))
        if not taken:
            return refused
        if not self._is_known:
            self._is_known = True
            self._emitters.add_input(self._input)
        active.append(self._input)
        try:
            self._emitters.ingest(self._input, tag, Batch(records=taken))
        finally:
            active.pop()
        return refused

    def _within_limit(self, records: list[Record]) -> tuple[list[Record], list[Record]]:
        """Return the records that there is room for, and the others."""
        room = self._limit_bytes - self._input.held_bytes
        pack = msgpack.Packer(unicode_errors="surrogateescape", default=packable).pack
        bodies = [record.body for record in records]
        if self._limit_bytes <= 0 or len(pack(bodies)) + ENTRY_BYTES * len(records) <= room:
            return records, []
        taken: list[Record] = []
        refused: list[Record] = []
        for record in records:
            size = ENTRY_BYTES + len(pack(record.body))
            if size > room:
                refused.append(record)
            else:
                taken.append(record)
                room -= size
        return taken, refused

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
