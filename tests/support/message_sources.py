"""Every text that the lab says: found in the code, in the notebooks' cells, in the drills and in the exercises.

`said` are the keys of `messages.say`; a key of `messages.say_word` is among `constants` or `shown`.
"""

from __future__ import annotations

import ast
import functools
import html
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lab_helpers import drills, exercises, experiments
from lab_helpers.base import remedies
from lab_helpers.display.drawing import BRANCHES, STOPS
from lab_helpers.exercises import Status, steps
from lab_helpers.workbook import translation

PACKAGE = Path(translation.__file__).parents[1]
PLACES = {
    "check": (0, 2), "predict": (1,), "passed": (0,), "not_yet": (0,), "Bar": (0,), "say": (0,), "frame": (1,),
    "read": (1,), "NotYetError": (0,), "Progress": (2,),
}  # fmt: skip
"""Functions whose arguments at these places are told to the reader; `why` by its name."""
DIAGNOSIS = ("where to look", "cause", "fix", "proof", "source")


@functools.cache
def said() -> frozenset[str]:
    """Return the texts that must be in a catalogue."""
    return frozenset(text for tree in _trees() for text in _told(tree)) | frozenset(_catalogued())


def constants() -> set[str]:
    """Return every string constant of the code and of the cells: what is in none of them is told nowhere."""
    return {node.value for tree in _trees() for node in ast.walk(tree) if _is_text(node)}


def shown() -> set[str]:
    """Return what stands in the tables of the English notebooks' stored outputs."""
    pages = (
        "".join(output.get("data", {}).get("text/html", "")) for cell in _cells() for output in cell.get("outputs", [])
    )
    return {html.unescape(found) for page in pages for found in re.findall(r"<td[^>]*>(.*?)</td>", page)}


def _catalogued() -> Iterator[str]:
    for kind in drills.CATALOGUE:
        story = kind.story
        yield from (story.title, story.symptom, story.where_to_look, story.cause, story.fix, story.proof)
        yield from story.reasons.values()
    yield from DIAGNOSIS
    for name in experiments.__all__:
        yield from filter(None, [getattr(getattr(experiments, name), "question", "")])
    for task in exercises.CATALOGUE:
        yield from task.hints
    for step in steps.CATALOGUE:
        yield from (step.title, *step.hints)
    yield from (status.value for status in Status)
    for stop in STOPS.values():
        yield from (stop.name, stop.detail)
    yield from (role for role, _ in BRANCHES)
    yield from (text for known in remedies.REMEDIES.values() for text in known.values())


@functools.cache
def _trees() -> tuple[ast.Module, ...]:
    sources = ("".join(cell["source"]) for cell in _cells() if cell["cell_type"] == "code")
    cells = [ast.parse(source) for source in sources if not source.startswith("%%")]  # else a file's text, not Python
    return (*_code(), *cells)


def _code() -> Iterator[ast.Module]:
    for path in sorted(PACKAGE.rglob("*.py")):
        if "local_aws" not in path.parts:
            yield ast.parse(path.read_text(encoding="utf-8"))


def _cells() -> Iterator[dict[str, Any]]:
    """Yield the English notebooks' cells as their files have them: reading them with nbformat takes four seconds."""
    for path, _ in translation.pairs():
        yield from json.loads(path.read_text(encoding="utf-8"))["cells"]


def _told(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        places = PLACES.get(
            node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", ""), ()
        )
        told = [node.args[place] for place in places if place < len(node.args)]
        if getattr(node.func, "attr", "") == "predict":  # its options
            told += [each for argument in node.args if isinstance(argument, ast.List) for each in argument.elts]
        for argument in [*told, *(keyword.value for keyword in node.keywords if keyword.arg == "why")]:
            yield from _texts(argument, tree)


def _texts(argument: ast.expr, tree: ast.Module) -> Iterator[str]:
    """Yield the text of a constant, of both arms of a choice, and of a name's constants (`text = "…"`; `say(text)`)."""
    if isinstance(argument, ast.Constant):
        if isinstance(argument.value, str) and argument.value:
            yield argument.value
    elif isinstance(argument, ast.IfExp):
        yield from (*_texts(argument.body, tree), *_texts(argument.orelse, tree))
    elif isinstance(argument, ast.Name):
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign) and [getattr(target, "id", "") for target in node.targets] == [argument.id]:
                yield from _texts(node.value, tree) if isinstance(node.value, ast.Constant) else ()


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)
