"""Run parsers on the value of a key, and put what they find in the place of the record.

Source: Fluent Bit 4.2.8: without Reserve_Data everything else goes, also what FireLens added; with it the other keys
follow behind the parsed ones. The first parser that fits wins; where none does, the record stays.
"""

from __future__ import annotations

from operator import is_not
from typing import Any

from lab_helpers.router.core.log import ComponentLog
from lab_helpers.router.core.options import Kind, Option, Options
from lab_helpers.router.core.regexp import Row
from lab_helpers.router.parsing.named_parser import named_parser
from lab_helpers.router.parsing.parser import NoMatchError, Parsed, Parser
from lab_helpers.router.parsing.parser_columns import are_plain, parse_all, tabulate
from lab_helpers.router.plugin import Filter, FilterContext, FilterPlugin, PluginInitError
from lab_helpers.router.records.accessor import AccessorError, look_up
from lab_helpers.router.records.batch import Batch
from lab_helpers.router.records.record import put_last
from lab_helpers.router.records.tag_template import key_path
from lab_helpers.router.records.uniform import KEY


class ParserFilter(Filter):
    """The filter: a key, parsers, and what to keep."""

    def __init__(self, options: Options, context: FilterContext) -> None:
        self._key: str | None = options["Key_Name"]
        if self._key is None:
            raise PluginInitError("missing 'key_name'")
        try:
            self._path = key_path(self._key)
        except AccessorError as exc:
            raise PluginInitError(*exc.lines, f"invalid record accessor pattern '{self._key}'") from exc
        self._core_log = ComponentLog(context.service.sink)
        self._is_top_level = not self._key.startswith("$")
        self._preserve, self._reserve = bool(options["Preserve_Key"]), bool(options["Reserve_Data"])
        self._parsers = _parsers(options["Parser"], context)
        if not self._parsers:
            raise PluginInitError("Invalid 'parser'")
        self._is_plain = are_plain(self._parsers[0])
        keys = [parser.keys for parser in self._parsers]
        self._keys = None if None in keys else frozenset().union(*(found or () for found in keys))

    def filter_batch(self, _tag: str, batch: Batch) -> None:
        """Put the parsed bodies and times in the place of the batch's."""
        if not self._passes_by({key for key, _ in batch.appended}):
            batch.records()  # what is appended is then in the bodies
        texts = batch.texts(self._path) if self._is_plain else []
        rows = self._rows([text or "" for text in texts])
        if self._tabulates(batch, rows):
            return
        at_once = self._parsed_at_once(batch, texts, rows)
        times_ns, bodies = batch.columns()
        changed = [
            self._changed(time_ns, body, self._parse(self._value(body)) if parsed is None else parsed)
            for time_ns, body, parsed in zip(times_ns, bodies, at_once, strict=True)
        ]
        found = [body for _, body in changed]
        if any(map(is_not, found, bodies)):
            batch.change([time_ns for time_ns, _ in changed], found)

    def _passes_by(self, appended: set[str]) -> bool:
        """Whether keys that each record gets at its end are there in the end, too, whatever is parsed."""
        is_asked = self._path.root in appended or self._keys is None or not self._keys.isdisjoint(appended)
        return not appended or (self._reserve and not is_asked)

    def _rows(self, texts: list[str]) -> list[Row | None]:
        pattern = self._parsers[0].pattern
        return pattern.rows(texts) if texts and pattern is not None else []

    def _parsed_at_once(self, batch: Batch, texts: list[str | None], rows: list[Row | None]) -> list[Parsed | None]:
        """Return what the first parser makes of each record; None for those that have to be looked at one by one."""
        if not self._is_plain:
            return [None] * batch.count
        found = parse_all(self._parsers[0], rows)
        return [None if text is None else parsed for text, parsed in zip(texts, found, strict=True)]

    def _tabulates(self, batch: Batch, rows: list[Row | None]) -> bool:
        """Put what was parsed of records that are alike in their place, if all were; what they share is appended."""
        alike = batch.alike() if rows and self._key == KEY and not self._preserve else None
        if alike is None or self._keys is None:
            return False
        shared = [pair for pair in alike.body.items() if pair[0] != KEY] if self._reserve else []
        if not self._keys.isdisjoint(key for key, _ in shared):
            return False
        table = tabulate(self._parsers[0], rows, alike.times_ns)
        if table is None:
            return False
        batch.tabulate(table)
        batch.append_before(shared)
        return True

    def _value(self, body: dict[Any, Any]) -> Any:
        value = self._path.get(body) if self._is_top_level else look_up(self._path, body, self._core_log)
        return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value

    def _changed(self, time_ns: int, body: dict[Any, Any], parsed: Parsed | None) -> tuple[int, dict[Any, Any]]:
        if parsed is None:
            return time_ns, body
        kept = self._kept(body)
        size = len(parsed.body) + len(kept)
        parsed.body.update(kept)
        if len(parsed.body) != size:
            put_last(parsed.body, kept.items())
        return time_ns if parsed.time_ns is None else parsed.time_ns, parsed.body

    def _parse(self, text: Any) -> Parsed | None:
        for parser in self._parsers if isinstance(text, str) else ():
            try:
                return parser.parse(text)
            except NoMatchError:
                continue
        return None

    def _kept(self, body: dict[Any, Any]) -> dict[Any, Any]:
        """Return what goes on of a body; a `$key` is never taken away, nor kept alone."""
        if self._reserve:
            if not self._is_top_level or self._preserve:
                return body
            kept = body.copy()
            del kept[self._key]
            return kept
        return {self._key: body[self._key]} if self._preserve and self._is_top_level else {}


def _parsers(names: list[str], context: FilterContext) -> list[Parser]:
    parsers = []
    for name in names:
        parser = named_parser(name, context.service)
        if parser is None:
            context.log.error(f"requested parser '{name}' not found")
        else:
            parsers.append(parser)
    return parsers


PLUGIN = FilterPlugin(
    "parser",
    "Run parsers on the value of a key.",
    ParserFilter,
    (
        Option("Key_Name", help="The key whose value is parsed."),
        Option("Parser", help="Name of a parser; several are tried in order.", multiple=True),
        Option("Preserve_Key", Kind.FLAG, "Keep the key that was parsed.", default="false"),
        Option("Reserve_Data", Kind.FLAG, "Keep the record's other keys.", default="false"),
        Option("Unescape_key", help="Deprecated: accepted, without effect."),
    ),
)
