"""The ring of API calls: what is kept, how much of it, and in which words it is told."""

from __future__ import annotations

import json
from typing import Any

from lab_helpers.local_aws.kit.api import Caller
from lab_helpers.local_aws.kit.clock import ManualClock
from lab_helpers.local_aws.trail import feed as feed_module
from lab_helpers.local_aws.trail.feed import CallFeed

ACCOUNT = "123456789012"
OPERATOR = Caller("operator", f"arn:aws:iam::{ACCOUNT}:user/lab-operator", ACCOUNT)
ROLE = f"arn:aws:iam::{ACCOUNT}:role/task"
TASK = Caller("role", f"arn:aws:sts::{ACCOUNT}:assumed-role/task/one", ACCOUNT, role_arn=ROLE)
ECS = Caller("service", "ecs.amazonaws.com", ACCOUNT, principal="ecs.amazonaws.com")
REGION = "ap-northeast-1"


def _add(feed: CallFeed, caller: Caller, service: str, operation: str, code: str = "", **params: Any) -> None:
    feed.add(caller, service, operation, REGION, params, {}, code, f"{code} because" if code else "")


def _actions(feed: CallFeed) -> list[str]:
    return [call.as_row()["action"] for call in feed.calls()]


def test_row_is_what_iam_would_call_it() -> None:
    """A row names the principal, the action, the ARN, the moment in UTC, and the outcome in AWS's word."""
    feed = CallFeed(ManualClock())
    _add(feed, TASK, "firehose", "PutRecordBatch", DeliveryStreamName="lab", Records=[{"Data": "c2VjcmV0"}])
    _add(feed, TASK, "firehose", "PutRecordBatch", "AccessDeniedException", DeliveryStreamName="lab")
    allowed, denied = (call.as_row() for call in feed.calls())
    assert allowed == {
        "number": 1,
        "at": "2021-11-07T09:14:02.000+00:00",
        "principal": TASK.arn,
        "action": "firehose:PutRecordBatch",
        "resource": f"arn:aws:firehose:{REGION}:{ACCOUNT}:deliverystream/lab",
        "outcome": "allowed",
        "message": "",
    }
    assert (denied["outcome"], denied["message"]) == ("AccessDeniedException", "AccessDeniedException because")


def test_a_list_of_names_is_no_call_without_one() -> None:
    """DescribeClusters of one cluster is not of the default one."""
    feed = CallFeed(ManualClock())
    _add(feed, OPERATOR, "ecs", "DescribeClusters", clusters=["lab"])
    (call,) = feed.calls()
    assert call.as_row()["resource"] == f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/lab"


def test_bodies_are_not_kept() -> None:
    """Of a call's parameters only names stay, and those short: no records, documents, passwords, secrets."""
    feed, long = CallFeed(ManualClock()), "n" * 9999
    secrets = {"Body": "s3cr3t", "PolicyDocument": "s3cr3t", "SecretAccessKey": "s3cr3t", "ExternalId": "s3cr3t"}
    _add(feed, OPERATOR, "iam", "CreateThing", **secrets, Records=[{"Data": "s3cr3t"}], ThingName=long, Id=[["a"]])
    (call,) = feed.calls()
    assert call.names == {"ThingName": long[: feed_module.MOST_CHARACTERS]}
    assert "s3cr3t" not in json.dumps(call.as_row())


def test_malformed_call_has_a_row_too() -> None:
    """Whatever a caller sends as a parameter, the feed can tell of the call."""
    feed = CallFeed(ManualClock())
    for params in ({"Bucket": ["x"]}, {"logGroupName": ["a", 1]}, {"tasks": []}, {"RoleName": ["x"], "Key": [3]}):
        for service, operation in (("s3", "PutObject"), ("logs", "PutLogEvents"), ("ecs", "StopTask"), ("?", "?")):
            _add(feed, TASK, service, operation, **params)
    assert all(row["action"] and row["resource"] for row in (call.as_row() for call in feed.calls()))


def test_routers_do_not_push_the_others_out() -> None:
    """Both rings are bounded, and calls that carry data have one of their own."""
    feed = CallFeed(ManualClock())
    _add(feed, OPERATOR, "iam", "PutRolePolicy", RoleName="task")
    for _ in range(feed_module.DATA_KEPT + 5):
        _add(feed, TASK, "logs", "PutLogEvents", logGroupName="/g")
    assert len(feed.calls()) == feed_module.DATA_KEPT + 1
    assert _actions(feed)[0] == "iam:PutRolePolicy"
    assert [call.operation for call in feed.management_events()] == ["PutRolePolicy"]
    assert [call.number for call in feed.calls(after=feed_module.DATA_KEPT + 4)] == [
        feed_module.DATA_KEPT + n for n in (5, 6)
    ]


def test_latest_call_of_each_role_tells_how_it_stands() -> None:
    """Of each role and operation the newest outcome is known, also when the ring has long lost the call."""
    feed = CallFeed(ManualClock())
    _add(feed, TASK, "logs", "PutLogEvents", "AccessDeniedException", logGroupName="/g")
    _add(feed, TASK, "s3", "PutObject", "AccessDenied", Bucket="b", Key="k")
    for number in range(feed_module.DATA_KEPT + 1):
        _add(feed, TASK, "logs", "PutLogEvents", logGroupName=f"/{number}")
    found = {row["call"]: row for row in feed.latest([("s3", "PutObject"), ("logs", "PutLogEvents")])}
    assert found["logs:PutLogEvents"]["outcome"] == "allowed"
    assert (found["s3:PutObject"]["outcome"], found["s3:PutObject"]["who"]) == ("AccessDenied", ROLE)
    assert feed.latest([("s3", "GetObject")]) == []


def test_latest_calls_are_bounded() -> None:
    """However many roles call, the oldest are forgotten."""
    feed = CallFeed(ManualClock())
    for number in range(feed_module.LATEST_KEPT + 10):
        _add(feed, Caller("role", "arn", ACCOUNT, role_arn=f"role/{number}"), "s3", "PutObject")
    assert len(feed.latest([("s3", "PutObject")])) == feed_module.LATEST_KEPT


def test_plumbing_of_the_services_is_no_call_of_aws() -> None:
    """What the local services ask each other is left out, unless it was refused or assumes a role, as on AWS."""
    feed = CallFeed(ManualClock())
    _add(feed, ECS, "elasticloadbalancing", "RegisterTargets")
    _add(feed, ECS, "sts", "AssumeRole", RoleArn=ROLE)
    _add(feed, ECS, "ec2", "DescribeSubnets", "InvalidSubnetID.NotFound")
    assert [(row["principal"], row["outcome"]) for row in (call.as_row() for call in feed.calls())] == [
        ("ecs.amazonaws.com", "allowed"),
        ("ecs.amazonaws.com", "InvalidSubnetID.NotFound"),
    ]
