"""The http output, against a small web server."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from lab_helpers.router.plugin import FlushResult, PluginInitError, PluginKind
from tests.router.plugins.bench import Bench, MemoryChunk
from tests.support.serving import serving

CHUNK = MemoryChunk("app", {"log": "a"}, {"log": "b"})


class Server(HTTPServer):
    """Keeps what it got and answers with `status`."""

    status = 200

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.got: list[tuple[str, str, dict[str, str], bytes]] = []


class Handler(BaseHTTPRequestHandler):
    """Answers POST and PUT."""

    protocol_version = "HTTP/1.1"
    server: Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.command, self.path, dict(self.headers), body))
        self.send_response(self.server.status)
        self.send_header("Content-Length", "4")
        self.end_headers()
        self.wfile.write(b"said")

    do_PUT = do_POST  # noqa: N815 (http.server's names)

    def log_message(self, *_arguments: Any) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    one = Server()
    with serving(one):
        yield one


def build(bench: Bench, server: Server, lines: str = "") -> Any:
    return bench.build(PluginKind.OUTPUT, "http", f"Host 127.0.0.1\nPort {server.server_port}\n{lines}")


@pytest.mark.parametrize(
    ("lines", "kind", "body"),
    [
        ("", "application/json", b'[{"date":1636276442.0,"log":"a"},{"date":1636276442.0,"log":"b"}]'),
        ("Format json_lines\nJson_Date_Key false", "application/x-ndjson", b'{"log":"a"}\n{"log":"b"}\n'),
        ("Format json_stream\nJson_Date_Key off", "application/json", b'{"log":"a"}{"log":"b"}'),
    ],
)
def test_formats(bench: Bench, server: Server, lines: str, kind: str, body: bytes) -> None:
    """The chunk is sent as the format says, with its type."""
    output = build(bench, server, lines)
    assert output.flush(CHUNK) is FlushResult.OK
    output.stop()
    method, path, headers, sent = server.got[0]
    assert (method, path, headers["Content-Type"], sent) == ("POST", "/", kind, body)


def test_settings(bench: Bench, server: Server) -> None:
    """Method, path, headers, authorisation, tag and compression are sent as set; the connection is kept."""
    lines = "Uri logs\nHttp_Method put\nHeader X-A b c\nHttp_User u\nHttp_Passwd p\nHeader_Tag X-Tag\nCompress gzip"
    output = build(bench, server, lines)
    output.flush(CHUNK)
    output.flush(CHUNK)
    output.stop()
    assert len(server.got) == 2
    method, path, headers, sent = server.got[1]
    assert (method, path) == ("PUT", "/logs")
    assert (headers["X-A"], headers["X-Tag"], headers["Authorization"]) == ("b c", "app", "Basic dTpw")
    assert b'"log":"b"' in gzip.decompress(sent)


@pytest.mark.parametrize(
    ("status", "result"), [(205, "OK"), (302, "RETRY"), (404, "ERROR"), (429, "RETRY"), (500, "RETRY")]
)
def test_answers(bench: Bench, server: Server, status: int, result: str) -> None:
    """2xx is success, 4xx is not worth a retry but 408 and 429, everything else is."""
    server.status = status
    output = build(bench, server)
    assert output.flush(CHUNK) is FlushResult[result]
    output.stop()
    level = " info" if result == "OK" else "error"
    assert f"[{level}] [output:http:http.0] 127.0.0.1:{server.server_port}, HTTP status={status}" in bench.log


def test_one_request_a_record(bench: Bench, server: Server) -> None:
    """With body_key each record is a request with its own headers; one that has none is an error."""
    output = build(bench, server, "Body_Key $b\nHeaders_Key $h")
    assert output.flush(MemoryChunk("app", {"b": "text", "h": {"X-R": "1"}}, {"b": 5})) is FlushResult.ERROR
    output.stop()
    assert [(headers["X-R"], body) for _, _, headers, body in server.got] == [("1", b"text")]


def test_nobody_there(bench: Bench) -> None:
    """Without a server the chunk is tried again."""
    output = bench.build(PluginKind.OUTPUT, "http", "Host 127.0.0.1\nPort 1")
    assert output.flush(CHUNK) is FlushResult.RETRY
    assert "[error] [output:http:http.0] no upstream connections available to 127.0.0.1:1" in bench.log


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("Proxy http://x:1", "has no proxies"),
        ("Aws_Auth on", "has no AWS signatures"),
        ("Http_Method GET", "invalid http_method option 'GET'"),
        ("Compress lzma", "invalid compress option 'lzma'"),
        ("Format gelf", "has no format 'gelf'"),
        ("Body_Key $a", "when setting body_key, headers_key is also required"),
    ],
)
def test_refusals(bench: Bench, lines: str, message: str) -> None:
    """What cannot work is refused."""
    with pytest.raises(PluginInitError, match=message):
        bench.build(PluginKind.OUTPUT, "http", lines)
