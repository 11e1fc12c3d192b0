"""Secrets that were planted are looked for everywhere a run writes: none is in what is handed around, and what holds
state can be read by its owner only."""

from __future__ import annotations

import os
from pathlib import Path

import nbformat
import pytest

from lab_helpers.base import config
from lab_helpers.base.errors import AccessDeniedError, SettingsError
from lab_helpers.base.redact import Redactor, redact
from lab_helpers.workbook import runner

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]

KEY = "AKIAIOSFODNN7CANARY1"
SECRET = "canary/secret/K7MDENG/bPxRfiCYcanarykey12"
TOKEN = "IQoJb3JpZ2luX2VjE" + "canary" * 12 + "=="
ACCOUNT = "444455556666"
EMAIL = "canary.bird@example.com"
CANARIES = (KEY, SECRET, TOKEN, ACCOUNT, EMAIL)

LEAKS = f"""
import os
import warnings

from lab_helpers import display
from lab_helpers.session import open_lab

lab = open_lab("50_leaks", backend="local")
lab
---
print(os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"], os.environ["AWS_SESSION_TOKEN"])
---
display.facts({{"you are": "arn:aws:sts::{ACCOUNT}:assumed-role/Admin/{EMAIL}"}})
---
{{"Arn": "arn:aws:iam::{ACCOUNT}:user/{EMAIL}", "bucket": "lab-logs-{ACCOUNT}-ap-northeast-1"}}
---
lab.notes.take("who", "arn:aws:iam::{ACCOUNT}:user/{EMAIL}")
lab.check("this holds", True)
---
lab.check("and this does not", False, "arn:aws:iam::{ACCOUNT}:user/{EMAIL} with {KEY}")
"""


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The session's own credentials, as a person with an account has them."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_SESSION_TOKEN", TOKEN)


def notebook(path: Path) -> Path:
    """Write the leaking notebook, with the source of each cell as it is above."""
    cells = [nbformat.v4.new_code_cell(source.strip("\n")) for source in LEAKS.split("---")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    return path


def holders(folder: Path, canary: str) -> list[str]:
    """Return the files below a folder that hold a canary, in whatever encoding of text."""
    raw = canary.encode()
    return [str(path) for path in folder.rglob("*") if path.is_file() and raw in path.read_bytes()]


@pytest.mark.usefixtures("planted")
def test_no_canary_is_in_what_a_run_leaves(tmp_path: Path) -> None:
    """A failing run that prints everything it should not: its report, pages and executed notebooks hold none of it."""
    settings = config.load({}, home=tmp_path / "home")
    path = notebook(tmp_path / "50_leaks.ipynb")
    run = runner.run_workbook(settings, [path], True, lambda *_: None)
    assert run.results[0].status == "failed"
    assert "CheckFailedError" in run.results[0].error
    left = {canary: holders(run.report.parent, canary) for canary in CANARIES}
    assert left == {canary: [] for canary in CANARIES}
    assert "[AccountID]" in (run.report.parent / "50_leaks.ipynb").read_text()
    in_state = {canary: holders(settings.home, canary) for canary in (KEY, SECRET, TOKEN)}
    assert in_state == {canary: [] for canary in (KEY, SECRET, TOKEN)}
    assert _readable_by_others(tmp_path / "home") == []


def _readable_by_others(home: Path) -> list[str]:
    """Return the files that another user could reach: each folder on the way, and the file, would have to let him."""
    if home.stat().st_mode & 0o077 == 0:
        return []
    return [str(path) for path in home.rglob("*") if path.is_file() and path.stat().st_mode & 0o044]


def test_home_is_closed_to_others(tmp_path: Path) -> None:
    """The lab's folder is 0700 whatever the umask says, so is the notes' folder, and files with state are 0600."""
    before = os.umask(0)
    try:
        config.write_private(config.private_folder(tmp_path / "home" / "aws") / "notes.json", "{}")
    finally:
        os.umask(before)
    assert (tmp_path / "home" / "aws").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "home" / "aws" / "notes.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("canary", [KEY, TOKEN, ACCOUNT, EMAIL])
def test_errors_name_no_secret(canary: str) -> None:
    """AWS's sentences carry the caller's ARN; what an error prints goes into notebooks and terminals."""
    message = f"User: arn:aws:iam::{ACCOUNT}:user/{EMAIL} used {KEY} and {TOKEN}"
    assert canary not in str(AccessDeniedError("PutRecord", "AccessDenied", message))
    assert canary not in str(SettingsError("LAB_X", canary, "something else"))


def test_redaction_keeps_what_only_looks_alike() -> None:
    """Times, digests, ids and image names are no secrets."""
    for text in (
        "1636275600000",
        "sha256:0123456789012345678901234567890123456789012345678901234567890123",
        "task/4f6d2c9a012345678901abcdef012345",
        "image@sha256:abc",
        "from-httpd-firelens-0123456789ab",
    ):
        assert redact(text) == text


def test_told_secrets_are_hidden_by_value() -> None:
    """A secret key has no form of its own: its value is taken from the environment; short values are left alone."""
    hide = Redactor(["short", SECRET])
    assert hide(f"x{SECRET}y short") == "x[secret]y short"
    assert redact(f"aws_secret_access_key = {SECRET}") == "aws_secret_access_key = [secret]"
