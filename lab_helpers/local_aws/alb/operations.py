"""The ELBv2 operations that moto does not answer as AWS would.

Source: the ELBv2 API reference. moto keeps the objects; each change of theirs is followed by a reconciliation.
Not modelled: HTTPS listeners (kept, but nobody listens), network and gateway load balancers (moto's alone).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lab_helpers.local_aws.alb.checks.target_health import Health
from lab_helpers.local_aws.alb.control import Control
from lab_helpers.local_aws.alb.model import TargetGroup, TargetKey, complete_attributes, parse_attributes
from lab_helpers.local_aws.alb.plane import DataPlane
from lab_helpers.local_aws.kit.api import ApiRequest, AwsError, Handler

SIGNING_NAME = "elasticloadbalancing"

_CHANGES = (
    "CreateListener",
    "CreateRule",
    "CreateTargetGroup",
    "DeleteListener",
    "DeleteRule",
    "DeleteTargetGroup",
    "ModifyListener",
    "ModifyRule",
    "ModifyTargetGroup",
    "ModifyTargetGroupAttributes",
    "SetRulePriorities",
    "SetSecurityGroups",
    "SetSubnets",
)


class Operations:
    """Handlers; they run in the gateway's threads."""

    def __init__(self, plane: DataPlane, control: Control) -> None:
        self._plane, self._control = plane, control

    def table(self) -> Mapping[tuple[str, str], Handler]:
        """Return the handlers by signing name and operation."""
        own: dict[str, Handler] = {
            "CreateLoadBalancer": self.create_load_balancer,
            "DeleteLoadBalancer": self.delete_load_balancer,
            "DeregisterTargets": self.deregister_targets,
            "DescribeListeners": self.describe,
            "DescribeLoadBalancerAttributes": self.describe_attributes,
            "DescribeLoadBalancers": self.describe_load_balancers,
            "DescribeRules": self.describe,
            "DescribeTargetGroups": self.describe_target_groups,
            "DescribeTargetHealth": self.describe_target_health,
            "ModifyLoadBalancerAttributes": self.modify_attributes,
            "RegisterTargets": self.register_targets,
        }
        handlers = {**dict.fromkeys(_CHANGES, self.change), **own}
        return {(SIGNING_NAME, operation): handler for operation, handler in handlers.items()}

    def change(self, request: ApiRequest) -> dict[str, Any]:
        """Let moto make a change, then follow it."""
        answer = request.forward(None)
        self._control.reconcile(request.region)
        return _without_foreign(answer)

    def describe(self, request: ApiRequest) -> dict[str, Any]:
        """Let moto describe listeners or rules."""
        return _without_foreign(request.forward(None))

    def create_load_balancer(self, request: ApiRequest) -> dict[str, Any]:
        """Create a load balancer with its nodes and its loopback port."""
        if not _is_application(request.params):
            return request.forward(None)
        groups = self._control.check_new(request.region, request.params)
        answer = request.forward(None)
        shape = answer["LoadBalancers"][0]
        if not request.params.get("SecurityGroups"):
            self._control.set_groups(request.region, shape["LoadBalancerArn"], groups)
            shape["SecurityGroups"] = groups
        self._control.reconcile(request.region)
        answer = self._with_dns_names(answer)
        shape["State"] = {"Code": "provisioning"}  # active as soon as it is asked for
        return answer

    def delete_load_balancer(self, request: ApiRequest) -> dict[str, Any]:
        """Delete a load balancer, its nodes and its port; refused under deletion protection."""
        arn = request.params["LoadBalancerArn"]
        balancer = self._plane.balancer(arn)
        if balancer is not None and balancer.attributes["deletion_protection.enabled"] == "true":
            raise AwsError(
                "OperationNotPermitted",
                f"Load balancer '{arn}' cannot be deleted because deletion protection is enabled",
            )
        return self.change(request)

    def describe_load_balancers(self, request: ApiRequest) -> dict[str, Any]:
        """Describe with the DNS names that lead to the loopback ports."""
        return self._with_dns_names(request.forward(None))

    def describe_attributes(self, request: ApiRequest) -> dict[str, Any]:
        """Describe all attributes, AWS's defaults included."""
        return _complete(request.forward(None))

    def modify_attributes(self, request: ApiRequest) -> dict[str, Any]:
        """Change attributes; access logs are tried with a test object first."""
        given = parse_attributes(request.params.get("Attributes") or [])
        balancer = self._plane.balancer(request.params["LoadBalancerArn"])
        if balancer is not None and given.get("access_logs.s3.enabled") == "true":
            after = {**balancer.attributes, **given}
            self._control.test_log_bucket(
                balancer.arn, request.region, after["access_logs.s3.bucket"], after["access_logs.s3.prefix"]
            )
        return _complete(self.change(request)) if balancer is not None else self.change(request)

    def describe_target_groups(self, request: ApiRequest) -> dict[str, Any]:
        """Describe with the load balancers that really use each group."""
        answer = request.forward(None)
        for shape in answer.get("TargetGroups") or []:
            if self._plane.group(shape["TargetGroupArn"]) is not None:
                shape["LoadBalancerArns"] = self._plane.balancers_of(shape["TargetGroupArn"])
        return answer

    def register_targets(self, request: ApiRequest) -> dict[str, Any]:
        """Register targets; their health checks begin at once."""
        answer = request.forward(None)
        group = self._plane.group(request.params["TargetGroupArn"])
        if group is not None:
            self._plane.register(group.arn, _keys(request, group))
            self._control.keep()
            self._control.read_firewall()
        return answer

    def deregister_targets(self, request: ApiRequest) -> dict[str, Any]:
        """Let targets drain; targets that are not registered are no error."""
        group = self._plane.group(request.params["TargetGroupArn"])
        try:
            answer = request.forward(None)
        except AwsError as error:
            if group is None or error.code != "InvalidTarget":
                raise
            answer = {}
        if group is not None:
            self._plane.deregister(group.arn, _keys(request, group))
            self._control.keep()
        return answer

    def describe_target_health(self, request: ApiRequest) -> dict[str, Any]:
        """Tell what the health checks found."""
        answer = request.forward(None)
        group = self._plane.group(request.params["TargetGroupArn"])
        if group is None:
            return answer
        healths = self._plane.health(group.arn, _keys(request, group))
        return {"TargetHealthDescriptions": [_describe(key, health, group.check.port) for key, health in healths]}

    def _with_dns_names(self, answer: dict[str, Any]) -> dict[str, Any]:
        for shape in answer.get("LoadBalancers") or []:
            if _is_application(shape):
                shape["DNSName"] = f"127.0.0.1:{self._plane.main_port(shape['LoadBalancerArn'])}"
                shape["State"] = {"Code": "active"}
                shape["Scheme"] = shape.get("Scheme") or "internet-facing"
        return answer


def _without_foreign(answer: dict[str, Any]) -> dict[str, Any]:
    """Drop what AWS does not tell: TLS of a listener that has none, clients' secrets."""
    listeners, rules = answer.get("Listeners") or [], answer.get("Rules") or []
    for listener in listeners:
        if listener.get("Protocol") not in {"HTTPS", "TLS"}:
            listener.pop("SslPolicy", None)
        if listener.get("Protocol") != "TLS" or not any(listener.get("AlpnPolicy") or ()):
            listener.pop("AlpnPolicy", None)
    actions = [*(a for each in listeners for a in each.get("DefaultActions") or ())]
    for action in (*actions, *(a for each in rules for a in each.get("Actions") or ())):
        (action.get("AuthenticateOidcConfig") or {}).pop("ClientSecret", None)
    return answer


def _keys(request: ApiRequest, group: TargetGroup) -> list[TargetKey]:
    return [(target["Id"], int(target.get("Port") or group.port)) for target in request.params.get("Targets") or []]


def _is_application(shape: Mapping[str, Any]) -> bool:
    return (shape.get("Type") or "application") == "application"


def _complete(answer: dict[str, Any]) -> dict[str, Any]:
    attributes = complete_attributes(answer.get("Attributes") or [])
    return {**answer, "Attributes": [{"Key": key, "Value": value} for key, value in sorted(attributes.items())]}


def _describe(key: TargetKey, health: Health, check_port: int | None) -> dict[str, Any]:
    told = {"State": health.state.value, "Reason": health.reason, "Description": health.description}
    return {
        "Target": {"Id": key[0], "Port": key[1]},
        "HealthCheckPort": str(check_port or key[1]),
        "TargetHealth": {name: value for name, value in told.items() if value is not None},
    }
