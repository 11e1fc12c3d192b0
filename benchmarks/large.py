"""Ten million records: does memory stay bounded, does time grow linearly? Run: `python -m benchmarks.large`.

The million records of `log_objects`, as often as asked for: read by the generator in a fresh process, and asked in SQL
of a local AWS whose S3 holds the objects (Athena's API, DuckDB). Goals (issue 5): 10,000,000 records under 1 GB, time
in proportion. Some minutes and half a gigabyte of disk; peak memory of SQL is the whole server's, its S3 included
(Linux only).
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import analysis, log_objects
from lab_helpers import sql
from lab_helpers.backends.local import LocalBackend
from lab_helpers.base.config import Settings

MILLIONS = (1, 3, 10)
UPLOADERS = 8
TIMEOUT_S = 3600.0
QUESTION = r"""SELECT regexp_extract(log, '" (\d{3}) ', 1) AS status, count(*) AS lines FROM logs GROUP BY 1"""


@dataclass(frozen=True)
class Round:
    """One measurement: how it was read, how many records, how long it took, and the highest memory so far."""

    how: str
    records: int
    seconds: float
    peak_mb: int


def generator(argument: tuple[Path, int]) -> int:
    """Read the folder's objects so many times, a frame at a time, keeping none."""
    from lab_helpers import s3_logs

    folder, millions = argument
    client = log_objects.FolderS3(folder)
    return sum(len(frame) for _ in range(millions) for frame in s3_logs.iter_objects(client, "bench"))


def in_python(folder: Path, sizes: list[int]) -> Iterator[Round]:
    """The generator, a fresh process each."""
    for millions in sizes:
        found = analysis.measure(generator, (folder, millions))
        yield Round("generator", found.rows, found.seconds, found.peak_mb)


def in_sql(folder: Path, sizes: list[int], home: Path) -> Iterator[Round]:
    """A count by status over all objects of a bucket, the first of it: nothing is fetched before."""
    backend = LocalBackend(Settings(home=home))
    backend.start()
    try:
        for millions in sizes:
            bucket = f"bench-{millions}"
            upload(backend.client("s3"), bucket, folder, millions)
            sql.make_table(backend.client("glue"), bucket.replace("-", "_"), "logs", bucket)
            yield _ask(backend, bucket)
    finally:
        backend.stop()


def upload(s3: Any, bucket: str, folder: Path, times: int) -> None:
    """Put the folder's objects into a new bucket, `times` times under keys of their own."""
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": s3.meta.region_name})
    jobs = [(path, f"{path.relative_to(folder)}-{n}.gz") for n in range(times) for path in folder.rglob("*.gz")]
    with ThreadPoolExecutor(UPLOADERS) as pool:
        list(pool.map(lambda job: s3.put_object(Bucket=bucket, Key=job[1], Body=job[0].read_bytes()), jobs))


def _ask(backend: LocalBackend, bucket: str) -> Round:
    begun = time.perf_counter()
    answer = sql.query(
        backend.client("athena"), QUESTION, bucket.replace("-", "_"), f"s3://{bucket}/_athena/", timeout_s=TIMEOUT_S
    )
    seconds = time.perf_counter() - begun
    return Round("SQL", int(answer["lines"].sum()), seconds, _peak_mb(int(backend.status()["pid"])))


def _peak_mb(pid: int) -> int:
    """The highest memory (MiB) that a process has had."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) // 1024


def main() -> None:
    """Make the data in a temporary folder (or `--data`) and print a line for each measurement."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("ways", nargs="*", default=["generator", "sql"], help="generator, sql")
    parser.add_argument("--data", type=Path, help="folder that keeps the objects for the next run")
    parser.add_argument("--millions", type=int, nargs="*", default=list(MILLIONS))
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = asked.data or Path(temporary, "objects")
        log_objects.make(folder)
        rounds: list[Iterator[Round]] = []
        if "generator" in asked.ways:
            rounds.append(in_python(folder, asked.millions))
        if "sql" in asked.ways:
            rounds.append(in_sql(folder, asked.millions, Path(temporary, "lab")))
        print(f"{'how':12}{'records':>12}{'seconds':>9}{'s per million':>15}{'peak MB':>9}", flush=True)
        for r in (found for each in rounds for found in each):
            each_s = r.seconds / r.records * 1e6
            print(f"{r.how:12}{r.records:12,}{r.seconds:9.1f}{each_s:15.2f}{r.peak_mb:9,}", flush=True)


if __name__ == "__main__":
    main()
