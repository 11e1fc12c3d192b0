"""Open this machine for a class: the room that is kept, sockets, and what to tell the trainer."""

from __future__ import annotations

import errno
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from lab_helpers.base.config import private_folder
from lab_helpers.base.errors import ClassError
from lab_helpers.base.files.file_lock import FileLock, holder_of
from lab_helpers.base.messages import say
from lab_helpers.classroom import files, fingerprint
from lab_helpers.classroom.certificate import tls_of
from lab_helpers.classroom.door import LOOPBACK, is_loopback
from lab_helpers.classroom.room import Room
from lab_helpers.classroom.server import ClassServer
from lab_helpers.classroom.syllabus import lessons

PORT = 8750
"""What trainees type in: the same as long as nobody asks for another."""
_WAITING = 128


@contextmanager
def open_class(
    home: Path,
    bind: str = LOOPBACK,
    port: int | None = None,
    fresh: bool = False,
    language: str = "en",
    wall: Callable[[], float] = time.time,
    encrypted: bool | None = None,
) -> Iterator[ClassServer]:
    """Serve the class that is kept in `home`, or a new one (`fresh`: in any case); `port` None: that of last time.

    `encrypted` None: where others can reach it.
    Raises ClassError.
    """
    private_folder(files.folder(home))
    lock = FileLock.take(files.serving_lock(home), {"where": f"{bind}, process {os.getpid()}"})
    if lock is None:
        holder = holder_of(files.serving_lock(home)) or {}
        raise ClassError.served_already(str(holder.get("where", "?")))
    with lock:
        kept = {} if fresh else _kept(home)
        try:
            room = Room.from_dict(kept["room"], lessons(language), wall) if kept else Room(lessons(language), wall)
            wanted = int(kept.get("port", PORT)) if port is None else port
        except (KeyError, TypeError, ValueError, AttributeError) as exc:
            raise ClassError.damaged(files.ROOM) from exc
        listening = _listening(bind, wanted)
        try:
            is_encrypted = not is_loopback(bind) if encrypted is None else encrypted
            tls = tls_of(home, (each.strip("[]") for each in _hosts(bind)), fresh) if is_encrypted else None
        except BaseException:
            listening.close()
            raise
        its_port = int(listening.getsockname()[1])

        def keep(state: dict[str, Any]) -> None:
            files.keep_room(home, {"port": its_port, "room": state})

        with ClassServer(room, listening, bind, keep, language, wall=wall, tls=tls) as server:
            yield server


def _kept(home: Path) -> dict[str, Any]:
    try:
        return files.room(home)
    except (OSError, ValueError) as exc:
        raise ClassError.damaged(files.ROOM) from exc


def _listening(bind: str, port: int) -> socket.socket:
    """Return a socket that listens at the first address of `bind`; raises ClassError."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(bind, port, type=socket.SOCK_STREAM)[0]
    except (OSError, UnicodeError, OverflowError) as exc:
        raise ClassError.cannot_listen(bind, port, say("this is no address that can be listened at")) from exc
    found = socket.socket(family, kind, protocol)
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.setblocking(False)
        found.bind(address)
        found.listen(_WAITING)
    except OSError as exc:
        found.close()
        raise ClassError.cannot_listen(bind, port, _why(exc)) from exc
    return found


def _why(exc: OSError) -> str:
    match exc.errno:
        case errno.EADDRINUSE:
            return say("another program listens there")
        case errno.EADDRNOTAVAIL:
            return say("this machine has no such address")
        case errno.EACCES:
            return say("this port is not for everybody")
    return str(exc.strerror)


def welcome(server: ClassServer) -> list[str]:
    """Return what to tell the trainer: their page, how to join, and what an address opens."""
    hosts = _hosts(server.bind)
    page = f"{server.scheme}://{hosts[0]}:{server.port}/#token={server.room.trainer}"
    joins = [f"  lab join {server.scheme}://{host}:{server.port} {server.join_code}" for host in hosts]
    told = [
        say("Your page (whoever has this address can lead the class; keep it off the projector):"),
        f"  {page}",
        say("To take part, in a terminal of each trainee:"),
        *joins,
    ]
    return [*told, *_opened(server), *_encrypted(server)]


def _opened(server: ClassServer) -> list[str]:
    if is_loopback(server.bind):
        addresses = ", ".join(_own_addresses()) or "?"
        text = say("This is reached from this machine alone. For a class: --bind ADDRESS, one of {addresses}.",
                   addresses=addresses)  # fmt: skip
        return [text]
    text = say(
        "Open to everybody who can reach {bind}: with the code they can take a seat, with your page's address lead the "
        "class. Ctrl-C closes it.",
        bind=server.bind,
    )
    return [text]


def _encrypted(server: ClassServer) -> list[str]:
    if server.tls is None:
        text = say(
            "Names, code and progress are not encrypted on their way (--tls does): choose a network that you trust."
        )
        return [] if is_loopback(server.bind) else [text]
    text = say(
        "What is sent is encrypted. `lab join` knows this server by the last 16 letters of the code. Your browser "
        "knows nobody who has signed its certificate, and asks; let it show the fingerprint (SHA-256):"
    )
    digits = fingerprint.pin(server.tls.certificate).upper()
    return [text, "  " + ":".join(digits[at : at + 2] for at in range(0, len(digits), 2))]


def _hosts(bind: str) -> list[str]:
    if bind in {"0.0.0.0", "::"}:
        return _own_addresses() or [LOOPBACK]
    return [f"[{bind}]" if ":" in bind else bind]


def _own_addresses() -> list[str]:
    found = (each for addresses in psutil.net_if_addrs().values() for each in addresses)
    return sorted(each.address for each in found if each.family == socket.AF_INET and not is_loopback(each.address))
