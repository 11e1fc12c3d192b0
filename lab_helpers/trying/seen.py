"""What was seen of one trial, as data: the fixture `firelens` returns it, `report.text` shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lab_helpers.firelens.classic import Section
from lab_helpers.router.recording.filter_steps import Step
from lab_helpers.trying.configuration import Line
from lab_helpers.trying.evidence import Arrived
from lab_helpers.trying.outside.sent import Sent

EMITTING = frozenset({"multiline", "rewrite_tag"})


@dataclass(frozen=True)
class Trial:
    """What was seen. `calls` are by role and operation, `refused` as `lab explain-denials` has them.

    `outside`: what outputs that lead outside AWS would have sent; their records are among `arrived`, too.

    `dropped`: what is lost for good, by place and reason; `unmatched`: filters and outputs that fit no tag;
    `steps`: what each filter made of the first records, the filter by its place among all filters.
    """

    configuration: tuple[Line, ...]
    stopped: str
    exit_codes: Mapping[str, int | None]
    arrived: tuple[Arrived, ...]
    outside: tuple[Sent, ...]
    calls: Mapping[str, Mapping[str, int]]
    refused: tuple[Mapping[str, str], ...]
    balance: Mapping[str, Any]
    dropped: Mapping[str, int]
    unmatched: tuple[str, ...]
    complaints: tuple[str, ...]
    notes: tuple[str, ...]
    printed: Mapping[str, int]
    kept: str = ""
    """Where the local AWS is that was left standing."""
    logs: tuple[str, ...] = field(default=(), repr=False)
    steps: tuple[Step, ...] = field(default=(), repr=False)
    sections: tuple[tuple[Section, str], ...] = field(default=(), repr=False)
    """What stands in the configuration, with its author."""
    main: str = ""
    """The configuration that the router's command names; "": the one that FireLens generates."""

    @property
    def generated_config(self) -> str:
        """The configuration with the user's files behind the lines that include them, without the authors."""
        return "\n".join(line.text for line in self.configuration) + "\n"

    @property
    def put_in_again(self) -> tuple[str, ...]:
        """Filters that put in again what they take: it counts as removed, whatever becomes of it."""
        found = (each for each, _ in self.sections if each.name in EMITTING)
        return tuple(dict.fromkeys(each.name for each in found))

    @property
    def cloudwatch(self) -> tuple[Arrived, ...]:
        return self.of("cloudwatch")

    @property
    def firehose(self) -> tuple[Arrived, ...]:
        return self.of("firehose")

    @property
    def kinesis(self) -> tuple[Arrived, ...]:
        return self.of("kinesis")

    @property
    def s3(self) -> tuple[Arrived, ...]:
        return self.of("s3")

    def of(self, kind: str) -> tuple[Arrived, ...]:
        """Return what arrived at one kind of destination, such as "datadog"."""
        return tuple(each for each in self.arrived if each.kind == kind)

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON takes it."""
        return {
            "configuration": [vars(line) for line in self.configuration],
            "task": {"stoppedReason": self.stopped, "exitCodes": dict(self.exit_codes)},
            "printed": dict(self.printed),
            "arrived": [vars(each) for each in self.arrived],
            "outside": [vars(each) for each in self.outside],
            "calls": {role: dict(calls) for role, calls in self.calls.items()},
            "refused": [dict(each) for each in self.refused],
            "balance": dict(self.balance), "dropped": dict(self.dropped), "unmatched": list(self.unmatched),
            "complaints": list(self.complaints), "notes": list(self.notes), "kept": self.kept,
            "steps": [each.as_dict() for each in self.steps],
        }  # fmt: skip
