"""The trainer's page: one file without anything from elsewhere, in the trainer's language; it fetches what it shows."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from lab_helpers.base.messages import say, speaking
from lab_helpers.workbook.course import NAMES

HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_FILE = Path(__file__).with_name("page.html")
_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)
_STYLE = re.compile(r"<style>(.*?)</style>", re.DOTALL)
_EVERY_MS = 2000
_NEWEST = 3
"""Predictions that are drawn; the older ones are folded away."""


@dataclass(frozen=True)
class Made:
    """The page, and the Content-Security-Policy under which nothing but its own script and style has an effect."""

    html: str
    policy: str


@cache
def made(language: str) -> Made:
    """Return the page in a language."""
    with speaking(language):
        words, title = json.dumps(_words(), ensure_ascii=False), say("The class")
    for sign in "<>&":
        words = words.replace(sign, f"\\u{ord(sign):04x}")
    text = _FILE.read_text(encoding="utf-8")
    script, style = (_source(each, text) for each in (_SCRIPT, _STYLE))
    policy = (
        f"default-src 'none'; script-src {script}; style-src {style}; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    for place, value in (("LANGUAGE", language), ("TITLE", html.escape(title)), ("WORDS", words)):
        text = text.replace(place, value, 1)
    return Made(text, policy)


def _source(block: re.Pattern[str], text: str) -> str:
    found = block.search(text)
    assert found is not None, "the page has one script and one style"
    return f"'sha256-{base64.b64encode(hashlib.sha256(found[1].encode()).digest()).decode()}'"


def _words() -> dict[str, object]:
    """What the page says, by the keys of its script."""
    return {
        "every": _EVERY_MS,
        "newest": _NEWEST,
        "parts": {part: say(name) if name else "" for part, name in NAMES.items()},
        "title": say("The class"),
        "sum": say("{here} at work, {away} at a break, {gone} not heard of, {all} in all"),
        "join": say("To take part, in a terminal:"),
        "h where": say("Who is where"),
        "h stuck": say("Who is stuck"),
        "h say": say("To all"),
        "h guesses": say("Predictions"),
        "h who": say("Everybody"),
        "say": say("Say it"),
        "say what": say("a sentence to all (empty: take it back)"),
        "hold": say("Hold notebooks back"),
        "hold nothing": say("Hold nothing back"),
        "held": say("held back"),
        "release": say("Release notebook {number}"),
        "release none": say("Everything is released"),
        "with names": say("Show names"),
        "without names": say("Hide names"),
        "how to join": say("Show how to join"),
        "hide join": say("Hide how to join"),
        "notebook": say("{title}: {planned} minutes planned, done by {done}"),
        "failed": say("checked {count} times without success"),
        "minutes": say("{count} min at this step"),
        "nobody": say("Nobody."),
        "guessed": say("{guessed} of {all} have guessed, {seen} have seen what happened"),
        "no guesses": say("Nobody has guessed yet."),
        "older": say("{count} older ones"),
        "show": say("Show the answers now"),
        "head who": say("who"),
        "head where": say("notebook and section"),
        "head min": say("minutes here"),
        "head all min": say("minutes in all"),
        "head passed": say("steps passed"),
        "head state": say("state"),
        "of": say("{used} of {planned}"),
        "here": say("at work"),
        "away": say("at a break"),
        "gone": say("not heard of"),
        "quiet": say("{count} min without a cell"),
        "remove": say("Remove"),
        "sure": say("Remove {name} from the class?"),
        "no answer": say("The class's server does not answer, since {since}."),
        "no token": say("Open the address that `lab class serve` has printed: it has the trainer's token in it."),
    }
