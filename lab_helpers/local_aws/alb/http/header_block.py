"""The header lines of a head, pure: read once for all the messages that carry the same lines.

A client repeats its header lines with every request of a connection, and a server repeats its own within a second:
under load nearly every block was read before.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

Headers = tuple[tuple[str, str, str], ...]
"""(lower-case name, name as it came, value)."""

_REMEMBERED_BYTES = 4096
"""A longer block is read anew each time: what is remembered must stay small."""
_REMEMBERED = 256

_HOP_BY_HOP = frozenset({"connection", "keep-alive", "proxy-connection", "upgrade", "te", "trailer"})
_FORWARDED = frozenset({"x-forwarded-for", "x-forwarded-proto", "x-forwarded-port", "host", "x-amzn-trace-id"})
_NOT_TO_TARGET = _HOP_BY_HOP | _FORWARDED
# A length beside chunks must not reach the client: it would have to guess which one holds.
_CHUNKED_HIDDEN = _HOP_BY_HOP | {"content-length"}
_HIDDEN = {
    (False, False): _HOP_BY_HOP,
    (True, False): _CHUNKED_HIDDEN,
    (True, True): _CHUNKED_HIDDEN | {"transfer-encoding"},
}
_BLANK = " \t"


class BadHeadError(ValueError):
    """Not an HTTP/1.x head, or one that two readers could understand differently."""


@dataclass(frozen=True, eq=False)
class HeaderBlock:
    """Header lines, and what they say about the message's framing; equal texts may share one object."""

    headers: Headers
    lengths: tuple[str, ...]
    codings: tuple[str, ...]
    connection: tuple[str, ...]
    upgrade: str | None
    hosts: int

    @cached_property
    def first(self) -> dict[str, str]:
        """The value of the first header of each (lower-case) name."""
        return {lower: value for lower, _, value in reversed(self.headers)}

    @cached_property
    def forwarded_for(self) -> str:
        """What stands before the client's own address in X-Forwarded-For."""
        return "".join(f"{value}, " for lower, _, value in self.headers if lower == "x-forwarded-for")

    @cached_property
    def to_target(self) -> str:
        """The lines that a target gets as they came, each with its newline."""
        return _lines(self.headers, _NOT_TO_TARGET)

    def to_client(self, chunked: bool, dechunked: bool) -> str:
        """Return the lines that a client gets as they came, each with its newline; see heads.response_to_client."""
        return _lines(self.headers, _HIDDEN[chunked, dechunked])


def read_block(text: bytes) -> HeaderBlock:
    """Read header lines, without the blank one at the end. Raises BadHeadError."""
    return _remembered(text) if len(text) <= _REMEMBERED_BYTES else _read(text)


def _read(text: bytes) -> HeaderBlock:
    headers = tuple(map(_header, text.decode("latin-1").split("\r\n"))) if text else ()
    lengths: list[str] = []
    codings: list[str] = []
    connection: list[str] = []
    upgrade, hosts = None, 0
    for name, _, value in headers:
        if name == "host":
            hosts += 1
        elif name == "content-length":
            lengths.append(value)
        elif name == "transfer-encoding":
            codings += _tokens(value)
        elif name == "connection":
            connection += _tokens(value)
        elif name == "upgrade":
            upgrade = value
    return HeaderBlock(headers, tuple(lengths), tuple(codings), tuple(connection), upgrade, hosts)


_remembered = lru_cache(maxsize=_REMEMBERED)(_read)


def _header(line: str) -> tuple[str, str, str]:
    name, colon, value = line.partition(":")
    bad = "\n" in line or "\r" in line or "\0" in line
    if not colon or not name or name[-1] in _BLANK or name[0] in _BLANK or bad:
        raise BadHeadError(f"header line {line[:80]!r}")
    return name.lower(), name, value.strip(" \t")


def _lines(headers: Headers, hidden: frozenset[str]) -> str:
    return "".join(f"{name}: {value}\r\n" for lower, name, value in headers if lower not in hidden)


def _tokens(value: str) -> list[str]:
    # Not strip(): a vertical tab is no blank here, and `\x0bchunked` no coding that all readers know.
    return [token.strip(_BLANK).lower() for token in value.split(",")]
