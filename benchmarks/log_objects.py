"""Makes the objects that the analysis benchmarks read: FireLens records as Firehose delivers them."""

from __future__ import annotations

import gzip
import random
import uuid
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

OBJECTS = 385
RECORDS_PER_OBJECT = 2598
"""Times OBJECTS about one million; about 1 MiB raw an object, Firehose's buffer in the article."""
TASKS = 8
START = datetime(2021, 11, 7, 0, 0, tzinfo=UTC)


def make(folder: Path, objects: int = OBJECTS, workers: int = 2) -> list[Path]:
    """Write gzip objects below `folder` under Firehose's keys, unless they are there; return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(workers) as pool:
        return sorted(pool.map(partial(_make_one, folder), range(objects), chunksize=8))


def _make_one(folder: Path, number: int) -> Path:
    opened = START + timedelta(seconds=60 * number)
    name = uuid.UUID(int=random.Random(number).getrandbits(128), version=4)
    path = folder / f"{opened:%Y/%m/%d/%H}" / f"lab-firehose-1-{opened:%Y-%m-%d-%H-%M-%S}-{name}.gz"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(b"".join(records(number, opened)), 6, mtime=0))
    return path


def records(number: int, opened: datetime) -> list[bytes]:
    """The records of one object: requests of eight tasks in turn, every tenth a health check, some 404 and 304."""
    rng = random.Random(number)
    frames = [_frame(task) for task in range(TASKS)]
    made = []
    for n in range(RECORDS_PER_OBJECT):
        moment = opened + timedelta(milliseconds=23 * n)
        before, after = rng.choice(frames)
        made.append(before + _line(rng, moment, f"run{number}-{n}").replace('"', '\\"').encode() + after)
    return made


def _line(rng: random.Random, moment: datetime, request_id: str) -> str:
    host = f"10.0.{rng.choice((11, 12))}.{rng.randrange(4, 250)}"
    when = f"{moment:%d/%b/%Y:%H:%M:%S} +0000"
    dice = rng.random()
    if dice < 0.1:
        return f'{host} - - [{when}] "GET / HTTP/1.1" 200 45'
    if dice < 0.2:
        return f'{host} - - [{when}] "GET /req/{request_id} HTTP/1.1" 404 196'
    if dice < 0.25:
        return f'{host} - - [{when}] "GET /?id={request_id} HTTP/1.1" 304 -'
    return f'{host} - - [{when}] "GET /?id={request_id} HTTP/1.1" 200 {rng.choice((45, 45, 1024, 20480))}'


def _frame(task: int) -> tuple[bytes, bytes]:
    task_id = f"{random.Random(f'task{task}').getrandbits(128):032x}"
    after = (
        f'","container_id":"{task_id}-527074092","container_name":"httpd","ecs_cluster":"firelens-lab-cluster",'
        f'"ecs_task_arn":"arn:aws:ecs:ap-northeast-1:123456789012:task/firelens-lab-cluster/{task_id}",'
        '"ecs_task_definition":"firelens-lab-httpd:12"}\n'
    )
    return b'{"source":"stdout","log":"', after.encode()


class FolderS3:
    """An S3 client whose bucket is a folder: list and get, without a server, so that only reading is measured."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get_paginator(self, _: str) -> FolderS3:
        return self

    def paginate(self, **_: Any) -> list[dict[str, Any]]:
        files = sorted(self._folder.rglob("*.gz"))
        modified = datetime.now(UTC)
        return [
            {
                "Contents": [
                    {"Key": str(f.relative_to(self._folder)), "Size": f.stat().st_size, "LastModified": modified}
                    for f in files
                ]
            }
        ]

    def get_object(self, **request: str) -> dict[str, Any]:
        return {"Body": (self._folder / request["Key"]).open("rb")}
