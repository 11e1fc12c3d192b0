"""Types of a parser: `Types code:integer size:float` turns texts into numbers.

Source: Fluent Bit 4.2.8, flb_parser_typecast: what is no number is 0, numbers stop at 64 bits.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from lab_helpers.router.core.log import Log
from lab_helpers.router.core.options import to_decimal, to_integer
from lab_helpers.router.parsing.json_reader import INT64_MIN, UINT64_MAX

INT64_MAX = (1 << 63) - 1
_SAFE_DIGITS = 19
# fewer decimal digits are below 64 bits
_FLOAT_WORD = re.compile(r"\s*([+-]?(?:0[xX][0-9a-fA-F]+(?:\.[0-9a-fA-F]*)?(?:[pP][+-]?\d+)?|inf(?:inity)?|nan))", re.I)
_HEX = re.compile(r"\s*([+-]?)(?:0[xX])?([0-9a-fA-F]+)")


def read_types(text: str) -> dict[str, str]:
    """Return {key: type} of a Types line; words without a colon are left out, the first type of a key counts."""
    types: dict[str, str] = {}
    for key, colon, kind in (word.partition(":") for word in text.split()):
        if colon:
            types.setdefault(key, kind.lower())
    return types


def cast(kind: str, key: str, text: str, log: Log) -> Any:
    """Return the text as the type; a text that is no bool stays text, with a warning, any other type is text."""
    return text if not kind else caster(kind, key, log)(text)


def caster(kind: str, key: str, log: Log) -> Callable[[str], Any]:
    """Return the function that makes a text the type: chosen once for all records."""
    if kind != "bool":
        return _CASTS.get(kind, str)

    def to_bool(text: str) -> bool | str:
        word = next((one for one in ("true", "false") if text.lower().startswith(one)), "")
        if not word:
            log.warn(f"[PARSER] key={key} cast error. save as string.")
        return word == "true" if word else text

    return to_bool


def _integer(text: str) -> int:
    if len(text) < _SAFE_DIGITS and text.isdecimal():
        return int(text)
    return max(INT64_MIN, min(INT64_MAX, to_integer(text)))


def _hexadecimal(text: str) -> int:
    found = _HEX.match(text)
    number = min(int(found[2], 16), UINT64_MAX) if found else 0
    return (UINT64_MAX + 1 - number) & UINT64_MAX if found and found[1] == "-" else number


def _float(text: str) -> float:
    """Return what C's strtod reads: a decimal number, 0x…, inf or nan at the head of the text."""
    found = _FLOAT_WORD.match(text)
    if found is None:
        return to_decimal(text)
    return float.fromhex(found[1]) if "x" in found[1].lower() else float(found[1])


_CASTS: dict[str, Callable[[str], Any]] = {"integer": _integer, "hex": _hexadecimal, "float": _float}
