"""HTTP/1.x heads, pure: parsed for routing, rebuilt for the other side.

Source: RFC 9112; "HTTP headers and Application Load Balancers" for the X-Forwarded-* and X-Amzn-Trace-Id headers.
Not modelled: HTTP/2, obsolete line folding (refused), `xff_header_processing.mode` other than append.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from lab_helpers.local_aws.alb.http.header_block import BadHeadError, HeaderBlock, read_block

__all__ = [
    "HEAD_LIMIT_BYTES",
    "BadHeadError",
    "RequestHead",
    "ResponseHead",
    "parse_request",
    "parse_response",
    "request_to_target",
    "response_to_client",
    "trace_id",
]

HEAD_LIMIT_BYTES = 64 * 1024
"""Longer heads are refused. Source: quotas for Application Load Balancers (request headers, 64 K in total)."""

_METHOD = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_LENGTH = re.compile(r"[0-9]{1,18}")
_BAD_TARGET = re.compile(r"[\x00-\x20\x7f]")
_VERSIONS = frozenset({"HTTP/1.1", "HTTP/1.0"})
_REMEMBERED_BYTES = 4096
_REMEMBERED = 256


@dataclass(slots=True)
class RequestHead:
    """A request's head; `length` is None when the body is chunked, else its bytes."""

    method: str
    target: str
    version: str
    block: HeaderBlock
    client: str
    length: int | None
    keep_alive: bool
    upgrade: str | None

    @property
    def host(self) -> str:
        """The Host header; empty when absent."""
        return self.block.first.get("host", "")

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
        return self.block.first.get(name)

    def url(self, port: int) -> str:
        """Return the URL as access logs write it; `port` is the listener's."""
        path, _, query = self._origin_form().partition("?")
        return f"http://{self.host.partition(':')[0] or '-'}:{port}{path}{'?' if query else ''}{query}"

    def _origin_form(self) -> str:
        # A client of a forward proxy sends the whole URL as target.
        if self.target.startswith("http://"):
            return "/" + self.target[7:].partition("/")[2]
        return self.target


@dataclass(frozen=True, eq=False)
class ResponseHead:
    """A response's head; `length` None and not chunked: the body ends with the connection."""

    status: int
    reason: str
    block: HeaderBlock
    length: int | None
    chunked: bool
    keep_alive: bool


def parse_request(head: bytes, client: str) -> RequestHead:
    """Parse a request's head (without its final blank line); `client` is the peer's address. Raises BadHeadError."""
    first, _, lines = head.partition(b"\r\n")
    block = read_block(lines)
    line = first.decode("latin-1")
    words = line.split(" ")
    if len(words) != 3 or not _METHOD.fullmatch(words[0]) or not words[1] or words[2] not in _VERSIONS:
        raise BadHeadError(f"request line {line[:80]!r}")
    method, target, version = words
    if _BAD_TARGET.search(target):
        raise BadHeadError(f"request target {target[:80]!r}")
    if version == "HTTP/1.1" and block.hosts != 1:
        raise BadHeadError(f"{block.hosts} Host headers")
    keep_alive = "close" not in block.connection if version == "HTTP/1.1" else "keep-alive" in block.connection
    wants = block.upgrade if block.upgrade and "upgrade" in block.connection else None
    return RequestHead(method, target, version, block, client, _request_length(block), keep_alive, wants)


def parse_response(head: bytes, method: str) -> ResponseHead:
    """Parse a response's head (without its final blank line) to a request of `method`. Raises BadHeadError."""
    return (_remembered if len(head) <= _REMEMBERED_BYTES else _parse_response)(head, method == "HEAD")


def _parse_response(head: bytes, to_head: bool) -> ResponseHead:
    line, _, lines = head.partition(b"\r\n")
    block, first = read_block(lines), line.decode("latin-1")
    if not first.startswith("HTTP/1.") or not first[9:12].isdigit() or first[8:9] != " ":
        raise BadHeadError(f"status line {first[:80]!r}")
    status, lengths = int(first[9:12]), block.lengths
    keep_alive = "close" not in block.connection if first[7] == "1" else "keep-alive" in block.connection
    if to_head or status in (204, 304) or status < 200:
        return ResponseHead(status, first[13:], block, 0, False, keep_alive)
    if block.codings:
        return ResponseHead(status, first[13:], block, None, block.codings[-1] == "chunked", keep_alive)
    if len(set(lengths)) > 1 or (lengths and not _LENGTH.fullmatch(lengths[0])):
        raise BadHeadError(f"content-length {lengths}")
    return ResponseHead(status, first[13:], block, int(lengths[0]) if lengths else None, False, keep_alive)


_remembered = lru_cache(maxsize=_REMEMBERED)(_parse_response)


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
    block = request.block
    upgrade = f"Connection: Upgrade\r\nUpgrade: {request.upgrade}\r\n" if request.upgrade else ""
    return (
        f"{request.method} {request.target} HTTP/1.1\r\nX-Forwarded-For: {block.forwarded_for}{request.client}\r\n"
        f"X-Forwarded-Proto: http\r\nX-Forwarded-Port: {port}\r\nHost: {request.host or node}\r\n"
        f"X-Amzn-Trace-Id: {trace_id}\r\n{block.to_target}{upgrade}\r\n"
    ).encode("latin-1")


@lru_cache(maxsize=32)  # few: the heads of one second, and long ones are among them
def response_to_client(response: ResponseHead, keep_alive: bool, dechunked: bool = False) -> bytes:
    """Build the head that a client gets; `dechunked`: the body is passed on without its chunks, up to the end."""
    block, connection = response.block, ""
    if response.status == 101:
        kept = [f"{name}: {value}" for lower, name, value in block.headers if lower in ("connection", "upgrade")]
        connection = "".join(f"{line}\r\n" for line in kept)
    elif response.status >= 200:
        connection = "Connection: keep-alive\r\n" if keep_alive else "Connection: close\r\n"
    lines = block.to_client(response.chunked, dechunked)
    return f"HTTP/1.1 {response.status} {response.reason}\r\n{lines}{connection}\r\n".encode("latin-1")


def _request_length(block: HeaderBlock) -> int | None:
    lengths, codings = block.lengths, block.codings
    if codings:
        if lengths or codings != ("chunked",):
            raise BadHeadError(f"transfer-encoding {list(codings)} with content-length {list(lengths)}")
        return None
    if len(lengths) > 1 or (lengths and not _LENGTH.fullmatch(lengths[0])):
        raise BadHeadError(f"content-length {[each[:40] for each in lengths]}")
    return int(lengths[0]) if lengths else 0
