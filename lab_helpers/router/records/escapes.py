"""Backslash escapes as Fluent Bit undoes them: the plain ones, JSON's with code points, and MySQL's.

Source: Fluent Bit 4.2.8, flb_unescape.c. Strings with bytes that are no UTF-8 keep them (`surrogateescape`).
Not modelled: octal escapes above \\177, `\\U`.
"""

from __future__ import annotations

import re

_PLAIN = {"n": "\n", "a": "\a", "b": "\b", "t": "\t", "v": "\v", "f": "\f", "r": "\r", "\\": "\\", "": "\0"}
_UTF8 = _PLAIN | {'"': '"', "'": "'", "/": "/"}
_MYSQL = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\", "'": "'", '"': '"', "0": "\0", "Z": "\x1a"}
_CODE = re.compile(
    r"\\(?:u(?P<high>[dD][89abAB][0-9a-fA-F]{2})(?:\\u(?=.)(?P<low>[0-9a-fA-F]{0,4}))?"
    r"|u(?P<unit>[0-9a-fA-F]{0,4})|x(?P<hex>[0-9a-fA-F]{1,2})|(?P<octal>[0-7]{1,3})|(?P<letter>.))",
    re.S,
)
_QUOTED = re.compile(r"""(?P<quote>["'])(?P<inside>(?:\\.|(?!(?P=quote)).)*)(?P=quote)""", re.S)
_QUOTE_ESCAPE = re.compile(r"""\\(["'\\])""")


def unescape(text: str) -> str:
    """Undo `\\n`, `\\t` and the like; any other escaped letter stays without its backslash, one at the end is a NUL."""
    return re.sub(r"\\(.|\Z)", lambda found: _PLAIN.get(found.group(1), found.group(1)), text, flags=re.S)


def unescape_utf8(text: str) -> str:
    """Undo JSON's escapes, `\\xNN` and octal ones; half a surrogate pair becomes U+FFFD; a NUL ends the text."""
    return _CODE.sub(_code_point, text.partition("\0")[0])


def unquote_mysql(text: str) -> str:
    """Take single or double quotes away and undo MySQL's escapes; unquoted text stays as it is."""
    if len(text) < 2 or text[0] != text[-1] or text[0] not in "'\"":
        return text
    return re.sub(r"\\(.)", lambda found: _MYSQL.get(found.group(1), found.group(0)), text[1:-1], flags=re.S)


def _code_point(found: re.Match[str]) -> str:
    parts = found.groupdict()
    if parts["high"]:  # what follows as its other half is taken, whatever it is
        low = int(parts["low"] or "0", 16)
        is_pair = 0xDC00 <= low <= 0xDFFF
        return chr(0x10000 + ((int(parts["high"], 16) - 0xD800) << 10 | (low - 0xDC00))) if is_pair else "\ufffd"
    if parts["unit"] is not None:
        number = int(parts["unit"] or "0", 16)
        is_cut = 0 < len(parts["unit"]) < 4
        return "\ufffd" if is_cut or 0xD800 <= number <= 0xDFFF else chr(number)
    if parts["hex"]:
        return chr(int(parts["hex"], 16))
    if parts["octal"]:
        return chr(int(parts["octal"], 8))
    return _UTF8.get(parts["letter"], parts["letter"])


def split_quoted(text: str, limit: int) -> list[str]:
    """Split at spaces; 'quoted' and "quoted" words stay together. What is left after `limit` words is one piece.

    Raises ValueError where a quote is not closed.
    """
    words: list[str] = []
    rest = text.lstrip(" ")
    while rest and len(words) < limit:
        quoted = _QUOTED.match(rest)
        if rest[0] in "'\"" and quoted is None:
            raise ValueError(f"quote not closed in {text!r}")
        word = _QUOTE_ESCAPE.sub(r"\1", quoted["inside"]) if quoted else rest.partition(" ")[0]
        words.append(word)
        rest = rest[quoted.end() if quoted else len(word) :].lstrip(" ")
    return [*words, rest] if rest else words
