"""The guide "Add a plugin" (docs/add-a-plugin.md), followed word by word in a copy of the project."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "add-a-plugin.md"
COPIED = ("lab_helpers/__init__.py",)
COPIED_FOLDERS = ("lab_helpers/router",)
COPIED_TESTS = ("bench.py", "conftest.py", "__init__.py")


@dataclass(frozen=True)
class Block:
    """One fenced block: the words behind its fence, and its text."""

    language: str
    settings: dict[str, str]
    text: str


def blocks() -> list[Block]:
    """Return the guide's fenced blocks in order."""
    found = re.findall(r"^```(\S+) ?(.*)\n((?:.*\n)*?)```$", GUIDE.read_text(encoding="utf-8"), re.M)
    return [
        Block(language, dict(part.partition("=")[::2] for part in shlex.split(settings)), text)
        for language, settings, text in found
    ]


def copy_project(folder: Path) -> None:
    """Copy what the guide needs of the project."""
    ignored = shutil.ignore_patterns("__pycache__")
    for name in COPIED_FOLDERS:
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    for name in COPIED:
        shutil.copy(ROOT / name, folder / name)
    tests = folder / "tests" / "router" / "plugins"
    tests.mkdir(parents=True)
    for name in COPIED_TESTS:
        shutil.copy(ROOT / "tests" / "router" / "plugins" / name, tests / name)
    for package in (tests.parent, tests.parent.parent):
        (package / "__init__.py").touch()


def follow(block: Block, folder: Path) -> None:
    """Do what a block with `file=` or `into=` says."""
    if "file" in block.settings:
        (folder / block.settings["file"]).write_text(block.text, encoding="utf-8")
    elif "into" in block.settings:
        path = folder / block.settings["into"]
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        place = next(number for number, line in enumerate(lines) if line.startswith(block.settings["after"]))
        path.write_text("".join([*lines[: place + 1], block.text, *lines[place + 1 :]]), encoding="utf-8")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project in which the guide has been followed."""
    folder = tmp_path_factory.mktemp("guide")
    copy_project(folder)
    for block in blocks():
        follow(block, folder)
    return folder


def command(number: int) -> list[str]:
    """Return the guide's n-th command, with the running Python in the place of `python`."""
    lines = [block.text.strip() for block in blocks() if block.language == "console"]
    words = shlex.split(lines[number].removeprefix("$ "))
    assert words[0] == "python"
    return [sys.executable, *words[1:]]


def environment(project: Path) -> dict[str, str]:
    # plugins of pytest itself are left out: importing nbval alone takes seconds
    return {"PATH": os.environ["PATH"], "PYTHONPATH": str(project), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}


def text_of(setting: str) -> str:
    return next(block.text.strip() for block in blocks() if setting in block.settings)


def test_plugin_runs_and_prints_what_the_guide_says(project: Path) -> None:
    """Step 3: the configuration runs with the new plugin; Ctrl-C ends it."""
    argv = command(0)
    with subprocess.Popen(argv, cwd=project, env=environment(project), stdout=subprocess.PIPE, text=True) as router:
        assert router.stdout is not None
        printed = next(line for line in router.stdout if line.strip())
        router.send_signal(signal.SIGINT)
        assert router.wait(10) == 0
    assert printed.strip() == text_of("expected")


def test_help_lists_the_options(project: Path) -> None:
    """The help comes from the options' declarations."""
    done = subprocess.run(command(1), cwd=project, env=environment(project), capture_output=True, text=True, timeout=20)
    assert "What to hide: a regular expression." in done.stdout
    assert done.returncode == 0


def test_slip_of_the_pen_is_refused(project: Path) -> None:
    """An unknown option ends the router with the sentence that the guide shows."""
    wrong = next(block.settings["refused"] for block in blocks() if "refused" in block.settings)
    (project / "wrong.conf").write_text(
        (project / "mask.conf").read_text().replace("Name  mask", f"Name mask\n    {wrong} x")
    )
    argv = [*command(0)[:-1], "wrong.conf"]
    done = subprocess.run(argv, cwd=project, env=environment(project), capture_output=True, text=True, timeout=20)
    assert text_of("refused") in done.stderr
    assert done.returncode == 255


def test_the_guides_own_test_passes(project: Path) -> None:
    """Step 4: the test file of the guide passes."""
    argv = [*command(2), "-p", "no:cacheprovider"]
    done = subprocess.run(argv, cwd=project, env=environment(project), capture_output=True, text=True, timeout=60)
    assert "2 passed" in done.stdout, done.stdout


def test_guide_is_honest_about_its_examples() -> None:
    """Files that the guide names as examples exist, and are short."""
    names = re.findall(r"`((?:in|filter|out)_\w+\.py)`", GUIDE.read_text(encoding="utf-8"))
    sizes = {
        name: len((ROOT / "lab_helpers/router/plugins" / name).read_text().splitlines())
        for name in names
        if name != "filter_mask.py"
    }
    assert sizes
    assert all(size <= 140 for size in sizes.values()), sizes
