"""The load balancer service as the composition root sees it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lab_helpers.local_aws.alb.control import PRINCIPAL, Control
from lab_helpers.local_aws.alb.operations import Operations
from lab_helpers.local_aws.alb.plane import DataPlane
from lab_helpers.local_aws.kit.api import Handler, WsgiApp
from lab_helpers.local_aws.kit.metrics import MetricPublisher
from lab_helpers.local_aws.kit.rounds import Rounds
from lab_helpers.local_aws.kit.service import ServiceContext

_COUNTED = "counted"
_KEPT_EVERY_S = 1.0
"""How often what target groups count is written down: so much a killed server's successor may lack."""


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
        self._kept, self._clock, self._kept_at_s = context.kept, context.clock, 0.0
        self._figures = Rounds(
            "alb-figures", context.clock, self._keep_figures, self._due_in_s, at_end=self._keep_figures
        )

    def overrides(self) -> Mapping[tuple[str, str], Handler]:
        """Return the ELBv2 operations that are answered here."""
        return self._operations.table()

    def routes(self) -> Mapping[str, WsgiApp]:
        """Return no endpoints: listeners have ports of their own."""
        return {}

    def start(self) -> None:
        """Start the threads of data plane, errands and metrics."""
        self._plane.go_on_from(self._kept.load(_COUNTED) or {})
        self._control.start()
        self._metrics.start()
        if self._kept.is_kept:
            self._figures.start()

    def stop(self) -> None:
        """Stop serving, then deliver the access logs that are left; the API must still answer."""
        self._figures.stop()  # first: it asks the data plane
        self._control.stop()
        self._metrics.stop()

    def status(self) -> dict[str, Any]:
        """Return ports, nodes and connections by load balancer, requests and targets by target group."""
        return self._plane.status()

    def _due_in_s(self) -> float:
        return self._kept_at_s + _KEPT_EVERY_S - self._clock.monotonic()

    def _keep_figures(self) -> None:
        self._kept_at_s = self._clock.monotonic()
        self._kept.save(_COUNTED, self._plane.counted())
