"""What target groups have counted goes on in the next server, as what their tasks have printed does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lab_helpers.local_aws.alb import AlbService
from lab_helpers.local_aws.kit.clock import ManualClock
from lab_helpers.local_aws.server import LocalAws
from tests.local_aws.alb.kit import Client, wait_until


def balanced(aws: LocalAws) -> int:
    """Make a load balancer that forwards to a target group without targets; return its port."""
    ec2, elb = aws.client("ec2"), aws.client("elbv2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{n}.0/24", AvailabilityZone=f"ap-northeast-1{zone}")["Subnet"]
        for n, zone in ((11, "a"), (12, "c"))
    ]
    door = ec2.create_security_group(GroupName="alb", Description="alb", VpcId=vpc)["GroupId"]
    ec2.authorize_security_group_ingress(GroupId=door, IpProtocol="tcp", FromPort=80, ToPort=80, CidrIp="0.0.0.0/0")
    made = elb.create_load_balancer(Name="lb", Subnets=[each["SubnetId"] for each in subnets], SecurityGroups=[door])
    (balancer,) = made["LoadBalancers"]
    (group,) = elb.create_target_group(Name="tg", Protocol="HTTP", Port=80, VpcId=vpc, TargetType="ip")["TargetGroups"]
    forward = [{"Type": "forward", "TargetGroupArn": group["TargetGroupArn"]}]
    elb.create_listener(LoadBalancerArn=balancer["LoadBalancerArn"], Protocol="HTTP", Port=80, DefaultActions=forward)
    return int(balancer["DNSName"].partition(":")[2])


def visit(port: int) -> None:
    with Client(port) as client:
        assert client.get()[0] == 503


def counted(aws: LocalAws) -> dict[str, Any]:
    group = aws.status()["services"]["alb"]["target_groups"]["tg"]
    return {name: group[name] for name in ("requests", "by_status")}


def test_figures_go_on_in_the_next_server(tmp_path: Path) -> None:
    """Written down once a second, for a kill, and at the end."""
    clock = ManualClock()
    with LocalAws(tmp_path, factories=[AlbService], clock=clock, keeps_state=True) as aws:
        port = balanced(aws)
        visit(port)
        assert counted(aws) == {"requests": 1, "by_status": {"elb_5xx": 1}}
        clock.advance(1)
        kept = aws._state.room("alb")  # type: ignore[union-attr]
        wait_until(lambda: [requests for requests, _ in (kept.load("counted") or {}).values()] == [1])
        visit(port)
    with LocalAws(tmp_path, factories=[AlbService], clock=clock, keeps_state=True) as again:
        assert counted(again) == {"requests": 2, "by_status": {"elb_5xx": 2}}
        visit(port)
        assert counted(again)["requests"] == 3
