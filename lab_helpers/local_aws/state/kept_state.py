"""All that a server keeps in its folder, opened when it starts, and written on until it ends."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lab_helpers.local_aws.state.moto_state import MotoState
from lab_helpers.local_aws.state.rooms import Room
from lab_helpers.local_aws.state.store import FILE, StateStore
from lab_helpers.local_aws.state.version import readable_versions, state_version

_LOG = logging.getLogger(__name__)
OBJECTS = "objects"
LATER_S = 1.0
"""How long what may wait waits: the last ingestion of a stream, what reading made, the syncing of files."""


class KeptState:
    """The state of one folder; raises StateVersionError or StateDamagedError when it is made."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._store = StateStore(data_dir / FILE, state_version(), readable_versions())
        self.moto = MotoState(self._store, data_dir / OBJECTS)
        self._begun = False
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None
        self._later: tuple[Callable[[], None], ...] = ()

    @property
    def port(self) -> int:
        """The port at which this state was last served, 0 for a new state."""
        return int(self._store.meta("port") or 0)

    def room(self, name: str) -> Room:
        """Return what one of our own services keeps."""
        return Room(self._store, f"own/{name}")

    def begin(self, instance_id: str, port: int) -> str:
        """Take moto over; return the instance's id, which is the state's own where it has one."""
        known = self._store.meta("instance")
        if known is None:
            self._store.set_meta("instance", instance_id)
            self._store.set_meta("since", datetime.now(UTC).isoformat(timespec="seconds"))
        self._store.set_meta("port", str(port))
        self.moto.begin()
        self._begun = True
        return known or instance_id

    def keep_regularly(self, *keep_later: Callable[[], None]) -> None:
        """Call each `keep_later` once a second from now on, and at the end; sync what was written."""
        self._later = keep_later
        self._thread = threading.Thread(target=self._keep, name="state", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Keep what waits and close; safe twice."""
        self._ending.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
            self._keep_once()
        if self._begun:
            self._begun = False
            self.moto.end()
        self._store.close()

    def status(self) -> dict[str, Any]:
        """Return what `lab status` tells of what is kept."""
        ((events,),) = self._store.rows("SELECT count(*) FROM events")
        ((objects,),) = self._store.rows("SELECT count(*) FROM objects")
        return {
            "kept": True,
            "since": self._store.meta("since"),
            "version": state_version(),
            "file_bytes": (self._data_dir / FILE).stat().st_size,
            "log_events": events,
            "object_keys": objects,
            "not_kept": self.moto.failures,
        }

    def _keep(self) -> None:
        while not self._ending.wait(LATER_S):
            self._keep_once()

    def _keep_once(self) -> None:
        for keep in (*self._later, self.moto.sync):
            try:
                keep()
            except Exception:
                _LOG.exception("a part of the state could not be kept")
