"""The router stands alone and stays light."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import lab_helpers.router as router

FOLDER = Path(router.__file__).parent
PACKAGE = "lab_helpers.router"
OTHERS = {"msgpack", "orjson", "pybase64", "isal", "yaml", "zstandard", "pyarrow", "lupa"}
HEAVY = {
    "ssl", "http.client", "email", "asyncio", "urllib.request", "logging", "yaml", "difflib", "isal", "zstandard",
    "pyarrow", "lupa",
    "moto", "boto3", "botocore", "lab_helpers.base.errors",
}  # fmt: skip


def imported(path: Path) -> Iterator[str]:
    """Yield the modules that a file imports, at any depth of its code."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module or ""


@pytest.mark.parametrize("path", sorted(FOLDER.rglob("*.py")), ids=lambda path: path.stem)
def test_a_module_imports_only_the_router_and_few_libraries(path: Path) -> None:
    """No other part of the lab, no AWS SDK: the router is a program of its own."""
    for name in imported(path):
        top = name.partition(".")[0]
        if name.startswith(PACKAGE) or top in OTHERS:
            continue
        assert top in sys.stdlib_module_names or top == "_json", f"{path.name} imports {name}"


def test_the_articles_router_starts_without_heavy_modules() -> None:
    """What only some configurations need is imported by them: memory when idle is part of what is measured."""
    script = (
        "import sys\n"
        "from lab_helpers.router import command, plugins\n"
        "from lab_helpers.router.plugin import PluginKind as K\n"
        "[plugins.load(*one) for one in ((K.INPUT, 'forward'), (K.FILTER, 'record_modifier'), (K.OUTPUT, 'null'),"
        " (K.OUTPUT, 'cloudwatch_logs'), (K.OUTPUT, 'kinesis_firehose'))]\n"
        "print('\\n'.join(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert HEAVY & set(done.stdout.split()) == set()
