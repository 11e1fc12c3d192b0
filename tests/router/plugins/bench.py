"""A bench for one plugin: built from its section, with a log, a loop and hands that catch what it gives."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass, field
from typing import Any

from lab_helpers.router.core.log import ComponentLog, Level, Sink
from lab_helpers.router.core.loop import Loop
from lab_helpers.router.core.options import check_names, parse
from lab_helpers.router.core.service import Section, Service
from lab_helpers.router.plugin import FilterContext, InputContext, OutputContext, PluginKind
from lab_helpers.router.plugins import load
from lab_helpers.router.records.batch import Batch
from lab_helpers.router.records.record import Record

CORE = {"match", "match_regex", "alias", "tag", "host", "port", "listen", "tls", "log_level", "retry_limit"}


@dataclass
class Bench:
    """Catches what one plugin instance does: `ingested` and `emitted` are (tag, record) pairs."""

    service: Service = field(default_factory=Service)
    loop: Loop = field(default_factory=Loop)
    ingested: list[tuple[str, Record]] = field(default_factory=list)
    emitted: list[tuple[str, Record]] = field(default_factory=list)
    exits: list[int] = field(default_factory=list)
    text: io.StringIO = field(default_factory=io.StringIO)

    def __post_init__(self) -> None:
        self.service.sink = Sink(Level.DEBUG, self.text)

    @property
    def log(self) -> list[str]:
        """The log's lines without their times: `[ warn] [filter:grep:grep.0] …`."""
        return [re.sub(r"^\[[^]]*\] ", "", line) for line in self.text.getvalue().splitlines()]

    def add_parsers(self, text: str) -> None:
        """Add the [PARSER] and [MULTILINE_PARSER] sections of a parsers file."""
        for kind, body in re.findall(r"\[(\w+)\]\n((?:[ \t]+.*\n|\n)*)", text):
            section = Section(kind.lower(), pairs_of(body))
            parsers = self.service.parsers if kind == "PARSER" else self.service.multiline_parsers
            parsers[section.get("name")] = section

    def build(self, kind: PluginKind, name: str, lines: str = "") -> Any:
        """Return the plugin's instance for a section with these lines."""
        plugin = load(kind, name)
        assert plugin is not None
        pairs = pairs_of(lines)
        core = CORE - {"tag"} if kind is PluginKind.OUTPUT else CORE
        properties = {key.lower(): value for key, value in pairs if key.lower() in core}
        own = [(key, value) for key, value in pairs if key.lower() not in core]
        check_names(name, plugin.options, own)
        log = ComponentLog(self.service.sink, f"[{kind.value}:{name}:{name}.0]")
        return plugin.create(parse(plugin.options, own), self._context(kind, f"{name}.0", log, properties))

    def _context(self, kind: PluginKind, name: str, log: ComponentLog, properties: dict[str, str]) -> Any:
        if kind is PluginKind.INPUT:
            tag = properties.get("tag", name)
            return InputContext(name, log, self.service, properties, tag, ingest=self._ingest, loop=self.loop)
        if kind is PluginKind.FILTER:
            own = {"emit": self._emit, "loop": self.loop, "exit": self.exits.append}
            return FilterContext(name, log, self.service, properties, **own)
        return OutputContext(name, log, self.service, properties, stopping=lambda: False)

    def _ingest(self, tag: str, batch: Batch) -> bool:
        self.ingested += [(tag, record) for record in batch.records()]
        return True

    def _emit(self, tag: str, batch: Batch) -> list[int]:
        self.emitted += [(tag, record) for record in batch.records()]
        return []

    def filtered(self, lines: str, *bodies: dict[Any, Any], tag: str = "app") -> list[dict[Any, Any]]:
        """Return the bodies that a filter, `Name NAME` first in its lines, makes of these."""
        name, _, rest = lines.strip().removeprefix("Name ").partition("\n")
        records = [Record(1_000_000_000 * at, body) for at, body in enumerate(bodies)]
        batch = Batch(records=records)
        self.build(PluginKind.FILTER, name.strip(), rest).filter_batch(tag, batch)
        return [record.body for record in batch.records()]

    def turn_until(self, done: Any, turns: int = 200) -> None:
        """Run the loop until `done()` is true; fails after 200 waits of 20 ms."""
        for _ in range(turns):
            if done():
                return
            self.loop.turn(0.02)
        raise AssertionError("it did not happen")


def pairs_of(lines: str) -> list[tuple[str, str]]:
    """Return the (key, value) pairs of indented `Key value` lines."""
    split = (line.strip().partition(" ") for line in lines.splitlines() if line.strip())
    return [(key, value.strip()) for key, _, value in split]


class MemoryChunk:
    """A chunk for outputs."""

    def __init__(self, tag: str, *bodies: dict[Any, Any], time_ns: int = 1_636_276_442_000_000_000) -> None:
        self.tag, self._records = tag, [Record(time_ns, body) for body in bodies]

    def records(self) -> list[Record]:
        return self._records

    def json_lines(self) -> list[bytes]:
        from lab_helpers.router.records import json_text

        return [json_text.dumps(record.body, True) for record in self._records]
