"""The steps of notebook 04: one request, looked for."""

from __future__ import annotations

from lab_helpers.base.clients import aws_errors
from lab_helpers.base.errors import AwsCallError
from lab_helpers.exercises.steps.step import Kind, Step, Verdict, Wrong, not_yet, passed
from lab_helpers.lab import Lab
from lab_helpers.pipeline import trace

MOST = 50


def finds_one_request(lab: Lab, answer: str) -> Verdict:
    """04_1: CloudWatch is asked with the pattern; it has to find the traced request, and nothing else."""
    request = trace.traced_id(lab)
    try:
        with aws_errors("FilterLogEvents"):
            found = lab.client("logs").filter_log_events(
                logGroupName=lab.outputs.httpd_log_group, filterPattern=answer, limit=MOST
            )["events"]
    except AwsCallError as exc:
        return not_yet("CloudWatch refuses the pattern: {words}", words=str(exc))
    others = [event for event in found if request not in event["message"]]
    if others:
        return not_yet("The pattern finds {count:,} other lines, too.", count=len(others))
    if not found:
        return not_yet("The pattern finds no event. What does your request have that no other has?")
    return passed("The pattern finds the line of {request}, and no other.", request=request)


def counts_what_came_in(lab: Lab, answer: str) -> Verdict:
    """04_2: a metric of the namespace, and the one that counts records on their way in."""
    with aws_errors("ListMetrics"):
        pages = lab.client("cloudwatch").get_paginator("list_metrics").paginate(Namespace="AWS/Firehose")
        known = {metric["MetricName"] for page in pages for metric in page["Metrics"]}
    if answer not in known:
        return not_yet("AWS/Firehose has no metric {name} here. list-metrics names them.", name=answer)
    if answer.startswith("DeliveryToS3"):
        return not_yet("{name} is about what leaves Firehose, not about what it has taken.", name=answer)
    if answer != "IncomingRecords":
        return not_yet("{name} does not count records on their way in.", name=answer)
    return passed("IncomingRecords: one for each record that a producer has put into the stream.")


STEPS: tuple[Step, ...] = (
    Step(
        "04_1",
        "Find the line of your request by hand with a filter pattern.",
        3,
        finds_one_request,
        kind=Kind.QUERY,
        wrong=(
            Wrong('"GET / HTTP"', "other lines, too"),
            Wrong('"nobody asked for this"', "finds no event"),
            Wrong("{ $.log = ", "refuses the pattern"),
        ),
        hints=(
            "The id stands in the address of the request, and so in the line.",
            "Text with hyphens needs double quotes in a pattern: '\"…\"'. In Python: f'\"{lab.traced_id}\"'.",
        ),
    ),
    Step(
        "04_2",
        "Name the metric that counts the records which Firehose has taken.",
        2,
        counts_what_came_in,
        wrong=(
            Wrong("IncomingBytes", "does not count records"),
            Wrong("RecordsIn", "has no metric"),
        ),
        kind=Kind.ANSWER,
        hints=("Firehose's own names: what comes in begins with Incoming, what it delivers with DeliveryToS3.",),
    ),
)
