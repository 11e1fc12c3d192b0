"""The filters aws and ecs as on Fargate: they say what they cannot have, and change nothing. Words of a real 5.1.1."""

from __future__ import annotations

import pytest

from lab_helpers.router.plugin import PluginInitError
from tests.router.plugins.bench import Bench


@pytest.mark.parametrize(
    ("lines", "missing"),
    [
        ("", ["instance ID", "instance AZ"]),
        ("Az off\nAccount_Id on\nVpc_Id on", ["instance ID", "Account ID", "instance VPC ID"]),
        ("Ec2_Instance_Id off\nHostname on\nTags_Enabled on", ["Hostname", "instance AZ", "instance EC2 Tags"]),
        ("Az off\nEnable_Entity on", ["instance ID", "Account ID", "Account ID"]),
    ],
)
def test_aws_finds_no_instance(bench: Bench, lines: str, missing: list[str]) -> None:
    """Each group is told once, at the start; records stay."""
    assert bench.filtered(f"Name aws\n{lines}", {"log": "x"}) == [{"log": "x"}]
    errors = [line for line in bench.log if line.startswith("[error]")]
    assert errors == [f"[error] [filter:aws:aws.0] Failed to get {group}" for group in missing]


def test_ecs_finds_no_agent(bench: Bench) -> None:
    """Each batch says so again; records stay."""
    assert bench.filtered("Name ecs\nAdd task $TaskID", {"log": "x"}) == [{"log": "x"}]
    unreached = "[error] [filter:ecs:ecs.0] ECS agent introspection endpoint connection error"
    assert [line for line in bench.log if not line.startswith("[ info]")] == [
        unreached, unreached, "[ warn] [filter:ecs:ecs.0] Could not retrieve cluster metadata from ECS Agent"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ("Name aws\nImds_Version v3", "Invalid value v3 for config option 'imds_version'"),
        ("Name ecs\nAdd x $y[", "Could not parse template for `x`"),
    ],
)
def test_refusals(bench: Bench, lines: str, why: str) -> None:
    """In the real one's words."""
    with pytest.raises(PluginInitError, match=why):
        bench.filtered(lines)
