"""What [SERVICE], the parsers files and the process environment hand to all parts of one router."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lab_helpers.router.core.log import Sink

NO_COMMANDS = "LAB_ROUTER_NO_COMMANDS"
"""Set in the environment, it forbids the router to run commands of its configuration: that is somebody else's."""

PASSES_WAITS = "LAB_ROUTER_PASSES_WAITS"
"""Set in the environment, a router that is stopping passes over the time in which nothing but a timer would happen: the
second between two looks, and that before a retry. It does what it would have done, as often, only sooner."""


@dataclass
class Section:
    """One section of a configuration file: its heading in lower case and its pairs in order, as written.

    `value` of a pair is text; in YAML it may also be a list or a map (processors, multi-line rules).
    """

    name: str
    pairs: list[tuple[str, Any]] = field(default_factory=list)

    def get(self, key: str, default: str = "") -> str:
        """Return the value of the last pair with this key (letter case does not matter)."""
        wanted = key.lower()
        for name, value in reversed(self.pairs):
            if name.lower() == wanted:
                return str(value)
        return default

    def all(self, key: str) -> list[str]:
        """Return the values of all pairs with this key, in order."""
        return [str(value) for name, value in self.pairs if name.lower() == key.lower()]


@dataclass
class Service:
    """The router's settings.

    `flush_s`, `grace_s`, `retry_base_s` and `retry_cap_s` are seconds. `parsers` and `multiline_parsers` are the
    [PARSER] and [MULTILINE_PARSER] sections by their Name, uninterpreted: the plugins that use them build them.
    """

    flush_s: float = 1.0
    grace_s: int = 5
    retry_base_s: int = 5
    retry_cap_s: int = 2000
    escape_unicode: bool = True
    storage_path: str = ""
    storage_max_chunks_up: int = 128
    storage_sync: str = "normal"
    storage_metrics: bool = True
    storage_delete_irrecoverable: bool = False
    http_server: bool = False
    http_listen: str = "0.0.0.0"
    http_port: int = 2020
    health_check: bool = False
    health_errors: int = 5
    health_retry_failures: int = 5
    health_period_s: int = 60
    parsers: dict[str, Section] = field(default_factory=dict)
    multiline_parsers: dict[str, Section] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    config_dir: str = ""
    streams_file: str = ""
    external_plugins: frozenset[str] = frozenset()
    sink: Sink = field(default_factory=Sink)
