"""Security groups between load balancer and targets."""

from __future__ import annotations

from typing import Any

import pytest

from lab_helpers.local_aws.alb.firewall import Firewall, Passage, parse_security_groups

ALL: dict[str, Any] = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}


def rule(port: int, *, group: str | None = None, cidr: str | None = None, to: int | None = None) -> dict[str, Any]:
    return {
        "IpProtocol": "tcp",
        "FromPort": port,
        "ToPort": to or port,
        "UserIdGroupPairs": [{"GroupId": group}] if group else [],
        "IpRanges": [{"CidrIp": cidr}] if cidr else [],
    }


def allows(egress: list[dict[str, Any]], ingress: list[dict[str, Any]]) -> bool:
    firewall = Firewall()
    shapes = [
        {"GroupId": "sg-alb", "IpPermissions": [], "IpPermissionsEgress": egress},
        {"GroupId": "sg-task", "IpPermissions": ingress, "IpPermissionsEgress": []},
    ]
    firewall.replace("r", parse_security_groups(shapes))
    way = Passage("10.0.11.10", frozenset({"sg-alb"}), "10.0.12.100", 80, frozenset({"sg-task"}))
    return firewall.allows(way)


@pytest.mark.parametrize(
    ("egress", "ingress", "expected"),
    [
        ([ALL], [rule(80, group="sg-alb")], True),
        ([ALL], [rule(80, group="sg-other")], False),
        ([ALL], [rule(80, cidr="10.0.11.0/24")], True),
        ([ALL], [rule(80, cidr="10.0.12.0/24")], False),
        ([ALL], [rule(0, cidr="0.0.0.0/0", to=65535)], True),
        ([ALL], [rule(8080, group="sg-alb")], False),
        ([ALL], [{"IpProtocol": "udp", "FromPort": 80, "ToPort": 80, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}], False),
        ([ALL], [ALL], True),
        ([ALL], [], False),
        ([], [ALL], False),
        ([rule(80, group="sg-task")], [ALL], True),
        ([rule(443, group="sg-task")], [ALL], False),
        ([rule(80, cidr="10.0.12.0/24")], [ALL], True),
    ],
)
def test_both_sides_must_allow(egress: list[dict[str, Any]], ingress: list[dict[str, Any]], expected: bool) -> None:
    """The load balancer's egress and the target's ingress, by group or by address, port and protocol."""
    assert allows(egress, ingress) is expected


def test_unknown_groups_pass_and_are_asked_for() -> None:
    """A group that was not read yet does not cut traffic, but is named for the next reading; its rules then hold."""
    firewall = Firewall()
    way = Passage("10.0.11.10", frozenset({"sg-alb"}), "10.0.12.100", 80, frozenset({"sg-task"}))
    assert firewall.allows(way)
    assert firewall.missing == {"sg-alb", "sg-task"}
    blocked = [{"GroupId": group, "IpPermissions": [], "IpPermissionsEgress": []} for group in ("sg-alb", "sg-task")]
    firewall.replace("r", parse_security_groups(blocked))
    assert firewall.missing == set()
    assert not firewall.allows(way)


def test_no_groups_means_no_restriction() -> None:
    """A target whose groups are not told is reachable."""
    assert Firewall().allows(Passage("10.0.11.10", frozenset(), "10.0.12.100", 80, frozenset()))
