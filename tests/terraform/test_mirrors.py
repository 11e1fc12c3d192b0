"""Folders that hold Terraform's AWS provider."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.version import Version

from lab_helpers.terraform.mirrors import Mirror, conventional_roots, implied_folders, search, usable_mirror

LINUX = "linux_amd64"


def unpacked(folder: Path, version: str = "5.100.0", platform: str = LINUX) -> Path:
    """Make a mirror in Terraform's unpacked layout."""
    home = folder / "registry.terraform.io" / "hashicorp" / "aws" / version / platform
    home.mkdir(parents=True)
    program = home / f"terraform-provider-aws_v{version}_x5"
    program.touch()
    program.chmod(0o755)
    return folder


def packed(folder: Path, version: str = "5.100.0", platform: str = LINUX) -> Path:
    """Make a mirror in Terraform's packed layout."""
    home = folder / "registry.terraform.io" / "hashicorp" / "aws"
    home.mkdir(parents=True, exist_ok=True)
    (home / f"terraform-provider-aws_{version}_{platform}.zip").touch()
    return folder


@pytest.mark.parametrize("layout", [unpacked, packed])
def test_both_layouts_are_known(tmp_path: Path, layout: type) -> None:
    """A mirror may hold archives or what was in them."""
    assert usable_mirror(layout(tmp_path), LINUX) == Mirror(tmp_path, Version("5.100.0"))


@pytest.mark.parametrize("version", ["5.99.1", "6.0.0", "4.67.0", "newest"])
def test_other_versions_are_of_no_use(tmp_path: Path, version: str) -> None:
    """terraform/version.tf asks for 5.100 or a newer 5.x."""
    assert usable_mirror(unpacked(tmp_path, version), LINUX) is None


def test_other_platforms_are_of_no_use(tmp_path: Path) -> None:
    """A provider is a program for one operating system and processor."""
    assert usable_mirror(packed(unpacked(tmp_path, platform="darwin_arm64"), platform="windows_386"), LINUX) is None


def test_the_newest_version_that_fits_counts(tmp_path: Path) -> None:
    """It is what Terraform takes too."""
    for version in ("5.100.0", "5.102.1", "5.9.0", "6.1.0"):
        packed(tmp_path, version)
    assert usable_mirror(tmp_path, LINUX) == Mirror(tmp_path, Version("5.102.1"))


def test_a_provider_that_cannot_be_run_is_none(tmp_path: Path) -> None:
    """A half-copied mirror would fail late, in the middle of a plan."""
    (program,) = unpacked(tmp_path).rglob("terraform-provider-aws*")
    program.chmod(0o644)
    assert usable_mirror(tmp_path, LINUX) is None


def test_a_mirror_is_found_below_a_prefix(tmp_path: Path) -> None:
    """Its folder may have any name."""
    mirror = unpacked(tmp_path / "opt" / "some vendor" / "plugins")
    (tmp_path / "opt" / "empty").mkdir()
    assert search([tmp_path / "none", tmp_path / "opt"], LINUX) == Mirror(mirror, Version("5.100.0"))


def test_the_search_goes_only_so_deep(tmp_path: Path) -> None:
    """It is bounded: a disk is larger than a trainee's patience."""
    unpacked(tmp_path / "a" / "b" / "c")
    assert search([tmp_path], LINUX, depth=2) is None
    assert search([tmp_path], LINUX, depth=3) is not None


def test_the_search_ends_in_time(tmp_path: Path) -> None:
    """What is deep is looked at after what is near, and not at all when time is up."""
    unpacked(tmp_path / "a" / "b")

    def clock() -> Iterator[float]:
        yield from (0.0, 1.0, 2.0)
        while True:
            yield 99.0

    now = clock()
    assert search([tmp_path], LINUX, timeout_s=5.0, now=lambda: next(now)) is None


def test_links_are_not_followed(tmp_path: Path) -> None:
    """A link can lead back to where it is."""
    (tmp_path / "round").symlink_to(tmp_path)
    assert search([tmp_path], LINUX, depth=30) is None


def test_terraforms_implied_folders() -> None:
    """Source folder and home first, then the XDG data folders."""
    env = {"HOME": "/home/me", "XDG_DATA_DIRS": "/a:/b"}
    assert implied_folders(env, Path("/lab/terraform"), LINUX) == [
        Path("/lab/terraform/terraform.d/plugins"),
        Path("/home/me/.terraform.d/plugins"),
        Path("/home/me/.local/share/terraform/plugins"),
        Path("/a/terraform/plugins"),
        Path("/b/terraform/plugins"),
    ]


def test_implied_folders_of_macos() -> None:
    """Application Support takes the place of the XDG folders."""
    folders = implied_folders({"HOME": "/Users/me"}, Path("/lab"), "darwin_arm64")
    assert Path("/Users/me/Library/Application Support/io.terraform/plugins") in folders


def test_the_home_is_searched_last() -> None:
    """It is the largest, and the least likely."""
    assert conventional_roots({"HOME": "/home/me"}, "/venv")[-2:] == [Path("/venv/share"), Path("/home/me")]
