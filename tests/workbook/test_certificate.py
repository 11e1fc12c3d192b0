"""The certificate: says what was done, any change of it is found, and nothing in it becomes a part of the page."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lab_helpers.base.config import Settings
from lab_helpers.base.errors import CertificateError, SettingsError
from lab_helpers.base.messages import speaking
from lab_helpers.cli.main import main
from lab_helpers.exercises import Progress
from lab_helpers.workbook import certificate

NOW = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)


@pytest.fixture
def issued(tmp_path: Path) -> Path:
    """The certificate of somebody with one step passed and one guess given."""
    progress = Progress(tmp_path)
    progress.solution_seen("01_1")
    progress.attempted("01_1", True)
    progress.guessed("01_match", "all three")
    return certificate.issue(Settings(home=tmp_path), "花子 <b>&amp; Ann", lambda: NOW)


def test_it_says_what_was_done_and_verifies(issued: Path) -> None:
    """Steps, guesses, minutes, how many solutions were seen; whoever has the file can verify it, wherever they are."""
    found = certificate.verify(issued)
    assert (found.name, found.at, found.is_same_page) == ("花子 <b>&amp; Ann", "2026-02-03 04:05:06 UTC", True)
    assert "1 of " in found.total
    assert "1 of the passed steps were passed after a look at the solution" in issued.read_text()
    assert certificate.verify(certificate.issue(Settings(home=issued.parent), "Ann")).key == found.key


def test_in_japanese_it_verifies_for_a_reader_of_english(tmp_path: Path) -> None:
    """The page speaks the language in which it was issued."""
    with speaking("ja"):
        path = certificate.issue(Settings(home=tmp_path), "花子", lambda: NOW)
    assert "さんの記録" in path.read_text()
    assert certificate.verify(path).is_same_page


def test_every_change_is_found(issued: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In what is signed: it does not verify. On the page around it: the page is not to be trusted."""
    text = issued.read_text()
    head, rest = text.split("<script", 1)
    issued.write_text(head + "<script" + rest.replace('"passed": 1', '"passed": 2', 1))
    with pytest.raises(CertificateError, match="was changed after it was issued"):
        certificate.verify(issued)
    issued.write_text(head.replace("1 / 2", "2 / 2", 1) + "<script" + rest)
    assert not certificate.verify(issued).is_same_page
    assert main(["certificate", "--verify", str(issued)]) == 1
    assert "trust the lines above alone" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["", "<html>", '<script type="application/json" id="certificate">[1]</script>'])
def test_what_is_no_certificate_is_told(tmp_path: Path, text: str) -> None:
    """Any file, or none."""
    (tmp_path / "x.html").write_text(text)
    for name in ("x.html", "none.html"):
        with pytest.raises(CertificateError, match="no certificate"):
            certificate.verify(tmp_path / name)


def test_names_become_text_and_odd_ones_are_refused(issued: Path) -> None:
    """No letter of a name opens a tag or ends the script; what cannot be printed, or is too long, is refused."""
    settings = Settings(home=issued.parent)
    text = certificate.issue(settings, "</script><script>alert(1)</script>").read_text()
    assert "<script>alert" not in text
    assert text.count("</script>") == 1
    for name in ("a\x1b[2J", "x" * 81, "a\u202eb", " \n "):
        with pytest.raises(SettingsError, match="letters that can be printed"):
            certificate.issue(settings, name)


def test_escape_sequences_of_a_forged_one_are_not_obeyed(issued: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody with a key of their own can sign any name: the terminal shows it and does nothing else."""
    monkeypatch.setattr(certificate, "_checked", lambda name: name)
    path = certificate.issue(Settings(home=issued.parent), "a\x1b[2Jb")
    assert certificate.verify(path).name == "a�[2Jb"


def test_the_content_can_be_read_by_programs(issued: Path) -> None:
    """A trainer's script finds steps, attempts and guesses as JSON."""
    found = certificate._JSON.search(issued.read_text())
    assert found
    content = json.loads(found[1])["content"]
    assert content["steps"]["01_1"]["solution_seen"] is True
    assert content["guesses"]["01_match"]["chosen"] == "all three"
