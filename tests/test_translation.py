"""The Japanese notebooks are in step with the English ones, cell by cell."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest
from nbconvert.filters.markdown import markdown2html

from lab_helpers import translation
from lab_helpers.errors import LabError

PAIRS = list(translation.pairs())
JAPANESE = re.compile(r"[\u3040-\u30ff]")


@pytest.mark.parametrize(("english", "prose"), PAIRS, ids=lambda path: path.stem)
def test_every_notebook_is_translated_as_it_is_now(english: Path, prose: Path) -> None:
    """Each prose cell has a Japanese section made from its present text; the message names the cell."""
    sections = translation.read_prose(prose.read_text(encoding="utf-8"))
    assert translation.out_of_step(nbformat.read(english, as_version=4), sections) == []
    assert [cell for cell, section in sections.items() if not JAPANESE.search(section.text)] == []


@pytest.mark.parametrize(("english", "prose"), PAIRS, ids=lambda path: path.stem)
def test_japanese_notebook_is_built_from_both(english: Path, prose: Path) -> None:
    """What is stored is what `lab translate` makes: the same code and outputs, links that lead somewhere."""
    notebook = nbformat.read(english, as_version=4)
    stored = nbformat.read(prose.with_suffix(".ipynb"), as_version=4)
    assert stored == translation.translated(notebook, translation.read_prose(prose.read_text(encoding="utf-8")))
    for cell in stored.cells:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", cell.source if cell.cell_type == "markdown" else ""):
            assert (prose.parent / target).exists(), target


@pytest.mark.parametrize(("english", "prose"), PAIRS, ids=lambda path: path.stem)
def test_emphasis_is_rendered(english: Path, prose: Path) -> None:
    """Beside Japanese punctuation `**` does not always close; none is left over in the page."""
    del english
    for section in translation.read_prose(prose.read_text(encoding="utf-8")).values():
        shown = re.sub(r"<code>.*?</code>", "", markdown2html(section.text), flags=re.DOTALL)
        assert "**" not in shown, section.cell


def test_a_change_of_the_english_is_noticed() -> None:
    """A stale, a missing and a surplus section are each named by their cell."""
    cells = [nbformat.v4.new_markdown_cell(text, id=cell) for cell, text in (("a", "One"), ("b", "Two"), ("c", "New"))]
    old = translation.hash_of("One")
    prose = translation.read_prose(f"<!-- a {old} -->\n一\n\n<!-- b {old} -->\n二\n\n<!-- z {old} -->\n三\n")
    notebook = nbformat.v4.new_notebook(cells=cells)
    found = translation.out_of_step(notebook, prose)
    assert [each.partition(":")[0] for each in found] == ["c", "b", "z"]
    with pytest.raises(LabError, match="b: the English has changed"):
        translation.translated(notebook, prose)
