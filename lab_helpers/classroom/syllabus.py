"""What trainer's and trainee's machine both know of the course: sections and options are sent as numbers alone."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from lab_helpers.base.config import PROJECT
from lab_helpers.base.messages import ENGLISH
from lab_helpers.base.paths import inside
from lab_helpers.workbook.course import Page, pages

_HEADING = re.compile(r"^##+ (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Question:
    """A prediction as its notebook asks for it; its options are in English, as they are kept."""

    name: str
    text: str
    options: tuple[str, ...]


@dataclass(frozen=True)
class Lesson:
    """One notebook: `sections[0]` is what stands before the first heading, and is called as the notebook is."""

    page: Page
    sections: tuple[str, ...]
    section_of: Mapping[str, int]
    """By a cell's id, which a trainee's own copy has kept."""
    questions: tuple[Question, ...]


@cache
def lessons(language: str = ENGLISH, notebooks: Path = PROJECT / "notebooks") -> Mapping[str, Lesson]:
    """Return the notebooks by name, in the order of the course."""
    folder = notebooks if language == ENGLISH else inside(notebooks, language)
    return {page.name: _lesson(page, folder) for page in pages(language, notebooks)}


@cache
def questions(language: str = ENGLISH) -> Mapping[str, Question]:
    """Return all predictions by name."""
    return {each.name: each for lesson in lessons(language).values() for each in lesson.questions}


def _lesson(page: Page, folder: Path) -> Lesson:
    cells = json.loads(inside(folder, f"{page.name}.ipynb").read_text(encoding="utf-8"))["cells"]
    sections, section_of = [page.title], {}
    for cell in cells:
        if cell["cell_type"] == "markdown":
            sections += [_plain(heading) for heading in _HEADING.findall("".join(cell["source"]))]
        section_of[str(cell.get("id", ""))] = len(sections) - 1
    return Lesson(page, tuple(sections), section_of, tuple(_questions(cells)))


def _plain(heading: str) -> str:
    """Return a heading without the signs of its emphasis."""
    return heading.replace("`", "").replace("**", "").strip()


def _questions(cells: list[dict[str, Any]]) -> Iterator[Question]:
    """Yield what the cells ask; options may have a name that a cell has given them."""
    named: dict[str, ast.expr] = {}
    for cell in cells:
        source = "".join(cell["source"])
        if cell["cell_type"] != "code" or source.startswith("%%"):
            continue
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Assign):
                named |= {target.id: node.value for target in node.targets if isinstance(target, ast.Name)}
            elif isinstance(node, ast.Call) and ast.unparse(node.func) == "lab.predict":
                yield from _question(node, named)


def _question(call: ast.Call, named: Mapping[str, ast.expr]) -> Iterator[Question]:
    given = [named.get(each.id, each) if isinstance(each, ast.Name) else each for each in call.args]
    try:
        name, text, options = map(ast.literal_eval, given)
    except ValueError:  # made by the cell when it runs: such a guess is counted, and not drawn
        return
    yield Question(str(name), str(text), tuple(map(str, options)))
