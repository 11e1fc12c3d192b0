"""Decode_Field and Decode_Field_As of a parser: values that are themselves encoded.

Source: Fluent Bit 4.2.8, flb_parser_decoder.c: per key the rules run in order, `try_next` goes on after a failure,
`do_next` in any case; Decode_Field appends the keys of a JSON object, Decode_Field_As replaces the value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from lab_helpers.router.core.log import Log
from lab_helpers.router.parsing.json_reader import read_arrived
from lab_helpers.router.records.escapes import unescape, unescape_utf8, unquote_mysql
from lab_helpers.router.records.record import put_last

Decoder = Callable[[str], Any]


class DecoderError(ValueError):
    """The line is no decoder rule; the sentence is Fluent Bit's."""


@dataclass(frozen=True)
class DecodeRule:
    """One `Decode_Field[_As] BACKEND KEY [ACTION]`; `decode` raises ValueError where the text does not fit."""

    decode: Decoder
    key: str
    action: str
    replaces: bool


def parse_rules(pairs: Iterable[tuple[str, Any]]) -> list[DecodeRule]:
    """Return the decoder rules among a section's pairs. Raises DecoderError."""
    rules = []
    for key, text in pairs:
        if key.lower() in ("decode_field", "decode_field_as"):
            rules.append(_parse_rule(str(text), key.lower() == "decode_field_as"))
    return rules


def decode_body(rules: list[DecodeRule], body: dict[Any, Any], log: Log) -> dict[Any, Any]:
    """Return the body with its encoded values decoded."""
    result = dict(body)
    extra: dict[Any, Any] = {}
    for key, value in body.items():
        mine = [rule for rule in rules if rule.key == key]
        if not mine or not isinstance(value, str):
            continue
        result[key], found = _decode_value(mine, value)
        if isinstance(found, str):
            log.error("[parser_decoder] string type is not allowed")
        if any(not rule.replaces for rule in mine):  # only the last key's extra keys are kept, as in Fluent Bit
            extra = found if isinstance(found, dict) else {}
    put_last(result, extra.items())
    return result


def _decode_value(rules: list[DecodeRule], value: str) -> tuple[Any, Any]:
    inside: Any = value
    outside: Any = None
    for rule in rules:
        if not isinstance(inside, str) or (not rule.replaces and rule.action == "do_next" and outside is not None):
            continue
        try:
            decoded = rule.decode(inside)
        except ValueError:
            if rule.action in ("try_next", "do_next"):
                continue
            break
        if rule.replaces:
            inside = decoded
        else:
            outside = decoded
        if rule.action != "do_next":
            break
    return inside, outside


def _decode_json(text: str) -> dict[Any, Any]:
    data = text.lstrip(" ").encode("utf-8", "surrogateescape")
    arrived = read_arrived(data)
    (document,) = arrived.documents
    if not isinstance(document, dict) or data[arrived.consumed :].strip():
        raise ValueError("not one JSON object")
    return document


_BACKENDS: dict[str, Decoder] = {
    "json": _decode_json,
    "escaped": unescape,
    "escaped_utf8": unescape_utf8,
    "mysql_quoted": unquote_mysql,
}


def _parse_rule(text: str, replaces: bool) -> DecodeRule:
    words = text.split()
    if len(words) < 2:
        raise DecoderError("[parser] invalid number of parameters in decoder")
    if words[0].lower() not in _BACKENDS:
        raise DecoderError(f"[parser] field decoder '{words[0]}' unknown")
    action = words[2].lower() if len(words) > 2 else ""
    return DecodeRule(_BACKENDS[words[0].lower()], words[1], action, replaces)
