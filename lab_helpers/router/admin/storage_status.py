"""What `/api/v1/storage` and the storage metrics say of each input's chunks. Pure.

Source: Fluent Bit 4.2.8. `up` chunks are in memory, `down` ones in their file only; `busy` ones are with an output.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

UNITS = "bKMGT"
UNIT = 1024


@dataclass
class InputStatus:
    """The chunks of one input; sizes in bytes, `mem_limit` 0 for none."""

    mem_limit: int = 0
    overlimit: bool = False
    paused: bool = False
    mem_size: int = 0
    up: int = 0
    down: int = 0
    in_files: int = 0
    busy: int = 0
    busy_size: int = 0

    def add(self, size: int, *, in_file: bool, is_up: bool, is_busy: bool) -> None:
        """Count one chunk."""
        self.up += is_up
        self.down += not is_up
        self.in_files += in_file
        self.mem_size += size if is_up else 0
        self.busy += is_busy
        self.busy_size += size if is_busy else 0

    @property
    def total(self) -> int:
        """All chunks."""
        return self.up + self.down

    def shown(self) -> dict[str, Any]:
        """Return the input's part of the page."""
        return {
            "status": {
                "overlimit": self.overlimit, "mem_size": human(self.mem_size), "mem_limit": human(self.mem_limit),
            },
            "chunks": {
                "total": self.total, "up": self.up, "down": self.down, "busy": self.busy,
                "busy_size": human(self.busy_size),
            },
        }  # fmt: skip


def layer(inputs: Mapping[str, InputStatus]) -> dict[str, int]:
    """Return the sums of all inputs, by the page's names."""
    chunks = inputs.values()
    total, files = sum(one.total for one in chunks), sum(one.in_files for one in chunks)
    down = sum(one.down for one in chunks)
    return {
        "total_chunks": total, "mem_chunks": total - files, "fs_chunks": files, "fs_chunks_up": files - down,
        "fs_chunks_down": down,
    }  # fmt: skip


def human(size: int) -> str:
    """Return `124b`, `9.5M`."""
    value, unit = float(size), 0
    while value >= UNIT and unit < len(UNITS) - 1:
        value, unit = value / UNIT, unit + 1
    return f"{size}b" if unit == 0 else f"{value:.1f}{UNITS[unit]}"
