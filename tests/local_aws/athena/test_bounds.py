"""A query takes no more of the machine than it may."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lab_helpers.local_aws.athena.engine import opened
from lab_helpers.local_aws.duck.processes import Bounds, TooMuchError, Workers


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    made = Workers(Bounds(result_bytes=1 << 20))
    yield made
    made.close()


@pytest.mark.parametrize(
    ("sql", "bound"),
    [
        ("SELECT * FROM range(100000000000)", "larger than 1 MiB"),
        ("SELECT repeat('x', 3000000000)", "more than 1,024 MiB"),
        ("SELECT list(repeat('x', 1000000)) FROM range(100000)", "more than 1,024 MiB"),
    ],
)
def test_a_query_ends_at_its_bound_and_says_it(sql: str, bound: str, workers: Workers, tmp_path: Path) -> None:
    """Rows, a value outside of DuckDB's own limit, what is collected; the next query is answered as ever."""
    with pytest.raises(TooMuchError, match=bound), opened(workers, tmp_path) as engine:
        list(engine.run(sql)[1])
    with opened(workers, tmp_path) as engine:
        assert list(engine.run("SELECT 1 AS one")[1]) == [[("1",)]]


def test_a_condition_on_partitions_is_bounded_too(workers: Workers, tmp_path: Path) -> None:
    """It is SQL of the caller's, and ran before the bounds were set."""
    with pytest.raises(TooMuchError, match="more than 1,024 MiB"), opened(workers, tmp_path) as engine:
        engine.matching([("2021",)], ["year"], "year = repeat('x', 3000000000)")


def test_a_query_has_an_end(tmp_path: Path) -> None:
    """One that finds nothing to give for ever."""
    workers = Workers(Bounds(seconds=0.2))
    with pytest.raises(TooMuchError, match=r"it ran for 0\.2 s"), opened(workers, tmp_path) as engine:
        list(engine.run("SELECT count(*) FROM range(10000000) a, range(10000000) b WHERE a.range + b.range < 0")[1])
    workers.close()
