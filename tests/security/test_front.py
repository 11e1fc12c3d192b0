"""The server's front: who may call it by which name, who may read its answers, and how much it takes in."""

from __future__ import annotations

import json
import re
import socket
import time
import urllib.request
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lab_helpers.local_aws.front import http_server
from lab_helpers.local_aws.server import LocalAws
from tests.support.signing import signed

from .asking import Answer, ask

LOGS = {"X-Amz-Target": "Logs_20140328.DescribeLogGroups", "Content-Type": "application/x-amz-json-1.1"}
FORM = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
IDENTITY = b"Action=GetCallerIdentity&Version=2011-06-15"
PAGE = "http://page.example"
DEEP = 100_000


def _talk(aws: LocalAws, head: str, timeout_s: float = 20) -> bytes:
    """Send a head and nothing else; return what is answered before the server waits for more or closes."""
    with closing(socket.create_connection(("127.0.0.1", _port(aws)), timeout_s)) as wire:
        wire.sendall(head.encode("latin-1"))
        answer = b""
        while b"\r\n\r\n" not in answer and (part := wire.recv(65536)):
            answer += part
        return answer


def _status(answer: bytes) -> int:
    """The status; one without a status line, for what is no HTTP of a version, says it in its text."""
    found = re.match(rb"HTTP/1.1 (\d{3}) |<!DOCTYPE(?:.|\n)*Error code: (\d{3})", answer)
    return int(found[1] or found[2]) if found else 0


def _port(aws: LocalAws) -> int:
    return int(aws.endpoint_url.rpartition(":")[2])


def _token(aws: LocalAws) -> str:
    return aws.lab_token


@pytest.mark.parametrize(
    "host",
    ["rebound.example", "127.0.0.1.rebound.example", "localhost.rebound.example", "127.0.0.1@rebound.example", "127.1",
     "0.0.0.0", "2130706433", "[::ffff:127.0.0.1]", "localhost.", "127.0.0.1, rebound.example", "",
     "rebound.example#.localhost"],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/", "/_lab/health", "/kept?list-type=2", "/v2/"])
def test_another_name_is_not_answered(front: LocalAws, host: str, path: str) -> None:
    """A page whose name was made to lead here (DNS rebinding) reads nothing, even with the lab's token."""
    head = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nX-Lab-Token: {_token(front)}\r\nConnection: close\r\n\r\n"
    assert _status(_talk(front, head)) == 403


@pytest.mark.parametrize(
    "head",
    [
        "GET /_lab/health HTTP/1.0\r\nX-Lab-Token: {token}\r\n\r\n",
        "GET http://rebound.example/_lab/health HTTP/1.1\r\nHost: localhost\r\nX-Lab-Token: {token}\r\n\r\n",
        "GET /_lab/health HTTP/1.1\r\nHost: localhost\r\nHost: rebound.example\r\nX-Lab-Token: {token}\r\n\r\n",
    ],
)
def test_no_name_two_names_and_a_name_in_the_target(front: LocalAws, head: str) -> None:
    """What a proxy or an old client might send is judged by the same rule."""
    assert _status(_talk(front, head.format(token=_token(front)))) in {400, 403}


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST", "kept.s3.localhost", "kept.localhost"])
def test_its_own_names_are_answered(front: LocalAws, host: str) -> None:
    """In any case, with a port, and buckets below them."""
    head = f"GET /_lab/health HTTP/1.1\r\nHost: {host}:{_port(front)}\r\nX-Lab-Token: {_token(front)}\r\n\r\n"
    assert _status(_talk(front, head)) == 200


CALLS: dict[str, Callable[[LocalAws], urllib.request.Request]] = {
    "json": lambda aws: signed(aws, "logs", "POST", "/", b"{}", {**LOGS, "Origin": PAGE}),
    "query": lambda aws: signed(aws, "sts", "POST", "/", IDENTITY, {**FORM, "Origin": PAGE}),
    "object": lambda aws: signed(aws, "s3", "GET", "/kept/a%20b/c%2Bd%20%C3%A9", b"", {"Origin": PAGE}),
    "listing": lambda aws: signed(aws, "s3", "GET", "/kept?list-type=2", b"", {"Origin": PAGE}),
    "refusal": lambda aws: urllib.request.Request(aws.endpoint_url + "/kept", headers={"Origin": PAGE}),
    "question": lambda aws: urllib.request.Request(
        aws.endpoint_url + "/kept/x",
        headers={"Origin": PAGE, "Access-Control-Request-Method": "PUT"},
        method="OPTIONS",
    ),
    "lab": lambda aws: urllib.request.Request(
        aws.endpoint_url + "/_lab/status", headers={"Origin": PAGE, "X-Lab-Token": _token(aws)}
    ),
    "nobody's": lambda aws: urllib.request.Request(aws.endpoint_url + "/v2/", headers={"Origin": PAGE}),
    "moto's": lambda aws: urllib.request.Request(aws.endpoint_url + "/moto-api/", headers={"Origin": PAGE}),
}


def _for_pages(answer: Answer) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name.lower().startswith("access-control-")}


@pytest.mark.parametrize("call", CALLS)
def test_no_page_of_another_origin_reads_an_answer(front: LocalAws, call: str) -> None:
    """None of moto's Access-Control-Allow-Origin leaves the server, for good calls and for refused ones."""
    assert _for_pages(ask(CALLS[call](front))) == {}


def test_a_buckets_rule_lets_its_page_in_and_no_other(front: LocalAws) -> None:
    """As on AWS: PutBucketCors, for the origin and methods that it names, at this bucket."""
    s3, rule = front.client("s3"), {"AllowedMethods": ["GET"], "AllowedOrigins": [PAGE]}
    s3.put_bucket_cors(Bucket="kept", CORSConfiguration={"CORSRules": [rule]})
    try:
        assert _for_pages(ask(CALLS["object"](front)))["Access-Control-Allow-Origin"] == PAGE
        other = signed(front, "s3", "GET", "/kept?list-type=2", b"", {"Origin": "http://other.example"})
        assert _for_pages(ask(other)) == {}
        assert _for_pages(ask(CALLS["json"](front))) == {}
        assert _for_pages(ask(CALLS["question"](front))) == {}
    finally:
        s3.delete_bucket_cors(Bucket="kept")


@pytest.mark.parametrize(
    "head",
    [
        "POST / HTTP/1.1\r\nX-Amz-Target: Logs_20140328.PutLogEvents\r\nContent-Type: application/x-amz-json-1.1\r\n",
        "POST / HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\n",
        "PUT /kept/large HTTP/1.1\r\n",
        "POST /kept?delete HTTP/1.1\r\n",
        "PUT /kept/large HTTP/1.1\r\nAuthorization: AWS4-HMAC-SHA256 Credential=AKIDNOBODY/20211107/ap-northeast-1/s3/"
        "aws4_request, SignedHeaders=host, Signature=00\r\nX-Amz-Date: 20211107T091402Z\r\n",
        "POST /_lab/faults HTTP/1.1\r\nContent-Type: application/json\r\n",
        "POST /moto-api/reset HTTP/1.1\r\n",
    ],
)
def test_a_body_of_nobody_is_refused_unread(front: LocalAws, head: str) -> None:
    """600 MB are announced and not sent: the answer is there all the same, since nobody waits for them."""
    answer = _talk(front, head + "Host: 127.0.0.1\r\nContent-Length: 629145600\r\n\r\n")
    assert 400 <= _status(answer) < 500


def test_a_small_body_of_nobody_is_not_waited_for(front: LocalAws) -> None:
    """No operation of the JSON and EC2 protocols is for anybody: who does not say who calls is refused by the head."""
    head = "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in LOGS.items())
    assert _status(_talk(front, head + "Content-Length: 1000\r\n\r\n")) == 400


def test_chunks_of_nobody_have_a_bound(front: LocalAws) -> None:
    """A body without a length is no way around it."""
    with closing(socket.create_connection(("127.0.0.1", _port(front)), 20)) as wire:
        wire.sendall(b"PUT /kept/large HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n")
        sent = 0
        try:
            while sent < 64 << 20:
                wire.sendall(b"100000\r\n" + b"x" * (1 << 20) + b"\r\n")
                sent += 1 << 20
        except OSError:
            pass  # it was closed under our hands
    assert sent < 32 << 20


@pytest.mark.parametrize(
    ("head", "status"),
    [
        ("GET /" + "a" * 70_000 + " HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", {414}),
        ("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + "a" * 70_000 + "\r\n\r\n", {400, 431}),
        ("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n" + "X: a\r\n" * 200 + "\r\n", {400, 431}),
        ("GET / HTTP/9.9\r\nHost: 127.0.0.1\r\n\r\n", {400, 505}),
        ("\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", {400}),
    ],
)
def test_heads_are_bounded(front: LocalAws, head: str, status: set[int]) -> None:
    """A line of more than 64 KiB, more than a hundred lines, what is no HTTP."""
    assert _status(_talk(front, head)) in status


def test_connections_are_bounded(front: LocalAws, monkeypatch: pytest.MonkeyPatch) -> None:
    """One too many is closed without an answer; when others have gone, the next one is answered."""
    head = f"GET /_lab/health HTTP/1.1\r\nHost: localhost\r\nX-Lab-Token: {_token(front)}\r\n\r\n"
    monkeypatch.setattr(http_server, "MOST_CONNECTIONS", 0)
    assert _talk(front, head) == b""
    monkeypatch.undo()
    assert _status(_talk(front, head)) == 200


NESTED: dict[str, Callable[[Any], Any]] = {
    "policy": lambda aws: aws.client("iam").create_policy(
        PolicyName="deep", PolicyDocument='{"Statement": ' + "[" * DEEP + "]" * DEEP + "}"
    ),
    "bucket policy": lambda aws: aws.client("s3").put_bucket_policy(Bucket="kept", Policy="[" * DEEP),
    "filter pattern": lambda aws: aws.client("logs").filter_log_events(
        logGroupName="/deep", filterPattern="{ " + "(" * 400 + "$.a = 1" + ")" * 400 + " }"
    ),
    "insights": lambda aws: aws.client("logs").start_query(
        logGroupName="/deep", queryString="filter " + "(" * 2_000 + "1" + ")" * 2_000, startTime=0, endTime=1
    ),
    "insights in SQL": lambda aws: aws.client("logs").start_query(
        queryLanguage="SQL", queryString="SELECT " + "(" * 2_000 + "1" + ")" * 2_000, startTime=0, endTime=1
    ),
}


@pytest.mark.parametrize("call", NESTED)
def test_nesting_without_an_end_is_the_callers_fault(front: LocalAws, call: str) -> None:
    """Each language that is read here: refused with AWS's words, no failure of the server's."""
    logs = front.client("logs")
    logs.create_log_group(logGroupName="/deep")
    try:
        with pytest.raises(ClientError) as caught:
            NESTED[call](front)
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    finally:
        logs.delete_log_group(logGroupName="/deep")


@pytest.mark.parametrize(
    ("service", "path", "headers", "body"),
    [
        ("logs", "/", LOGS, b"[" * DEEP),
        ("logs", "/", LOGS, b'{"a":' * DEEP),
        ("s3", "/kept?delete", {}, b"<Delete>" + b"<a>" * DEEP),
        (
            "s3",
            "/kept?delete",
            {},
            b'<!DOCTYPE d [<!ENTITY a "x"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]><Delete>&b;</Delete>',
        ),
        ("sts", "/", FORM, IDENTITY + b"&a.member.1" * 10_000 + b"=x"),
    ],
)
def test_bodies_without_an_end_are_the_callers_fault(
    front: LocalAws, service: str, path: str, headers: dict[str, str], body: bytes
) -> None:
    """JSON, XML with elements and entities, form members."""
    assert ask(signed(front, service, "POST", path, body, headers)).status in {200, 400, 413}


def test_a_nested_log_line_is_a_line(front: LocalAws) -> None:
    """It is stored, and searched, and no query of its group fails for it."""
    logs, line = front.client("logs"), '{"_aws": {"CloudWatchMetrics": ' + "[" * 50_000 + "]" * 50_000 + "}}"
    logs.create_log_group(logGroupName="/nested")
    try:
        logs.create_log_stream(logGroupName="/nested", logStreamName="s")
        now_ms = int(time.time() * 1000)
        events = [{"timestamp": now_ms, "message": message} for message in (line, json.dumps({"status": 404}))]
        logs.put_log_events(logGroupName="/nested", logStreamName="s", logEvents=events)
        found = logs.filter_log_events(logGroupName="/nested", filterPattern="{ $.status = 404 }")["events"]
        assert len(found) == 1
        span = {"startTime": 0, "endTime": now_ms // 1000 + 10}
        query = logs.start_query(logGroupName="/nested", queryString="stats count(*) as n", **span)["queryId"]
        assert logs.get_query_results(queryId=query)["results"][0][0]["value"] == "2"
    finally:
        logs.delete_log_group(logGroupName="/nested")
