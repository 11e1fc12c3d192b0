"""The doctor: what is there, what is missing for which backend, how to get it here, and its exit status."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab_helpers import preflight
from lab_helpers.base import config, remedies
from lab_helpers.base.remedies import Machine
from lab_helpers.cli.main import main as cli
from lab_helpers.images.engines import Engine


@pytest.fixture(autouse=True)
def nothing_of_aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No credentials anywhere, no engine, a state folder of its own."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("LAB_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(preflight, "find_engine", lambda names: None if names else Engine("docker"))


def row(part: str, **settings: str) -> dict[str, object]:
    found = preflight.inspect(config.load({}, **settings)).set_index("part").loc[part]
    return {str(name): value for name, value in found.items()}


def test_local_backend_needs_no_engine_and_no_credentials() -> None:
    """Everything that is not installed has a stand-in."""
    found = preflight.inspect(config.load({}))
    assert found["ok"].all()
    assert "credentials" not in set(found["part"])


def test_an_account_needs_an_engine_and_says_how_to_get_one() -> None:
    """The row names what was looked for and what to install on this machine."""
    builder = row("image builder", backend="aws")
    assert builder["ok"] is False or not builder["ok"]
    assert "docker, podman, buildah" in str(builder["remark"])
    assert remedies.remedy("builder") in str(builder["remark"])


def test_missing_credentials_say_how_to_log_in() -> None:
    """Without credentials the account is not guessed."""
    assert "aws configure sso" in str(row("credentials", backend="aws")["remark"])
    assert row("account", backend="aws")["uses"] == "unknown"


@pytest.mark.parametrize(("backend", "status"), [("local", 0), ("aws", 1)])
def test_exit_status_is_for_scripts(backend: str, status: int, capsys: pytest.CaptureFixture[str]) -> None:
    """0 when this backend can run, 1 when something is missing; what is missing is printed."""
    assert cli(["doctor", "--backend", backend]) == status
    assert ("missing." in capsys.readouterr().out) is bool(status)


@pytest.mark.parametrize(
    ("system", "release", "machine"),
    [
        ("Linux", "6.8.0-generic", Machine.LINUX),
        ("Linux", "5.15.167.4-microsoft-standard-WSL2", Machine.WSL),
        ("Darwin", "24.0.0", Machine.MACOS),
    ],
)
def test_machines_are_told_apart(system: str, release: str, machine: Machine) -> None:
    """WSL is a Linux whose kernel Microsoft built."""
    assert remedies.this_machine(system, release) is machine


@pytest.mark.parametrize("machine", Machine)
def test_every_part_has_a_remedy_everywhere(machine: Machine) -> None:
    """No machine is left without a way."""
    for part in ("python", "terraform", "provider", "httpd", "router", "builder", "account", "aws"):
        assert len(remedies.remedy(part, machine)) > 10
