"""What Fluent Bit's JSON writer makes of bytes that are not valid UTF-8.

Source: Fluent Bit 4.2.8. With escaping on: a sequence that the string's end cuts off loses its first byte; any other
broken
one is shown byte by byte in the private use area (0x97 as U+E097, raw); overlong forms are taken as what they decode
to. With `json.escape_unicode false` each offending byte becomes U+FFFD.
"""

from __future__ import annotations

from _json import encode_basestring, encode_basestring_ascii

_PRIVATE = 0xE000
_REPLACEMENT = "\ufffd"


def quote_invalid(text: str, escape_unicode: bool) -> str:
    """Return the JSON string literal of text whose invalid bytes are lone surrogates (surrogateescape)."""
    data = text.encode("utf-8", "surrogateescape")
    return f'"{_escaped(data) if escape_unicode else _raw(data)}"'


def _escaped(data: bytes) -> str:
    pieces = []
    at = 0
    while at < len(data):
        length = _announced(data[at])
        if at + length > len(data):
            at += 1
            continue
        codepoint, used = _decoded(data, at, length)
        if codepoint is None:
            pieces.append("".join(chr(_PRIVATE | byte) for byte in data[at : at + used]))
        elif length > 1 and codepoint < 0x80:
            pieces.append(f"\\u{codepoint:04x}")
        else:
            pieces.append(encode_basestring_ascii(chr(codepoint))[1:-1])
        at += used
    return "".join(pieces)


def _announced(first: int) -> int:
    """Return how many bytes the first byte promises."""
    for limit, length in ((0xC0, 1), (0xE0, 2), (0xF0, 3), (0xF8, 4), (0xFC, 5)):
        if first < limit:
            return length
    return 6


def _decoded(data: bytes, at: int, length: int) -> tuple[int | None, int]:
    """Return (code point or None, bytes used) of the sequence at this place."""
    if length > 4 or (length == 1 and data[at] >= 0x80):
        return None, 1
    codepoint = data[at] & (0x7F, 0x1F, 0x0F, 0x07)[length - 1]
    for offset in range(1, length):
        byte = data[at + offset]
        if byte & 0xC0 != 0x80:
            return None, offset
        codepoint = codepoint << 6 | byte & 0x3F
    if 0xD800 <= codepoint <= 0xDFFF or codepoint > 0x10FFFF:
        return None, max(length - 1, 1)
    return codepoint, length


def _raw(data: bytes) -> str:
    text = data.decode("utf-8", "surrogateescape")
    shown = "".join(_REPLACEMENT if "\ud800" <= letter <= "\udfff" else letter for letter in text)
    return encode_basestring(shown).replace("\x7f", "\\u007f")[1:-1]
