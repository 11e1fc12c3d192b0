"""What cells do to the working copy and how it is shown, on a lab without AWS."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lab_helpers.base.config import Settings
from lab_helpers.base.errors import FileRefusedError, NotYetError, SettingsError
from lab_helpers.exercises import Progress
from lab_helpers.exercises.steps import step
from lab_helpers.lab import Notes
from lab_helpers.terraform import Terraform
from lab_helpers.workbook.hands import HandsOn

CONF = "fluentbit/extra.conf"


@pytest.fixture
def lab(tmp_path: Path) -> HandsOn:
    """A lab whose backend nobody asks."""
    settings = Settings(home=tmp_path, router="builtin", owner="anna")
    backend: Any = None
    return HandsOn(settings, backend, Notes(tmp_path / "notes", "x"))


def test_a_file_is_written_and_its_change_shown(lab: HandsOn) -> None:
    """The change as text and as HTML, escaped; written again nothing changed."""
    text = lab.read_file(CONF).replace("[OUTPUT]", "# <b>mine</b>\n[OUTPUT]", 1)
    shown = lab.write_file(CONF, text)
    assert "+# <b>mine</b>" in shown.text
    assert "+# &lt;b&gt;mine&lt;/b&gt;" in shown.html
    assert "<b>mine</b>" not in shown.html
    assert lab.read_file(CONF) == text
    assert "nothing changed" in lab.write_file(CONF, text).text


def test_a_refused_file_leaves_the_old_one(lab: HandsOn) -> None:
    """The router's words, and nothing written."""
    before = lab.read_file(CONF)
    with pytest.raises(FileRefusedError, match="plugin name that doesn't exist"):
        lab.write_file(CONF, before.replace("cloudwatch_logs", "cloudwatch_lags"))
    assert lab.read_file(CONF) == before


def test_a_reset_brings_the_projects_file_back(lab: HandsOn) -> None:
    """One of the trainee's own goes away."""
    before = lab.read_file(CONF)
    lab.write_file(CONF, before + "# mine\n")
    lab.write_file("fluentbit/parsers.conf", "[PARSER]\n    Name x\n    Format json\n")
    lab.reset(CONF)
    lab.reset("fluentbit/parsers.conf")
    assert lab.files.changed() == []
    assert lab.read_file(CONF) == before


def test_one_block_of_a_file_is_shown(lab: HandsOn) -> None:
    """By its header or its address, with the comment above; a wrong name says which there are."""
    shown = lab.show_file("terraform/aws_ecs.tf", 'resource "aws_ecs_cluster" "lab"')
    assert shown.text.splitlines()[1] == 'resource "aws_ecs_cluster" "lab" {'
    assert shown.text == lab.show_file("terraform/aws_ecs.tf", "aws_ecs_cluster.lab").text.replace(
        "aws_ecs_cluster.lab", 'resource "aws_ecs_cluster" "lab"', 1
    )
    assert "<span style='color:" in shown.html
    with pytest.raises(SettingsError, match="aws_ecs_service"):
        lab.show_file("terraform/aws_ecs.tf", "aws_ecs_servce.httpd")


def test_a_guess_headless_is_a_table_and_no_error(lab: HandsOn) -> None:
    """Nobody chose: revealed, it says so; the outcome has to be an option, the question to be asked before."""
    with pytest.raises(NotYetError, match="The question is not there yet"):
        lab.reveal("08_who", "S3")
    assert "○ visitors" in lab.predict("08_who", "Who notices first?", ["visitors", "S3"]).text
    with pytest.raises(SettingsError, match="visitors, S3"):
        lab.reveal("08_who", "nobody")
    assert "no guess" in lab.reveal("08_who", "S3").text
    Progress(lab.settings.home).guessed("08_other", "S3")
    lab.predict("08_other", "Who?", ["visitors", "S3"])
    assert "✔ as you said" in lab.reveal("08_other", "S3").text


def test_of_several_outcomes_a_guess_at_one_is_right(lab: HandsOn) -> None:
    """All are shown; each has to be an option, and none at all is refused."""
    progress = Progress(lab.settings.home)
    for name, guess, told in (("a", "S3", "✔ as you said"), ("b", "IAM", "✘ it went otherwise")):
        lab.predict(name, "Where?", ["visitors", "S3", "IAM"])
        progress.guessed(name, guess)
        shown = lab.reveal(name, ("visitors", "S3")).text
        assert told in shown
        assert "visitors · S3" in shown
    for outcomes in (("S3", "nobody"), ()):
        with pytest.raises(SettingsError, match="visitors, S3, IAM"):
            lab.reveal("a", outcomes)


def test_options_are_two_or_more(lab: HandsOn) -> None:
    """A question with one answer, or with the same twice, is none."""
    for options in (["a"], ["a", "a"]):
        with pytest.raises(SettingsError, match="two or more different answers"):
            lab.predict("x", "y", options)


def test_a_step_that_is_not_there_is_refused(lab: HandsOn) -> None:
    """By its name."""
    with pytest.raises(SettingsError, match="03_99"):
        lab.step("03_99")


def test_a_reset_goes_to_the_notebooks_beginning(lab: HandsOn, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """That of its first step on the file; in other notebooks the project's."""
    start = lab.read_file(CONF) + "# the beginning of 03\n"
    (tmp_path / "starts/03_2/fluentbit").mkdir(parents=True)
    (tmp_path / "starts/03_2" / CONF).write_text(start)
    monkeypatch.setattr(step, "STARTS", tmp_path / "starts")
    lab.notebook = "ja/03_image"
    lab.reset(CONF)
    assert lab.read_file(CONF) == start
    lab.notebook = "00_setup"
    lab.reset(CONF)
    assert lab.files.changed() == []


def test_terraform_reads_the_same_files_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In another notebook too; any change of any file is read, and what is refused is read again."""
    backend: Any = SimpleNamespace(base_image="", environment=dict, identity=lambda: "x")
    read = list[str]()

    def complaints(_: Terraform, folder: Path, name: str) -> str:
        read.append((folder / name).read_text())
        return "no" if "broken" in read[-1] else ""

    monkeypatch.setattr(Terraform, "complaints", complaints)
    labs = [HandsOn(Settings(home=tmp_path, owner="anna"), backend, Notes(tmp_path / "notes", "x")) for _ in "ab"]
    for lab in labs:
        assert lab.said_of("terraform/own.tf", "# one") == ""  # nothing is remembered before the first init
    provider = labs[0].terraform.workspace.tf_data / "providers/registry.terraform.io/hashicorp/aws/5.100.0/linux"
    provider.mkdir(parents=True)
    for lab in labs:
        assert lab.said_of("terraform/own.tf", "# one") == ""
        assert lab.said_of("terraform/own.tf", "# broken") == "no"
    labs[0].files.write("terraform/other.tf", "# of another file")
    assert labs[0].said_of("terraform/own.tf", "# one") == ""
    assert read == ["# one", "# one", "# one", "# broken", "# broken", "# one"]
