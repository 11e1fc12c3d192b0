"""Parsers: a [PARSER] section turned into something that makes a body and a time of a text.

Source: Fluent Bit 4.2.8, flb_parser*.c: named groups only, empty ones left out; JSON takes one object and leaves what
is no JSON behind it; a time that does not follow its format keeps the record's own time.
Not modelled: a name given twice (the configuration reader refuses it).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from lab_helpers.router.core.log import Log
from lab_helpers.router.core.options import FALSE_WORDS
from lab_helpers.router.core.regexp import Pattern, compile_pattern, group_name
from lab_helpers.router.core.service import Section
from lab_helpers.router.parsing.json_reader import JsonInvalidError, read_documents
from lab_helpers.router.parsing.parser_decoder import DecoderError, DecodeRule, decode_body, parse_rules
from lab_helpers.router.parsing.parser_formats import Pair, logfmt_pairs, ltsv_pairs
from lab_helpers.router.parsing.parser_time import TimeError, TimeFormat, read_offset
from lab_helpers.router.parsing.parser_types import cast, caster, read_types

FORMATS = ("regex", "json", "ltsv", "logfmt")


class ParserError(ValueError):
    """A [PARSER] section is refused; `lines` are Fluent Bit's error lines."""

    def __init__(self, *lines: str) -> None:
        super().__init__("; ".join(lines))
        self.lines = lines


class NoMatchError(ValueError):
    """The text is not what the parser expects."""


class Parsed(NamedTuple):
    """What a parser made of a text; `time_ns` is None where it found no time."""

    body: dict[Any, Any]
    time_ns: int | None


@dataclass(frozen=True)
class Parser:
    """One parser. `types` maps keys to integer, float, bool, hex or string."""

    name: str
    format: str
    log: Log
    pattern: Pattern | None = None
    time_format: TimeFormat | None = None
    time_key: str = "time"
    time_keep: bool = False
    skips_empty: bool = True
    bare_keys: bool = True
    types: Mapping[str, str] = field(default_factory=dict)
    decoders: list[DecodeRule] = field(default_factory=list)

    @cached_property
    def groups(self) -> tuple[_Group, ...]:
        """The named groups of the expression."""
        return _groups(self)

    @property
    def keys(self) -> frozenset[str] | None:
        """All keys that it may find; None where that depends on the text."""
        is_known = self.format == "regex" and not self.decoders
        return frozenset(group.key for group in self.groups) if is_known else None

    def parse(self, text: str) -> Parsed:
        """Return the body and the time. Raises NoMatchError."""
        return _PARSE[self.format](self, text)


def build_parser(section: Section, log: Log, path: str = "") -> Parser:
    """Return the parser of a [PARSER] section of the file `path`. Raises ParserError where Fluent Bit refuses it."""
    name, kind, regex = section.get("name"), section.get("format"), section.get("regex")
    if not kind:
        raise ParserError(f"[parser] no parser 'format' found for '{name}' in file '{path}'")
    if kind == "regex" and not regex:
        raise ParserError(f"[parser] no parser 'regex' found for '{name}' in file '{path}")  # as there, without its end
    if kind.lower() not in FORMATS:
        raise ParserError(f"[parser:{name}] Invalid format {kind}")
    try:
        decoders = parse_rules(section.pairs)
    except DecoderError as exc:  # Fluent Bit goes on without decoders
        log.error(str(exc))
        decoders = []
    return Parser(
        name=name,
        format=kind.lower(),
        log=log,
        pattern=_pattern(name, regex) if kind.lower() == "regex" else None,
        time_format=_time_format(section),
        time_key=section.get("time_key") or "time",
        time_keep=_flag(section, "time_keep"),
        skips_empty=_flag(section, "skip_empty_values", default=True),
        bare_keys=not _flag(section, "logfmt_no_bare_keys"),
        types=read_types(section.get("types")),
        decoders=decoders,
    )


class _Group(NamedTuple):
    """A named group: number in the expression, key, function of its type (None: text), whether it is the time."""

    number: int
    key: str
    cast: Callable[[str], Any] | None
    is_time: bool


def _groups(parser: Parser) -> tuple[_Group, ...]:
    """Return what there is to know about the named groups, once for all records; in the order of the expression."""
    groupindex = parser.pattern.groupindex if parser.pattern else {}
    named = [(number, group_name(name)) for name, number in groupindex.items()]
    kinds = parser.types
    return tuple(
        _Group(
            number,
            key,
            caster(kinds[key], key, parser.log) if key in kinds else None,
            parser.time_format is not None and key == parser.time_key,
        )
        for number, key in named
    )


def _parse_regex(parser: Parser, text: str) -> Parsed:
    found = parser.pattern.search(text) if parser.pattern else None
    if found is None:
        raise NoMatchError(parser.name)
    values = (None, *found.groups())
    body: dict[Any, Any] = {}
    time_ns: int | None = 0
    nothing = True
    for number, key, cast_value, is_time in parser.groups:
        value = values[number]
        if value is not None:
            nothing = False
        if not value:
            if parser.skips_empty:
                continue
            value = ""
        if is_time:
            time_ns, keeps = _time_of(parser, value, time_ns)
            if not keeps:
                continue
        body[key] = value if cast_value is None else cast_value(value)
    if nothing:
        raise NoMatchError(parser.name)
    return _finished(parser, body, time_ns)


def _time_of(parser: Parser, value: str, before: int | None) -> tuple[int | None, bool]:
    """Return (the time, whether the key stays); the time before, and no key, where the text is not of the format."""
    assert parser.time_format is not None
    try:
        return parser.time_format.read(value, parser.log), parser.time_keep
    except TimeError:
        _warn_time(parser, value)
        return before, False


def _parse_json(parser: Parser, text: str) -> Parsed:
    try:
        documents = read_documents(text)
    except JsonInvalidError as exc:
        raise NoMatchError(str(exc)) from exc
    if len(documents) != 1 or not isinstance(documents[0], dict):
        raise NoMatchError("not one JSON object")
    body = decode_body(parser.decoders, documents[0], parser.log) if parser.decoders else documents[0]
    value = body.get(parser.time_key)
    if parser.time_format is None or not isinstance(value, str):
        return Parsed(body, None)
    try:
        time_ns = parser.time_format.read(value, parser.log)
    except TimeError as exc:
        _warn_time(parser, value)
        return Parsed(body, exc.fraction_ns or None)
    if not parser.time_keep:
        del body[parser.time_key]
    return Parsed(body, time_ns or None)


def _parse_logfmt(parser: Parser, text: str) -> Parsed:
    pairs = list(logfmt_pairs(text))
    if not parser.bare_keys and not all(pair.has_value for pair in pairs):
        raise NoMatchError("a key without a value")
    return _parse_pairs(parser, pairs, Pair.value)


def _parse_ltsv(parser: Parser, text: str) -> Parsed:
    return _parse_pairs(parser, ltsv_pairs(text), lambda pair: pair.text)


def _parse_pairs(parser: Parser, pairs: Iterable[Pair], value: Callable[[Pair], Any]) -> Parsed:
    body: dict[Any, Any] = {}
    time_ns = 0
    for pair in pairs:
        if parser.time_format is not None and pair.key == parser.time_key and pair.text:
            try:
                time_ns = parser.time_format.read(pair.text, parser.log)
            except TimeError as exc:
                parser.log.error(f"[parser:{parser.name}] Invalid time format {parser.time_format.text}")
                raise NoMatchError(pair.text) from exc
            if not parser.time_keep:
                continue
        body.pop(pair.key, None)
        body[pair.key] = _typed(parser, pair) if parser.types else value(pair)
    if not body:
        raise NoMatchError("no keys")
    return _finished(parser, body, time_ns)


def _typed(parser: Parser, pair: Pair) -> Any:
    return cast(parser.types.get(pair.key, ""), pair.key, pair.text, parser.log)


def _finished(parser: Parser, body: dict[Any, Any], time_ns: int | None) -> Parsed:
    return Parsed(decode_body(parser.decoders, body, parser.log) if parser.decoders else body, time_ns or None)


def _warn_time(parser: Parser, value: str) -> None:
    pattern = parser.time_format.text if parser.time_format else ""
    parser.log.warn(f"[parser:{parser.name}] invalid time format {pattern} for '{value[:254]}'")


def _pattern(name: str, regex: str) -> Pattern:
    if not regex:
        raise ParserError(f"[parser:{name}] Invalid regex pattern")
    try:
        return compile_pattern(regex)
    except re.error as exc:
        raise ParserError(f"[parser:{name}] Invalid regex pattern {regex}") from exc


def _time_format(section: Section) -> TimeFormat | None:
    name, text, zone = section.get("name"), section.get("time_format"), section.get("time_zone")
    offset, system_zone = section.get("time_offset"), _flag(section, "time_system_timezone")
    if not text:
        if zone:
            raise ParserError(f"[parser:{name}] time_zone requires time_format")
        return None
    for other, present in (("time_system_timezone", system_zone), ("time_offset", bool(offset))):
        if zone and present:
            raise ParserError(f"[parser:{name}] time_zone cannot be combined with {other}")
    offset_s = 0
    if offset and not system_zone:
        read = read_offset(offset)
        if read is None:
            raise ParserError()
        offset_s = read
    tzinfo = _zone(name, zone) if zone else None
    return TimeFormat(text, offset_s, _flag(section, "time_strict", default=True), system_zone, tzinfo)


def _zone(parser: str, name: str) -> Any:
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as exc:
        raise ParserError(f"[parser:{parser}] invalid or unavailable time_zone '{name}'") from exc


def _flag(section: Section, key: str, *, default: bool = False) -> bool:
    text = section.get(key)
    return text.lower() not in FALSE_WORDS if text else default  # an odd word counts as true, as in Fluent Bit


_PARSE: dict[str, Callable[[Parser, str], Parsed]] = {
    "regex": _parse_regex,
    "json": _parse_json,
    "logfmt": _parse_logfmt,
    "ltsv": _parse_ltsv,
}
