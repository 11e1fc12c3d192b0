"""Japanese notebooks: the English notebooks' code cells and outputs with Japanese prose.

The prose of NAME.ipynb is notebooks/ja/NAME.md: one section per prose cell, which begins with the line
`<!-- CELL-ID HASH -->`. The hash is that of the English cell, so that a change of the English is noticed.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from lab_helpers.config import PROJECT
from lab_helpers.errors import LabError

NOTEBOOKS = PROJECT / "notebooks"
JAPANESE = "ja"
_HEAD = re.compile(r"^<!-- (?P<cell>\S+) (?P<hash>[0-9a-f]{12}) -->$", re.MULTILINE)
_LINK = re.compile(r"\]\((?!https?:|#|/)(?P<target>[^)]+)\)")


@dataclass(frozen=True)
class Section:
    """The prose of one cell, and the hash of the English cell that it translates."""

    cell: str
    english: str
    text: str


def hash_of(source: str) -> str:
    """Return the hash of an English cell: 12 hex digits."""
    return hashlib.sha256(source.encode()).hexdigest()[:12]


def read_prose(text: str) -> dict[str, Section]:
    """Read a prose file: sections by the ids of their cells."""
    heads = list(_HEAD.finditer(text))
    ends = [*(head.start() for head in heads[1:]), len(text)]
    return {
        head["cell"]: Section(head["cell"], head["hash"], text[head.end() : end].strip())
        for head, end in zip(heads, ends, strict=True)
    }


def out_of_step(notebook: NotebookNode, prose: dict[str, Section]) -> list[str]:
    """Say which cells have no translation, or one of an older text, and which sections have no cell."""
    english = {cell.id: hash_of(cell.source) for cell in notebook.cells if cell.cell_type == "markdown"}
    missing = [f"{cell}: not translated" for cell in english if cell not in prose]
    stale = [
        f"{cell}: the English has changed, its hash is now {english[cell]}"
        for cell, section in prose.items()
        if cell in english and section.english != english[cell]
    ]
    return missing + stale + [f"{cell}: there is no such cell" for cell in prose if cell not in english]


def translated(notebook: NotebookNode, prose: dict[str, Section]) -> NotebookNode:
    """Return the Japanese notebook; raises LabError, naming the cells, when the prose is out of step."""
    if wrong := out_of_step(notebook, prose):
        raise LabError("The Japanese prose is out of step. " + "; ".join(wrong))
    japanese = nbformat.from_dict(notebook)
    for cell in japanese.cells:
        if cell.cell_type == "markdown":
            cell.source = _LINK.sub(_one_folder_down, prose[cell.id].text)
    return japanese


def pairs(folder: Path = NOTEBOOKS) -> Iterator[tuple[Path, Path]]:
    """Yield each English main notebook with the path of its Japanese prose."""
    for path in sorted(folder.glob("[0-9][0-9]_*.ipynb")):
        yield path, folder / JAPANESE / f"{path.stem}.md"


def build_all(folder: Path = NOTEBOOKS) -> list[Path]:
    """Write the Japanese notebook of each English one that has prose; return their paths. Raises LabError."""
    built = []
    for english, prose in pairs(folder):
        if prose.exists():
            notebook = nbformat.read(english, as_version=4)
            target = prose.with_suffix(".ipynb")
            nbformat.write(translated(notebook, read_prose(prose.read_text(encoding="utf-8"))), target)
            built.append(target)
    return built


def _one_folder_down(link: re.Match[str]) -> str:
    """Links between notebooks stay, since those are translated too; others lead one folder further up."""
    target = link["target"]
    return f"]({target})" if re.fullmatch(r"\d\d_\w+\.ipynb", target) else f"](../{target})"
