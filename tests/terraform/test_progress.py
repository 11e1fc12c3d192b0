"""Counting and showing a Terraform run."""

from __future__ import annotations

import io

import pytest

from lab_helpers.terraform.events import (
    ChangeCounts,
    Diagnostic,
    Event,
    Heartbeat,
    PlannedChange,
    ProvisionOutput,
    ResourceFailed,
    ResourceFinished,
    ResourceStarted,
)
from lab_helpers.terraform.progress import Progress, ProgressPrinter, silent


def fed(*events: Event) -> Progress:
    progress = Progress()
    for event in events:
        progress.take(event)
    return progress


def printed(*events: Event) -> list[str]:
    out = io.StringIO()
    with ProgressPrinter("terraform apply", out) as printer:
        for event in events:
            printer(event)
    return out.getvalue().splitlines()


def test_a_replacement_is_two_steps() -> None:
    """Its deletion and its creation are both reported as finished, so both must be in the total."""
    progress = fed(
        PlannedChange("terraform_data.image", "replace"),
        PlannedChange("aws_vpc.lab", "create"),
        ResourceFinished("terraform_data.image", "delete", 0),
        ResourceFinished("terraform_data.image", "create", 7),
    )
    assert (progress.done, progress.total) == (2, 3)
    assert progress.seconds == {"terraform_data.image": 7.0}


def test_data_sources_are_not_work() -> None:
    """Reads come and go without moving the bar."""
    progress = fed(
        PlannedChange("data.x.y", "read"), ResourceStarted("data.x.y", "read"), ResourceFinished("data.x.y", "read", 1)
    )
    assert (progress.done, progress.total, progress.running) == (0, 0, {})


def test_a_change_that_was_none_is_not_waited_for() -> None:
    """A policy that names a changed resource is planned, turns out to be the same, and is never reported again."""
    planned = (PlannedChange("aws_log_group.x", "update"), PlannedChange("aws_iam_role_policy.y", "update"))
    ended = ResourceFinished("aws_log_group.x", "update", 1)
    assert fed(*planned, ended).total == 2
    assert fed(*planned, ended, ChangeCounts(0, 1, 0, "plan")).total == 2
    assert fed(*planned, ended, ChangeCounts(0, 1, 0, "apply")).total == 1


def test_a_failed_resource_runs_no_longer() -> None:
    """It is counted apart from those that are done, and its error is kept."""
    progress = fed(
        ResourceStarted("aws_vpc.lab", "create"),
        ResourceFailed("aws_vpc.lab", "create", 3),
        Diagnostic("error", "no more VPCs"),
        Diagnostic("warning", "old"),
    )
    assert (progress.failed, progress.done, progress.running) == (1, 0, {})
    assert [error.summary for error in progress.errors] == ["no more VPCs"]
    assert [warning.summary for warning in progress.warnings] == ["old"]


def test_something_is_printed_every_few_seconds() -> None:
    """A silent minute would look dead, and let nbval's cell timeout pass."""
    lines = printed(
        PlannedChange("aws_lb.httpd", "create"),
        ResourceStarted("aws_lb.httpd", "create"),
        *(Heartbeat(float(second)) for second in range(61)),
    )
    assert len(lines) == 12
    assert lines[0] == "terraform apply: 0 of 1 · 5 s, working on aws_lb.httpd"


def test_only_slow_resources_get_a_line() -> None:
    """Thirty quick ones would hide the one that matters."""
    assert printed(
        PlannedChange("aws_vpc.lab", "create"),
        PlannedChange("aws_lb.httpd", "create"),
        ResourceFinished("aws_vpc.lab", "create", 1),
        ResourceFinished("aws_lb.httpd", "create", 60),
    ) == ["terraform apply: 2 of 2 · aws_lb.httpd took 60 s"]


def test_announcements_warnings_and_the_build_are_printed() -> None:
    """Each line begins with the label, so that one pattern of a sanitise file finds them all.

    Errors are not: they are the text of the exception, right below.
    """
    lines = printed(
        ChangeCounts(1, 0, 0, "plan"),
        ProvisionOutput("terraform_data.fluentbit_image", "pushed latest"),
        ResourceFailed("aws_vpc.lab", "create", 1),
        Diagnostic("error", "no more VPCs"),
        Diagnostic("warning", "old"),
        ChangeCounts(1, 0, 0, "apply"),
    )
    assert lines == [
        "terraform apply: plan: 1 to add, 0 to change, 0 to destroy",
        "terraform apply: terraform_data.fluentbit_image | pushed latest",
        "terraform apply: aws_vpc.lab failed",
        "terraform apply: Warning: old",
        "terraform apply: done: 1 added, 0 changed, 0 destroyed",
    ]


def test_silent_is_a_display(capsys: pytest.CaptureFixture[str]) -> None:
    """It takes events and shows nothing."""
    with silent("terraform apply") as on_event:
        on_event(Heartbeat(5.0))
    assert capsys.readouterr().out == ""
