"""The report of a headless run: one HTML page, beside it every executed notebook as HTML, and the figures as JSON."""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import nbformat
from nbconvert import HTMLExporter

from lab_helpers.base.redact import redact
from lab_helpers.workbook import checks
from lab_helpers.workbook.silence import SILENT_S, Silence


@dataclass(frozen=True)
class NotebookResult:
    """One notebook's result: status "passed", "failed" or "not run", its seconds, and the cells that were silent."""

    name: str
    status: str
    seconds: float = 0.0
    error: str = ""
    silent: tuple[Silence, ...] = ()


class TeardownStep(Protocol):
    """A step of the teardown: teardown.Step."""

    @property
    def what(self) -> str: ...

    @property
    def error(self) -> str: ...


def write_report(
    folder: Path,
    results: Sequence[NotebookResult],
    steps: Sequence[TeardownStep],
    checks_dir: Path,
    redactor: Callable[[str], str] = redact,
    seconds: float | None = None,
) -> Path:
    """Write `index.html`, `report.json` and an HTML page per executed notebook in `folder`; return the index.

    `seconds` is the whole run's time; None: the sum of its notebooks'.

    A report is handed around: whatever is written goes through `redactor` first, the executed notebooks too.
    """
    total = sum(result.seconds for result in results) if seconds is None else seconds
    names = {result.name for result in results}
    found = [outcome for outcome in checks.outcomes(checks_dir) if outcome.notebook in names]
    for result in results:
        redact_notebook(folder / f"{result.name}.ipynb", redactor)
    pages = {result.name: _write_page(folder, result.name) for result in results}
    figures = {
        "passed": all(result.status == "passed" for result in results),
        "seconds": round(total, 1),
        "notebooks": [asdict(result) for result in results],
        "checks": [asdict(outcome) for outcome in found],
        "teardown": [{"what": step.what, "error": step.error} for step in steps],
    }
    (folder / "report.json").write_text(json.dumps(_redacted(figures, redactor), indent=1))
    index = folder / "index.html"
    index.write_text(redactor(_index(results, found, steps, pages, total)), encoding="utf-8")
    return index


def silent_sentence(results: Sequence[NotebookResult]) -> str:
    """Return how many cells said nothing for more than `SILENT_S`, and which."""
    found = [f"{result.name} {silence}" for result in results for silence in result.silent]
    return f"{len(found)} cells were silent for more than {SILENT_S:.0f} s{': ' if found else ''}{', '.join(found)}."


def redact_notebook(path: Path, redactor: Callable[[str], str] = redact) -> None:
    """Take secrets out of a notebook's sources, outputs and metadata, in place; pictures stay. No file is no error."""
    if path.exists():
        content = json.loads(path.read_text(encoding="utf-8"))
        path.write_text(json.dumps(_redacted(content, redactor), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _redacted(value: Any, redactor: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return redactor(value)
    if isinstance(value, list):
        if _is_text(value):
            return redactor("".join(value)).splitlines(keepends=True)
        return [_redacted(each, redactor) for each in value]
    if isinstance(value, dict):
        return {k: v if k.startswith("image/") else _redacted(v, redactor) for k, v in value.items()}
    return value


def _is_text(value: list[Any]) -> bool:
    """Whether a list is a text, kept as its lines: a secret may go over their ends."""
    return len(value) > 1 and all(isinstance(v, str) for v in value) and all(v.endswith("\n") for v in value[:-1])


def _write_page(folder: Path, name: str) -> str:
    """Write an executed notebook as HTML; return the page's name, empty where there is no executed notebook."""
    source = folder / f"{name}.ipynb"
    if not source.exists():
        return ""
    notebook = nbformat.read(source, as_version=4)
    # The page must read without a network: MathJax and the widgets' script are left out, figures are embedded.
    body, _ = HTMLExporter(exclude_input_prompt=True, mathjax_url="", require_js_url="").from_notebook_node(notebook)
    source.with_suffix(".html").write_text(body, encoding="utf-8")
    return f"{name}.html"


def _index(
    results: Sequence[NotebookResult],
    found: Sequence[checks.Outcome],
    steps: Sequence[TeardownStep],
    pages: dict[str, str],
    total: float,
) -> str:
    rows = "\n".join(_row(result, [c for c in found if c.notebook == result.name], pages) for result in results)
    undone = "".join(f"<li>{_text(step.what)}: {_text(step.error or 'done')}</li>" for step in steps)
    passed = sum(result.status == "passed" for result in results)
    return f"""<!doctype html><html lang="en"><head><meta charset="utf-8"><title>FireLens lab: report</title><style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
  color: #1f2328; background: #fff }}
@media (prefers-color-scheme: dark) {{ body {{ color: #e6edf3; background: #0d1117 }} a {{ color: #4493f8 }} }}
table {{ border-collapse: collapse; width: 100% }} td, th {{ text-align: left; padding: .4rem .8rem;
  border-bottom: 1px solid #8884; vertical-align: top }} .passed {{ color: #1a7f37 }} .failed {{ color: #cf222e }}
td.number {{ text-align: right; font-variant-numeric: tabular-nums }}</style></head><body>
<h1>FireLens lab: {passed} of {len(results)} notebooks passed</h1>
<p>{total:.0f} s in all, {sum(c.passed for c in found)} of {len(found)} checks hold.
{_text(silent_sentence(results))}</p>
<table><tr><th>Notebook</th><th>Status</th><th>Seconds</th><th>Checks</th></tr>
{rows}</table><h2>Teardown</h2><ul>{undone or "<li>not asked for</li>"}</ul></body></html>
"""


def _row(result: NotebookResult, found: list[checks.Outcome], pages: dict[str, str]) -> str:
    name = _text(result.name)
    link = f'<a href="{pages[result.name]}">{name}</a>' if pages[result.name] else name
    marks = "<br>".join(f"{'✔' if c.passed else '✘'} {_text(c.name)} {_text(c.why)}" for c in found)
    error = f"<br>{_text(result.error)}" if result.error else ""
    return (
        f'<tr><td>{link}</td><td class="{result.status}">{result.status}{error}</td>'
        f'<td class="number">{result.seconds:.1f}</td><td>{marks}</td></tr>'
    )


def _text(value: str) -> str:
    return html.escape(value)
