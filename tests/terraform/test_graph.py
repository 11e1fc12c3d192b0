"""What needs what, out of the files."""

from __future__ import annotations

from pathlib import Path

from lab_helpers.base.config import PROJECT
from lab_helpers.terraform.graph import dependencies, layers, waited_for


def test_the_labs_own_graph() -> None:
    """The service needs its task definition, which needs both images and, through a policy document, the roles."""
    needs = dependencies(PROJECT / "terraform")
    assert "aws_ecs_task_definition.httpd" in needs["aws_ecs_service.httpd"]
    assert {"terraform_data.httpd_image", "terraform_data.fluentbit_image"} <= needs["aws_ecs_task_definition.httpd"]
    assert needs["aws_vpc.lab"] == frozenset()
    depth = layers(needs)
    assert depth["aws_vpc.lab"] == 0
    assert all(depth[name] > depth[other] for name, others in needs.items() for other in others)
    assert max(depth, key=lambda name: depth[name]) == "aws_ecs_service.httpd"


def test_how_many_wait_for_a_resource() -> None:
    """Those that name it and those that need one of them, each once; a circle, which Terraform refuses, ends."""
    needs = {"a.x": frozenset[str](), "b.x": frozenset({"a.x"}), "c.x": frozenset({"a.x", "b.x"})}
    assert waited_for(needs) == {"a.x": 2, "b.x": 1, "c.x": 0}
    assert waited_for({"a.x": frozenset({"b.x"}), "b.x": frozenset({"a.x"})}) == {"a.x": 2, "b.x": 2}


def test_data_and_locals_lead_to_resources(tmp_path: Path) -> None:
    """A block that names a document or a local needs what those are made of; comments name nothing."""
    (tmp_path / "main.tf").write_text(
        'resource "aws_a" "one" {\n}\n'
        'data "aws_document" "d" {\n  x = aws_a.one.arn\n}\n'
        "locals {\n  text = data.aws_document.d.json\n}\n"
        'resource "aws_b" "two" {\n  # aws_c.three would be wrong here\n  policy = local.text\n}\n'
        'resource "aws_c" "three" {\n}\n'
    )
    needs = dependencies(tmp_path)
    assert needs["aws_b.two"] == {"aws_a.one"}
