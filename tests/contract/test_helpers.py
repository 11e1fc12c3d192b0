"""The helpers on an account that answers late, throttles, and shows what was there a moment ago."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from lab_helpers import arrivals, cloudwatch, faults, s3_logs
from lab_helpers.account import guards
from lab_helpers.base.errors import WaitTimeoutError
from lab_helpers.images.engines import Engine
from lab_helpers.local_aws.testing.weather import Forecast
from lab_helpers.session import Lab
from tests.contract import labs
from tests.contract.conftest import NAMES, Account
from tests.contract.test_teardown import ADMINISTRATOR

pytestmark = pytest.mark.timeout(90)
STORM = Forecast(throttled_calls=1, delay_s=0.02, stale_reads=1)
LINE = '10.0.11.5 - - [07/Nov/2021:09:00:00 +0000] "GET / HTTP/1.1" 200 45'
ROLE = "ann-firehose-role"


@pytest.fixture
def stormy(posed: Callable[..., Account]) -> Account:
    """An account in bad weather, with log groups, buckets and roles that were made in good weather."""
    account = posed(STORM)
    labs.make_places(account.user("calm", ADMINISTRATOR), NAMES)
    return account


def test_events_are_read_whole(stormy: Account) -> None:
    """Throttled and late, every event arrives once."""
    calm, group = stormy.user("writer", ADMINISTRATOR).client("logs"), f"{NAMES.log_group}/httpd"
    calm.create_log_stream(logGroupName=group, logStreamName="from-httpd")
    now = labs.milliseconds()
    events = [{"timestamp": now + n, "message": f"line {n}"} for n in range(500)]
    calm.put_log_events(logGroupName=group, logStreamName="from-httpd", logEvents=events)
    found = cloudwatch.read_messages(stormy.lab().client("logs"), group)
    assert sorted(found["message"]) == sorted(event["message"] for event in events)
    assert stormy.weather[0].figures["throttled"] >= 2


def test_objects_are_read_whole(stormy: Account) -> None:
    """S3's `SlowDown` is waited out."""
    calm, bucket = stormy.user("writer", ADMINISTRATOR).client("s3"), NAMES.buckets[-1]
    record = json.dumps({"source": "stdout", "log": LINE, "container_id": "c", "container_name": "httpd"})
    for hour in range(3):
        body = gzip.compress(f"{record}\n{record}\n".encode())
        calm.put_object(Bucket=bucket, Key=f"2021/11/07/0{hour}/stream-1-2021-11-07-0{hour}-00-00-x.gz", Body=body)
    assert len(s3_logs.read_objects(stormy.lab().client("s3"), bucket)) == 6


def test_review_in_a_storm_is_the_same_review(posed: Callable[..., Account], monkeypatch: pytest.MonkeyPatch) -> None:
    """The guards take no throttling for a refusal."""
    monkeypatch.setattr(guards, "find_engine", lambda: Engine("docker"))
    account = posed(STORM)
    found = account.lab().review()
    assert found is not None
    assert found.refusals == []
    assert account.weather[0].figures["throttled"] >= 8


def policy(resource: str) -> str:
    allow = {"Effect": "Allow", "Action": "s3:PutObject", "Resource": resource}
    return json.dumps({"Version": "2012-10-17", "Statement": [allow]})


def test_iam_is_waited_for_until_it_shows_the_change(stormy: Account, capsys: pytest.CaptureFixture[str]) -> None:
    """The first look still shows the old policy; the next one counts, and what is waited for is said."""
    lab = stormy.lab()
    iam, seen = lab.client("iam"), []
    iam.put_role_policy(RoleName=ROLE, PolicyName=f"{ROLE}-policy", PolicyDocument=policy("arn:aws:s3:::x"))
    faults.wait_for_iam(lab, broken=False, settle_s=0)
    iam.put_role_policy(RoleName=ROLE, PolicyName=f"{ROLE}-policy", PolicyDocument=policy("arn:aws:s3:::x:errortest"))
    faults.wait_for_iam(lab, broken=True, settle_s=0, on_tick=lambda tick: seen.append(tick.seen))
    assert [text.split(" policy")[0] for text in seen] == ["IAM shows the old", "IAM shows the changed"]
    assert "IAM takes its time" in capsys.readouterr().out


def test_time_outs_say_what_was_seen_and_where_to_look(stormy: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bound that passes is no riddle."""
    monkeypatch.setattr(faults, "IAM_TIMEOUT_S", 0.0)
    lab = stormy.lab()
    lab.client("iam").put_role_policy(
        RoleName=ROLE, PolicyName=f"{ROLE}-policy", PolicyDocument=policy("arn:aws:s3:::x")
    )
    with pytest.raises(WaitTimeoutError, match=r"IAM shows the old policy.*Look at `aws iam get-role-policy") as caught:
        faults.wait_for_iam(lab, broken=True, settle_s=0)
    assert caught.value.timeout_s == 0.0


def test_an_alarm_is_waited_for_until_it_is_quiet(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an alarm there is nothing to wait for; one that rings is told by its state; a quiet one is named."""
    lab = account.lab()
    monkeypatch.setattr(type(lab), "outputs", SimpleNamespace(delivery_stream_name="ann-stream"))
    monkeypatch.setattr(faults, "ALARM_TIMEOUT_S", 0.0)
    assert faults.quiet_alarm(lab) == NAMES.alarm
    maker = account.user("maker", ADMINISTRATOR).client("cloudwatch")
    maker.put_metric_alarm(
        AlarmName="mine", Namespace="AWS/Firehose", MetricName=faults.FRESHNESS, Statistic="Maximum",
        Dimensions=[{"Name": "DeliveryStreamName", "Value": "ann-stream"}], Period=60, EvaluationPeriods=1,
        Threshold=80, ComparisonOperator="GreaterThanThreshold", TreatMissingData="ignore",
    )  # fmt: skip
    maker.set_alarm_state(AlarmName="mine", StateValue="ALARM", StateReason="trying")
    with pytest.raises(WaitTimeoutError, match=r"in state OK.*ALARM"):
        faults.quiet_alarm(lab)
    maker.set_alarm_state(AlarmName="mine", StateValue="OK", StateReason="trying")
    assert faults.quiet_alarm(lab) == "mine"


def test_a_backlog_gets_longer_on_an_account_only(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """After healing, Firehose tries again at its own pace: the bound on S3 grows by the backlog's."""
    lab = account.lab(buffer_s=60)
    assert bound_on_s3(lab, monkeypatch) == 60 + arrivals.S3_MARGIN_S
    lab.notes.take(faults.HEALED)
    assert bound_on_s3(lab, monkeypatch) == 60 + arrivals.S3_MARGIN_S + arrivals.BACKLOG_S


def bound_on_s3(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> float:
    """Return the bound that `arrivals.in_s3` would wait."""
    bounds: list[Any] = []
    monkeypatch.setattr(arrivals, "_wait", lambda _read, _sent, timeout_s, *_: bounds.append(timeout_s))
    monkeypatch.setattr(type(lab), "outputs", labs.Outputs())
    arrivals.in_s3(lab, labs.sent())
    return float(bounds[0])
