"""The plan as a table, the outputs as a type."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from lab_helpers.base.errors import NotYetError
from lab_helpers.terraform.events import PlannedChange
from lab_helpers.terraform.outputs import LabOutputs
from lab_helpers.terraform.plan import COLUMNS, declared_in, plan_table


def test_a_row_says_what_and_where() -> None:
    """Type, name with key, and the file that a trainee may open."""
    table = plan_table(
        [PlannedChange('aws_subnet.public["a"]', "create"), PlannedChange("aws_lb.httpd", "update")],
        {"aws_subnet.public": "aws_vpc.tf", "aws_lb.httpd": "aws_alb.tf"},
    )
    assert table.to_dict("records") == [
        {"action": "update", "type": "aws_lb", "name": "httpd", "file": "aws_alb.tf", "resource": "aws_lb.httpd"},
        {
            "action": "create",
            "type": "aws_subnet",
            "name": 'public["a"]',
            "file": "aws_vpc.tf",
            "resource": 'aws_subnet.public["a"]',
        },
    ]


def test_reads_are_no_changes() -> None:
    """A plan that only reads has nothing to do; the empty table has its columns all the same."""
    table = plan_table([PlannedChange("data.aws_iam_policy_document.x", "read")], {})
    assert table.empty
    assert tuple(table.columns) == COLUMNS


def test_what_is_no_longer_declared_has_no_file() -> None:
    """A resource that was taken out of the files is destroyed all the same."""
    table = plan_table([PlannedChange("aws_vpc.old", "delete")], {})
    assert table.loc[0, "file"] == ""


def test_declarations_are_found(tmp_path: Path) -> None:
    """Resources and data sources; what is in a comment does not count."""
    (tmp_path / "a.tf").write_text('resource "aws_vpc" "lab" {\n}\n# resource "aws_vpc" "no" {}\ndata "x" "y" {}\n')
    assert declared_in(tmp_path) == {"aws_vpc.lab": "a.tf", "x.y": "a.tf"}


def test_outputs_are_typed() -> None:
    """All of them, and the address that the traffic goes to."""
    values = {field.name: f"the {field.name}" for field in fields(LabOutputs)} | {"alb_dns_name": "127.0.0.1:8080"}
    outputs = LabOutputs.of({**values, "a_later_one": "x"})
    assert outputs.log_bucket == "the log_bucket"
    assert outputs.url == "http://127.0.0.1:8080/"


def test_a_half_applied_lab_is_not_there_yet() -> None:
    """The error names the output and the notebook that makes it."""
    with pytest.raises(NotYetError, match=r"alb_arn is not there yet\. Notebook 02"):
        LabOutputs.of({"log_group": "/ecs/firelens"})
