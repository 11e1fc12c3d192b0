"""The working copy: made from the project, the trainee's from then on, and nothing outside of it can be named."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab_helpers.base.errors import FileRefusedError
from lab_helpers.files import WorkingCopy

CONF = "fluentbit/extra.conf"


@pytest.fixture
def copy(tmp_path: Path) -> WorkingCopy:
    """A working copy of a small project."""
    for name in (CONF, "fluentbit/Dockerfile", "terraform/main.tf", "terraform/httpd/a.json"):
        path = tmp_path / "project" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{name} of the project\n")
    (tmp_path / "project/terraform/.terraform").mkdir()
    (tmp_path / "project/terraform/.terraform/x").write_text("")
    made = WorkingCopy(tmp_path / "work", tmp_path / "project")
    assert made.freshen() == []
    return made


def test_it_has_the_projects_files_and_nothing_of_a_run(copy: WorkingCopy) -> None:
    """Hidden files are an editor's or a run's."""
    assert copy.files() == ["fluentbit/Dockerfile", CONF, "terraform/httpd/a.json", "terraform/main.tf"]


def test_what_is_written_is_the_copys_alone(copy: WorkingCopy) -> None:
    """The project's own files are never touched."""
    copy.write(CONF, "mine\n")
    assert copy.read(CONF) == "mine\n"
    assert copy.original(CONF) == f"{CONF} of the project\n"
    assert copy.changed() == [CONF]


def test_a_newer_project_brings_what_the_trainee_has_not_changed(copy: WorkingCopy) -> None:
    """What was changed is kept and named once; what is new comes, what is gone goes."""
    copy.write(CONF, "mine\n")
    (copy.source / CONF).write_text("newer\n")
    (copy.source / "terraform/main.tf").write_text("newer\n")
    (copy.source / "terraform/new.tf").write_text("new\n")
    (copy.source / "fluentbit/Dockerfile").unlink()
    assert copy.freshen() == [CONF]
    assert copy.read(CONF) == "mine\n"
    assert copy.read("terraform/main.tf") == "newer\n"
    assert copy.read("terraform/new.tf") == "new\n"
    assert not copy.has("fluentbit/Dockerfile")
    assert copy.freshen() == []


@pytest.mark.parametrize(
    "name",
    [
        "", "extra.conf", "../extra.conf", "fluentbit/../../x", "/etc/passwd", "fluentbit", "fluentbit/.hidden",
        "terraform/.terraform/x", "lab_helpers/lab.py", "fluentbit//extra.conf", "fluentbit/a b", "fluentbit/a\nb",
        "terraform/httpd", "~/x", "fluentbit/./extra.conf",
    ],
)  # fmt: skip
def test_a_name_outside_is_refused(copy: WorkingCopy, name: str) -> None:
    """There is one way from a name to a path, and it leads below the known folders only."""
    with pytest.raises(FileRefusedError, match="is not saved"):
        copy.write(name, "x")


def test_a_link_that_leads_out_is_refused(copy: WorkingCopy, tmp_path: Path) -> None:
    """A folder of the copy may have been made a link by hand."""
    (tmp_path / "elsewhere").mkdir()
    (copy.fluentbit / "out").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FileRefusedError):
        copy.write("fluentbit/out/x.conf", "x")
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_file_that_is_not_there_says_which_are(copy: WorkingCopy) -> None:
    """A misspelt name is answered with the names."""
    with pytest.raises(FileRefusedError, match=r"terraform/main\.tf"):
        copy.read("terraform/mian.tf")


def test_a_fingerprint_tells_what_terraform_reads_apart(copy: WorkingCopy) -> None:
    """A change that is asked about has the fingerprint that it has when written; what is the same has the same."""
    name = "terraform/main.tf"
    before = copy.fingerprint()
    changed = copy.fingerprint({name: "mine\n"})
    assert copy.fingerprint({name: copy.read(name)}) == before != changed
    assert copy.fingerprint({"terraform/new.tf": ""}) not in {before, changed}
    copy.write(name, "mine\n")
    assert copy.fingerprint() == changed


def test_what_the_router_reads_counts_by_its_name(copy: WorkingCopy) -> None:
    """Terraform takes a checksum of each file there is."""
    before = copy.fingerprint()
    assert copy.fingerprint({CONF: "mine\n"}) == before
    assert copy.fingerprint({"fluentbit/parsers.conf": ""}) != before
