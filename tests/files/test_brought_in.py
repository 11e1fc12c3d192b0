"""Which files come into the lab by an apply, which by a deployment, and what is known of each."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab_helpers.files import WorkingCopy
from lab_helpers.files.brought_in import by_apply, by_deployment, waiting, with_taken

CONF, ALB_TF = "fluentbit/extra.conf", "terraform/aws_alb.tf"


@pytest.mark.parametrize(
    ("name", "call"),
    [
        (ALB_TF, by_apply),
        ("terraform/httpd/container_definitions.json", by_apply),
        ("terraform/httpd/httpd.conf", by_deployment),
        (CONF, by_deployment),
    ],
)
def test_a_file_has_one_way_in(name: str, call: object) -> None:
    """Terraform's by an apply, those of the images by a deployment."""
    assert [way for way in (by_apply, by_deployment) if way(name)] == [call]


def test_a_drills_file_has_none() -> None:
    """It is run in a task of its own."""
    assert not by_apply("drills/match_nothing/extra.conf")
    assert not by_deployment("drills/match_nothing/extra.conf")


def test_what_one_act_takes_leaves_the_others_files() -> None:
    """A deployment says nothing of Terraform's files."""
    known = with_taken({ALB_TF: "1", CONF: "1", "fluentbit/gone.conf": "1"}, {ALB_TF: "2", CONF: "2"}, by_deployment)
    assert known == {ALB_TF: "1", CONF: "2"}


def test_a_file_waits_until_what_it_says_runs(tmp_path: Path) -> None:
    """One that nobody brought in waits, too; blanks at the end change nothing; one that never was waits for nothing."""
    files = WorkingCopy(tmp_path / "work", tmp_path / "project")
    files.write(CONF, "one\n")
    assert waiting(files, {}, [CONF, ALB_TF]) == [CONF]
    known = files.fingerprints()
    files.write(CONF, "one  \n\n")
    assert waiting(files, known, [CONF]) == []
    files.write(CONF, "two\n")
    assert waiting(files, known, [CONF]) == [CONF]
    files.remove(CONF)
    assert waiting(files, known, [CONF]) == [CONF]
