"""What a stream has counted since it was made: written down as pieces leave it, so that the next server goes on."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass

from lab_helpers.local_aws.kit.service import NOTHING_KEPT, Kept

_LOG = logging.getLogger(__name__)


@dataclass
class Counters:
    """What happened since the stream was made: received = delivered + held + expired + discarded."""

    received: int = 0
    delivered: int = 0
    expired: int = 0
    discarded: int = 0
    throttled: int = 0
    objects: int = 0
    failed_attempts: int = 0
    error_events: int = 0


class Account:
    """Where one stream's counters outlive the server; `identity` says which stream of that name they are of."""

    def __init__(self, kept: Kept = NOTHING_KEPT, name: str = "", identity: str = "") -> None:
        self._kept, self._name, self._identity = kept, f"counters/{name}", identity

    def begin(self, held: int) -> Counters:
        """Return the counters to go on with; what the journal holds and nothing tells of counts as received."""
        identity, counted = self._kept.load(self._name) or ("", {})
        counters = Counters(**counted) if identity == self._identity else Counters()
        counters.received = counters.delivered + counters.expired + counters.discarded + held
        return counters

    def keep(self, counters: Counters) -> None:
        """Write the counters down; where that fails delivery goes on, and the next server counts less."""
        self._save((self._identity, asdict(counters)))

    def forget(self) -> None:
        """Forget the counters: the stream is deleted. Where that fails its identity tells that they are nobody's."""
        self._save(None)

    def _save(self, value: tuple[str, dict[str, int]] | None) -> None:
        try:
            self._kept.save(self._name, value)
        except Exception:
            _LOG.exception("%s could not be written down", self._name)
