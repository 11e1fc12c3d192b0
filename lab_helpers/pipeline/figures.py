"""The pipeline at one moment, stop by stop: what the board shows and the flow chart records.

On the local AWS the figures are the server's own; on an account they come from CloudWatch's metrics, which are some
minutes late.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from lab_helpers.base.clients import aws_errors
from lab_helpers.base.errors import LabError, NotFoundError
from lab_helpers.base.lazy import pd
from lab_helpers.lab import Lab

METRICS_SPAN = timedelta(hours=3)
"""How far back an account's metrics are summed: longer than a session with the lab."""


@dataclass(frozen=True)
class Moment:
    """How many have passed each stop at one moment; `held` is what Firehose has taken and not delivered.

    The figures of a stop and the next come from one answer, so that Firehose never holds more than it has taken.
    """

    at: datetime
    alb: int
    cloudwatch: int
    firehose: int
    s3: int
    held: int


def moment(lab: Lab) -> Moment:
    """Look once; raises LabError."""
    status = lab.backend.status()
    if status is not None:
        return _local_moment(lab, status)
    count = _metric_counts(lab)
    return Moment(datetime.now(UTC), **count, held=max(0, count["firehose"] - count["s3"]))


def log_records(lab: Lab) -> pd.DataFrame:
    """Return one row per task of the local AWS: task, printed, handed, read, sent, held, lost, why (of the losses).

    `sent` and `held` are records of all outputs together; what a router does not say is NA. Raises LabError elsewhere.
    """
    status = lab.backend.status()
    if status is None:
        raise LabError("What each task's log router has read, sent and lost is counted by the local AWS only.")
    rows = [
        {"task": task_id, **_records_of(one)}
        for task_id, one in status["services"]["ecs"]["log_records"]["tasks"].items()
    ]
    frame = pd.DataFrame(rows, columns=["task", *_COUNTED, "why"])
    return frame.astype({"task": "str", "why": "str", **dict.fromkeys(_COUNTED, "Int64")})


_COUNTED = ("printed", "handed", "read", "sent", "held", "lost")


def _records_of(one: Mapping[str, Any]) -> dict[str, Any]:
    outputs = one["outputs"].values()
    counted = {name: _counted_or_na(one[name]) for name in ("printed", "handed", "read")}
    counted |= {name: sum(each[name] for each in outputs if isinstance(each[name], int)) for name in ("sent", "held")}
    why = "; ".join(f"{count} {place}" for place, count in one["losses"].items())
    return {**counted, "lost": sum(one["losses"].values()), "why": why}


def _counted_or_na(value: int | str) -> Any:
    return value if isinstance(value, int) else pd.NA


def _local_moment(lab: Lab, status: Mapping[str, Any]) -> Moment:
    """The figures of one answer of the server; CloudWatch's are asked for right behind it."""
    services, out = status["services"], lab.outputs
    groups = services["alb"].get("target_groups", {})
    stream = services["firehose"].get("streams", {}).get(f"{lab.settings.region}/{out.delivery_stream_name}", {})
    return Moment(
        at=datetime.now(UTC),
        alb=groups.get(out.target_group_arn.split("/")[1], {}).get("requests", 0),
        cloudwatch=_events(lab.client("logs"), out.httpd_log_group),
        firehose=stream.get("received", 0),
        s3=stream.get("delivered", 0),
        held=stream.get("held", 0),
    )


def _events(logs: Any, group: str) -> int:
    """Return how many records a group got lately: 0 before Fluent Bit has made it. The local AWS answers at once."""
    now = datetime.now(UTC)
    span = {"startTime": int((now - METRICS_SPAN).timestamp()), "endTime": int(now.timestamp()) + 1}
    try:
        with aws_errors("StartQuery"):
            query = logs.start_query(logGroupName=group, queryString="stats count(*) as records", **span)
            rows = logs.get_query_results(queryId=query["queryId"])["results"]
    except NotFoundError:
        return 0
    return int(float(rows[0][0]["value"])) if rows else 0


def _metric_counts(lab: Lab) -> dict[str, int]:
    out = lab.outputs
    balancer = out.alb_arn.partition(":loadbalancer/")[2]
    stream = ("DeliveryStreamName", out.delivery_stream_name)
    wanted = {
        "alb": ("AWS/ApplicationELB", "RequestCount", "LoadBalancer", balancer),
        "cloudwatch": ("AWS/Logs", "IncomingLogEvents", "LogGroupName", out.httpd_log_group),
        "firehose": ("AWS/Firehose", "IncomingRecords", *stream),
        "s3": ("AWS/Firehose", "DeliveryToS3.Records", *stream),
    }
    cloudwatch = lab.client("cloudwatch")
    return {stop: round(_sum(cloudwatch, *metric)) for stop, metric in wanted.items()}


def _sum(cloudwatch: Any, namespace: str, metric: str, dimension: str, value: str) -> float:
    now = datetime.now(UTC)
    with aws_errors("GetMetricStatistics"):
        found = cloudwatch.get_metric_statistics(
            Namespace=namespace,
            MetricName=metric,
            Dimensions=[{"Name": dimension, "Value": value}],
            StartTime=now - METRICS_SPAN,
            EndTime=now,
            Period=300,
            Statistics=["Sum"],
        )
    return sum(float(point["Sum"]) for point in found["Datapoints"])
