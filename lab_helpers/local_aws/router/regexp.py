"""Regular expressions as Fluent Bit writes them (Onigmo, Ruby syntax), on top of `re`.

Ruby's `^` and `$` match at every line, `(?<name>…)` names a group, `/…/im` carries options.
Not modelled: absent operators, `\\g<name>` calls, conditionals; they are refused as a pattern that does not compile.
"""

from __future__ import annotations

import re

_OPTIONS = {"i": re.IGNORECASE, "m": re.DOTALL, "x": re.VERBOSE, "o": re.RegexFlag(0)}
_ESCAPES = {"\\h": "[0-9a-fA-F]", "\\H": "[^0-9a-fA-F]", "\\z": "\\Z", "\\Z": "(?=\\n?\\Z)"}
_POSIX = {
    "alpha": "a-zA-Z", "digit": "0-9", "alnum": "a-zA-Z0-9", "upper": "A-Z", "lower": "a-z", "space": r"\s",
    "xdigit": "0-9a-fA-F", "word": r"\w", "blank": r" \t", "cntrl": r"\x00-\x1f\x7f", "print": r"\x20-\x7e",
    "graph": r"\x21-\x7e", "punct": r"!-/:-@\[-`{-~",
}  # fmt: skip


def compile_pattern(pattern: str) -> re.Pattern[str]:
    """Return the compiled pattern. Raises re.error where it does not compile."""
    body, flags = _split_options(pattern)
    return re.compile(_translate(body), flags | re.MULTILINE)


def _split_options(pattern: str) -> tuple[str, re.RegexFlag]:
    found = re.fullmatch(r"/(.*)/([a-z]*)", pattern, re.S)
    if not found or not set(found.group(2)) <= set(_OPTIONS):
        return pattern, re.RegexFlag(0)
    flags = re.RegexFlag(0)
    for letter in found.group(2):
        flags |= _OPTIONS[letter]
    return found.group(1), flags


def _translate(body: str) -> str:
    body = re.sub(r"(?<!\\)\(\?<(?![=!])", "(?P<", body)
    body = re.sub(r"\\k<(\w+)>", r"(?P=\1)", body)
    body = re.sub(r"\[:(\w+):\]", lambda found: _POSIX.get(found.group(1), found.group(0)), body)
    return re.sub(r"\\.", lambda found: _ESCAPES.get(found.group(0), found.group(0)), body, flags=re.S)
