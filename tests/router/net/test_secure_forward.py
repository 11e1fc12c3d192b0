"""Secure forward: who knows the key, and is a user where users are named, may send."""

from __future__ import annotations

import threading
import time

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab_helpers.router.net.secure_forward import (
    ClientHandshake,
    HandshakeError,
    ServerHandshake,
    receive,
    take_message,
)
from lab_helpers.router.plugin import FlushResult, PluginKind
from tests.router.fuzz.bounds import bounded
from tests.router.plugins.bench import Bench, MemoryChunk

WRONG = "username/password mismatch"
WORDS = st.one_of(st.text(max_size=4), st.none(), st.integers(0, 9))


def shake(server: ServerHandshake, client: ClientHandshake) -> str:
    """Let the two speak; return why the user is refused. Raises HandshakeError."""
    helo = take_message(server.helo())
    assert helo is not None
    answered = server.answer(client.ping(helo[0]))
    assert answered is not None
    pong = take_message(answered[0])
    assert pong is not None
    if answered[1]:
        with pytest.raises(HandshakeError, match=f"failed authorization: {WRONG}"):
            client.check(pong[0])
    else:
        client.check(pong[0])
    return answered[1]


@pytest.mark.parametrize(
    ("users", "user", "password", "refusal"),
    [
        ({}, "", "", ""), ({}, "bob", "x", ""), ({"bob": "pw"}, "bob", "pw", ""),
        ({"bob": "pw"}, "bob", "no", WRONG), ({"bob": "pw"}, "eve", "pw", WRONG), ({"bob": "pw"}, "", "", WRONG),
    ],
)  # fmt: skip
def test_users(users: dict[str, str], user: str, password: str, refusal: str) -> None:
    """Where users are named, one of them with his password; else nobody is asked."""
    assert shake(ServerHandshake("k", users, "srv"), ClientHandshake("k", user, password, "cli")) == refusal


def test_a_wrong_key_gets_no_answer() -> None:
    """As the reference: the connection is closed without a PONG."""
    with pytest.raises(HandshakeError, match="shared_key mismatch"):
        shake(ServerHandshake("k", {}, "srv"), ClientHandshake("other", "", "", "cli"))


def test_a_server_that_does_not_know_the_key_is_not_believed() -> None:
    """A PONG that says yes without the proof is refused."""
    client = ClientHandshake("k", "", "", "cli")
    client.ping(["HELO", {"nonce": b"n", "auth": b""}])
    with pytest.raises(HandshakeError, match="does not know"):
        client.check(["PONG", True, "", "srv", "0" * 128])


@bounded(60)
@given(st.one_of(st.binary(max_size=80), st.lists(WORDS, max_size=8)))
def test_nonsense_is_refused_or_waited_for(sent: bytes | list[object]) -> None:
    """Whatever a peer sends for a PING: no PONG, no crash."""
    data = sent if isinstance(sent, bytes) else msgpack.packb(sent)
    server = ServerHandshake("k", {}, "srv")
    try:
        assert server.answer(data) is None
    except HandshakeError:
        return
    assert take_message(data) is None  # only a message that is not whole is waited for


def test_a_peer_that_is_silent_or_gone() -> None:
    """The output says what it waited for."""

    def silent(_size: int) -> bytes:
        raise TimeoutError

    for read in (silent, lambda _size: b""):
        with pytest.raises(HandshakeError, match="handshake error expecting HELO"):
            receive(read, "HELO")


KEYS = "Shared_Key k\nSecurity.Users bob pw\n"


@pytest.mark.parametrize(
    ("lines", "result", "told"),
    [
        ("Shared_Key k\nUsername bob\nPassword pw\n", FlushResult.OK, ""),
        ("Shared_Key k\nUsername bob\nPassword no\n", FlushResult.RETRY, "user authentication is failed"),
        ("Shared_Key other\n", FlushResult.RETRY, "shared_key mismatch"),
        ("", FlushResult.OK, "Invalid PING message"),  # it hears nothing of it, as in the reference
    ],
)
def test_the_output_speaks_with_the_input(lines: str, result: FlushResult, told: str) -> None:
    """Records arrive from who may send, from nobody else."""
    receiver, sender = Bench(), Bench()
    source = receiver.build(PluginKind.INPUT, "forward", "Listen 127.0.0.1\nPort 0\n" + KEYS)
    source.start()
    port = source._listener.getsockname()[1]
    output = sender.build(PluginKind.OUTPUT, "forward", f"Host 127.0.0.1\nPort {port}\n{lines}")
    found: list[FlushResult] = []
    thread = threading.Thread(target=lambda: found.append(output.flush(MemoryChunk("app", {"log": "a"}))))
    thread.start()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        receiver.loop.turn(0.02)
        if not thread.is_alive() and (receiver.ingested or (told and told in receiver.text.getvalue())):
            break
    thread.join(5)
    output.stop()
    source.stop()
    receiver.loop.close()
    sender.loop.close()
    assert found == [result]
    assert [record.body for _, record in receiver.ingested] == ([] if told else [{"log": "a"}])
    assert told in receiver.text.getvalue()
