"""Record accessors: `$log`, `$kubernetes['labels'][0]`, and templates of several of them between text.

Source: Fluent Bit 5.1.1's grammar (identifiers may hold `.`, `-`, `/`; string keys in single quotes; integers index
arrays; a character that is of no token is left out).
Not modelled: the line about such a character where the rest can be read.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from msgpack import ExtType

from lab_helpers.router.core.log import Log
from lab_helpers.router.records import json_text

_TOKEN = re.compile(
    r"(?P<INTEGER>[1-9][0-9]*|0)|(?P<STRING>'(?:[^']|'')*')|(?P<IDENTIFIER>[_A-Za-z][A-Za-z0-9_.\-/]*)"
    r"|(?P<mark>[$\[\].,;])|[ \t\n]+|(?P<bad>.)",
    re.S,
)
_END = "end of file"

MISSING = object()
# what Path.get returns for a record without the key: None is a value


class AccessorError(ValueError):
    """The text is no record accessor; `lines` are Fluent Bit's."""

    def __init__(self, *lines: str) -> None:
        super().__init__(*lines)
        self.lines = tuple(f"[record accessor] {line}" for line in lines)


@dataclass(frozen=True)
class Path:
    """One accessor: the root key and the keys or indices below it."""

    root: str
    subkeys: tuple[str | int, ...] = ()

    def get(self, body: dict[Any, Any], /) -> Any:
        """Return the value in the record's body, or MISSING."""
        value = body.get(self.root, MISSING)
        if not isinstance(value, dict | list):
            return value  # `$log['a']` on a text is the text, as in Fluent Bit
        for subkey in self.subkeys:
            if isinstance(value, dict) and isinstance(subkey, str):
                value = value.get(subkey, MISSING)
            elif isinstance(value, list) and isinstance(subkey, int) and subkey < len(value):
                value = value[subkey]
            else:
                return MISSING
        return value

    def text(self, body: dict[Any, Any], /) -> str | None:
        """Return the value where it is a text, else None."""
        value = body.get(self.root)
        if type(value) is str:
            return value
        value = self.get(body)
        return value if isinstance(value, str) else None

    def texts(self, bodies: Sequence[dict[Any, Any]], /) -> list[str | None]:
        """Return what `text` returns for each body."""
        values = [body.get(self.root) for body in bodies]
        return values if set(map(type, values)) == {str} else list(map(self.text, bodies))


@dataclass(frozen=True)
class Nowhere(Path):
    """What names no key, such as `$TAG` in a key's place: no record has it."""

    root: str = ""

    def get(self, _body: dict[Any, Any], /) -> Any:
        """Return MISSING."""
        return MISSING

    def text(self, _body: dict[Any, Any], /) -> str | None:
        """Return None."""
        return None

    def texts(self, bodies: Sequence[dict[Any, Any]], /) -> list[str | None]:
        """Return None for each."""
        return [None] * len(bodies)


def parse_path(text: str) -> Path:
    """Return the Path that `$root['a'][0]` names. Raises AccessorError."""
    tokens = _Tokens(text)
    tokens.take("'$'")
    root = tokens.take("IDENTIFIER")
    subkeys: list[str | int] = []
    while tokens.take("'['", _END) != "":
        key = tokens.take("STRING", "INTEGER")
        subkeys.append(key[1:-1].replace("''", "'") if key.startswith("'") else int(key))
        tokens.take("']'")
    return Path(root, tuple(subkeys))


class _Tokens:
    """The tokens of an accessor, one after the other."""

    def __init__(self, text: str) -> None:
        self._text, self._at = text, 0
        self._lines: list[str] = []

    def take(self, *expected: str) -> str:
        """Return the next token's text, "" at the end. Raises AccessorError where it is none of the expected kinds."""
        kind, value = self._next()
        if kind not in expected:
            wanted = _END if _END in expected else " or ".join(expected)
            told = f"syntax error, unexpected {kind}, expecting {wanted} at '{self._text}'"
            raise AccessorError(*self._lines, told)
        return value

    def _next(self) -> tuple[str, str]:
        while found := _TOKEN.match(self._text, self._at):
            self._at, kind, value = found.end(), found.lastgroup, found.group()
            if kind == "bad":
                bytes_ = value.encode("utf-8", "surrogateescape")
                shown = [bytes_[at : at + 1].decode("utf-8", "surrogateescape") for at in range(len(bytes_))]
                self._lines += [f"bad input character '{each}' at line 0" for each in shown]
            elif kind == "mark":
                return (f"'{value}'" if value in "$[]" else "invalid token"), value
            elif kind is not None:
                return kind, value
        return _END, ""


def look_up(path: Path, body: dict[Any, Any], log: Log) -> Any:
    """Return the value as `Path.get` does; a list or an ext value, which the reference does not carry, is MISSING.

    Where such a value is the whole of what the path names, that is logged (by the core, not by a plugin).
    """
    value = path.get(body)
    if not isinstance(value, list | ExtType):
        return value
    if not path.subkeys or value is body.get(path.root):
        log.error("[ra key] cannot process key value")
    return MISSING


def to_text(value: Any) -> str | None:
    """Return a record's value as a template writes it; None for what has no text there: MISSING, a list, an ext value.

    Integers are the 64 bits that msgpack carries, read with a sign; floats have six digits, at most 31 characters.
    """
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, int):
        return str((value + 2**63) % 2**64 - 2**63)
    if isinstance(value, float):
        return f"{value:f}"[:31]
    if not isinstance(value, dict):
        return None
    return json_text.dumps(value, True).decode("utf-8", "surrogateescape")
