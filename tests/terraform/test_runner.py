"""Driving Terraform: what it is called with, and what its answers become."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from lab_helpers.base.errors import ForeignStateError, LabError, NotYetError, TerraformError
from lab_helpers.terraform import LabOutputs, ProgressPrinter, Terraform
from lab_helpers.terraform.events import ChangeCounts
from lab_helpers.terraform.workspace import RARE_COLLECTIONS
from tests.support.fake_terraform import FakeTerraform
from tests.terraform.test_mirrors import unpacked


@pytest.fixture
def fake(tmp_path: Path) -> FakeTerraform:
    return FakeTerraform(tmp_path / "fake terraform").write()


@pytest.fixture
def terraform(tmp_path: Path, fake: FakeTerraform) -> Terraform:
    """Terraform over a lab whose paths hold spaces."""
    source = tmp_path / "my lab" / "terraform"
    source.mkdir(parents=True)
    (source / "aws_vpc.tf").write_text('resource "aws_vpc" "lab" {\n}\n')
    return Terraform(
        source_dir=source,
        data_dir=tmp_path / "my lab" / ".lab" / "local" / "terraform",
        env={"PATH": os.defpath, "AWS_ENDPOINT_URL": "http://127.0.0.1:1", "TF_VAR_region": "x", "TF_WORKSPACE": "x"},
        variables={"prefix": "alpha", "firehose_buffer_seconds": 5},
        binary_setting=str(fake.program),
        mirror_setting=str(unpacked(tmp_path / "mirror")),
    )


def hook(kind: str, action: str, **more: object) -> dict[str, Any]:
    return {"type": kind, "hook": {"resource": {"addr": "aws_vpc.lab"}, "action": action, **more}}


def summary(operation: str, **counts: int) -> dict[str, Any]:
    return {"type": "change_summary", "changes": {"add": 0, "change": 0, "remove": 0, **counts, "operation": operation}}


PLANNED = {"type": "planned_change", "change": {"resource": {"addr": "aws_vpc.lab"}, "action": "create"}}
APPLIED = [
    PLANNED,
    summary("plan", add=1),
    hook("apply_start", "create"),
    hook("apply_complete", "create", elapsed_seconds=13, id_value="vpc-1"),
    summary("apply", add=1),
]


def with_state(terraform: Terraform, resources: int = 1) -> None:
    """Put a state there, as an apply does."""
    terraform.workspace.make()
    terraform.workspace.state.write_text(json.dumps({"version": 4, "resources": [{}] * resources}))


def test_the_first_call_initialises_and_later_ones_do_not(terraform: Terraform, fake: FakeTerraform) -> None:
    """State and provider go to the data folder; a new Terraform over the same folder finds them there."""
    terraform.plan()
    replace(terraform).plan()
    (init,) = fake.calls("init")
    state = terraform.data_dir / "state" / "terraform.tfstate"
    assert f"-backend-config=path={state}" in init["argv"]
    assert init["env"]["TF_DATA_DIR"] == str(terraform.data_dir / "data")
    assert "5.100.0" in terraform.provider


def test_another_setting_initialises_anew(terraform: Terraform, fake: FakeTerraform, tmp_path: Path) -> None:
    """So does another Terraform, another version.tf, another lock file."""
    terraform.init()
    assert replace(terraform, mirror_setting=str(unpacked(tmp_path / "mirror 2"))).init()
    (terraform.source_dir / "version.tf").write_text("terraform {\n}\n")
    assert replace(terraform, mirror_setting=str(tmp_path / "mirror 2")).init()
    assert len(fake.calls("init")) == 3


def test_terraform_gets_the_given_environment_only(
    terraform: Terraform, fake: FakeTerraform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Credentials that surround the lab do not reach it, nor do variables that change what it does."""
    monkeypatch.setenv("AWS_PROFILE", "production")
    terraform.plan()
    (plan,) = fake.calls("plan")
    env: Mapping[str, str] = plan["env"]
    assert env["AWS_ENDPOINT_URL"] == "http://127.0.0.1:1"
    assert not {"AWS_PROFILE", "TF_VAR_region", "TF_WORKSPACE"} & env.keys()
    assert env["PATH"].startswith(str(terraform.bin_dirs[0]))
    assert plan["cwd"] == str(terraform.source_dir)


def test_gos_collector_runs_rarely_unless_somebody_sets_it(terraform: Terraform) -> None:
    """A machine with little memory sets GOGC itself."""
    assert terraform.environment["GOGC"] == RARE_COLLECTIONS
    assert replace(terraform, env={**terraform.env, "GOGC": "50"}).environment["GOGC"] == "50"


def test_variables_reach_terraform_with_their_types(terraform: Terraform, fake: FakeTerraform) -> None:
    """They go by file: a command line would make text of numbers."""
    terraform.with_variables(inject_delivery_error=True).plan()
    (plan,) = fake.calls("plan")
    (file,) = [argument.split("=", 1)[1] for argument in plan["argv"] if argument.startswith("-var-file=")]
    assert json.loads(Path(file).read_text()) == {
        "prefix": "alpha",
        "firehose_buffer_seconds": 5,
        "inject_delivery_error": True,
    }
    assert "inject_delivery_error" not in terraform.variables


def test_a_plan_is_a_table(terraform: Terraform, fake: FakeTerraform) -> None:
    """Status 2 means that there are changes, and is no failure."""
    fake.answer("plan", [PLANNED, summary("plan", add=1)], status=2)
    assert terraform.plan()[["action", "resource", "file"]].to_numpy().tolist() == [
        ["create", "aws_vpc.lab", "aws_vpc.tf"]
    ]


def test_an_apply_tells_what_it_did(
    terraform: Terraform, fake: FakeTerraform, capsys: pytest.CaptureFixture[str]
) -> None:
    """Counts, how long each resource took; the display sees the events as they come."""
    fake.answer("apply", APPLIED)
    result = replace(terraform, display=ProgressPrinter).apply()
    assert result.counts == ChangeCounts(1, 0, 0, "apply")
    assert result.slowest().to_numpy().tolist() == [["aws_vpc.lab", 13.0]]
    assert "terraform apply: 1 of 1 · aws_vpc.lab took 13 s" in capsys.readouterr().out
    (apply,) = fake.calls("apply")
    assert {"-json", "-auto-approve=true", "-input=false", "-no-color"} <= set(apply["argv"])


def test_a_second_apply_knows_how_long_the_first_one_took(terraform: Terraform, fake: FakeTerraform) -> None:
    """Notebook 02 is run again: nothing is made, and what took longest is asked for. A destroy forgets it."""
    fake.answer("apply", APPLIED)
    terraform.apply()
    fake.answer("apply", [summary("apply")])
    again = terraform.apply()
    assert (again.counts.add, again.seconds) == (0, {"aws_vpc.lab": 13.0})
    gone = [hook("apply_start", "delete"), hook("apply_complete", "delete", elapsed_seconds=2)]
    fake.answer("destroy", [*gone, summary("destroy", remove=1)])
    assert terraform.destroy().seconds == {"aws_vpc.lab": 2.0}
    with pytest.raises(LabError, match=r"How long aws_vpc\.lab took is not known"):
        terraform.apply().seconds["aws_vpc.lab"]


def test_a_destroy_asks_nobody(terraform: Terraform, fake: FakeTerraform) -> None:
    """The 2019 python-terraform would send -force, which Terraform dropped in 0.15."""
    fake.answer("destroy", [summary("destroy", remove=36)])
    assert terraform.destroy().counts.remove == 36
    (destroy,) = fake.calls("destroy")
    assert "-auto-approve=true" in destroy["argv"]
    assert "-force" not in destroy["argv"]


def test_a_failure_carries_terraforms_own_text(terraform: Terraform, fake: FakeTerraform) -> None:
    """With file and line, all errors of the run."""
    errors = [
        {
            "type": "diagnostic",
            "diagnostic": {
                "severity": "error",
                "summary": f"creating EC2 VPC: {why}",
                "detail": "",
                "address": "aws_vpc.lab",
                "range": {"filename": "aws_vpc.tf", "start": {"line": 3}},
            },
        }
        for why in ("VpcLimitExceeded", "gone")
    ]
    fake.answer("apply", [PLANNED, *errors], status=1)
    with pytest.raises(TerraformError, match="terraform apply: exit status 1") as caught:
        terraform.apply()
    assert "Error: creating EC2 VPC: VpcLimitExceeded\n  with aws_vpc.lab\n  on aws_vpc.tf:3" in str(caught.value)
    assert "gone" in str(caught.value)


def test_a_failed_init_carries_what_it_printed(terraform: Terraform, fake: FakeTerraform) -> None:
    """init speaks plain text, on both streams."""
    fake.answer("init", ["Initializing the backend..."], status=1, errors="Error: Failed to query provider packages")
    with pytest.raises(TerraformError, match=r"exit status 1\.\nError: Failed to query"):
        terraform.plan()


def test_a_crash_is_told_too(terraform: Terraform, fake: FakeTerraform) -> None:
    """Lines that are no JSON are all there is then."""
    fake.answer("plan", ["panic: oh no", "goroutine 1"], status=11)
    with pytest.raises(TerraformError, match="panic: oh no"):
        terraform.plan()


def test_ctrl_c_leaves_through_the_display(terraform: Terraform, fake: FakeTerraform) -> None:
    """The display is closed, Terraform has ended, and the notebook sees the interrupt."""
    fake.answer("apply", APPLIED)
    left: list[object] = []

    class Impatient:
        def __init__(self, label: str) -> None:
            self.label = label

        def __enter__(self) -> Impatient:
            return self

        def __exit__(self, kind: object, *_: object) -> None:
            left.append((self.label, kind))

        def __call__(self, _: object) -> None:
            if self.label == "terraform apply" and len(left) == 1:
                left.append("pressed")
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        replace(terraform, display=Impatient).apply()
    assert left == [("terraform init", None), "pressed", ("terraform apply", KeyboardInterrupt)]


def test_outputs_before_an_apply(terraform: Terraform, fake: FakeTerraform) -> None:
    """Nothing is asked of Terraform: the error names the notebook."""
    with pytest.raises(NotYetError, match="02"):
        terraform.outputs()
    assert terraform.resources() == []
    assert not fake.calls("output")


def test_outputs_after_an_apply(terraform: Terraform, fake: FakeTerraform) -> None:
    """They come typed."""
    with_state(terraform)
    values = {field.name: {"value": field.name, "type": "string"} for field in fields(LabOutputs)}
    fake.answer("output", [json.dumps(values)])
    assert terraform.outputs().cluster_name == "cluster_name"


def test_resources_are_listed_without_data_sources(terraform: Terraform, fake: FakeTerraform) -> None:
    """What Terraform would destroy."""
    with_state(terraform)
    fake.answer("state", ["data.aws_caller_identity.current", "aws_vpc.lab", 'aws_subnet.public["a"]'])
    assert terraform.resources() == ["aws_vpc.lab", 'aws_subnet.public["a"]']


def test_a_state_of_another_server_is_refused(terraform: Terraform, fake: FakeTerraform) -> None:
    """Its resources are gone with their server: Terraform would plan to make some and fail over others."""
    first, second = (replace(terraform, instance=name) for name in ("instance-1", "instance-2"))
    fake.answer("apply", APPLIED)
    first.apply()
    with_state(terraform)
    first.plan()
    for call in (second.plan, second.apply, second.destroy, second.outputs):
        with pytest.raises(ForeignStateError, match="belongs to local AWS instance instance-1, but instance-2"):
            call()
    assert len(fake.calls("plan")) == 1


def test_a_forgotten_state_makes_room(terraform: Terraform, fake: FakeTerraform) -> None:
    """It is put aside, not deleted; forgetting twice does no harm."""
    first, second = (replace(terraform, instance=name) for name in ("instance-1", "instance-2"))
    fake.answer("apply", APPLIED)
    first.apply()
    with_state(terraform)
    kept = second.forget_state()
    assert kept is not None
    assert kept.exists()
    assert second.forget_state() is None
    second.apply()
    assert len(fake.calls("apply")) == 2


def test_an_empty_state_belongs_to_nobody(terraform: Terraform, fake: FakeTerraform) -> None:
    """After a destroy the next server may be any."""
    with_state(terraform, resources=0)
    assert replace(terraform, instance="instance-2").plan().empty
    assert fake.calls("plan")
