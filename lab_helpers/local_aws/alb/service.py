"""The load balancer service as the composition root sees it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lab_helpers.local_aws.alb.control import PRINCIPAL, Control
from lab_helpers.local_aws.alb.operations import Operations
from lab_helpers.local_aws.alb.plane import DataPlane
from lab_helpers.local_aws.kit.api import Handler, WsgiApp
from lab_helpers.local_aws.kit.metrics import MetricPublisher
from lab_helpers.local_aws.kit.service import ServiceContext


class AlbService:
    """Application load balancers: moto keeps their definitions, this serves their traffic."""

    name = "alb"

    def __init__(self, context: ServiceContext) -> None:
        self._metrics = MetricPublisher(
            lambda region: context.clients.as_service("cloudwatch", PRINCIPAL, region), context.clock
        )
        self._plane = DataPlane(context.clock, context.network, self._metrics)
        self._control = Control(context, self._plane)
        self._operations = Operations(self._plane, self._control)

    def overrides(self) -> Mapping[tuple[str, str], Handler]:
        """Return the ELBv2 operations that are answered here."""
        return self._operations.table()

    def routes(self) -> Mapping[str, WsgiApp]:
        """Return no endpoints: listeners have ports of their own."""
        return {}

    def start(self) -> None:
        """Start the threads of data plane, errands and metrics."""
        self._control.start()
        self._metrics.start()

    def stop(self) -> None:
        """Stop serving, then deliver the access logs that are left; the API must still answer."""
        self._control.stop()
        self._metrics.stop()

    def status(self) -> dict[str, Any]:
        """Return ports, nodes and connections by load balancer, requests and targets by target group."""
        return self._plane.status()
