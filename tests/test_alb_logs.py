from __future__ import annotations

import gzip

import pandas as pd
import pytest

from lab_helpers import alb_logs, audit, s3_logs
from tests.support.fake_aws import FakeS3, at
from tests.support.log_samples import request_line
from tests.test_audit import lines, requests

KEY = "AWSLogs/123456789012/elasticloadbalancing/ap-northeast-1/2021/11/07/x_{}.log.gz"
ENTRY = (
    "http 2021-11-07T09:14:02.186641Z app/lab-alb/50dc6c495c0c9188 203.0.113.7:2817 10.0.11.20:80 0.001 0.002 0.000 "
    '200 200 34 366 "GET http://lab-alb.example:80/?id=r-0 HTTP/1.1" "curl/7.46.0" - - '
    "arn:aws:elasticloadbalancing:ap-northeast-1:123456789012:targetgroup/lab-tg/73e2d6bc24d8a067 "
    '"Root=1-58337262-36d228ad5d99923122bbe354" "-" "-" 0 2021-11-07T09:14:02.183000Z "forward" "-" "-" '
    '"10.0.11.20:80" "200" "-" "-" TID_1234abcd5678ef90'
)
REFUSED = (
    "http 2021-11-07T09:14:03.000000Z app/lab-alb/50dc6c495c0c9188 203.0.113.7:2818 - -1 -1 -1 503 - 34 366 "
    '"GET http://lab-alb.example:80/?id=r-1 HTTP/1.1" "a \\"b\\"" - - - "Root=1-2" "-" "-" 0 '
    '2021-11-07T09:14:03.000000Z "forward" "-" "-" "-" "-" "-" "-"'
)


def log(*entries: str) -> FakeS3:
    body = gzip.compress("\n".join(entries).encode() + b"\n")
    return FakeS3({KEY.format(1): (body, at(20)), "AWSLogs/123456789012/ELBAccessLogTestFile": (b"test", at(1))})


def test_an_entry_becomes_a_typed_row() -> None:
    """Times, durations, sizes and the request are read; fields that AWS added later are passed over."""
    row = alb_logs.read_entries(log(ENTRY), "b").iloc[0]
    assert (row["id"], row["client"], row["target"]) == ("r-0", "203.0.113.7:2817", "10.0.11.20:80")
    assert (row["path"], row["query"], row["elb_status"], row["target_status"]) == ("/", "id=r-0", 200, 200)
    assert row["created_at"] == pd.Timestamp("2021-11-07T09:14:02.183Z")
    assert (row["request_s"], row["target_s"], row["sent_bytes"]) == (0.001, 0.002, 366)
    assert row["delivered_at"] == pd.Timestamp(at(20))


def test_no_target_is_missing() -> None:
    """What AWS prints as `-` or -1 is missing, not a number."""
    row = alb_logs.read_entries(log(REFUSED), "b").iloc[0]
    assert row[["target", "request_s", "target_s", "target_status"]].isna().all()
    assert row["elb_status"] == 503


@pytest.mark.parametrize("line", ["text", ENTRY[:200], ENTRY.replace(" 366 ", " x "), ENTRY.replace("-07T", "-37T")])
def test_other_lines_are_kept_and_marked(line: str) -> None:
    """What is no entry is a row with its line and the reason."""
    frame = alb_logs.read_entries(log(ENTRY, line), "b")
    assert frame["problem"].astype(object).tolist()[1] == alb_logs.NOT_ALB
    assert frame["line"].iloc[1] == line
    assert s3_logs.damaged(frame).empty


def test_the_test_file_is_no_entry_and_no_log_has_all_columns() -> None:
    """A bucket with AWS's test file alone gives an empty frame with all columns."""
    empty = alb_logs.read_entries(FakeS3({"AWSLogs/1/ELBAccessLogTestFile": (b"test", at(1))}), "b")
    assert empty.empty
    assert empty.columns.tolist() == alb_logs.ALB_SCHEMA.names


def test_the_audit_takes_the_load_balancers_word() -> None:
    """With its log the audit counts entries, names requests missing in it, and tells the first hops."""
    seen = lines(request_line("r-0"), request_line("r-1"))
    result = audit.reconcile(requests("r-0", "r-1"), seen, seen, alb_logs.read_entries(log(ENTRY), "b"))
    assert result.summary.in_alb == 1
    assert result.requests["verdict"].tolist() == ["accounted", "missing in alb"]
    assert result.requests["to_alb_s"].iloc[0] == pytest.approx(1.183)
    assert result.requests["in_target_s"].iloc[0] == 0.002
