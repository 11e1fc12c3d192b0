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
    assert str(table(frame)).splitlines() == ["a  c", "-  -", "1  x", "2", "without any value: b"]


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


def test_a_title_is_as_wide_as_the_page() -> None:
    """It stands above its table and names it: a <caption> would break a question at the width of its answers."""
    shown = table(pd.DataFrame({"your guess": ["S3"]}), "Who isn't asked?")
    assert "<caption" not in shown.html
    assert shown.html.startswith("<div style='text-align:left'><b>Who isn&#x27;t asked?</b></div><table ")
    assert "<table aria-label='Who isn&#x27;t asked?'" in shown.html


def test_numbers_stand_right_with_separators() -> None:
    """In text and in HTML, their heads with them; a port is a name."""
    frame = pd.DataFrame({"what": ["a", "b"], "lines": [20000, 7], "share": [0.5, None], "port": [32768, 80]})
    shown = table(frame)
    assert shown.text.splitlines() == [
        "what   lines  share   port",
        "----  ------  -----  -----",
        "a     20,000    0.5  32768",
        "b          7            80",
    ]
    assert "<th scope='col' style='text-align:right'>lines</th>" in shown.html
    assert "<td style='text-align:right'>20,000</td>" in shown.html


def test_yes_and_no_are_marks() -> None:
    """True is no word of a reader's."""
    assert table(pd.DataFrame({"ok": [True, False]})).text.splitlines()[2:] == ["✔", "✘"]


def test_a_cut_cell_is_whole_under_the_mouse() -> None:
    """Its title has all of it, escaped; a short one has none."""
    shown = table(pd.DataFrame({"line": ["x" * 100 + "'<", "y"]}))
    assert f"title='{'x' * 100}&#x27;&lt;'" in shown.html
    assert shown.html.count("title=") == 1
    assert ("x" * 89 + "…") in shown.text


def test_one_more_row_is_singular() -> None:
    """Eleven rows are ten and one more."""
    assert table(pd.DataFrame({"n": range(11)})).text.endswith("… and one more row")


def test_facts_have_heads() -> None:
    """A screen reader hears what a value is the value of."""
    assert "<th scope='row' style='text-align:left'>at</th>" in facts({"at": 1}).html
