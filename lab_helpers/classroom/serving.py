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
from lab_helpers.base.file_lock import FileLock, holder_of
from lab_helpers.base.messages import say
from lab_helpers.classroom import files
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
) -> Iterator[ClassServer]:
    """Serve the class that is kept in `home`, or a new one (`fresh`: in any case); `port` None: that of last time.

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
        its_port = int(listening.getsockname()[1])

        def keep(state: dict[str, Any]) -> None:
            files.keep_room(home, {"port": its_port, "room": state})

        with ClassServer(room, listening, bind, keep, language, wall=wall) as server:
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
    page = f"http://{hosts[0]}:{server.port}/#token={server.room.trainer}"
    joins = [f"  lab join http://{host}:{server.port} {server.room.code}" for host in hosts]
    told = [
        say("Your page (whoever has this address can lead the class; keep it off the projector):"),
        f"  {page}",
        say("To take part, in a terminal of each trainee:"),
        *joins,
    ]
    if is_loopback(server.bind):
        told.append(say("This is reached from this machine alone. For a class: --bind ADDRESS, one of {addresses}.",
                        addresses=", ".join(_own_addresses()) or "?"))  # fmt: skip
    else:
        told.append(
            say(
                "Open to everybody who can reach {bind}: with the code they can take a seat, with your page's address "
                "lead the class. Names, code and progress are not encrypted on their way. Choose a network that you "
                "trust; Ctrl-C closes it.",
                bind=server.bind,
            )
        )
    return told


def _hosts(bind: str) -> list[str]:
    if bind in {"0.0.0.0", "::"}:
        return _own_addresses() or [LOOPBACK]
    return [f"[{bind}]" if ":" in bind else bind]


def _own_addresses() -> list[str]:
    found = (each for addresses in psutil.net_if_addrs().values() for each in addresses)
    return sorted(each.address for each in found if each.family == socket.AF_INET and not is_loopback(each.address))
