"""Ask Terraform about its files: `fmt` reads the syntax at once, `validate` knows the provider's resources."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from lab_helpers.base import process

FMT_TIMEOUT_S = 20.0
VALIDATE_TIMEOUT_S = 120.0


def syntax_words(binary: Path, env: Mapping[str, str], file: Path) -> str:
    """Return what `terraform fmt` says against a file; empty when it can be read."""
    argv = [str(binary), "fmt", "-no-color", "-write=false", "-list=false", str(file.name)]
    done = process.run(argv, timeout_s=FMT_TIMEOUT_S, env=dict(env), cwd=file.parent)
    return "" if done.returncode == 0 else done.stderr.strip()


def words(binary: Path, env: Mapping[str, str], folder: Path) -> str:
    """Return what `terraform validate` says against a configuration; empty when it is valid.

    `env` names the data folder of an earlier init: there is nothing to download.
    """
    argv = [str(binary), "validate", "-json"]
    done = process.run_guarded(argv, timeout_s=VALIDATE_TIMEOUT_S, env=env, cwd=folder)
    try:
        found = json.loads(done.stdout)
    except ValueError:
        return (done.stderr or done.stdout).strip()
    return "\n".join(_told(each) for each in found.get("diagnostics", []) if each.get("severity") == "error")


def _told(diagnostic: Mapping[str, object]) -> str:
    """Return one of Terraform's complaints: summary, place, detail."""
    place = diagnostic.get("range")
    at = f" ({place['filename']}, line {place['start']['line']})" if isinstance(place, dict) else ""
    return f"{diagnostic.get('summary', '')}{at}: {diagnostic.get('detail', '')}".strip()
