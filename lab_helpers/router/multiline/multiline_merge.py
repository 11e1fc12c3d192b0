"""Join the lines of messages, per stream, by multiline parsers.

Source: Fluent Bit 5.1.1, flb_ml.c and flb_ml_rule.c, with its memory: after a flush the state of the rules stays, so
that a continuation which comes too late becomes a record of its own. A line by which a message is complete (the last of
a Python traceback) is kept as if it began another, and comes once more as it is; 4.2.8 did not do so.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from lab_helpers.router.core.log import Log
from lab_helpers.router.multiline.multiline import MultilineParser, MultilineType, Rule
from lab_helpers.router.parsing.parser import NoMatchError
from lab_helpers.router.records.record import Record

MAX_GROUPS = 6
DEFAULT_LIMIT_BYTES = 2 * 1024 * 1024
TRUNCATED = True

Flush = Callable[[str, Record], None]


class NotMineError(ValueError):
    """The parser has no use for this record."""


@dataclass
class Group:
    """The message in the making of one stream and one parser (and one key_group value)."""

    text: bytearray = field(default_factory=bytearray)
    first: dict[Any, Any] | None = None
    time_ns: int = 0
    rule: Rule | None = None

    def begin(self, record: Record) -> None:
        """Give the message this record's time, and its keys where no earlier one's are waiting."""
        self.first, self.time_ns = record.body if self.first is None else self.first, record.time_ns

    def add(self, text: str, limit_bytes: int) -> bool:
        """Append; return TRUNCATED where the limit cut something off."""
        data = text.encode("utf-8", "surrogateescape")
        room = max(0, limit_bytes - len(self.text)) if limit_bytes else len(data)
        self.text += data[:room]
        return len(data) > room or (bool(limit_bytes) and not room)

    def end_line(self) -> None:
        """Make sure that what follows begins on a line of its own."""
        if self.text and not self.text.endswith(b"\n"):
            self.text += b"\n"

    def take(self, key: str) -> Record | None:
        """Return the message and begin anew; None when there is none. The rule's state and the time stay."""
        text, first = self.text.decode("utf-8", "surrogateescape"), self.first
        self.text, self.first = bytearray(), None
        if first is None and not text:
            return None
        body = {key: text} if first is None else {k: text if k == key and text else v for k, v in first.items()}
        return Record(self.time_ns or time.time_ns(), body)


class Merger:
    """The parsers of one filter or input, with their streams.

    `flush(stream, record)` is called for every finished message. `key_content` overrides the parsers' own.
    `takes_text`: the records are lines of a file, no maps; then only what a parser has read is kept of them.
    """

    def __init__(
        self,
        parsers: Sequence[MultilineParser],
        flush: Flush,
        log: Log,
        key_content: str | None = None,
        limit_bytes: int = DEFAULT_LIMIT_BYTES,
        takes_text: bool = False,
    ) -> None:
        self.parsers = [replace(one, key_content=key_content) if key_content else one for one in parsers]
        self._flush, self._log, self._limit_bytes, self._takes_text = flush, log, limit_bytes, takes_text
        self._groups: dict[tuple[int, str], dict[str, Group]] = {}
        self._last: tuple[int, str] | None = None

    def append(self, stream: str, record: Record) -> bool:
        """Take a record; return TRUNCATED when a message had to be cut."""
        for number in self._order(stream):
            try:
                truncated = self._try(number, stream, record)
            except NotMineError:
                continue
            self._last = (number, stream)
            return truncated
        self.flush(stream)
        group = self._group(0, stream, "")
        group.begin(record)
        self._flush_group(0, stream, group)
        return False

    def flush(self, stream: str | None = None) -> None:
        """Finish what is in the making, of one stream or of all."""
        for (number, name), groups in list(self._groups.items()):
            if stream is None or name == stream:
                for group in groups.values():
                    self._flush_group(number, name, group)

    def pending(self) -> int:
        """Return how many messages are in the making."""
        return sum(bool(group.text) for groups in self._groups.values() for group in groups.values())

    def _order(self, stream: str) -> list[int]:
        numbers = list(range(len(self.parsers)))
        if self._last is not None and self._last[1] == stream:
            numbers.sort(key=lambda number: number != self._last[0])  # type: ignore[index]
        return numbers

    def _try(self, number: int, stream: str, record: Record) -> bool:
        parser = self.parsers[number]
        record = _parsed(parser, record)
        content = record.body.get(parser.key_content) if parser.key_content else None
        if not isinstance(content, str):
            raise NotMineError(parser.name)
        group = self._group(number, stream, _text_at(record, parser.key_group))
        if parser.type is MultilineType.REGEX:
            return self._by_rules(number, stream, group, record, content)
        pattern = _text_at(record, parser.key_pattern)
        tested = pattern or content
        if parser.type is MultilineType.ENDS_WITH and len(parser.match_string) > len(tested):
            raise NotMineError(parser.name)
        if group.first is None:
            group.begin(record)
        group.add(content, 0)
        if parser.completes(tested):
            self._flush_group(number, stream, group)
        return False

    def _by_rules(self, number: int, stream: str, group: Group, record: Record, content: str) -> bool:
        parser = self.parsers[number]
        rule = _continuing(parser, group.rule, content)
        if rule is not None:
            group.end_line()
            if group.add(content or "\n", self._limit_bytes if content else 0):
                self._flush_group(number, stream, group)
                group.rule = None
                return TRUNCATED
        else:
            rule = next((one for one in parser.starting if one.pattern.search(content)), None)
            if rule is None:
                raise NotMineError(parser.name)
            if group.text:
                self._flush_group(number, stream, group)
            group.rule = rule
            if group.add(content, self._limit_bytes):
                return TRUNCATED
            group.begin(record)
        group.rule = rule
        if group.text and any(one.starts for one in parser.following(rule)):
            self._flush_group(number, stream, group)
        if self._takes_text and parser.parser is None:
            group.time_ns = record.time_ns
        elif group.first is None:
            group.begin(record)
        return False

    def _group(self, number: int, stream: str, name: str) -> Group:
        groups = self._groups.setdefault((number, stream), {"": Group()})
        if name not in groups and len(groups) >= MAX_GROUPS:
            self._log.error(f"[multiline] stream {stream} exceeded number of allowed groups ({MAX_GROUPS})")
            name = ""
        return groups.setdefault(name, Group())

    def _flush_group(self, number: int, stream: str, group: Group) -> None:
        record = group.take(self.parsers[number].key_content or "log")
        if record is not None:
            self._flush(stream, record)


def _continuing(parser: MultilineParser, rule: Rule | None, content: str) -> Rule | None:
    if rule is None:
        return None
    following = (one for one in parser.following(rule) if not one.starts)
    return next((one for one in following if one.pattern.search(content)), None)


def _parsed(parser: MultilineParser, record: Record) -> Record:
    """Return the record as the parser before the multiline parser reads it (docker, cri)."""
    if parser.parser is None or parser.key_content not in record.body:
        return record
    value = record.body[parser.key_content]
    if not isinstance(value, str):
        raise NotMineError(parser.name)
    try:
        parsed = parser.parser.parse(value)
    except NoMatchError as exc:
        raise NotMineError(parser.name) from exc
    return Record(record.time_ns if parsed.time_ns is None else parsed.time_ns, parsed.body)


def _text_at(record: Record, key: str | None) -> str:
    value = record.body.get(key) if key else None
    return value if isinstance(value, str) else ""
