"""A LAB_HOME that is none: one sentence, no traceback."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab_helpers.cli.main import main


@pytest.mark.parametrize("command", ["up", "down", "status"])
def test_a_home_that_is_a_file(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is wrong, where, and what LAB_HOME has to be."""
    home = tmp_path / "home"
    home.write_text("a file")
    monkeypatch.setenv("LAB_HOME", str(home))
    assert main([command]) == 1
    said = capsys.readouterr().err
    assert said.startswith("lab: Not a directory")
    assert str(home) in said
    assert said.count("\n") == 1
