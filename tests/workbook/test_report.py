"""The report is handed around: no account number in it, and its figures are those of the run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lab_helpers.base.redact import redact
from lab_helpers.workbook import report

ACCOUNT = "444455556666"


@pytest.mark.parametrize(
    "text", [f"arn:aws:iam::{ACCOUNT}:role/x", f"logs-{ACCOUNT}-eu", f"in {ACCOUNT}. Then", ACCOUNT]
)
def test_an_account_number_is_hidden_wherever_it_stands(text: str) -> None:
    """Alone, in an ARN, in a name, at the end of a sentence."""
    assert redact(text) == text.replace(ACCOUNT, "[AccountID]")


def test_a_number_with_twelve_decimals_is_no_account_number() -> None:
    """Seconds as Python writes them."""
    assert redact("took 28.123456789012 s") == "took 28.123456789012 s"


def test_report_json_is_json_whatever_the_figures_are(tmp_path: Path) -> None:
    """Texts are redacted, numbers are left alone."""
    results = [
        report.NotebookResult("01_a", "passed", 28.123456789012, ""),
        report.NotebookResult("02_b", "failed", 123456789012.0, f"no role in {ACCOUNT}"),
    ]
    report.write_report(tmp_path, results, [], tmp_path / "checks")
    books = json.loads((tmp_path / "report.json").read_text())["notebooks"]
    assert [book["seconds"] for book in books] == [28.123456789012, 123456789012.0]
    assert books[1]["error"] == "no role in [AccountID]"
