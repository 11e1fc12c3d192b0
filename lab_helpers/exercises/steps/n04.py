"""The steps of notebook 04: one request, looked for."""

from __future__ import annotations

from lab_helpers.base.clients import aws_errors
from lab_helpers.base.errors import AwsCallError
from lab_helpers.exercises.steps.step import Kind, Step, Verdict, Wrong, not_yet, passed
from lab_helpers.lab import Lab
from lab_helpers.trace import traced_id

MOST = 50


def finds_one_request(lab: Lab, answer: str) -> Verdict:
    """04_1: CloudWatch is asked with the pattern; it has to find the traced request, and nothing else."""
    request = traced_id(lab)
    try:
        with aws_errors("FilterLogEvents"):
            found = lab.client("logs").filter_log_events(
                logGroupName=lab.outputs.httpd_log_group, filterPattern=answer, limit=MOST
            )["events"]
    except AwsCallError as exc:
        return not_yet("CloudWatch refuses the pattern: {words}", words=str(exc))
    others = [event for event in found if request not in event["message"]]
    if others:
        return not_yet("The pattern finds {count} other lines, too.", count=len(others))
    if not found:
        return not_yet("The pattern finds no event. What does your request have that no other has?")
    return passed("The pattern finds the line of {request}, and no other.", request=request)


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
)
