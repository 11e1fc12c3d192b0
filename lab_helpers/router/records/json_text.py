"""JSON as Fluent Bit writes it.

Source: Fluent Bit 4.2.8. Compact; by default everything outside ASCII is `\\uXXXX` (`json.escape_unicode false` gives
raw UTF-8); DEL is escaped; whole floats end in `.0`, others are `%.16g`, nan and inf are bare words; keys that are no
strings are written bare; ext values are `"\\x01\\x02"`; for bytes that are no UTF-8 see utf8.py.

orjson writes what needs none of this, which is nearly everything; the rest goes through `careful`.
"""

from __future__ import annotations

import re
from _json import encode_basestring, encode_basestring_ascii
from typing import Any

import msgpack
import orjson

from lab_helpers.router.records.record import OddKey
from lab_helpers.router.records.utf8 import quote_invalid

_FLOAT_INTEGER_LIMIT = 2.0**63
_SURROGATES = re.compile("[\ud800-\udfff]+")


def dumps(value: Any, escape_unicode: bool = True) -> bytes:
    """Return the value's JSON."""
    if not needs_care(value):
        try:
            text = orjson.dumps(value)
        except TypeError:  # a key that is no string, bytes, ext values, invalid UTF-8, integers over 64 bits
            return careful(value, escape_unicode).encode()
        if b"\x7f" not in text and (text.isascii() or not escape_unicode):
            return text
    return careful(value, escape_unicode).encode()


def needs_care(value: Any) -> bool:
    """Whether a float is somewhere in the value: orjson writes those differently."""
    kind = type(value)
    if kind is dict:
        return any(map(needs_care, value.values()))
    if kind is list:
        return any(map(needs_care, value))
    return kind is float


def careful(value: Any, escape_unicode: bool = True) -> str:
    """Return the JSON of any value that msgpack can carry, one piece at a time."""
    if isinstance(value, str):
        return quote(value, escape_unicode)
    if isinstance(value, dict):
        pairs = (f"{careful(key, escape_unicode)}:{careful(item, escape_unicode)}" for key, item in value.items())
        return "{" + ",".join(pairs) + "}"
    if isinstance(value, msgpack.ExtType):
        return '"' + "".join(f"\\x{byte:02x}" for byte in value.data) + '"'
    if isinstance(value, list | tuple):
        return "[" + ",".join(careful(item, escape_unicode) for item in value) + "]"
    if isinstance(value, bytes):
        return quote(value.decode("utf-8", "surrogateescape"), escape_unicode)
    return _scalar(value)


def quote(text: str, escape_unicode: bool = True) -> str:
    """Return the string literal."""
    if _SURROGATES.search(text):
        return quote_invalid(text, escape_unicode)
    return encode_basestring_ascii(text) if escape_unicode else encode_basestring(text).replace("\x7f", "\\u007f")


def number(value: float) -> str:
    """Return a float's text."""
    if value != value or value in (float("inf"), float("-inf")):
        return str(value)
    if -_FLOAT_INTEGER_LIMIT <= value < _FLOAT_INTEGER_LIMIT and value == int(value):
        return f"{value:.1f}"
    return f"{value:.16g}"


def _scalar(value: Any) -> str:
    if value is None:
        return "null"
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, OddKey):
        return careful(value.value)
    return number(value) if isinstance(value, float) else str(int(value))
