"""h11 as authority: what the load balancer lets through, a target reads as it does, or refuses.

A request that two readers understand differently is a smuggled request. Random heads and bodies are read by ours; what
ours accepts is put together as a target gets it, and read by h11.
"""

from __future__ import annotations

import h11
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab_helpers.local_aws.alb.http.framing import request_body
from lab_helpers.local_aws.alb.http.heads import BadHeadError, parse_request, request_to_target

BLANKS = st.sampled_from([b"", b" ", b"\t", b"\x0b", b"\x0c", b"\r", b"\0", b"\n", b"\x85", b"\xa0"])
FRAMING = st.sampled_from([
    b"Transfer-Encoding", b"transfer-encoding", b"Transfer_Encoding", b"Transfer-Encoding ", b"Content-Length",
    b"content-length", b"Content-Length\x0b", b"X",
])  # fmt: skip
VALUES = st.sampled_from([
    b"chunked", b"CHUNKED", b"chunked, chunked", b"gzip, chunked", b"identity", b"chunked;q=1", b"3", b"0", b"+3",
    b"3, 3", b"03", b"0x3", b"-1", b"3 3", b"9" * 30, b"",
])  # fmt: skip
BODIES = st.lists(st.sampled_from([
    b"3\r\nabc\r\n", b"0\r\n\r\n", b"3\nabc\n", b"\x0b3\r\nabc\r\n", b"3;x=1\r\nabc\r\n", b"3\r\nabcd\r\n",
    b"0\r\nA: b\r\n\r\n",
    b"0\r\n\n", b"abc", b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n", b"3 \r\nabc\r\n", b"3\r\r\nabc\r\n", b"\r\n",
]), max_size=6).map(b"".join)  # fmt: skip


@st.composite
def lines(draw: st.DrawFn) -> bytes:
    """One header line, blanks of all kinds around its value."""
    return draw(FRAMING) + b":" + draw(BLANKS) + draw(VALUES) + draw(BLANKS)


def ours(head: bytes, rest: bytes) -> tuple[bytes, bytes, bytes, bool] | None:
    """Return what a target gets of a request, its body, what is behind it, and whether it is whole; None: refused."""
    try:
        request = parse_request(head, "127.0.0.1")
        body = request_body(request.length)
        taken = 0 if body.done else body.take(rest)
    except BadHeadError:
        return None
    return request_to_target(request, 80, "Root=1", "node"), rest[:taken], rest[taken:], body.done


def of_h11(message: bytes) -> int | None:
    """Return how many bytes behind the first request h11 leaves of a message; None when it refuses or wants more."""
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(message)
    try:
        while True:
            event = connection.next_event()
            if isinstance(event, h11.EndOfMessage):
                return len(connection.trailing_data[0])
            if event in (h11.NEED_DATA, h11.PAUSED):
                return None
    except h11.RemoteProtocolError:
        return None


@settings(max_examples=600, deadline=None)
@given(st.lists(lines(), max_size=3), BODIES)
def test_a_target_reads_no_other_request(headers: list[bytes], rest: bytes) -> None:
    """Where h11 finds an end in what the target gets, it is the one that the load balancer found."""
    head = b"\r\n".join([b"POST / HTTP/1.1", b"Host: a", *headers])
    read = ours(head, rest)
    if read is None:
        return
    to_target, body, behind, whole = read
    left = of_h11(to_target + body + (behind if whole else b""))
    if left is not None:
        assert whole
        assert left == len(behind)


@pytest.mark.parametrize(
    "header",
    [
        b"Transfer-Encoding: \x0bchunked", b"Transfer-Encoding:\x0cchunked", b"Transfer-Encoding: chunked\x0b",
        b"X: a\rb", b"X: a\0b", b"X\0: a", b"X\r: a", b"Content-Length: " + b"9" * 5000, b"Content-Length: 3\x0b",
    ],
)  # fmt: skip
def test_what_apache_refuses_is_refused(header: bytes) -> None:
    """A vertical tab before a coding, a bare carriage return, a NUL, a length beyond all numbers."""
    with pytest.raises(BadHeadError):
        parse_request(b"POST / HTTP/1.1\r\nHost: a\r\n" + header, "127.0.0.1")
