"""Heads of requests and responses: parsed strictly, rebuilt for the other side."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab_helpers.local_aws.alb.http.answers import error_page, redirect_location
from lab_helpers.local_aws.alb.http.heads import (
    BadHeadError,
    parse_request,
    parse_response,
    request_to_target,
    response_to_client,
    trace_id,
)
from lab_helpers.local_aws.kit.clock import ManualClock

ROOT = "1-58337262-36d228ad5d99923122bbe354"


def request(*headers: str, line: str = "GET /a?b=c HTTP/1.1"):  # type: ignore[no-untyped-def]
    return parse_request("\r\n".join([line, "Host: demo.example:8080", *headers]).encode(), "192.0.2.1")


def test_trace_ids() -> None:
    """A new root; the client's root kept behind our Self; other fields kept behind a new root."""
    now, number = 0x58337262, int("36d228ad5d99923122bbe354", 16)
    assert trace_id(request(), now, number) == f"Root={ROOT}"
    given = request("X-Amzn-Trace-Id: Root=1-67891233-abcdef012345678912345678;Sampled=1")
    assert trace_id(given, now, number) == f"Self={ROOT};Root=1-67891233-abcdef012345678912345678;Sampled=1"
    assert trace_id(request("X-Amzn-Trace-Id: TotalTimeSoFar=17ms"), now, number) == f"Root={ROOT};TotalTimeSoFar=17ms"


def test_what_a_target_gets() -> None:
    """To the letter, hop-by-hop headers left out."""
    head = request("Accept: */*", "Connection: keep-alive, Upgrade", "Keep-Alive: 5", "TE: trailers")
    assert request_to_target(head, 80, f"Root={ROOT}", "10.0.11.10").decode().split("\r\n") == [
        "GET /a?b=c HTTP/1.1",
        "X-Forwarded-For: 192.0.2.1",
        "X-Forwarded-Proto: http",
        "X-Forwarded-Port: 80",
        "Host: demo.example:8080",
        f"X-Amzn-Trace-Id: Root={ROOT}",
        "Accept: */*",
        "",
        "",
    ]


@pytest.mark.parametrize(
    ("headers", "version", "keeps"),
    [
        ((), "HTTP/1.1", True),
        (("Connection: close",), "HTTP/1.1", False),
        (("Connection: Keep-Alive",), "HTTP/1.0", True),
        ((), "HTTP/1.0", False),
    ],
)
def test_keep_alive(headers: tuple[str, ...], version: str, keeps: bool) -> None:
    """HTTP/1.1 keeps unless told otherwise, HTTP/1.0 only when asked."""
    assert request(*headers, line=f"GET / {version}").keep_alive is keeps


@pytest.mark.parametrize(
    ("head", "method", "length", "chunked"),
    [
        ("HTTP/1.1 200 OK\r\nContent-Length: 5", "GET", 5, False),
        ("HTTP/1.1 200 OK\r\nContent-Length: 5", "HEAD", 0, False),
        ("HTTP/1.1 304 Not Modified\r\nContent-Length: 5", "GET", 0, False),
        ("HTTP/1.1 204 No Content", "GET", 0, False),
        ("HTTP/1.1 200 OK", "GET", None, False),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, Chunked", "GET", None, True),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5", "GET", None, True),
    ],
)
def test_response_framing(head: str, method: str, length: int | None, chunked: bool) -> None:
    """RFC 9112, 6.3: what has no body, what is counted, chunked, or ends with the connection."""
    response = parse_response(head.encode(), method)
    assert (response.length, response.chunked) == (length, chunked)


def test_a_length_beside_chunks_does_not_reach_the_client() -> None:
    """Only one of the two framings is passed on."""
    response = parse_response(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\nX: 1", "GET")
    assert response_to_client(response, keep_alive=True) == (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX: 1\r\nConnection: keep-alive\r\n\r\n"
    )


@pytest.mark.parametrize("head", [b"", b"HTTP/2 200", b"HTTP/1.1 20x OK", b"HTTP/1.1 200 OK\r\nContent-Length: five"])
def test_bad_responses(head: bytes) -> None:
    """What is no response is refused."""
    with pytest.raises(BadHeadError):
        parse_response(head, "GET")


@given(st.binary(max_size=200))
def test_any_bytes_are_parsed_or_refused(data: bytes) -> None:
    """No input raises anything but BadHeadError."""
    for parse in (lambda: parse_request(data, "192.0.2.1"), lambda: parse_response(data, "GET")):
        try:
            parse()
        except BadHeadError:
            continue


@pytest.mark.parametrize(
    ("options", "location"),
    [
        ({"StatusCode": "HTTP_301", "Protocol": "HTTPS", "Port": "443"}, "https://demo.example:443/a?b=c"),
        (
            {"StatusCode": "HTTP_302", "Host": "new.#{host}", "Path": "/v2/#{path}"},
            "http://new.demo.example:80/v2/a?b=c",
        ),
        ({"StatusCode": "HTTP_302", "Path": "/x", "Query": "was=#{query}"}, "http://demo.example:80/x?was=b=c"),
    ],
)
def test_redirect_placeholders(options: dict[str, str], location: str) -> None:
    """Parts that are not given are the request's."""
    assert redirect_location(options, request(), 80) == location


def test_error_pages() -> None:
    """AWS's page, to the letter."""
    page = error_page(502, ManualClock().now(), keep_alive=True)
    assert page == (
        b"HTTP/1.1 502 Bad Gateway\r\nServer: awselb/2.0\r\nDate: Sun, 07 Nov 2021 09:14:02 GMT\r\n"
        b"Content-Type: text/html\r\nContent-Length: 122\r\nConnection: keep-alive\r\n\r\n"
        b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n"
        b"<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n"
    )
