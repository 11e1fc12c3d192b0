"""The teardown with a working copy that Terraform cannot read any more."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from lab_helpers import teardown
from lab_helpers.base.errors import TerraformError
from lab_helpers.files import WorkingCopy


@dataclass(frozen=True)
class OneTerraform:
    """A Terraform that reads a folder, and fails on a file with `broken` in it."""

    source_dir: Path
    destroyed: list[Path] = field(default_factory=list)
    remote_state: dict[str, str] = field(default_factory=dict)

    def resources(self) -> list[str]:
        return ["aws_vpc.lab"]

    def destroy(self) -> None:
        if any("broken" in path.read_text() for path in self.source_dir.glob("*.tf")):
            raise TerraformError("terraform destroy", "exit status 1", "Error: Unclosed configuration block")
        self.destroyed.append(self.source_dir)


@dataclass
class OneLab:
    """A lab with these files and that Terraform."""

    files: WorkingCopy
    terraform: OneTerraform


@pytest.fixture
def lab(tmp_path: Path) -> Any:
    """A lab whose working copy is as the project."""
    (tmp_path / "project/terraform").mkdir(parents=True)
    (tmp_path / "project/terraform/a.tf").write_text("fine\n")
    files = WorkingCopy(tmp_path / "work", tmp_path / "project")
    files.freshen()
    return OneLab(files, OneTerraform(files.terraform))


def test_the_trainees_files_are_used(lab: Any) -> None:
    """What was made with them is destroyed with them."""
    teardown._destroy(lab)
    assert lab.terraform.destroyed == [lab.files.terraform]


def test_broken_files_do_not_keep_the_lab_standing(lab: Any) -> None:
    """The project's files destroy it: what is in the state and in no file goes too."""
    lab.files.write("terraform/a.tf", "broken\n")
    teardown._destroy(lab)
    assert lab.terraform.destroyed == [lab.files.source / "terraform"]


def test_a_failure_with_the_projects_own_files_is_told(lab: Any) -> None:
    """Nothing was changed by hand: trying again would say the same."""
    lab.files.write("terraform/a.tf", "broken\n")
    (lab.files.source / "terraform/a.tf").write_text("broken\n")
    with pytest.raises(TerraformError):
        teardown._destroy(lab)
