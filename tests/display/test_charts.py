from __future__ import annotations

import io
from collections.abc import Callable
from itertools import pairwise

import pandas as pd
import pytest
from PIL import Image

from lab_helpers.display import canvas, charts
from lab_helpers.logs import frames, records
from tests.support.log_samples import HEALTH_CHECK, TASKS, ndjson, record, request_line


def sample(checks: int = 2, requests: int = 6) -> pd.DataFrame:
    """Requests over six seconds and health checks, dealt out to two tasks; one request asked for a missing page."""
    texts = [request_line(f"r-{n}", n) for n in range(requests)] + [HEALTH_CHECK] * checks
    texts[0] = texts[0].replace(" 200 ", " 404 ")
    made = [record(text, TASKS[n % 2]) for n, text in enumerate(texts)]
    return frames.to_frame([records.read(ndjson(*made))[0]])


def hops(*seconds: float) -> pd.DataFrame:
    return pd.DataFrame({"to_cloudwatch_s": list(seconds), "to_s3_s": [s * 10 for s in seconds]}, dtype=float)


def delivered(*fill_s: float) -> pd.DataFrame:
    return pd.DataFrame({"size": [2048] * len(fill_s), "fill_s": list(fill_s)}).astype({"fill_s": float})


@pytest.mark.parametrize(
    ("chart", "title"),
    [
        (
            lambda: charts.requests_over_time(sample()),
            "6 requests in 6 s: 5 answered 2xx, 1 answered 4xx; at most 1 a second",
        ),
        (lambda: charts.task_balance(sample()), "2 tasks share evenly: 3 to 3 of 6 requests"),
        (lambda: charts.task_balance(sample(requests=1)), "1 task served all 1 requests"),
        (lambda: charts.health_checks_and_traffic(sample()), "2 of 8 lines (25%) are health checks"),
        (
            lambda: charts.latency(hops(1, 2, 9)),
            "Half of the lines are in CloudWatch after 2 s, in S3 after 20 s",
        ),
        (
            lambda: charts.object_sizes(delivered(60, 61, 59), 60),
            "3 objects, half of them closed within 60 s: by the interval, not by size",
        ),
        (lambda: charts.requests_over_time(frames.empty()), "No requests in these lines"),
        (lambda: charts.task_balance(frames.empty()), "0 task served all 0 requests"),
        (lambda: charts.health_checks_and_traffic(frames.empty()), "0 of 0 lines (0%) are health checks"),
        (lambda: charts.latency(hops()), "No line has arrived yet"),
        (lambda: charts.object_sizes(delivered()), "No objects were delivered"),
    ],
)
def test_the_title_states_the_finding(chart: Callable[[], charts.Chart], title: str) -> None:
    """Title and text say what the picture shows, also for frames without rows."""
    made = chart()
    assert made.title == title
    assert str(made).startswith(title)


def test_the_picture_has_a_ground_of_its_own() -> None:
    """It is opaque, so that its contrast is the same in light and in dark themes; text has 4.5 to 1 or more."""
    made = charts.requests_over_time(sample())
    picture = Image.open(io.BytesIO(made.png)).convert("RGBA")
    assert picture.getextrema()[3] == (255, 255)
    assert picture.getpixel((0, 0)) == (255, 255, 255, 255)
    assert contrast(canvas.INK, canvas.GROUND) >= 4.5


def test_neighbours_differ_in_lightness() -> None:
    """Every light shade differs 3 to 1 from every dark one and from the ground; places take them in turn."""
    for light in canvas.LIGHT_SHADES.values():
        assert contrast(light, canvas.GROUND) >= 3
        assert all(contrast(light, dark) >= 3 for dark in canvas.DARK_SHADES.values())
    taken = list(canvas.shades(["green", "orange", "red"]).values())
    assert all(contrast(one, other) >= 3 for one, other in pairwise(taken))


def test_jupyter_gets_a_picture_and_a_text() -> None:
    """Both forms are in the bundle, so that a terminal and a report have something to show."""
    data, metadata = charts.task_balance(sample())._repr_mimebundle_()
    assert set(data) == {"image/png", "text/plain"}
    assert metadata["image/png"]["width"] == 750
    assert metadata["image/png"]["alt"].startswith("2 tasks share evenly")


def contrast(one: str, other: str) -> float:
    """Contrast ratio as WCAG defines it."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    """Relative luminance as WCAG defines it."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_a_long_title_stays_in_the_picture() -> None:
    """A finding with four kinds of answers is set in two lines: nothing is cut off at the right."""
    texts = [
        request_line(f"r-{n}").replace(" 200 ", f" {status} ") for n, status in enumerate((200, 304, 404, 503) * 500)
    ]
    made = charts.requests_over_time(frames.to_frame([records.read(ndjson(*map(record, texts)))[0]]))
    assert len(made.title) > canvas.TITLE_WIDTH
    picture = Image.open(io.BytesIO(made.png)).convert("L")
    assert picture.crop((picture.width - 4, 0, picture.width, picture.height)).getextrema() == (255, 255)


def test_a_span_without_lines_counts_nought() -> None:
    """Between two health checks half a minute apart nothing was logged, and the last span is drawn to its end."""
    times = pd.to_datetime(["2021-11-07T09:14:00Z", "2021-11-07T09:14:30Z"])
    found = charts._without_gaps(pd.DataFrame({"traffic": [3, 1]}, index=times), 10)
    assert found["traffic"].tolist() == [3, 0, 0, 1, 1]
    assert found.index[-1] == times[-1] + pd.Timedelta("10s")
