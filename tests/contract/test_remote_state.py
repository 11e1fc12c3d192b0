"""A run that dies on one machine is taken up, or torn down, on another: Terraform's state is in S3."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lab_helpers.backends.account import loopback_environment
from lab_helpers.base.config import inherited
from lab_helpers.terraform import Terraform
from lab_helpers.terraform.remote_state import OVERRIDE, S3State, with_s3_backend
from tests.contract.conftest import REGION, Account

BUCKET = "ann-state"
MAIN = """
terraform {
  required_providers {
    aws = { source = "hashicorp/aws", version = "~> 5.100" }
  }
  backend "local" {}
}
resource "aws_cloudwatch_log_group" "one" {
  name = "/ecs/one"
}
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A project of one resource, with a local backend as the lab's, and an image folder beside it."""
    folder = tmp_path / "project" / "terraform"
    folder.mkdir(parents=True)
    (folder / "main.tf").write_text(MAIN)
    (folder.parent / "fluentbit").mkdir()
    (folder.parent / "fluentbit" / "Dockerfile").write_text("FROM x\n")
    return folder


def test_the_copy_has_the_other_backend_and_the_project_stays(source: Path, tmp_path: Path) -> None:
    """The override is in the copy only; what `../fluentbit` leads to is copied too."""
    copy = with_s3_backend(source, tmp_path / "data")
    assert 'backend "s3"' in (copy / OVERRIDE).read_text()
    assert (copy.parent / "fluentbit" / "Dockerfile").exists()
    assert sorted(path.name for path in source.iterdir()) == ["main.tf"]


def test_each_lab_has_a_state_of_its_own() -> None:
    """Prefix and region are in the key: labs in one bucket do not meet."""
    keys = {S3State(BUCKET, p, r).backend_config()["key"] for p in ("ann", "ben") for r in (REGION, "us-east-1")}
    assert len(keys) == 4


@pytest.mark.terraform
@pytest.mark.timeout(300)
def test_another_machine_takes_it_up(account: Account, source: Path, tmp_path: Path) -> None:
    """What one data folder applied, another one sees, plans nothing for, and destroys; no state file is left behind."""
    account.aws.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    here, there = (machine(account, source, tmp_path / name) for name in ("here", "there"))
    assert there.resources() == []
    assert here.apply().counts.add == 1
    assert list((tmp_path / "here").rglob("terraform.tfstate")) == [tmp_path / "here" / "data" / "terraform.tfstate"]
    assert there.resources() == ["aws_cloudwatch_log_group.one"]
    assert there.plan().empty
    assert there.destroy().counts.remove == 1
    assert here.resources() == []


def machine(account: Account, source: Path, data_dir: Path) -> Terraform:
    """Return Terraform as a machine has it that knows only the bucket."""
    keys = account.aws.store.operator
    return Terraform(
        source_dir=with_s3_backend(source, data_dir),
        data_dir=data_dir,
        env={
            **inherited(),
            **loopback_environment(account.aws.endpoint_url, REGION),
            "AWS_ACCESS_KEY_ID": keys.access_key_id,
            "AWS_SECRET_ACCESS_KEY": keys.secret_access_key,
        },
        mirror_setting=os.environ.get("LAB_TERRAFORM_MIRROR"),
        remote_state=S3State(BUCKET, "ann", REGION, is_emulated=True).backend_config(),
    )
