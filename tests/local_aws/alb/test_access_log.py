"""Access log entries in AWS's format, and their delivery."""

from __future__ import annotations

import gzip
import shlex
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lab_helpers.local_aws.alb.access_log import Entry, Times, format_entry, log_key, refused_entry
from lab_helpers.local_aws.alb.access_log import test_file_key as key_of_test_file
from lab_helpers.local_aws.alb.log_delivery import AccessLog, seconds_to_delivery
from lab_helpers.local_aws.kit.clock import ManualClock
from tests.local_aws.alb.kit import BALANCER, GROUP, Client, backend, stand

WHEN = datetime(2021, 11, 7, 9, 14, 2, 186641, tzinfo=UTC)
OWNER = ("123456789012", "ap-northeast-1", "app/demo/0123456789abcdef")


def entry(**changes: Any) -> Entry:
    facts: dict[str, Any] = {
        "finished_at": WHEN,
        "balancer": "app/demo/0123456789abcdef",
        "client": "127.0.0.1:2817",
        "target": "10.0.11.100:80",
        "times": Times(1.0, 1.001, 1.003, 1.003),
        "status": 200,
        "target_status": 200,
        "received_bytes": 34,
        "sent_bytes": 366,
        "request": "GET http://demo.example:80/ HTTP/1.1",
        "user_agent": "curl/7.46.0",
        "target_group_arn": GROUP,
        "trace_id": "Root=1-58337262-36d228ad5d99923122bbe354",
        "priority": 0,
        "action": "forward",
        "redirect_url": None,
        "connection_id": "TID_1234abcd5678ef90",
    }
    return Entry(**{**facts, **changes})


class FakeS3:
    """Keeps objects; fails while `broken`."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], bytes] = {}
        self.broken = False

    def put_object(self, Bucket: str, Key: str, Body: Any) -> None:  # noqa: N803
        if self.broken:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "Access Denied"}}, "PutObject")
        self.objects[Bucket, Key] = Body if isinstance(Body, bytes) else Body.read()


def test_an_entry_to_the_letter() -> None:
    """The thirty fields in their order."""
    assert format_entry(entry()) == (
        "http 2021-11-07T09:14:02.186641Z app/demo/0123456789abcdef 127.0.0.1:2817 10.0.11.100:80 0.001 0.002 0.000 "
        '200 200 34 366 "GET http://demo.example:80/ HTTP/1.1" "curl/7.46.0" - - '
        f'{GROUP} "Root=1-58337262-36d228ad5d99923122bbe354" "-" "-" 0 2021-11-07T09:14:02.183641Z "forward" "-" "-" '
        '"10.0.11.100:80" "200" "-" "-" TID_1234abcd5678ef90\n'
    )


def test_what_did_not_happen_is_a_dash() -> None:
    """Without a target: no target, no times of it, no status of it."""
    line = format_entry(entry(target=None, target_status=None, times=Times(1.0, done=1.0), status=503, user_agent=None))
    fields = shlex.split(line)
    assert len(fields) == 30
    assert fields[4:10] == ["-", "-1", "-1", "-1", "503", "-"]
    assert fields[13] == "-"


def test_quotes_and_control_characters_cannot_break_a_line() -> None:
    """Text of the client is escaped: one entry stays one line of thirty fields."""
    line = format_entry(entry(user_agent='evil" "x\n\x01', request='GET http://a:80/" HTTP/1.1'))
    assert line.count("\n") == 1
    assert len(shlex.split(line)) == 30


def test_keys() -> None:
    """AWS's layout, with and without a prefix."""
    key = log_key("logs", *OWNER, WHEN, "10.0.11.10", "1a2b3c4d")
    assert key == (
        "logs/AWSLogs/123456789012/elasticloadbalancing/ap-northeast-1/2021/11/07/123456789012_elasticloadbalancing_"
        "ap-northeast-1_app.demo.0123456789abcdef_20211107T0914Z_10.0.11.10_1a2b3c4d.log.gz"
    )
    assert key_of_test_file("", "123456789012") == "AWSLogs/123456789012/ELBAccessLogTestFile"


def test_delivery_is_at_full_five_minutes() -> None:
    """Periods follow the clock on the wall."""
    assert seconds_to_delivery(datetime(2021, 11, 7, 9, 14, 2, tzinfo=UTC)) == 58
    assert seconds_to_delivery(datetime(2021, 11, 7, 9, 15, 0, tzinfo=UTC)) == 300


def test_one_object_for_each_node(tmp_path: Path) -> None:
    """Entries are delivered once, gzipped, by node; nothing is put when there was nothing."""
    log, s3 = AccessLog(tmp_path / "log", ManualClock(WHEN), "b", "", OWNER), FakeS3()
    assert log.deliver(s3) == 0
    for number in range(3):
        log.write("10.0.11.10", entry(sent_bytes=number))
    log.write("10.0.12.10", entry())
    assert log.deliver(s3) == 2
    assert log.deliver(s3) == 0
    lines = [gzip.decompress(body).decode().splitlines() for body in s3.objects.values()]
    assert sorted(map(len, lines)) == [1, 3]


def test_what_cannot_be_put_is_kept(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A failed delivery warns and is made up for at the next one, with everything since."""
    log, s3 = AccessLog(tmp_path / "log", ManualClock(WHEN), "b", "p", OWNER), FakeS3()
    s3.broken = True
    log.write("10.0.11.10", entry())
    assert log.deliver(s3) == 0
    assert "stays here for now" in caplog.text
    s3.broken = False
    log.write("10.0.11.10", entry())
    assert log.deliver(s3) == 2
    log.discard()
    assert not (tmp_path / "log").exists()
    assert "are lost" not in caplog.text


def test_what_is_lost_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Entries that no bucket took before the load balancer went are an error in the log."""
    log, s3 = AccessLog(tmp_path / "log", ManualClock(WHEN), "b", "p", OWNER), FakeS3()
    s3.broken = True
    log.write("10.0.11.10", entry())
    log.deliver(s3)
    log.discard()
    assert "1 access log objects for bucket b are lost" in caplog.text


def test_requests_through_the_proxy_are_logged(tmp_path: Path) -> None:
    """Sizes, statuses, the target and the rule's priority are those of the request."""
    with stand() as alb, backend() as web:
        s3 = FakeS3()
        log = AccessLog(tmp_path / "log", alb.clock, "b", "", OWNER)
        alb.logs[BALANCER] = log
        alb.apply()
        with Client(alb.port) as client:
            client.get("/early?x=1", "User-Agent: test/1")
            alb.add_healthy("10.0.11.100", web)
            client.get("/ok")
        alb.plane.status()  # answered by the loop's thread once it is through with the request
        log.deliver(s3)
        log.discard()
        (body,) = s3.objects.values()
        early, ok = [shlex.split(line) for line in gzip.decompress(body).decode().splitlines()]
    assert early[8:10] == ["503", "-"]
    assert early[12:14] == ["GET http://demo.example:80/early?x=1 HTTP/1.1", "test/1"]
    assert ok[4] == "10.0.11.100:80"
    assert ok[8:11] == ["200", "200", str(len("GET /ok HTTP/1.1\r\nHost: demo.example\r\n\r\n"))]
    assert int(ok[11]) > len("It works!\n")
    assert (ok[16], ok[20], ok[22]) == (GROUP, "0", "forward")


def test_entries_after_the_end_are_dropped(tmp_path: Path) -> None:
    """A request that ends after logging was switched off must not fail for it, nor bring the files back."""
    log = AccessLog(tmp_path / "log", ManualClock(WHEN), "b", "p", OWNER)
    log.write("10.0.11.10", entry())
    log.discard()
    log.write("10.0.11.10", entry())
    assert not (tmp_path / "log").exists()


def test_a_request_that_could_not_be_read() -> None:
    """AWS writes what it knows: where it came from and to, 400, and `- http://…:80- -` for the request."""
    at = Times(1.0, done=1.0)
    line = format_entry(refused_entry(WHEN, "app/demo/0123", "127.0.0.1:2817", 80, at, 400, 272, "TID_1"))
    fields = shlex.split(line)
    assert fields[3:13] == ["127.0.0.1:2817", "-", "-1", "-1", "-1", "400", "-", "0", "272", "- http://demo:80- -"]
    assert len(fields) == len(shlex.split(format_entry(entry())))
