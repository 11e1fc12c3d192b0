"""A trainee's side of a class: take a seat, report, leave. All that comes back is bounded, and a text alone."""

from __future__ import annotations

import json
import re
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import urllib3

from lab_helpers.base.errors import ClassError
from lab_helpers.base.messages import say
from lab_helpers.classroom import files, fingerprint
from lab_helpers.classroom.files import Seat
from lab_helpers.classroom.report import Report, taken
from lab_helpers.classroom.room import MOST_NAME, plain

MOST_ANSWER = 64 * 1024
_CONNECT_S, _READ_S = 3.0, 5.0
_WHOLE_S = 10.0
_HOST = re.compile(r"[A-Za-z0-9.:\[\]-]{1,255}")


@dataclass(frozen=True)
class Answer:
    """What a server answered: status (0: nothing) and its JSON object ({} for anything else)."""

    status: int
    body: dict[str, Any]


Post = Callable[[str, str, dict[str, Any], str], Answer]
"""(address, token, JSON, pin) → answer; never raises for what a network does."""
_NOBODYS = "0" * 64


def post(url: str, token: str, body: dict[str, Any], pin: str = "") -> Answer:
    """Send JSON; no proxy, no redirect, no second try, and no longer than ten seconds for an answer.

    By TLS nothing is sent but to the server whose certificate has the SHA-256 `pin`: without one, to nobody.
    """
    headers = {"Content-Type": "application/json", "Connection": "close"}
    headers |= {"Authorization": f"Bearer {token}"} if token else {}
    timeout = urllib3.Timeout(connect=_CONNECT_S, read=_READ_S)
    # Nobody has signed the certificate that is known: the pin is all that counts, and always compared.
    with urllib3.PoolManager(cert_reqs="CERT_NONE", assert_fingerprint=pin or _NOBODYS) as pool:
        try:
            answer = pool.request(
                "POST", url, body=json.dumps(body), headers=headers, timeout=timeout,
                retries=False, redirect=False, preload_content=False,
            )  # fmt: skip
            text = _bounded(answer)
        except (urllib3.exceptions.HTTPError, OSError, ValueError):
            return Answer(0, {})
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    return Answer(int(answer.status), found if isinstance(found, dict) else {})


def _bounded(answer: Any) -> bytes:
    """Read an answer within its bounds; raises ValueError for a longer or a slower one."""
    got, until = bytearray(), time.monotonic() + _WHOLE_S
    while part := answer.read1(4096):
        got += part
        if len(got) > MOST_ANSWER or time.monotonic() > until:
            raise ValueError("too long an answer")
    answer.release_conn()
    return bytes(got)


def address(url: str, scheme: str = "http") -> str:
    """Return the address of a class as it is asked, http(s)://HOST:PORT; raises ClassError for anything else.

    `scheme` is that of an address that names none.
    """
    text = url if "//" in url else f"{scheme}://{url}"
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port = "", None
    is_plain = host and _HOST.fullmatch(host) and "@" not in parts.netloc and parts.path in {"", "/"}
    if not is_plain or parts.scheme not in {"http", "https"} or parts.query:
        raise ClassError.no_address(plain(url, 100))
    name = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{name}:{port}" if port else f"{parts.scheme}://{name}"


def join(home: Path, url: str, code: str, name: str, post: Post = post) -> Seat:
    """Take a seat, or again the one that this machine has in this class; raises ClassError."""
    own_code, letters = fingerprint.parted(code)
    where, known = address(url, "https" if letters else "http"), files.seat(home)
    pin = _pin(where, letters)
    is_same = known is not None and (known.url, known.pin) == (where, pin)
    token = known.token if known and is_same else ""
    shown = plain(name, MOST_NAME)
    answer = post(f"{where}/join", "", {"code": plain(own_code, 40), "name": shown, "token": token}, pin)
    given = answer.body.get("token")
    if answer.status != 200 or not isinstance(given, str) or not 0 < len(given) <= 100 or not given.isascii():
        raise _refused(where, answer)
    if known and not is_same:
        post(f"{known.url}/leave", known.token, {}, known.pin)
    files.forget_seat(home)
    name_there = plain(str(answer.body.get("name", shown)), MOST_NAME + 10)
    seat = Seat(where, given, name_there, pin)
    files.keep_seat(home, seat)
    return seat


def leave(home: Path, post: Post = post) -> Seat:
    """Give the seat back, also when the trainer's machine does not answer; raises ClassError without a seat."""
    known = files.seat(home)
    if known is None:
        raise ClassError.not_joined()
    files.forget_seat(home)
    post(f"{known.url}/leave", known.token, {}, known.pin)
    return known


def current(home: Path, now: Callable[[], float] = time.time) -> Report:
    """Return what would be sent now."""
    return taken(home, lambda notebook: files.section(home, notebook), now)


def report(home: Path, seat: Seat, post: Post = post, now: Callable[[], float] = time.time) -> Answer:
    """Send one report and keep what is told. A class that no longer knows the seat is forgotten."""
    answer = post(f"{seat.url}/report", seat.token, current(home, now).as_dict(), seat.pin)
    if files.seat(home) != seat:  # left, or joined another class meanwhile
        return answer
    if answer.status == 200:
        try:
            files.keep_told(home, files.told_from(answer.body, now()))
        except (KeyError, TypeError, ValueError):
            return Answer(0, {})
    elif answer.status == 401:
        files.forget_seat(home)
    return answer


def _pin(where: str, letters: str) -> str:
    """Return the pin of the server at an address, whose certificate has to have the code's letters; "" without TLS.

    Raises ClassError; nothing is sent but TLS's greeting.
    """
    parts = urlsplit(where)
    if parts.scheme == "http":
        if letters:
            raise ClassError.is_encrypted(where)
        return ""
    if not letters:
        raise ClassError.no_fingerprint(where)
    try:
        certificate = fingerprint.certificate_at(parts.hostname or "", parts.port, _CONNECT_S)
    except ssl.SSLError as exc:
        raise ClassError.another_server(where) from exc
    except OSError as exc:
        raise ClassError.no_answer(where) from exc
    if fingerprint.letters(certificate) != letters:
        raise ClassError.another_server(where)
    return fingerprint.pin(certificate)


def _refused(where: str, answer: Answer) -> ClassError:
    if not answer.status:
        return ClassError.no_answer(where)
    told = answer.body.get("error")
    return ClassError.refused(where, plain(told, 200) if isinstance(told, str) else say("status {n}", n=answer.status))
