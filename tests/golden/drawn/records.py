"""Records as containers and applications send them, and some that nobody would: drawn from a seeded generator."""

from __future__ import annotations

import json
from random import Random
from typing import Any

SECONDS = 1636276442
KEYS = ("log", "level", "n", "k", "l", "a", "a.b", "msg", "K", "lo")
LINES = (
    "GET /index.html 200", "ERROR boom", "error: no such file", "", " ", 'a=1 b="two words" c', "level=warn n=5",
    '{"level":"error","n":2,"in":{"a":[1,2.5,null]}}', '{"log":"inner","time":"2021-11-07T09:14:02.5Z"}', '{"broken":',
    '10.0.11.7 - - [07/Nov/2021:09:14:02 +0000] "GET /a?b=c HTTP/1.1" 200 45 "-" "curl/7.79.1"', "tab\there", "5", "é",
    '10.0.11.7 - bob [07/Nov/2021:09:14:02 +0900] "POST /x" 500 -', "back\\slash", "x" * 300, "true", "[1,2]",
    "2021-11-07 09:14:02.123456 INFO started", "\u001b[31mred\u001b[0m", "emoji \U0001f600", "日本語のログ",
)  # fmt: skip
WORDS = ("error", "warn", "info", "ERROR", "", "x", "5", "app", "日本", "a b", "true")

USUAL = {"log": LINES, "level": WORDS}


def record(rng: Random) -> dict[str, Any]:
    """Return a record's body in the form of the recorded cases (`harness/forward.py` explains `$bin` and the like)."""
    keys = rng.sample(KEYS, rng.randint(0 if rng.random() < 0.05 else 1, 6))
    return {key: _of_key(rng, key) for key in keys}


def plain(rng: Random) -> dict[str, Any]:
    """Return a body that JSON can say: without `$bin` and the like."""
    return {key: _plain(rng, 1) for key in rng.sample(KEYS, rng.randint(1, 5))}


def time(rng: Random, number: int) -> Any:
    """Return the number-th record's time: seconds, or [seconds, nanoseconds]."""
    return SECONDS + number if rng.random() < 0.5 else [SECONDS + number, rng.choice([0, 1, 500_000_000, 123_456_789])]


def lines(rng: Random) -> str:
    """Return the content of a file that is read line by line."""
    chosen = [rng.choice([*LINES, json.dumps(plain(rng))]) for _ in range(rng.randint(1, 6))]
    return "\n".join(chosen) + "\n"


def _of_key(rng: Random, key: str) -> Any:
    if key == "k" and rng.random() < 0.8:
        return _map(rng, 2)
    if key in USUAL and rng.random() < 0.8:
        return rng.choice(USUAL[key])
    return _value(rng, 2)


def _value(rng: Random, depth: int) -> Any:
    if rng.random() < 0.1:
        odd = ({"$bin": "00ff41"}, {"$bytes": "41ff42"}, {"$float32": 1.5}, {"$int": 2**64 - 1}, {"$int": -(2**63)})
        return rng.choice(odd)
    return _plain(rng, depth)


def _plain(rng: Random, depth: int) -> Any:
    drawn = rng.random()
    if depth and drawn < 0.15:
        return _map(rng, depth - 1)
    if depth and drawn < 0.25:
        return [_plain(rng, depth - 1) for _ in range(rng.randint(0, 3))]
    if drawn < 0.55:
        return rng.choice(WORDS + LINES)
    if drawn < 0.8:
        return rng.choice([0, 1, -1, 5, 200, 2**31, 2**53 + 1, 2**63 - 1, -(2**31)])
    return rng.choice([True, False, None, 0.5, -1.5, 1e20, 3.0, 0.1])


def _map(rng: Random, depth: int) -> dict[str, Any]:
    keys = rng.sample(("a", "b", "a.b", "level", "x y", "in"), rng.randint(0, 3))
    return {key: _value(rng, depth) for key in keys}
