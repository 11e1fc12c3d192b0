"""One look at the pipeline: each hop with its figures of the same moment, how it stands, and the API calls of late.

The local AWS answers a look at once, in one answer. On an account a look is CloudWatch's metrics, which are some
minutes late, the newest delivery error, and CloudTrail's event history.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from lab_helpers import faults
from lab_helpers.backends.calls import CallReader, Row, is_refused
from lab_helpers.base.errors import LabError
from lab_helpers.base.messages import say
from lab_helpers.lab import Lab
from lab_helpers.pipeline import figures
from lab_helpers.terraform import LabOutputs

RATE_SPAN = timedelta(seconds=8)
"""A rate is that of so long before a look."""
KEPT_CALLS = 40
_HARMLESS = frozenset({"ResourceAlreadyExistsException"})
"""Codes that say that all is well."""
_TO_CLOUDWATCH = ("logs:PutLogEvents", "logs:CreateLogStream", "logs:CreateLogGroup")
_TO_FIREHOSE = ("firehose:PutRecordBatch", "firehose:PutRecord")
_ERRORS_SPAN = timedelta(minutes=30)


@dataclass(frozen=True)
class Hop:
    """One stop of a log line at one moment; None: not known there.

    `held` has come and not gone on, `lost` never will; `rate` is lines a second of late. `refused` is the sentence of
    who refuses (IAM's, or the router's own account), empty when all is well; `refused_at` is HH:MM:SS, UTC.
    """

    key: str
    name: str
    total: int | None = None
    held: int | None = None
    lost: int = 0
    rate: float | None = None
    refused: str = ""
    refused_at: str = ""


@dataclass(frozen=True)
class Look:
    """What was seen at one moment, in UTC."""

    at: datetime
    hops: tuple[Hop, ...]
    calls: tuple[Row, ...] = ()
    note: str = ""

    @property
    def refused(self) -> tuple[Hop, ...]:
        """The hops that are refused something."""
        return tuple(hop for hop in self.hops if hop.refused)


class Watcher:
    """Looks at a lab again and again; each look knows the ones before, so that it can tell rates."""

    def __init__(self, lab: Lab) -> None:
        self._lab, self._reader = lab, CallReader(lab.backend)
        self._seen: list[Look] = []
        self._calls: list[Row] = []

    def look(self) -> Look:
        """Look once; raises LabError: NotYetError before the lab is applied, LocalAwsNotRunningError."""
        answer = self._lab.backend.board()
        if answer is None:
            found = self._of_account()
        else:
            found = of_answer(answer, self._lab.outputs, self._lab.settings.region)
        rated = with_rates(found, self._seen)
        self._seen = [each for each in self._seen if rated.at - each.at <= RATE_SPAN] + [rated]
        return rated

    def _of_account(self) -> Look:
        now = figures.moment(self._lab)
        self._calls = [*self._calls, *self._reader.new()][-KEPT_CALLS:]
        errors = faults.delivery_errors(self._lab.client("logs"), self._lab.outputs.log_group, now.at - _ERRORS_SPAN)
        last = errors.iloc[-1] if len(errors) else None
        refused = ("", "") if last is None else (str(last["message"]), f"{last['at']:%H:%M:%S}")
        hops = (
            Hop("alb", "ALB", now.alb),
            Hop("cloudwatch", "CloudWatch", now.cloudwatch),
            Hop("firehose", "Firehose", now.firehose, now.held),
            Hop("s3", "S3", now.s3, None, refused=refused[0], refused_at=refused[1]),
        )
        return Look(now.at, hops, tuple(self._calls), say("Metrics of an account are some minutes late."))


def of_answer(answer: Mapping[str, Any], out: LabOutputs, region: str) -> Look:
    """Make a look of the local AWS's answer (LocalAws.board)."""
    services, latest = answer["services"], list(answer["latest"])
    stream = services.get("firehose", {}).get("streams", {}).get(f"{region}/{out.delivery_stream_name}", {})
    group = services.get("alb", {}).get("target_groups", {}).get(out.target_group_arn.split("/")[1], {})
    name, logs = f"{region}/{out.httpd_log_group}", services.get("logs", {})
    events, rejected = logs.get("groups", {}).get(name, 0), logs.get("rejected", {}).get(name, {})

    def told(calls: Iterable[str], who: str, resource: str) -> dict[str, Any]:
        of_hop = (row for row in latest if row["call"] in calls and row["who"] == who)
        return _refusal(row for row in of_hop if resource in row["resource"])

    router, delivers = out.task_role_arn, out.firehose_role_arn
    assumed = _refusal(row for row in latest if row["call"] == "sts:AssumeRole" and row["resource"] == delivers)
    hops = (
        Hop("alb", "ALB", group.get("requests", 0), refused=_unhealthy(group.get("targets", {}))),
        *_in_the_task(services.get("ecs", {}).get("log_records", {}), f"service:{out.service_name}"),
        Hop(
            "cloudwatch", "CloudWatch", events, lost=sum(rejected.values()),
            **(told(_TO_CLOUDWATCH, router, out.httpd_log_group) or _rejected(rejected)),
        ),
        Hop(
            "firehose", "Firehose", stream.get("received", 0), stream.get("held", 0),
            stream.get("expired", 0) + stream.get("discarded", 0),
            **told(_TO_FIREHOSE, router, out.delivery_stream_name),
        ),
        Hop("s3", "S3", stream.get("delivered", 0), **(told(("s3:PutObject",), delivers, "") or assumed)),
    )  # fmt: skip
    note = say("httpd and all behind it count the load balancer's health checks, too.")
    return Look(datetime.fromisoformat(answer["at"]), hops, tuple(answer["calls"]), note)


def with_rates(look: Look, earlier: Sequence[Look]) -> Look:
    """Return the look with each hop's rate since the oldest of the earlier looks that is not too old."""
    begin = next((each for each in earlier if look.at - each.at <= RATE_SPAN), None)
    if begin is None or look.at <= begin.at:
        return look
    seconds = (look.at - begin.at).total_seconds()
    before = {hop.key: hop.total for hop in begin.hops}

    def rate(hop: Hop) -> float | None:
        was = before.get(hop.key)
        # A total that has become less is another one: the lab was made anew.
        return None if was is None or hop.total is None or hop.total < was else (hop.total - was) / seconds

    return replace(look, hops=tuple(replace(hop, rate=rate(hop)) for hop in look.hops))


def _refusal(rows: Iterable[Row]) -> dict[str, Any]:
    """Return what the newest of some calls says, as members of a Hop; empty when it was let in."""
    told = [row for row in rows if row["outcome"] not in _HARMLESS]
    newest = max(told, key=lambda row: int(row["number"]), default=None)
    if newest is None or not is_refused(newest):
        return {}
    return {"refused": f"{newest['outcome']}: {newest['message']}".rstrip(": "), "refused_at": str(newest["at"])[11:19]}


def _rejected(reasons: Mapping[str, int]) -> dict[str, Any]:
    """Return what CloudWatch Logs left out of batches that it took, as members of a Hop: no other hop knows of it."""
    told = "; ".join(f"{count} ({why})" for why, count in reasons.items())
    return {"refused": say("rejected events: {reasons}", reasons=told)} if told else {}


def _unhealthy(targets: Mapping[str, int]) -> str:
    """A load balancer without a healthy target answers 503, or sends to any."""
    if not targets or targets.get("healthy"):
        return ""
    return say("no healthy target: {states}", states=", ".join(f"{count} {state}" for state, count in targets.items()))


def _in_the_task(records: Mapping[str, Any], service: str) -> tuple[Hop, Hop]:
    """httpd and the log router, over all tasks of the service; of the router's losses those of tasks that run.

    A drill's tasks have groups of their own: their lines go elsewhere and would seem to be lost here.
    """
    of_service = records.get("groups", {}).get(service, {})
    totals: Mapping[str, int] = of_service.get("totals", {})
    tasks = [records["tasks"][task_id] for task_id in of_service.get("tasks", ())]
    at_driver = totals.get("dropped_by_driver", 0)
    losses: dict[str, int] = {}
    for task in tasks:
        for place, count in task["losses"].items() if task["router"] in _RUNNING else ():
            losses[place] = losses.get(place, 0) + count
    held = sum(max((_number(each["held"]) for each in task["outputs"].values()), default=0) for task in tasks)
    httpd = Hop("httpd", "httpd", totals.get("printed", 0), totals.get("held_by_driver", 0), at_driver)
    told = say("lost for good: {losses}", losses="; ".join(f"{n} ({place})" for place, n in losses.items()))
    router = Hop(
        "router", "Fluent Bit", totals.get("read", 0), held, totals.get("lost", 0) - at_driver,
        refused=told if losses else "",
    )  # fmt: skip
    return httpd, router


_RUNNING = frozenset({"running", "stopping", "metrics only"})


def _number(value: Any) -> int:
    return value if isinstance(value, int) else 0


def look_once(lab: Lab) -> Look:
    """Look once; errors as `Watcher.look`."""
    return Watcher(lab).look()


def told_of(error: LabError) -> str:
    """Return the first line of an error: what the board says in place of figures."""
    return str(error).splitlines()[0]
