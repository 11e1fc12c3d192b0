"""An interrupted apply or destroy is taken up: what AWS has and the state has not, locks of the dead, broken states."""

from __future__ import annotations

import getpass
import json
import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lab_helpers.base.errors import TerraformBusyError, TerraformError
from lab_helpers.terraform import Terraform, turn
from lab_helpers.terraform.interruption import Mark, import_blocks, is_there_already, lock_told, put_aside_if_broken
from tests.support.fake_terraform import FakeTerraform
from tests.terraform.test_runner import APPLIED, fake, summary, terraform, with_state

__all__ = ["fake", "terraform"]
STREAM, ARN = "aws_kinesis_firehose_delivery_stream.firelens", "arn:aws:firehose:x"
GONE_BEFORE = "2020-01-01 13:25:24.5 +0000 UTC"
LATER = "2999-01-01 13:25:24.123456789 +0000 UTC"


def error(summary: str, detail: str = "") -> dict[str, Any]:
    return {"type": "diagnostic", "diagnostic": {"severity": "error", "summary": summary, "detail": detail}}


def locked(who: str, created: str) -> dict[str, Any]:
    """Terraform's words for a lock that somebody holds."""
    facts = ("ID:        abc-1", "Path:      b/k", "Operation: OperationTypePlan", f"Who:       {who}")
    told = "\n  ".join([*facts, "Version:   1.11.4", f"Created:   {created}", "Info:"])
    return error("Error acquiring the state lock", f"PreconditionFailed\nLock Info:\n  {told}\n\nTerraform acquires …")


@pytest.fixture
def taken() -> list[str]:
    return []


@pytest.fixture
def lab(terraform: Terraform, taken: list[str]) -> Terraform:
    """Terraform over a lab of which AWS has a VPC, which the state knows, and a stream, which it does not."""
    with_state(terraform)
    there = {"aws_vpc.lab": "vpc-1", STREAM: ARN}
    return replace(terraform, existing=lambda: there, on_taken_up=taken.extend)


def test_what_an_interrupted_run_left_is_taken_up(lab: Terraform, fake: FakeTerraform, taken: list[str]) -> None:
    """The mark of the interrupted run stays until one has ended well; what the state knows is left alone."""
    fake.answer("state", ["aws_vpc.lab"])
    fake.answer("apply", APPLIED)
    Mark(lab.workspace.interrupted).set()
    lab.apply()
    assert taken == [STREAM]
    assert fake.imported() == import_blocks({STREAM: ARN})
    assert not lab.workspace.interrupted.exists()
    taken.clear()
    lab.apply()
    assert not taken


def test_a_run_that_ends_well_asks_nothing(lab: Terraform, fake: FakeTerraform) -> None:
    """No listing without an interruption."""
    fake.answer("apply", APPLIED)
    asked: list[int] = []
    replace(lab, existing=lambda: asked.append(1) or {}).apply()  # type: ignore[func-returns-value]
    assert not asked


def test_aws_says_that_it_is_there_already(lab: Terraform, fake: FakeTerraform, taken: list[str]) -> None:
    """Adopted, and gone on, once: the second run's error is the one that is told."""
    fake.answer("state", ["aws_vpc.lab"])
    fake.answer("apply first", [error("creating: ResourceInUseException: Firehose x already exists")], status=1)
    fake.answer("apply", APPLIED)
    assert lab.apply().counts.add == 1
    assert taken == [STREAM]
    fake.answer("apply", [error("creating: ResourceInUseException: Firehose x already exists")], status=1)
    with pytest.raises(TerraformError, match="already exists"):
        lab.apply()
    assert len(fake.calls("apply")) == 4


def test_another_fault_is_not_hidden(lab: Terraform, fake: FakeTerraform, taken: list[str]) -> None:
    """A failure of another kind is told at once; the next run looks for what it left."""
    fake.answer("apply", [error("creating EC2 VPC: VpcLimitExceeded")], status=1)
    with pytest.raises(TerraformError, match="VpcLimitExceeded"):
        lab.apply()
    assert (len(fake.calls("apply")), taken) == (1, [])
    assert lab.workspace.interrupted.exists()


def test_one_terraform_at_a_time(lab: Terraform, fake: FakeTerraform) -> None:
    """The second is told in one sentence what runs and since when, and starts nothing."""
    with turn.take(lab.data_dir, "plan"), pytest.raises(TerraformBusyError, match=r"plan, since \d\d:\d\d:\d\d UTC"):
        lab.apply()
    assert not fake.calls("apply")
    fake.answer("apply", APPLIED)
    lab.apply()


def test_a_lock_of_the_living_is_told(lab: Terraform, fake: FakeTerraform) -> None:
    """Somebody else's, on another machine: who, what, since when; it is left alone."""
    fake.answer("plan", [locked("ann@elsewhere", LATER)], status=1)
    with pytest.raises(TerraformBusyError, match=r"plan, since 13:25:24 UTC \(ann@elsewhere\)") as caught:
        lab.plan()
    assert "-lock=false" not in str(caught.value)
    assert not fake.calls("force-unlock")


def test_a_lock_of_the_dead_is_broken(lab: Terraform, fake: FakeTerraform) -> None:
    """What our own killed run left in a remote state: broken, and the run goes on."""
    Mark(lab.workspace.interrupted).set()
    me = f"{getpass.getuser()}@{socket.gethostname()}"
    fake.answer("plan first", [locked(me, LATER)], status=1)
    lab.plan()
    (unlock,) = fake.calls("force-unlock")
    assert unlock["argv"] == ["force-unlock", "-force", "abc-1"]


def test_a_lock_older_than_our_run_is_left_alone(lab: Terraform, fake: FakeTerraform) -> None:
    """The same user's on the same machine, but not made by the run that was interrupted."""
    Mark(lab.workspace.interrupted).set()
    fake.answer("plan", [locked(f"{getpass.getuser()}@{socket.gethostname()}", GONE_BEFORE)], status=1)
    with pytest.raises(TerraformBusyError):
        lab.plan()


def test_a_destroy_is_taken_up_too(lab: Terraform, fake: FakeTerraform, taken: list[str]) -> None:
    """What an interrupted apply left and nobody knows would hold the VPC."""
    fake.answer("state", ["aws_vpc.lab"])
    fake.answer("destroy", [summary("destroy", remove=2)])
    Mark(lab.workspace.interrupted).set()
    lab.destroy()
    assert taken == [STREAM]
    (imported,) = fake.calls("import")
    assert imported["argv"][-2:] == [STREAM, ARN]


def test_a_state_that_was_being_written_is_put_aside(tmp_path: Path) -> None:
    """Half a state is none: the backup of when its run began takes its place; a whole one stays."""
    state = tmp_path / "terraform.tfstate"
    assert put_aside_if_broken(state) is None
    state.write_text(json.dumps({"version": 4}))
    assert put_aside_if_broken(state) is None
    state.write_text('{"version": 4, "resources": [{"mo')
    aside = put_aside_if_broken(state)
    assert aside is not None
    assert aside.exists()
    assert not state.exists()
    state.write_text("")
    state.with_name("terraform.tfstate.backup").write_text(json.dumps({"version": 4, "serial": 7}))
    assert put_aside_if_broken(state) is not None
    assert json.loads(state.read_text())["serial"] == 7


@pytest.mark.parametrize(
    "text",
    [
        "ResourceInUseException: Firehose x under account 1 already exists",
        "EntityAlreadyExists: Role with name x already exists.",
        "BucketAlreadyOwnedByYou",
        "InvalidGroup.Duplicate: the security group 'x' already exists",
        "InvalidSubnet.Conflict: The CIDR '10.0.11.0/24' conflicts with another subnet",
        "Resource.AlreadyAssociated: the specified association already exists",
        "DuplicateListener: A listener already exists on this port",
        "ResourceAlreadyExistsException: The specified log group already exists",
        "RepositoryAlreadyExistsException",
        "ELBv2 Load Balancer (x) already exists",
        "Creation of service was not idempotent.: already exists",
    ],
)
def test_words_for_what_is_there(text: str) -> None:
    """As AWS and the provider say it."""
    assert is_there_already(text)
    assert not is_there_already("AccessDenied: not authorized to perform: iam:CreateRole")


def test_only_a_lock_is_a_lock() -> None:
    """Other errors are not."""
    assert lock_told("Error: creating EC2 VPC") is None
