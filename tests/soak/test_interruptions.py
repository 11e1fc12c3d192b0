"""An apply or a destroy that is broken off can be taken up; `python -m tests.soak.interruptions` has all resources."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab_helpers.account import adoption
from lab_helpers.backends.local import LocalBackend
from lab_helpers.base.config import Settings
from lab_helpers.lab import Lab, attach
from tests.soak.interruptions import vpcs, walk

pytestmark = [pytest.mark.terraform, pytest.mark.timeout(900)]
STREAM = "aws_kinesis_firehose_delivery_stream.firelens"
SERVICE = "aws_ecs_service.httpd"
"""Takes seconds to go, and the stream goes after it: never both in one run that is broken off."""
IMPORTED_BY = {
    "aws_ecs_cluster": "name",
    "aws_ecs_task_definition": "revision",
    "aws_route_table_association": "route_table_id",
}
"""What a resource is imported by, where that is not its `id`."""


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    settings = Settings(home=tmp_path, buffer_s=10)
    yield attach(settings)
    LocalBackend(settings).stop()


def _in_state(lab: Lab) -> dict[str, str]:
    """Return {address: the last part of what it is imported by} of the state's resources, as the provider wrote it."""
    state = json.loads(lab.terraform.workspace.state.read_text(encoding="utf-8"))
    return {
        f"{each['type']}.{each['name']}" + (f'["{one["index_key"]}"]' if "index_key" in one else ""): _last(
            str(one["attributes"][IMPORTED_BY.get(each["type"], "id")])
        )
        for each in state["resources"]
        if each["mode"] == "managed"
        for one in each["instances"]
    }


def _last(name: str) -> str:
    return re.split("[:/]", name)[-1]


def test_broken_off_and_taken_up(lab: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    """kill -9 while the VPC and the stream are made (the course ended at the stream once): the next run goes on, says
    what it took up, makes nothing twice, and leaves nothing to do."""
    assert walk(lab.terraform, "apply", "kill", ["aws_vpc.lab", STREAM], delay_s=1.0) == ["aws_vpc.lab", STREAM]
    assert lab.terraform.plan().empty
    assert vpcs(lab) == 1
    assert "An interrupted run had made these" in capsys.readouterr().out
    in_state = _in_state(lab)
    assert {address: _last(name) for address, name in lab.terraform.existing().items()} == {
        address: name for address, name in in_state.items() if address.partition(".")[0] not in adoption.PUT_AGAIN
    }
    # its sibling, on the same lab: each resource is gone once, whether AWS or the state knew it first
    assert walk(lab.terraform, "destroy", "kill", [SERVICE, STREAM], delay_s=1.0) == [SERVICE, STREAM]
    assert lab.terraform.resources() == []
    assert vpcs(lab) == 0
    assert lab.client("firehose").list_delivery_streams()["DeliveryStreamNames"] == []
