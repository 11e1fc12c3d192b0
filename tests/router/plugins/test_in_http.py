"""The http input, and requests out of a byte stream."""

from __future__ import annotations

import gzip
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from lab_helpers.router.net.http_request import BadRequestError, take_request
from lab_helpers.router.plugin import PluginInitError, PluginKind
from tests.router.plugins.bench import Bench

Post = Callable[..., bytes]
JSON, FORM = "Content-Type: application/json", "Content-Type: application/x-www-form-urlencoded"


@pytest.fixture
def post(bench: Bench) -> Iterator[Post]:
    """Send one request to an http input with these lines and return the answer."""
    owned: list[Any] = []

    def send(body: bytes, path: str = "/", headers: str = JSON, lines: str = "", method: str = "POST") -> bytes:
        http = bench.build(PluginKind.INPUT, "http", f"Listen 127.0.0.1\nPort 0\nTag web\n{lines}")
        http.start()
        client = socket.create_connection(("127.0.0.1", http.port), 5)
        owned.extend((client, http))
        head = f"{method} {path} HTTP/1.1\r\nHost: x\r\n{headers}\r\nContent-Length: {len(body)}\r\n\r\n"
        client.sendall(head.encode() + body)
        client.setblocking(False)
        answer = b""

        def answered() -> bool:
            nonlocal answer
            try:
                received = client.recv(4096)
            except BlockingIOError:
                return False
            answer += received
            return not received or b"\r\n\r\n" in answer

        bench.turn_until(answered)
        return answer

    yield send
    for one in owned:
        (one.close if isinstance(one, socket.socket) else one.stop)()


def taken(bench: Bench) -> list[Any]:
    return [(tag, record.body) for tag, record in bench.ingested]


def test_json_becomes_records(bench: Bench, post: Post) -> None:
    """Objects and arrays of objects are records; the path is the tag, without odd letters."""
    assert post(b'{"a":1}').startswith(b"HTTP/1.1 201 Created\r\n")
    post(b'[{"b":2},{"c":3}]', "/my/app-1?x=y")
    assert taken(bench) == [("web", {"a": 1}), ("my_app_1", {"b": 2}), ("my_app_1", {"c": 3})]


def test_forms_and_gzip(bench: Bench, post: Post) -> None:
    """Form fields are decoded; gzip bodies are unpacked."""
    post(b"a=x+y&b=%41&=no&flag", headers="Content-Type: application/x-www-form-urlencoded")
    post(gzip.compress(b'{"z":1}'), headers=JSON + "\r\nContent-Encoding: gzip")
    assert taken(bench) == [("web", {"a": "x y", "b": "A"}), ("web", {"z": 1})]


def test_settings(bench: Bench, post: Post) -> None:
    """The answer's status and headers, and the tag from the record, can be set."""
    answer = post(b'{"a":"my tag"}', lines="Successful_Response_Code 200\nSuccess_Header X-A b\nTag_Key $a")
    assert answer == b"HTTP/1.1 200 OK\r\nx-a: b\r\ncontent-length: 0\r\n\r\n"
    assert taken(bench) == [("my_tag", {"a": "my tag"})]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"body": b"{}", "method": "PUT"}, b"error: invalid HTTP method\n"),
        ({"body": b"{}", "headers": "X: y"}, b"error: header 'Content-Type' is not set\n"),
        ({"body": b"{}", "headers": "Content-Type: text/plain"}, b"error: invalid 'Content-Type'\n"),
        ({"body": b""}, b"error: no payload found\n"),
        ({"body": b"{}", "headers": JSON + "; charset=utf-8"}, b"error: invalid 'Content-Type'\n"),
        ({"body": b"flag", "headers": FORM}, b"error: unable to process records\n"),
        ({"body": b"{"}, b"error: unable to process records\n"),
        ({"body": b"nonsense"}, b"error: unable to process records\n"),
        ({"body": b"no gzip", "headers": JSON + "\r\nContent-Encoding: gzip"}, b"error: unable to process records\n"),
        ({"body": b"{", "lines": "http2 off"}, b"error: invalid payload\n"),
    ],
)
def test_bad_requests(bench: Bench, post: Post, arguments: dict[str, Any], text: bytes) -> None:
    """A request that cannot be taken is answered with 400 and the reason."""
    answer = post(**arguments)
    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert answer.endswith(text)
    assert taken(bench) == []


@pytest.mark.parametrize("lines", ["", "http2 off"])
def test_no_http_is_left_without_an_answer(post: Post, lines: str) -> None:
    """A request line that is none closes the connection."""
    assert post(b"", path="/ x", lines=lines) == b""


def test_the_older_server_answers_in_its_own_way(bench: Bench, post: Post) -> None:
    """`http2 off`: a Server line, a blank behind `Created`, a decoded path, JSON with a character set."""
    answer = post(b'{"a":1}', "/my%20app", JSON + "; charset=utf-8", "http2 off\nSuccess_Header X-A b")
    head = b"HTTP/1.1 201 Created \r\nServer: Fluent Bit v5.1.1\r\nX-A: b\r\nContent-Length: 0\r\n\r\n"
    assert answer == head
    post(b'{"a":2}', "/my%20app")
    assert taken(bench) == [("my_app", {"a": 1}), ("my_20app", {"a": 2})]


def test_what_is_too_large_is_answered_and_not_taken(bench: Bench, post: Post) -> None:
    """Also when it came whole; the connection is closed."""
    answer = post(b'{"a":"%b"}' % (b"x" * 3000), lines="Buffer_Max_Size 2k")
    assert answer == b"HTTP/1.1 413 Request Entity Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    assert taken(bench) == []


def test_what_is_behind_a_list_is_not_read(bench: Bench, post: Post) -> None:
    """As in the reference: objects may follow each other, a list is the last."""
    assert post(b'{"a":1}{"b":2}[{"c":3}]{"d":4}').startswith(b"HTTP/1.1 201")
    assert [body for _, body in taken(bench)] == [{"a": 1}, {"b": 2}, {"c": 3}]


def test_requests_out_of_a_stream() -> None:
    """Requests come in pieces, several in a row, and in chunks."""
    whole = b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\nabGET"
    assert all(take_request(whole[:end]) is None for end in range(len(whole) - 3))
    found = take_request(whole)
    assert found is not None
    assert (found.request.body, found.rest) == (b"ab", b"GET")
    chunked = take_request(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n")
    assert chunked is not None
    assert chunked.request.body == b"abc"
    for bad in (b"\x16\x03", b"GET /\r\n\r\n", b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n"):
        with pytest.raises(BadRequestError):
            take_request(bad)


def test_refuses_tls(bench: Bench) -> None:
    """TLS is not there: said, not ignored."""
    with pytest.raises(PluginInitError, match="has no TLS"):
        bench.build(PluginKind.INPUT, "http", "Tls on")
