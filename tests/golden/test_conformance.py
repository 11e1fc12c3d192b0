"""The log router behaves like the recorded Fluent Bit 5.1.1: each recorded case is a test, and each has to hold."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
NOT_YET = frozenset(
    line.split()[0] for line in (HERE / "not_yet.txt").read_text().splitlines() if not line.startswith("#")
)
"""What does not hold, each with its reason in the file."""
CASES = tuple(sorted({path.stem for path in (HERE / "cases").glob("*.json")} - NOT_YET))
ROUTER = shlex.join([sys.executable, "-m", "lab_helpers.router"])
SIDE_BY_SIDE = 4
ALONE = frozenset({
    "conf-service-flush", "cw-throttle-order", "mem-buf-limit", "partial-multiline-unfinished", "retry-default-timing",
    "s3-upload-timeout", "term-buffered", "term-slow-server", "versus-s3-multipart-complete-fails",
    "versus-s3-multipart-part-fails",
})  # fmt: skip
"""What these cases look at is when something happens: beside others it happens late. They run one after the other."""
TOLD = re.compile(r"^(\S+): .*\n((?: {4}.*\n)+)", re.M)
"""A case that does not hold, as the script prints it: its name, what it is about, and the differences below."""

pytestmark = [pytest.mark.conformance, pytest.mark.timeout(3600)]


def failures(cases: Iterable[str], jobs: int) -> dict[str, str]:
    """Run cases once, without a second try; return what does not hold, by case."""
    names = sorted(cases)
    if not names:
        return {}
    command = [sys.executable, str(HERE / "conformance"), "--router", ROUTER, "--tries", "1", "--verbose"]
    command += ["--jobs", str(jobs), *names]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=HERE.parents[1])
    found = {match[1]: match[2] for match in TOLD.finditer(done.stdout)}
    summary = re.search(r"^(\d+) passed, (\d+) failed$", done.stdout, re.M)
    assert summary, f"the script came to no end: {done.stdout[-2000:]}{done.stderr[-2000:]}"
    assert (int(summary[1]) + int(summary[2]), int(summary[2])) == (len(names), len(found))
    return found


@pytest.fixture(scope="module")
def failed(request: pytest.FixtureRequest) -> dict[str, str]:
    """What does not hold of the cases that this run of pytest has chosen; all are run before the first is judged."""
    chosen = {item.callspec.params["case"] for item in request.session.items if _is_case(item)}
    return failures(chosen - ALONE, SIDE_BY_SIDE) | failures(chosen & ALONE, 1)


def _is_case(item: pytest.Item) -> bool:
    return isinstance(item, pytest.Function) and item.path == Path(__file__) and "case" in item.fixturenames


@pytest.mark.parametrize("case", CASES)
def test_recorded_case_holds(case: str, failed: dict[str, str]) -> None:
    """Deliveries, calls, ending and messages are those of the real one."""
    assert case not in failed, "\n" + failed[case]


def test_the_cases_that_run_alone_are_there() -> None:
    """A case that was renamed does not run beside others again without a word."""
    assert set(CASES) | NOT_YET >= ALONE
