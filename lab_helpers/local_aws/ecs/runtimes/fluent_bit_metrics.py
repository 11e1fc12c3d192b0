"""What a real Fluent Bit says about its records: `/api/v1/metrics`, where its configuration opens the HTTP server.

Not modelled: an address other than this machine's own.
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException
from pathlib import Path
from typing import Any

from lab_helpers.local_aws.ecs.logs.ledger import ledger_of_metrics
from lab_helpers.local_aws.ecs.ports import LOOPBACK
from lab_helpers.router.config.config_text import ConfigError, read_file
from lab_helpers.router.core.log import ComponentLog, Level, Sink
from lab_helpers.router.core.options import to_flag

DEFAULT_PORT = 2020
ANSWER_S = 1.0
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Metrics:
    """Asks one router; returns what it said last when it answers no more, None while it never has."""

    def __init__(self, config: Path | None) -> None:
        self._port = http_port(config) if config else None
        self._last: dict[str, Any] | None = None

    def __call__(self) -> Mapping[str, Any] | None:
        if self._port is not None:
            try:
                with _DIRECT.open(f"http://{LOOPBACK}:{self._port}/api/v1/metrics", timeout=ANSWER_S) as answer:
                    self._last = ledger_of_metrics(json.load(answer))
            except (OSError, HTTPException, ValueError, KeyError):
                pass  # it starts, ends, or something else is there
        return self._last


def http_port(config: Path) -> int | None:
    """Return the port of the HTTP server that a configuration switches on; None where it does not."""
    try:
        sections = read_file(str(config), ComponentLog(Sink(Level.OFF))).of_kind("service")
    except (ConfigError, OSError):
        return None  # the router itself says what is wrong with it
    found = {key.lower(): str(value) for section in sections for key, value in section.pairs}
    if not to_flag(found.get("http_server", "off")):
        return None
    port = found.get("http_port", str(DEFAULT_PORT))
    return int(port) if port.isdigit() else None
