"""How fast logs become typed frames, beside what a user would write. Run: `python -m benchmarks.analysis`.

Each contender runs in a process of its own, one after the other, on the same data; what counts are the ratios of one
run.
Goals (issue 5): S3 at least 2.5 times polars and 8 times pandas with a peak under 600 MB; CloudWatch at least 6 times
boto3's paginator with 50 ms added to each answer. Ten million records: `benchmarks.large`.
"""

from __future__ import annotations

import argparse
import gc
import gzip
import io
import multiprocessing
import os
import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from benchmarks import log_objects, log_server

EVENTS = 200_000
DELAY_S = 0.05
PATTERN = (
    r"^(?P<remote_host>\S+) (?P<ident>\S+) (?P<user>\S+) \[(?P<time>[^\]]+)\] "
    r'"(?P<method>\S+) (?P<path>[^ ?"]+)(?:\?(?P<query>\S*))? (?P<protocol>[^"]+)" (?P<status>\d{3}|-) (?P<size>\d+|-)'
)
REPEATED = ("remote_host", "method", "protocol", "source", "container_id", "container_name", "ecs_cluster")


@dataclass(frozen=True)
class Outcome:
    """What one contender took, and the number of rows that it made."""

    name: str
    seconds: float
    cpu_s: float
    peak_mb: int
    rows: int
    others_s: float
    """CPU seconds of other programs meanwhile (0 where the machine does not tell): many of them spoil the ratios."""


def s3_lab(folder: Path) -> int:
    from lab_helpers import s3_logs

    return len(s3_logs.read_objects(log_objects.FolderS3(folder), "bench"))


def s3_polars(folder: Path) -> int:
    """Objects as S3 gives them, one by one: bytes, gunzipped, read, put together, extracted."""
    import polars as pl

    parts = [pl.read_ndjson(gzip.decompress(path.read_bytes())) for path in sorted(folder.rglob("*.gz"))]
    return len(_polars_typed(pl.concat(parts)))


def s3_polars_lazy(folder: Path) -> int:
    """polars' best, as its users would write it: one lazy query, run on all cores. It reads files (or S3 by itself), so
    the objects must be on the disk already; the lab and the contender above take bytes as boto3 brings them.
    """
    import polars as pl

    return len(_polars_typed(pl.scan_ndjson(folder / "**/*.gz")).collect())


def s3_pandas(folder: Path) -> int:
    import pandas as pd

    parts = [
        pd.read_json(io.BytesIO(gzip.decompress(path.read_bytes())), lines=True)
        for path in sorted(folder.rglob("*.gz"))
    ]
    whole = pd.concat(parts, ignore_index=True)
    fields = whole["log"].str.extract(PATTERN)
    fields["time"] = pd.to_datetime(fields["time"], format="%d/%b/%Y:%H:%M:%S %z", utc=True)
    fields["status"] = pd.to_numeric(fields["status"], errors="coerce").astype("Int16")
    fields["size"] = pd.to_numeric(fields["size"], errors="coerce").astype("Int64")
    frame = pd.concat([whole, fields], axis="columns")
    return len(frame.astype(dict.fromkeys(REPEATED, "category")))


def cloudwatch_lab(url: str) -> int:
    from lab_helpers import cloudwatch

    return len(cloudwatch.read_events(_logs(url), "bench"))


def cloudwatch_paginator(url: str) -> int:
    """Only the events, nothing parsed: typed columns would make it slower still."""
    pages = _logs(url).get_paginator("filter_log_events").paginate(logGroupName="bench")
    return sum(len(page["events"]) for page in pages)


def cloudwatch_awslogs(url: str) -> int:
    """`awslogs get`, which prints the events (counted here); its start, about half a second, is in its time."""
    keys = ["--aws-access-key-id", "x", "--aws-secret-access-key", "x", "--aws-region", "ap-northeast-1"]
    argv = ["awslogs", "get", "bench", "--start", f"{log_objects.START:%Y-%m-%d}", "--aws-endpoint-url", url, *keys]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as child:
        assert child.stdout
        return sum(1 for _ in child.stdout)


def measure(contender: Callable[[Any], int], argument: Any) -> Outcome:
    """Run a contender in a fresh process; imports and their garbage are not counted, threads' CPU time is."""
    ours, theirs = multiprocessing.Pipe()
    child = multiprocessing.get_context("spawn").Process(target=_run, args=(theirs, contender, argument))
    child.start()
    theirs.close()
    outcome: Outcome = ours.recv()
    child.join()
    return outcome


def report(title: str, outcomes: list[Outcome]) -> None:
    """Print what each contender took, and how often ours fits into it."""
    print(f"\n{title}\n{'contender':24}{'seconds':>9}{'CPU s':>9}{'others':>9}{'peak MB':>9}{'rows':>12}{'ratio':>8}")
    for o in outcomes:
        ratio = o.seconds / outcomes[0].seconds
        print(f"{o.name:24}{o.seconds:9.2f}{o.cpu_s:9.2f}{o.others_s:9.2f}{o.peak_mb:9,}{o.rows:12,}{ratio:8.1f}")


def main() -> None:
    """Make the data in a temporary folder (or `--data`), run the parts that are asked for, print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", default=["s3", "cloudwatch"], help="s3, cloudwatch")
    parser.add_argument("--data", type=Path, help="folder that keeps the objects for the next run")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = asked.data or Path(temporary)
        if "s3" in asked.parts:
            log_objects.make(folder)
        if "s3" in asked.parts:
            contenders = (s3_lab, s3_polars, s3_polars_lazy, s3_pandas)
            report("S3: 1,000,000 records in 385 objects", [measure(contender, folder) for contender in contenders])
    if "cloudwatch" in asked.parts:
        with log_server.running(EVENTS, DELAY_S) as url:
            report("CloudWatch: 200,000 events", [measure(contender, url) for contender in _cloudwatch_contenders()])


def _cloudwatch_contenders() -> list[Callable[[str], int]]:
    if shutil.which("awslogs"):
        return [cloudwatch_lab, cloudwatch_paginator, cloudwatch_awslogs]
    print("awslogs is not on the PATH (pip install awslogs): left out")
    return [cloudwatch_lab, cloudwatch_paginator]


def _run(pipe: Connection, contender: Callable[[Any], int], argument: Any) -> None:
    # both sides of a comparison have their imports behind them, also the lab's, which load at their first use
    import boto3  # noqa: F401
    import orjson  # noqa: F401
    import pandas  # noqa: F401
    import polars  # noqa: F401
    import pyarrow.pandas_compat  # noqa: F401

    from lab_helpers import cloudwatch, s3_logs
    from lab_helpers.logs import compression, fast, records  # noqa: F401

    assert cloudwatch.read_events
    assert s3_logs.read_objects
    # nor is looking through what the imports have left, which would fall to whoever makes Python objects next
    gc.collect()

    started, cpu_started, busy = time.perf_counter(), time.process_time(), _machine_s()
    rows = contender(argument)
    seconds, cpu_s = time.perf_counter() - started, time.process_time() - cpu_started
    others_s = max(_machine_s() - busy - cpu_s, 0.0)
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    pipe.send(Outcome(contender.__name__, seconds, cpu_s, peak_mb, rows, others_s))


def _machine_s() -> float:
    """CPU seconds that all programs together have used since the machine started (Linux)."""
    file = Path("/proc/stat")
    ticks = [int(part) for part in file.read_text().split("\n", 1)[0].split()[1:]] if file.exists() else [0] * 5
    return (sum(ticks) - ticks[3] - ticks[4]) / os.sysconf("SC_CLK_TCK")  # without idle and waiting for a disk


def _logs(url: str) -> Any:
    from lab_helpers.base.clients import Clients

    return Clients.local(url, "ap-northeast-1").client("logs")


def _polars_typed(frame: Any) -> Any:
    import polars as pl

    fields = frame.with_columns(pl.col("log").str.extract_groups(PATTERN).alias("fields")).unnest("fields")
    return fields.with_columns(
        pl.col("time").str.strptime(pl.Datetime("us", "UTC"), "%d/%b/%Y:%H:%M:%S %z"),
        pl.col("status").cast(pl.Int16, strict=False),
        pl.col("size").cast(pl.Int64, strict=False),
        pl.col(*REPEATED).cast(pl.Categorical),
    )


if __name__ == "__main__":
    main()
