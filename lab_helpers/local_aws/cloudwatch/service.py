"""CloudWatch as the composition root sees it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from lab_helpers.local_aws.cloudwatch.actions import Actions
from lab_helpers.local_aws.cloudwatch.alarm import ALARM, INSUFFICIENT, OK, Alarm
from lab_helpers.local_aws.cloudwatch.alarm_operations import AlarmOperations
from lab_helpers.local_aws.cloudwatch.book import AlarmBook
from lab_helpers.local_aws.cloudwatch.metric_operations import MetricOperations
from lab_helpers.local_aws.cloudwatch.metrics import MetricStore
from lab_helpers.local_aws.cloudwatch.watcher import Watcher
from lab_helpers.local_aws.kit.api import ApiRequest, Handler, WsgiApp
from lab_helpers.local_aws.kit.clock import Clock
from lab_helpers.local_aws.kit.service import NOTHING_KEPT, Clients, Kept

SIGNING_NAME = "monitoring"
PRINCIPAL = "cloudwatch.amazonaws.com"


class CloudWatchService:
    """Metrics and alarms; dashboards, metric streams and the rest are moto's."""

    name = "cloudwatch"

    def __init__(self, clock: Clock, clients: Clients, kept: Kept = NOTHING_KEPT) -> None:
        self.store, self.book = MetricStore(kept), AlarmBook(kept=kept)
        self.store.take_over()
        self.book.take_over()
        actions = Actions(self.book, clock, lambda region: clients.as_service("sns", PRINCIPAL, region))
        self._watcher = Watcher(self.book, self.store, clock, actions.act)
        self._metrics = MetricOperations(self.store, clock)
        self._alarms = AlarmOperations(self.book, clock, self._watcher.look_again, actions.act)

    def overrides(self) -> Mapping[tuple[str, str], Handler]:
        """Return the operations that are answered here."""
        return {
            **{(SIGNING_NAME, name): handler for name, handler in self._metrics.table().items()},
            **{(SIGNING_NAME, name): self._keeping(handler) for name, handler in self._alarms.table().items()},
        }

    def _keeping(self, handler: Handler) -> Handler:
        def kept(request: ApiRequest) -> dict[str, Any]:
            answer = handler(request)
            self.book.keep()
            return answer

        return kept

    def routes(self) -> Mapping[str, WsgiApp]:
        """CloudWatch has no plain HTTP endpoints."""
        return {}

    def start(self) -> None:
        """Start looking at alarms."""
        self._watcher.start()

    def stop(self) -> None:
        """Stop looking; safe before start and twice."""
        self._watcher.stop()

    def status(self) -> dict[str, Any]:
        """Return how many alarms are in each state."""
        with self.book.lock:
            alarms: list[Alarm] = list(self.book.alarms.values())
        states = Counter(alarm.state for alarm in alarms)
        return {"alarms": {state: states[state] for state in (OK, ALARM, INSUFFICIENT)}}
