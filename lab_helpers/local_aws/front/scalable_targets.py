"""Application Auto Scaling's RegisterScalableTarget for ECS: moto asks its own ECS, which has no services.

Source: RegisterScalableTarget of the Application Auto Scaling API reference.
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
        return {("application-autoscaling", "RegisterScalableTarget"): self._register}

    def _register(self, request: ApiRequest) -> dict[str, Any]:
        target = str(request.params.get("ResourceId", ""))
        if request.params.get("ServiceNamespace") == "ecs":
            _, cluster, service = (*target.split("/"), "", "")[:3]
            ecs = self._clients.as_service("ecs", PRINCIPAL, request.region)
            found = ecs.describe_services(cluster=cluster, services=[service])["services"] if service else []
            if not any(each["status"] != "INACTIVE" for each in found):
                raise AwsError("ValidationException", f"ECS service doesn't exist: {target}")
            self._bridge.leave_services_to_us()
        return request.forward(None)
