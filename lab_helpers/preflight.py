"""What is installed, what would be used, and what is missing: `lab doctor`, and the first notebook's first table."""

from __future__ import annotations

import importlib.metadata
import platform
import re
import shutil
import sys

import pandas as pd

from lab_helpers import config, process
from lab_helpers.config import Settings
from lab_helpers.errors import LabError
from lab_helpers.images.engines import find_engine
from lab_helpers.terraform import find_binary
from lab_helpers.terraform.provider import ProviderSearch, ProviderSource

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
        rows.append(_provider(search.find()))
    except LabError as exc:
        rows.append(("AWS provider", "none", "", False, str(exc)))
    return rows


def _provider(source: ProviderSource) -> Row:
    """Where it is on this machine is nobody's business: the table is kept in notebooks."""
    if source.mirror is not None:
        return ("AWS provider", f"a mirror on this machine ({source.origin})", str(source.mirror.version), True, "")
    return ("AWS provider", "Terraform's CLI configuration" if source.own_config else "the registry", "", True, "")


def _httpd(settings: Settings) -> Row:
    found = _first_on_path("apache2", "httpd")
    if settings.backend != "local":
        return ("httpd", "the image httpd:latest", "", True, "on Fargate")
    if settings.httpd == "builtin" or (settings.httpd == "auto" and not found):
        return ("httpd", "built-in server", "", True, "install apache2 (Debian: apache2-bin) for the real one")
    if not found:
        return ("httpd", "none", "", False, "Apache was asked for and is not installed")
    return ("httpd", "Apache", _version([found, "-v"]), True, "")


def _router(settings: Settings) -> Row:
    found = _first_on_path("fluent-bit")
    if settings.backend != "local":
        return ("log router", "the image built by terraform apply", "", True, "on Fargate")
    if settings.router == "builtin" or (settings.router == "auto" and not found):
        return ("log router", "built-in, compatible with Fluent Bit 4.2", "", True, "")
    if not found:
        return ("log router", "none", "", False, "fluent-bit was asked for and is not installed")
    return ("log router", "Fluent Bit", _version([found, "--version"]), True, "")


def _builder(settings: Settings) -> Row:
    engine = find_engine() if settings.builder == "auto" else None
    name = engine.name if engine else settings.builder
    if name in {"auto", "builtin"}:
        ok = settings.backend == "local"
        return ("image builder", "built-in (FROM and COPY)", "", ok, "" if ok else "an account needs Docker or Podman")
    return ("image builder", name, "", True, "")


def _package(part: str, name: str) -> Row:
    return (part, name, importlib.metadata.version(name), True, "")


def _version(argv: list[str]) -> str:
    """Return the first dotted number that a program prints about itself."""
    done = process.run(argv, timeout_s=10.0, env=config.inherited())
    found = re.search(r"\d+(\.\d+)+", done.stdout + done.stderr)
    return found.group() if found else ""


def _first_on_path(*names: str) -> str:
    # Debian keeps apache2 in /usr/sbin, which is not on an ordinary user's PATH.
    found = (shutil.which(name) or shutil.which(name, path="/usr/sbin") for name in names)
    return next((path for path in found if path), "")
