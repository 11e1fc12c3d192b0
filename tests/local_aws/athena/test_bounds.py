"""A query takes no more of the machine than it may."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab_helpers.local_aws.athena import engine
from lab_helpers.local_aws.athena.engine import TooMuchError, opened


@pytest.mark.parametrize(
    "sql", ["SELECT * FROM range(100000000000)", "SELECT a.range, b.range FROM range(1000000) a, range(1000000) b"]
)
def test_a_result_is_fetched_up_to_a_bound(sql: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fault 3 of the hardening list: what Python fetched was in nobody's limit, and took the machine's memory."""
    monkeypatch.setattr(engine, "MOST_RESULT_BYTES", 1 << 20)
    with opened(tmp_path) as opened_engine, pytest.raises(TooMuchError, match="larger than 1 MiB"):
        opened_engine.run(sql)


def test_a_query_has_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that finds nothing to give for ever."""
    monkeypatch.setattr(engine, "MOST_SECONDS", 0.2)
    with opened(tmp_path) as opened_engine, pytest.raises(TooMuchError, match=r"it ran for 0\.2 s"):
        opened_engine.run("SELECT count(*) FROM range(10000000) a, range(10000000) b WHERE a.range + b.range < 0")
