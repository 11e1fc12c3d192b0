"""A pytest plugin for suites of others: a fresh local AWS for each test, and one JSON line for each outcome.

It runs in the suite's own Python and imports nothing of the lab. `LAB_TRUTH` is a JSON object: `python` and `root` of
the lab, `folder` to work in, `outcomes` to write to, `suite`, and `limit` (0: none).
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest

READY_S = 180
_ASKED = json.loads(os.environ["LAB_TRUTH"])
_FOLDER = Path(_ASKED["folder"])


class _Servers:
    """One server at a time, at one address and with one pair of keys: clients of a whole session go on working."""

    def __init__(self) -> None:
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            self.port = found.getsockname()[1]
        self._base = _FOLDER / "base"
        self._process = None
        self.keys = self.start(self._base)
        self.stop()

    def start(self, folder):
        module = ["-m", "lab_helpers.local_aws", "--data-dir", str(folder), "--port", str(self.port)]
        with (_FOLDER / "server.log").open("a") as log:
            self._process = subprocess.Popen([_ASKED["python"], *module], cwd=_ASKED["root"], stdout=log, stderr=log)
        until = time.monotonic() + READY_S
        while time.monotonic() < until and self._process.poll() is None:
            if (folder / "server.json").exists():
                return json.loads((folder / "server.json").read_text())
            time.sleep(0.05)
        pytest.exit(f"the local AWS did not start: {(_FOLDER / 'server.log').read_text()[-2000:]}", 3)

    def fresh(self):
        """A server without anything in it."""
        self.stop()
        folder = _FOLDER / "now"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self._base, folder)
        self.start(folder)

    def stop(self):
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._process = None


_servers = _Servers()
_ENDPOINT = f"http://127.0.0.1:{_servers.port}"
for _name in [name for name in os.environ if name.startswith("AWS_")]:
    del os.environ[_name]
os.environ.update(
    AWS_ACCESS_KEY_ID=_servers.keys["access_key_id"],
    AWS_SECRET_ACCESS_KEY=_servers.keys["secret_access_key"],
    AWS_ENDPOINT_URL=_ENDPOINT,
    AWS_EC2_METADATA_DISABLED="true",
    AWS_DEFAULT_REGION="us-east-1",
    TEST_SERVER_MODE="true",
    TEST_SERVER_MODE_ENDPOINT=_ENDPOINT,
    MOTO_CALL_RESET_API="false",
    **({"TEST_TARGET": "AWS_CLOUD"} if _ASKED["suite"] == "localstack" else {}),
)


def pytest_configure():
    if _ASKED["suite"] == "moto":
        from moto.core.models import MockAWS

        MockAWS._mock_env_variables = lambda _: None  # signatures are verified: with our keys


def pytest_collection_modifyitems(config, items):
    wanted = items
    if _ASKED["suite"] == "localstack":  # those that were recorded at AWS
        wanted = [item for item in items if item.get_closest_marker("aws_validated")]
    wanted = wanted[: _ASKED["limit"] or None]
    kept = {id(item) for item in wanted}
    config.hook.pytest_deselected(items=[item for item in items if id(item) not in kept])
    items[:] = wanted


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup():
    _servers.fresh()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if report.when == "call" or (report.when == "setup" and report.outcome != "passed"):
        source = call.excinfo.traceback[-1].path if call.excinfo and call.excinfo.traceback else ""
        told = {
            "test": item.nodeid,
            "outcome": report.outcome,
            "error": call.excinfo.typename if call.excinfo else "",
            "text": str(call.excinfo.value)[:2000] if call.excinfo else "",
            "raised_in": str(source),
        }
        with Path(_ASKED["outcomes"]).open("a") as file:
            file.write(json.dumps(told) + "\n")


def pytest_unconfigure():
    _servers.stop()
