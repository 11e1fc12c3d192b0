"""What is installed, what would be used, and what is missing: `lab doctor`, and the first notebook's first table."""

from __future__ import annotations

import importlib.metadata
import platform
import shutil
import sys
from pathlib import Path

import pandas as pd

from lab_helpers import config
from lab_helpers.config import Settings
from lab_helpers.errors import LabError
from lab_helpers.terraform import find_binary
from lab_helpers.terraform.provider import ProviderSearch

COLUMNS = ["part", "uses", "version", "ok", "remark"]
OLDEST_PYTHON = (3, 11)


def inspect(settings: Settings) -> pd.DataFrame:
    """Return one row a part of the lab: part, uses (which program), version, ok (enough to run), remark."""
    rows = [
        _python(),
        *_terraform(settings),
        _httpd(settings),
        _router(settings),
        _builder(settings),
        _package("JupyterLab", "jupyterlab"),
        _package("local AWS: control plane", "moto"),
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


Row = tuple[str, str, str, bool, str]


def _python() -> Row:
    ok = sys.version_info >= OLDEST_PYTHON
    return ("Python", "CPython", platform.python_version(), ok, "" if ok else "3.11 or newer is needed")


def _terraform(settings: Settings) -> list[Row]:
    env, work_dir = config.inherited(), settings.state / "terraform"
    try:
        binary = find_binary(settings.terraform or None, env, work_dir)
    except LabError as exc:
        return [("Terraform", "none", "", False, str(exc))]
    rows: list[Row] = [("Terraform", f"from {binary.origin}", str(binary.version), True, "")]
    mirror, own_config = settings.terraform_mirror or None, config.terraform_cli_config() or None
    search = ProviderSearch(mirror, env, config.PROJECT / "terraform", binary.platform, own_config)
    try:
        rows.append(("AWS provider", str(search.find()), "", True, ""))
    except LabError as exc:
        rows.append(("AWS provider", "none", "", False, str(exc)))
    return rows


def _httpd(settings: Settings) -> Row:
    found = _first_on_path("apache2", "httpd")
    if settings.backend != "local":
        return ("httpd", "the image httpd:latest", "", True, "on Fargate")
    if settings.httpd == "builtin" or (settings.httpd == "auto" and not found):
        return ("httpd", "built-in server", "", True, "install apache2 (Debian: apache2-bin) for the real one")
    return ("httpd", "Apache", found, bool(found), "" if found else "Apache was asked for and is not installed")


def _router(settings: Settings) -> Row:
    found = _first_on_path("fluent-bit")
    if settings.backend != "local":
        return ("log router", "the image built by terraform apply", "", True, "on Fargate")
    if settings.router == "builtin" or (settings.router == "auto" and not found):
        return ("log router", "built-in, compatible with Fluent Bit 4.2", "", True, "")
    return ("log router", "fluent-bit", found, bool(found), "" if found else "fluent-bit was asked for, not installed")


def _builder(settings: Settings) -> Row:
    found = _first_on_path("docker", "podman", "buildah")
    if settings.builder == "builtin" or (settings.builder == "auto" and not found):
        ok = settings.backend == "local"
        return ("image builder", "built-in (FROM and COPY)", "", ok, "" if ok else "an account needs Docker or Podman")
    return ("image builder", Path(found).name if settings.builder == "auto" else settings.builder, "", True, "")


def _package(part: str, name: str) -> Row:
    return (part, name, importlib.metadata.version(name), True, "")


def _first_on_path(*names: str) -> str:
    # Debian keeps apache2 in /usr/sbin, which is not on an ordinary user's PATH.
    found = (shutil.which(name) or shutil.which(name, path="/usr/sbin") for name in names)
    return next((path for path in found if path), "")
