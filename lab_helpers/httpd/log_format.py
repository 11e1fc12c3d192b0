r"""Apache's LogFormat: a format string is compiled once, and then writes one line a request.

Source: httpd's mod_log_config, its list of format strings; its escaping of `"`, `\` and unprintable bytes.
Not modelled: conditions by status (`%400,501{…}i`), cookies (`%C`), %{…}o beyond what the response has, %{format}t
beyond sec, msec and usec.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

COMMON = '%h %l %u %t "%r" %>s %b'
COMBINED = COMMON + ' "%{Referer}i" "%{User-Agent}i"'
_DIRECTIVE = re.compile(r"%([<>]?)(?:\{([^}]*)\})?(.)", re.DOTALL)


@dataclass(frozen=True)
class Served:
    """What a format can tell of a request that was answered; `size` None: no body (`-`)."""

    address: str
    request_line: bytes
    method: str
    path: str
    query: str
    protocol: str
    status: int
    size: int | None
    began: datetime
    took_us: int = 0
    sent_bytes: int = 0
    server_address: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Of the request, names in small letters."""
    env: Mapping[str, str] = field(default_factory=dict)


Write = Callable[[Served], str]


class FormatError(ValueError):
    """A format string that Apache refuses, in its words."""


def compile_format(text: str) -> Write:
    r"""Return the function that writes a line of this format, without newline. `\"`, `\t` and `\n` are read.

    Raises FormatError for a directive that Apache does not know.
    """
    parts: list[Write] = []
    at = 0
    text = text.replace('\\"', '"').replace("\\t", "\t").replace("\\n", "\n").replace("\\\\", "\\")
    for found in _DIRECTIVE.finditer(text):
        if found.start() > at:
            parts.append(_constant(text[at : found.start()]))
        parts.append(_writer(found[2], found[3]))
        at = found.end()
    if at < len(text):
        parts.append(_constant(text[at:]))
    return lambda served: "".join([part(served) for part in parts])


def escaped(raw: bytes) -> str:
    """Return bytes as Apache logs them."""
    if raw.isascii() and raw.decode("ascii").isprintable() and b'"' not in raw and b"\\" not in raw:
        return raw.decode("ascii")
    return "".join(map(_escaped, raw))


def _constant(text: str) -> Write:
    return lambda _: text


def _writer(argument: str | None, letter: str) -> Write:
    if argument is not None:
        return _with_argument(argument, letter)
    if letter not in _PLAIN:
        raise FormatError(f"Unrecognized LogFormat directive %{letter}")
    return _PLAIN[letter]


def _with_argument(argument: str, letter: str) -> Write:
    name = argument.lower()
    if letter == "i":
        return lambda served: escaped(served.headers[name].encode("latin-1")) if served.headers.get(name) else "-"
    if letter == "e":
        return lambda served: served.env.get(argument) or "-"
    if letter == "t" and argument in _CLOCKS:
        return _CLOCKS[argument]
    if letter == "T" and argument in _UNITS:
        per = _UNITS[argument]
        return lambda served: str(served.took_us // per)
    if letter in "ont^CpP" or letter in _PLAIN:
        return _constant("-") if letter not in _PLAIN else _PLAIN[letter]
    raise FormatError(f"Unrecognized LogFormat directive %{letter}")


def _escaped(byte: int) -> str:
    if byte in (0x22, 0x5C):
        return "\\" + chr(byte)
    names = {8: "\\b", 9: "\\t", 10: "\\n", 11: "\\v", 13: "\\r"}
    return chr(byte) if 0x20 <= byte < 0x7F else names.get(byte, f"\\x{byte:02x}")


def _stamp(served: Served) -> str:
    return f"[{served.began:%d/%b/%Y:%H:%M:%S %z}]"


_PLAIN: dict[str, Write] = {
    "%": lambda _: "%",
    "a": lambda served: served.address,
    "A": lambda served: served.server_address or "127.0.0.1",
    "b": lambda served: str(served.size) if served.size else "-",
    "B": lambda served: str(served.size or 0),
    "D": lambda served: str(served.took_us),
    "f": lambda served: served.path,
    "h": lambda served: served.address,
    "H": lambda served: served.protocol,
    "I": lambda served: str(len(served.request_line)),
    "k": lambda _: "0",
    "l": lambda _: "-",
    "L": lambda _: "-",
    "m": lambda served: served.method,
    "O": lambda served: str(served.sent_bytes),
    "p": lambda _: "80",
    "P": lambda _: "1",
    "q": lambda served: f"?{served.query}" if served.query else "",
    "r": lambda served: escaped(served.request_line) or "-",
    "R": lambda _: "-",
    "s": lambda served: str(served.status),
    "t": _stamp,
    "T": lambda served: str(served.took_us // 1_000_000),
    "u": lambda _: "-",
    "U": lambda served: escaped(served.path.encode("latin-1", "replace")),
    "v": lambda _: "localhost",
    "V": lambda _: "localhost",
    "X": lambda _: "+",
}
_CLOCKS: dict[str, Write] = {
    "sec": lambda served: str(int(served.began.timestamp())),
    "msec": lambda served: str(int(served.began.timestamp() * 1_000)),
    "usec": lambda served: str(int(served.began.timestamp() * 1_000_000)),
}
_UNITS = {"s": 1_000_000, "ms": 1_000, "us": 1}
