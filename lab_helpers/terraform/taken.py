"""Which configurations Terraform has taken: of what it has read once, letter for letter, it is not asked again."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from lab_helpers.base.files.whole_file import read_object, write_whole

MOST = 50
"""So many are remembered, the newest."""


@dataclass(frozen=True)
class Taken:
    """The fingerprints of configurations, in the file `path`."""

    path: Path

    def has(self, configuration: str) -> bool:
        """Whether a configuration was taken."""
        return configuration in self._known()

    def add(self, configuration: str) -> None:
        """Remember one. Where two are added at the same moment one may be forgotten: it is read again."""
        others = [each for each in self._known() if each != configuration]
        write_whole(self.path, json.dumps({"taken": [*others, configuration][-MOST:]}, indent=1).encode())

    def _known(self) -> list[str]:
        found = read_object(self.path).get("taken")
        return found if isinstance(found, list) else []
