"""Which resource needs which, read from the `.tf` files: what `terraform graph` would say, without running it.

Not modelled: modules, for_each by instance (a resource is one node).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

_BLOCK = re.compile(r'^(resource|data)\s+"(\w+)"\s+"(\w+)"\s*\{|^(locals)\s*\{', re.MULTILINE)
_COMMENT = re.compile(r"(?m)^\s*#.*$|\s#\s.*$")
_LOCAL = re.compile(r"(?m)^  (\w+)\s*=")


def dependencies(folder: Path) -> dict[str, frozenset[str]]:
    """Return each resource's address with the addresses that its block names, through data sources and locals too."""
    bodies = _bodies("\n".join(path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.tf"))))
    named = {name: _named(name, body, bodies) for name, body in bodies.items()}
    resources = {name for name in bodies if not name.startswith(("data.", "local."))}
    return {name: frozenset(_resources(name, named, resources)) for name in sorted(resources)}


def layers(needs: Mapping[str, frozenset[str]]) -> dict[str, int]:
    """Return for each resource how many must be there before it, one after the other; 0: none."""
    found: dict[str, int] = {}

    def depth(name: str) -> int:
        if name not in found:
            found[name] = 0  # a circle would be Terraform's error, not ours
            found[name] = max((depth(other) + 1 for other in needs.get(name, ()) if other in needs), default=0)
        return found[name]

    for name in needs:
        depth(name)
    return found


def waited_for(needs: Mapping[str, frozenset[str]]) -> dict[str, int]:
    """Return for each resource how many cannot be made before it, whether they name it or something that needs it."""
    return {name: len(_behind(name, needs)) for name in needs}


def _behind(name: str, needs: Mapping[str, frozenset[str]]) -> set[str]:
    found, waiting = set[str](), [name]
    while waiting:
        before = waiting.pop()
        for other in [each for each, named in needs.items() if before in named and each not in found]:
            found.add(other)
            waiting.append(other)
    return found


def _bodies(text: str) -> dict[str, str]:
    text = _COMMENT.sub("", text)
    heads = list(_BLOCK.finditer(text))
    bodies: dict[str, str] = {}
    for head in heads:
        body = text[head.end() : text.find("\n}", head.end())]
        if head[4]:
            parts = _LOCAL.split(body)
            bodies |= {f"local.{name}": value for name, value in zip(parts[1::2], parts[2::2], strict=True)}
        else:
            prefix = "data." if head[1] == "data" else ""
            bodies[f"{prefix}{head[2]}.{head[3]}"] = body
    return bodies


def _named(own: str, body: str, known: Mapping[str, str]) -> set[str]:
    words = set(re.findall(r"\b(?:data\.)?\w+\.\w+", body))
    return {word for word in words if word in known and word != own}


def _resources(name: str, named: Mapping[str, set[str]], resources: set[str]) -> set[str]:
    """What a block needs, with data sources and locals replaced by what those need."""
    found, waiting, seen = set[str](), list(named[name]), {name}
    while waiting:
        other = waiting.pop()
        if other in seen:
            continue
        seen.add(other)
        if other in resources:
            found.add(other)
        else:
            waiting += named[other]
    return found
