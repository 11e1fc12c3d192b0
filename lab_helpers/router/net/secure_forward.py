"""The handshake of secure forward: HELO, PING and PONG, with a shared key and users. No I/O.

Source: the forward protocol's specification, version 1, and Fluent Bit 4.2.8. Not modelled: per-host keys; `keepalive`
is always true.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Callable, Mapping
from typing import Any

import msgpack

from lab_helpers.router.records.record import new_unpacker

NONCE_BYTES = 16
MAX_PING_BYTES = 65_536
PING_WORDS, HELO_WORDS, PONG_WORDS = 6, 2, 3
Random = Callable[[int], bytes]


class HandshakeError(ValueError):
    """The other side may not come in, or does not speak the handshake."""


class ServerHandshake:
    """The input's side: send `helo` first, then feed it what comes until `answer` returns a PONG."""

    def __init__(self, key: str, users: Mapping[str, str], hostname: str, random: Random = os.urandom) -> None:
        self._key, self._users, self._hostname = key, users, hostname
        self._nonce = random(NONCE_BYTES)
        self._salt = random(NONCE_BYTES) if users else b""

    def helo(self) -> bytes:
        """Return the greeting."""
        return _packed(["HELO", {"nonce": self._nonce, "auth": self._salt, "keepalive": True}])

    def answer(self, data: bytes) -> tuple[bytes, str, int] | None:
        """Return (PONG, why a user is refused or '', bytes used); None while the PING is not whole.

        Raises HandshakeError for a wrong key or what is no PING: such a connection gets no answer.
        """
        taken = take_message(data)
        if taken is None:
            return None
        message, used = taken
        if len(message) < PING_WORDS or message[0] != "PING":
            raise HandshakeError("Invalid PING message")
        host, salt, digest, user, secret = (_bytes(one) for one in message[1:PING_WORDS])
        if not _same(digest, _digest(salt, host, self._nonce, self._key.encode())):
            raise HandshakeError("shared_key mismatch")
        reason = "" if self._knows(user, secret) else "username/password mismatch"
        proof = "" if reason else _digest(salt, self._hostname.encode(), self._nonce, self._key.encode())
        return _packed(["PONG", not reason, reason, self._hostname, proof]), reason, used

    def _knows(self, user: bytes, secret: bytes) -> bool:
        if not self._users:
            return True
        password = self._users.get(user.decode("utf-8", "surrogateescape"))
        return password is not None and _same(secret, _digest(self._salt, user, password.encode()))


class ClientHandshake:
    """The output's side: `ping` answers the HELO, `check` takes the PONG."""

    def __init__(self, key: str, user: str, password: str, hostname: str, random: Random = os.urandom) -> None:
        self._key, self._user, self._password, self._hostname = key, user, password, hostname
        self._salt = random(NONCE_BYTES).hex()  # a text: the reference takes no bytes here
        self._nonce = b""

    def ping(self, helo: list[Any]) -> bytes:
        """Return the PING for a HELO. Raises HandshakeError."""
        if len(helo) < HELO_WORDS or helo[0] != "HELO" or not isinstance(helo[1], dict):
            raise HandshakeError("handshake error expecting HELO")
        self._nonce, auth = _bytes(helo[1].get("nonce", b"")), _bytes(helo[1].get("auth", b""))
        host = self._hostname.encode()
        user = self._user if auth else ""
        secret = _digest(auth, user.encode(), self._password.encode()) if auth else ""
        return _packed(["PING", self._hostname, self._salt, self._proof(host), user, secret])

    def check(self, pong: list[Any]) -> None:
        """Accept a PONG that says yes and knows the key. Raises HandshakeError."""
        if len(pong) < PONG_WORDS or pong[0] != "PONG":
            raise HandshakeError("handshake error expecting PONG")
        if pong[1] is not True:
            raise HandshakeError(f"failed authorization: {pong[2]}")
        host, proof = (_bytes(one) for one in (*pong[PONG_WORDS:], b"", b"")[:2])
        if not _same(proof, self._proof(host)):
            raise HandshakeError("the other side does not know the shared_key")

    def _proof(self, host: bytes) -> str:
        return _digest(self._salt.encode(), host, self._nonce, self._key.encode())


def take_message(data: bytes) -> tuple[list[Any], int] | None:
    """Return (message, bytes used), None while it is not whole. Raises HandshakeError."""
    if len(data) > MAX_PING_BYTES:
        raise HandshakeError("a handshake's message is too long")
    unpacker = new_unpacker()
    unpacker.feed(data)
    try:
        message = unpacker.unpack()
    except msgpack.OutOfData:
        return None
    except (ValueError, RecursionError) as exc:
        raise HandshakeError(f"no handshake: {exc}") from exc
    if not isinstance(message, list):
        raise HandshakeError("no handshake")
    return message, int(unpacker.tell())


def receive(read: Callable[[int], bytes], kind: str) -> list[Any]:
    """Return the next message of the other side. Raises HandshakeError, also when nothing comes within the time."""
    data = b""
    while (taken := take_message(data)) is None:
        try:
            more = read(4096)
        except OSError as exc:
            raise HandshakeError(f"handshake error expecting {kind}") from exc
        if not more:
            raise HandshakeError(f"handshake error expecting {kind}")
        data += more
    return taken[0]


def _packed(message: list[Any]) -> bytes:
    return bytes(msgpack.packb(message, unicode_errors="surrogateescape"))


def _bytes(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    return value.encode("utf-8", "surrogateescape") if isinstance(value, str) else b""


def _digest(*parts: bytes) -> str:
    return hashlib.sha512(b"".join(parts)).hexdigest()


def _same(given: bytes, wanted: str) -> bool:
    return hmac.compare_digest(given, wanted.encode())
