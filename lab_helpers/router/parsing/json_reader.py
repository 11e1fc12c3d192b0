"""JSON as Fluent Bit reads it: several documents in a row, 64-bit integers, repeated keys, half a document.

Fluent Bit 4.2.8 has two readers. The strict one (yyjson; parsers, the http input) stops at the first thing behind a
document that is no JSON. The lax one (jsmn; the tcp input, field decoders) reads what has arrived so far, takes `1e3`
for 1, and refuses everything when any of it is bad.

Source: Fluent Bit 4.2.8, flb_pack.c, and what it delivered for the recorded cases.
Not modelled: jsmn's odder tolerances (`{"a" 1}`, words that only begin like `true`).
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from lab_helpers.router.records.record import body_from_pairs

if TYPE_CHECKING:
    import json  # imported when the first document is read: the article's configuration never reads one

INT64_MIN, UINT64_MAX = -(1 << 63), (1 << 64) - 1

_BLANK = " \t\r\n"
_UNFINISHED_WORD = re.compile(r"[-0-9tfn.eE+][-+.\w]*\Z")
_UNFINISHED_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{0,4})?\Z")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_LONE_ESCAPE = re.compile("[\ud800-\udc7f\udd00-\udfff]")  # the rest of the range stands for bytes that are no UTF-8
_JSMN_DECIMAL = re.compile(r"\.|[eE][-+]")


class JsonInvalidError(ValueError):
    """The text is no JSON."""


class JsonIncompleteError(ValueError):
    """The text is the beginning of a JSON document."""


class Arrived(NamedTuple):
    """Complete documents at the head of a buffer and how many bytes they take."""

    documents: list[Any]
    consumed: int


def read_documents(text: str) -> list[Any]:
    """Return the documents in a row; what is no JSON behind the first one is left out. Raises JsonInvalidError."""
    documents: list[Any] = []
    has_bytes = _LONE_SURROGATE.search(text) is not None  # that are no UTF-8: they stay, as in 5.1 (4.2: U+FFFD)
    lone = _LONE_ESCAPE if has_bytes else _LONE_SURROGATE
    at = _skip(text, 0, _BLANK)
    while at < len(text):
        try:
            value, at = _strict().raw_decode(text, at)
        except (ValueError, RecursionError) as exc:
            if documents:
                break
            raise JsonInvalidError(str(exc)) from exc
        documents.append(_without(lone, value) if "\\u" in text else value)
        at = _skip(text, at, _BLANK)
    return documents


def read_arrived(data: bytes) -> Arrived:
    """Return the complete documents that have arrived; half a document behind them stays in the buffer.

    Raises JsonIncompleteError when there is only half a document, JsonInvalidError when any of it is bad or it is
    empty.
    """
    text = data.decode("utf-8", "surrogateescape").partition("\0")[0]  # where jsmn stops
    documents: list[Any] = []
    end = at = 0
    while (at := _skip(text, at, _BLANK + ",")) < len(text):
        try:
            value, at = _lax().raw_decode(text, at)
            _check_delimited(value, text, at)
        except RecursionError as exc:
            raise JsonInvalidError("nested too deep") from exc
        except ValueError as exc:
            if not _is_unfinished(text, exc):
                raise JsonInvalidError(str(exc)) from exc
            if not documents:
                raise JsonIncompleteError(str(exc)) from exc
            break
        documents.append(_without(_LONE_ESCAPE, value))
        end = at
    if not documents:
        raise JsonInvalidError("no document")
    return Arrived(documents, len(text[:end].encode("utf-8", "surrogateescape")))


def _skip(text: str, at: int, letters: str) -> int:
    while at < len(text) and text[at] in letters:
        at += 1
    return at


def _is_unfinished(text: str, error: ValueError) -> bool:
    at, message = getattr(error, "pos", 0), getattr(error, "msg", "")
    if isinstance(error, JsonInvalidError):
        return False
    if isinstance(error, JsonIncompleteError) or at >= len(text) or message.startswith("Unterminated string"):
        return True
    is_cut_escape = message.startswith("Invalid") and _UNFINISHED_ESCAPE.search(text) is not None
    return is_cut_escape or _UNFINISHED_WORD.match(text, at) is not None


def _check_delimited(value: Any, text: str, at: int) -> None:
    """A number or word of its own is complete only when something that ends it has arrived."""
    if isinstance(value, dict | list | str):
        return
    if at == len(text):
        raise JsonIncompleteError("a number may go on")
    if text[at] not in _BLANK + ",]}":
        raise JsonInvalidError("something right behind a number")


@cache
def _strict() -> json.JSONDecoder:
    return _decoder(strict=False, parse_float=_finite)  # control characters may stand in strings


@cache
def _lax() -> json.JSONDecoder:
    return _decoder(strict=False, parse_float=_jsmn_number)


def _decoder(**settings: Any) -> json.JSONDecoder:
    import json

    return json.JSONDecoder(
        object_pairs_hook=body_from_pairs, parse_int=_integer, parse_constant=_refuse_constant, **settings
    )


def _integer(text: str) -> int | float:
    if len(text) > 20:  # longer than any 64-bit number; int() refuses 5,000 digits
        return float(text)
    number = int(text)
    return number if INT64_MIN <= number <= UINT64_MAX else float(text)


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise JsonInvalidError("number is infinity when parsed as double")
    return number


def _jsmn_number(text: str) -> int | float:
    if _JSMN_DECIMAL.search(text):
        return float(text)
    return _integer(re.split("[eE]", text, maxsplit=1)[0])


def _refuse_constant(word: str) -> Any:
    raise JsonInvalidError(f"{word} is no JSON")


def _without(surrogates: re.Pattern[str], value: Any) -> Any:
    if isinstance(value, str):
        return value if value.isascii() else surrogates.sub("\ufffd", value)
    if isinstance(value, dict):
        return {_without(surrogates, key): _without(surrogates, item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without(surrogates, item) for item in value]
    return value
