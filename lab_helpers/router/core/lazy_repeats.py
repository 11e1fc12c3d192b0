r"""Lazy repeats that run to the letter they wait for: `[^"]*?` before a blank or a quote asks at these, not at each.

`X*?T` finds what `X'*+(?:XX'*+)*?T` finds, X' being X without the letters that T may begin with: in front of any other
letter T fails, so X has to take it. `re` asks T at every letter, which is most of the time that parsers of access
logs take. Only what is surely so is written anew; a pattern with look-around or atomic groups stays as it is.
"""

from __future__ import annotations

import re

_TOKEN = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\((?:\?(?:P<\w+>|:))?|[*+?][?+]?|\{\d*,?\d*\}[?+]?|.", re.S)
_UNSURE = re.compile(r"\(\?(?!P<|:)|[*+?}]\+|&&|\|\||--|~~")
# look-around, flags, atomic groups, possessive repeats; what Python will one day read as operations on classes
_QUANTIFIERS = ("*", "+", "?", "{")
_MAY_BE_NONE = ("*", "?", "{0", "{,")
_CONTROLS = frozenset("tnrfv")


def with_running_repeats(pattern: str) -> str:
    """Return a pattern of `re`, with neither IGNORECASE, VERBOSE nor DOTALL, that finds the same in less time."""
    if _UNSURE.search(pattern):
        return pattern
    tokens = _TOKEN.findall(pattern)
    written: list[str] = []
    for at, token in enumerate(tokens):
        repeat = tokens[at - 1] if at else ""
        one = tokens[at - 2] if at > 1 else ""
        first = _first_letters(tokens[at:]) if repeat in ("*?", "+?") and _can_be_cut(one) else None
        if first:
            written[-2:] = [_running(one, repeat, first)]
        written.append(token)
    return "".join(written)


def _can_be_cut(one: str) -> bool:
    return one == "." or (one.startswith("[^") and not one.endswith("-]"))


def _running(one: str, repeat: str, first: str) -> str:
    others = (r"[^\n" if one == "." else one[:-1]) + first + "]"
    return f"{one if repeat == '+?' else ''}{others}*+(?:{one}{others}*+)*?"


def _first_letters(tokens: list[str]) -> str | None:
    """Return the letters that the tokens must begin with, as a class has them; None where that is not known.

    A bracket that closes belongs to a group that began before the tokens. What may be empty begins with nothing.
    """
    letters, may_be_empty = _first_of(tokens)
    return None if may_be_empty else letters


def _first_of(tokens: list[str]) -> tuple[str | None, bool]:
    """Return (letters, whether nothing at all would do, too); letters are None where they are not known."""
    letters, at = "", 0
    more: str | None
    while at < len(tokens):
        token = tokens[at]
        if token == ")":
            more, is_passed, end = "", True, at
            if tokens[at + 1 : at + 2] and tokens[at + 1].startswith(("*", "+", "{")):
                return None, True  # what the group begins with may follow, too
        elif token.startswith("("):
            end = _closing(tokens, at)
            inside = tokens[at + 1 : end]
            more, is_passed = (None, True) if "|" in inside else _first_of(inside)
        else:
            more, is_passed, end = _letters_of(token), False, at
        if more is None:
            return None, True
        letters += more
        at = end + 1
        if at < len(tokens) and tokens[at].startswith(_QUANTIFIERS):
            is_passed = is_passed or tokens[at].startswith(_MAY_BE_NONE)
            at += 1
        if not is_passed:
            return letters, False
    return letters, True


def _closing(tokens: list[str], at: int) -> int:
    """Return the place of the bracket that closes the group which begins here."""
    depth = 0
    for place in range(at, len(tokens)):
        depth += tokens[place].startswith("(") - (tokens[place] == ")")
        if not depth:
            return place
    return len(tokens)


def _letters_of(token: str) -> str | None:
    """Return the letters that one token stands for, as a class has them; None where they are not known."""
    if token.startswith("["):
        inside = token[1:-1]
        return None if inside.startswith(("^", "]", "-")) or inside.endswith("-") else inside
    if token.startswith("\\"):
        return None if token[1].isalnum() and token[1] not in _CONTROLS else token
    return None if token in ("|", ".", "^", "$") else re.escape(token)
