"""A task as target of a load balancer, through the Elastic Load Balancing API."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from lab_helpers.local_aws.ecs.model import TargetSpec

log = logging.getLogger(__name__)

DEFAULT_DRAIN_S = 300.0
"""Source: deregistration_delay.timeout_seconds of a target group."""


class TargetError(Exception):
    """A target could not be registered; the text goes into the service's events."""


def register(elbv2: Any, target: TargetSpec, address: str) -> None:
    """Register `address` with the target group; raises TargetError."""
    try:
        elbv2.register_targets(TargetGroupArn=target.target_group_arn, Targets=[_target(target, address)])
    except (ClientError, BotoCoreError) as exc:
        raise TargetError(f"was unable to register targets in (target-group {target.target_group_arn}): {exc}") from exc


def deregister(elbv2: Any, target: TargetSpec, address: str) -> bool:
    """Deregister `address`; returns False when the target group is gone."""
    try:
        elbv2.deregister_targets(TargetGroupArn=target.target_group_arn, Targets=[_target(target, address)])
    except (ClientError, BotoCoreError) as exc:
        log.info("Target %s of %s was not deregistered: %s", address, target.target_group_arn, exc)
        return False
    return True


def state(elbv2: Any, target: TargetSpec, address: str) -> tuple[str, str]:
    """Return the target's state ("initial", "healthy", "unhealthy", "draining", "unused") and AWS's description."""
    try:
        answer = elbv2.describe_target_health(
            TargetGroupArn=target.target_group_arn, Targets=[_target(target, address)]
        )
    except (ClientError, BotoCoreError):
        return "unused", ""
    for each in answer["TargetHealthDescriptions"]:
        health = each["TargetHealth"]
        return str(health["State"]), str(health.get("Description", ""))
    return "unused", ""


def drain_s(elbv2: Any, target: TargetSpec) -> float:
    """Return the target group's deregistration delay in seconds."""
    try:
        answer = elbv2.describe_target_group_attributes(TargetGroupArn=target.target_group_arn)
    except (ClientError, BotoCoreError):
        return 0.0
    values = {each["Key"]: each["Value"] for each in answer["Attributes"]}
    return float(values.get("deregistration_delay.timeout_seconds", DEFAULT_DRAIN_S))


def wait_drained(
    elbv2: Any, target: TargetSpec, address: str, pause: Callable[[float], None], now: Callable[[], float]
) -> None:
    """Wait until the target drains no more, for the deregistration delay at most; `pause` waits some seconds."""
    deadline = now() + drain_s(elbv2, target)
    delay_s = 0.1
    while now() < deadline and state(elbv2, target, address)[0] == "draining":
        pause(delay_s)
        delay_s = min(delay_s * 1.5, 1.0)


def _target(target: TargetSpec, address: str) -> dict[str, Any]:
    return {"Id": address, "Port": target.container_port}
