"""Run parsers on the value of a key, and put what they find in the place of the record.

Source: Fluent Bit 4.2.8: without Reserve_Data everything else goes, also what FireLens added; with it the other keys
follow behind the parsed ones. The first parser that fits wins; where none does, the record stays.
"""

from __future__ import annotations

from typing import Any

from lab_helpers.router.core.log import ComponentLog
from lab_helpers.router.core.options import Kind, Option, Options
from lab_helpers.router.parsing.named_parser import named_parser
from lab_helpers.router.parsing.parser import NoMatchError, Parsed, Parser
from lab_helpers.router.plugin import Filter, FilterContext, FilterPlugin, PluginInitError
from lab_helpers.router.records.accessor import AccessorError, look_up
from lab_helpers.router.records.record import Record, put_last
from lab_helpers.router.records.tag_template import key_path


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

    def filter(self, _tag: str, records: list[Record]) -> list[Record] | None:
        """Return the records with the parsed bodies and times."""
        return [self._changed(record) for record in records]

    def _changed(self, record: Record) -> Record:
        value = self._path.get(record.body) if self._is_top_level else look_up(self._path, record.body, self._core_log)
        if isinstance(value, bytes):
            value = value.decode("utf-8", "surrogateescape")
        parsed = self._parse(value) if isinstance(value, str) else None
        if parsed is None:
            return record
        kept = self._kept(record.body)
        if parsed.body.keys().isdisjoint(kept):
            parsed.body.update(kept)
        else:
            put_last(parsed.body, kept.items())
        return Record(record.time_ns if parsed.time_ns is None else parsed.time_ns, parsed.body)

    def _parse(self, text: str) -> Parsed | None:
        for parser in self._parsers:
            try:
                return parser.parse(text)
            except NoMatchError:
                continue
        return None

    def _kept(self, body: dict[Any, Any]) -> dict[Any, Any]:
        """Return what goes on of a body that is not needed any more; a `$key` is never taken away, nor kept alone."""
        if self._reserve:
            if self._is_top_level and not self._preserve:
                del body[self._key]
            return body
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
