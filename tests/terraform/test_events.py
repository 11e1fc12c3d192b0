"""Terraform's -json lines become events."""

from __future__ import annotations

import json

import pytest

from lab_helpers.terraform.events import (
    ChangeCounts,
    Diagnostic,
    Drift,
    Event,
    PlainLine,
    PlannedChange,
    ProvisionOutput,
    RefreshFinished,
    RefreshStarted,
    ResourceFailed,
    ResourceFinished,
    ResourceProgress,
    ResourceStarted,
    parse_line,
)

VPC = {"addr": "aws_vpc.lab", "resource_type": "aws_vpc", "resource_name": "lab", "resource_key": None}


def line(kind: str, **content: object) -> str:
    return json.dumps({"@level": "info", "@message": "…", "@module": "terraform.ui", "type": kind, **content})


@pytest.mark.parametrize(
    ("text", "event"),
    [
        (line("planned_change", change={"resource": VPC, "action": "create"}), PlannedChange("aws_vpc.lab", "create")),
        (
            line("planned_change", change={"resource": VPC, "action": "replace", "reason": "cannot_update"}),
            PlannedChange("aws_vpc.lab", "replace", "cannot_update"),
        ),
        (line("resource_drift", change={"resource": VPC, "action": "update"}), Drift("aws_vpc.lab", "update")),
        (line("apply_start", hook={"resource": VPC, "action": "create"}), ResourceStarted("aws_vpc.lab", "create")),
        (
            line("apply_progress", hook={"resource": VPC, "action": "create", "elapsed_seconds": 10}),
            ResourceProgress("aws_vpc.lab", "create", 10.0),
        ),
        (
            line(
                "apply_complete", hook={"resource": VPC, "action": "create", "id_value": "vpc-1", "elapsed_seconds": 3}
            ),
            ResourceFinished("aws_vpc.lab", "create", 3.0, "vpc-1"),
        ),
        (
            line("apply_errored", hook={"resource": VPC, "action": "create", "elapsed_seconds": 2}),
            ResourceFailed("aws_vpc.lab", "create", 2.0),
        ),
        (
            line("provision_progress", hook={"resource": VPC, "provisioner": "local-exec", "output": "pushed\n"}),
            ProvisionOutput("aws_vpc.lab", "pushed"),
        ),
        (line("refresh_start", hook={"resource": VPC, "id_value": "vpc-1"}), RefreshStarted("aws_vpc.lab")),
        (line("refresh_complete", hook={"resource": VPC, "id_value": "vpc-1"}), RefreshFinished("aws_vpc.lab")),
        (
            line("change_summary", changes={"add": 36, "change": 1, "import": 0, "remove": 2, "operation": "plan"}),
            ChangeCounts(36, 1, 2, "plan"),
        ),
        ("panic: runtime error", PlainLine("panic: runtime error")),
        ("[]", PlainLine("[]")),
    ],
)
def test_each_kind_of_line_has_its_event(text: str, event: Event) -> None:
    """What the line says is in the event."""
    assert parse_line(text) == event


@pytest.mark.parametrize("text", ["", "  ", line("version", terraform="1.11.4"), line("something_new", x=1)])
def test_lines_that_no_one_needs_are_passed_over(text: str) -> None:
    """Kinds that a newer Terraform adds do not break the lab."""
    assert parse_line(text) is None


def test_a_diagnostic_reads_like_terraforms_own_text() -> None:
    """Summary, resource, file with line, and detail."""
    found = parse_line(
        line(
            "diagnostic",
            diagnostic={
                "severity": "error",
                "summary": "creating S3 Bucket (x): BucketAlreadyExists",
                "detail": "Try another name.",
                "address": "aws_s3_bucket.firelens",
                "range": {"filename": "aws_s3_firelens.tf", "start": {"line": 1, "column": 1}},
            },
        )
    )
    assert isinstance(found, Diagnostic)
    assert found.is_error
    assert str(found) == (
        "Error: creating S3 Bucket (x): BucketAlreadyExists\n  with aws_s3_bucket.firelens\n"
        "  on aws_s3_firelens.tf:1\nTry another name."
    )


def test_a_diagnostic_may_know_no_place() -> None:
    """Errors of the program itself have neither file nor resource."""
    found = parse_line(line("diagnostic", diagnostic={"severity": "warning", "summary": "old", "detail": ""}))
    assert str(found) == "Warning: old"
