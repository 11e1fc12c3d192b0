"""HTTP/1.x heads, pure: parsed for routing, rebuilt for the other side.

Source: RFC 9112; "HTTP headers and Application Load Balancers" for the X-Forwarded-* and X-Amzn-Trace-Id headers.
Not modelled: HTTP/2, obsolete line folding (refused), `xff_header_processing.mode` other than append.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

HEAD_LIMIT_BYTES = 64 * 1024
"""Longer heads are refused. Source: quotas for Application Load Balancers (request headers, 64 K in total)."""

_HOP_BY_HOP = frozenset({"connection", "keep-alive", "proxy-connection", "upgrade", "te", "trailer"})
_FORWARDED = frozenset({"x-forwarded-for", "x-forwarded-proto", "x-forwarded-port", "host", "x-amzn-trace-id"})
_METHOD = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_BAD_TARGET = re.compile(r"[\x00-\x20\x7f]")
_VERSIONS = frozenset({"HTTP/1.1", "HTTP/1.0"})

Headers = list[tuple[str, str, str]]
"""(lower-case name, name as it came, value)."""


class BadHeadError(ValueError):
    """Not an HTTP/1.x head, or one that two readers could understand differently."""


@dataclass(slots=True)
class RequestHead:
    """A request's head; `length` is None when the body is chunked, else its bytes."""

    method: str
    target: str
    version: str
    headers: Headers
    client: str
    length: int | None
    keep_alive: bool
    upgrade: str | None

    @property
    def host(self) -> str:
        """The Host header; empty when absent."""
        return self.header("host") or ""

    @property
    def path(self) -> str:
        """The path, without the query."""
        return self._origin_form().partition("?")[0]

    @property
    def query(self) -> str:
        """The query, without its question mark."""
        return self._origin_form().partition("?")[2]

    def header(self, name: str) -> str | None:
        """Return the value of the first header of that (lower-case) name."""
        for lower, _, value in self.headers:
            if lower == name:
                return value
        return None

    def url(self, port: int) -> str:
        """Return the URL as access logs write it; `port` is the listener's."""
        query = f"?{self.query}" if self.query else ""
        return f"http://{self.host.partition(':')[0] or '-'}:{port}{self.path}{query}"

    def _origin_form(self) -> str:
        # A client of a forward proxy sends the whole URL as target.
        if self.target.startswith("http://"):
            return "/" + self.target[7:].partition("/")[2]
        return self.target


@dataclass(slots=True)
class ResponseHead:
    """A response's head; `length` None and not chunked: the body ends with the connection."""

    status: int
    reason: str
    headers: Headers
    length: int | None
    chunked: bool
    keep_alive: bool


def parse_request(head: bytes, client: str) -> RequestHead:
    """Parse a request's head (without its final blank line); `client` is the peer's address. Raises BadHeadError."""
    first, headers = _split(head)
    words = first.split(" ")
    if len(words) != 3 or not _METHOD.fullmatch(words[0]) or not words[1] or words[2] not in _VERSIONS:
        raise BadHeadError(f"request line {first[:80]!r}")
    if _BAD_TARGET.search(words[1]):
        raise BadHeadError(f"request target {words[1][:80]!r}")
    lengths, codings, connection, upgrade, hosts = _framing(headers)
    if words[2] == "HTTP/1.1" and hosts != 1:
        raise BadHeadError(f"{hosts} Host headers")
    keep_alive = "close" not in connection if words[2] == "HTTP/1.1" else "keep-alive" in connection
    wants = upgrade if upgrade and "upgrade" in connection else None
    return RequestHead(
        words[0], words[1], words[2], headers, client, _request_length(lengths, codings), keep_alive, wants
    )


def parse_response(head: bytes, method: str) -> ResponseHead:
    """Parse a response's head (without its final blank line) to a request of `method`. Raises BadHeadError."""
    first, headers = _split(head)
    if not first.startswith("HTTP/1.") or not first[9:12].isdigit() or first[8:9] != " ":
        raise BadHeadError(f"status line {first[:80]!r}")
    lengths, codings, connection, _, _ = _framing(headers)
    status = int(first[9:12])
    keep_alive = "close" not in connection if first[7] == "1" else "keep-alive" in connection
    if method == "HEAD" or status in (204, 304) or status < 200:
        return ResponseHead(status, first[13:], headers, 0, False, keep_alive)
    if codings:
        return ResponseHead(status, first[13:], headers, None, codings[-1:] == ["chunked"], keep_alive)
    if len(set(lengths)) > 1 or (lengths and not lengths[0].isdecimal()):
        raise BadHeadError(f"content-length {lengths}")
    return ResponseHead(status, first[13:], headers, int(lengths[0]) if lengths else None, False, keep_alive)


def trace_id(request: RequestHead, now_s: float, random_96: int) -> str:
    """Return X-Amzn-Trace-Id: a new root, or the client's own with this load balancer's `Self` before it.

    Source: "Request tracing for your Application Load Balancer".
    """
    own, given = f"1-{int(now_s):08x}-{random_96:024x}", request.header("x-amzn-trace-id")
    if given is None:
        return f"Root={own}"
    return f"Self={own};{given}" if "Root=" in given else f"Root={own};{given}"


def request_to_target(request: RequestHead, port: int, trace_id: str, node: str) -> bytes:
    """Build the head that a target gets; `port` is the listener's, `node` the Host of a request that has none."""
    forwarded_for = ", ".join([v for n, _, v in request.headers if n == "x-forwarded-for"] + [request.client])
    lines = [
        f"{request.method} {request.target} HTTP/1.1\r\nX-Forwarded-For: {forwarded_for}\r\n"
        f"X-Forwarded-Proto: http\r\nX-Forwarded-Port: {port}\r\nHost: {request.host or node}\r\n"
        f"X-Amzn-Trace-Id: {trace_id}"
    ]
    lines += [f"{name}: {value}" for lower, name, value in request.headers if lower not in _NOT_TO_TARGET]
    if request.upgrade:
        lines.append(f"Connection: Upgrade\r\nUpgrade: {request.upgrade}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def response_to_client(response: ResponseHead, keep_alive: bool, dechunked: bool = False) -> bytes:
    """Build the head that a client gets; `dechunked`: the body is passed on without its chunks, up to the end."""
    hidden = _HIDDEN[response.chunked, dechunked]
    lines = [f"HTTP/1.1 {response.status} {response.reason}"]
    lines += [f"{name}: {value}" for lower, name, value in response.headers if lower not in hidden]
    if response.status == 101:
        lines += [f"{name}: {value}" for lower, name, value in response.headers if lower in ("connection", "upgrade")]
    elif response.status >= 200:
        lines.append("Connection: keep-alive" if keep_alive else "Connection: close")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


# A length beside chunks must not reach the client: it would have to guess which one holds.
_CHUNKED_HIDDEN = _HOP_BY_HOP | {"content-length"}
_HIDDEN = {
    (False, False): _HOP_BY_HOP,
    (True, False): _CHUNKED_HIDDEN,
    (True, True): _CHUNKED_HIDDEN | {"transfer-encoding"},
}
_NOT_TO_TARGET = _HOP_BY_HOP | _FORWARDED


def _split(head: bytes) -> tuple[str, Headers]:
    lines = head.decode("latin-1").split("\r\n")
    headers: Headers = []
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if not colon or not name or name[-1] in " \t" or name[0] in " \t" or "\n" in line:
            raise BadHeadError(f"header line {line[:80]!r}")
        headers.append((name.lower(), name, value.strip(" \t")))
    return lines[0], headers


def _framing(headers: Headers) -> tuple[list[str], list[str], list[str], str | None, int]:
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
    return lengths, codings, connection, upgrade, hosts


def _tokens(value: str) -> list[str]:
    return [token.strip().lower() for token in value.split(",")]


def _request_length(lengths: list[str], codings: list[str]) -> int | None:
    if codings:
        if lengths or codings != ["chunked"]:
            raise BadHeadError(f"transfer-encoding {codings} with content-length {lengths}")
        return None
    if len(lengths) > 1 or (lengths and not lengths[0].isdecimal()):
        raise BadHeadError(f"content-length {lengths}")
    return int(lengths[0]) if lengths else 0
