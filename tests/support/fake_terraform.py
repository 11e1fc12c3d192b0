"""A program that answers like Terraform, from a script: for tests of what drives it.

`FakeTerraform` writes the program; each command's answer is a list of `-json` lines and a status ("apply first": of the
first call only), and every call's arguments and environment are recorded.
"""

from __future__ import annotations

import json
import shlex
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROGRAM = """
    import json, os, pathlib, sys
    home = pathlib.Path(__file__).parent
    command = sys.argv[1]
    with open(home / "calls.jsonl", "a") as calls:
        calls.write(json.dumps({"argv": sys.argv[1:], "env": dict(os.environ), "cwd": os.getcwd()}) + "\\n")
    answers = json.loads((home / "answers.json").read_text())
    answer = answers.get(command, {"lines": [], "status": 0})
    if command + " first" in answers:
        answer = answers.pop(command + " first")
        (home / "answers.json").write_text(json.dumps(answers))
    imports = pathlib.Path("imports.tf")
    if imports.exists():
        (home / "imported.tf").write_text(imports.read_text())
    if command == "init":
        installed = ("providers", "registry.terraform.io", "hashicorp", "aws", "5.100.0", "linux_amd64")
        pathlib.Path(os.environ["TF_DATA_DIR"], *installed).mkdir(parents=True, exist_ok=True)
    for line in answer["lines"]:
        print(line if isinstance(line, str) else json.dumps(line))
    print(answer.get("errors", ""), file=sys.stderr)
    sys.exit(answer["status"])
"""


@dataclass(frozen=True)
class FakeTerraform:
    """A fake in a folder of its own."""

    folder: Path

    @property
    def program(self) -> Path:
        """The path to give as the Terraform to run."""
        return self.folder / "terraform"

    def write(self) -> FakeTerraform:
        """Make the program; it knows its version."""
        self.folder.mkdir(parents=True)
        script = self.folder / "program.py"
        script.write_text(textwrap.dedent(PROGRAM))
        self.program.write_text(f'#!/bin/sh\nexec {shlex.join([sys.executable, str(script)])} "$@"\n')
        self.program.chmod(0o755)
        self._write({})
        self.answer("version", [json.dumps({"terraform_version": "1.11.4", "platform": "linux_amd64"})])
        return self

    def answer(self, command: str, lines: list[Any], status: int = 0, errors: str = "") -> None:
        """Set what a command prints and its exit status."""
        answers = json.loads((self.folder / "answers.json").read_text())
        self._write({**answers, command: {"lines": lines, "status": status, "errors": errors}})

    def calls(self, command: str) -> list[dict[str, Any]]:
        """Return the calls of a command: argv, env, cwd."""
        path = self.folder / "calls.jsonl"
        calls = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        return [call for call in calls if call["argv"][0] == command]

    def imported(self) -> str:
        """Return the import blocks that the last call with any found in its folder."""
        path = self.folder / "imported.tf"
        return path.read_text() if path.exists() else ""

    def _write(self, answers: dict[str, Any]) -> None:
        (self.folder / "answers.json").write_text(json.dumps(answers))
