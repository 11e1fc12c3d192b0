"""Reads from the ELBv2 API what load balancers, listeners, rules and target groups there are in a region."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from botocore.exceptions import ClientError

from lab_helpers.local_aws.alb.model import (
    Listener,
    LoadBalancer,
    TargetGroup,
    complete_attributes,
    parse_attributes,
    parse_target_group,
)
from lab_helpers.local_aws.alb.rules import parse_rules

Read = TypeVar("Read")
_GONE = frozenset({"LoadBalancerNotFound", "ListenerNotFound", "TargetGroupNotFound", "RuleNotFound"})


def read_balancers(elbv2: Any, region: str) -> tuple[LoadBalancer, ...]:
    """Return a region's application load balancers."""
    shapes = _all(elbv2, "describe_load_balancers", "LoadBalancers")
    applications = [shape for shape in shapes if shape.get("Type") == "application"]
    return tuple(_still_there(applications, lambda shape: _read_balancer(elbv2, shape, region)))


def read_groups(elbv2: Any) -> tuple[TargetGroup, ...]:
    """Return a region's target groups whose targets are addresses."""
    shapes = _all(elbv2, "describe_target_groups", "TargetGroups")
    addressed = [shape for shape in shapes if shape.get("TargetType") == "ip"]
    return tuple(_still_there(addressed, lambda shape: _read_group(elbv2, shape)))


def _read_balancer(elbv2: Any, shape: dict[str, Any], region: str) -> LoadBalancer:
    arn = shape["LoadBalancerArn"]
    attributes = elbv2.describe_load_balancer_attributes(LoadBalancerArn=arn)["Attributes"]
    listeners = _all(elbv2, "describe_listeners", "Listeners", LoadBalancerArn=arn)
    return LoadBalancer(
        arn=arn,
        region=region,
        security_groups=frozenset(shape.get("SecurityGroups") or ()),
        subnets=tuple(zone["SubnetId"] for zone in shape.get("AvailabilityZones") or ()),
        listeners=tuple(_still_there(listeners, lambda listener: _read_listener(elbv2, listener))),
        attributes=complete_attributes(attributes),
    )


def _read_listener(elbv2: Any, shape: dict[str, Any]) -> Listener:
    rules = _all(elbv2, "describe_rules", "Rules", ListenerArn=shape["ListenerArn"])
    return Listener(shape["ListenerArn"], int(shape["Port"]), shape.get("Protocol", "HTTP"), parse_rules(rules))


def _read_group(elbv2: Any, shape: dict[str, Any]) -> TargetGroup:
    answer = elbv2.describe_target_group_attributes(TargetGroupArn=shape["TargetGroupArn"])
    return parse_target_group(shape, parse_attributes(answer["Attributes"]))


def _still_there(shapes: Iterable[dict[str, Any]], read: Callable[[dict[str, Any]], Read]) -> Iterator[Read]:
    """Read each, without those that somebody else deleted between the listing and the reading."""
    for shape in shapes:
        try:
            yield read(shape)
        except ClientError as error:
            if error.response["Error"]["Code"] not in _GONE:
                raise


def _all(elbv2: Any, operation: str, member: str, **params: Any) -> list[dict[str, Any]]:
    answer = getattr(elbv2, operation)(**params)
    found: list[dict[str, Any]] = list(answer[member])
    while marker := answer.get("NextMarker"):
        answer = getattr(elbv2, operation)(**params, Marker=marker)
        found += answer[member]
    return found
