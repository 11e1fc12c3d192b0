"""One of two tasks is slow or wrong, and only there."""

from __future__ import annotations

from lab_helpers.base.config import PROJECT
from lab_helpers.httpd import config, faults
from lab_helpers.httpd.config import Asked

CONF = (PROJECT / "terraform/httpd/httpd.conf").read_text()


def test_the_task_of_one_zone_is_slow() -> None:
    """Its answers below the path have a rate; the other task's have none."""
    found = config.parse(faults.slow_in(CONF))
    here, there = (Asked("GET", "/products/3.html", "", server_address=f"10.0.{zone}.9") for zone in (12, 11))
    assert [found.rate(each, found.env(each)) for each in (here, there)] == [5, 0]


def test_the_task_of_one_zone_is_wrong() -> None:
    """It answers 503 below the path; the other task, and other pages, are well."""
    found = config.parse(faults.wrong_in(CONF))
    wanted = (("/checkout/", "10.0.12.9"), ("/checkout/", "10.0.11.9"), ("/", "10.0.12.9"))
    asked = [Asked("GET", path, "", server_address=address) for path, address in wanted]
    assert [found.status(each) for each in asked] == [503, None, None]
