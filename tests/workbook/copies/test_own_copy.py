"""The trainee's own copy: nothing of theirs is lost, the clone stays clean, and every link leads somewhere."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lab_helpers.base.config import PROJECT, Settings
from lab_helpers.cli.main import main
from lab_helpers.workbook.copies import own_copy

LINK = re.compile(r"\]\(([^)#\s:]+)[)#]")


def course(folder: Path) -> Path:
    """A small course: two of the notebooks, the files they are about."""
    (folder / "notebooks").mkdir(parents=True)
    for name in ("00_setup", "01_firelens"):
        shutil.copy(PROJECT / "notebooks" / f"{name}.ipynb", folder / "notebooks")
    for part in ("terraform", "fluentbit"):
        shutil.copytree(PROJECT / part, folder / part)
    for page in ("README.md", ".gitignore"):
        shutil.copy(PROJECT / page, folder)
    return folder


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def edit(path: Path) -> None:
    """What JupyterLab does when somebody has worked and saved."""
    notebook = read(path)
    notebook["cells"][-1]["source"] = "mine"
    path.write_text(json.dumps(notebook))


def renew(path: Path) -> None:
    """What an update of the course does."""
    notebook = read(path)
    notebook["cells"][1]["source"] = "A better explanation."
    path.write_text(json.dumps(notebook))


def test_copy_has_no_outputs_and_the_reference_has_them(tmp_path: Path) -> None:
    """One works on bare notebooks; the outputs of a run are one click away, and back."""
    settings, source = Settings(home=tmp_path / "home"), course(tmp_path / "clone")
    assert own_copy.make(settings, source) == []
    folder = own_copy.folder_of(settings)
    own, reference = (read(folder / room / "01_firelens.ipynb") for room in ("notebooks", "reference"))
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in own["cells"])
    assert any(cell.get("outputs") for cell in reference["cells"])
    assert "[Reference outputs](../reference/01_firelens.ipynb)" in own["cells"][0]["source"]
    assert "(../notebooks/01_firelens.ipynb)" in reference["cells"][0]["source"]


def test_links_lead_somewhere(tmp_path: Path) -> None:
    """Every relative link of the whole workbook, in both languages, and of the READMEs, is there in the copy."""
    settings = Settings(home=tmp_path)
    own_copy.make(settings)
    folder = own_copy.folder_of(settings)
    dead = []
    for path in [*folder.glob("README*.md"), *(p for p in folder.rglob("*.ipynb"))]:
        texts = [path.read_text(encoding="utf-8")]
        if path.suffix == ".ipynb":
            texts = ["".join(cell["source"]) for cell in read(path)["cells"] if cell["cell_type"] == "markdown"]
        for link in (link for text in texts for link in LINK.findall(text)):
            dead += [] if (path.parent / link).resolve().exists() else [f"{path.name}: {link}"]
    assert dead == []
    assert (folder / "terraform" / "aws_ecs.tf").read_bytes() == (PROJECT / "terraform" / "aws_ecs.tf").read_bytes()
    assert (folder / "terraform").resolve() == (tmp_path / "local" / "work" / "terraform").resolve()


def test_what_the_trainee_wrote_is_kept_and_the_newer_version_said(tmp_path: Path) -> None:
    """An untouched notebook follows the course; beside an edited one the newer is put, until it is wanted no more."""
    settings, source = Settings(home=tmp_path / "home"), course(tmp_path / "clone")
    own_copy.make(settings, source)
    mine = own_copy.folder_of(settings) / "notebooks"
    edit(mine / "01_firelens.ipynb")
    (mine / "notes.md").write_text("my notes")
    assert own_copy.make(settings, source) == []
    for name in ("00_setup", "01_firelens"):
        renew(source / "notebooks" / f"{name}.ipynb")
    (kept,) = own_copy.make(settings, source)
    assert "01_firelens.newer.ipynb" in kept.sentence()
    assert read(mine / "01_firelens.ipynb")["cells"][-1]["source"] == "mine"
    assert read(mine / "01_firelens.newer.ipynb")["cells"][1]["source"] == "A better explanation."
    assert own_copy.newer_than(settings, "01_firelens") == kept.newer
    assert read(mine / "00_setup.ipynb")["cells"][1]["source"] == "A better explanation."
    assert own_copy.newer_than(settings, "00_setup") is None
    (mine / "01_firelens.ipynb").rename(mine / "my_01.ipynb")
    assert own_copy.make(settings, source) == []
    assert read(mine / "01_firelens.ipynb")["cells"][1]["source"] == "A better explanation."
    assert own_copy.newer_than(settings, "01_firelens") is None
    assert (mine / "notes.md").read_text() == "my notes"


def test_clone_stays_clean_and_can_be_pulled(tmp_path: Path) -> None:
    """Working in the copy changes nothing that Git looks at: `git status` is empty, `git pull` brings the newer."""
    upstream, clone = course(tmp_path / "upstream"), tmp_path / "clone"

    def git(*argv: str, at: Path) -> str:
        who = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "init.defaultBranch=main"]
        return subprocess.run(["git", *who, *argv], cwd=at, check=True, capture_output=True, text=True).stdout

    git("init", "-q", at=upstream)
    git("add", "-A", at=upstream)
    git("commit", "-q", "-m", "course", at=upstream)
    git("clone", "-q", str(upstream), str(clone), at=tmp_path)
    settings = Settings(home=clone / ".lab")
    own_copy.make(settings, clone)
    edit(own_copy.folder_of(settings) / "notebooks" / "01_firelens.ipynb")
    assert git("status", "--porcelain", at=clone) == ""
    renew(upstream / "notebooks" / "01_firelens.ipynb")
    git("commit", "-q", "-a", "-m", "newer", at=upstream)
    git("pull", "-q", "--ff-only", at=clone)
    assert [kept.name for kept in own_copy.make(settings, clone)] == ["01_firelens"]
    assert git("status", "--porcelain", at=clone) == ""


def test_jupyter_opens_the_copy_with_lab_on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server that `lab jupyter` starts has `lab` first on its PATH, and its terminals are no login shells."""
    seen: dict[str, Any] = {}

    def execv(_: str, argv: list[str]) -> None:
        seen.update(argv=argv, path=os.environ["PATH"])

    monkeypatch.setenv("LAB_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.setenv("SHELL", "/bin/bash")
    monkeypatch.setattr(os, "execv", execv)
    monkeypatch.setattr(sys, "executable", "/venv/bin/python")
    main(["jupyter", "--no-browser"])
    assert seen["path"] == "/venv/bin:/usr/bin:/bin"
    assert f"--ServerApp.root_dir={tmp_path / 'workbook'}" in seen["argv"]
    assert "--ServerApp.terminado_settings={'shell_command': ['/bin/bash']}" in seen["argv"]
    assert (tmp_path / "workbook" / "notebooks" / "00_setup.ipynb").exists()
