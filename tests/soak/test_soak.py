"""The soak's short form: three rows, a few seconds each. `make soak` runs all of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.soak import faults, rows
from tests.soak.stage import Stage, staged

pytestmark = pytest.mark.timeout(600)
SECONDS, RATE_PER_S = 5.0, 40.0


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with staged(tmp_path_factory.mktemp("soak")) as made:
        yield made


@pytest.mark.parametrize("row", [row for row in faults.ROWS if row.name in faults.QUICK], ids=lambda row: row.name)
def test_a_promise_is_kept(stage: Stage, row: faults.Row) -> None:
    """Numbered requests, a fault in the middle: what arrived is what was promised, and something was sent."""
    outcome = rows.run(stage, row, SECONDS, RATE_PER_S)
    assert outcome.sent > SECONDS * RATE_PER_S / 4
    assert outcome.unanswered == 0
    assert outcome.holds, str(outcome)
    assert outcome.counted_lost == {where: each.lost for where, each in outcome.arrivals.items()}, str(outcome)
