"""Put a value under another key as another type.

Source: Fluent Bit 5.1.1 (plugins/filter_type_converter, src/flb_typecast.c). Rules run by the type they take: strings,
integers, unsigned integers, floats. A value that cannot be converted is put there as it is, with two error lines, but
only beside one that could be: a batch in which nothing was converted is not touched. A text that means 0 (`0`, `00`)
counts as none, as there.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lab_helpers.router.core.log import ComponentLog
from lab_helpers.router.core.options import Kind, Option, Options
from lab_helpers.router.plugin import Filter, FilterContext, FilterPlugin, PluginInitError
from lab_helpers.router.records.accessor import MISSING, AccessorError, Path
from lab_helpers.router.records.record import Record, put_last
from lab_helpers.router.records.tag_template import key_path

TYPES = ("int", "uint", "float", "hex", "string", "bool")
"""What a rule may convert to; a beginning of the name is enough, as there."""
FROM = {"str_key": "string", "int_key": "int", "uint_key": "uint", "float_key": "float"}
_INT64, _UINT64 = 2**63, 2**64
_NUMBERS = {
    10: re.compile(r"[\t-\r ]*([+-]?)(\d+)", re.ASCII),
    16: re.compile(r"[\t-\r ]*([+-]?)(?:0[xX])?([0-9a-fA-F]+)"),
}
_FLOAT = re.compile(
    r"[\t-\r ]*([+-]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|inf(?:inity)?|nan))", re.ASCII | re.IGNORECASE
)


class _ConversionError(Exception):
    """A value that a rule cannot convert; the text is the core's line."""


@dataclass(frozen=True)
class Rule:
    """One rule; `name` is its key as it was given."""

    name: str
    path: Path
    to_key: str
    convert: Callable[[Any], Any]


class TypeConverter(Filter):
    """The filter."""

    def __init__(self, options: Options, context: FilterContext) -> None:
        self._log, self._core_log = context.log, ComponentLog(context.service.sink)
        rules = [self._rule(kind, words) for option, kind in FROM.items() for words in options[option]]
        self._rules = [rule for rule in rules if rule is not None]
        if not self._rules:
            self._log.error("no rules")
            raise PluginInitError("configuration error")

    def filter(self, _tag: str, records: list[Record], /) -> list[Record] | None:
        """Convert in every record; None when nothing could be converted."""
        made, count = [], 0
        for record in records:
            body = dict(record.body)
            count += sum(self._convert(rule, record.body, body) for rule in self._rules)
            made.append(Record(record.time_ns, body))
        return made if count else None

    def _convert(self, rule: Rule, given: dict[Any, Any], body: dict[Any, Any]) -> bool:
        value = rule.path.get(given)
        if value is MISSING:
            return False
        try:
            put_last(body, [(rule.to_key, rule.convert(value))])
        except _ConversionError as exc:
            self._core_log.error(str(exc))
            self._log.error(f"failed to convert. key={rule.name}")
            put_last(body, [(rule.to_key, value)])
            return False
        return True

    def _rule(self, kind: str, words: list[str]) -> Rule | None:
        if len(words) != 3:
            self._log.error(f"invalid record parameters, expects 'from_key to_key type' {len(words)}")
            return None
        key, to_key, wanted = words
        to = next((name for name in TYPES if name.startswith(wanted.lower())), None)
        try:
            path = key_path(key)
        except AccessorError as exc:
            for line in exc.lines:
                self._core_log.error(line)
            to = None
        else:
            if to is None:
                self._core_log.error(f"flb_typecast_rule_create: unknown to str {wanted}")
        if to is None:
            self._log.error(f"configuration error. ignore the key={key}")
            return None
        return Rule(key, path, to_key, lambda value: converted(value, kind, to))


def converted(value: Any, kind: str, to: str) -> Any:
    """Return the value, which a rule takes for `kind`, as `to`; raises _ConversionError."""
    if kind == "string":
        if not isinstance(value, str):
            raise _ConversionError("flb_typecast_value_conv: src type is not str")
        return _of_text(value, to)
    if not isinstance(value, float if kind == "float" else int) or isinstance(value, bool):
        raise _ConversionError(f"flb_typecast_value_conv: src type is not {kind}")
    if isinstance(value, int):
        value = _unsigned(value) if kind == "uint" else _signed(value)
    return _of_number(value, kind, to)


def _unsigned(value: int) -> int:
    return value % _UINT64


def _signed(value: int) -> int:
    """Return what the 64 bits are with a sign."""
    return (value + _INT64) % _UINT64 - _INT64


def _of_text(text: str, to: str) -> Any:
    if to == "float":
        found = _FLOAT.match(text)
        return float(found[1]) if found else 0.0
    if to == "bool":
        word = text.lower()
        if word.startswith(("true", "false")):
            return word.startswith("true")
    elif to != "string":
        number = _number(text, 16 if to == "hex" else 10, signed=to == "int")
        if number:
            return number
    else:
        raise _ConversionError("flb_typecast_conv_str: str to str. nothing to do.")
    raise _ConversionError(f"flb_typecast_conv_str: convert error. input={text}")


def _number(text: str, base: int, *, signed: bool) -> int:
    """Return what C's strtoimax or strtoumax makes of a text's beginning: bounded by 64 bits, 0 for none."""
    found = _NUMBERS[base].match(text)
    if found is None:
        return 0
    number = int(found[2][:400], base) * (-1 if found[1] == "-" else 1)
    if signed:
        return max(-_INT64, min(number, _INT64 - 1))
    return _UINT64 - 1 if abs(number) >= _UINT64 else number % _UINT64


def _of_number(value: Any, kind: str, to: str) -> Any:
    if to == "string":
        return _float_text(value) if kind == "float" else str(value)
    if to == "float" and kind != "float":
        return float(value)
    if (kind, to) in {("float", "int"), ("float", "uint")}:
        return _truncated(value, to)
    if (kind, to) == ("int", "uint"):
        return _unsigned(value)
    if (kind, to) == ("uint", "int"):
        return _signed(value)
    raise _ConversionError(f"flb_typecast_conv_{kind}: type {to} is not supported")


def _float_text(value: float) -> str:
    is_whole = abs(value) < _INT64 and value == int(value)
    return f"{value:.1f}" if is_whole else f"{value:.16g}"


def _truncated(value: float, to: str) -> int:
    """Return the whole part; what has none in 64 bits is the least number, as the machine's conversion gives it."""
    if not -_INT64 <= value < (_UINT64 if to == "uint" else _INT64):
        return _INT64 if to == "uint" else -_INT64
    return int(value) % _UINT64 if to == "uint" else int(value)


PLUGIN = FilterPlugin(
    "type_converter",
    "Put a value under another key as another type.",
    TypeConverter,
    tuple(
        Option(name, Kind.WORDS, f"Take FROM_KEY for {kind}, put it under TO_KEY as TYPE.", multiple=True, at_least=3)
        for name, kind in (
            ("int_key", "an integer"),
            ("uint_key", "an unsigned integer"),
            ("float_key", "a float"),
            ("str_key", "a text"),
        )
    ),
)
