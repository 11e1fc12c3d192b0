"""Files as an editor shows them, and what changed in them as a diff: coloured HTML, the same as text."""

from __future__ import annotations

import html
from collections.abc import Sequence

from pygments import lexers
from pygments.lexer import Lexer
from pygments.token import Comment, Keyword, Name, Number, Operator, String, _TokenType
from pygments.util import ClassNotFound

from lab_helpers.base.messages import say
from lab_helpers.base.redact import redact
from lab_helpers.display.tables import Shown
from lab_helpers.files import Change

_COLOURS: tuple[tuple[_TokenType, str], ...] = (
    (Comment, "var(--jp-mirror-editor-comment-color, #57606a)"),
    (String, "var(--jp-mirror-editor-string-color, #0a3069)"),
    (Number, "var(--jp-mirror-editor-number-color, #0550ae)"),
    (Keyword, "var(--jp-mirror-editor-keyword-color, #8250df)"),
    (Operator, "var(--jp-mirror-editor-operator-color, #57606a)"),
    (Name.Attribute, "var(--jp-mirror-editor-property-color, #953800)"),
    (Name.Tag, "var(--jp-mirror-editor-property-color, #953800)"),
    (Name.Builtin, "var(--jp-mirror-editor-keyword-color, #8250df)"),
)
"""JupyterLab's own colours, which follow its theme; where it does not show the page, those of a light one."""
_PRE = "text-align:left;font-family:monospace;line-height:1.35;white-space:pre-wrap;margin:0"
_LINE = {"+": "background:rgba(46,160,67,.22)", "-": "background:rgba(248,81,73,.22)", "@": "opacity:.7"}
_LEXERS = {".tf": "terraform", ".conf": "ini", ".json": "json", ".yaml": "yaml", ".yml": "yaml"}


def source(name: str, text: str, title: str = "") -> Shown:
    """A file, or a part of it, highlighted by what it is; `title` stands above it (by default its name)."""
    shown = redact(text.strip("\n"))
    head = title or name
    body = "".join(_token(kind, value) for kind, value in _lexer(name).get_tokens(shown))
    page = f"<div><b>{html.escape(head)}</b></div><pre style='{_PRE}'>{body.rstrip()}</pre>"
    return Shown(f"{head}\n{shown}", page)


def folded(parts: Sequence[tuple[str, Shown]]) -> Shown:
    """Several files below each other, each to unfold by its name; the first is open."""
    pages = [
        f"<details{'' if number else ' open'}><summary>{html.escape(name)}</summary>{shown.html}</details>"
        for number, (name, shown) in enumerate(parts)
    ]
    return Shown("\n\n".join(shown.text for _, shown in parts), "".join(pages))


def change(found: Change) -> Shown:
    """What changed in a file, line by line; one sentence where nothing did."""
    if found.is_empty:
        told = say("{name} is saved: nothing changed in it.", name=found.path)
        return Shown(told, f"<div>{html.escape(told)}</div>")
    text = "{name} is saved. What changed:" if found.before is not None else "{name} is saved; it is new:"
    return difference(say(text, name=found.path), found)


def difference(head: str, found: Change) -> Shown:
    """The lines of a change, coloured, under a sentence."""
    lines = [redact(line) for line in found.lines()]
    rows = "".join(f"<span style='display:block;{_LINE.get(line[:1], '')}'>{_shown(line)}</span>" for line in lines)
    page = f"<div>{html.escape(head)}</div><pre style='{_PRE}'>{rows}</pre>"
    return Shown("\n".join([head, *lines]), page)


def _shown(line: str) -> str:
    return html.escape(line) or "&nbsp;"


def _token(kind: _TokenType, value: str) -> str:
    colour = next((colour for family, colour in _COLOURS if kind in family), "")
    text = html.escape(value)
    return f"<span style='color:{colour}'>{text}</span>" if colour and value.strip() else text


def _lexer(name: str) -> Lexer:
    ending = name[name.rfind(".") :] if "." in name else ""
    wanted = "docker" if "Dockerfile" in name else _LEXERS.get(ending, "text")
    try:
        return lexers.get_lexer_by_name(wanted)
    except ClassNotFound:
        return lexers.get_lexer_by_name("text")
