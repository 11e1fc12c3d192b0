"""The configuration on the lab's own local AWS: what one applies is what the next plan reads."""

from __future__ import annotations

import urllib.request
from dataclasses import replace
from pathlib import Path

import pytest

from lab_helpers.backends.local import LocalBackend
from lab_helpers.base.config import Settings
from lab_helpers.base.wait import wait_until
from lab_helpers.lab import attach
from lab_helpers.terraform import silent

pytestmark = [
    pytest.mark.terraform,
    pytest.mark.timeout(600),
    # the server is meant to outlive the call that started it; Popen warns of that when it is collected
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def answers(url: str) -> bool:
    """Return whether httpd's page is there."""
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return b"It works!" in response.read()
    except OSError:
        return False


def test_apply_plan_inject_destroy(tmp_path: Path) -> None:
    """A plan right after the apply is empty, the injected error is one change, a destroy leaves an empty state.

    One test, about two minutes: the provider waits a minute for the load balancer alone.
    """
    settings = Settings(home=tmp_path / "a home", prefix="delta", buffer_s=5)
    lab = attach(settings)
    terraform = replace(lab.terraform, display=silent)
    try:
        assert terraform.apply().counts.add == 40
        wait_until(lambda: answers(terraform.outputs().url), 90, 1, "httpd to answer through the load balancer")
        assert terraform.plan().empty
        injected = terraform.with_variables(inject_delivery_error=True).plan()
        assert list(injected["resource"]) == ["aws_iam_role_policy.firehose"]
        assert terraform.destroy().counts.remove == 40
        assert terraform.resources() == []
    finally:
        LocalBackend(settings).stop()
