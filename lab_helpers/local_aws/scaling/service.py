"""Application Auto Scaling of services: targets and policies are moto's, their alarms and what they do is ours.

moto asks its own ECS, which has no services, knows no tags, and makes alarms that nobody looks at.
Source: the operations in the Application Auto Scaling API reference.
Not modelled: scheduled actions do nothing; other resources than ECS services are never scaled.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from lab_helpers.local_aws.kit.api import ApiRequest, AwsError, Handler, WsgiApp
from lab_helpers.local_aws.kit.clock import Clock
from lab_helpers.local_aws.kit.service import Clients
from lab_helpers.local_aws.scaling.alarms import alarms, metric
from lab_helpers.local_aws.scaling.policies import TRACKING, Policy
from lab_helpers.local_aws.scaling.scaler import NAMESPACE, Scaler

PRINCIPAL = "application-autoscaling.amazonaws.com"
_API = "application-autoscaling"
_OF_POLICY = ("ServiceNamespace", "ResourceId", "ScalableDimension")
MOST_RESULTS = 50


class Targets(Protocol):
    """Where targets and policies are kept: moto_bridge.MotoBridge."""

    def leave_services_to_us(self) -> None:
        """Look for no ECS service: that is done here."""

    def scaling_regions(self) -> list[str]:
        """Return the Regions in which there are policies."""

    def scalable_target_tags(self, region: str, arn: str) -> dict[str, str] | None:
        """Return a target's tags, to be changed in place; None without such a target."""


class ScalingService:
    """Looks for the service in the local ECS, keeps the alarms of policies, and follows them."""

    name = "scaling"

    def __init__(self, targets: Targets, clients: Clients, clock: Clock) -> None:
        self._targets, self._clients = targets, clients
        self._scaler = Scaler(
            lambda service, region: clients.as_service(service, PRINCIPAL, region), clock, targets.scaling_regions
        )

    def overrides(self) -> Mapping[tuple[str, str], Handler]:
        handlers: dict[str, Handler] = {
            "DeleteScalingPolicy": self._delete_policy,
            "DeregisterScalableTarget": self._deregister,
            "DescribeScalingActivities": self._activities,
            "DescribeScalingPolicies": self._policies,
            "ListTagsForResource": self._list_tags,
            "PutScalingPolicy": self._put_policy,
            "RegisterScalableTarget": self._register,
            "TagResource": self._tag,
            "UntagResource": self._untag,
        }
        return {(_API, operation): handler for operation, handler in handlers.items()}

    def routes(self) -> Mapping[str, WsgiApp]:
        return {}

    def start(self) -> None:
        """Begin to follow policies."""
        self._scaler.start()

    def stop(self) -> None:
        """End that."""
        self._scaler.stop()

    def status(self) -> dict[str, Any]:
        """Return how many times a service was scaled since the start."""
        return {"activities": len(self._scaler.activities)}

    def _register(self, request: ApiRequest) -> dict[str, Any]:
        target = str(request.params.get("ResourceId", ""))
        if request.params.get("ServiceNamespace") == NAMESPACE:
            _, cluster, service = (*target.split("/"), "", "")[:3]
            ecs = self._clients.as_service("ecs", PRINCIPAL, request.region)
            found = ecs.describe_services(cluster=cluster, services=[service])["services"] if service else []
            if not any(each["status"] != "INACTIVE" for each in found):
                raise AwsError("ValidationException", f"ECS service doesn't exist: {target}")
            self._targets.leave_services_to_us()
        answer = request.forward(None)
        if request.params.get("Tags") and answer.get("ScalableTargetARN"):
            self._tags(request, answer["ScalableTargetARN"]).update(request.params["Tags"])
        return answer

    def _deregister(self, request: ApiRequest) -> dict[str, Any]:
        """The target's policies go with it."""
        named = {name: request.params[name] for name in _OF_POLICY}
        client = self._clients.as_service(_API, PRINCIPAL, request.region)
        for policy in client.describe_scaling_policies(**named)["ScalingPolicies"]:
            client.delete_scaling_policy(PolicyName=policy["PolicyName"], **named)
        return request.forward(None)

    def _put_policy(self, request: ApiRequest) -> dict[str, Any]:
        params = request.params
        if params["ServiceNamespace"] != NAMESPACE or f"{TRACKING}PolicyConfiguration" not in params:
            return request.forward(None)
        told = {**params, "PolicyType": TRACKING}  # a change need not say it again
        metric(Policy(told))  # one that there is not is refused before all else
        before = self._alarm_names(request)
        answer = request.forward(None)
        policy = Policy({**told, "PolicyARN": answer["PolicyARN"]})
        cloudwatch = self._clients.as_service("cloudwatch", PRINCIPAL, request.region)
        for alarm in alarms(policy):
            cloudwatch.put_metric_alarm(**alarm)
        if before:
            cloudwatch.delete_alarms(AlarmNames=before)
        return {**answer, "Alarms": self._alarms_of(policy.arn, request.region)}

    def _delete_policy(self, request: ApiRequest) -> dict[str, Any]:
        names = self._alarm_names(request)
        answer = request.forward(None)
        if names:
            self._clients.as_service("cloudwatch", PRINCIPAL, request.region).delete_alarms(AlarmNames=names)
        return answer

    def _policies(self, request: ApiRequest) -> dict[str, Any]:
        answer = request.forward(None)
        told = [
            {**each, "Alarms": self._alarms_of(each["PolicyARN"], request.region)}
            if each["ServiceNamespace"] == NAMESPACE
            else each
            for each in answer["ScalingPolicies"]
        ]
        return {**answer, "ScalingPolicies": told}

    def _activities(self, request: ApiRequest) -> dict[str, Any]:
        params = request.params
        found = self._scaler.told(request.region, params.get("ResourceId"))
        found = found if params["ServiceNamespace"] == NAMESPACE else []
        begin, most = int(params.get("NextToken") or 0), int(params.get("MaxResults") or MOST_RESULTS)
        more = {"NextToken": str(begin + most)} if len(found) > begin + most else {}
        return {"ScalingActivities": found[begin : begin + most], **more}

    def _alarms_of(self, policy_arn: str, region: str) -> list[dict[str, str]]:
        """Return the alarms that ask for a policy, ours or somebody's own, as a policy tells them."""
        cloudwatch = self._clients.as_service("cloudwatch", PRINCIPAL, region)
        found = cloudwatch.get_paginator("describe_alarms").paginate(ActionPrefix=policy_arn)
        return [
            {"AlarmName": alarm["AlarmName"], "AlarmARN": alarm["AlarmArn"]}
            for page in found
            for alarm in page["MetricAlarms"]
        ]

    def _alarm_names(self, request: ApiRequest) -> list[str]:
        """Return the names of the alarms that we made for the policy of a call, if there is one."""
        named = {name: request.params[name] for name in _OF_POLICY}
        client = self._clients.as_service(_API, PRINCIPAL, request.region)
        found = client.describe_scaling_policies(PolicyNames=[request.params["PolicyName"]], **named)
        told = [alarm for each in found["ScalingPolicies"] for alarm in each.get("Alarms", ())]
        return [each["AlarmName"] for each in told if each["AlarmName"].startswith("TargetTracking-")]

    def _list_tags(self, request: ApiRequest) -> dict[str, Any]:
        return {"Tags": dict(self._tags(request, request.params["ResourceARN"]))}

    def _tag(self, request: ApiRequest) -> dict[str, Any]:
        self._tags(request, request.params["ResourceARN"]).update(request.params["Tags"])
        return {}

    def _untag(self, request: ApiRequest) -> dict[str, Any]:
        tags = self._tags(request, request.params["ResourceARN"])
        for key in request.params["TagKeys"]:
            tags.pop(key, None)
        return {}

    def _tags(self, request: ApiRequest, arn: str) -> dict[str, str]:
        tags = self._targets.scalable_target_tags(request.region, arn)
        if tags is None:
            raise AwsError("ResourceNotFoundException", f"The resource {arn} does not exist.")
        return tags
