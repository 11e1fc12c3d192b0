"""`make bench`: every benchmark in turn, each a program of its own; `python -m benchmarks NAME …` runs some.

`make bench LARGE=1` (here `--large`) adds ten million records, some minutes more.
"""

from __future__ import annotations

import subprocess
import sys

BENCHMARKS = ("alb", "service", "analysis", "router", "lab")
"""Load balancer, the service under load, log analysis, log router, the whole lab (about fifteen minutes)."""
LARGE = "large"


def main() -> int:
    """Run the benchmarks named on the command line, or all; return 1 when one of them failed."""
    named = [name for name in sys.argv[1:] if name != f"--{LARGE}"]
    wanted = (named or list(BENCHMARKS)) + [LARGE] * (f"--{LARGE}" in sys.argv[1:])
    known = (*BENCHMARKS, LARGE)
    unknown = [name for name in wanted if name not in known]
    if unknown:
        sys.exit(f"There is no benchmark {unknown[0]}; there are {', '.join(known)}.")
    failed = []
    for name in wanted:
        print(f"\n== {name}", flush=True)
        if subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False).returncode:
            failed.append(name)
    if failed:
        print(f"\nfailed: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
