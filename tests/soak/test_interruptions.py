"""An apply or a destroy that is broken off can be taken up; `python -m tests.soak.interruptions` has all resources."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lab_helpers.backends.local import LocalBackend
from lab_helpers.base.config import Settings
from lab_helpers.lab import Lab, attach
from tests.soak.interruptions import vpcs, walk

pytestmark = [pytest.mark.terraform, pytest.mark.timeout(900)]
STREAM = "aws_kinesis_firehose_delivery_stream.firelens"
SERVICE = "aws_ecs_service.httpd"
"""Takes seconds to go, and the stream goes after it: never both in one run that is broken off."""


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    settings = Settings(home=tmp_path, buffer_s=10)
    yield attach(settings)
    LocalBackend(settings).stop()


def test_broken_off_and_taken_up(lab: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    """kill -9 while the VPC and the stream are made (the course ended at the stream once): the next run goes on, says
    what it took up, makes nothing twice, and leaves nothing to do."""
    assert walk(lab.terraform, "apply", "kill", ["aws_vpc.lab", STREAM], delay_s=1.0) == ["aws_vpc.lab", STREAM]
    assert lab.terraform.plan().empty
    assert vpcs(lab) == 1
    assert "An interrupted run had made these" in capsys.readouterr().out
    # its sibling, on the same lab: each resource is gone once, whether AWS or the state knew it first
    assert walk(lab.terraform, "destroy", "kill", [SERVICE, STREAM], delay_s=1.0) == [SERVICE, STREAM]
    assert lab.terraform.resources() == []
    assert vpcs(lab) == 0
    assert lab.client("firehose").list_delivery_streams()["DeliveryStreamNames"] == []
