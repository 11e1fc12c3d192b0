"""Chunks: what outputs are handed (contract only so far; the engine fills it)."""

from __future__ import annotations

from typing import Protocol

from lab_helpers.local_aws.router.record import Record


class Chunk(Protocol):
    """Records of one tag on their way to the outputs, shared by all of them: read only."""

    tag: str

    def records(self) -> list[Record]:
        """Return the decoded records; decoded once."""

    def json_lines(self) -> list[bytes]:
        """Return each body as Fluent Bit's JSON, without a newline; encoded once."""
