"""Folders that hold Terraform providers, and whether the AWS provider is among them.

Source: Terraform, "CLI Configuration": filesystem mirrors (packed, unpacked) and the implied ones.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version

PROVIDER = Path("registry.terraform.io", "hashicorp", "aws")
"""Where a mirror keeps the provider: host, namespace, name."""

WANTED = SpecifierSet(">=5.100,<6")
"""What terraform/version.tf asks for."""

CONVENTIONAL = ("/opt", "/usr/local", "/usr/share", "/usr/lib", "/usr/libexec", "/var/lib", "/srv", "/mnt")
"""Where people and packagers put things that programs share."""

SEARCH_DEPTH = 4
SEARCH_SECONDS = 5.0
SKIPPED = frozenset({"node_modules", "site-packages", "__pycache__", "proc", "sys", "docker", "containers", "overlay2"})
"""Large, and never a mirror."""

_PACKED = re.compile(r"terraform-provider-aws_(?P<version>[^_]+)_(?P<platform>[a-z0-9]+_[a-z0-9]+)\.zip")


@dataclass(frozen=True)
class Mirror:
    """A folder with a usable AWS provider in it."""

    folder: Path
    version: Version


def usable_mirror(folder: Path, platform: str) -> Mirror | None:
    """Return the mirror that `folder` is for this platform, with the newest version that fits, or None."""
    versions = sorted(version for version in _versions(folder / PROVIDER, platform) if version in WANTED)
    return Mirror(folder, versions[-1]) if versions else None


def implied_folders(env: Mapping[str, str], source_dir: Path, platform: str) -> list[Path]:
    """Return the folders that Terraform itself looks through when nothing is configured."""
    home = home_of(env)
    folders = [source_dir / "terraform.d" / "plugins", home / ".terraform.d" / "plugins"]
    if platform.startswith("darwin"):
        support = Path("Library", "Application Support", "io.terraform", "plugins")
        return [*folders, home / support, Path("/") / support]
    data_dirs = [env.get("XDG_DATA_HOME") or str(home / ".local" / "share")]
    data_dirs += (env.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share").split(":")
    return [*folders, *(Path(data_dir) / "terraform" / "plugins" for data_dir in data_dirs if data_dir)]


def conventional_roots(env: Mapping[str, str], python_prefix: str) -> list[Path]:
    """Return the folders to search below: shared install prefixes, the Python environment's share, the home."""
    return [*map(Path, CONVENTIONAL), Path(python_prefix) / "share", home_of(env)]


def home_of(env: Mapping[str, str]) -> Path:
    """Return the home folder in an environment."""
    return Path(env.get("HOME") or Path.home())


def search(
    roots: Iterable[Path],
    platform: str,
    *,
    depth: int = SEARCH_DEPTH,
    timeout_s: float = SEARCH_SECONDS,
    now: Callable[[], float] = time.monotonic,
) -> Mirror | None:
    """Return the first usable mirror at most `depth` levels below the roots, or None when time or folders run out.

    All roots are searched a level at a time, so that a deep one cannot use up the time of the others.
    """
    deadline = now() + timeout_s
    level = [root for root in roots if root.is_dir()]
    for remaining in range(depth, -1, -1):
        deeper: list[Path] = []
        for folder in level:
            if now() > deadline:
                return None
            if mirror := usable_mirror(folder, platform):
                return mirror
            if remaining:
                deeper.extend(_subfolders(folder))
        level = deeper
    return None


def _versions(provider: Path, platform: str) -> Iterator[Version]:
    for entry in _entries(provider):
        packed = _PACKED.fullmatch(entry.name)
        if packed and packed["platform"] == platform and entry.is_file():
            yield from _version(packed["version"])
        elif _is_unpacked(Path(entry.path) / platform):
            yield from _version(entry.name)


def _is_unpacked(folder: Path) -> bool:
    return any(
        entry.name.startswith("terraform-provider-aws") and os.access(entry.path, os.X_OK) for entry in _entries(folder)
    )


def _version(text: str) -> Iterator[Version]:
    try:
        yield Version(text)
    except InvalidVersion:
        return


def _subfolders(folder: Path) -> Iterator[Path]:
    for entry in _entries(folder):
        if entry.name not in SKIPPED and entry.is_dir(follow_symlinks=False):
            yield Path(entry.path)


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError:  # not there, not a folder, not ours to read: nothing to find in it
        return []
