"""The wheel is all that people need: it carries the workbook, and its core does without JupyterLab and pandas."""

from __future__ import annotations

import json
import marshal
import os
import subprocess
import sys
import warnings
import zipfile
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from email.parser import Parser
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from lab_helpers.base.extras import extras_of

ROOT = Path(__file__).parents[1]
CORE_MOST_BYTES = 120_000_000
HEADER_BYTES = 16
"""Of a file of bytecode, before its code."""
CORE_ONLY = """
import sys

class Without:
    def __init__(self, finder):
        self._finder = finder

    def find_spec(self, name, path=None, target=None):
        return None if name.partition(".")[0] in {modules!r} else self._finder.find_spec(name, path, target)

    def __getattr__(self, name):
        return getattr(self._finder, name)

sys.meta_path[:] = [Without(finder) for finder in sys.meta_path]
"""
"""A sitecustomize with which a Python finds none of these modules: as if only the core were installed."""
LAB = "import sys; from lab_helpers.cli.entry import main; sys.exit(main())"
STUDENT_COPY = """
from pathlib import Path
from lab_helpers.workbook.copies import student_copy
student_copy._clear = lambda path: None  # seconds, and tests/workbook/copies/test_student_copy.py looks at it
student_copy.make(Path("class"))
"""
OWN_COPY = """
from lab_helpers.base import config
from lab_helpers.workbook.copies import own_copy
settings = config.load()
own_copy.make(settings)
print(own_copy.folder_of(settings))
"""


@dataclass(frozen=True)
class Installed:
    """An unpacked wheel, as on a Python's path; `core`: the same, where no extra is installed."""

    names: frozenset[str]
    site: Path
    core: Path

    def lab(self, *words: str, cwd: Path, core: bool = False, lines: str = "") -> subprocess.CompletedProcess[str]:
        """Run the `lab` command of the wheel in a folder."""
        return self.python("-c", LAB, *words, cwd=cwd, core=core, lines=lines)

    def python(self, *argv: str, cwd: Path, core: bool = False, lines: str = "") -> subprocess.CompletedProcess[str]:
        """Run a Python that has the wheel's package, not the clone's."""
        environ = {name: value for name, value in os.environ.items() if not name.startswith("LAB_")}
        environ["PYTHONPATH"] = str(self.core if core else self.site)
        return subprocess.run(
            [sys.executable, *argv], cwd=cwd, env=environ, input=lines, capture_output=True, text=True, timeout=280,
            check=False,
        )  # fmt: skip


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The wheel, built without a network."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, timeout=60)
    (file,) = folder.glob("*.whl")
    with zipfile.ZipFile(file) as archive:
        for name in ("site", "core"):
            archive.extractall(folder / name)
        names = frozenset(archive.namelist())
    (metadata,) = (folder / "core").glob("*.dist-info/METADATA")
    requires = Parser().parsestr(metadata.read_text(encoding="utf-8")).get_all("Requires-Dist") or []
    modules = {"IPython", *extras_of(requires)}
    (folder / "core" / "sitecustomize.py").write_text(CORE_ONLY.format(modules=modules))
    return Installed(names, folder / "site", folder / "core")


def test_it_carries_the_workbook_and_nothing_of_a_run(wheel: Installed) -> None:
    """Every notebook in both languages, every Terraform and Fluent Bit file; no tests, no state, no caches."""
    for room in ("notebooks", "terraform", "fluentbit"):
        for path in (ROOT / room).rglob("*.*"):
            if path.suffix in {".ipynb", ".tf", ".conf", ".html"} and ".terraform" not in path.parts:
                name = path.relative_to(ROOT).as_posix()
                if ".ipynb_checkpoints" not in name:
                    assert f"lab_helpers/course/{name}" in wheel.names
    assert "lab_helpers/locale/ja.po" in wheel.names
    tops = {name.partition("/")[0] for name in wheel.names if ".dist-info/" not in name}
    assert tops == {"lab_helpers"}
    left = ("/.lab/", ".tfstate", "/.terraform", "checkpoints/0", "__pycache__", "course/tests/")
    assert [name for name in wheel.names if any(each in name for each in left)] == []


def test_a_new_folder_has_all_that_the_lab_works_with(wheel: Installed, tmp_path: Path) -> None:
    """`lab new`, then the own copy that `lab jupyter` opens, in that folder; outside of it there is no workbook."""
    made = wheel.lab("new", "my lab", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    assert "cd 'my lab'\nlab jupyter" in made.stdout
    folder = tmp_path / "my lab"
    copied = wheel.python("-c", OWN_COPY, cwd=folder / "notebooks")
    assert copied.stdout == f"{folder / '.lab' / 'workbook'}\n", copied.stderr
    own = folder / ".lab" / "workbook"
    assert (own / "notebooks" / "ja" / "05_cloudwatch.ipynb").is_file()
    assert (own / "terraform" / "aws_ecs.tf").read_bytes() == (ROOT / "terraform" / "aws_ecs.tf").read_bytes()
    assert (own / "lab_helpers" / "base" / "config.py").is_file(), "the README leads there"
    refused = wheel.lab("new", "my lab", cwd=tmp_path)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "not empty" in refused.stderr
    nowhere = wheel.lab("run", cwd=tmp_path)
    assert nowhere.returncode == 1
    assert nowhere.stderr == (
        f"lab: There is no workbook in {tmp_path}, nor above it. `lab new lab` lays one out; then: cd lab\n"
    )
    assert not (tmp_path / ".lab").exists()


def test_a_students_copy_can_be_made_of_it(wheel: Installed, tmp_path: Path) -> None:
    """The trainer needs no clone either: the copy is one, without answers."""
    done = wheel.python("-c", STUDENT_COPY, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    names = {path.relative_to(tmp_path / "class").as_posix() for path in (tmp_path / "class").rglob("*")}
    assert {"Makefile", "pyproject.toml", "hatch_build.py", "requirements.lock", "lab_helpers/session.py"} <= names
    assert not [name for name in names if "solutions" in name or name.startswith("lab_helpers/course")]


@pytest.mark.timeout(300)
def test_the_core_is_small(wheel: Installed) -> None:
    """All packages that `pip install firelens-lab` brings, with the bytecode that pip makes of them."""
    (metadata,) = wheel.core.glob("*.dist-info/METADATA")
    named = Parser().parsestr(metadata.read_text(encoding="utf-8")).get_all("Requires-Dist") or []
    files = [path for path in wheel.site.rglob("*") if path.is_file()]
    for name in sorted(_brought(named, frozenset())):
        found = distribution(name)
        files += [path for path in map(Path, map(found.locate_file, found.files or ())) if path.is_file()]
    sizes = [path.stat().st_size for path in files if path.suffix != ".pyc"]
    assert sum(sizes) + sum(map(_bytecode_size, files)) < CORE_MOST_BYTES


def _brought(requirements: Iterable[str], extras: frozenset[str]) -> set[str]:
    """Return the distributions that these ask for here, and those that they ask for in turn."""
    found: set[str] = set()
    for each in map(Requirement, requirements):
        if any(each.marker is None or each.marker.evaluate({"extra": extra}) for extra in extras or {""}):
            found |= {
                canonicalize_name(each.name),
                *_brought(distribution(each.name).requires or (), frozenset(each.extras)),
            }
    return found


def _bytecode_size(path: Path) -> int:
    """Return what Python writes beside a module; nothing for what is none, or is not valid here."""
    if path.suffix != ".py":
        return 0
    with warnings.catch_warnings(action="ignore"), suppress(SyntaxError):
        return HEADER_BYTES + len(marshal.dumps(compile(path.read_bytes(), str(path), "exec", dont_inherit=True)))
    return 0


@pytest.mark.timeout(300)
def test_the_core_tries_a_set_up_without_the_extras(wheel: Installed, tmp_path: Path) -> None:
    """`lab try` ends in its verdict where neither JupyterLab nor pandas, pyarrow, DuckDB or matplotlib is."""
    options = {"Name": "cloudwatch_logs", "region": "eu-west-1", "log_group_name": "/a", "log_stream_prefix": "a-"}
    router = {"name": "log_router", "image": "fluent-bit", "firelensConfiguration": {"type": "fluentbit"}}
    web = {
        "name": "web", "image": "web:7", "logConfiguration": {"logDriver": "awsfirelens", "options": options},
    }  # fmt: skip
    task = {
        "family": "shop", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256",
        "memory": "512", "taskRoleArn": "arn:aws:iam::111122223333:role/shop", "containerDefinitions": [router, web],
    }  # fmt: skip
    (tmp_path / "task.json").write_text(json.dumps(task))
    tried = wheel.lab("try", "task.json", "--json", cwd=tmp_path, core=True, lines="GET /\n")
    assert tried.returncode == 0, tried.stderr
    assert [each["record"]["log"] for each in json.loads(tried.stdout)["arrived"]] == ["GET /"]


@pytest.mark.parametrize("command", ["doctor", "jupyter", "progress"])
def test_a_command_that_needs_an_extra_names_it(wheel: Installed, tmp_path: Path, command: str) -> None:
    """One sentence, no traceback."""
    done = wheel.lab(command, cwd=tmp_path, core=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("lab: This needs the Python package ")
    assert done.stderr.endswith(", which is not installed: pip install 'firelens-lab[workbook]'\n")
