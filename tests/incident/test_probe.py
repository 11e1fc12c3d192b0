"""The visitors who are sent to see whether an incident is over."""

from __future__ import annotations

import re

from lab_helpers import visitors
from lab_helpers.incident import scene
from lab_helpers.incident.probe import REQUESTS, SECONDS, SEED


def test_every_fault_meets_many_of_the_visitors() -> None:
    """Also one in one task of two: with two orders among the visitors, none may reach the task that is wrong."""
    planned = visitors.plan(SEED, REQUESTS, SECONDS, scene.OPEN_HOURS)
    orders = [each for each in planned if each.path.startswith("/checkout/")]
    products = [each for each in planned if re.match(r"/products/\d", each.path) and each.status == 200]
    assert len(orders) >= 12
    assert len(products) >= 40
    assert not any(each.is_slow for each in products)
    assert not any(each.status >= 500 for each in planned)
