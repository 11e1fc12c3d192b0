"""Reads from the ELBv2 API what load balancers, listeners, rules and target groups there are in a region."""

from __future__ import annotations

from typing import Any

from lab_helpers.local_aws.alb.model import (
    Listener,
    LoadBalancer,
    TargetGroup,
    complete_attributes,
    parse_attributes,
    parse_target_group,
)
from lab_helpers.local_aws.alb.rules import parse_rules


def read_balancers(elbv2: Any, region: str) -> tuple[LoadBalancer, ...]:
    """Return a region's application load balancers."""
    shapes = _all(elbv2, "describe_load_balancers", "LoadBalancers")
    return tuple(_read_balancer(elbv2, shape, region) for shape in shapes if shape.get("Type") == "application")


def read_groups(elbv2: Any) -> tuple[TargetGroup, ...]:
    """Return a region's target groups whose targets are addresses."""
    shapes = _all(elbv2, "describe_target_groups", "TargetGroups")
    return tuple(_read_group(elbv2, shape) for shape in shapes if shape.get("TargetType") == "ip")


def _read_balancer(elbv2: Any, shape: dict[str, Any], region: str) -> LoadBalancer:
    arn = shape["LoadBalancerArn"]
    attributes = elbv2.describe_load_balancer_attributes(LoadBalancerArn=arn)["Attributes"]
    listeners = _all(elbv2, "describe_listeners", "Listeners", LoadBalancerArn=arn)
    return LoadBalancer(
        arn=arn,
        region=region,
        security_groups=frozenset(shape.get("SecurityGroups") or ()),
        subnets=tuple(zone["SubnetId"] for zone in shape.get("AvailabilityZones") or ()),
        listeners=tuple(_read_listener(elbv2, listener) for listener in listeners),
        attributes=complete_attributes(attributes),
    )


def _read_listener(elbv2: Any, shape: dict[str, Any]) -> Listener:
    rules = _all(elbv2, "describe_rules", "Rules", ListenerArn=shape["ListenerArn"])
    return Listener(shape["ListenerArn"], int(shape["Port"]), shape.get("Protocol", "HTTP"), parse_rules(rules))


def _read_group(elbv2: Any, shape: dict[str, Any]) -> TargetGroup:
    answer = elbv2.describe_target_group_attributes(TargetGroupArn=shape["TargetGroupArn"])
    return parse_target_group(shape, parse_attributes(answer["Attributes"]))


def _all(elbv2: Any, operation: str, member: str, **params: Any) -> list[dict[str, Any]]:
    answer = getattr(elbv2, operation)(**params)
    found: list[dict[str, Any]] = list(answer[member])
    while marker := answer.get("NextMarker"):
        answer = getattr(elbv2, operation)(**params, Marker=marker)
        found += answer[member]
    return found
