from __future__ import annotations

from datetime import timedelta

import pytest

from lab_helpers.arrivals import clock_offset
from tests.support.fake_aws import at


@pytest.mark.parametrize(
    ("headers", "offset_s"),
    [({"date": "Sun, 07 Nov 2021 09:20:00 GMT"}, 360), ({"date": "Sun, 07 Nov 2021 09:04:00 GMT"}, -600), ({}, 0)],
)
def test_awss_clock_decides_from_when_on_to_look(headers: dict[str, str], offset_s: int) -> None:
    """The offset of this machine's clock is read off an answer; where none tells, the clock is taken to be right."""
    answer = {"ResponseMetadata": {"HTTPHeaders": headers}}
    assert clock_offset(answer, at(14)) == timedelta(seconds=offset_s)
