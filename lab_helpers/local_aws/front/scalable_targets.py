"""Application Auto Scaling's targets: for ECS moto asks its own, which has no services, and it knows no tags.

Source: RegisterScalableTarget, TagResource, UntagResource and ListTagsForResource of the Application Auto Scaling API
reference.
Not modelled: that a scaling policy changes the desired count.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lab_helpers.local_aws.kit.api import ApiRequest, AwsError, Handler
from lab_helpers.local_aws.kit.service import Clients, HandlersOnly
from lab_helpers.local_aws.moto_bridge import MotoBridge

PRINCIPAL = "application-autoscaling.amazonaws.com"


class ScalableTargets(HandlersOnly):
    """Looks for the service in the local ECS; the target itself is moto's."""

    name = "scalable-targets"

    def __init__(self, bridge: MotoBridge, clients: Clients) -> None:
        self._bridge, self._clients = bridge, clients

    def overrides(self) -> Mapping[tuple[str, str], Handler]:
        handlers: dict[str, Handler] = {
            "RegisterScalableTarget": self._register,
            "ListTagsForResource": self._list_tags,
            "TagResource": self._tag,
            "UntagResource": self._untag,
        }
        return {("application-autoscaling", operation): handler for operation, handler in handlers.items()}

    def _register(self, request: ApiRequest) -> dict[str, Any]:
        target = str(request.params.get("ResourceId", ""))
        if request.params.get("ServiceNamespace") == "ecs":
            _, cluster, service = (*target.split("/"), "", "")[:3]
            ecs = self._clients.as_service("ecs", PRINCIPAL, request.region)
            found = ecs.describe_services(cluster=cluster, services=[service])["services"] if service else []
            if not any(each["status"] != "INACTIVE" for each in found):
                raise AwsError("ValidationException", f"ECS service doesn't exist: {target}")
            self._bridge.leave_services_to_us()
        answer = request.forward(None)
        if request.params.get("Tags") and answer.get("ScalableTargetARN"):
            self._tags(request, answer["ScalableTargetARN"]).update(request.params["Tags"])
        return answer

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
        tags = self._bridge.scalable_target_tags(request.region, arn)
        if tags is None:
            raise AwsError("ResourceNotFoundException", f"The resource {arn} does not exist.")
        return tags
