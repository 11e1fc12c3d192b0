"""What a pipeline would bill a month: by hand, and what saves."""

from __future__ import annotations

from typing import Any

import pytest

from lab_helpers.account import bill
from lab_helpers.account.bill import INFREQUENT, NONE, SECONDS, Load, Pipeline
from lab_helpers.base.errors import SettingsError

TOKYO = "ap-northeast-1"
LOAD = Load(requests_per_s=100, line_bytes=400, checks_per_s=0.4, packed_share=0.1, tasks=2)
GB = 100.4 * SECONDS * 400 / (1 << 30)


def cents(load: Load, pipeline: Pipeline, region: str = TOKYO) -> dict[str, float]:
    """USD by item."""
    frame = bill.bill(load, pipeline, region)
    return {item: round(usd, 2) for item, usd in zip(frame["item"], frame["USD"], strict=True)}


def test_a_month_by_hand() -> None:
    """400 bytes a line: CloudWatch Logs bills them as they are, Firehose 5 KB for each, S3 what GZIP left."""
    assert cents(LOAD, Pipeline()) == {
        "CloudWatch Logs, taken in": round(GB * 0.76, 2),
        "CloudWatch Logs, kept": round(GB * 0.15 * 0.033, 2),
        "Logs Insights, searched": round(GB * 0.0076, 2),
        "Firehose, records rounded up to 5 KB": round(GB / 400 * 5120 * 0.036, 2),
        "S3, objects put": round(GB * 1024 / 1000 * 0.0047, 2),
        "S3, kept": round(GB * 0.1 * 0.025, 2),
        "Athena, searched": round(GB * 0.1 / 1024 * 5, 2),
    }


def test_few_lines_make_an_object_an_interval() -> None:
    """Where the size never cuts, the interval does: 43,800 objects a month at 60 s; fewer lines make fewer objects."""
    assert bill.objects(Load(1, 400), Pipeline()) == SECONDS / 60
    assert bill.objects(Load(1 / 3600, 400), Pipeline()) == SECONDS / 3600
    assert bill.objects(Load(0, 400), Pipeline()) == 0


def test_aggregation_fills_records() -> None:
    """50 lines a task and second are one record of 20,000 bytes, rounded up to 20,480; one of 1 MB is full."""
    assert bill.firehose_gb(Load(100, 400), Pipeline(aggregates=True)) == pytest.approx(
        SECONDS * 100 / 50 * 20_480 / (1 << 30)
    )
    full = bill.firehose_gb(Load(1_000_000, 400), Pipeline(aggregates=True))
    assert full == pytest.approx(1_000_000 * SECONDS * 400 / (1 << 30), rel=0.01)


def test_variants_and_what_they_save() -> None:
    """Infrequent Access halves the dearest item; a NAT gateway costs; nothing is saved against itself."""
    frame = bill.compare(LOAD, TOKYO).set_index("variant")
    assert frame.loc["as it is", "saved"] == 0
    assert frame.loc["with Infrequent Access", "saved"] == pytest.approx(GB * 0.38)
    assert frame.loc["without health checks", "saved"] > 0
    assert frame.loc["with simple_aggregation", "saved"] > 0
    assert frame.loc["through one NAT gateway", "saved"] == pytest.approx(-(730 * 0.062 + 2 * GB * 0.062))
    assert frame.attrs["prices_of"] == bill.PRICES_OF


def test_a_region_without_prices_is_billed_as_another_and_says_so() -> None:
    """No figure without its source."""
    frame = bill.bill(LOAD, Pipeline(logs_class=NONE), "ca-west-1")
    assert frame.attrs["region"] == "ca-west-1"
    assert frame.attrs["priced_as"] == TOKYO
    assert not frame["item"].str.startswith("CloudWatch").any()


def test_alarms_and_classes() -> None:
    """Ten alarms and one of ten seconds; Infrequent Access has its own price."""
    found = cents(LOAD, Pipeline(logs_class=INFREQUENT, alarms=10, fast_alarms=1))
    assert (found["alarms"], found["alarms of 10 s"]) == (1.0, 0.3)
    assert found["CloudWatch Logs, taken in (Infrequent Access)"] == round(GB * 0.38, 2)


@pytest.mark.parametrize(
    ("load", "pipeline", "name"),
    [
        ({"requests_per_s": -1}, {}, "requests_per_s"),
        ({"requests_per_s": float("nan")}, {}, "requests_per_s"),
        ({"line_bytes": 0}, {}, "line_bytes"),
        ({}, {"buffer_s": 0}, "buffer_s"),
        ({}, {"logs_class": "ARCHIVE"}, "logs_class"),
    ],
)
def test_impossible_loads_are_refused(load: dict[str, Any], pipeline: dict[str, Any], name: str) -> None:
    """The error names what is wrong and what may be."""
    with pytest.raises(SettingsError, match=name):
        bill.bill(Load(**{"requests_per_s": 1, "line_bytes": 1, **load}), Pipeline(**pipeline), TOKYO)
