"""Size and time of an installation from the wheel: `python -m benchmarks.install [core] [workbook]`.

Each in a virtual environment of its own, twice: the second time pip's cache is warm. Seconds of the clock, and in
brackets of CPU, which other work on the machine changes less. Needs a package index.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
EXTRAS = {"core": "", "workbook": "[workbook]"}
SIZES = """
import importlib.metadata as m, os
files = {d.metadata["Name"]: [d.locate_file(f) for f in d.files or ()] for d in m.distributions()}
ours = [str(f) for name, some in files.items() if name not in ("pip", "setuptools") for f in some if os.path.exists(f)]
plain = [f for f in ours if not f.endswith(".pyc")]
print(len(files.keys() - {"pip", "setuptools"}), *(sum(map(os.path.getsize, some)) for some in (plain, ours)))
"""


def main() -> None:
    """Print a line an extra: packages, their size without bytecode and with, seconds of the two installations."""
    wanted = sys.argv[1:] or list(EXTRAS)
    with tempfile.TemporaryDirectory() as folder:
        build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder]
        subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
        (wheel,) = Path(folder).glob("*.whl")
        for name in wanted:
            seconds = [_install(Path(folder, f"{name}-{number}"), f"{wheel}{EXTRAS[name]}") for number in range(2)]
            python = Path(folder, f"{name}-1", "bin", "python")
            told = subprocess.run([python, "-I", "-c", SIZES], check=True, capture_output=True, text=True).stdout
            packages, plain, whole = map(int, told.split())
            sizes = f"{plain / 1e6:.1f} MB, {whole / 1e6:.1f} MB with bytecode"
            times = ", again ".join(f"{clock:.1f} s ({cpu:.1f})" for clock, cpu in seconds)
            print(f"{name:9} {packages} packages, {sizes}, {times}")


def _install(venv: Path, what: str) -> tuple[float, float]:
    """Return the seconds that it took, and those of CPU."""
    subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    started, used = time.monotonic(), _cpu_s()
    pip = [str(venv / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check", what]
    subprocess.run(pip, check=True)
    return time.monotonic() - started, _cpu_s() - used


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
