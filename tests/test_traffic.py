from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pandas as pd
import pytest

from lab_helpers import traffic
from lab_helpers.base.errors import NoAnswerError, SettingsError
from lab_helpers.base.parallel import Progress
from tests.support.serving import serving


class Page(BaseHTTPRequestHandler):
    """`/` is there, everything else is not, as with the lab's httpd."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(200 if self.path.split("?")[0] == "/" else 404)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    server.daemon_threads = False
    with serving(server) as served:
        yield served


def test_one_row_a_request_with_its_own_id(url: str) -> None:
    """Each request has one id, found again in its path, a status, a UTC time and a duration."""
    seen: list[Progress] = []
    frame = traffic.send(url, 20, 2000, "run7", missing_share=0.25, on_progress=seen.append)
    assert frame["id"].tolist() == [f"run7-{n}" for n in range(20)]
    assert frame["status"].value_counts().to_dict() == {200: 15, 404: 5}
    assert traffic.request_id(frame["path"]).tolist() == frame["id"].tolist()
    assert str(frame["sent_at"].dtype) == "datetime64[us, UTC]"
    assert (frame["elapsed_ms"] > 0).all()
    assert frame["error"].isna().all()
    assert seen[-1] == Progress(20, 20, "requests")


def test_pace_is_kept() -> None:
    """Request n is due n / rate seconds after the start, whatever happened before."""
    planned = list(traffic.plan(5, 10, "a"))
    assert [request.due_s for request in planned] == pytest.approx([0, 0.1, 0.2, 0.3, 0.4])


def test_no_answer_is_a_row_with_its_error() -> None:
    """A refused connection gives a row without status; nothing is raised."""
    frame = traffic.send("http://127.0.0.1:1", 2, 1000, "a")
    assert frame["status"].isna().all()
    assert frame["error"].notna().all()
    assert len(frame) == 2


def test_nothing_to_send_gives_the_same_columns() -> None:
    """Zero requests give an empty frame with all columns and dtypes."""
    frame = traffic.send("http://127.0.0.1:1", 0, 1, "a")
    assert frame.empty
    assert frame.columns.tolist() == traffic.REQUEST_SCHEMA.names
    assert isinstance(frame["status"].dtype, pd.Int16Dtype)


@pytest.mark.parametrize(
    "arguments", [(-1, 1, "a"), (1, 0, "a"), (1, 1, "a b"), (1, 1, "a/b"), (1, 1, ""), (1, 1, "a", 1.5)]
)
def test_impossible_arguments_are_refused(arguments: tuple[int, float, str]) -> None:
    """Counts, rates, shares and run ids that cannot be are refused before anything is sent."""
    with pytest.raises(SettingsError):
        traffic.plan(*arguments)


def test_by_hand_keeps_what_went_out_and_came_back(url: str) -> None:
    """Both texts are whole, with their times; the note gives the same back."""
    made = traffic.by_hand(url, "hand-7")
    assert made.request.splitlines()[0] == "GET /?id=hand-7 HTTP/1.1"
    assert made.status == 200
    assert made.answer.endswith("ok")
    assert made.sent_at <= made.answered_at
    assert traffic.ByHand.of_note(made.as_note()) == made
    assert traffic.by_hand(url).id != traffic.by_hand(url).id


def test_by_hand_says_that_nothing_answers() -> None:
    """A refused connection is an error that names the address and where to look."""
    with pytest.raises(NoAnswerError, match="target_health"):
        traffic.by_hand("http://127.0.0.1:1/")
    with pytest.raises(SettingsError, match="id is"):
        traffic.by_hand("http://127.0.0.1:1/", "a b")
