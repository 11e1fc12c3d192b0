"""The article's lab killed at random moments, each time compared: the same plan, nothing acknowledged lost.

    LAB_HOME=$(mktemp -d) python -m tests.soak.kill_and_restore [KILLS]      (20 by default; about half an hour)

Works on the lab in LAB_HOME, which is brought to notebook 04 first; Terraform's plan there has the router's image,
whose files notebook 03 changed and deployed past Terraform, and nothing else. Prints a row a kill; exit code 1 when one
differs.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import threading
import time
import urllib.request
from typing import Any

from lab_helpers.backends.local import LocalBackend
from lab_helpers.base import config
from lab_helpers.base.config import Settings
from lab_helpers.cli.checkpoints import run_shown
from lab_helpers.lab import Lab, attach
from lab_helpers.workbook.goto import goto

LONGEST_S = 20.0
"""How long traffic runs before a kill, at most."""


def main() -> int:
    """Kill, start, compare; return the exit code."""
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    settings = config.load()
    goto(settings, "04", run_shown)
    planned = plan(attach(settings))
    print(f"the plan before the first kill: {planned}")
    return 0 if all(_one(settings, number, planned) for number in range(kills)) else 1


def _one(settings: Settings, number: int, planned: list[str]) -> bool:
    lab, bucket, ended = attach(settings), f"soak-{number}-{random.randrange(10**9)}", threading.Event()
    before, put = counts(lab), [0]
    worker = threading.Thread(target=_work, args=(lab, bucket, put, ended))
    worker.start()
    time.sleep(random.uniform(0.5, LONGEST_S))
    state = LocalBackend(settings).running()
    assert state is not None
    os.kill(state.pid, signal.SIGKILL)
    ended.set()
    worker.join()
    began = time.monotonic()
    lab = attach(settings)
    up_s, after = time.monotonic() - began, counts(lab)
    objects = len(lab.client("s3").list_objects_v2(Bucket=bucket).get("Contents", [])) if put[0] else 0
    plans = plan(lab)
    lost = {name: (before[name], after[name]) for name in before if after[name] < before[name]}
    good = not lost and plans == planned and objects >= put[0]
    print(
        f"{number}: up in {up_s:.1f} s, {objects} objects of {put[0]} answered, plan {plans}, less than before: {lost}"
    )
    return good


def _work(lab: Lab, bucket: str, put: list[int], ended: threading.Event) -> None:
    """Send requests and put objects until the server is gone; `put` counts the objects that were answered."""
    try:
        s3: Any = lab.client("s3")
        where = {"LocationConstraint": lab.settings.region}
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration=where)
        while not ended.is_set() and put[0] < 900:
            s3.put_object(Bucket=bucket, Key=f"{put[0]:06}", Body=b"x" * 1000)
            put[0] += 1
            urllib.request.urlopen(lab.outputs.url, timeout=5).close()
    except Exception as exc:  # whatever a client sees of a server that is killed
        print(f"   the client saw {type(exc).__name__}")


def plan(lab: Lab) -> list[str]:
    """Return what Terraform would do, as "action resource"."""
    return [f"{row.action} {row.resource}" for row in lab.terraform.plan().itertuples()]


def counts(lab: Lab) -> dict[str, int]:
    """Return how much there is of what only grows here."""
    iam, logs, ecr = (lab.client(name) for name in ("iam", "logs", "ecr"))
    groups = [group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]]
    repositories = [found["repositoryName"] for found in ecr.describe_repositories()["repositories"]]
    return {
        "roles": len(iam.list_roles()["Roles"]),
        "groups": len(groups),
        "events": sum(len(page["events"]) for name in groups for page in _pages(logs, name)),
        "images": sum(len(ecr.list_images(repositoryName=name)["imageIds"]) for name in repositories),
    }


def _pages(logs: Any, group: str) -> Any:
    return logs.get_paginator("filter_log_events").paginate(logGroupName=group)


if __name__ == "__main__":
    sys.exit(main())
