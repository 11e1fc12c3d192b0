"""Record the cases again from a real Fluent Bit.

    FLUENT_BIT=/path/to/fluent-bit python -m tests.golden.record [--jobs 3] [PATTERN ...]

Each case is run twice; where both runs agree with what is recorded, or with each other, `expect` is written under
REFERENCE. Cases whose two runs differ are named and left as they are. The AWS outputs speak TLS to the capture server
(they cannot do otherwise), with an authority made for the run: `GOLDEN_TLS=1` for the harness.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import fnmatch
import importlib.machinery
import importlib.util
import json
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

HERE = Path(__file__).resolve().parent
REFERENCE, BEFORE = "v5.1.1", "v4.2.8"


def conformance() -> ModuleType:
    """Return the script that runs cases, as a module."""
    loader = importlib.machinery.SourceFileLoader("conformance", str(HERE / "conformance"))
    spec = importlib.util.spec_from_loader("conformance", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def main() -> int:
    """Record; print what changed; return 1 when a case could not be recorded."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("patterns", nargs="*", metavar="PATTERN")
    parser.add_argument("--jobs", type=int, default=3)
    args = parser.parse_args()
    program = os.environ.get("FLUENT_BIT")
    if not program:
        parser.error("FLUENT_BIT has to name the program")
    os.environ["GOLDEN_TLS"] = "1"
    runner = conformance()
    paths = [
        path
        for path in sorted((HERE / "cases").glob("*.json"))
        if not args.patterns or any(fnmatch.fnmatch(path.stem, pattern) for pattern in args.patterns)
    ]
    with concurrent.futures.ThreadPoolExecutor(args.jobs if os.geteuid() == 0 else 1) as pool:
        verdicts = list(pool.map(lambda path: recorded(runner, path, program), paths))
    for path, verdict in zip(paths, verdicts, strict=True):
        if verdict:
            print(f"{path.stem}: {verdict}")
    return int(any(verdict.startswith("not recorded") for verdict in verdicts))


def recorded(runner: ModuleType, path: Path, program: str) -> str:
    """Record one case; return what there is to say: nothing where the behaviour is the one recorded before."""
    case = json.loads(path.read_text())
    known = case["expect"].get(REFERENCE) or case["expect"].get(BEFORE)
    seen: list[dict[str, Any]] = []
    for _ in range(3):
        new = runner.run(path, [program], os.geteuid() == 0)
        if known is not None and _holds(runner, case, known, new):
            return _write(path, case, known, "")
        if any("harness_error" not in new and _holds(runner, case, old, new) for old in seen):
            return _write(path, case, new, "changed")
        seen.append(new)
    return f"not recorded, its runs differ: {json.dumps(seen[-1])[:200]}"


def _holds(runner: ModuleType, case: dict[str, Any], expected: dict[str, Any], seen: dict[str, Any]) -> bool:
    return not runner.judge({**case, "expect": {REFERENCE: expected}}, REFERENCE, seen)


def _write(path: Path, case: dict[str, Any], seen: dict[str, Any], verdict: str) -> str:
    expect = {version: value for version, value in case["expect"].items() if version not in (REFERENCE, BEFORE)}
    before = case["expect"].get(BEFORE)
    if before is not None and before is not seen:
        expect[BEFORE] = before  # what a user of the older one sees otherwise
    case["expect"] = {**expect, REFERENCE: seen}
    path.write_text(json.dumps(case, indent=1, ensure_ascii=False))
    return verdict


if __name__ == "__main__":
    sys.exit(main())
