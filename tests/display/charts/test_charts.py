from __future__ import annotations

import io
from collections.abc import Callable
from itertools import pairwise

import pandas as pd
import pytest
from PIL import Image

from lab_helpers.display.charts import canvas, findings, flow, loss, resource_graph
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
            lambda: findings.requests_over_time(sample()),
            "6 requests in 6 s: 5 answered 2xx, 1 answered 4xx; at most 1 a second",
        ),
        (lambda: findings.task_balance(sample()), "2 tasks share evenly: 3 to 3 of 6 requests"),
        (lambda: findings.task_balance(sample(requests=1)), "One task served the only request"),
        (
            lambda: findings.health_checks_and_traffic(sample()),
            "2 of 8 requests (25%) look like health checks; a visitor of / looks the same",
        ),
        (
            lambda: findings.latency(hops(1, 2, 9)),
            "Half of the lines are in CloudWatch after 2 s, in S3 after 20 s",
        ),
        (
            lambda: findings.object_sizes(delivered(60, 61, 59), 60),
            "3 objects, half of them closed within 60 s: by the interval, not by size",
        ),
        (lambda: findings.requests_over_time(frames.empty()), "No requests in these lines"),
        (lambda: findings.task_balance(frames.empty()), "No requests in these lines"),
        (
            lambda: findings.health_checks_and_traffic(frames.empty()),
            "0 of 0 requests (0%) look like health checks; a visitor of / looks the same",
        ),
        (lambda: findings.latency(hops()), "No line has arrived yet"),
        (lambda: findings.object_sizes(delivered()), "No objects were delivered"),
        (lambda: findings.object_sizes(delivered(60), 60), "1 object, closed after 60 s"),
    ],
)
def test_the_title_states_the_finding(chart: Callable[[], findings.Chart], title: str) -> None:
    """Title and text say what the picture shows, also for frames without rows."""
    made = chart()
    assert made.title == title
    assert str(made).startswith(title)


def test_the_picture_has_a_ground_of_its_own() -> None:
    """It is opaque, so that its contrast is the same in light and in dark themes; text has 4.5 to 1 or more."""
    made = findings.requests_over_time(sample())
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
    data, metadata = findings.requests_over_time(sample())._repr_mimebundle_()
    assert set(data) == {"image/png", "text/plain"}
    assert metadata["image/png"]["width"] == 750
    assert metadata["image/png"]["alt"].startswith("6 requests in 6 s")


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
    made = findings.requests_over_time(frames.to_frame([records.read(ndjson(*map(record, texts)))[0]]))
    assert len(made.title) > canvas.TITLE_WIDTH
    picture = Image.open(io.BytesIO(made.png)).convert("L")
    assert picture.crop((picture.width - 4, 0, picture.width, picture.height)).getextrema() == (255, 255)


@pytest.mark.parametrize(
    "made",
    [
        findings.task_balance(sample()),
        findings.object_sizes(delivered(60, 60, 60, 60), 60),
        findings.latency(hops(1)),
        loss.gaps([0], 2),
        loss.memory(pd.DataFrame({"seconds": [0.0], "mib": [3.0]}), 50),
    ],
    ids=["two bars", "four objects in one place", "one request", "two lines", "one sample"],
)
def test_fewer_than_three_dots_are_a_sentence(made: findings.Chart) -> None:
    """No picture, but what it would have said."""
    data, metadata = made._repr_mimebundle_()
    assert set(data) == {"text/plain"}
    assert not metadata
    assert made.title


def test_lines_that_are_no_requests_are_named() -> None:
    """Apache's own notices are neither traffic nor health checks: 301 is not 305."""
    texts = [request_line("r-1"), HEALTH_CHECK, "[mpm_event:notice] AH00489: resuming normal operations"]
    found = findings.health_checks_and_traffic(frames.to_frame([records.read(ndjson(*map(record, texts)))[0]]))
    assert found.title.startswith("1 of 2 requests (50%)")
    assert "lines that are no requests: 1" in found.text


def test_gaps_are_runs_of_numbers() -> None:
    """What is missing is counted, and what came twice; foreign numbers are not."""
    made = loss.gaps([0, 1, 1, 5, 9, 99, -1], 10)
    assert made.title == "4 of 10 lines arrived; 6 are missing, 1 came more than once"
    assert "gaps: 2" in made.text
    assert made.png


def test_firehose_counts_whole_steps_of_5_kb() -> None:
    """A short record costs as much as one of 5 KB; objects cost by their number."""
    month = 1e6
    assert loss.firehose_cost(month, 382, 0.036) == loss.firehose_cost(month, 5120, 0.036)
    assert loss.firehose_cost(month, 5121, 0.036) == pytest.approx(2 * loss.firehose_cost(month, 1, 0.036))
    assert loss.objects_cost(3600, 60, 0.005) == pytest.approx(60 * 0.005 / 1000)
    assert loss.cost(month, [100, 5000, 9000], [60], 0.036, 0.005).png


def test_flow_marks_what_happened() -> None:
    """Title and text say how much was held, and when what was marked."""
    at = pd.date_range("2026-02-03T04:05:06Z", periods=4, freq="s")
    series = pd.DataFrame(
        {"at": at, "alb": 0, "cloudwatch": [0, 10, 20, 20], "firehose": [0, 10, 20, 20], "s3": [0, 0, 0, 20]}
    ).assign(held=[0, 10, 20, 0])
    marks = pd.DataFrame({"at": [at[1]], "what": ["broken"]})
    made = flow.flow(series, marks)
    assert made.title == "Firehose has taken 20 lines and delivered 20: at most 20 were held"
    assert "broken: 1 s" in made.text
    assert "it holds 20" in flow.flow(series.head(3)).title
    assert not flow.flow(series.head(2)).png


def test_a_late_mark_is_named_on_its_left() -> None:
    """What happened shortly before the end has its text within the chart, too."""
    at = pd.date_range("2026-02-03T04:05:06Z", periods=4, freq="s")
    marks = pd.DataFrame({"at": [at[1], at[3]], "what": ["broken", "healed"]})
    with canvas.canvas("flow") as (axes, _):
        assert flow._draw_marks(axes, marks, at[0], 3.0) == 2
        sides = {text.get_text(): text.get_horizontalalignment() for text in axes.texts}
    assert sides == {"broken": "left", "healed": "right"}


def test_the_graph_shows_what_is_made() -> None:
    """Every resource of the configuration is in it; an index counts for its resource, which waits for all of them."""
    needs = {"aws_vpc.lab": frozenset[str](), "aws_subnet.public": frozenset({"aws_vpc.lab"})}
    states = {"aws_vpc.lab": "made", 'aws_subnet.public["a"]': "made", 'aws_subnet.public["b"]': "working"}
    made = resource_graph.built(needs, states)
    assert made.title == "1 of 2 resources are made, 1 are being made, 0 failed"
    fill, letter = resource_graph._FILL, resource_graph._LETTER
    assert all(contrast(fill[state], letter[state]) >= 4.5 for state in fill)
    assert len(set(fill.values())) == len(fill)


def test_the_graph_names_what_it_cuts_apart() -> None:
    """Of a long kind the end goes, not the name: two buckets' settings stay apart. What belongs together is near."""
    kind = "aws_s3_bucket_server_side_encryption_configuration"
    assert [resource_graph._short(f"{kind}.{name}") for name in ("firelens", "alb_log")] == [
        "s3_bucket_server_s….firelens",
        "s3_bucket_server_si….alb_log",
    ]
    needs = {name: frozenset[str]() for name in ("a.1", "a.2")} | {
        "b.1": frozenset({"a.2"}),
        "b.2": frozenset({"a.1"}),
    }
    assert resource_graph._columns(needs) == [["a.1", "a.2"], ["b.2", "b.1"]]
