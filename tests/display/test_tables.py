from __future__ import annotations

import pandas as pd

from lab_helpers.display import facts, table


def test_at_most_ten_rows_and_a_note() -> None:
    """A long frame shows ten rows and says how many more there are."""
    shown = table(pd.DataFrame({"n": range(12)}), "Numbers", rows=50)
    assert str(shown).splitlines() == ["Numbers", "n", "-", *map(str, range(10)), "… and 2 more rows"]
    assert shown.html.count("<tr>") == 11


def test_empty_columns_go_and_missing_values_are_blank() -> None:
    """A column without any value is left out; a missing value is no text."""
    frame = pd.DataFrame({"a": [1, 2], "b": [None, None], "c": ["x", None]})
    assert str(table(frame)).splitlines() == ["a  c", "-  -", "1  x", "2"]


def test_text_in_cells_is_escaped() -> None:
    """Log lines are foreign text: nothing in them becomes HTML."""
    assert "<script>" not in table(pd.DataFrame({"line": ["<script>"]})).html


def test_no_rows() -> None:
    """A frame without rows shows its columns and says so."""
    assert str(table(pd.DataFrame({"a": []}))).splitlines() == ["a", "-", "no rows"]


def test_facts_and_times() -> None:
    """Named values one a row; times without their zone."""
    shown = facts({"at": pd.Timestamp("2021-11-07T09:14:02Z"), "share": 0.12345}, "Facts")
    assert str(shown).splitlines() == ["Facts", "at     2021-11-07 09:14:02", "share  0.123"]
    assert set(shown._repr_mimebundle_()) == {"text/plain", "text/html"}
