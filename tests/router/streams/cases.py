"""Queries over three records, with what a real 5.1.1 makes of them (`python -m tests.golden.queries` asks one)."""

from __future__ import annotations

from typing import Any

A: dict[str, Any] = {
    "status": 503, "uri": "/b", "n": 1.5, "s": "404 x", "nest": {"a": {"b": 7}, "c": "t"}, "f": True, "g": False,
    "z": None, "neg": -3, "list": [1],
}  # fmt: skip
B: dict[str, Any] = {"status": 200, "uri": "/healthcheck", "n": 0.1, "s": "", "nest": "text"}
C: dict[str, Any] = {"status": "404", "uri": "it's", "n": 2}
RECORDS = (A, B, C)
NS = 1_796_043_039_168_760_593
"""The records' time."""

CONDITIONS: list[tuple[str, str]] = [
    ("status >= 200", "ABC"), ("status >= 200 AND uri <> '/healthcheck'", "AC"), ("uri != '/b'", "BC"),
    ("status > 400 and status < 600", "AC"), ("uri = '/b'", "A"), ("status = 503.0", "A"), ("status = '404'", "C"),
    ("z IS NULL", "A"), ("z IS NOT NULL", "BC"), ("missing IS NULL", ""), ("missing IS NOT NULL", "ABC"),
    ("f", "A"), ("g", ""), ("neg", ""), ("f = true", "A"), ("g = false", "A"), ("list", ""), ("list = 1", ""),
    ("s = 404", "A"), ("s > 403", "A"), ("s = ''", "B"), ("n = 1.5", "A"), ("n = 0.1", ""), ("n >= 2", "C"),
    ("nest['a']['b'] = 7", "A"), ("nest['c'] = 't'", "A"), ("nest['c'] = 'text'", "B"), ("nest['x'] = 1", ""),
    ("nest", "AB"), ("nest['a']", "AB"), ("uri < '/c'", "A"), ("uri > '/'", "ABC"), ("uri <= '/bb'", "A"),
    ("@record.contains(z)", "A"), ("@record.contains(missing)", ""), ("@record.contains(nest['a']['b'])", "AB"),
    ("@record.time() > 1.0", "ABC"), ("1", "ABC"), ("0", ""), ("-1", ""), ("'x'", "ABC"), ("true", "ABC"),
    ("uri = 'it''s'", "C"), ("NOT missing", "ABC"), ("NOT NOT status = 503", "A"),
    ("NOT uri = '/b' AND status = 200", "ABC"), ("uri = '/b' AND status = 1 OR status = 503", "A"),
    ("(uri = '/c' AND status = 1) OR status = 503", "A"), ("uri = '/c' AND status = 1 OR status = 503", ""),
    ("status <> 503 OR status <> 200", "ABC"),
]  # fmt: skip
"""What stands behind WHERE, and which of the records it takes."""

KEYS: list[tuple[str, list[dict[str, Any]]]] = [
    ("status", [{"status": 503}, {"status": 200}, {"status": "404"}]),
    ("status, uri AS u", [{"status": 503, "u": "/b"}, {"status": 200, "u": "/healthcheck"},
                          {"status": "404", "u": "it's"}]),
    ("RECORD_TAG()", [{"RECORD_TAG()": "in.0"}] * 3),
    ("record_tag() as t, nest['c']", [{"t": "in.0", "nest['c']": "t"}, {"t": "in.0", "nest['c']": "text"},
                                     {"t": "in.0"}]),
    ("nest['a'] AS x", [{"x": {"b": 7}}, {"x": "text"}]),
    ("missing", []),
    ("*, uri AS again", [{**body, "again": body["uri"]} for body in (A, B, C)]),
    ("RECORD_TIME() AS at", [{"at": 1796043039.1687605}] * 3),
]  # fmt: skip
"""What is selected, and the bodies that are made of the records."""
