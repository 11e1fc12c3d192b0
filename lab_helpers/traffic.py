"""Paced HTTP requests to the load balancer, each with an id of its own that the access log will show.

Open loop: request n is due n / rate seconds after the start, however long the earlier ones take, as with real users.
"""

from __future__ import annotations

import itertools
import re
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple, Self
from urllib.parse import urlsplit

import urllib3

from lab_helpers.base.errors import NoAnswerError, SettingsError
from lab_helpers.base.lazy import pa, pd
from lab_helpers.base.parallel import OnProgress, Progress, in_order
from lab_helpers.logs import frames
from lab_helpers.logs.frames import CATEGORY, TIME

REQUEST_SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("method", CATEGORY),
        ("path", pa.string()),
        ("status", pa.int16()),
        ("sent_at", TIME),
        ("elapsed_ms", pa.float64()),
        ("error", CATEGORY),
    ]
)
WORKERS = 16
TIMEOUT_S = 10.0
ID_PATTERN = r"(?:[?&]id=|/req/)([A-Za-z0-9_.-]+)"
"""Finds a request's id in a request target: `/?id=<id>` (httpd answers 200) or `/req/<id>` (404)."""
_RUN_ID = re.compile(r"[A-Za-z0-9_.-]+")
BY_HAND_AGENT = "firelens-lab (by hand)"


class Planned(NamedTuple):
    """One request to send, `due_s` seconds after the start."""

    id: str
    method: str
    path: str
    due_s: float


@dataclass(frozen=True)
class ByHand:
    """One request sent by hand: the bytes that went out and came back, as text, and when."""

    id: str
    url: str
    request: str
    answer: str
    sent_at: datetime
    answered_at: datetime

    @property
    def status(self) -> int:
        """The status of the answer."""
        return int(self.answer.split(" ", 2)[1])

    def as_note(self) -> dict[str, str]:
        """Return it ready for JSON."""
        return {name: value if isinstance(value, str) else value.isoformat() for name, value in asdict(self).items()}

    @classmethod
    def of_note(cls, note: Mapping[str, str]) -> Self:
        """Take what `as_note` returned."""
        times = {name: datetime.fromisoformat(note[name]) for name in ("sent_at", "answered_at")}
        return cls(**{**note, **times})  # type: ignore[arg-type]

    def __str__(self) -> str:
        return f"{self.request.strip()}\n\n{self.answer.strip()}"


def by_hand(url: str, request_id: str = "") -> ByHand:
    """Send ONE GET for the start page with an id of its own (a new one when none is given) and return both texts.

    Raises SettingsError for an id that a path cannot carry, NoAnswerError when nothing answers.
    """
    name = check_id(request_id or f"by-hand-{datetime.now(UTC):%H%M%S}-{secrets.token_hex(2)}")
    where = urlsplit(url)
    address, target = (where.hostname or "", where.port or 80), f"/?id={name}"
    request = (
        f"GET {target} HTTP/1.1\r\nHost: {where.netloc}\r\nUser-Agent: {BY_HAND_AGENT}\r\nConnection: close\r\n\r\n"
    )
    sent_at = datetime.now(UTC)
    try:
        with socket.create_connection(address, TIMEOUT_S) as connection:
            connection.sendall(request.encode())
            answer = b"".join(iter(lambda: connection.recv(65_536), b""))
    except OSError as exc:
        raise NoAnswerError(url, str(exc)) from exc
    if not answer:
        raise NoAnswerError(url, "the connection was closed without an answer")
    text = answer.decode("latin-1").replace("\r\n", "\n")
    return ByHand(name, url, request.replace("\r\n", "\n"), text, sent_at, datetime.now(UTC))


def check_id(request_id: str) -> str:
    """Return an id that a path and a query can carry; raises SettingsError for any other text."""
    if not _RUN_ID.fullmatch(request_id):
        raise SettingsError("id", request_id, "letters, digits, `-`, `_` and `.`")
    return request_id


def send(
    url: str,
    count: int,
    rate_per_s: float,
    run_id: str,
    *,
    missing_share: float = 0.0,
    methods: tuple[str, ...] = ("GET",),
    workers: int = WORKERS,
    on_progress: OnProgress | None = None,
    monotonic: Callable[[], float] = time.monotonic,
    pause: Callable[[float], object] | None = None,
) -> pd.DataFrame:
    """Send `count` requests to `url` (scheme, host, port) and return one row a request, in the order sent.

    Columns: id (`<run_id>-<n>`), method, path, status (Int16, missing when there was no answer), sent_at (UTC),
    elapsed_ms (until the whole answer was read), error (missing when there was an answer).
    `missing_share` (0 to 1) of the requests, evenly spread, ask for a page that is not there: 404. Nothing is
    retried, so that each id is sent once. Raises SettingsError for impossible numbers or a run id that a path cannot
    carry.
    """
    planned = list(plan(count, rate_per_s, run_id, missing_share, methods))
    pause = pause or threading.Event().wait
    started = monotonic()
    rows: list[tuple[Any, ...]] = []

    with urllib3.PoolManager(maxsize=workers, retries=False, timeout=TIMEOUT_S) as pool:

        def send_one(request: Planned) -> tuple[Any, ...]:
            early_s = started + request.due_s - monotonic()
            if early_s > 0:
                pause(early_s)
            return _send_one(pool, url.rstrip("/"), request)

        # never ahead of the plan: a worker holds one request at a time and waits until it is due
        for row in in_order(send_one, planned, workers, ahead=4 * workers):
            rows.append(row)
            if on_progress:
                on_progress(Progress(len(rows), count, "requests"))
    columns = dict(zip(REQUEST_SCHEMA.names, zip(*rows, strict=True), strict=True)) if rows else {}
    return frames.to_frame([frames.from_columns(columns, len(rows), REQUEST_SCHEMA)], REQUEST_SCHEMA)


def new_run_id() -> str:
    """Return a run id that no other run has: the UTC time and four random characters."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(2)}"


def plan(
    count: int, rate_per_s: float, run_id: str, missing_share: float = 0.0, methods: tuple[str, ...] = ("GET",)
) -> Iterator[Planned]:
    """The requests that `send` makes: pure, so the same arguments give the same requests."""
    if count < 0 or not rate_per_s > 0:
        raise SettingsError("rate_per_s" if count >= 0 else "count", rate_per_s if count >= 0 else count, "positive")
    if not 0 <= missing_share <= 1:
        raise SettingsError("missing_share", missing_share, "a share from 0 to 1")
    if not _RUN_ID.fullmatch(run_id):
        raise SettingsError("run_id", run_id, "letters, digits, `-`, `_` and `.`")
    return _planned(count, rate_per_s, run_id, missing_share, methods)


def request_id(target: pd.Series) -> pd.Series:
    """The lab's request id in each request target (path with query); missing where there is none."""
    return target.astype(frames.STRING).str.extract(ID_PATTERN, expand=False)


def _planned(
    count: int, rate_per_s: float, run_id: str, missing_share: float, methods: tuple[str, ...]
) -> Iterator[Planned]:
    for n, method in zip(range(count), itertools.cycle(methods), strict=False):
        name = f"{run_id}-{n}"
        # the running total of missing pages rises by one: this spreads them evenly
        is_missing = int((n + 1) * missing_share) > int(n * missing_share)
        yield Planned(name, method, f"/req/{name}" if is_missing else f"/?id={name}", n / rate_per_s)


def _send_one(pool: urllib3.PoolManager, url: str, request: Planned) -> tuple[Any, ...]:
    sent_at, started = datetime.now(UTC), time.perf_counter()
    status, error = None, None
    try:
        status = pool.request(request.method, url + request.path).status
    except urllib3.exceptions.HTTPError as exc:
        error = type(exc).__name__
    elapsed_ms = (time.perf_counter() - started) * 1000
    return request.id, request.method, request.path, status, sent_at, elapsed_ms, error
