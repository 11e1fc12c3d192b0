"""A notebook's kernel in a class: which section a cell is in, and a sentence that comes between two cells."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

from lab_helpers.base.wait import wait_until
from lab_helpers.classroom import member
from lab_helpers.classroom.serving import open_class
from lab_helpers.classroom.syllabus import lessons

pytestmark = pytest.mark.timeout(180)

NOTEBOOK = "04_traffic"
OPENING = f"""
from lab_helpers.base import config
from lab_helpers.strip import Strips
strips = Strips(config.load(), "{NOTEBOOK}")
strips.begin()
"""


@pytest.fixture
def kernel(tmp_path: Path) -> Iterator[BlockingKernelClient]:
    """A kernel of a trainee whose state folder is `tmp_path / "mia"`."""
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(env={**os.environ, "LAB_HOME": str(tmp_path / "mia")})
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=90)
        yield client
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def run(client: BlockingKernelClient, code: str, cell: str) -> None:
    """Run a cell as JupyterLab does: the request names it."""
    asked = client.session.msg("execute_request", {"code": code, "silent": False}, metadata={"cellId": cell})
    client.shell_channel.send(asked)
    answer = client.get_shell_msg(timeout=90)
    assert answer["content"]["status"] == "ok", answer["content"]


def test_a_kernel_takes_part(kernel: BlockingKernelClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The trainer sees notebook and section of the newest cell; their sentence is put into the strip by itself."""
    monkeypatch.setattr("lab_helpers.classroom.server.EVERY_S", 2)
    with open_class(tmp_path / "trainer", port=0) as server:
        member.join(tmp_path / "mia", f"http://127.0.0.1:{server.port}", server.room.code, "Mia")
        run(kernel, OPENING, "04-01")
        cell, section = list(lessons()[NOTEBOOK].section_of.items())[-1]
        run(kernel, "1 + 1", cell)

        def place() -> tuple[str, int]:
            report = next(iter(server.room.seats.values())).report
            return report.here, report.section

        wait_until(place, 60, 0.1, "the report", done=lambda found: found == (NOTEBOOK, section))
        server.room.say("Break <b>until</b> four")
        heard = _until_updated(kernel)
    assert "Your trainer says: Break <b>until</b> four" in heard["text/plain"]
    assert "Break &lt;b&gt;until&lt;/b&gt; four" in heard["text/html"]


def _until_updated(client: BlockingKernelClient) -> dict[str, Any]:
    """Return the strip that is put in the place of the one before with a sentence in it."""
    while True:
        message = client.get_iopub_msg(timeout=60)
        data = message["content"].get("data", {})
        if message["msg_type"] == "update_display_data" and "trainer says" in data.get("text/plain", ""):
            return dict(data)
