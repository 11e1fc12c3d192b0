"""Target health, pure: from the results of single checks to the state that DescribeTargetHealth tells.

Source: "Health checks for Application Load Balancer target groups" (states, reason codes, descriptions, one passed
check makes a new target healthy). Each node counts for itself; the state told is the worst of them.
Not modelled: different routing by different nodes, anomaly detection, administrative overrides, gRPC codes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from lab_helpers.local_aws.alb.model import HealthCheck


class State(StrEnum):
    """A target's state as the API words it."""

    INITIAL = "initial"
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"
    DRAINING = "draining"
    UNUSED = "unused"


@dataclass(frozen=True)
class Health:
    """A state with its reason code and description (both None when healthy)."""

    state: State
    reason: str | None = None
    description: str | None = None


@dataclass(frozen=True)
class CheckResult:
    """One check's outcome; `failure` is None when it passed, else the health that a failed target shows."""

    failure: Health | None = None

    @property
    def passed(self) -> bool:
        """Whether the target answered as configured."""
        return self.failure is None


HEALTHY = Health(State.HEALTHY)
REGISTERING = Health(State.INITIAL, "Elb.RegistrationInProgress", "Target registration is in progress")
CHECKING = Health(State.INITIAL, "Elb.InitialHealthChecking", "Initial health checks in progress")
DRAINING = Health(State.DRAINING, "Target.DeregistrationInProgress", "Target deregistration is in progress")
NOT_REGISTERED = Health(State.UNUSED, "Target.NotRegistered", "Target is not registered to the target group")
NOT_IN_USE = Health(
    State.UNUSED,
    "Target.NotInUse",
    "Target group is not configured to receive traffic from the load balancer",
)

PASSED = CheckResult()
TIMED_OUT = CheckResult(Health(State.UNHEALTHY, "Target.Timeout", "Request timed out"))
REFUSED = CheckResult(Health(State.UNHEALTHY, "Target.FailedHealthChecks", "Health checks failed"))


def judge(status: int, matcher: str) -> CheckResult:
    """Judge an answer's status by a matcher such as "200" or "200-299,301"."""
    if any(low <= status <= high for low, high in _ranges(matcher)):
        return PASSED
    description = f"Health checks failed with these codes: [{status}]"
    return CheckResult(Health(State.UNHEALTHY, "Target.ResponseCodeMismatch", description))


class HealthRecord:
    """What the nodes found about one target."""

    def __init__(self) -> None:
        self._views: dict[str, _View] = {}
        self._started = False

    @property
    def health(self) -> Health:
        """The target's health over all nodes."""
        healths = [view.health for view in self._views.values()]
        worst = next((h for h in healths if h.state is State.UNHEALTHY), None)
        if worst is not None:
            return worst
        if healths and all(h.state is State.HEALTHY for h in healths):
            return HEALTHY
        return CHECKING if self._started else REGISTERING

    def begin(self, nodes: Iterable[str]) -> None:
        """Say which nodes check the target from now on."""
        self._started = True
        self._views = {node: self._views.get(node) or _View() for node in nodes}

    def record(self, node: str, result: CheckResult, check: HealthCheck) -> None:
        """Count one check's result by its node; results of a node that went are dropped."""
        if node in self._views:
            self._views[node].count(result, check)


class _View:
    """One node's view of a target."""

    def __init__(self) -> None:
        self.health = CHECKING
        self._streak = 0  # consecutive results that speak against the present state

    def count(self, result: CheckResult, check: HealthCheck) -> None:
        if result.passed == (self.health.state is State.HEALTHY) and self.health.state is not State.INITIAL:
            self._streak = 0
            self.health = result.failure or self.health  # the latest reason is the one shown
            return
        self._streak += 1
        if result.failure is None:
            if self.health.state is State.INITIAL or self._streak >= check.healthy_threshold:
                self._become(HEALTHY)
        elif self._streak >= check.unhealthy_threshold:
            self._become(result.failure)

    def _become(self, health: Health) -> None:
        self.health, self._streak = health, 0


def _ranges(matcher: str) -> list[tuple[int, int]]:
    parts = [part.strip().partition("-") for part in matcher.split(",") if part.strip()]
    return [(int(low), int(high or low)) for low, _, high in parts]
