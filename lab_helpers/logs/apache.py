"""Apache access-log lines, common and combined format -> typed fields.

Source: httpd's mod_log_config (`%h %l %u %t "%r" %>s %b` and `"%{Referer}i" "%{User-agent}i"`), its escaping of `"`,
`\\` and unprintable bytes as `\\xhh`. Not modelled: other LogFormat strings.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

BROKEN_REQUEST = "broken request line"
NOT_ACCESS_LOG = "not an access-log line"

_QUOTED = r'"((?:[^"\\]|\\.)*)"'
_LINE = re.compile(
    rf"(\S+) (\S+) (\S+|\S.*?\S) \[([^\]]+)\] {_QUOTED} (\d{{3}}|-) (\d{{1,18}}|-)(?: {_QUOTED} {_QUOTED})?\s*",
    re.DOTALL,
)
_TIME = re.compile(r"(\d\d)/([A-Z][a-z]{2})/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)", re.ASCII)
_REQUEST = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+) (\S+)(?: (HTTP/\d(?:\.\d)?))?")
_ESCAPE = re.compile(rb"\\(x[0-9a-fA-F]{2}|.)", re.DOTALL)
_CONTROL = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"b": b"\b", b"v": b"\v", b"f": b"\f"}
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class AccessLine(NamedTuple):
    """The fields of one line; None for `-`. Times are microseconds since 1970 UTC, sizes bytes."""

    remote_host: str | None = None
    ident: str | None = None
    user: str | None = None
    request_time_us: int | None = None
    method: str | None = None
    path: str | None = None
    query: str | None = None
    protocol: str | None = None
    status: int | None = None
    size: int | None = None
    referer: str | None = None
    user_agent: str | None = None
    problem: str | None = None


def parse_line(line: str) -> AccessLine:
    """Read one access-log line. What is no such line comes back with only `problem` set; nothing is raised.

    A line whose quoted request is no HTTP request (`"-"` of a timed-out connection, TLS bytes on port 80) keeps its
    other fields and has the problem `broken request line`.
    """
    found = _LINE.fullmatch(line)
    when = found and parse_time_us(found[4])
    if not found or when is None:
        return AccessLine(problem=NOT_ACCESS_LOG)
    host, ident, user, _, request, status, size, referer, agent = found.groups()
    method, path, query, protocol = split_request(request)
    return AccessLine(
        _text(host), _text(ident), _text(user), when, method, path, query, protocol, _number(status), _number(size),
        _text(referer), _text(agent), None if method else BROKEN_REQUEST,
    )  # fmt: skip


def split_request(request: str) -> tuple[str | None, str | None, str | None, str | None]:
    """Method, path, query and protocol of a request line as httpd printed it; four times None when it is broken.

    The query is None without `?` and "" with nothing behind it; the protocol is None in HTTP/0.9.
    """
    found = _REQUEST.fullmatch(request)
    if not found:
        return None, None, None, None
    path, mark, query = found[2].partition("?")
    return found[1], _unescape(path), _unescape(query) if mark else None, found[3]


@lru_cache(maxsize=4096)
def parse_time_us(text: str) -> int | None:
    """Microseconds since 1970 UTC of `07/Nov/2021:09:14:02 +0000`; None when that is no possible time."""
    found = _TIME.fullmatch(text)
    if not found or found[2] not in MONTHS:
        return None
    day, hour, minute, second = (int(found[i]) for i in (1, 4, 5, 6))
    try:
        local = datetime(int(found[3]), MONTHS.index(found[2]) + 1, day, hour, minute, min(second, 59), tzinfo=UTC)
    except ValueError:
        return None
    offset = timedelta(hours=int(found[8]), minutes=int(found[9])) * (1 if found[7] == "+" else -1)
    leap = timedelta(seconds=second - min(second, 59))
    return (local + leap - offset - _EPOCH) // timedelta(microseconds=1) if second <= 60 else None


def _text(field: str | None) -> str | None:
    return None if field is None or field == "-" else _unescape(field)


def _number(field: str) -> int | None:
    return None if field == "-" else int(field)


def _unescape(field: str) -> str:
    if "\\" not in field:
        return field
    plain = _ESCAPE.sub(_unescaped, field.encode("utf-8", "surrogatepass"))
    return plain.decode("utf-8", "replace")


def _unescaped(found: re.Match[bytes]) -> bytes:
    code = found[1]
    return bytes([int(code[1:], 16)]) if len(code) == 3 else _CONTROL.get(code, code)
