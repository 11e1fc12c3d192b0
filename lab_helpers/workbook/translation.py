"""Japanese notebooks: the English notebooks' code cells with Japanese prose; their outputs are of runs of their own.

The prose of NAME.ipynb is notebooks/ja/NAME.md: one section per prose cell, which begins with the line
`<!-- CELL-ID HASH -->`. The hash is that of the English cell, so that a change of the English is noticed. The only
code that differs is the notebook's name in `open_lab("ja/NAME")`, which tells the language (see `messages`).
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lab_helpers.base.config import PROJECT
from lab_helpers.base.errors import LabError
from lab_helpers.base.lazy import nbformat

if TYPE_CHECKING:
    from nbformat import NotebookNode

NOTEBOOKS = PROJECT / "notebooks"
JAPANESE = "ja"
_HEAD = re.compile(r"^<!-- (?P<cell>\S+) (?P<hash>[0-9a-f]{12}) -->$", re.MULTILINE)
_LINK = re.compile(r"\]\((?!https?:|#|/)(?P<target>[^)]+)\)")
_NOTEBOOK = re.compile(r"(\.\./)?((faq|drills|incident)/)?\d+_\w+\.ipynb")
_OPEN = re.compile(r'(?<=\bopen_lab\()(\s*")')


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


def readme_cells(text: str) -> NotebookNode:
    """Return a README as a notebook: one prose cell a section, whose id is its heading in small letters and hyphens.

    So README.ja.md is kept in step with README.md in the same way as the notebooks' prose.
    """
    sections = re.split(r"^(?=##? )", text, flags=re.MULTILINE)[1:]
    ids = (re.sub(r"[^a-z]+", "-", section.splitlines()[0].lower()).strip("-") for section in sections)
    cells = [
        nbformat.v4.new_markdown_cell(section.strip(), id=name) for name, section in zip(ids, sections, strict=True)
    ]
    return nbformat.v4.new_notebook(cells=cells)


def translated(notebook: NotebookNode, prose: dict[str, Section], english: str) -> NotebookNode:
    """Return the Japanese notebook without outputs; raises LabError, naming the cells, when the prose is out of step.

    `english` is where the English notebook is, seen from the Japanese one: its first cell ends with a link to it, on
    the line of the links to the notebooks before and after.
    """
    if wrong := out_of_step(notebook, prose):
        raise LabError("The Japanese prose is out of step. " + "; ".join(wrong))
    japanese = nbformat.from_dict(notebook)
    for cell in japanese.cells:
        if cell.cell_type == "markdown":
            cell.source = _LINK.sub(_one_folder_down, prose[cell.id].text)
        else:
            cell.source = _OPEN.sub(rf"\1{JAPANESE}/", cell.source)
            cell.outputs, cell.execution_count = [], None
    japanese.cells[0].source += f" · [English]({english})"
    return japanese


def with_outputs(notebook: NotebookNode, stored: NotebookNode) -> NotebookNode:
    """Return a notebook with the outputs that a stored one has of the same cells with the same code."""
    known = {(cell.id, cell.source): cell for cell in stored.cells if cell.cell_type == "code"}
    for cell in notebook.cells:
        if before := known.get((cell.id, cell.source)):
            cell.outputs, cell.execution_count = before.outputs, before.execution_count
    return notebook


def pairs(folder: Path = NOTEBOOKS) -> Iterator[tuple[Path, Path]]:
    """Yield each English notebook (main, FAQ, drill) with the path of its Japanese prose."""
    for pattern in ("[0-9][0-9]_*.ipynb", "faq/*.ipynb", "drills/*.ipynb", "incident/*.ipynb"):
        for path in sorted(folder.glob(pattern)):
            yield path, (folder / JAPANESE / path.relative_to(folder)).with_suffix(".md")


def build(english: Path, prose: Path) -> NotebookNode:
    """Return the Japanese notebook of an English one, with the outputs that are stored. Raises LabError."""
    target = prose.with_suffix(".ipynb")
    sections = read_prose(prose.read_text(encoding="utf-8"))
    link = Path(os.path.relpath(english, prose.parent)).as_posix()
    notebook = translated(nbformat.read(english, as_version=4), sections, link)
    return with_outputs(notebook, nbformat.read(target, as_version=4)) if target.exists() else notebook


def build_all(folder: Path = NOTEBOOKS) -> list[Path]:
    """Write the Japanese notebook of each English one that has prose; return their paths. Raises LabError."""
    built = []
    for english, prose in pairs(folder):
        if prose.exists():
            nbformat.write(build(english, prose), prose.with_suffix(".ipynb"))
            built.append(prose.with_suffix(".ipynb"))
    return built


def _one_folder_down(link: re.Match[str]) -> str:
    """Links between notebooks stay, since those are translated too; others lead one folder further up."""
    target = link["target"]
    return f"]({target})" if _NOTEBOOK.fullmatch(target) else f"](../{target})"
