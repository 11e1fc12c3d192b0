"""The tcp input: FireLens' health check and what other senders may send."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from lab_helpers.router.plugin import PluginInitError, PluginKind
from tests.router.plugins.bench import Bench

Start = Callable[[str], Callable[[bytes], None]]


@pytest.fixture
def start(bench: Bench) -> Iterator[Start]:
    """Start the input with these lines; returns a function that sends bytes and lets the loop read them."""
    owned: list[Any] = []

    def begin(lines: str = "") -> Callable[[bytes], None]:
        tcp = bench.build(PluginKind.INPUT, "tcp", "Listen 127.0.0.1\nPort 0\nTag health\n" + lines)
        tcp.start()
        client = socket.create_connection(("127.0.0.1", tcp.port))
        client.setblocking(False)
        owned.extend((client, tcp))
        bench.turn_until(lambda: tcp._listener._connections)

        def send(data: bytes) -> None:
            client.sendall(data)
            bench.loop.turn(1.0)

        return send

    yield begin
    for one in owned:
        (one.close if isinstance(one, socket.socket) else one.stop)()


def bodies(bench: Bench) -> list[Any]:
    return [record.body for _, record in bench.ingested]


def test_health_check_becomes_a_record(bench: Bench, start: Start) -> None:
    """A JSON document is a record under the input's tag."""
    start("")(b'{"health": "check"}\n')
    assert [(tag, record.body) for tag, record in bench.ingested] == [("health", {"health": "check"})]


def test_documents_may_come_in_pieces(bench: Bench, start: Start) -> None:
    """Complete documents are taken, half a one waits for its rest."""
    send = start("")
    send(b'{"a":1}\n{"b":2}\n{"c"')
    assert bodies(bench) == [{"a": 1}, {"b": 2}]
    send(b":[3]}")
    assert bodies(bench)[2:] == [{"c": [3]}]


def test_bad_json_costs_what_arrived_with_it(bench: Bench, start: Start) -> None:
    """Bad text drops the whole buffer with a warning; the connection goes on."""
    send = start("")
    send(b'{"a":1} what')
    send(b'{"b":2}')
    assert bodies(bench) == [{"b": 2}]
    assert "[ warn] [input:tcp:tcp.0] invalid JSON message, skipping" in bench.log


def test_array_goes_under_msg_and_scalar_is_an_error(bench: Bench, start: Start) -> None:
    """An array is put under `msg`; a number or string is refused together with its neighbours."""
    send = start("Source_Address_Key from")
    send(b"[1,2]")
    assert bodies(bench)[0]["msg"] == [1, 2]
    assert bodies(bench)[0]["from"].startswith("tcp://127.0.0.1:")
    send(b'{"a":1} "text" ')
    assert len(bodies(bench)) == 1
    assert "[error] [input:tcp:tcp.0] log event encoding error : -6" in bench.log


def test_format_none_splits_text(bench: Bench, start: Start) -> None:
    """With `Format none` each piece before the separator is a record with the key log."""
    start("Format none\nSeparator \\t")(b"one\ttwo\tthr")
    assert bodies(bench) == [{"log": "one"}, {"log": "two"}]


def test_too_long_message_closes_the_connection(bench: Bench, start: Start) -> None:
    """A message that does not fit Buffer_Size is dropped with a warning."""
    send = start("Chunk_Size 1\nBuffer_Size 1")
    send(b'{"a":"' + b"x" * 2000)
    assert any("incoming data exceeds 'Buffer_Size' (1 KB)" in line for line in bench.log)


def test_pause_closes_and_resume_accepts(bench: Bench) -> None:
    """Over its limit the input closes its connections; later it accepts again."""
    tcp = bench.build(PluginKind.INPUT, "tcp", "Listen 127.0.0.1\nPort 0")
    tcp.start()
    with socket.create_connection(("127.0.0.1", tcp.port)) as client:
        bench.turn_until(lambda: tcp._listener._connections)
        tcp.pause()
        assert client.recv(1) == b""
    tcp.resume()
    with socket.create_connection(("127.0.0.1", tcp.port)):
        bench.turn_until(lambda: tcp._listener._connections)
    tcp.stop()
    tcp.stop()


def test_refuses_what_it_cannot_do(bench: Bench) -> None:
    """Unknown formats and taken ports stop the start with the real one's words."""
    with pytest.raises(PluginInitError, match="unrecognized format value 'xml'"):
        bench.build(PluginKind.INPUT, "tcp", "Format xml")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        tcp = bench.build(PluginKind.INPUT, "tcp", f"Listen 127.0.0.1\nPort {port}")
        with pytest.raises(PluginInitError, match=f"could not initialize downstream on 127.0.0.1:{port}. Aborting"):
            tcp.start()
