from __future__ import annotations

import pandas as pd
import pytest

from lab_helpers import audit
from lab_helpers.base.errors import CheckFailedError
from lab_helpers.logs import frames, records
from lab_helpers.traffic import REQUEST_SCHEMA
from tests.support.log_samples import HEALTH_CHECK, TASKS, ndjson, record, request_line


def requests(*ids: str, unanswered: tuple[str, ...] = ()) -> pd.DataFrame:
    """Requests of 09:14:01, all answered with 200 but those named."""
    sent_at = pd.Timestamp("2021-11-07T09:14:01Z")
    columns = {
        "id": ids,
        "method": ["GET"] * len(ids),
        "path": [f"/?id={i}" for i in ids],
        "status": [None if i in unanswered else 200 for i in ids],
        "sent_at": [sent_at] * len(ids),
        "elapsed_ms": [1.0] * len(ids),
    }
    return frames.to_frame([frames.from_columns(columns, len(ids), REQUEST_SCHEMA)], REQUEST_SCHEMA)


def lines(*texts: str, **times: str) -> pd.DataFrame:
    """Log lines, dealt out to two tasks in turn."""
    table, _ = records.read(ndjson(*(record(text, TASKS[n % 2]) for n, text in enumerate(texts))))
    frame = frames.to_frame([table])
    for column, moment in times.items():
        frame[column] = pd.Series(pd.Timestamp(moment), index=frame.index).dt.as_unit("us")
    return frame


def test_all_is_accounted_and_hops_are_measured() -> None:
    """With each request once in each place the audit is complete; it says which task served and how long it took."""
    cloudwatch = lines(request_line("r-0"), request_line("r-1"), HEALTH_CHECK, ingested_at="2021-11-07T09:14:06Z")
    s3 = lines(request_line("r-1"), request_line("r-0"), delivered_at="2021-11-07T09:15:01Z")
    result = audit.reconcile(requests("r-0", "r-1"), cloudwatch, s3)
    result.require_complete()
    assert result.summary.is_complete
    assert result.requests["verdict"].tolist() == ["accounted", "accounted"]
    assert result.requests["to_cloudwatch_s"].tolist() == [5, 5]
    assert result.requests["to_s3_s"].tolist() == [60, 60]
    assert result.requests["task"].tolist() == list(TASKS)
    assert result.summary.tasks == 2
    assert (result.summary.health_checks_cloudwatch, result.summary.health_checks_s3) == (1, 0)
    assert result.unaccounted.empty


def test_missing_doubled_and_stranger_are_told_apart() -> None:
    """Each request that is not once in each place gets the place and the fault in its verdict, and the step fails."""
    cloudwatch = lines(*map(request_line, ["r-0", "r-1", "r-1", "old-7"]))
    s3 = lines(*map(request_line, ["r-0", "r-1"]))
    result = audit.reconcile(requests("r-0", "r-1", "r-2"), cloudwatch, s3)
    assert result.requests["verdict"].tolist() == [
        "accounted",
        "doubled in cloudwatch",
        "missing in cloudwatch, missing in s3",
    ]
    assert (result.summary.missing, result.summary.doubled, result.summary.strangers) == (1, 1, 1)
    with pytest.raises(CheckFailedError, match=r"1 are missing and 1 are doubled.*r-1 \(doubled in cloudwatch\)"):
        result.require_complete()


def test_late_is_told_but_no_loss() -> None:
    """With a bound a request that took longer is late; the audit stays complete."""
    cloudwatch = lines(request_line("r-0"), ingested_at="2021-11-07T09:14:06Z")
    s3 = lines(request_line("r-0"), delivered_at="2021-11-07T09:16:01Z")
    result = audit.reconcile(requests("r-0"), cloudwatch, s3, cloudwatch_within_s=10, s3_within_s=90)
    assert result.requests["verdict"].tolist() == ["late in s3"]
    assert (result.summary.late, result.summary.is_complete) == (1, True)
    result.require_complete()


def test_no_answer_is_not_held_against_the_logs() -> None:
    """A request that was never answered and is in no log is no loss; one that is in a log must be in all."""
    seen = lines(request_line("r-1"))
    result = audit.reconcile(requests("r-0", "r-1", unanswered=("r-0", "r-1")), seen, seen)
    assert result.requests["verdict"].tolist() == ["no answer", "accounted"]
    assert result.summary.is_complete


def test_empty_logs_lose_everything() -> None:
    """Frames without rows are as good as any: everything is missing."""
    result = audit.reconcile(requests("r-0"), frames.empty(), frames.empty())
    assert result.summary.missing == 1
    assert result.summary.tasks == 0


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (HEALTH_CHECK, True),
        (HEALTH_CHECK.replace("10.0.11.20", "203.0.113.9"), False),
        (HEALTH_CHECK.replace("GET / ", "GET /?id=r-1 "), False),
        (HEALTH_CHECK.replace("GET / ", "HEAD / "), False),
        (HEALTH_CHECK + ' "-" "ELB-HealthChecker/2.0"', True),
        (HEALTH_CHECK + ' "-" "curl/8"', False),
        ("AH00558: not an access-log line", False),
    ],
)
def test_health_checks_are_told_from_traffic(line: str, expected: bool) -> None:
    """`GET /` from the lab's network without an id is a health check; a user agent, where logged, decides."""
    assert audit.is_health_check(lines(line)).tolist() == [expected]


def test_a_clock_that_is_ahead_is_told() -> None:
    """A line that was there before its request was sent: the clocks disagree. S3's whole seconds alone are no sign."""
    arrived = {"ingested_at": "2021-11-07T09:13:58Z"}
    summary = audit.reconcile(
        requests("r-0"), lines(request_line("r-0"), **arrived), lines(request_line("r-0"))
    ).summary
    assert summary.clock_ahead_s == 3.0
    assert "This machine's clock is ahead by 3.0 s or more" in str(summary)
    in_time = lines(request_line("r-0"), ingested_at="2021-11-07T09:14:02Z")
    in_s3 = lines(request_line("r-0"), delivered_at="2021-11-07T09:14:00Z")
    assert audit.reconcile(requests("r-0"), in_time, in_s3).summary.clock_ahead_s == 0.0


def test_one_line_less_is_noticed() -> None:
    """Whichever line is taken away, from whichever place: the step fails, and names its request."""
    places = [lines(*map(request_line, ["r-0", "r-1", "r-2"])) for _ in range(2)]
    for place, name in enumerate(["cloudwatch", "s3"]):
        for row in range(3):
            left = [frame.drop(index=row) if n == place else frame for n, frame in enumerate(places)]
            with pytest.raises(CheckFailedError, match=rf"1 are missing .* r-{row} \(missing in {name}\)"):
                audit.reconcile(requests("r-0", "r-1", "r-2"), *left).require_complete()


def test_where_the_format_has_the_agent_only_it_tells() -> None:
    """A person who asks for `/` is no health check there, and not even one who sends no user agent."""
    plain = '10.0.11.5 - - [07/Nov/2021:09:14:02 +0000] "GET / HTTP/1.1" 200 45'
    person, silent, check = (f'{plain} "-" "{agent}"' for agent in ("Mozilla/5.0", "-", "ELB-HealthChecker/2.0"))
    found = lines(person, check, silent)
    assert audit.is_health_check(found).tolist() == [False, True, False]
    assert audit.has_agent(found)
    assert audit.is_health_check(lines(plain)).tolist() == [True]
    assert not audit.has_agent(lines(plain))


def test_visits_have_the_columns_of_an_analysis() -> None:
    """Typed, in the order of their times, without lines that are no requests."""
    late, early = (
        f'10.0.11.5 - - [07/Nov/2021:09:14:0{second} +0000] "GET /a?id=r-{second} HTTP/1.1" 200 45 "-" "curl" 1500 '
        '"203.0.113.9, 10.0.0.1"'
        for second in (4, 2)
    )
    found = audit.visits(lines(late, early, "AH00489: started"))
    assert found["id"].tolist() == ["r-2", "r-4"]
    first = found.iloc[0]
    assert (first["path"], first["status"], first["bytes"]) == ("/a", 200, 45)
    assert (first["client"], first["user_agent"], first["duration_ms"]) == ("203.0.113.9", "curl", 1.5)
