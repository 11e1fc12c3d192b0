"""What is known of outputs that lead outside AWS: their options, where they send to, what they do not start without.

`outputs.json`, by plugin: `options` in the order in which a refusal names them (NAME KIND, `*` where it may be there
more than once, then the default), `host` and `port` as they are by default (`plain_port`: without TLS), `tls` (always,
never; else as the configuration says), `needs` (one of these has to be set) and `missing` (what is said where none
is), `any_option` where the plugin looks at no names.
Source: Fluent Bit 5.1.1, plugins/out_*. Not modelled: other conditions that some options set for others.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from lab_helpers.router.core.options import Kind, Option

_FILE = Path(__file__).with_name("outputs.json")


@dataclass(frozen=True)
class Outside:
    """One plugin; `port` is None where there is no port of its own."""

    name: str
    options: tuple[Option, ...]
    host: str = ""
    port: int | None = None
    plain_port: int | None = None
    tls: str = ""
    needs: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    any_option: bool = False

    def uses_tls(self, wanted: bool) -> bool:
        """Whether it speaks TLS where the configuration wants it or not."""
        return self.tls == "always" or (wanted and self.tls != "never")


@cache
def outsides() -> Mapping[str, Outside]:
    """Return all plugins by name."""
    read: dict[str, dict[str, Any]] = json.loads(_FILE.read_text(encoding="utf-8"))
    return {name: _outside(name, facts) for name, facts in read.items() if name != "//"}


def _outside(name: str, facts: Mapping[str, Any]) -> Outside:
    options = tuple(map(_option, facts["options"]))
    given: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in facts.items()}
    return Outside(name=name, **{**given, "options": options})


def _option(text: str) -> Option:
    name, kind, *default = text.split(" ", 2)
    return Option(
        name, Kind[kind.removesuffix("*")], default=default[0] if default else None, multiple=kind.endswith("*")
    )
