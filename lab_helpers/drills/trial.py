"""Ask the log router about a drill's extra.conf before a task is run with it: its own words come at once."""

from __future__ import annotations

import socket
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from lab_helpers.base.paths import inside
from lab_helpers.drills.stage import CONFIG_FOLDER
from lab_helpers.firelens.classic import sections
from lab_helpers.lab import Lab

_VALUES = {"AWS_REGION": "ap-northeast-1", "LOG_GROUP": "/drill", "DELIVERY_STREAM": "drill"}
_KEYS = {"AWS_ACCESS_KEY_ID": "trial", "AWS_SECRET_ACCESS_KEY": "trial"}


def refused_by_the_router(lab: Lab, conf: str, given: Mapping[str, str]) -> str:
    """Return what the router says against an extra.conf beside the files that are given; empty when it starts."""
    if not sections(conf):
        return ""  # FireLens includes it all the same: the task shows what the router makes of it
    check = replace(
        lab.router_check, env={**lab.router_check.env, **_KEYS, **_VALUES, "EVENTS_PORT": str(_free_port())}
    )
    with tempfile.TemporaryDirectory(prefix="lab-drill-") as name:
        folder = Path(name).resolve()
        (folder / "fluentbit").mkdir()
        for each, text in {**given, "extra.conf": _in_image(conf)}.items():
            inside(folder, "fluentbit", each).write_text(text, encoding="utf-8")
        return check.words(folder, "fluentbit/extra.conf")


def _in_image(conf: str) -> str:
    """Return the configuration with the drills' folder in the place where the check has the image's files."""
    return conf.replace(CONFIG_FOLDER, "/fluent-bit/etc/")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
