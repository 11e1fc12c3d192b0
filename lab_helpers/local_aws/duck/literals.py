"""Names and texts as SQL writes them: nothing from outside becomes a part of a statement."""

from __future__ import annotations


def identifier(name: str) -> str:
    """Return the name of a column or view, quoted."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: object) -> str:
    """Return a text (or a path), quoted."""
    return "'" + str(value).replace("'", "''") + "'"
