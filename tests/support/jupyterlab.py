"""A JupyterLab that `lab jupyter` starts, and the browser that looks at it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from lab_helpers.base.wait import wait_until
from tests.support.stored_notebooks import LAB

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]  # fmt: skip


@contextmanager
def served(folder: Path, environ: Mapping[str, str], *options: str) -> Iterator[str]:
    """Run JupyterLab with settings and log in `folder`; yield its address. It and the local AWS end with the block."""
    private = {name: str(folder / name) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")}
    env, log = {**os.environ, **private, **environ}, folder / "jupyter.log"
    env.pop("LAB_SCREENSHOTS", None)  # the tests', and no setting of the lab's
    command = [LAB, "jupyter", "--no-browser", "--allow-root", "--port=0", "--IdentityProvider.token=", *options]
    with log.open("wb") as out:
        server = subprocess.Popen(command, env=env, stdout=out, stderr=out)
    try:
        yield wait_until(lambda: _address(log, server), 90, 0.1, "JupyterLab")
    finally:
        server.terminate()
        server.wait(30)
        subprocess.run([LAB, "down"], env=env, check=True, timeout=60)


def _address(log: Path, server: subprocess.Popen[bytes]) -> str:
    assert server.poll() is None, log.read_text()
    found = re.search(r"http://(?:localhost|127\.0\.0\.1):(\d+)/lab", log.read_text())
    if not found:
        return ""
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{found[1]}/api", timeout=2).close()
    except OSError:
        return ""
    return f"http://127.0.0.1:{found[1]}"
