"""Join what Docker split: records with partial_message, partial_id and partial_last.

Source: Fluent Bit 4.2.8, ml_concat.c, with its comparisons: a key counts as soon as the wanted name begins with it,
and so does a partial_id of the beginning of another.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lab_helpers.router.core.log import Log
from lab_helpers.router.records.record import Record, put_last

PREFIX = "partial_"


@dataclass
class Packer:
    """One message in the making: keys and time of its first part, and the texts so far."""

    tag: str
    partial_id: str
    time_ns: int
    body: dict[Any, Any]
    key: str
    text: str = ""
    written_s: float = 0.0

    def record(self) -> Record:
        """Return the whole message: the joined key comes last."""
        put_last(self.body, [(self.key, self.text)])
        return Record(self.time_ns, self.body)


class Partials:
    """The messages in the making of one filter; `log` writes the filter's lines, `core_log` the library's."""

    def __init__(self, key_content: str, log: Log, core_log: Log) -> None:
        self._key, self._log, self._core_log = key_content, log, core_log
        self._packers: list[Packer] = []

    def join(self, tag: str, records: list[Record], now_s: float) -> list[Record] | None:
        """Return the records that are whole, in the places of their last parts; None when there was no part."""
        result: list[Record] = []
        for record in records:
            packer = self._packer(tag, record) if is_true(record.body, "partial_message") else None
            text = _value(record.body, self._key)
            if packer is None:
                result.append(record)
            elif not isinstance(text, str):
                self._log.warn(f"Could not append content for partial record with tag {tag}")
                result.append(record)
            else:
                packer.text, packer.written_s = packer.text + text, now_s
                if is_true(record.body, "partial_last"):
                    self._packers.remove(packer)
                    result.append(packer.record())
        return (
            None
            if len(result) == len(records) and all(a is b for a, b in zip(result, records, strict=True))
            else result
        )

    def expired(self, before_s: float) -> list[Packer]:
        """Take out and return the messages whose last part came before this."""
        late = [packer for packer in self._packers if packer.written_s < before_s]
        self._packers = [packer for packer in self._packers if packer.written_s >= before_s]
        return late

    def pending(self) -> int:
        """Return how many messages are in the making."""
        return len(self._packers)

    def _packer(self, tag: str, record: Record) -> Packer | None:
        partial_id = _value(record.body, "partial_id")
        if partial_id is None:
            self._log.warn(f"Could not find partial_id but partial_message key is FLB_TRUE for record with tag {tag}")
            return None
        wanted = str(partial_id)
        for packer in self._packers:
            if packer.tag == tag and packer.partial_id.startswith(wanted):
                return packer
        return self._new_packer(tag, wanted, record)

    def _new_packer(self, tag: str, partial_id: str, record: Record) -> Packer | None:
        key = _find(record.body, self._key)
        if key is None:
            self._core_log.error(f"[partial message concat] Could not find key {self._key} in record")
            self._log.warn(f"Could not create packer for partial record with tag {tag}")
            return None
        body = {name: value for name, value in record.body.items() if name != key and not _is_partial_key(name)}
        self._packers.append(Packer(tag, partial_id, record.time_ns, body, key))
        return self._packers[-1]


def is_true(body: dict[Any, Any], key: str) -> bool:
    """Whether the key's value is a text that begins with `true`."""
    return str(_value(body, key)).lower().startswith("true")


def _find(body: dict[Any, Any], wanted: str) -> str | None:
    return next((key for key in body if isinstance(key, str) and wanted.startswith(key)), None)


def _value(body: dict[Any, Any], wanted: str) -> Any:
    key = _find(body, wanted)
    return None if key is None else body[key]


def _is_partial_key(key: Any) -> bool:
    return isinstance(key, str) and (key.startswith(PREFIX) or PREFIX.startswith(key))
