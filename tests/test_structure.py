"""The arrows of the design: who may import whom, and that the two lists of dependencies agree.

Imports are read from the source, those inside functions and under TYPE_CHECKING included.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "lab_helpers"
LOCAL_AWS = "lab_helpers.local_aws"
STRANGERS = ("alb", "athena", "cloudwatch", "ecr", "ecs", "firehose", "logs")
DISPLAY_LIBRARIES = ("IPython", "ipywidgets", "matplotlib")
CONDA_NAMES = {
    "duckdb": "python-duckdb",
    "isal": "python-isal",
    "matplotlib": "matplotlib-base",
    "msgpack": "msgpack-python",
}
"""Python packages that conda-forge calls otherwise."""
SLOW_TO_LOAD = frozenset({"duckdb", "moto", "nbclient", "nbconvert", "nbformat", "nbval", "papermill", "polars"})
"""What costs the quick loop seconds before its first test."""
ONLY_FOR_THE_BUILD = frozenset({"editables", "hatchling"})


@dataclass(frozen=True)
class Import:
    """One import statement: the module that has it, what it names, and whether it runs when the module is loaded."""

    importer: str
    imported: str
    line: int
    at_load: bool

    def __str__(self) -> str:
        return f"{self.importer}:{self.line} imports {self.imported}"


@cache
def modules() -> dict[str, Path]:
    """All modules of the package by their dotted names."""
    return {_dotted(path): path for path in sorted(PACKAGE.rglob("*.py"))}


@cache
def imports() -> tuple[Import, ...]:
    """Every import of every module, resolved to modules of the package where it names one."""
    return tuple(found for name, path in modules().items() for found in _imports_of(name, path))


def _dotted(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imports_of(name: str, path: Path) -> Iterator[Import]:
    tree = ast.parse(path.read_text(), str(path))
    at_load = set(_statements_at_load(tree))
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(name, alias.name, node.lineno, node in at_load)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(node, package)
            for alias in node.names:
                full = f"{base}.{alias.name}"
                yield Import(name, full if full in modules() else base, node.lineno, node in at_load)


def _absolute(node: ast.ImportFrom, package: str) -> str:
    if not node.level:
        return node.module or ""
    above = package.split(".")[: len(package.split(".")) - node.level + 1]
    return ".".join([*above, *([node.module] if node.module else [])])


def _statements_at_load(tree: ast.Module) -> Iterator[ast.stmt]:
    """Yield what runs when the module is loaded: neither bodies of functions nor what is there for type checkers."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        for child in ast.iter_child_nodes(waiting.pop()):
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                continue
            if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
                continue
            if isinstance(child, ast.stmt):
                yield child
            waiting.append(child)


def within(name: str, package: str) -> bool:
    """Whether a dotted name is the package or inside it."""
    return name == package or name.startswith(package + ".")


def told(found: list[Import]) -> str:
    """The offending imports, one a line."""
    return "\n".join(map(str, found))


def test_imports_are_found() -> None:
    """The reader of imports sees absolute, relative and late ones; without it the other tests would hold nothing."""
    seen = {(found.importer, found.imported) for found in imports()}
    assert (f"{LOCAL_AWS}.server", f"{LOCAL_AWS}.front.gateway") in seen
    assert ("lab_helpers.iam.actions", "lab_helpers.iam.s3_actions") in seen
    assert (f"{LOCAL_AWS}.server", f"{LOCAL_AWS}.ecs") in seen
    assert len(modules()) > 100


def test_arrows_point_down() -> None:
    """The import contracts of pyproject.toml hold: floors, strangers, the router alone."""
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as lint; lint()"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert "kept, 0 broken" in done.stdout, done.stdout


def test_only_the_bridge_imports_moto() -> None:
    """moto has five doors: its bridge, its S3, the hooks by which it is kept, its chance and time, and its start."""
    names = ("moto_bridge", "moto_listings", "moto_s3", "state.moto_hooks", "state.moto_chance", "quick_start")
    doors = {f"{LOCAL_AWS}.{name}" for name in names}
    found = [i for i in imports() if within(i.imported, "moto") and i.importer not in doors]
    assert not found, told(found)


def test_iam_is_pure() -> None:
    """IAM decides by its arguments: it opens nothing, asks no clock, logs nothing."""
    outside = ("boto3", "botocore", "logging", "os", "pathlib", "socket", "threading", "time", "urllib.request")
    found = [i for i in imports() if within(i.importer, "lab_helpers.iam") and i.imported in outside]
    assert not found, told(found)


def test_only_display_imports_what_draws() -> None:
    """Tables and charts have one room; the rest works without a notebook."""
    found = [
        i for i in imports()
        if any(within(i.imported, library) for library in DISPLAY_LIBRARIES)
        and not within(i.importer, "lab_helpers.display")
    ]  # fmt: skip
    assert not found, told(found)


def test_a_backend_is_asked_what_it_can_do() -> None:
    """Nothing depends on a backend's name: what differs is said once, in `base.capabilities`."""
    found = [
        f"{name}:{node.lineno}"
        for name, path in modules().items()
        if not within(name, LOCAL_AWS) and name != "lab_helpers.base.config"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Compare)
        and {"backend.name", ".backend"} & {end for side in (node.left, *node.comparators) for end in _ends(side)}
    ]
    assert found == []


def test_nobody_asks_of_which_kind_a_backend_is() -> None:
    """What only some have is a member of the Protocol with a default (`backends.backend`), asked of all alike."""
    found = [
        f"{name}:{node.lineno} {ast.unparse(node)}"
        for name, path in modules().items()
        if not within(name, LOCAL_AWS)
        for node in ast.walk(ast.parse(path.read_text()))
        if _asks_for_a_kind(node)
    ]
    assert found == []
    for line in ("isinstance(x, LocalBackend)", "issubclass(t, (A, backends.AwsBackend))", "type(lab.backend) is A"):
        assert any(map(_asks_for_a_kind, ast.walk(ast.parse(line))))
    for line in ("match x:\n case EndpointBackend(): pass", "backend.__class__"):
        assert any(map(_asks_for_a_kind, ast.walk(ast.parse(line))))
    assert not any(map(_asks_for_a_kind, ast.walk(ast.parse("isinstance(x, Moment); type(x); backend.status()"))))


def _asks_for_a_kind(node: ast.AST) -> bool:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        of_kinds = node.func.id in {"isinstance", "issubclass"} and "Backend" in ast.unparse(node.args[1])
        of_backends = node.func.id in {"isinstance", "type"} and ast.unparse(node.args[0]).lower().endswith("backend")
        return of_kinds or of_backends
    if isinstance(node, ast.MatchClass):
        return ast.unparse(node.cls).endswith("Backend")
    return isinstance(node, ast.Attribute) and node.attr == "__class__" and "backend" in ast.unparse(node.value).lower()


def _ends(side: ast.expr) -> set[str]:
    text = ast.unparse(side)
    return {end for end in ("backend.name", ".backend") if text.endswith(end)}


MOST_FILES = 20
FLAT = {"lab_helpers/router/plugins": "a plugin's file is its name in the configuration"}


def test_no_folder_holds_more_files_than_one_reads_at_a_glance() -> None:
    """Twenty at most, `__init__` not counted; what belongs together gets a room of its own before that."""
    folders: dict[str, int] = {}
    for path in modules().values():
        folder = path.parent.relative_to(ROOT).as_posix()
        folders[folder] = folders.get(folder, 0) + (path.name != "__init__.py")
    full = {folder: count for folder, count in folders.items() if count > MOST_FILES}
    assert len(folders) > 50
    assert full.keys() == FLAT.keys(), full


def test_each_folder_of_the_package_says_what_it_is_for() -> None:
    """Its `__init__` has a docstring: a room is found from its name and one sentence."""
    silent = [name for name, path in modules().items()
              if path.name == "__init__.py" and not ast.get_docstring(ast.parse(path.read_text()))]  # fmt: skip
    assert silent == []


READERS_OF_THE_ENVIRONMENT = ("lab_helpers.base.config", "lab_helpers.logs.records")
"""The second for one switch, LAB_FAST_READERS: a pure package knows no settings."""


def test_only_config_reads_the_environment() -> None:
    """Settings have one reader, so that what the lab listens to is written in one place."""
    found = [
        f"{name}:{node.lineno}"
        for name, path in modules().items()
        if name not in READERS_OF_THE_ENVIRONMENT
        and not within(name, LOCAL_AWS)
        and not within(name, "lab_helpers.router")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "environb", "getenv"}
        and isinstance(node.value, ast.Name) and node.value.id == "os"
    ]  # fmt: skip
    assert not found, "\n".join(found)


ROOMS_WITH_NAMES_FROM_OUTSIDE = (
    f"{LOCAL_AWS}.ecs", f"{LOCAL_AWS}.ecr", f"{LOCAL_AWS}.alb", f"{LOCAL_AWS}.athena", f"{LOCAL_AWS}.firehose",
    f"{LOCAL_AWS}.front", f"{LOCAL_AWS}.logs", f"{LOCAL_AWS}.server", "lab_helpers.images", "lab_helpers.drills",
    "lab_helpers.exercises", "lab_helpers.workbook", "lab_helpers.lab", "lab_helpers.backends",
    "lab_helpers.classroom",
)  # fmt: skip
JOINS_OF_OUR_OWN_NAMES = {
    "context_dir / dockerfile": "the Dockerfile that the caller of the builder names, wherever it is",
    "context_dir / name": "the Dockerfile's name with .dockerignore at its end",
    "context.folder / name": "a result of a glob in the build context, looked at by `inside`",
    "at.parent / at.name.removeprefix(_WHITEOUT)": "a PurePosixPath: a name, never opened",
    "prefix / folder": "conventional places of Apache's modules",
    "folder / f'mod_{name}.so'": "Apache's modules by our own list",
    "self.data_dir / name": "the services' own names",
    "self.folder / f'{self._next:012d}-{uuid.uuid4()}{_SUFFIX}'": "a number and a UUID of ours",
    "folder / last": "unpacking: the last part of a checked name below the root file system",
    "folder / hidden": "unpacking: a whiteout's checked name",
    "places.modules / loaded[2]": "Apache's modules by a name of letters, digits and underscores",
    "folder / part": "a notebook folder of ours",
    "report_dir / f'{name}.ipynb'": "a notebook that `select` found",
    "folder / f'{name}.ipynb'": "a notebook that `select` found",
    "folder / f'{result.name}.ipynb'": "a notebook that `select` found",
    "folder / f'{notebook}.jsonl'": "a notebook that `select` found",
    "source / part": "what a student's copy holds, by our own list",
    "settings.state / name": "our own list",
    "here / name": "a student's copy: asked for its name alone",
    "folder / JAPANESE / path.relative_to(folder)": "a notebook of ours",
    "Path(folder, name)": "our own list, in a temporary folder",
    "self.settings.state / ('terraform-s3' if remote else 'terraform')": "two constants",
    "self._folder / 'keys' / path.name": "a file that was found there",
    "os.path.join('/', folder.relative_to(root).as_posix())": "unpacking: a text, normalised before a link says it",
    "os.path.join(here, says)": "unpacking: a text, normalised before a link says it",
    "NOTEBOOKS / language": "one of our languages",
    "100 * used / reserved": "numbers",
    "1 / targets": "numbers",
    "PurePosixPath(image.run_config.get('WorkingDir') or '/') / word": "of an image: Image.path looks below its root",
}
"""Joins in these rooms that take no name from outside, as they stand in the source, and why. A new one either goes
through `base.paths.inside`, or is written here with its reason."""


def test_names_from_outside_become_paths_in_one_way() -> None:
    """No `/`, joinpath or os.path.join puts a name that is not a constant behind a folder, but where it is ours."""
    found = sorted(
        f"{name}:{node.lineno} {ast.unparse(node)}"
        for name, path in modules().items()
        if any(within(name, room) for room in ROOMS_WITH_NAMES_FROM_OUTSIDE)
        for node in ast.walk(ast.parse(path.read_text()))
        if _joins_a_name(node) and ast.unparse(node) not in JOINS_OF_OUR_OWN_NAMES
    )
    assert not found, "\n".join(found)


def _joins_a_name(node: ast.AST) -> bool:
    """Whether a node makes a path of a folder and a name; a division has a number or a call of arithmetic in it."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        of_path = node.func.attr == "joinpath" or ast.unparse(node.func) == "os.path.join"
        return of_path and not all(isinstance(each, ast.Constant) for each in node.args)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Path":
        return any(not isinstance(each, ast.Constant) for each in node.args[1:])
    if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Div) or isinstance(node.right, ast.Constant):
        return False
    if isinstance(node.right, ast.Name) and node.right.id.isupper():
        return False
    return not any(isinstance(each, ast.Name | ast.Attribute) and _is_a_number(each) for each in ast.walk(node))


def _is_a_number(node: ast.Name | ast.Attribute) -> bool:
    name = node.id if isinstance(node, ast.Name) else node.attr
    return name.endswith(("_s", "_S", "MIB", "KIB", "count", "total")) or name in {
        "a",
        "b",
        "len",
        "sum",
        "int",
        "used",
    }


@pytest.fixture(scope="module")
def declared() -> dict[str, list[str]]:
    """The dependencies of pyproject.toml: {"lab": those of the core and of the workbook, "dev": requirements}."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    return {"lab": project["dependencies"] + extras["workbook"], "dev": extras["dev"]}


@pytest.fixture(scope="module")
def conda() -> tuple[list[str], list[str]]:
    """The packages of environment.yml: those of conda, and those of pip."""
    listed = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    pip = next(each["pip"] for each in listed if isinstance(each, dict))
    return [each for each in listed if isinstance(each, str)], pip


def _name(requirement: str) -> str:
    matched = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert matched is not None, requirement
    return matched.group().lower().replace("_", "-")


def test_the_quick_loop_collects_quickly() -> None:
    """Its tests load what takes seconds where they use it, and nbval, a plugin of pytest, is left out."""
    makefile = (ROOT / "Makefile").read_text()
    rooms = re.findall(r"^QUICK := (.*)$", makefile, re.MULTILINE)[0].split()
    paths = sorted(path for room in rooms for path in (ROOT / room).rglob("*.py"))
    slow = [str(each) for path in paths for each in _imports_of(_dotted(path), path)
            if each.at_load and each.imported.split(".")[0] in SLOW_TO_LOAD]  # fmt: skip
    assert len(paths) > 80
    assert slow == []
    assert re.search(r"^quick:.*\n\t.* -p no:nbval ", makefile, re.MULTILINE)


def test_conda_environment_has_what_the_project_needs(
    declared: dict[str, list[str]], conda: tuple[list[str], list[str]]
) -> None:
    """environment.yml lists each dependency once, under conda's name or for pip, and nothing else."""
    wanted = {_name(each) for each in declared["lab"] + declared["dev"]} - ONLY_FOR_THE_BUILD
    packages, pip = ([_name(each) for each in listed] for listed in conda)
    for_conda = {CONDA_NAMES.get(name, name) for name in wanted.difference(pip)}
    assert sorted(packages) == sorted(for_conda | {"python", "pip"})
    assert set(pip) <= wanted


def test_conda_environment_has_the_same_python() -> None:
    """Both files ask for the same Python."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert f"python {project['requires-python']}" in (ROOT / "environment.yml").read_text()


def test_every_line_of_the_conda_environment_says_who_needs_it() -> None:
    """A dependency without a reason cannot be removed again; pytest and the like are their own reason."""
    text = (ROOT / "environment.yml").read_text().partition("dependencies:")[2].partition("  # development")[0]
    lines = [line for line in text.splitlines() if line.startswith("  - ") and not line.startswith("  - python ")]
    assert len(lines) > 10
    assert [line for line in lines if "#" not in line] == []
