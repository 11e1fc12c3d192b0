"""`lab events`: what it prints, and how following it ends."""

from __future__ import annotations

from typing import Any

import pytest

from lab_helpers.backends.local import LocalBackend
from lab_helpers.base.errors import LocalAwsNotRunningError
from lab_helpers.cli import events
from lab_helpers.cli.main import main


def _row(number: int, **changes: Any) -> dict[str, Any]:
    row = {
        "number": number,
        "at": "2026-01-31T09:30:00.125+00:00",
        "principal": "arn:aws:iam::123456789012:user/lab-operator",
        "action": "logs:CreateLogGroup",
        "resource": f"/group/{number}",
        "outcome": "allowed",
        "message": "",
    }
    return {**row, **changes}


@pytest.fixture(autouse=True)
def calls(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The calls that the local AWS tells of; after one look it is gone."""
    rows: list[dict[str, Any]] = []

    def told(_: LocalBackend, after: int = 0) -> list[dict[str, Any]]:
        if after:
            raise LocalAwsNotRunningError("127.0.0.1", "nothing listens there")
        return rows

    monkeypatch.setattr(LocalBackend, "events", told)
    monkeypatch.setattr(events.time, "sleep", lambda _: None)
    return rows


def test_escape_sequences_of_a_name_do_nothing(calls: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]) -> None:
    """What a caller chose as a name, a terminal shows and does not obey; nor does it make a line of its own."""
    calls.append(_row(1, resource="/a\x1b[2J\nforged", outcome="AccessDenied", message="\x1b]0;title\x07"))
    assert main(["events"]) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "/a\\x1b[2J\\x0aforged" in out
    assert len(out.splitlines()) == 2


def test_denied_shows_refusals_only(calls: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]) -> None:
    """--denied leaves out what worked; --last counts what is left."""
    calls += [_row(number, outcome="AccessDenied" if number % 2 else "allowed") for number in range(1, 7)]
    assert main(["events", "--denied", "--last", "2"]) == 0
    out = capsys.readouterr().out
    assert [name for name in ("/group/1", "/group/2", "/group/3", "/group/5") if name in out] == [
        "/group/3",
        "/group/5",
    ]


def test_nothing_to_show_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    """An empty feed has a sentence, and it differs for refusals."""
    assert main(["events"]) == 0
    assert capsys.readouterr().out == f"{events.NONE}\n"
    assert main(["events", "--denied"]) == 0
    assert capsys.readouterr().out == f"{events.NONE_DENIED}\n"


def test_following_ends_with_a_sentence_when_the_local_aws_is_gone(
    calls: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    """`--follow` does not go on alone: it shows what there was, and says why it ends."""
    calls.append(_row(1))
    assert main(["events", "--follow"]) == 1
    shown = capsys.readouterr()
    assert "/group/1" in shown.out
    assert "does not answer" in shown.err
