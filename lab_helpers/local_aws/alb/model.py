"""What a load balancer is made of, as read from the answers of the ELBv2 API.

Source: the ELBv2 API reference (shapes LoadBalancer, Listener, Rule, TargetGroup and their attributes).
Not modelled: network and gateway load balancers, target types `instance`, `lambda` and `alb`, HTTPS.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lab_helpers.local_aws.alb.rules import Rule

TargetKey = tuple[str, int]
"""A target: VPC address and port."""

LOAD_BALANCER_DEFAULTS = {
    "access_logs.s3.enabled": "false",
    "access_logs.s3.bucket": "",
    "access_logs.s3.prefix": "",
    "client_keep_alive.seconds": "3600",
    "connection_logs.s3.enabled": "false",
    "connection_logs.s3.bucket": "",
    "connection_logs.s3.prefix": "",
    "deletion_protection.enabled": "false",
    "idle_timeout.timeout_seconds": "60",
    "routing.http.desync_mitigation_mode": "defensive",
    "routing.http.drop_invalid_header_fields.enabled": "false",
    "routing.http.preserve_host_header.enabled": "false",
    "routing.http.x_amzn_tls_version_and_cipher_suite.enabled": "false",
    "routing.http.xff_client_port.enabled": "false",
    "routing.http.xff_header_processing.mode": "append",
    "routing.http2.enabled": "true",
    "waf.fail_open.enabled": "false",
    "zonal_shift.config.enabled": "false",
}
"""Attributes of a new application load balancer. Source: ELBv2 API reference, LoadBalancerAttribute."""


@dataclass(frozen=True)
class Node:
    """One load balancer node: a network interface in one of the load balancer's subnets."""

    interface_id: str
    subnet_id: str
    address: str


@dataclass(frozen=True)
class HealthCheck:
    """How a target group's targets are checked; `port` None is "traffic-port"."""

    path: str
    port: int | None
    protocol: str
    interval_s: float
    timeout_s: float
    healthy_threshold: int
    unhealthy_threshold: int
    matcher: str
    enabled: bool = True

    @property
    def port_text(self) -> str:
        """The port as the API words it."""
        return "traffic-port" if self.port is None else str(self.port)


@dataclass(frozen=True)
class TargetGroup:
    """A target group's settings."""

    arn: str
    port: int
    check: HealthCheck
    deregistration_delay_s: float = 300.0
    slow_start_s: float = 0.0

    @property
    def name(self) -> str:
        """The target group's name, out of its ARN."""
        return self.arn.split("/")[1]


@dataclass(frozen=True)
class Listener:
    """A listener with its rules in the order in which they are tried; the default rule is last."""

    arn: str
    port: int
    protocol: str
    rules: tuple[Rule, ...]


@dataclass(frozen=True)
class LoadBalancer:
    """An application load balancer; `attributes` are complete (defaults filled in)."""

    arn: str
    region: str
    security_groups: frozenset[str]
    subnets: tuple[str, ...]
    listeners: tuple[Listener, ...] = ()
    attributes: Mapping[str, str] = field(default_factory=lambda: LOAD_BALANCER_DEFAULTS)

    @property
    def resource_id(self) -> str:
        """`app/NAME/ID`, as access logs and interface descriptions name it."""
        return self.arn.split(":loadbalancer/")[1]

    @property
    def idle_timeout_s(self) -> float:
        """Seconds without a byte after which a connection is given up."""
        return float(self.attributes["idle_timeout.timeout_seconds"])

    @property
    def target_groups(self) -> frozenset[str]:
        """ARNs of the target groups that its listeners forward to."""
        rules = [rule for listener in self.listeners for rule in listener.rules]
        return frozenset(arn for rule in rules for arn in rule.action.target_group_arns)


def parse_attributes(pairs: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Turn [{"Key": …, "Value": …}] into a dict."""
    return {pair["Key"]: str(pair.get("Value", "")) for pair in pairs}


def complete_attributes(pairs: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Return a load balancer's attributes with AWS's defaults for those that are missing."""
    return {**LOAD_BALANCER_DEFAULTS, **parse_attributes(pairs)}


def parse_target_group(shape: Mapping[str, Any], attributes: Mapping[str, str]) -> TargetGroup:
    """Read a TargetGroup shape and its attributes."""
    return TargetGroup(
        arn=shape["TargetGroupArn"],
        port=int(shape.get("Port") or 80),
        check=_parse_health_check(shape),
        deregistration_delay_s=float(attributes.get("deregistration_delay.timeout_seconds", 300)),
        slow_start_s=float(attributes.get("slow_start.duration_seconds", 0)),
    )


def _parse_health_check(shape: Mapping[str, Any]) -> HealthCheck:
    port = str(shape.get("HealthCheckPort") or "traffic-port")
    return HealthCheck(
        path=shape.get("HealthCheckPath") or "/",
        port=None if port == "traffic-port" else int(port),
        protocol=shape.get("HealthCheckProtocol") or "HTTP",
        interval_s=float(shape.get("HealthCheckIntervalSeconds") or 30),
        timeout_s=float(shape.get("HealthCheckTimeoutSeconds") or 5),
        healthy_threshold=int(shape.get("HealthyThresholdCount") or 5),
        unhealthy_threshold=int(shape.get("UnhealthyThresholdCount") or 2),
        matcher=(shape.get("Matcher") or {}).get("HttpCode") or "200",
        enabled=shape.get("HealthCheckEnabled") is not False,
    )
