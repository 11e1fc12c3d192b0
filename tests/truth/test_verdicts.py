"""How outcomes of suites of others are sorted."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.truth.verdicts import Outcome, Verdict, judge, read_judged, row, short

JUDGED = read_judged(
    ["# a comment", "", "else | test_a.py::test_one | asks moto's process", "missing | test_a.py::test_two[x] | EC2"]
)


@pytest.mark.parametrize(
    ("outcome", "verdict"),
    [
        (Outcome("tests/test_a.py::test_x", "passed"), Verdict.PASS),
        (Outcome("tests/test_a.py::test_x", "skipped"), Verdict.SKIPPED),
        (Outcome("tests/test_a.py::test_x", "failed", "AssertionError", "1 != 2"), Verdict.FAULT),
        (Outcome("tests/test_a.py::test_one[a/b]", "failed", "AssertionError"), Verdict.ELSE),
        (Outcome("tests/test_a.py::test_two[x]", "failed"), Verdict.MISSING),
        (Outcome("tests/test_a.py::test_two[y]", "failed"), Verdict.FAULT),
        (
            Outcome("tests/test_a.py::test_x", "failed", "ClientError", "The local AWS has Fargate only"),
            Verdict.MISSING,
        ),
        (
            Outcome("tests/test_a.py::test_x", "failed", "ConnectionError", "http://localhost:5000/moto-api"),
            Verdict.ELSE,
        ),
    ],
)
def test_a_failure_that_nobody_judged_is_a_fault(outcome: Outcome, verdict: Verdict) -> None:
    """A person's verdict counts first, then what the local AWS says itself, then signs of another server."""
    assert judge(outcome, JUDGED) is verdict


def test_a_row_counts_each_test_once() -> None:
    """Skipped tests are not run."""
    told = row("moto", "sts", [Verdict.PASS, Verdict.PASS, Verdict.FAULT, Verdict.SKIPPED])
    assert told == "| moto | sts | 3 | 2 | 1 | 0 | 0 | 1 |"


def test_the_judged_list_is_readable() -> None:
    """Each line has a verdict, a test and a reason; a line of another form is refused."""
    read_judged((Path(__file__).parent / "judged.txt").read_text().splitlines())
    with pytest.raises(ValueError, match="line 1"):
        read_judged(["fault | test_a.py::test_x"])
    assert short("a/b/test_c.py::test_d[x/y]") == "test_c.py::test_d[x/y]"
