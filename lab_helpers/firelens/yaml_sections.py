"""A configuration in YAML as the sections that a classic one would have, and the files that it includes.

A list of texts is a key that is there several times. A text that is no YAML has no section.
Not modelled: `${NAME}` stays as it is written; maps below a plugin (processors, routes) are left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from lab_helpers.firelens.classic import Section
from lab_helpers.firelens.yaml_text import LISTS, Pair, YamlText

_OTHERS = {"parsers": "PARSER", "multiline_parsers": "MULTILINE_PARSER"}


def sections_in_yaml(text: str, opened: Callable[[str], list[Section]] = lambda _: []) -> list[Section]:
    """Return inputs, filters, outputs and parsers in their order; `opened` gives the sections of an included file."""
    found: list[Section] = []
    document = YamlText(text)
    for each in document.sections:
        if each.name == "includes":
            found += [section for path in each.texts for section in opened(path)]
        elif each.name == "service":
            found.append(_section("SERVICE", each.pairs))
        elif each.name == "pipeline":
            found += [section for kind in each.pairs for section in _listed(LISTS.get(kind.name, ""), kind)]
        elif each.name in _OTHERS:
            found += _listed(_OTHERS[each.name], each)
    return found


def includes_in_yaml(text: str) -> list[str]:
    """Return the files that it includes, as it names them."""
    return [path for each in YamlText(text).sections if each.name == "includes" for path in each.texts]


def _listed(kind: str, pair: Pair) -> list[Section]:
    return [_section(kind, pairs) for pairs in pair.members] if kind else []


def _section(kind: str, pairs: list[Pair]) -> Section:
    named = [(_key(pair.key.text), text) for pair in pairs for text in pair.texts]
    return Section(kind, dict(named), tuple(f"    {key} {text}" for key, text in named))


def _key(key: str) -> str:
    """Return `read_from_head` for `readFromHead`."""
    if "_" in key or not key[:1].islower():
        return key.lower()
    return re.sub(r"[A-Z]", lambda found: "_" + found[0].lower(), key)
