"""Inputs and filters at work (outputs: tasks.py)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from lab_helpers.router.plugin import Filter, Input
from lab_helpers.router.records.buffer import Chunk


@dataclass
class InputInstance:
    """One [INPUT] section at work, or an emitter of a filter (`source` None). `held_bytes` is what its chunks take;
    what an input that is not `routable` takes goes to no output."""

    plugin_name: str
    name: str
    source: Input | None = None
    mem_buf_limit: int = 0
    held_bytes: int = 0
    in_files: bool = False
    paused: bool = False
    routable: bool = True
    open_chunks: dict[str, Chunk] = field(default_factory=dict)

    @property
    def limit_bytes(self) -> int:
        """What its chunks may take of memory; 0 where there is no limit."""
        return 0 if self.in_files else self.mem_buf_limit


@dataclass
class FilterInstance:
    """One [FILTER] section at work."""

    name: str
    matches: Callable[[str], bool]
    step: Filter
