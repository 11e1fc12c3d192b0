"""What a log pipeline would bill a month: from lines that were measured, at the reader's own rate. Pure.

    bill(load, Pipeline(), "ap-northeast-1")      item, unit, quantity, price, USD
    compare(load, "ap-northeast-1")               the same pipeline without health checks, with Infrequent Access, …

Source: list prices of the AWS price pages (CloudWatch, Data Firehose, S3, Athena, VPC) as of `cost.PRICES_OF`, in USD
without tax. Compared with public quotations: CloudWatch Logs and S3 storage in Tokyo; the others are not checked.
Firehose bills each record rounded up to 5 KB ("Amazon Data Firehose pricing", ingestion by Direct PUT); CloudWatch Logs
keeps what it stores compressed to about 15 % (AWS's pricing calculator).
Not modelled: free tier, tiers of very large volumes, dynamic partitioning and format conversion (a price a GB each),
interface endpoints, the data transfer out of AWS.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from lab_helpers.account.cost import OTHER_REGION, PRICES_OF
from lab_helpers.base.errors import SettingsError
from lab_helpers.base.lazy import pd
from lab_helpers.base.messages import say

HOURS = 730
"""Of a month, as AWS's calculator counts."""
SECONDS = HOURS * 3600
GB = 1 << 30
FIREHOSE_STEP_BYTES = 5 * 1024
FIREHOSE_RECORD_BYTES = 1000 * 1024
STORED_SHARE = 0.15
STANDARD, INFREQUENT, NONE = "STANDARD", "INFREQUENT_ACCESS", ""
COLUMNS = ("item", "unit", "quantity", "price", "USD")


@dataclass(frozen=True)
class LogPrices:
    """USD: a GB taken in (Standard, Infrequent Access), a GB-month kept, a GB searched; Firehose a GB; S3 a GB-month
    and 1,000 PUTs; Athena a TB; NAT an hour and a GB; an alarm a month (standard, of 10 s).
    """

    logs: float
    logs_infrequent: float
    logs_kept: float
    insights: float
    firehose: float
    s3: float
    s3_puts: float
    nat_hour: float
    nat: float
    athena: float = 5.0
    alarm: float = 0.10
    fast_alarm: float = 0.30


PRICES = {
    "ap-northeast-1": LogPrices(0.76, 0.38, 0.033, 0.0076, 0.036, 0.025, 0.0047, 0.062, 0.062),
    "eu-west-1": LogPrices(0.57, 0.285, 0.03, 0.0057, 0.031, 0.023, 0.005, 0.048, 0.048),
    "us-east-1": LogPrices(0.50, 0.25, 0.03, 0.005, 0.029, 0.023, 0.005, 0.045, 0.045),
    "us-west-2": LogPrices(0.50, 0.25, 0.03, 0.005, 0.029, 0.023, 0.005, 0.045, 0.045),
}


@dataclass(frozen=True)
class Load:
    """What there is to log: `requests_per_s` of visitors and `checks_per_s` of the load balancer give a line each.

    `line_bytes` is a record as the router sends it, `packed_share` what GZIP leaves of it, `tasks` send side by side.
    """

    requests_per_s: float
    line_bytes: float
    checks_per_s: float = 0.0
    packed_share: float = 0.1
    tasks: int = 2


@dataclass(frozen=True)
class Pipeline:
    """How it is logged.

    `logs_class` of CloudWatch Logs (empty: not sent there), whether `to_s3` through Firehose, which cuts every
    `buffer_s` or `buffer_mib`; `aggregates`: Fluent Bit's simple_aggregation, one record a flush (`flush_s`);
    `kept_months` of both copies; searched: `insights_scans` and `athena_scans` of a month's logs, each month; `nats`:
    NAT gateways that all passes through; alarms.
    """

    with_checks: bool = True
    logs_class: str = STANDARD
    to_s3: bool = True
    aggregates: bool = False
    buffer_s: float = 60.0
    buffer_mib: float = 1.0
    flush_s: float = 1.0
    kept_months: float = 1.0
    insights_scans: float = 1.0
    athena_scans: float = 1.0
    nats: int = 0
    alarms: int = 0
    fast_alarms: int = 0


def bill(load: Load, pipeline: Pipeline, region: str) -> pd.DataFrame:
    """Return a month's bill: item, unit, quantity (float), price (USD a unit), USD; `attrs` name region and date.

    A region without a row in PRICES is billed as `cost.OTHER_REGION`, and `attrs["priced_as"]` says so. Raises
    SettingsError for a load or a pipeline that cannot be.
    """
    _check(load, pipeline)
    priced_as = region if region in PRICES else OTHER_REGION
    items = [
        (item, unit, quantity, price, quantity * price)
        for item, unit, quantity, price in _items(load, pipeline, PRICES[priced_as])
        if quantity
    ]
    frame = pd.DataFrame(items, columns=list(COLUMNS))
    frame.attrs = {"region": region, "priced_as": priced_as, "prices_of": PRICES_OF}
    return frame


def compare(load: Load, region: str, pipeline: Pipeline = Pipeline()) -> pd.DataFrame:
    """Return variants of a pipeline with their months: variant, USD, saved (USD a month against the first)."""
    variants = [
        (say("as it is"), pipeline),
        (say("without health checks"), replace(pipeline, with_checks=False)),
        (say("with simple_aggregation"), replace(pipeline, aggregates=True)),
        (say("with Infrequent Access"), replace(pipeline, logs_class=INFREQUENT if pipeline.logs_class else NONE)),
        (say("S3 alone"), replace(pipeline, logs_class=NONE)),
        (say("CloudWatch Logs alone"), replace(pipeline, to_s3=False, logs_class=pipeline.logs_class or STANDARD)),
        (say("through one NAT gateway"), replace(pipeline, nats=1)),
    ]
    totals = [float(bill(load, variant, region)["USD"].sum()) for _, variant in variants]
    rows = {
        "variant": [name for name, _ in variants],
        "USD": totals,
        "saved": [totals[0] - total for total in totals],
    }
    frame = pd.DataFrame(rows)
    frame.attrs = {"region": region, "prices_of": PRICES_OF}
    return frame


def firehose_gb(load: Load, pipeline: Pipeline) -> float:
    """Return the GB of a month that Firehose bills: each record rounded up to 5 KB."""
    lines = _lines(load, pipeline)
    if not lines:
        return 0.0
    if not pipeline.aggregates:
        return lines * _rounded(load.line_bytes) / GB
    in_a_flush = max(1.0, lines / SECONDS / load.tasks * pipeline.flush_s)
    most = max(1.0, FIREHOSE_RECORD_BYTES // load.line_bytes)
    in_a_record = min(in_a_flush, most)
    return lines / in_a_record * _rounded(in_a_record * load.line_bytes) / GB


def objects(load: Load, pipeline: Pipeline) -> float:
    """Return the objects of a month: one an interval at least, more where the size cuts first."""
    size = _lines(load, pipeline) * load.line_bytes
    if not size:
        return 0.0
    return max(size / (pipeline.buffer_mib * (1 << 20)), min(SECONDS / pipeline.buffer_s, _lines(load, pipeline)))


def _items(load: Load, pipeline: Pipeline, prices: LogPrices) -> Iterator[tuple[str, str, float, float]]:
    gb = _lines(load, pipeline) * load.line_bytes / GB
    packed, sent = gb * load.packed_share, 0.0
    if pipeline.logs_class:
        is_standard = pipeline.logs_class == STANDARD
        name = say("CloudWatch Logs, taken in") if is_standard else say("CloudWatch Logs, taken in (Infrequent Access)")
        yield name, "GB", gb, prices.logs if is_standard else prices.logs_infrequent
        yield say("CloudWatch Logs, kept"), "GB-month", gb * STORED_SHARE * pipeline.kept_months, prices.logs_kept
        yield say("Logs Insights, searched"), "GB", gb * pipeline.insights_scans, prices.insights
        sent += gb
    if pipeline.to_s3:
        yield say("Firehose, records rounded up to 5 KB"), "GB", firehose_gb(load, pipeline), prices.firehose
        yield say("S3, objects put"), "1,000", objects(load, pipeline) / 1000, prices.s3_puts
        yield say("S3, kept"), "GB-month", packed * pipeline.kept_months, prices.s3
        yield say("Athena, searched"), "TB", packed / 1024 * pipeline.athena_scans, prices.athena
        sent += gb
    yield say("NAT gateways"), "h", float(pipeline.nats * HOURS), prices.nat_hour
    yield say("NAT gateways, data"), "GB", sent if pipeline.nats else 0.0, prices.nat
    yield say("alarms"), "month", float(pipeline.alarms), prices.alarm
    yield say("alarms of 10 s"), "month", float(pipeline.fast_alarms), prices.fast_alarm


def _lines(load: Load, pipeline: Pipeline) -> float:
    return (load.requests_per_s + (load.checks_per_s if pipeline.with_checks else 0.0)) * SECONDS


def _rounded(size_bytes: float) -> float:
    return math.ceil(size_bytes / FIREHOSE_STEP_BYTES) * FIREHOSE_STEP_BYTES


def _check(load: Load, pipeline: Pipeline) -> None:
    amounts = {
        "requests_per_s": load.requests_per_s, "checks_per_s": load.checks_per_s, "kept_months": pipeline.kept_months,
    }  # fmt: skip
    for name, amount in amounts.items():
        if not 0 <= amount < math.inf:
            raise SettingsError(name, amount, "a number from 0 on")
    sizes = {
        "line_bytes": load.line_bytes, "tasks": load.tasks, "buffer_s": pipeline.buffer_s,
        "buffer_mib": pipeline.buffer_mib,
    }  # fmt: skip
    for name, size in sizes.items():
        if not 0 < size < math.inf:
            raise SettingsError(name, size, "a number greater than 0")
    if pipeline.logs_class not in (STANDARD, INFREQUENT, NONE):
        raise SettingsError("logs_class", pipeline.logs_class, f"{STANDARD!r}, {INFREQUENT!r} or {NONE!r}")
