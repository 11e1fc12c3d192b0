"""Record accessors: `$log`, `$kubernetes['labels'][0]`, and templates of several of them between text.

Source: Fluent Bit 4.2.8's grammar (identifiers may hold `.`, `-`, `/`; string keys in single quotes; integers index
arrays).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from msgpack import ExtType

from lab_helpers.router.core.log import Log
from lab_helpers.router.records import json_text

_ROOT = re.compile(r"[_A-Za-z][A-Za-z0-9_.\-/]*")
_SUBKEY = re.compile(r"\[\s*(?:'((?:[^']|'')*)'|([1-9][0-9]*|0))\s*\]")

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

    def get(self, body: dict[Any, Any]) -> Any:
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

    def text(self, body: dict[Any, Any]) -> str | None:
        """Return the value where it is a text, else None."""
        value = body.get(self.root)
        if type(value) is str:
            return value
        value = self.get(body)
        return value if isinstance(value, str) else None


def parse_path(text: str) -> Path:
    """Return the Path that `$root['a'][0]` names. Raises AccessorError."""
    root = _ROOT.match(text, 1) if text.startswith("$") else None
    if root is None:
        raise AccessorError(f"syntax error at '{text}'")
    subkeys: list[str | int] = []
    at = root.end()
    while at < len(text):
        found = _SUBKEY.match(text, at)
        if found is None:
            raise AccessorError(*_complaint(text, at))
        name, index = found.groups()
        subkeys.append(int(index) if name is None else name.replace("''", "'"))
        at = found.end()
    return Path(root.group(), tuple(subkeys))


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


def _complaint(text: str, at: int) -> list[str]:
    """Return what is wrong with the part of an accessor that begins at this place, as the grammar's parser says it."""
    rest = text[at:]
    if not rest.startswith("["):
        return [f"syntax error, unexpected '{rest[0]}', expecting end of file at '{text}'"]
    inner = rest[1:].lstrip()
    if not inner:
        return [f"syntax error, unexpected end of file, expecting STRING or INTEGER at '{text}'"]
    if inner.startswith("'"):
        expected = f"syntax error, unexpected IDENTIFIER, expecting STRING or INTEGER at '{text}'"
        return ["bad input character ''' at line 0", expected]
    if re.fullmatch(r"\d+\s*", inner):
        return [f"syntax error, unexpected end of file, expecting ']' at '{text}'"]
    return [f"syntax error, unexpected '[', expecting end of file at '{text}'"]
