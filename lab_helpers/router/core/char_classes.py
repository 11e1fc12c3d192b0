r"""Character classes of Onigmo in Ruby's syntax, written for `re`.

`\w`, `\d`, `\s`, `\h` are ASCII: no Japanese letter is a `\w`. `[[:alpha:]]` and `\p{Alpha}` are Unicode's. Each is
given as the inside of a `[…]`; Unicode's are asked of the package `regex`, once each.
"""

from __future__ import annotations

import sys
from array import array
from functools import cache
from importlib import import_module

ASCII = {
    "w": "0-9A-Z_a-z", "d": "0-9", "s": r"\t-\r ", "h": "0-9A-Fa-f",
    "W": r"\x00-/:-@\[-\^`{-\U0010ffff", "D": r"\x00-/:-\U0010ffff", "S": r"\x00-\x08\x0e-\x1f!-\U0010ffff",
    "H": r"\x00-/:-@G-`g-\U0010ffff",
}  # fmt: skip
"""What the letter behind a backslash stands for."""
_SHOWN = r"\p{L}\p{M}\p{N}\p{P}\p{S}\p{Cf}\p{Co}"
_BRACKETS = {
    "alpha": r"\p{Alphabetic}", "digit": r"\p{Nd}", "alnum": r"\p{Alphabetic}\p{Nd}", "upper": r"\p{Uppercase}",
    "lower": r"\p{Lowercase}", "space": r"\p{White_Space}", "xdigit": "0-9A-Fa-f", "blank": r"\p{Zs}\t",
    "word": r"\p{Alphabetic}\p{M}\p{Nd}\p{Pc}", "cntrl": r"\p{Cc}", "graph": _SHOWN, "print": _SHOWN + r"\p{Zs}",
    "punct": r"\p{P}$+<=>\^`|~", "ascii": r"\x00-\x7f",
}  # fmt: skip


def of_bracket(name: str, *, negated: bool) -> str | None:
    """Return the members of `[:name:]`; None for a name that is none."""
    members = _BRACKETS.get(name)
    return None if members is None else _ranges(members, negated)


def of_property(name: str, *, negated: bool) -> str | None:
    r"""Return the members of `\p{name}`; None for a name that is none."""
    known = {**_BRACKETS, "punct": r"\p{P}"}
    return _ranges(known.get(name.lower(), rf"\p{{{name}}}"), negated)


@cache
def _ranges(members: str, negated: bool) -> str | None:
    regex = import_module("regex")
    try:
        runs = regex.compile(f"[{'^' * negated}{members}]+")
    except regex.error:
        return None
    return "".join(rf"\U{run.start():08x}-\U{run.end() - 1:08x}" for run in runs.finditer(_every())) or r"^\s\S"


def _every() -> str:
    """Return every character, each at the place of its number."""
    return array("I", range(sys.maxunicode + 1)).tobytes().decode(f"utf-32-{sys.byteorder[0]}e", "surrogatepass")
