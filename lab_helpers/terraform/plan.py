"""What Terraform plans, as a table."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from lab_helpers.base.lazy import pd
from lab_helpers.terraform.events import PlannedChange

COLUMNS = ("action", "type", "name", "file", "resource")

_DECLARATION = re.compile(r'(?m)^\s*(resource|data)\s+"([^"]+)"\s+"([^"]+)"')
_ADDRESS = re.compile(r"(?:data\.)?(?P<type>[a-z0-9_]+)\.(?P<name>[A-Za-z0-9_-]+)(?P<key>\[.*\])?")


def plan_table(changes: Iterable[PlannedChange], files: Mapping[str, str]) -> pd.DataFrame:
    """Return the plan: one row per resource that changes, ordered by file and resource.

    Columns, all strings: action (create, update, delete, replace), type, name (with its key, as in public["a"]), file
    (the .tf file that declares it, empty when it is gone), resource (the address). No rows: nothing to do.
    `files` maps "type.name" to the file, see `declared_in`.
    """
    rows = [_row(change, files) for change in changes if change.action not in ("no-op", "read")]
    rows.sort(key=lambda row: (row["file"], row["resource"]))
    return pd.DataFrame(rows, columns=list(COLUMNS), dtype="str")


def declared_in(source_dir: Path) -> dict[str, str]:
    """Return for each "type.name" the name of the .tf file that declares it."""
    return {
        f"{kind}.{name}": path.name
        for path in sorted(source_dir.glob("*.tf"))
        for _, kind, name in _DECLARATION.findall(path.read_text(encoding="utf-8"))
    }


def _row(change: PlannedChange, files: Mapping[str, str]) -> dict[str, str]:
    parts = _ADDRESS.fullmatch(change.address)
    kind, name, key = (parts["type"], parts["name"], parts["key"] or "") if parts else ("", change.address, "")
    return {
        "action": change.action,
        "type": kind,
        "name": name + key,
        "file": files.get(f"{kind}.{name}", ""),
        "resource": change.address,
    }
