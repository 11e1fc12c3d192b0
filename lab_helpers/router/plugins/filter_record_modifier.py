"""Append, remove or keep keys of every record.

Source: Fluent Bit 4.2.8. A record whose keys would all be removed stays unchanged; `Record KEY VALUE` wants exactly two
words (or "quoted ones"), else the line is refused with an error and the filter goes on without it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lab_helpers.router.core.options import Kind, Option, Options
from lab_helpers.router.plugin import Filter, FilterContext, FilterPlugin, PluginInitError
from lab_helpers.router.records.batch import Batch
from lab_helpers.router.records.record import Record, put_last


class RecordModifier(Filter):
    """The filter; appending alone works on whole batches without decoding them."""

    def __init__(self, options: Options, context: FilterContext) -> None:
        self._appended = _pairs(options["record"], context)
        removed = options["remove_key"]
        kept = [*options["allowlist_key"], *options["whitelist_key"]]
        if removed and kept:
            raise PluginInitError("remove_keys and allowlist_keys are exclusive with each other.")
        self._keeps = _key_rule(removed, kept)
        self._uuid_key = options["uuid_key"]
        self._adds = bool(self._appended or self._uuid_key)

    def filter_batch(self, _tag: str, batch: Batch) -> None:
        """Change every record of the batch."""
        if self._keeps is not None:
            left = [record for record in map(self._reduced, batch.records()) if record.body or self._adds]
            # records without any key left are dropped beside others, but left alone among themselves
            batch.replace(left or batch.records())
            if not left:
                return
        if self._appended:
            batch.append_to_all(self._appended)
        if self._uuid_key:
            self._add_uuids(batch)

    def _reduced(self, record: Record) -> Record:
        keeps = self._keeps
        return Record(record.time_ns, {key: value for key, value in record.body.items() if keeps is None or keeps(key)})

    def _add_uuids(self, batch: Batch) -> None:
        import uuid

        for record in batch.records():
            put_last(record.body, [(self._uuid_key, str(uuid.uuid4()))])


def _pairs(lines: list[list[str]], context: FilterContext) -> tuple[tuple[str, str], ...]:
    pairs = []
    for words in lines:
        if len(words) != 2:
            context.log.error("invalid record parameters, expects 'KEY VALUE'")
        else:
            pairs.append((words[0], words[1]))
    return tuple(pairs)


def _key_rule(removed: list[str], kept: list[str]) -> Callable[[Any], bool] | None:
    if not removed and not kept:
        return None
    names = removed or kept
    exact = {name.lower() for name in names if not name.endswith("*")}
    prefixes = tuple(name[:-1].lower() for name in names if name.endswith("*"))

    def keeps(key: Any) -> bool:
        named = isinstance(key, str) and (key.lower() in exact or bool(prefixes and key.lower().startswith(prefixes)))
        return named != bool(removed)

    return keeps


PLUGIN = FilterPlugin(
    "record_modifier",
    "Append, remove or keep keys of every record.",
    RecordModifier,
    (
        Option("record", Kind.WORDS, "Append KEY VALUE to each record.", multiple=True, at_least=2),
        Option("remove_key", help="Remove this key (a trailing * makes it a prefix).", multiple=True),
        Option("allowlist_key", help="Keep only the keys named so.", multiple=True),
        Option("whitelist_key", help="Old name of allowlist_key.", multiple=True),
        Option("uuid_key", help="Append a fresh UUID under this key."),
    ),
)
