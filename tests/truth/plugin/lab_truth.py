"""A pytest plugin for suites of others: a fresh local AWS for each test, and one JSON line for each outcome.

It runs in the suite's own Python and imports nothing of the lab. `LAB_TRUTH` is a JSON object: `python` and `root` of
the lab, `folder` to work in, `outcomes` to write to, `suite`, and `limit` (0: none).
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import socket
import subprocess
import sys
import types
from pathlib import Path

import pytest

TEXT_LENGTH = 4000
_ASKED = json.loads(os.environ["LAB_TRUTH"])
_FOLDER = Path(_ASKED["folder"])
_WITHOUT_PATHS = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
"""Of the suite's own Python; the lab's needs none of them."""


class _Servers:
    """One server at a time, at one address and with one pair of keys: clients of a whole session go on working."""

    def __init__(self) -> None:
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            self.port = found.getsockname()[1]
        self._base = _FOLDER / "base"
        self._forks = None
        self.keys = self.start(self._base)
        self._ask("stop")

    def start(self, folder):
        """The keys of a server with what is in `folder`; the one before is stopped."""
        if self._forks is None:
            with (_FOLDER / "server.log").open("a") as log:
                self._forks = subprocess.Popen(
                    [_ASKED["python"], "-m", "tests.truth.forks"], cwd=_ASKED["root"], text=True,
                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, env=_WITHOUT_PATHS,
                )  # fmt: skip
        if self._ask(f"start\t{folder}\t{self.port}") != "up":
            pytest.exit(f"the local AWS did not start: {(_FOLDER / 'server.log').read_text()[-2000:]}", 3)
        return json.loads((folder / "server.json").read_text())

    def fresh(self):
        """A server without anything in it."""
        self._ask("stop")
        folder = _FOLDER / "now"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self._base, folder)
        self.start(folder)

    def end(self):
        """No server any more."""
        self._forks.stdin.close()
        self._forks.wait()

    def _ask(self, line):
        self._forks.stdin.write(line + "\n")
        self._forks.stdin.flush()
        return self._forks.stdout.readline().strip()


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

if _ASKED["suite"] == "localstack" and importlib.util.find_spec("localstack.version") is None:
    # its build writes it; its conftest, which asks for it, is read before pytest_configure
    _made = sys.modules["localstack.version"] = types.ModuleType("localstack.version")
    _made.__version__ = "0"


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
    for module in {item.module for item in wanted if hasattr(item.module, "_endpoint_url")}:
        module._endpoint_url = lambda *_, **__: _ENDPOINT  # LocalStack's s3 tests make AWS's address themselves
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
            "text": _text(call.excinfo.value) if call.excinfo else "",
            "raised_in": str(source),
        }
        with Path(_ASKED["outcomes"]).open("a") as file:
            file.write(json.dumps(told) + "\n")


def _text(error):
    """What an error says; of a recording's mismatch, where it differs from what AWS said."""
    differing = [result for result in getattr(error, "result", None) or [] if not result]
    return "; ".join([str(error), *(f"{result.key}: {result!r}" for result in differing)])[:TEXT_LENGTH]


def pytest_unconfigure():
    _servers.end()
