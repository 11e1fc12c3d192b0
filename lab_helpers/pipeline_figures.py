"""The pipeline at this moment, hop by hop: what the live panel shows.

On the local AWS the figures are the server's own; on an account they come from CloudWatch's metrics, which are some
minutes late.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from lab_helpers import ecs_service, faults
from lab_helpers.backends.local import LocalBackend
from lab_helpers.base.clients import aws_errors
from lab_helpers.base.errors import LabError, NotFoundError
from lab_helpers.base.lazy import pd
from lab_helpers.base.messages import say
from lab_helpers.lab import Lab

METRICS_SPAN = timedelta(hours=3)
"""How far back an account's metrics are summed: longer than a session with the lab."""


def figures(lab: Lab) -> pd.DataFrame:
    """Return one row per hop, all strings: hop, figure. What cannot be read says why; raises nothing of LabError."""
    traffic = _local if isinstance(lab.backend, LocalBackend) else _metrics
    parts: tuple[tuple[str, Callable[[Lab], dict[str, str]]], ...] = (
        ("tasks", _tasks), ("records", traffic), ("S3", _objects), ("delivery errors", _errors),
    )  # fmt: skip
    found: dict[str, str] = {}
    for name, read in parts:
        try:
            found |= read(lab)
        except LabError as exc:
            found[name] = str(exc).splitlines()[0]
    return pd.DataFrame(found.items(), columns=["hop", "figure"], dtype="str")


def _tasks(lab: Lab) -> dict[str, str]:
    tasks = ecs_service.tasks(lab.client("ecs"), lab.outputs.cluster_name)
    targets = ecs_service.target_health(lab.client("elbv2"), lab.outputs.target_group_arn)
    return {"tasks": _counted(tasks["status"]), "targets": _counted(targets["state"])}


def counts(lab: Lab) -> dict[str, int]:
    """Return how many lines have passed the stops of `display.log_path` by now: alb, cloudwatch, firehose, s3.

    The load balancer's own requests (health checks) pass it by and are in the logs. Empty when nothing can be read.
    """
    try:
        return _local_counts(lab) if isinstance(lab.backend, LocalBackend) else _metric_counts(lab)
    except LabError:
        return {}


def _local(lab: Lab) -> dict[str, str]:
    count, held = _local_counts(lab), _stream(lab).get("held", 0)
    return {
        "load balancer": say("{count} requests", count=count["alb"]),
        "log router": _router(lab),
        "Fluent Bit to CloudWatch Logs": say("{count} records in", count=count["cloudwatch"]),
        "Fluent Bit to Firehose": say("{count} records in", count=count["firehose"]),
        "Firehose to S3": say("{out} records out, {held} held", out=count["s3"], held=held),
    }


def log_records(lab: Lab) -> pd.DataFrame:
    """Return one row per task of the local AWS: task, printed, handed, read, sent, held, lost, why (of the losses).

    `sent` and `held` are records of all outputs together; what a router does not say is NA. Local AWS only.
    """
    rows = [{"task": task_id, **_records_of(one)} for task_id, one in _ledger(lab)["tasks"].items()]
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


def _ledger(lab: Lab) -> dict[str, Any]:
    found: dict[str, Any] = lab.backend.status()["services"]["ecs"]["log_records"]  # type: ignore[union-attr]
    return found


def _router(lab: Lab) -> str:
    total = _ledger(lab)["totals"]
    return say(
        "{handed} of {printed} lines handed over, {held} held, {lost} lost",
        handed=total["handed"], printed=total["printed"], held=total["held"], lost=total["lost"],
    )  # fmt: skip


def _local_counts(lab: Lab) -> dict[str, int]:
    groups = lab.backend.status()["services"]["alb"].get("target_groups", {})  # type: ignore[union-attr]
    stream = _stream(lab)
    return {
        "alb": groups.get(lab.outputs.target_group_arn.split("/")[1], {}).get("requests", 0),
        "cloudwatch": _events(lab.client("logs"), lab.outputs.httpd_log_group),
        "firehose": stream.get("received", 0),
        "s3": stream.get("delivered", 0),
    }


def _stream(lab: Lab) -> dict[str, int]:
    """What the local Firehose tells about the lab's stream; nothing before it is there."""
    streams = lab.backend.status()["services"]["firehose"].get("streams", {})  # type: ignore[union-attr]
    found: dict[str, int] = streams.get(f"{lab.settings.region}/{lab.outputs.delivery_stream_name}", {})
    return found


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


def _metrics(lab: Lab) -> dict[str, str]:
    count = _metric_counts(lab)
    return {
        "load balancer": say("{count} requests", count=f"{count['alb']:,}"),
        "Fluent Bit to CloudWatch Logs": say("{count} records in", count=f"{count['cloudwatch']:,}"),
        "Fluent Bit to Firehose": say("{count} records in", count=f"{count['firehose']:,}"),
        "Firehose to S3": say("{count} records out", count=f"{count['s3']:,}"),
    }


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


def _objects(lab: Lab) -> dict[str, str]:
    with aws_errors("ListObjectsV2"):
        pages = lab.client("s3").get_paginator("list_objects_v2").paginate(Bucket=lab.outputs.log_bucket)
        return {"S3": say("{count} objects", count=sum(page["KeyCount"] for page in pages))}


def _errors(lab: Lab) -> dict[str, str]:
    return {"delivery errors": str(len(faults.delivery_errors(lab.client("logs"), lab.outputs.log_group)))}


def _counted(states: pd.Series[str]) -> str:
    return ", ".join(f"{count} {state}" for state, count in states.value_counts().items()) or "none"
