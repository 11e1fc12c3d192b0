"""Puts an executed notebook's outputs into the notebook that is kept: outputs only, nothing else of the run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lab_helpers.base.lazy import nbformat

if TYPE_CHECKING:
    from nbformat import NotebookNode

_INJECTED = "injected-parameters"
_OF_A_RUN = ("papermill", "execution", "ExecuteTime")


def store(executed: Path, kept: Path) -> None:
    """Write the outputs of `executed` into `kept`, cell by cell.

    Raises ValueError when the two do not have the same code cells: then one of them is not of the other's making.
    """
    new, old = nbformat.read(executed, as_version=4), nbformat.read(kept, as_version=4)
    ran = [cell for cell in _code(new) if _INJECTED not in cell.metadata.get("tags", [])]
    cells = _code(old)
    if [cell.source for cell in ran] != [cell.source for cell in cells]:
        raise ValueError(f"{executed} is not a run of {kept}: their code cells differ.")
    for number, (source, target) in enumerate(zip(ran, cells, strict=True), start=1):
        target.execution_count = number
        target.outputs = [_output(output, number) for output in _joined(source.outputs)]
        for name in _OF_A_RUN:
            target.metadata.pop(name, None)
    nbformat.validate(old)
    nbformat.write(old, kept)


def _code(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def _joined(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """Join what a cell printed bit by bit: where the bits were cut is chance."""
    joined: list[NotebookNode] = []
    for output in outputs:
        before = joined[-1] if joined else None
        if before and before.output_type == output.output_type == "stream" and before.name == output.name:
            before.text += output.text
        else:
            joined.append(output)
    return joined


def _output(output: NotebookNode, number: int) -> NotebookNode:
    if "execution_count" in output:
        output.execution_count = number
    if "transient" in output:
        del output["transient"]
    return output
