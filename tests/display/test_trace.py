"""The followed request as it is shown."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from lab_helpers.display.trace import Trace
from lab_helpers.pipeline.trace import Stop

SENT = datetime(2026, 2, 3, 4, 5, 6, 250_000, tzinfo=UTC)
STOPS = (
    Stop("client", "client", SENT, SENT + timedelta(milliseconds=3), "http://lab/", "GET /?id=a <b>"),
    Stop("httpd", "httpd", SENT.replace(microsecond=0), None, "container httpd", "line"),
    Stop("cloudwatch", "CloudWatch Logs", SENT + timedelta(seconds=0.5), None, "group", '{"log": "123456789012"}'),
    Stop("s3", "S3", note="not yet"),
)


def test_a_row_a_stop() -> None:
    """Times are UTC, seconds are counted from the request and never below nought; what is not there has its reason."""
    found = Trace("a", STOPS).stops
    assert found["stop"].tolist() == ["client", "httpd", "CloudWatch Logs", "S3"]
    assert found["seconds"].tolist()[:3] == [0.0, 0.0, 0.5]
    assert found["seconds"].isna().tolist() == [False, False, False, True]
    assert found["note"].iloc[3] == "not yet"
    assert str(found["time"].dtype) == "datetime64[us, UTC]"
    assert not Trace("a", STOPS).is_complete
    assert Trace("a", STOPS[:3]).is_complete


def test_stops_open_without_a_widget() -> None:
    """Each is a `<details>` with the raw text escaped; the picture has its words; account numbers are not shown."""
    page = Trace("a", STOPS)._repr_html_()
    assert page.count("<details>") == 4
    assert "GET /?id=a &lt;b&gt;" in page
    assert "alt='a: in CloudWatch Logs after 0.5 s." in page
    assert "123456789012" not in page
    assert "123456789012" not in str(Trace("a", STOPS))


def test_two_times_make_no_picture() -> None:
    """With fewer than three bars a sentence stands in its place."""
    made = Trace("a", STOPS[::3]).waterfall
    assert not made.png
    assert made.title == "a: in client after 0 s"
