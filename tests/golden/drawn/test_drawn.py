"""Random cases: the same for the same seed; the router reads and builds each, and runs some, with no internal error."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lab_helpers.router import plugins
from lab_helpers.router.config.config_text import read_file
from lab_helpers.router.config.settings import build_service
from lab_helpers.router.core.log import ComponentLog, Level, Sink
from lab_helpers.router.engine.built_parts import InitError
from lab_helpers.router.engine.engine import Engine
from lab_helpers.router.plugin import PluginKind

from tests.golden.drawn import __main__ as command
from tests.golden.drawn.cases import case
from tests.golden.drawn.filters import FILTERS
from tests.golden.record import REFERENCE, conformance

HANDFUL = range(24)
RUN = (0, 4, 6)
ARTICLE = Path(__file__).parents[1] / "cases" / "article.json"


def sections(one: dict[str, Any]) -> Iterator[tuple[PluginKind, str]]:
    """Yield the plugins of a case's configuration."""
    for kind, name in re.findall(r"^\[(INPUT|FILTER|OUTPUT)\]\n    Name (\S+)$", one["extra_conf"], re.M):
        yield PluginKind(kind.lower()), name


def test_a_seed_and_a_number_are_a_case() -> None:
    """Whatever was drawn before; another seed or number is another one."""
    assert case(1, 7) == case(1, 7)
    assert len({json.dumps(case(seed, number)) for seed in (1, 2) for number in HANDFUL}) == 2 * len(HANDFUL)
    assert case(1, 0)["name"] == "drawn-1-0000"


def test_a_case_has_the_form_of_a_recorded_one() -> None:
    """So that the recorder keeps it."""
    assert set(case(1, 0)) == set(json.loads(ARTICLE.read_text())) - {"observe"} | {"files", "unordered", "wait"}


def test_every_filter_is_drawn_and_every_plugin_is_there() -> None:
    """None is forgotten, none is one that this router lacks."""
    drawn = {each for number in HANDFUL for each in sections(case(1, number))}
    assert {name for kind, name in drawn if kind is PluginKind.FILTER} == set(FILTERS)
    assert {name for kind, name in drawn if kind is PluginKind.INPUT} == {"dummy", "tail"}
    assert all(plugins.load(kind, name) is not None for kind, name in drawn)


@pytest.mark.parametrize("number", HANDFUL)
def test_a_drawn_configuration_is_read_and_built(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Built whole, or refused with an error line, as the real one refuses some of them."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    one = case(1, number)
    for name, text in {**one["files"], "main.conf": one["extra_conf"]}.items():
        (tmp_path / name).write_text(text.replace("$DIR", str(tmp_path)), encoding="utf-8")
    text = io.StringIO()
    sink = Sink(Level.ERROR, text)
    configuration = read_file(str(tmp_path / "main.conf"), ComponentLog(sink))
    engine = Engine(configuration, build_service(configuration, {}, sink))
    try:
        engine.build()
    except InitError:
        assert "[error]" in text.getvalue()
    finally:
        engine.close()


@pytest.mark.parametrize("number", RUN)
def test_the_router_runs_a_drawn_case(number: int, tmp_path: Path) -> None:
    """It starts, filters, delivers and ends by itself on SIGTERM; no traceback is among its lines."""
    path = tmp_path / "case.json"
    path.write_text(json.dumps({**case(1, number), "wait": {"quiet": 0.2}}), encoding="utf-8")
    isolated = os.geteuid() == 0 and shutil.which("unshare") is not None and shutil.which("ip") is not None
    seen = conformance().run(path, list(command.OURS), isolated)
    assert (seen.get("exit_code"), seen.get("harness_error")) == (0, None)
    assert seen["cloudwatch"]["g"]["streams"]
    assert "Traceback" not in "".join(seen["stderr"])


def test_a_case_runs_through_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    """What differs is told, and kept with the real one's outcome: the script that runs cases is a stand-in here."""
    runner = conformance()
    monkeypatch.setattr(command, "conformance", lambda: runner)
    seen = {"calls": [], "stderr": [], "exit_code": 0, "exit_seconds": "under 2"}
    monkeypatch.setattr(runner, "run", lambda _path, router, _isolated: {**seen, "calls": [len(router)]})
    program = tmp_path / "fluent-bit"
    program.write_text("")
    program.chmod(0o755)
    assert command.main(["--cases", "1", "--fluent-bit", str(program), "--keep", str(tmp_path / "kept")]) == 1
    kept = json.loads((tmp_path / "kept" / "drawn-1-0000.json").read_text())
    assert kept["expect"] == {REFERENCE: {**seen, "calls": [1]}}
    assert "calls [0]: expected 1, got 3" in capsys.readouterr().out


def test_what_differs_once_only_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    """A second run that agrees hides nothing: something races."""
    runner = conformance()
    monkeypatch.setattr(command, "conformance", lambda: runner)
    calls = iter([1, 2, 3, 3])
    seen = {"stderr": [], "exit_code": 0, "exit_seconds": "under 2"}
    monkeypatch.setattr(runner, "run", lambda *_: {**seen, "calls": [next(calls)]})
    program = tmp_path / "fluent-bit"
    program.write_text("")
    program.chmod(0o755)
    assert command.main(["--cases", "1", "--fluent-bit", str(program)]) == 1
    assert "calls (in one of two runs) [0]: expected 1, got 2" in capsys.readouterr().out


def test_a_program_that_is_none_is_refused(tmp_path: Path, capsys: Any) -> None:
    """Before anything runs."""
    with pytest.raises(SystemExit):
        command.main(["--fluent-bit", str(tmp_path / "nothing")])
    assert "is no program that can be run" in capsys.readouterr().err
