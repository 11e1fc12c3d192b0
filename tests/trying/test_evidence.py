"""What a trial left behind, told apart."""

from __future__ import annotations

from typing import Any

import pytest

from lab_helpers.trying.evidence import Arrived, printed

ONE, TWO = {"date": 1.5, "log": "one"}, {"date": 1.5, "log": "two"}
AS_PRINTED = '[0] web-firelens-x: [[1796086109.818001000, {}], {"log"=>"one"}]'


@pytest.mark.parametrize(
    ("said", "records"),
    [
        (ONE, [ONE]),
        ('[{"date":1.5,"log":"one"},{"date":1.5,"log":"two"}]', [ONE, TWO]),
        ('{"date":1.5,"log":"one"}{"date":1.5,"log":"two"}', [ONE, TWO]),
        (AS_PRINTED, [AS_PRINTED]),
        ('[{"date":1.5,"log":"on', ['[{"date":1.5,"log":"on']),
        ("[2026/12/01 00:48:36.977864875] [ info] [fluent bit] version=5.1.1", []),
        ("Fluent Bit v5.1.1", []),
        ("[0] is no record", []),
    ],
)
def test_what_stdout_printed_is_told_from_the_routers_own_words(said: Any, records: list[Any]) -> None:
    """All four formats, and a piece of a line that the log driver cut."""
    events = [Arrived("cloudwatch", "router", "try/log_router/1", said)]
    assert list(printed(events)) == [Arrived("stdout", "of the router", "try/log_router/1", each) for each in records]
