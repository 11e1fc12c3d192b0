"""The stopped reason of a task tells what its router complained of."""

from __future__ import annotations

from lab_helpers.local_aws.ecs.stop_reasons import MOST_CHARS, essential_exited, router_complaint

STAMP = "[2026/11/22 10:57:38.946172355] "


def test_errors_of_the_configuration_are_told() -> None:
    """All errors in order, without times; the banner and information are left out."""
    tail = [
        "Fluent Bit v4.2.8",
        "",
        f"{STAMP}[ info] [fluent bit] version=4.2.8",
        f"{STAMP}[error] [config] cloudwatch_logs: unknown configuration property 'x'.",
        f"{STAMP}[ help] try the command",
        f"{STAMP}[error] [engine] output initialization failed",
    ]
    assert router_complaint(tail) == (
        "[error] [config] cloudwatch_logs: unknown configuration property 'x'. | "
        "[error] [engine] output initialization failed"
    )


def test_a_missing_file_is_told() -> None:
    """Fluent Bit tells it as information, then gives up."""
    tail = [f"{STAMP}[ info] [config] cannot open /x: No such file or directory", f"{STAMP}[error] aborting."]
    assert router_complaint(tail) == "[ info] [config] cannot open /x: No such file or directory | [error] aborting."


def test_without_an_error_the_last_line_is_told() -> None:
    """A router that was killed says nothing of it."""
    assert router_complaint(["a", "last", ""]) == "last"
    assert router_complaint([]) == ""


def test_other_containers_have_awss_words_alone() -> None:
    """Nothing is added where the lab has nothing to say, and AWS's limit is kept."""
    assert essential_exited("httpd", 137, "") == "Essential container in task exited"
    assert len(essential_exited("log_router", 1, "x" * 5000)) == MOST_CHARS
