"""What the judges of notebook 05 say of queries that a trainee wrote."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from lab_helpers.exercises.steps import looks, n05
from lab_helpers.exercises.steps.step import Verdict
from tests.exercises import insights

AT = "10.0.11.1 - - [30/Nov/2026:10:59:08 +0000]"
LINES = [
    f'{AT} "GET / HTTP/1.1" 200 45',
    f'{AT} "GET /missing HTTP/1.1" 404 196',
    f'{AT} "GET / HTTP/1.1" 200 45 "-" "ELB-HealthChecker/2.0"',
    f'{AT} "GET /?id=1 HTTP/1.1" 200 45 "-" "ELB-HealthChecker/2.0"',
    f'{AT} "GET / HTTP/1.1" 200 45 "http://shop/" "Mozilla/5.0 (a visitor)"',
]


@pytest.fixture(autouse=True)
def _lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """The group holds LINES, and nobody sends a request."""
    monkeypatch.setattr(insights, "LINES", LINES)
    monkeypatch.setattr(looks, "line_of_a_request", lambda *_: "")


def judged(check: Any, query: str) -> Verdict:
    lab = SimpleNamespace(client=lambda _: insights.Insights(), outputs=SimpleNamespace(httpd_log_group="g"))
    return cast(Verdict, check(lab, query))


@pytest.mark.parametrize(
    "query",
    [
        """parse log '* "*" "*"' as begin, referer, agent | stats count(*) by agent""",
        """parse log '* "*" * * "*" "*"' as a, b, c, d, e, agent | stats count(*) as n by agent | sort n desc""",
        """parse log /"(?<agent>[^"]*)"$/ | stats count(*) by agent""",
        """filter log like /" "/ | parse log '* "*" "*"' as a, b, agent | stats count(*) by agent""",
    ],
)
def test_each_way_to_count_by_agent_passes(query: str) -> None:
    """With or without a row for the older lines, whatever the fields are called."""
    found = judged(n05.counts_by_agent, query)
    assert found.is_passed, found.why
    assert found.why.startswith("2 user agents")


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("stats count(*) by log", "is no user agent"),
        ("""parse log '* "*" "*"' as a, b, agent | stats count(*) by agent, b""", "is no user agent"),
        (
            """filter log like /id=|Mozilla/ | parse log '* "*" "*"' as a, b, agent | stats count(*) by agent""",
            "counts 1 lines of ELB-HealthChecker/2.0; there are 2",
        ),
        ("""parse log '* "*" "*"' as a, b, agent | stats count(*) by b""", "health checker"),
        ("""parse log '* "*" "*"' as a, b, agent | display agent | limit 9""", "no number"),
    ],
)
def test_what_is_no_count_of_each_agent_is_told_why(query: str, reason: str) -> None:
    """A row a line has the health checker in it, too, and passed."""
    found = judged(n05.counts_by_agent, query)
    assert not found.is_passed
    assert reason in found.why


@pytest.mark.parametrize(
    ("query", "rows", "columns"),
    [("fields log | limit 3", 3, 1), ('filter log like /" 404 / | stats count(*), count(log)', 1, 2)],
)
def test_one_number_is_wanted_alone(query: str, rows: int, columns: int) -> None:
    """One row of two numbers is not told that there is to be one row."""
    found = judged(n05.counts_missing_pages, query)
    assert not found.is_passed
    assert found.why.startswith(f"The query gives {rows} rows of {columns} columns.")
