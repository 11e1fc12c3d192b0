"""What an outcome of a test of others says about the local AWS. Pure.

What nobody has judged and no rule knows is a fault: the table is never better than what was looked at.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum


class Verdict(Enum):
    """Where a test belongs."""

    PASS = "pass"
    FAULT = "fault"
    MISSING = "missing"
    ELSE = "asks for something else"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Outcome:
    """How a test ended: pytest's outcome, the exception's class and text, and the file that raised it."""

    test: str
    outcome: str
    error: str = ""
    text: str = ""
    raised_in: str = ""


@dataclass(frozen=True)
class Rule:
    """A person's verdict on tests whose names begin so and whose failure says so; both may be empty, not both."""

    verdict: Verdict
    begins: str
    says: str

    def fits(self, outcome: Outcome) -> bool:
        """Whether an outcome is meant."""
        return short(outcome.test).startswith(self.begins) and self.says in " ".join(outcome.text.split())


@dataclass(frozen=True)
class Judged:
    """Verdicts by a test's id, and rules."""

    tests: Mapping[str, Verdict]
    rules: tuple[Rule, ...] = ()


_MISSING = re.compile(
    r"NotImplementedError|has not been implemented|not implemented|locally|\(501\)|"
    r"The local AWS (has|knows|does|delivers)"
)
"""What the local AWS says of what it does not have."""
_ELSE = re.compile(
    r"localhost:5000|moto-api|FOOBAR|ModuleNotFoundError|No module named|fixture '\w+' not found|server_mode|Docker",
)
"""Signs of a test that needs its own server, its own process or a program."""

_NAMES = {"fault": Verdict.FAULT, "missing": Verdict.MISSING, "else": Verdict.ELSE}
_AGES = re.compile(
    r"Signature (?:expired|not yet current): (\d{8})T\d{6}Z is (?:now earlier|still later) than (\d{8})T"
)
_STOPPED_CLOCK_DAYS = 2
"""A call that was signed so many days from the server's time, on one machine, is of a test that set its own clock."""


def judge(outcome: Outcome, judged: Judged) -> Verdict:
    """Sort one outcome; `judged` are a person's verdicts."""
    if outcome.outcome == "passed":
        return Verdict.PASS
    if outcome.outcome == "skipped":
        return Verdict.SKIPPED
    known = judged.tests.get(short(outcome.test)) or judged.tests.get(short(outcome.test).partition("[")[0])
    known = known or next((rule.verdict for rule in judged.rules if rule.fits(outcome)), None)
    if known:
        return known
    if _MISSING.search(outcome.text):
        return Verdict.MISSING
    if _ELSE.search(f"{outcome.error} {outcome.text}") or _has_set_its_clock(outcome.text):
        return Verdict.ELSE
    return Verdict.FAULT


def _has_set_its_clock(text: str) -> bool:
    """Whether a call was refused as signed days before or after: AWS refuses it, too; moto verifies no signature."""
    ages = _AGES.search(text)
    if ages is None:
        return False
    signed, bound = (datetime.strptime(day, "%Y%m%d") for day in ages.groups())
    return abs(signed - bound) >= timedelta(days=_STOPPED_CLOCK_DAYS)


def short(test: str) -> str:
    """A test's id from its file's name on."""
    name, bracket, parameters = test.partition("[")
    return name.rpartition("/")[2] + bracket + parameters


def read_judged(lines: Iterable[str]) -> Judged:
    """Verdicts from lines `verdict | test | reason`, rules from lines `verdict | begins* | what it says | reason`.

    Raises ValueError for a line of another form.
    """
    tests, rules = {}, []
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        name, *parts = (part.strip() for part in line.split("|"))
        if name not in _NAMES or len(parts) not in (2, 3) or not parts[-1]:
            raise ValueError(f"line {number}: not `fault|missing|else | test | reason`: {line.strip()}")
        if len(parts) == 2:
            tests[parts[0]] = _NAMES[name]
        elif parts[0].endswith("*") and parts[1]:
            rules.append(Rule(_NAMES[name], parts[0].removesuffix("*"), parts[1]))
        else:
            raise ValueError(f"line {number}: not `verdict | begins* | what it says | reason`: {line.strip()}")
    return Judged(tests, tuple(rules))


def row(suite: str, service: str, verdicts: Iterable[Verdict]) -> str:
    """A row of the table; tests that the suite skips are not counted as run."""
    found = Counter(verdicts)
    ran = found.total() - found[Verdict.SKIPPED]
    order = (Verdict.PASS, Verdict.FAULT, Verdict.MISSING, Verdict.ELSE, Verdict.SKIPPED)
    return "| " + " | ".join([suite, service, str(ran), *(str(found[each]) for each in order)]) + " |"


HEAD = """| suite | service | run | pass | fault | missing | asks for something else | skipped |
|---|---|---|---|---|---|---|---|"""
