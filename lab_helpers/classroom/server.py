"""The class's HTTP server: one thread, one loop, all that comes in bounded. The room is touched in the loop alone.

    GET  /          the page, which holds nothing of the class
    POST /join      {code, name, token?} → {token, name}
    POST /report    a report, with the seat's token → what is told
    POST /leave     with the seat's token
    GET  /class     what the page shows, with the trainer's token
    POST /class     {do: say | hold | release | show | remove, …}, with the trainer's token
With `tls` all of it by TLS. Without, who can read the network reads names and progress; docs/trainer.md says so.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from socket import socket
from types import TracebackType
from typing import Any, Self

from tornado.httpserver import HTTPServer
from tornado.iostream import IOStream
from tornado.web import Application, HTTPError, RequestHandler

from lab_helpers.base.messages import speaking
from lab_helpers.base.nested_json import loads
from lab_helpers.classroom import fingerprint, page
from lab_helpers.classroom.certificate import Tls
from lab_helpers.classroom.door import why_not
from lab_helpers.classroom.limits import Limiter, Rate
from lab_helpers.classroom.overview import overview
from lab_helpers.classroom.report import MOST_BYTES, ReportError, parsed
from lab_helpers.classroom.room import Room, RoomError

_LOG = logging.getLogger(__name__)
EVERY_S = 10
"""How often a trainee's machine is to report."""
_ASKS, _REPORTS = Rate(400, 100), Rate(12, 0.5)
"""By address: a class may sit behind one. By seat."""
_WRONG, _WRONG_OF_ALL = Rate(10, 1 / 6), Rate(60, 1)
"""Wrong codes by address, and of all addresses: at one a second forty bits take tens of thousands of years."""
_MOST_CONNECTIONS, _SILENCE_S = 256, 30
_SAVE_S = 2.0
_STOP_S = 10.0


class _Bounded(HTTPServer):
    """Lets no more connections in than a class needs."""

    def handle_stream(self, stream: IOStream, address: tuple[Any, ...]) -> None:
        if len(self._connections) >= _MOST_CONNECTIONS:
            stream.close()
            return
        super().handle_stream(stream, address)


class ClassServer:
    """Serves a room on a socket that listens already; `keep` writes the room's state down."""

    def __init__(
        self,
        room: Room,
        listening: socket,
        bind: str,
        keep: Callable[[dict[str, Any]], None] = lambda _: None,
        language: str = "en",
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        tls: Tls | None = None,
    ) -> None:
        self.tls, self.scheme = tls, "https" if tls else "http"
        self.room, self.bind, self.language, self.wall = room, bind, language, wall
        self.port = int(listening.getsockname()[1])
        self.asks, self.reports = Limiter(_ASKS, clock), Limiter(_REPORTS, clock)
        self.wrong, self.wrong_of_all = Limiter(_WRONG, clock), Limiter(_WRONG_OF_ALL, clock)
        self.is_changed = False
        self._keep, self._listening = keep, listening
        self._thread = threading.Thread(target=self._run, name="class-server")
        self._ready, self._error = threading.Event(), list[BaseException]()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._end: asyncio.Event | None = None

    @property
    def join_code(self) -> str:
        """What trainees type in."""
        return fingerprint.join_code(self.room.code, self.tls.certificate) if self.tls else self.room.code

    def start(self) -> None:
        """Answer from now on; raises what the start raised."""
        self._thread.start()
        self._ready.wait()
        if self._error:
            self._thread.join()
            self._listening.close()
            raise self._error[0]

    def stop(self) -> None:
        """Keep the state and end; safe twice, and before the start."""
        if self._loop is not None and self._end is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._end.set)
        if self._thread.ident is not None:
            self._thread.join(_STOP_S)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        self.stop()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as exc:
            self._error.append(exc)
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        server = _Bounded(
            _application(self), max_body_size=MOST_BYTES, max_buffer_size=4 * MOST_BYTES, max_header_size=8192,
            idle_connection_timeout=_SILENCE_S, body_timeout=_SILENCE_S, ssl_options=self.tls and self.tls.context,
        )  # fmt: skip
        server.add_sockets([self._listening])
        self._save()
        self._ready.set()
        while not self._end.is_set():
            try:
                await asyncio.wait_for(self._end.wait(), _SAVE_S)
            except TimeoutError:
                self.save_changes()
        server.stop()
        await server.close_all_connections()
        self._save()

    def save_changes(self) -> None:
        """Write the state down if something changed."""
        if self.is_changed:
            self._save()

    def _save(self) -> None:
        try:
            self._keep(self.room.as_dict())
            self.is_changed = False
        except OSError as exc:  # a full disk ends no class: it is tried again
            _LOG.error("the class's state could not be written: %s", exc.strerror)


class _Handler(RequestHandler):
    """What all answers share: who may ask, how often, and what a browser may do with the answer."""

    def initialize(self, server: ClassServer) -> None:
        self.server = server

    def set_default_headers(self) -> None:
        self.clear_header("Server")
        for name, value in page.HEADERS.items():
            self.set_header(name, value)

    def prepare(self) -> None:
        headers = {name: ",".join(self.request.headers.get_list(name)) for name in self.request.headers}
        refused = why_not(headers, self.server.bind, self.server.port, self.server.scheme)
        if refused:
            raise _RefusedError(403, refused)
        self.within(self.server.asks, self.address)
        if self.request.method == "POST" and self.request.headers.get("Content-Type") != "application/json":
            raise _RefusedError(415, "Wanted is application/json.")

    @property
    def address(self) -> str:
        """Whose request it is."""
        return str(self.request.remote_ip)

    @property
    def token(self) -> str:
        """The token that came with the request; empty: none."""
        scheme, _, token = self.request.headers.get("Authorization", "").partition(" ")
        return token if scheme == "Bearer" else ""

    def within(self, limiter: Limiter, key: str) -> None:
        """Count one request; raises where there were too many."""
        if not limiter.take(key):
            self.too_many(limiter.wait_s(key))

    def too_many(self, wait_s: int) -> None:
        """Refuse for a while."""
        raise _RefusedError(429, f"Too many requests: wait {wait_s} s.", wait_s)

    def body(self) -> dict[str, Any]:
        """Return the request's JSON object."""
        try:
            found = loads(self.request.body or b"{}")
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise _RefusedError(400, "Wanted is a JSON object.")
        return found

    def text(self, body: dict[str, Any], name: str) -> str:
        """Return a member that is a text; missing: empty."""
        value = body.get(name, "")
        if not isinstance(value, str):
            raise _RefusedError(400, f"{name} is no text.")
        return value

    def write_error(self, status_code: int, **kwargs: Any) -> None:  # noqa: ARG002 - tornado's name
        exc = kwargs.get("exc_info", (None, None, None))[1]
        told = exc.told if isinstance(exc, _RefusedError) else "This is nothing that the class's server does."
        if isinstance(exc, _RefusedError) and exc.wait_s:
            self.set_header("Retry-After", str(exc.wait_s))
        self.finish({"error": told})

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        if not isinstance(value, HTTPError):
            _LOG.error("a request failed", exc_info=(typ, value, tb))


class _RefusedError(HTTPError):
    def __init__(self, status: int, told: str, wait_s: int = 0) -> None:
        super().__init__(status)
        self.told, self.wait_s = told, wait_s


class _Page(_Handler):
    def get(self) -> None:
        made = page.made(self.server.language)
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.set_header("Content-Security-Policy", made.policy)
        self.finish(made.html)


class _Join(_Handler):
    def post(self) -> None:
        server, body = self.server, self.body()
        for limiter, key in ((server.wrong, self.address), (server.wrong_of_all, "")):
            if not limiter.may(key):
                self.too_many(limiter.wait_s(key))
        if not server.room.is_code(self.text(body, "code")):
            server.wrong.take(self.address)
            server.wrong_of_all.take("")
            raise _RefusedError(403, "This is not the code of the class.")
        try:
            token, name = server.room.join(self.text(body, "name"), self.text(body, "token"))
        except RoomError as exc:
            raise _RefusedError(409, str(exc)) from exc
        server.is_changed = True
        server.save_changes()
        self.finish({"token": token, "name": name})


class _Report(_Handler):
    def post(self) -> None:
        room, token = self.server.room, self.token
        if not room.holds(token):
            raise _RefusedError(401, "The class does not know this seat.")
        self.within(self.server.reports, token)
        try:
            report = parsed(self.body())
        except ReportError as exc:
            raise _RefusedError(400, f"This is no report: {exc}.") from exc
        room.reported(token, report)
        self.server.is_changed = True
        self.finish({**room.told(), "every_s": EVERY_S})


class _Leave(_Handler):
    def post(self) -> None:
        self.server.room.leave(self.token)
        self.server.is_changed = True
        self.finish({})


class _Class(_Handler):
    def prepare(self) -> None:
        super().prepare()
        if not self.server.room.is_trainer(self.token):
            raise _RefusedError(401, "This is for the trainer: open the address that `lab class serve` printed.")

    def get(self) -> None:
        self._shown()

    def post(self) -> None:
        body, room = self.body(), self.server.room
        try:
            match body.get("do"):
                case "say":
                    room.say(self.text(body, "text"))
                case "hold":
                    room.hold(body.get("on") is True)
                case "release":
                    room.release(self.text(body, "notebook"))
                case "show":
                    room.show(self.text(body, "prediction"))
                case "remove" if isinstance(body.get("number"), int):
                    room.remove(body["number"])
                case _:
                    raise _RefusedError(400, "There is no such thing to do.")
        except RoomError as exc:
            raise _RefusedError(409, str(exc)) from exc
        self.server.is_changed = True
        self.server.save_changes()
        self._shown()

    def _shown(self) -> None:
        with speaking(self.server.language):
            self.finish({**overview(self.server.room, self.server.wall()), "code": self.server.join_code})


def _application(server: ClassServer) -> Application:
    given = {"server": server}
    handlers = [("/", _Page), ("/join", _Join), ("/report", _Report), ("/leave", _Leave), ("/class", _Class)]
    return Application(
        [(path, handler, given) for path, handler in handlers],
        default_handler_class=_Nothing,
        default_handler_args=given,
        log_function=lambda _: None,
    )


class _Nothing(_Handler):
    def prepare(self) -> None:
        super().prepare()
        raise _RefusedError(404, "There is nothing here.")
