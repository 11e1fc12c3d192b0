"""The trainee's own copy of the workbook, below the state folder: what `lab jupyter` opens.

    HOME/workbook/notebooks/   to work in: without outputs; never written over once the trainee has changed it
    HOME/workbook/reference/   the same notebooks with the outputs of a run, to look at
    HOME/workbook/terraform    → the working copy that `apply` uses; fluentbit too
    HOME/workbook/README.md …  what the notebooks' links lead to

The clone stays as Git brought it. A notebook that the course has made anew is put beside an edited copy, and said.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab_helpers.base.config import PROJECT, Settings, private_folder, write_private
from lab_helpers.base.files.whole_file import read_object, write_whole
from lab_helpers.base.messages import language_of, say, speaking
from lab_helpers.base.paths import inside, is_plain
from lab_helpers.base.project import PACKAGE
from lab_helpers.files import WorkingCopy
from lab_helpers.files.working_copy import FOLDERS

FOLDER, NOTEBOOKS, REFERENCE = "workbook", "notebooks", "reference"
NEWER = ".newer.ipynb"
"""How the name of a newer version ends that is put beside an edited copy."""
FOOT = "lab.where()"
"""The last cell of each copy: the strip at the notebook's foot."""
_MADE = ".made.json"
_PAGES = ("README.md", "README.ja.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "SECURITY.md")
_LINK = re.compile(r"\]\(([^)#\s:]+)[)#]")


@dataclass(frozen=True)
class Kept:
    """A notebook of the trainee's that was kept though the course has a newer one: `newer` is where that is now."""

    name: str
    newer: Path

    def sentence(self) -> str:
        """Say it."""
        return say(
            "{name}: the course has a newer version. Yours is kept; the newer one is beside it: {newer}",
            name=self.name,
            newer=self.newer.name,
        )


def folder_of(settings: Settings) -> Path:
    """Return where the trainee's copy is or would be."""
    return settings.home / FOLDER


def make(settings: Settings, source: Path = PROJECT) -> list[Kept]:
    """Copy what is missing, and what is newer in the course and untouched here; return what was kept instead."""
    folder = folder_of(settings)
    private_folder(settings.home)
    private_folder(folder)
    _link_working_copy(settings, folder, source)
    for name in _pages(source):
        write_whole(inside(folder, name), _origin(source, name).read_bytes())
    made, kept = _read_made(folder / _MADE), []
    for name in _names(source):
        notebook = json.loads(inside(source / NOTEBOOKS, f"{name}.ipynb").read_text(encoding="utf-8"))
        has_outputs = any(cell.get("outputs") for cell in notebook["cells"])
        if has_outputs:
            _write_reference(folder, name, notebook)
        newer = _take(folder, name, _prepared(notebook, name, has_outputs), made)
        kept += [Kept(name, newer)] if newer else []
    write_private(folder / _MADE, json.dumps(made, indent=1))
    return kept


def newer_than(settings: Settings, name: str) -> Path | None:
    """Return the newer version that lies beside an edited copy; None where there is none."""
    path = inside(folder_of(settings) / NOTEBOOKS, name + NEWER)
    return path if path.exists() else None


def _take(folder: Path, name: str, text: str, made: dict[str, str]) -> Path | None:
    """Write a notebook where nothing of the trainee's is lost; return where, when that is beside an edited one."""
    path, known, now = inside(folder / NOTEBOOKS, f"{name}.ipynb"), made.get(name), _fingerprint(text.encode())
    newer = path.with_name(path.name.removesuffix(".ipynb") + NEWER)
    is_untouched = not path.exists() or _fingerprint(path.read_bytes()) in (known, now)
    if is_untouched:
        newer.unlink(missing_ok=True)
        if not path.exists() or known != now:
            write_whole(path, text.encode())
        made[name] = now
        return None
    if known == now:
        return None
    write_whole(newer, text.encode())
    return newer


def _prepared(notebook: dict[str, Any], name: str, has_reference: bool) -> str:
    """Return the notebook to work in: no outputs, a link to the reference's, the strip at its foot."""
    cells = [dict(cell) for cell in notebook["cells"]]
    for cell in cells:
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = [], None
    if has_reference:
        with speaking(language_of(name)):
            _add_to_head(cells, "", f" · [{say('Reference outputs')}]({_across(name, REFERENCE)})")
    foot: dict[str, Any] = {
        "cell_type": "code",
        "execution_count": None,
        "id": "strip-foot",
        "metadata": {},
        "outputs": [],
    }
    return _text({**notebook, "cells": [*cells, {**foot, "source": FOOT}]})


def _write_reference(folder: Path, name: str, notebook: dict[str, Any]) -> None:
    with speaking(language_of(name)):
        told = say("These are the outputs of a run of the course, to look at.")
        back = f"[{say('To your own copy')}]({_across(name, NOTEBOOKS)})"
    cells = [dict(cell) for cell in notebook["cells"]]
    _add_to_head(cells, f"> {told} {back}\n\n", "")
    path, text = inside(folder / REFERENCE, f"{name}.ipynb"), _text({**notebook, "cells": cells}).encode()
    if not path.exists() or path.read_bytes() != text:
        write_whole(path, text)
        path.chmod(0o444)


def _add_to_head(cells: list[dict[str, Any]], before: str, after: str) -> None:
    if cells and cells[0]["cell_type"] == "markdown":
        cells[0]["source"] = before + "".join(cells[0]["source"]) + after


def _text(notebook: dict[str, Any]) -> str:
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def _across(name: str, room: str) -> str:
    """Return the link from one room's notebook to the same one in the other."""
    return f"{'../' * (name.count('/') + 1)}{room}/{name}.ipynb"


def _names(source: Path) -> Iterator[str]:
    for path in sorted((source / NOTEBOOKS).rglob("*.ipynb")):
        inner = path.relative_to(source / NOTEBOOKS)
        if not any(part.startswith(".") for part in inner.parts):
            yield inner.with_suffix("").as_posix()


def _pages(source: Path) -> list[str]:
    """Return the pages that notebooks and README link to, and the files that the READMEs link to."""
    found = {path.name for path in source.iterdir() if path.name in _PAGES}
    found |= {path.relative_to(source).as_posix() for path in (source / "docs").rglob("*") if path.is_file()}
    for readme in (path for path in source.glob("README*.md") if path.name in _PAGES):
        links = (link for link in _LINK.findall(readme.read_text(encoding="utf-8")) if is_plain(link))
        found |= {link for link in links if not link.startswith(f"{NOTEBOOKS}/") and _origin(source, link).is_file()}
    return sorted(found)


def _origin(source: Path, name: str) -> Path:
    """Return where a page is; the package's own files are with it when it is installed."""
    return inside(PACKAGE.parent if name.startswith(f"{PACKAGE.name}/") else source, name)


def _link_working_copy(settings: Settings, folder: Path, source: Path) -> None:
    """Let `../terraform` and `../fluentbit` lead to the files that the lab is built from; what is there stays."""
    copy = WorkingCopy(settings.state / "work", source)
    if not copy.folder.exists():
        copy.freshen()
    for part in FOLDERS:
        place = folder / part
        target = Path(os.path.relpath(inside(copy.folder, part), folder))
        if place.is_symlink() and place.readlink() != target:
            place.unlink()
        if not place.is_symlink() and not place.exists():
            place.symlink_to(target, target_is_directory=True)


def _read_made(path: Path) -> dict[str, str]:
    return {name: str(value) for name, value in read_object(path).items()}


def _fingerprint(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
