"""The forward output, against a socket that reads its frames."""

from __future__ import annotations

import gzip
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgpack
import pytest

from lab_helpers.router.plugin import FlushResult, PluginInitError, PluginKind
from lab_helpers.router.records.record import decode, new_unpacker
from tests.router.plugins.bench import Bench, MemoryChunk

CHUNK = MemoryChunk("app", {"log": "a", "svc": "x"}, {"log": "\udcff", "svc": "y"})


class Peer:
    """Accepts one connection, keeps the frames, and acknowledges with `ack(chunk)`."""

    def __init__(self, listening: socket.socket) -> None:
        self.frames: list[Any] = []
        self.ack = lambda chunk: chunk
        self._listening = listening
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        connection, _ = self._listening.accept()
        unpacker = new_unpacker()
        with connection:
            while data := connection.recv(65_536):
                unpacker.feed(data)
                for frame in unpacker:
                    self.frames.append(frame)
                    if len(frame) > 2 and "chunk" in frame[-1]:
                        connection.sendall(msgpack.packb({"ack": self.ack(frame[-1]["chunk"])}))

    def close(self) -> None:
        self._thread.join(5)
        self._listening.close()


@pytest.fixture
def peer() -> Iterator[Peer]:
    one = Peer(socket.create_server(("127.0.0.1", 0)))
    yield one
    one.close()


def sent(bench: Bench, peer: Peer, lines: str = "") -> FlushResult:
    port = peer._listening.getsockname()[1]
    output = bench.build(PluginKind.OUTPUT, "forward", f"Host 127.0.0.1\nPort {port}\n{lines}")
    result: FlushResult = output.flush(CHUNK)
    output.stop()
    peer._thread.join(5)
    return result


def test_forward_mode(bench: Bench, peer: Peer) -> None:
    """A chunk is one frame: its tag and its entries with nanosecond times."""
    assert sent(bench, peer) is FlushResult.OK
    assert peer.frames == [["app", [[1_636_276_442_000_000_000, one.body] for one in CHUNK.records()]]]


def test_options_and_acknowledgement(bench: Bench, peer: Peer) -> None:
    """With an acknowledgement asked for, the options carry the entries' checksum, and the answer is awaited."""
    assert sent(bench, peer, "Require_Ack_Response on\nAdd_Option k v\nTime_As_Integer on") is FlushResult.OK
    tag, entries, options = peer.frames[0]
    assert (tag, entries[0][0]) == ("app", 1_636_276_442)
    assert list(options) == ["chunk", "size", "fluent_signal", "k"]
    assert options["size"] == 2


def test_wrong_acknowledgement_is_tried_again(bench: Bench, peer: Peer) -> None:
    """Any other acknowledgement means that the chunk did not arrive."""
    peer.ack = lambda _chunk: "other"
    assert sent(bench, peer, "Require_Ack_Response on") is FlushResult.RETRY


def test_compressed(bench: Bench, peer: Peer) -> None:
    """With gzip the entries are one compressed piece, which the options say."""
    sent(bench, peer, "Compress gzip")
    _, data, options = peer.frames[0]
    assert decode(gzip.decompress(data)) == CHUNK.records()
    assert options["compressed"] == "gzip"


def test_tag_of_each_record(bench: Bench, peer: Peer) -> None:
    """A tag with a key splits the chunk."""
    sent(bench, peer, "Tag new.$svc.$TAG")
    assert [frame[0] for frame in peer.frames] == ["new.x.app", "new.y.app"]


def test_unix_socket_and_nobody_there(bench: Bench, tmp_path: Path) -> None:
    """A unix socket works as well; without anybody the chunk is tried again."""
    path = tmp_path / "s"
    output = bench.build(PluginKind.OUTPUT, "forward", f"Unix_Path {path}")
    assert output.flush(CHUNK) is FlushResult.RETRY
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(path))
    listening.listen()
    peer = Peer(listening)
    assert output.flush(CHUNK) is FlushResult.OK
    output.stop()
    peer.close()
    assert peer.frames[0][0] == "app"


def test_refusals(bench: Bench) -> None:
    """What cannot work is refused."""
    for lines, message in (
        ("Upstream x", "has no 'upstream'"),
        ("Compress lz4", "invalid compress mode: lz4"),
        ("Username bob", "no 'shared_key' or 'empty_shared_key' is configured"),
    ):
        with pytest.raises(PluginInitError, match=message):
            bench.build(PluginKind.OUTPUT, "forward", lines)
