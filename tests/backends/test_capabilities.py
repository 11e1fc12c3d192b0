"""What is asked of every backend alike, and what those answer that do not have it."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab_helpers.backends.faults import injected
from lab_helpers.backends.local import backend_of
from lab_helpers.base.config import Settings
from lab_helpers.base.errors import LabError, LocalAwsNotRunningError


@pytest.fixture(params=["aws", "endpoint"])
def elsewhere(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Settings of a backend that is not the lab's own; nothing is asked there."""
    return Settings(backend=request.param, home=tmp_path, endpoint_url="http://aws.example:4566")


def test_what_only_the_local_aws_gathers_is_none_elsewhere(elsewhere: Settings) -> None:
    """So the caller asks CloudWatch or CloudTrail; nothing is stopped, and a fault is refused before the block."""
    backend = backend_of(elsewhere)
    assert (backend.status(), backend.board(), backend.events(3)) == (None, None, None)
    assert (backend.is_running(), backend.stop(), backend.needs_review) == (True, False, True)
    assert backend.faults() == backend.clear_faults() == []
    with (
        pytest.raises(LabError, match="local AWS only"),
        injected(backend, service="logs", operation="PutLogEvents", kind="throttle"),
    ):
        pytest.fail("it was not refused")


def test_the_local_aws_that_does_not_run_says_so(tmp_path: Path) -> None:
    """It has all of it, so none of it is answered by a default."""
    backend = backend_of(Settings(home=tmp_path))
    assert (backend.is_running(), backend.stop(), backend.needs_review) == (False, False, False)
    for ask in (backend.status, backend.board, backend.events, backend.faults, backend.clear_faults, backend.account):
        with pytest.raises(LocalAwsNotRunningError):
            ask()
