"""A day of visitors: planned by a seed, sent within seconds, with what each request must get.

The day has a shape: few by night, more in the morning, most at noon and in the evening.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from lab_helpers.base.errors import SettingsError
from lab_helpers.base.parallel import OnProgress
from lab_helpers.logs.frames import STRING
from lab_helpers.traffic import check_id, new_run_id
from lab_helpers.visitors import people, sender, site
from lab_helpers.visitors.defaults import DEFAULT_REQUESTS, DEFAULT_SECONDS, MINUTES
from lab_helpers.visitors.people import Client, Step
from lab_helpers.visitors.planned import Planned

MOST_REQUESTS = 200_000
_SHARES = {"shopper": 0.80, "home": 0.06, "crawler": 0.08, "scanner": 0.03, "monitor": 0.03}
"""Of the requests, roughly: whole walks are dealt out until there are enough."""
KINDS = tuple(_SHARES)
_CLIENT_POOL = 0.6
"""Share of walks by somebody who has not been here before."""


@dataclass(frozen=True)
class Visitors:
    """What was sent and what must be found: `truth` one row a request, `sent` what came back."""

    run_id: str
    seed: int
    truth: pd.DataFrame
    """time (of the day, minutes after midnight as a Timedelta), id, client, kind, user_agent, method, path, query,
    referer, status, bytes (missing for error pages and 304), is_slow.
    """
    sent: pd.DataFrame
    """As `traffic.send`: id, method, path (with query), status, sent_at, elapsed_ms, error; and client, kind."""


def visit(
    url: str,
    seed: int = 1,
    requests: int = DEFAULT_REQUESTS,
    seconds: float = DEFAULT_SECONDS,
    minutes_of_the_day: tuple[int, int] = (0, MINUTES),
    *,
    run_id: str = "",
    on_progress: OnProgress | None = None,
) -> Visitors:
    """Plan a day and send it to `url` within about `seconds`; raises SettingsError for impossible numbers.

    The same seed, number and part of the day give the same visitors; only ids' prefix and times of sending differ.
    """
    planned = plan(seed, requests, seconds, minutes_of_the_day, run_id=run_id)
    sent = sender.send(url, planned, on_progress=on_progress)
    return Visitors(run_id or _run_of(planned), seed, truth(planned), sent)


def plan(
    seed: int = 1,
    requests: int = DEFAULT_REQUESTS,
    seconds: float = DEFAULT_SECONDS,
    minutes_of_the_day: tuple[int, int] = (0, MINUTES),
    *,
    run_id: str = "",
) -> list[Planned]:
    """Return the requests in the order of their times; raises SettingsError."""
    begin, end = minutes_of_the_day
    if not 0 <= begin < end <= MINUTES:
        raise SettingsError("minutes_of_the_day", minutes_of_the_day, "two minutes from 0 to 1440, the earlier first")
    if not 0 < requests <= MOST_REQUESTS:
        raise SettingsError("requests", requests, f"a number from 1 to {MOST_REQUESTS}")
    if not seconds > 0:
        raise SettingsError("seconds", seconds, "positive")
    name = check_id(run_id or new_run_id())
    day = sorted(_day(random.Random(seed), requests, begin, end), key=lambda each: each[0])
    per_minute = seconds / (end - begin)
    return [
        _planned(f"{name}-{number}", minute, client, step, (minute - begin) * per_minute)
        for number, (minute, client, step) in enumerate(day)
    ]


def truth(planned: list[Planned]) -> pd.DataFrame:
    """Return the plan as a frame: `Visitors.truth`."""
    frame = pd.DataFrame(planned)
    frame["time"] = pd.to_timedelta(frame["minute"], unit="min").dt.floor("s")
    frame["bytes"] = frame["bytes"].astype("Int64")
    frame["status"] = frame["status"].astype("Int16")
    for name in ("id", "client", "user_agent", "path", "query", "referer"):
        frame[name] = frame[name].astype(STRING)
    for name in ("kind", "method"):
        frame[name] = frame[name].astype("category")
    columns = ["time", "id", "client", "kind", "user_agent", "method", "path", "query", "referer", "status", "bytes"]
    return frame[[*columns, "is_slow"]]


def weight(minute: float) -> float:
    """Return how many come at a minute of the day, compared with others: a morning, a noon and an evening."""
    hour = minute / 60
    peaks = ((9.5, 1.8, 0.55), (12.5, 1.0, 0.9), (20.0, 2.2, 1.0))
    return 0.06 + sum(height * math.exp(-(((hour - at) / width) ** 2)) for at, width, height in peaks)


def _day(rnd: random.Random, requests: int, begin: int, end: int) -> Iterator[tuple[float, Client, Step]]:
    """Yield minute, client and step of as many requests as wanted, walk by walk."""
    minutes = range(begin, end)
    weights = list(itertools.accumulate(weight(minute) for minute in minutes))
    left = {kind: round(requests * share) for kind, share in _SHARES.items()}
    left["shopper"] += requests - sum(left.values())
    newcomers, known = people.addresses(rnd), list[Client]()
    agents = {"crawler": people.CRAWLER, "scanner": people.SCANNER, "monitor": people.MONITOR}
    fixed = {kind: Client(address, agents[kind], kind) for address, kind in people.MACHINES.items()}
    for kind in KINDS:
        number = left[kind]
        while number > 0:
            if kind == "monitor":  # evenly, day and night
                minute = begin + (end - begin) * (left[kind] - number + 0.5) / left[kind]
            else:
                minute = rnd.choices(minutes, cum_weights=weights)[0] + rnd.random()
            client, is_back = _client(rnd, kind, fixed, newcomers, known)
            steps = _walk(rnd, kind, client, is_back)[:number]
            number -= len(steps)
            for step in steps:
                minute = min(minute + step.after_s / 60, end - 0.001)
                yield minute, client, step


def _client(
    rnd: random.Random, kind: str, fixed: dict[str, Client], newcomers: Iterator[str], known: list[Client]
) -> tuple[Client, bool]:
    if kind in fixed:
        return fixed[kind], False
    if kind == "shopper" and known and rnd.random() > _CLIENT_POOL:
        return rnd.choice(known), True
    client = Client(next(newcomers), rnd.choice(people.BROWSERS), kind)
    if kind == "shopper":
        known.append(client)
    return client, False


def _walk(rnd: random.Random, kind: str, client: Client, is_back: bool) -> list[Step]:
    if kind == "shopper":
        return people.shopper(rnd, client, is_back)
    return {"home": people.home, "crawler": people.crawler, "scanner": people.scanner, "monitor": people.monitor}[kind](
        rnd, client
    )


def _planned(name: str, minute: float, client: Client, step: Step, due_s: float) -> Planned:
    answer = site.expected(step.path, step.query, is_known=step.is_known)
    query = "&".join(filter(None, [step.query, f"id={name}" if step.has_id else ""]))
    return Planned(
        name, client.address, client.kind, client.user_agent, step.method, step.path, query, step.referer,
        step.is_known, answer.status, answer.size, answer.is_slow, minute, due_s,
    )  # fmt: skip


def _run_of(planned: list[Planned]) -> str:
    return planned[0].id.rpartition("-")[0]
