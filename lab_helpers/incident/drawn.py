"""What a seed draws: an incident with one fault, or with two that can be told apart and do not hide each other.

Pure: `scene` does it to a lab.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from itertools import combinations

from lab_helpers.base.errors import SettingsError
from lab_helpers.base.messages import say
from lab_helpers.incident.faults import FAULTS, Fault, Symptom, Ticket

MAX_SEED = 1_000_000
TWO_FROM = 1_000
"""Seeds from here have two faults where nobody says how many: the notebook's `seed` is enough to choose it."""
ZONES = (11, 12)
"""Third number of the addresses of the two subnets: one task runs in each."""
HERRING_SHARE = 0.5
"""Of the incidents about lines only, so many have a slow task besides."""


@dataclass(frozen=True)
class Incident:
    """What a seed draws: its faults, the zone of the task that is slow or wrong, and whether one is slow besides."""

    seed: int
    faults: tuple[Fault, ...]
    zone: int
    has_slow_task: bool

    @property
    def keys(self) -> tuple[str, ...]:
        """The causes of the faults."""
        return tuple(each.key for each in self.faults)

    @property
    def tickets(self) -> tuple[Ticket, ...]:
        """What was reported, each once."""
        return tuple(dict.fromkeys(each.ticket for each in self.faults))

    @property
    def symptoms(self) -> frozenset[Symptom]:
        """What is seen of the faults."""
        return frozenset(each.symptom for each in self.faults)

    @property
    def slows_a_task(self) -> bool:
        """Whether a task is slow, as a fault or besides it."""
        return self.has_slow_task or "slow_task" in self.keys


def clash(one: Fault, other: Fault) -> str:
    """Return why two faults cannot be in one incident; empty when they can."""
    if one.symptom is other.symptom:
        return f"{one.key} and {other.key} show the same: {one.symptom.value}"
    if one.mend == other.mend:
        return f"{one.key} and {other.key} are mended by one act: {one.mend}"
    for first, second in ((one, other), (other, one)):
        hidden = first.stops & second.needs
        if hidden:
            return f"{first.key} hides {second.key}: it stops {', '.join(sorted(each.value for each in hidden))}"
    return ""


PAIRS = tuple(pair for pair in combinations(FAULTS, 2) if not clash(*pair))
"""The faults that are drawn together."""


def draw(seed: int, faults: int | None = None) -> Incident:
    """Return the incident of a seed, always the same, with so many faults: 1, 2, or None, which leaves it to the seed.

    Raises SettingsError for a seed that is none, and for any other number of faults.
    """
    if not _is_whole(seed) or not 0 <= seed <= MAX_SEED:
        raise SettingsError("seed", seed, f"a whole number from 0 to {MAX_SEED}")
    if faults is not None and (not _is_whole(faults) or faults not in (1, 2)):
        raise SettingsError("faults", faults, say("1 or 2, or None, which leaves it to the seed"))
    rnd = random.Random(seed)
    if faults == 2 or (faults is None and seed >= TWO_FROM):
        chosen: tuple[Fault, ...] = rnd.choice(PAIRS)
    else:
        chosen = (rnd.choice(FAULTS),)
    zone = rnd.choice(ZONES)
    is_about_lines = all(each.ticket is Ticket.LINES for each in chosen)
    return Incident(seed, chosen, zone, is_about_lines and rnd.random() < HERRING_SHARE)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
