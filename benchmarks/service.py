"""The lab's own service under load: load balancer, two httpd tasks, log driver, router, CloudWatch Logs and S3.

Goal (issue 4): at least 2,000 requests/s through the load balancer to the two tasks, on two cores that all of them
share, and each request's line in both destinations, none twice. The peer in the same run is a bare httpd of the same
configuration, without load balancer and log.
Run: `python -m benchmarks.service` (seconds of load with `--seconds`).
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from benchmarks import load
from benchmarks.alb import httpd
from lab_helpers.backends.local import LocalBackend
from lab_helpers.base import config
from lab_helpers.lab import Lab, attach
from lab_helpers.terraform import silent

BUFFER_S = 5
DELIVERY_LIMIT_S = 60.0
_ID = re.compile(r"/\?id=(\d+) ")


def main() -> int:
    """Measure and print one JSON object; returns 1 when a line is missing or there twice."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0)
    seconds = parser.parse_args().seconds
    with tempfile.TemporaryDirectory(prefix="lab-bench-") as folder:
        with httpd(Path(folder), "bare", proxy_protocol=False) as port:
            bare = load.run(port, seconds, may_close=True)
        settings = config.load(home=Path(folder) / "lab", buffer_s=BUFFER_S)
        backend = LocalBackend(settings)
        backend.start()
        try:
            lab = attach(settings)
            lab.display = silent
            lab.terraform.apply()
            figures = measure(lab, seconds)
        finally:
            backend.stop()
    bare_per_s, per_s = round(bare.per_s), figures["requests_per_s"]
    print(json.dumps({**figures, "bare_httpd_per_s": bare_per_s, "ratio": round(per_s / bare_per_s, 3)}, indent=2))
    return 0 if figures["wrong_lines"] == {} else 1


def measure(lab: Lab, seconds: float) -> dict[str, Any]:
    """Return the rate, and what is wrong with the lines in each destination (nothing: {})."""
    outputs = lab.terraform.outputs()
    _wait(lambda: _healthy(lab, outputs.target_group_arn) == 2, "two healthy targets")
    made = load.run(int(outputs.alb_dns_name.rpartition(":")[2]), seconds)
    wrong = {}
    for name, read in (("cloudwatch", _in_cloudwatch), ("s3", _in_s3)):
        ids = _settled(lambda read=read: Counter(_ids(read(lab))), made.answered)  # type: ignore[misc]
        if problem := _wrong(ids, made.answered):
            wrong[name] = problem
    figures = {"load": load.name(), "requests": made.answered, "requests_per_s": round(made.per_s)}
    return {**figures, "wrong_lines": wrong}


def _wrong(ids: Counter[int], answered: int) -> str:
    """Say what is wrong with a destination; each connection may have left one more request under way at the end."""
    twice = sum(count > 1 for count in ids.values())
    if answered <= len(ids) <= answered + load.CONNECTIONS and not twice:
        return ""
    return f"{len(ids)} different lines for {answered} requests, {twice} of them more than once"


def _settled(read: Callable[[], Counter[int]], wanted: int) -> Counter[int]:
    end, seen = time.monotonic() + DELIVERY_LIMIT_S, read()
    while len(seen) < wanted and time.monotonic() < end:
        threading.Event().wait(1)
        seen = read()
    threading.Event().wait(2 * BUFFER_S)  # for what should not come: a second time
    return read()


def _ids(messages: Iterable[str]) -> Iterable[int]:
    return (int(found[1]) for found in map(_ID.search, messages) if found)


def _in_cloudwatch(lab: Lab) -> Iterable[str]:
    pages = lab.client("logs").get_paginator("filter_log_events")
    for page in pages.paginate(logGroupName=lab.terraform.outputs().httpd_log_group):
        yield from (event["message"] for event in page["events"])


def _in_s3(lab: Lab) -> Iterable[str]:
    s3, bucket = lab.client("s3"), lab.terraform.outputs().log_bucket
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for item in page.get("Contents", []):
            body = s3.get_object(Bucket=bucket, Key=item["Key"])["Body"].read()
            yield from gzip.decompress(body).decode().splitlines()


def _healthy(lab: Lab, group: str) -> int:
    found = lab.client("elbv2").describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
    return sum(each["TargetHealth"]["State"] == "healthy" for each in found)


def _wait(condition: Callable[[], bool], what: str, bound_s: float = 120.0) -> None:
    end = time.monotonic() + bound_s
    while not condition():
        if time.monotonic() > end:
            raise RuntimeError(f"{what}: not within {bound_s:.0f} s")
        threading.Event().wait(0.5)


if __name__ == "__main__":
    sys.exit(main())
