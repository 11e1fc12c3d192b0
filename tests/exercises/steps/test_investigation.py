"""What the judges of notebook 07 say of answers in forms of the trainee's own, and of what looks like one."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pandas as pd
import pytest

from lab_helpers.exercises.steps import investigation, looks
from lab_helpers.exercises.steps.step import Verdict

PHONE, DESK = "Mozilla/5.0 (iPhone) Mobile/15E148", "Mozilla/5.0 (X11)"
ROWS = [
    ("203.0.113.1", DESK, "/search/", "a?id=1", 404, 400.0, "person"),
    ("203.0.113.2", DESK, "/search/", "b?id=1", 200, 900.0, "crawler"),
    ("203.0.113.2", DESK, "/search/", "c?id=1", 200, 700.0, "crawler"),
    ("203.0.113.3", PHONE, "/checkout/thanks.html", "d?id=1", 500, 2.0, "person"),
    ("203.0.113.3", PHONE, "/checkout/thanks.html", "e?id=1", 200, 2.0, "person"),
    ("203.0.113.4", DESK, "/checkout/thanks.html", "f?id=1", 200, 2.0, "person"),
]
TRUTH = pd.DataFrame(ROWS, columns=["client", "user_agent", "path", "query", "status", "duration_ms", "kind"])
TRUTH["is_slow"] = TRUTH["duration_ms"] > 300
VISITS = TRUTH.assign(is_health_check=False)
STATUSES = pd.DataFrame({"status": ["200", "404", "500"], "requests": [4, 1, 1]})


def judged(check: Any, answer: Any) -> Verdict:
    frames = {"visitors-truth": TRUTH, "visits": VISITS}
    lab = SimpleNamespace(notes=SimpleNamespace(frame=lambda name, *_: frames[name]))
    return cast(Verdict, check(lab, answer))


@pytest.mark.parametrize("answer", [float("nan"), 16.6, -0.1])
def test_a_share_is_a_number_between_0_and_1(answer: float) -> None:
    """What is no number is neither too small nor too large, and passed."""
    assert "between 0 and 1" in judged(investigation.shares_errors, answer).why


def test_a_share_passes() -> None:
    """Two of six, a 404 and a 500."""
    assert judged(investigation.shares_errors, 2 / 6).is_passed


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (VISITS[VISITS["is_slow"]].groupby("client")["duration_ms"].sum(), "the numbers are not"),
        (VISITS[VISITS["is_slow"]].groupby("client")["duration_ms"].max(), "the numbers are not"),
        (pd.Series({"203.0.113.1": "one", "203.0.113.2": "two"}), "has the most requests here"),
        (VISITS[VISITS["duration_ms"] > 800].groupby("client").size(), "Some who waited"),
    ],
)
def test_slow_answers_are_counted(answer: pd.Series, reason: str) -> None:
    """The sum of their durations names the right client, and passed."""
    found = judged(investigation.slow_by_client, answer)
    assert not found.is_passed
    assert reason in found.why


def test_the_count_of_slow_answers_passes() -> None:
    """In any order, and with the zeros that value_counts has of a categorical column, such as the notebook's."""
    clients = VISITS[VISITS["is_slow"]]["client"]
    assert judged(investigation.slow_by_client, clients.value_counts()).is_passed
    every = clients.astype(pd.CategoricalDtype(sorted(VISITS["client"].unique())))
    assert len(every.value_counts()) == 4
    assert judged(investigation.slow_by_client, every.value_counts()).is_passed


@pytest.mark.parametrize(
    "labels", [[True, False], ["phone", "other"], ["Mobile", "PC"], ["スマートフォン", "それ以外"]]
)
def test_the_rows_of_payments_may_be_called_anything(labels: list[Any]) -> None:
    """As long as one of them is called a phone."""
    assert judged(investigation.failed_payments_by_phone, pd.Series([0.5, 0.0], index=labels)).is_passed


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (pd.Series([0.0, 0.5], index=["phone", "other"]), "shares are not right"),
        (pd.Series([0.5, 0.0], index=["a", "b"]), "They are called a, b."),
        (pd.Series(["half", "none"], index=[True, False]), "shares are not right"),
        (pd.DataFrame({"share": [0.5, 0.0]}), "two rows"),
    ],
)
def test_shares_of_payments_are_told_what_is_wrong(answer: Any, reason: str) -> None:
    """Exchanged, without a name, no numbers, no Series."""
    found = judged(investigation.failed_payments_by_phone, answer)
    assert not found.is_passed
    assert reason in found.why


@pytest.mark.parametrize(
    ("rows", "is_right"),
    [
        (STATUSES, True),
        (STATUSES[["requests", "status"]], True),
        (STATUSES.assign(requests=[3, 2, 1]), False),
        (pd.DataFrame({"method": ["GET", "POST", "HEAD"], "requests": [4, 1, 1]}), False),
        (pd.DataFrame({"status": ["200", None, "500"], "what": ["GET", "POST", ""]}), False),
    ],
)
def test_two_columns_in_any_order(monkeypatch: pytest.MonkeyPatch, rows: pd.DataFrame, is_right: bool) -> None:
    """The count may stand first; a text in its place is a wrong answer, and no error."""
    answered = rows.copy()
    answered.attrs["scanned_bytes"] = 1
    monkeypatch.setattr(investigation.sql, "ask", lambda *_: answered)
    assert judged(investigation.statuses_in_sql, "SELECT").is_passed is is_right


AT = '10.0.11.1 - - [30/Nov/2026:10:59:08 +0000] "GET / HTTP/1.1" 200 45 "-" "curl/8.0"'


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        ("", "no time in it"),
        (' 0 "203.0.113.9"', "a time of 0"),
        (" 321", "address is not"),
        (' 321 "203.0.113.9"', ""),
    ],
)
def test_the_format_has_microseconds_and_client(monkeypatch: pytest.MonkeyPatch, end: str, reason: str) -> None:
    """%T prints whole seconds: 0 for all that this service answers."""
    monkeypatch.setattr(looks, "line_of_a_request", lambda *_: AT + end)
    found = judged(investigation.prints_time_and_client, None)
    assert found.is_passed is (not reason)
    assert reason in found.why
