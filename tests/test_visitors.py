"""Visitors: a day that a seed decides, whose every answer is known."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pandas as pd
import pytest

from lab_helpers import traffic, visitors
from lab_helpers.base.errors import SettingsError
from lab_helpers.base.parallel import Progress
from lab_helpers.visitors import day, people, site
from tests.support.serving import serving


class Shop(BaseHTTPRequestHandler):
    """Answers as the site must, and remembers what it was asked."""

    protocol_version = "HTTP/1.1"
    seen: list[tuple[str, str, str, str]] = []  # noqa: RUF012

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        answer = site.expected(path, query, is_known="If-Modified-Since" in self.headers)
        self.seen.append(
            (self.path, *(self.headers.get(name, "") for name in ("X-Forwarded-For", "User-Agent", "Referer")))
        )
        self.send_response(answer.status)
        body = b"" if answer.status == 304 else b"x" * (answer.size or 7)
        if answer.status != 304:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def url() -> Iterator[str]:
    Shop.seen.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Shop)
    server.daemon_threads = False
    with serving(server) as served:
        yield served


def bare(planned: list[day.Planned]) -> list[tuple[object, ...]]:
    """A plan without what differs between runs."""
    return [each._replace(id="", query=each.query.partition("id=")[0]) for each in planned]


def test_a_seed_decides_the_day() -> None:
    """The same seed gives the same visitors in the same order; another seed gives others."""
    one, again, other = (bare(visitors.plan(seed, 800)) for seed in (1, 1, 2))
    assert one == again
    assert one != other


@pytest.mark.parametrize("count", [1, 7, 500, 3000])
def test_as_many_as_wanted_come(count: int) -> None:
    """Exactly, in the order of their times, within the seconds that were given, each with an id of its own."""
    planned = visitors.plan(3, count, 12.0)
    due = [each.due_s for each in planned]
    assert len(planned) == len({each.id for each in planned}) == count
    assert due == sorted(due)
    assert due[0] >= 0
    assert due[-1] < 12.0


def test_the_day_has_a_shape() -> None:
    """Few come by night, most in the evening."""
    hours = day.truth(visitors.plan(1, 6000))["time"].dt.total_seconds() // 3600
    counts = hours.value_counts()
    assert counts[20] > 5 * counts[3]
    assert counts.idxmax() in (19, 20)


def test_a_part_of_the_day_can_be_played() -> None:
    """Only its minutes come, in as many seconds as wanted."""
    found = day.truth(visitors.plan(1, 400, 5, (600, 660)))["time"]
    assert found.min() >= pd.Timedelta(minutes=600) - pd.Timedelta(seconds=1)
    assert found.max() < pd.Timedelta(minutes=660)


def test_everybody_comes() -> None:
    """Shoppers, people who only ask for `/`, a crawler, a scanner and a monitor; pages, errors and slow searches."""
    truth = day.truth(visitors.plan(1, 5000))
    assert set(truth["kind"]) == set(day.KINDS)
    assert set(truth["status"]) == {200, 304, 404, 500}
    assert truth["path"].nunique() > 30
    assert truth["bytes"].dropna().nunique() > 15
    slow = truth[truth["is_slow"]]
    assert (slow["kind"] == "crawler").mean() > 0.7, "that it is the crawler is what there is to find"
    assert slow["query"].str.contains("sort=price").all()
    homes = truth[truth["kind"] == "home"]
    assert (homes["path"] == "/").all()
    assert (homes["query"] == "").all(), "as a health check asks"
    scanner = truth[truth["kind"] == "scanner"]
    assert (scanner["status"] == 404).all()
    assert scanner["client"].nunique() == 1


def test_a_client_is_one_browser() -> None:
    """No address has two user agents, so that a session can be told by the address."""
    truth = day.truth(visitors.plan(1, 8000))
    assert truth.groupby("client")["user_agent"].nunique().max() == 1
    assert not set(people.MACHINES) & set(truth.loc[truth["kind"].isin(["shopper", "home"]), "client"])


def test_bytes_and_statuses_are_those_of_the_image() -> None:
    """What is expected is read from the pages that the image is built of."""
    assert site.expected("/") == site.Expected(200, 45)
    assert site.expected("/products/3.html").size == (site.HTDOCS / "products/3.html").stat().st_size
    assert site.expected("/.env") == site.Expected(404, None)
    assert site.expected("/checkout/thanks.html", "card=declined").status == 500
    assert site.expected("/assets/app.js", is_known=True) == site.Expected(304, None)
    assert site.expected("/search/", "q=a&sort=price").is_slow
    assert not any(site.expected(page).status == 200 for page in site.ADMIN_PAGES)


def test_what_is_sent_is_the_plan(url: str) -> None:
    """Each request arrives once with its client, browser and referrer, and gets what the truth says."""
    seen: list[Progress] = []
    made = visitors.visit(url, seed=5, requests=300, seconds=0.5, run_id="v5", on_progress=seen.append)
    assert made.sent["id"].tolist() == made.truth["id"].tolist() == [f"v5-{n}" for n in range(300)]
    assert made.sent["status"].tolist() == made.truth["status"].tolist()
    assert made.sent["error"].isna().all()
    assert sorted(found[0] for found in Shop.seen) == sorted(made.sent["path"])
    wanted = sorted(zip(made.truth["client"], made.truth["user_agent"], strict=True))
    assert sorted((client, agent) for _, client, agent, _ in Shop.seen) == wanted
    assert seen[-1] == Progress(300, 300, "requests")
    ids = traffic.request_id(made.sent["path"])
    assert ids.dropna().tolist() == made.truth.loc[made.truth["query"].str.contains("id="), "id"].tolist()


def test_no_answer_is_a_row_with_its_error() -> None:
    """Nothing is raised when nobody answers."""
    made = visitors.visit("http://127.0.0.1:1", requests=3, seconds=0.1)
    assert made.sent["status"].isna().all()
    assert made.sent["error"].eq("ConnectionRefusedError").all()


@pytest.mark.parametrize(
    "wrong",
    [
        {"requests": 0},
        {"requests": day.MOST_REQUESTS + 1},
        {"seconds": 0},
        {"minutes_of_the_day": (5, 5)},
        {"minutes_of_the_day": (0, 1441)},
        {"run_id": "a b"},
    ],
)
def test_impossible_numbers_are_refused(wrong: dict[str, object]) -> None:
    """Before anything is sent, with the number's name."""
    with pytest.raises(SettingsError):
        visitors.plan(**wrong)  # type: ignore[arg-type]
