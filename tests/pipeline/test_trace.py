"""One request at all its stops, from what AWS answered."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lab_helpers.base.errors import NotYetError, SettingsError
from lab_helpers.lab import Notes
from lab_helpers.pipeline import trace
from lab_helpers.s3_logs import StoredObject
from lab_helpers.traffic import ByHand

SENT = datetime(2026, 2, 3, 4, 5, 6, 250_000, tzinfo=UTC)
TASK = "0123456789abcdef0123456789abcdef"
LINE = '10.0.11.34 - - [03/Feb/2026:04:05:06 +0000] "GET /?id=hand-1 HTTP/1.1" 200 45'
RECORD = {
    "container_id": f"{TASK}-1",
    "container_name": "httpd",
    "source": "stdout",
    "log": LINE,
    "ecs_cluster": "c",
    "ecs_task_arn": f"arn:aws:ecs:ap-northeast-1:123456789012:task/c/{TASK}",
    "ecs_task_definition": "t:1",
}
EVENT: dict[str, Any] = {
    "logStreamName": f"from-httpd-firelens-{TASK}",
    "timestamp": 1_770_091_506_260,
    "ingestionTime": 1_770_091_507_100,
    "message": json.dumps(RECORD),
    "times": 1,
}
STORED = (
    StoredObject("2026/02/03/04/stream-1.gz", 900, datetime(2026, 2, 3, 4, 5, 40, tzinfo=UTC)),
    EVENT["message"],
    1,
)


@pytest.fixture
def trail(tmp_path: Path) -> trace._Trail:
    outputs = SimpleNamespace(
        httpd_log_group="/ecs/firelens/httpd", log_bucket="logs", delivery_stream_name="stream", glue_table="httpd"
    )
    lab = SimpleNamespace(outputs=outputs, notes=Notes(tmp_path, "x"), settings=SimpleNamespace(buffer_s=60))
    return trace._Trail(lab, "hand-1", SENT)  # type: ignore[arg-type]


def sent(request_id: str = "hand-1") -> ByHand:
    return ByHand(request_id, "http://lab/", f"GET /?id={request_id} HTTP/1.1\n", "HTTP/1.1 200 OK\n", SENT, SENT)


def test_a_request_by_hand_is_found_again(trail: trace._Trail) -> None:
    """It is kept in the lab's notes, whole, and the newest one is the one that is followed."""
    with pytest.raises(NotYetError, match="04"):
        trace.traced_id(trail.lab)
    for name in ("hand-0", "hand-1"):
        trace.keep(trail.lab, sent(name))
    assert trace.traced_id(trail.lab) == "hand-1"
    stop = trail.client()
    assert (stop.at, stop.until) == (SENT, SENT)
    assert stop.raw == "GET /?id=hand-1 HTTP/1.1\n\nHTTP/1.1 200 OK"


def test_only_the_last_requests_are_remembered(trail: trace._Trail) -> None:
    """Notes do not grow for ever."""
    for number in range(trace.KEPT + 5):
        trace.keep(trail.lab, sent(f"hand-{number}"))
    assert len(trail.lab.notes.read(trace.BY_HAND, "", "04")) == trace.KEPT


def test_each_stop_shows_the_raw_form(trail: trace._Trail) -> None:
    """The printed line, the record with its tag before and after the filter, the event with both times, the data."""
    httpd, router = trail.httpd(RECORD), trail.router(RECORD, EVENT)
    assert (httpd.raw, httpd.at) == (LINE, datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC))
    before, after = router.raw.split("\n")
    tag, seconds, record = json.loads(before)
    assert (tag, seconds) == (f"httpd-firelens-{TASK}", 1_770_091_506.26)
    assert set(record) == {"container_id", "container_name", "source", "log"}
    assert json.loads(after.removeprefix("after the filter: "))[2] == RECORD
    event = json.loads(trail.cloudwatch(EVENT).raw)
    assert (event["timestamp"], event["ingestionTime"]) == (EVENT["timestamp"], EVENT["ingestionTime"])
    assert json.loads(trail.firehose(EVENT, STORED).raw)["Data"] == EVENT["message"] + "\n"
    s3 = trail.s3(EVENT, STORED)
    assert (s3.where, s3.raw) == ("s3://logs/2026/02/03/04/stream-1.gz", EVENT["message"])


def test_what_is_not_there_yet_says_why_and_until_when(trail: trace._Trail) -> None:
    """No stop is empty without a reason with its bound."""
    waiting = [trail.httpd(None), trail.router(None, None), trail.cloudwatch(None), trail.firehose(None, None)]
    waiting += [trail.s3(EVENT, None), trail.athena(None), trail.client()]
    assert all(stop.note and not stop.raw for stop in waiting)
    assert "04:06:06 UTC" in trail.s3(EVENT, None).note


def test_a_line_that_came_twice_is_said_to(trail: trace._Trail) -> None:
    """At least once is not once."""
    assert trail.cloudwatch({**EVENT, "times": 2}).note.startswith("2 times!")
    assert trail.s3(EVENT, (*STORED[:2], 3)).note.startswith("3 times!")


def test_the_load_balancers_log_is_due_at_full_five_minutes() -> None:
    """As AWS delivers it."""
    assert trace.next_alb_log(SENT) == datetime(2026, 2, 3, 4, 10, tzinfo=UTC)
    assert trace.next_alb_log(datetime(2026, 2, 3, 4, 10, tzinfo=UTC)) == datetime(2026, 2, 3, 4, 15, tzinfo=UTC)


@pytest.mark.parametrize("bad", ["", "a b", "x' OR '1'='1", 'a"', "a/b"])
def test_what_is_no_id_becomes_no_query(bad: str) -> None:
    """An id goes into a filter pattern and into SQL: anything else is refused before."""
    with pytest.raises(SettingsError, match="id is"):
        trace.athena_question("httpd", "2026/02/03/04/x.gz", bad)
