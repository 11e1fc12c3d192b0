"""Access logs on their way to S3: lines are kept in files, one per node, and delivered every five minutes.

Source: "Access logs for your Application Load Balancer" (an object per node and five minutes, best effort).
Not modelled: several objects for one node and period, connection logs, health check logs.
"""

from __future__ import annotations

import gzip
import logging
import secrets
import shutil
import threading
from datetime import datetime
from io import FileIO
from pathlib import Path
from typing import Any

from lab_helpers.base.paths import inside
from lab_helpers.local_aws.alb.access_log import Entry, format_entry, log_key, test_file_key
from lab_helpers.local_aws.kit.clock import Clock

_LOG = logging.getLogger(__name__)
PERIOD_S = 300
"""Source: "Elastic Load Balancing publishes a log file for each load balancer node every 5 minutes"."""
PRINCIPAL = "logdelivery.elasticloadbalancing.amazonaws.com"


class AccessLog:
    """One load balancer's access log; `write` comes from the event loop, `deliver` from another thread."""

    def __init__(self, folder: Path, clock: Clock, bucket: str, prefix: str, owner: tuple[str, str, str]) -> None:
        """`owner` is (account id, region, resource id of the load balancer)."""
        self._folder, self._clock = folder, clock
        self._bucket, self._prefix, self._owner = bucket, prefix, owner
        self._lock = threading.Lock()
        self._files: dict[str, FileIO] = {}
        self._discarded = False

    @property
    def folder(self) -> Path:
        """Where the lines wait."""
        return self._folder

    @property
    def place(self) -> tuple[str, str]:
        """Bucket and prefix."""
        return self._bucket, self._prefix

    def write(self, node: str, entry: Entry) -> None:
        """Keep an entry for the next delivery."""
        line = format_entry(entry).encode("utf-8", "replace")
        with self._lock:
            if not self._discarded:
                (self._files.get(node) or self._open(node)).write(line)

    def write_test_file(self, s3: Any) -> None:
        """Put the object that AWS writes when access logs are switched on; raises botocore's ClientError."""
        account_id, _, resource_id = self._owner
        text = f"Enable AccessLog for ELB: {resource_id.split('/')[1]} at {self._clock.now():%Y-%m-%dT%H:%M:%S.%fZ}"
        s3.put_object(Bucket=self._bucket, Key=test_file_key(self._prefix, account_id), Body=text.encode())

    def deliver(self, s3: Any) -> int:
        """Put one object for each node that had requests; returns how many.

        What cannot be put is kept for the next delivery, with a warning.
        """
        end = self._clock.now()
        for node, path in self._rotate():
            self._compress(path, log_key(self._prefix, *self._owner, end, node, secrets.token_hex(4)))
        return sum(self._put(s3, path) for path in sorted(self._folder.glob("*.gz")))

    def discard(self) -> None:
        """Close and delete the files; what could not be delivered is lost, and said to be."""
        with self._lock:
            self._discarded = True
            for file in self._files.values():
                file.close()
            self._files.clear()
        if lost := list(self._folder.glob("*.gz")):
            _LOG.error("%d access log objects for bucket %s are lost: it took none of them", len(lost), self._bucket)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _open(self, node: str) -> FileIO:
        self._folder.mkdir(parents=True, exist_ok=True)
        # Unbuffered: a line is with the kernel when its request has been answered, and outlives a kill.
        file = self._files[node] = self._file_of(node).open("ab", buffering=0)
        return file

    def _rotate(self) -> list[tuple[str, Path]]:
        with self._lock:
            for file in self._files.values():
                file.close()
            self._files = {}
            return [(path.stem, path) for path in sorted(self._folder.glob("*.log"))]

    def _file_of(self, node: str) -> Path:
        return inside(self._folder, f"{node}.log")

    def _compress(self, path: Path, key: str) -> None:
        waiting = inside(self._folder, f"{key.rpartition('/')[2]}.part")
        with path.open("rb") as lines, gzip.open(waiting, "wb", compresslevel=6) as packed:
            shutil.copyfileobj(lines, packed)
        (self._folder / "keys").mkdir(exist_ok=True)
        inside(self._folder / "keys", waiting.stem).write_text(key)
        waiting.rename(waiting.with_suffix(""))
        path.unlink()

    def _put(self, s3: Any, path: Path) -> bool:
        key_file = self._folder / "keys" / path.name
        try:
            with path.open("rb") as packed:
                s3.put_object(Bucket=self._bucket, Key=key_file.read_text(), Body=packed)
        except Exception as error:
            _LOG.warning("Access log %s stays here for now, %s: %s", path.name, self._bucket, error)
            return False
        path.unlink()
        key_file.unlink()
        return True


def seconds_to_delivery(now: datetime) -> float:
    """Return the seconds to the next full five minutes."""
    return PERIOD_S - now.timestamp() % PERIOD_S
