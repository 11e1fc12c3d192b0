"""ALB: reachable by its DNS name, health seen from one node a subnet, rules, and its own answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import urllib3

from tests.integration import arrivals, network, policies
from tests.integration.stack import Stack

pytestmark = pytest.mark.account


@pytest.fixture(scope="module")
def http() -> Iterator[urllib3.PoolManager]:
    """An ordinary client that follows nothing and repeats nothing."""
    with urllib3.PoolManager(retries=False, timeout=10) as pool:
        yield pool


def test_the_dns_name_answers(stack: Stack, http: urllib3.PoolManager) -> None:
    """The article's page, and httpd's own 404, come through."""
    found, missing = http.request("GET", f"{stack.url}/"), http.request("GET", f"{stack.url}/nothing-here")
    assert (found.status, b"It works!" in found.data) == (200, True)
    assert found.headers["Server"].startswith("Apache")
    assert missing.status == 404


def test_targets_are_the_tasks(stack: Stack) -> None:
    """Each task's address is a healthy target on the container's port."""
    addresses = {each["containers"][0]["networkInterfaces"][0]["privateIpv4Address"] for each in stack.tasks("httpd")}
    assert set(stack.healthy_targets()) == addresses
    assert {each["Target"]["Port"] for each in stack.targets()} == {80}


def test_one_node_in_each_subnet_serves_and_checks(stack: Stack) -> None:
    """Two interfaces of the load balancer; httpd's log shows only their addresses."""
    found = network.interfaces(stack.target.client("ec2"), stack.made_network.vpc)
    name = stack.balancer_arn.split(":loadbalancer/")[1]
    nodes = {each["PrivateIpAddress"]: each["SubnetId"] for each in found if each["Description"] == f"ELB {name}"}
    assert sorted(nodes.values()) == sorted(stack.made_network.subnets)
    run = arrivals.send(stack, 20)
    lines = stack.target.wait(
        lambda: arrivals.httpd_events(stack, run), "20 lines", done=lambda found: len(found) == 20
    )
    assert {each["message"].partition('"log":"')[2].partition(" ")[0] for each in lines} <= set(nodes)


@pytest.fixture
def rule(stack: Stack) -> Iterator[Any]:
    """A function that adds a rule for a path; rules and target groups of their own go afterwards."""
    elbv2, made = stack.target.client("elbv2"), list[str]()

    def add(path: str, *actions: dict[str, Any]) -> None:
        conditions = [{"Field": "path-pattern", "Values": [path]}]
        created = elbv2.create_rule(
            ListenerArn=stack.listener_arn, Priority=len(made) + 1, Conditions=conditions, Actions=list(actions)
        )
        made.append(created["Rules"][0]["RuleArn"])

    yield add
    for arn in made:
        elbv2.delete_rule(RuleArn=arn)


def test_rules_answer_by_themselves(stack: Stack, http: urllib3.PoolManager, rule: Any) -> None:
    """A fixed response and a redirect, chosen by path."""
    answer = {"StatusCode": "418", "ContentType": "text/plain", "MessageBody": "teapot"}
    rule("/tea", {"Type": "fixed-response", "FixedResponseConfig": answer})
    rule("/old/*", {"Type": "redirect", "RedirectConfig": {"Path": "/new", "StatusCode": "HTTP_301"}})
    stack.target.wait(lambda: http.request("GET", f"{stack.url}/tea").status == 418, "the rule to count")
    assert http.request("GET", f"{stack.url}/tea").data == b"teapot"
    moved = http.request("GET", f"{stack.url}/old/page")
    assert (moved.status, moved.headers["Location"].rpartition("/")[2]) == (301, "new")


def test_a_group_without_targets_is_503(stack: Stack, http: urllib3.PoolManager, rule: Any) -> None:
    """Nobody to forward to: the load balancer answers for itself."""
    elbv2 = stack.target.client("elbv2")
    empty = elbv2.create_target_group(
        Name=f"{stack.prefix}-empty", Protocol="HTTP", Port=80, TargetType="ip", VpcId=stack.made_network.vpc
    )["TargetGroups"][0]["TargetGroupArn"]
    rule("/empty", {"Type": "forward", "TargetGroupArn": empty})
    answer = stack.target.wait(
        lambda: http.request("GET", f"{stack.url}/empty"), "the rule to count", done=lambda it: it.status == 503
    )
    assert b"<h1>503 Service Temporarily Unavailable</h1>" in answer.data
    assert answer.headers["Server"] == "awselb/2.0"


def test_the_access_log_starts_with_a_test_file(stack: Stack) -> None:
    """Switched on, the load balancer tries the bucket; one that it may not write to is refused."""
    s3, elbv2 = stack.target.client("s3"), stack.target.client("elbv2")
    attributes = [
        {"Key": "access_logs.s3.enabled", "Value": "true"},
        {"Key": "access_logs.s3.bucket", "Value": stack.bucket},
        {"Key": "access_logs.s3.prefix", "Value": "alb"},
    ]
    with pytest.raises(elbv2.exceptions.InvalidConfigurationRequestException, match="Access Denied for bucket"):
        elbv2.modify_load_balancer_attributes(LoadBalancerArn=stack.balancer_arn, Attributes=attributes)
    own = f"alb/AWSLogs/{stack.target.account}"
    s3.put_bucket_policy(Bucket=stack.bucket, Policy=_delivery(f"arn:aws:s3:::{stack.bucket}/{own}/*"))
    elbv2.modify_load_balancer_attributes(LoadBalancerArn=stack.balancer_arn, Attributes=attributes)
    try:
        found = s3.list_objects_v2(Bucket=stack.bucket, Prefix="alb/")["Contents"]
        assert [each["Key"] for each in found] == [f"{own}/ELBAccessLogTestFile"]
    finally:
        off = [{"Key": "access_logs.s3.enabled", "Value": "false"}]
        elbv2.modify_load_balancer_attributes(LoadBalancerArn=stack.balancer_arn, Attributes=off)
        s3.delete_bucket_policy(Bucket=stack.bucket)
        for each in s3.list_objects_v2(Bucket=stack.bucket, Prefix="alb/").get("Contents", []):
            s3.delete_object(Bucket=stack.bucket, Key=each["Key"])


def _delivery(resource: str) -> str:
    principal = {"Service": "logdelivery.elasticloadbalancing.amazonaws.com"}
    return policies.document({**policies.allow(["s3:PutObject"], resource), "Principal": principal})
