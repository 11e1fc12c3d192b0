"""What a row of the soak promises, what it counted, and whether the promise holds: no I/O."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Promise:
    """What may happen to the lines of answered requests. `lost_at_most` None: as many as `lab status` says."""

    words: str
    lost_at_most: int | None = 0
    may_double: bool = False


EACH_ONCE = Promise("each line once")
AT_LEAST_ONCE = Promise("each line at least once", may_double=True)
AS_RETRIES_SAY = Promise("what Retry_Limit gives up is counted", lost_at_most=None, may_double=True)


def at_most(lost: int, why: str) -> Promise:
    """Return the promise of a bounded loss."""
    return Promise(f"at most {lost} lost: {why}", lost)


@dataclass(frozen=True)
class Arrival:
    """The lines in one destination: all copies, and how many of the sent requests are among them."""

    arrived: int
    unique: int
    lost: int

    @classmethod
    def of(cls, sent: Iterable[str], found: Counter[str]) -> Arrival:
        """Count what was found of the requests that were sent."""
        wanted = set(sent)
        there = {each: count for each, count in found.items() if each in wanted}
        return cls(sum(there.values()), len(there), len(wanted) - len(there))

    @property
    def doubled(self) -> int:
        """How many copies there are beyond the first."""
        return self.arrived - self.unique

    def keeps(self, promise: Promise, told_lost: int | None = None) -> bool:
        """Whether a promise holds here, and no more is lost than is told; `told_lost` None: nobody tells."""
        bounded = promise.lost_at_most is None or self.lost <= promise.lost_at_most
        is_told = promise.lost_at_most is not None if told_lost is None else self.lost <= told_lost
        return bounded and is_told and (promise.may_double or self.doubled == 0)

    def __str__(self) -> str:
        return f"{self.arrived:,} / {self.unique:,} / {self.doubled:,} / {self.lost:,}"


@dataclass(frozen=True)
class Outcome:
    """One row: the requests answered with 200 and those that were not, what arrived where, and how long after."""

    name: str
    promise: Promise
    sent: int
    unanswered: int
    arrivals: dict[str, Arrival]
    recovery_s: float
    counted_lost: dict[str, int] | None = None
    """The lines lost on the way to each destination as `lab status` counts them (those of health checks are among
    them); None where it does not say."""
    skipped: str = ""
    remarks: dict[str, object] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        """Whether every destination keeps the promise, and its losses are told; a row that was skipped breaks none."""
        told = self.counted_lost or {}
        return bool(self.skipped) or all(
            arrival.keeps(self.promise, told.get(where)) for where, arrival in self.arrivals.items()
        )

    def __str__(self) -> str:
        if self.skipped:
            return f"{self.name}: skipped, {self.skipped}"
        told = "; ".join(f"{where} {arrival}" for where, arrival in self.arrivals.items())
        lost = ", ".join(f"{where} {count:,}" for where, count in (self.counted_lost or {}).items())
        counted = f"; lost by lab status: {lost}" if lost else ""
        more = "".join(f"; {name} {value}" for name, value in self.remarks.items())
        verdict = "held" if self.holds else "BROKEN"
        return (
            f"{self.name}: sent {self.sent:,} ({self.unanswered} not answered with 200); {told}; complete after "
            f"{self.recovery_s:.1f} s{counted}{more}; {self.promise.words}: {verdict}"
        )


HEAD = "Lines as arrived / unique / twice / lost."
