"""How outcomes of suites of others are sorted."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.truth.used import is_other, sort, texts
from tests.truth.verdicts import Outcome, Verdict, judge, read_judged, row, short

JUDGED = read_judged(
    [
        "# a comment",
        "",
        "else | test_a.py::test_one | asks moto's process",
        "missing | test_a.py::test_two[x] | EC2",
        "else | test_b* | no such role | roles that nobody made",
    ]
)

EXPIRED = (
    "An error occurred (SignatureDoesNotMatch) when calling the CreateRole operation: Signature expired: {} is now "
    "earlier than 20261130T025014Z (20261130T030514Z - 15 min.)"
)
EARLY = "Signature not yet current: {} is still later than 20261130T032014Z (20261130T030514Z + 15 min.)"
"""What a test gets that stands still at a day of its own (freezegun), and what it would get of AWS."""


@pytest.mark.parametrize(
    ("outcome", "verdict"),
    [
        (Outcome("tests/test_a.py::test_x", "passed"), Verdict.PASS),
        (Outcome("tests/test_a.py::test_x", "skipped"), Verdict.SKIPPED),
        (Outcome("tests/test_a.py::test_x", "failed", "AssertionError", "1 != 2"), Verdict.FAULT),
        (Outcome("tests/test_b.py::test_x", "failed", "ClientError", "no such  role: r"), Verdict.ELSE),
        (Outcome("tests/test_b.py::test_x", "failed", "ClientError", "no such user"), Verdict.FAULT),
        (Outcome("tests/test_a.py::test_x", "failed", "ClientError", "no such role"), Verdict.FAULT),
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
        (Outcome("tests/test_a.py::test_x", "failed", "ClientError", EXPIRED.format("20120101T120000Z")), Verdict.ELSE),
        (Outcome("tests/test_a.py::test_x", "failed", "ClientError", EARLY.format("20400101T000000Z")), Verdict.ELSE),
        (
            Outcome("tests/test_a.py::test_x", "failed", "ClientError", EXPIRED.format("20261130T014500Z")),
            Verdict.FAULT,
        ),
        (
            Outcome("tests/test_a.py::test_x", "failed", "ClientError", "The request signature we calculated does not"),
            Verdict.FAULT,
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
    for line in ("fault | test_a.py::test_x", "else | test_a | without a star | reason", "else | test_a* || reason"):
        with pytest.raises(ValueError, match="line 1"):
            read_judged([line])
    assert short("a/b/test_c.py::test_d[x/y]") == "test_c.py::test_d[x/y]"


def test_what_is_met_is_known_by_a_tests_text() -> None:
    """A word of the rule, in the test or among its fixtures, makes it another's concern; its name does not."""
    source = (
        "class TestS3:\n"
        "    def test_sqs_by_name_only(self, aws_client):\n        aws_client.s3.put_object()\n"
        "    def test_queue(self, sqs_create_queue):\n        pass\n"
        "def test_key():\n    client.put_object(SSECustomerKey='k')\n"
    )
    found = {name: is_other(text) for name, text in texts(source).items()}
    assert found == {"TestS3::test_sqs_by_name_only": False, "TestS3::test_queue": True, "test_key": True}
    names = ("test_s3.py::TestS3::test_queue", "test_s3.py::test_key")
    outcomes = [Outcome(f"tests/aws/services/s3/{name}[1]", "passed") for name in names]
    met, others = sort(outcomes, {names[0]: "def f(): plain", names[1]: "def f(): SSECustomerKey"})
    assert (met, others) == (outcomes[:1], outcomes[1:])
