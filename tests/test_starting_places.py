"""Where people start: dev container, Binder, CI, and the repository to copy. Each says what was tried, and where."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "docs" / "example-repository"
WORKFLOWS = (*(ROOT / ".github" / "workflows").glob("*.yml"), *(EXAMPLE / ".github" / "workflows").glob("*.yml"))
PLACES = (ROOT / ".devcontainer" / "devcontainer.json", ROOT / "binder" / "postBuild", *WORKFLOWS)


def make_targets() -> set[str]:
    """The targets of the Makefile that a person may call."""
    return set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


@pytest.mark.parametrize("path", PLACES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_each_says_what_was_tried(path: Path) -> None:
    """Nobody may take for proven what never ran; no image can be pulled where these were written."""
    text = path.read_text(encoding="utf-8")
    assert "Tried: " in text
    assert "Not tried: " in text


def test_the_dev_container_makes_what_the_makefile_makes() -> None:
    """It is JSON with whole-line comments, and calls targets that there are."""
    lines = PLACES[0].read_text(encoding="utf-8").splitlines()
    found = json.loads("\n".join(line for line in lines if not line.startswith("//")))
    assert re.fullmatch(r"make (\w+)", found["postCreateCommand"])[1] in make_targets()  # type: ignore[index]


def test_binder_has_the_projects_own_environment() -> None:
    """A folder `binder` hides the root's environment.yml, so it leads there; postBuild must be a program."""
    assert (ROOT / "binder" / "environment.yml").resolve() == ROOT / "environment.yml"
    post_build = ROOT / "binder" / "postBuild"
    assert os.access(post_build, os.X_OK)
    assert all((ROOT / name).is_file() for name in re.findall(r"[\w-]+\.lock", post_build.read_text()))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_are_whole(path: Path) -> None:
    """Each job has a bound and steps; the wheel that is named is the one that is built now."""
    found = yaml.safe_load(path.read_text(encoding="utf-8"))
    for job in found["jobs"].values():
        assert job["timeout-minutes"] > 0
        assert all("uses" in step or "run" in step for step in job["steps"])
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    wheels = set(re.findall(r"firelens_lab-[\w.]+-py3-none-any\.whl", path.read_text()))
    assert wheels <= {f"firelens_lab-{version}-py3-none-any.whl"}


def test_ci_calls_the_one_script() -> None:
    """What CI does on GitHub is what it does anywhere."""
    assert "bash .ci/run" in (ROOT / ".github" / "workflows" / "ci.yml").read_text()


@pytest.mark.timeout(300)
def test_the_example_repositorys_tests_pass(tmp_path: Path) -> None:
    """As its own pytest runs them: with the plugin of the installed package, and nothing of this project's settings."""
    shutil.copytree(EXAMPLE, tmp_path / "service")
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", ".", "tests"]
    done = subprocess.run(
        argv, cwd=tmp_path / "service", capture_output=True, text=True, timeout=280, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "4 passed" in done.stdout
