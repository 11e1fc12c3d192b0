"""A recording of the pipeline: one look after the other, none of them half."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

from lab_helpers.base.errors import LabError
from lab_helpers.flow import Recording
from lab_helpers.pipeline.figures import Moment


def test_numbers_are_counted_from_the_first_look() -> None:
    """What was there before is not part of it, but what Firehose held; a failed look is passed over."""
    looks, enough = iter(range(100)), threading.Event()

    def look() -> Moment:
        number = next(looks)
        if number == 1:
            raise LabError("throttled")
        if number > 3:
            enough.set()
        return Moment(datetime.now(UTC), 100 + number, 200 + number, 307 + number, 300, 7 + number)

    with Recording(look, every_s=0.001) as seen:
        seen.mark("begin")
        assert enough.wait(10)
    series = seen.series
    assert series.loc[0, ["alb", "cloudwatch", "firehose", "s3", "held"]].tolist() == [0, 0, 7, 0, 7]
    assert (series["firehose"] == series["s3"] + series["held"]).all()
    assert series["held"].tolist()[:2] == [7, 9]
    assert seen.marks["what"].tolist() == ["begin"]
    assert str(series["at"].dt.tz) == "UTC"


def test_stop_is_safe_before_start_and_twice() -> None:
    """Nothing was seen, nothing hangs; the frame has its columns all the same."""
    seen = Recording(lambda: Moment(datetime.now(UTC), 0, 0, 0, 0, 0))
    seen.stop()
    seen.start()
    seen.stop()
    assert list(seen.series.columns) == ["at", "alb", "cloudwatch", "firehose", "s3", "held"]
