"""The one place where the log router is started outside of tasks."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest

from lab_helpers.base.errors import MissingToolError
from lab_helpers.firelens import running

PACKAGE = Path(running.__file__).parents[1]
HELLO = '[INPUT]\n    Name dummy\n    Dummy {"log": "hello"}\n    Samples 1\n[OUTPUT]\n    Name stdout\n    Match *\n'


def test_what_it_prints_and_how_it_ends() -> None:
    """A record comes out, SIGTERM ends it in order, stopping twice is nothing."""
    with running.running(HELLO, os.environ, "builtin") as router:
        router.wait(lambda: "hello" in router.out, 20.0, "the record")
        assert not router.has_ended
        router.stop()
        router.stop()
        assert router.exit_code == 0
        assert "caught signal (SIGTERM)" in router.err


def test_a_refusal_is_in_the_routers_words() -> None:
    """A configuration that it does not take ends it before anything is waited for."""
    with running.running("[OUTPUT]\n    Name nul\n    Match *\n", os.environ, "builtin") as router:
        router.wait(lambda: False, 20.0, "nothing")
        assert "tried to instance a plugin name that doesn't exist" in str(router.refusal())


def test_which_router_there_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The real one where it is on PATH, unless the built-in one is asked for; asked for and missing is an error."""
    monkeypatch.setenv("PATH", str(tmp_path))
    builtin = [sys.executable, "-m", "lab_helpers.router"]
    assert running.command() == running.command("builtin") == builtin
    with pytest.raises(MissingToolError):
        running.command("fluent-bit")
    real = tmp_path / "fluent-bit"
    real.write_text("#!/bin/sh\n")
    real.chmod(0o755)
    assert running.command() == running.command("fluent-bit") == [str(real)]
    assert running.command("builtin") == builtin


def test_nobody_else_knows_how_the_router_is_started() -> None:
    """Its module's name stands in a command line once."""
    found = [path for path in PACKAGE.rglob("*.py") if re.search(r'"-m", "lab_helpers\.router', path.read_text())]
    assert found == [Path(running.__file__)]
