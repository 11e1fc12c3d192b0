"""The Japanese notebooks are in step with the English ones, cell by cell."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest
from nbconvert.filters.markdown import markdown2html
from nbformat import NotebookNode

from lab_helpers.base.config import PROJECT
from lab_helpers.base.errors import LabError
from lab_helpers.workbook import translation

PAIRS = list(translation.pairs())
JAPANESE = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")
ENGLISH = re.compile(r"\b[A-Za-z]?[a-z']+ [a-z']+ [a-z']+\b|^[a-z']+ [a-z']+$")
HEADINGS = re.compile(r"^.*\n(?=-{3,}[ -]*$)", re.MULTILINE)
"""The names of columns are identifiers: notebook 00 says that they stay English."""
NOT_OURS = re.compile(
    r"^#|\[ ?(info|error|warn|help)\]|section '|"  # Fluent Bit's log, and comments in files that are shown
    r"^\"|^aws ecs |"  # a value of a JSON text that is shown, and a line of the aws CLI
    r"is not authorized to perform|no identity-based policy|Access was denied|Essential container|"  # AWS
    r"^java\.lang\.|^user dora|^call mask$|^code function|^not found$|^cannot be retried$|"  # apps, a filter
    r"^Amazon ECS developer guide|"  # a title that is cited
    r"records failed to be delivered|^compression gzip$|"  # Fluent Bit, and an option in a diff
    r"^task_id=\d+ still running|^ResourceInitializationError: |"  # Fluent Bit at its end, ECS
    r"^OutOfMemoryError|^SelectObjectContent: |^aws-for-fluent-bit |"  # AWS, and a title that is cited
    r"^\* |^Fluent Bit v|Threshold Crossed: |"  # the router's banner, an alarm's reason
    r"^[\[( ]*'?(delete|terraform) \w+"  # the steps of a teardown
)
RAW = re.compile(r"^%%lab_file|\blab\.(client|plan|reset|show_files?)\(|\bplan\.show\(|\.said\(")
"""Cells that show files, plans and AWS's answers as they are: of those only the lab's own marked lines are read."""
OWN = re.compile(r"\s*[✔✘▸○…?!]")


@pytest.mark.parametrize(("english", "prose"), PAIRS, ids=lambda path: path.stem)
def test_every_notebook_is_translated_as_it_is_now(english: Path, prose: Path) -> None:
    """Each prose cell has a Japanese section made from its present text; the message names the cell."""
    sections = translation.read_prose(prose.read_text(encoding="utf-8"))
    assert translation.out_of_step(nbformat.read(english, as_version=4), sections) == []
    assert [cell for cell, section in sections.items() if not JAPANESE.search(section.text)] == []


@pytest.mark.parametrize(("english", "prose"), PAIRS, ids=lambda path: path.stem)
def test_japanese_notebook_is_built_from_both(english: Path, prose: Path) -> None:
    """What is stored is what `lab translate` makes, with outputs of its own; its links lead somewhere."""
    stored = nbformat.read(prose.with_suffix(".ipynb"), as_version=4)
    assert stored == translation.build(english, prose)
    for cell in stored.cells:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", cell.source if cell.cell_type == "markdown" else ""):
            assert (prose.parent / target).exists(), target


@pytest.mark.parametrize(("english", "prose"), PAIRS, ids=lambda path: path.stem)
def test_each_notebook_leads_to_its_other_language(english: Path, prose: Path) -> None:
    """The first cell has the link, in both; it leads to the same notebook."""
    for here, word, there in (
        (english, "日本語", prose.with_suffix(".ipynb")),
        (prose.with_suffix(".ipynb"), "English", english),
    ):
        first = nbformat.read(here, as_version=4).cells[0].source
        assert [(here.parent / target).resolve() for target in re.findall(rf"\[{word}\]\(([^)]+)\)", first)] == [there]


@pytest.mark.parametrize(("english", "prose"), PAIRS, ids=lambda path: path.stem)
def test_before_and_after_are_the_same(english: Path, prose: Path) -> None:
    """The links from notebook to notebook are the same ones in the same order, in every cell."""
    for one, other in zip(_notebook(english).cells, _notebook(prose.with_suffix(".ipynb")).cells, strict=True):
        assert _led_to(one) == _led_to(other), one.id


@pytest.mark.parametrize(("english", "prose"), PAIRS, ids=lambda path: path.stem)
def test_japanese_notebook_was_run_in_japanese(english: Path, prose: Path) -> None:
    """Its outputs are of a run of its own: every cell ran without an error, and each check spoke Japanese."""
    del english
    code = [cell for cell in _notebook(prose.with_suffix(".ipynb")).cells if cell.cell_type == "code"]
    name = prose.relative_to(translation.NOTEBOOKS).with_suffix("").as_posix()
    assert sum(bool(re.search(rf'open_lab\(\s*"{name}"', cell.source)) for cell in code) == 1
    assert [cell.id for cell in code if not cell.execution_count] == []
    assert [cell.id for cell in code for output in cell.outputs if output.output_type == "error"] == []
    checks = re.findall(r"^✔ (.+)", "\n".join(map(_text, code)), re.MULTILINE)
    assert checks
    assert [check for check in checks if not JAPANESE.search(check)] == []


@pytest.mark.parametrize(("english", "prose"), PAIRS, ids=lambda path: path.stem)
def test_no_english_sentence_is_left_in_outputs(english: Path, prose: Path) -> None:
    """What the lab says is in Japanese; English is what AWS, Fluent Bit, Terraform and httpd say themselves."""
    del english
    left = {
        line.strip()
        for cell in _notebook(prose.with_suffix(".ipynb")).cells
        if cell.cell_type == "code"
        for line in _said(cell)
        if ENGLISH.search(line) and not JAPANESE.search(line) and not NOT_OURS.search(line)
    }
    assert sorted(left) == []


@pytest.mark.parametrize(("english", "prose"), PAIRS, ids=lambda path: path.stem)
def test_emphasis_is_rendered(english: Path, prose: Path) -> None:
    """Beside Japanese punctuation `**` does not always close; none is left over in the page."""
    del english
    for section in translation.read_prose(prose.read_text(encoding="utf-8")).values():
        shown = re.sub(r"<code>.*?</code>", "", markdown2html(section.text), flags=re.DOTALL)
        assert "**" not in shown, section.cell


def test_readme_is_translated_as_it_is_now() -> None:
    """README.ja.md has each section of README.md, in order, made from its present text; its links lead somewhere."""
    english = translation.readme_cells((PROJECT / "README.md").read_text(encoding="utf-8"))
    text = (PROJECT / "README.ja.md").read_text(encoding="utf-8")
    prose = translation.read_prose(text)
    assert translation.out_of_step(english, prose) == []
    assert list(prose) == [cell.id for cell in english.cells]
    assert [target for target in re.findall(r"\]\((?!https?:)([^)#]+)", text) if not (PROJECT / target).exists()] == []


def test_a_change_of_the_english_is_noticed() -> None:
    """A stale, a missing and a surplus section are each named by their cell."""
    cells = [nbformat.v4.new_markdown_cell(text, id=cell) for cell, text in (("a", "One"), ("b", "Two"), ("c", "New"))]
    old = translation.hash_of("One")
    prose = translation.read_prose(f"<!-- a {old} -->\n一\n\n<!-- b {old} -->\n二\n\n<!-- z {old} -->\n三\n")
    notebook = nbformat.v4.new_notebook(cells=cells)
    found = translation.out_of_step(notebook, prose)
    assert [each.partition(":")[0] for each in found] == ["c", "b", "z"]
    with pytest.raises(LabError, match="b: the English has changed"):
        translation.translated(notebook, prose, "../a.ipynb")


def test_only_the_name_tells_the_language() -> None:
    """The cells of both are the same but for the name in `open_lab`; outputs are kept while the code is the same."""
    source = 'lab = open_lab(\n    "faq/x", backend=backend\n)\nlab'
    cells = [nbformat.v4.new_markdown_cell("One", id="a"), nbformat.v4.new_code_cell(source, id="b")]
    cells[1].execution_count = 3
    english = nbformat.v4.new_notebook(cells=cells)
    prose = translation.read_prose(
        f"<!-- a {translation.hash_of('One')} -->\n[一](../05_x.ipynb) [二](../../README.ja.md)\n"
    )
    built = translation.translated(english, prose, "../../faq/x.ipynb")
    assert built.cells[0].source == "[一](../05_x.ipynb) [二](../../../README.ja.md) · [English](../../faq/x.ipynb)"
    assert (built.cells[1].source, built.cells[1].execution_count) == (source.replace("faq/", "ja/faq/"), None)
    stored = nbformat.from_dict(built)
    stored.cells[1].execution_count = 7
    assert translation.with_outputs(nbformat.from_dict(built), stored).cells[1].execution_count == 7
    stored.cells[1].source += "  # older"
    assert translation.with_outputs(nbformat.from_dict(built), stored).cells[1].execution_count is None


def _notebook(path: Path) -> NotebookNode:
    return nbformat.read(path, as_version=4)


def _led_to(cell: NotebookNode) -> list[str]:
    found = re.findall(r"(?<!\[English)\]\(((?:\.\./)?(?:(?:faq|drills|incident)/)?\d+_\w+\.ipynb)\)", cell.source)
    return found if cell.cell_type == "markdown" else []


def _said(cell: NotebookNode) -> list[str]:
    text = HEADINGS.sub("", _text(cell))
    if RAW.search(cell.source):
        return [line for line in text.splitlines() if OWN.match(line)]
    return re.split(r"\n|  +", text)


def _text(cell: NotebookNode) -> str:
    plain = (output.get("text") or output.get("data", {}).get("text/plain", "") for output in cell.outputs)
    return "\n".join(plain)
