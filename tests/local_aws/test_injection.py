"""Faults injected from outside: what is hit, what happens to it, what is counted, and that it ends."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError

from lab_helpers.base.errors import SettingsError
from lab_helpers.base.injected_fault import InjectedFault
from lab_helpers.local_aws.server import REGION, LocalAws
from lab_helpers.local_aws.testing.injection import Injection

BY_OPERATOR = {"service": "logs", "operation": "CreateLogGroup", "role": "operator"}


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    with LocalAws(tmp_path_factory.mktemp("aws"), factories=[]) as running:
        yield running


@pytest.fixture
def logs(aws: LocalAws) -> Iterator[Any]:
    """A client that does not try again and does not wait long; every fault is off afterwards."""
    keys = aws.store.operator
    client = boto3.client(
        "logs",
        region_name=REGION,
        endpoint_url=aws.endpoint_url,
        aws_access_key_id=keys.access_key_id,
        aws_secret_access_key=keys.secret_access_key,
        config=Config(retries={"total_max_attempts": 1}, read_timeout=1),
    )
    yield client
    clear(aws)
    client.close()


def ask(aws: LocalAws, method: str, body: Any = None, path: str = "") -> Any:
    data = json.dumps(body).encode() if body is not None else None
    headers = {"Content-Type": "application/json", "X-Lab-Token": aws.lab_token}
    request = urllib.request.Request(aws.endpoint_url + "/_lab/faults" + path, data, headers, method=method)
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def add(aws: LocalAws, **members: Any) -> str:
    return str(ask(aws, "POST", {**BY_OPERATOR, **members})["number"])


def clear(aws: LocalAws, number: str = "") -> Any:
    return ask(aws, "DELETE", path=f"/{number}" if number else "")


def groups(client: Any, prefix: str) -> int:
    return len(client.describe_log_groups(logGroupNamePrefix=prefix)["logGroups"])


@pytest.mark.parametrize(
    ("kind", "code"), [("throttle", "ThrottlingException"), ("500", "ServiceUnavailableException")]
)
def test_a_refusal_does_no_work(aws: LocalAws, logs: Any, kind: str, code: str) -> None:
    """The service's own code; nothing is made; counted."""
    number = add(aws, kind=kind)
    with pytest.raises(ClientError, match=code):
        logs.create_log_group(logGroupName=f"/refused/{kind}")
    assert groups(logs, f"/refused/{kind}") == 0
    (row,) = clear(aws, number)
    assert (row["matched"], row["hit"]) == (1, 1)
    logs.create_log_group(logGroupName=f"/refused/{kind}")


@pytest.mark.parametrize(("kind", "made"), [("drop-before", 0), ("drop-after", 1)])
def test_a_dropped_connection(aws: LocalAws, logs: Any, kind: str, made: int) -> None:
    """No answer at all; whether the work was done is the difference."""
    add(aws, kind=kind)
    with pytest.raises(ConnectionClosedError):
        logs.create_log_group(logGroupName=f"/dropped/{kind}")
    assert groups(logs, f"/dropped/{kind}") == made


def test_silence_holds_the_call(aws: LocalAws, logs: Any) -> None:
    """The client waits as long as it can; the work is not done."""
    add(aws, kind="silence")
    with pytest.raises(ReadTimeoutError):
        logs.create_log_group(logGroupName="/silent")
    assert groups(logs, "/silent") == 0


def test_a_slow_answer_comes(aws: LocalAws, logs: Any) -> None:
    """Late, and whole; `clear` ends the wait."""
    add(aws, kind="slow", delay_s=3600)
    done = threading.Thread(target=lambda: logs.create_log_group(logGroupName="/slow"))
    done.start()
    while not ask(aws, "GET")[0]["hit"]:
        assert done.is_alive()
    clear(aws)
    done.join(30)
    assert groups(logs, "/slow") == 1


def test_a_share_is_the_same_every_time(aws: LocalAws, logs: Any) -> None:
    """Which calls are hit depends on the seed alone, and the share is about what was asked for."""

    def hits(seed: int) -> list[bool]:
        number = add(aws, operation="DescribeLogStreams", share=0.4, seed=seed)
        found = [_is_throttled(logs) for _ in range(50)]
        (row,) = clear(aws, number)
        assert (row["matched"], row["hit"]) == (50, sum(found))
        return found

    first = hits(1)
    assert 10 <= sum(first) <= 30
    assert hits(1) == first
    assert hits(2) != first


def _is_throttled(logs: Any) -> bool:
    try:
        logs.describe_log_streams(logGroupName="/none")
    except ClientError as error:
        return bool(error.response["Error"]["Code"] == "ThrottlingException")
    return False


def test_the_operator_is_spared_unless_named(aws: LocalAws, logs: Any) -> None:
    """Terraform and the notebooks go on while tasks are hit; other operations and services are not touched."""
    add(aws, role="")
    add(aws, operation="PutLogEvents")
    add(aws, service="s3", operation="*")
    logs.create_log_group(logGroupName="/spared")
    assert [row["matched"] for row in ask(aws, "GET")] == [0, 0, 0]


def test_a_fault_ends_after_its_seconds(aws: LocalAws) -> None:
    """It is over by the clock, and its figures can still be read."""
    now = [0.0]
    injection = Injection(lambda *_: [], aws.store, lambda: now[0])
    injection.add(InjectedFault(seconds=5))
    assert [row["over"] for row in injection.rows()] == [False]
    now[0] = 5.0
    assert [row["over"] for row in injection.rows()] == [True]
    assert len(injection.clear()) == 1
    assert injection.rows() == []


def test_roles_are_patterns() -> None:
    """As the command line has them."""
    fault = InjectedFault("logs", "Put*", "*task*")
    assert fault.concerns("logs", "PutLogEvents", "firelens-lab-ecs-task-role")
    assert not fault.concerns("logs", "PutLogEvents", "firelens-lab-firehose-role")
    assert not fault.concerns("logs", "CreateLogGroup", "firelens-lab-ecs-task-role")


@pytest.mark.parametrize(
    "members",
    [{"kind": "rain"}, {"share": 0}, {"share": 1.5}, {"share": "much"}, {"share": True}, {"seconds": -1},
     {"seconds": float("nan")}, {"seed": 1.5}, {"service": 3}, {"role": "*" * 101}, {"weather": 1}],
)  # fmt: skip
def test_a_fault_that_cannot_be_is_refused(aws: LocalAws, members: dict[str, Any]) -> None:
    """By the class and over HTTP, with what is expected; none is switched on."""
    with pytest.raises(SettingsError):
        InjectedFault.of(members)
    with pytest.raises(urllib.error.HTTPError) as refused:
        ask(aws, "POST", members)
    with refused.value as answer:
        assert answer.code == 400
    assert ask(aws, "GET") == []


@pytest.mark.parametrize("body", [b"", b"[", b"[" * 3000, b"null", b"7", b" " * 100_000])
def test_a_body_that_is_none(aws: LocalAws, body: bytes) -> None:
    """Refused as the caller's mistake."""
    headers = {"Content-Type": "application/json", "X-Lab-Token": aws.lab_token}
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(urllib.request.Request(aws.endpoint_url + "/_lab/faults", body, headers))
    with refused.value as answer:
        assert answer.code == 400


def test_a_page_of_another_origin_cannot_send_one(aws: LocalAws) -> None:
    """What a browser sends without asking first is no JSON."""
    body = json.dumps({"kind": "500"}).encode()
    headers = {"Content-Type": "text/plain", "X-Lab-Token": aws.lab_token}
    request = urllib.request.Request(aws.endpoint_url + "/_lab/faults", body, headers)
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request)
    refused.value.close()
    assert ask(aws, "GET") == []


def test_the_block_ends_it(tmp_path: Path) -> None:
    """`lab.fault(…)` is undone whatever happens; its figures stay."""
    from lab_helpers.backends.faults import injected
    from lab_helpers.backends.local import LocalBackend
    from lab_helpers.base.config import Settings

    backend = LocalBackend(Settings(home=tmp_path))
    backend.start()
    try:
        with pytest.raises(ZeroDivisionError), injected(backend, **BY_OPERATOR, kind="throttle") as fault:  # noqa: PT012
            with pytest.raises(ClientError, match="Throttling"):
                backend.client("logs").create_log_group(logGroupName="/x")
            assert fault.hit > 0
            raise ZeroDivisionError
        assert backend.faults() == []
        assert fault.hit == fault.matched > 0
    finally:
        backend.stop()
