"""Apache access-log lines, common and combined format and what may stand behind them -> typed fields.

Source: httpd's mod_log_config (`%h %l %u %t "%r" %>s %b` and `"%{Referer}i" "%{User-agent}i"`), its escaping of `"`,
`\\` and unprintable bytes as `\\xhh`. Behind the size fields are told by their form: a whole number is `%D`
(microseconds), of quoted ones the first two are referrer and user agent, and one that is a list of addresses (or the
third) is `X-Forwarded-For`. Not modelled: other orders up to the size.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

BROKEN_REQUEST = "broken request line"
NOT_ACCESS_LOG = "not an access-log line"

MOST_DIGITS = 15
"""Of a time in microseconds: thirty years."""
_QUOTED = r'"((?:[^"\\]|\\.)*)"'
_BARE_QUOTED = r'"(?:[^"\\]|\\.)*"'
_MORE = re.compile(rf" (?:{_QUOTED}|(\S+))", re.DOTALL)
_ADDRESSES = re.compile(r"[0-9A-Fa-f:.]*[.:][0-9A-Fa-f:.]*(?:, ?[0-9A-Fa-f:.]+)*")
_LINE = re.compile(
    rf"(\S+) (\S+) (\S+|\S.*?\S) \[([^\]]+)\] {_QUOTED} (\d{{3}}|-) (\d{{1,18}}|-)"
    rf'((?: (?:{_BARE_QUOTED}|[^\s"]+)){{0,9}})\s*',
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
    client: str | None = None
    """First address of X-Forwarded-For: whoever says so, for a load balancer adds to what it was sent."""
    duration_ms: float | None = None
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
    host, ident, user, _, request, status, size, rest = found.groups()
    referer, agent, client, duration_ms = _behind(rest)
    method, path, query, protocol = split_request(request)
    return AccessLine(
        _text(host), _text(ident), _text(user), when, method, path, query, protocol, _number(status), _number(size),
        _text(referer), _text(agent), client, duration_ms, None if method else BROKEN_REQUEST,
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


def _behind(rest: str) -> tuple[str | None, str | None, str | None, float | None]:
    """Referrer, user agent, client and duration out of what stands behind the size."""
    if not rest:
        return None, None, None, None
    quoted: list[str] = []
    duration_ms = None
    for found in _MORE.finditer(rest):
        text, bare = found.groups()
        if bare is None:
            quoted.append(text)
        elif duration_ms is None and bare.isascii() and bare.isdigit() and len(bare) <= MOST_DIGITS:
            duration_ms = int(bare) / 1000
    # one alone is a client when it is an address; behind referrer and user agent the third is
    place = 2 if len(quoted) > 2 else 0 if len(quoted) == 1 and _ADDRESSES.fullmatch(quoted[0]) else None
    client = _text(quoted.pop(place)) if place is not None else None
    referer, agent = (*quoted[:2], None, None)[:2]
    return referer, agent, client.partition(",")[0] if client else None, duration_ms


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
