"""What the lab says, in the reader's language. The English text in the code is the key to the catalogue.

    say("there are {count}", count=3)      a sentence, with its values
    say_word("lost")                       a cell or a key of a table, which is data as well: translated when shown

`locale/LANGUAGE.po` is read as it is: there is no compiled form that somebody could forget to renew. A notebook's
name tells its language (`ja/05_cloudwatch` is the Japanese one), and `open_lab` sets it for the kernel.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Any

ENGLISH = "en"
LOCALE = Path(__file__).parents[1] / "locale"
WORD = "word"
"""msgctxt of what `say_word` looks up: what is entered under it is translated in tables, and data is left alone."""

_spoken = ENGLISH
"""Of this process, not of a thread: progress bars and the panel speak from threads of their own."""
_here: ContextVar[str] = ContextVar("language", default="")
"""Another language inside a block, of its thread alone."""

Catalogue = dict[tuple[str, str], str]


def languages() -> list[str]:
    """Return the languages that notebooks may be in, English first."""
    return [ENGLISH, *sorted(path.stem for path in LOCALE.glob("*.po"))]


def language_of(notebook: str) -> str:
    """Return the language of a notebook by its name: that of its first folder, else English."""
    folder = notebook.partition("/")[0]
    return folder if folder in languages() else ENGLISH


def spoken() -> str:
    """Return the language that is spoken now."""
    return _here.get() or _spoken


def speak(language: str) -> None:
    """Speak a language from now on, in the whole process; raises ValueError for one without a catalogue."""
    global _spoken
    _spoken = _known(language)


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Speak a language inside the block, in this thread only; raises ValueError."""
    before = _here.set(_known(language))
    try:
        yield
    finally:
        _here.reset(before)


def say(text: str, /, **values: Any) -> str:
    """Return a text in the reader's language with `values` in the places of its `{names}`; without values as it is."""
    found = _catalogue(spoken()).get(("", text), text)
    return found.format(**values) if values else found


def say_word(text: str) -> str:
    """Return what stands in a table in the reader's language, where the catalogue knows it as a word of ours."""
    return _catalogue(spoken()).get((WORD, text), text)


def _known(language: str) -> str:
    if language not in languages():
        raise ValueError(f"There is no catalogue for {language!r}, only for {', '.join(languages())}.")
    return language


@cache
def _catalogue(language: str) -> Catalogue:
    if language == ENGLISH:
        return {}
    from babel.messages.pofile import read_po  # takes a tenth of a second that English readers need not wait

    with (LOCALE / f"{language}.po").open("rb") as file:
        entries = read_po(file, locale=language, abort_invalid=True)
    return {(entry.context or "", str(entry.id)): str(entry.string) for entry in entries if entry.id and entry.string}
