"""The rewrite_tag filter, and templates of tags."""

from __future__ import annotations

import pytest

from lab_helpers.router.core.log import ComponentLog
from lab_helpers.router.core.regexp import compile_pattern
from lab_helpers.router.plugin import PluginInitError, PluginKind
from lab_helpers.router.records.batch import Batch
from lab_helpers.router.records.record import Record
from lab_helpers.router.records.tag_template import Facts, match_groups, parse_tag_template
from tests.router.plugins.bench import Bench

BODY = {"log": "ERROR boom", "level": "error", "n": 2, "f": 1.5, "t": True, "none": None, "k": {"a.b": "x"}, "l": [1]}


@pytest.mark.parametrize(
    ("text", "pattern", "expected"),
    [
        ("err.$TAG", "(E)", "err.app.web-1"),
        ("$TAG.x", "(E)", "app.web-1.x"),
        ("$TAG[1].$TAG[0]", "(E)", "web-1.app"),
        ("x$TAG[7]", "(E)", "x"),
        ("$1.$2.$0", "(E)(R+)", "E.RR.ERR"),
        ("$0", "ERR", ""),  # without a group nothing is captured at all
        ("$1", "(?<word>R+)(O)", "RR"),
        ("$level.$n.$f.$t.$none.$zz.$l", "(E)", "error.2.1.500000.true.null.."),
        ("$k['a.b'].z", "(E)", "x.z"),
        ("$level.", "(E)", "error"),  # a dot at the very end is lost
        ("$level.$TAG", "(E)", "error.app.web-1"),
        ("$TAG$level", "(E)", "app.web-1$level"),  # behind a tag nothing is looked for
        ("$TAG[0]$level", "(E)", "app$level"),
        ("$TAGx$1", "(E)", "app.web-1xE"),
        ("$TAG[0", "(E)", "app[0"),
        ("x.$TAG[y]", "(E)", "x.app"),
        ("$level,$n", "(E)", "error,2"),
        ("$k", "(E)", '{"a.b":"x"}'),
        ("plain", "(E)", "plain"),
    ],
)
def test_templates(bench: Bench, text: str, pattern: str, expected: str) -> None:
    """$TAG, its parts, keys and groups are filled in; what is missing leaves nothing."""
    found = compile_pattern(pattern).search(str(BODY["log"]))
    assert found is not None
    facts = Facts("app.web-1", BODY, ComponentLog(bench.service.sink), match_groups(found))
    assert parse_tag_template(text).fill(facts) == expected
    assert ("cannot process key value" in "".join(bench.log)) == ("$l" in text.replace("$level", ""))


def test_first_rule_that_matches_decides(bench: Bench) -> None:
    """A record is emitted once under the new tag; `keep` leaves it under the old one as well."""
    lines = (
        "Name rewrite_tag\nMatch app.*\nRule $log ^(ERR) err.$1 false\nRule $log ^W warn.$TAG[1] true\nRule n . n no"
    )
    kept = bench.filtered(lines, {"log": "ERR"}, {"log": "WARN"}, {"log": "INFO"}, {"n": 5}, tag="app.web")
    assert kept == [{"log": "WARN"}, {"log": "INFO"}, {"n": 5}]
    assert [(tag, record.body["log"]) for tag, record in bench.emitted] == [("err.ERR", "ERR"), ("warn.web", "WARN")]


def test_what_the_emitter_does_not_take_keeps_its_tag(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """In its place among the others, `keep` or not; where nothing is taken, nothing has changed."""
    monkeypatch.setattr(Bench, "_emit", lambda _self, _tag, batch: list(range(1, batch.count)))
    lines = "Name rewrite_tag\nMatch app\nRule $log ^a a false\nRule $log ^b b true"
    bodies = [{"log": text} for text in ("a1", "x", "a2", "b1", "b2")]
    assert bench.filtered(lines, *bodies) == bodies[1:]
    assert bench.filtered(lines, bodies[1]) == [bodies[1]]
    monkeypatch.setattr(Bench, "_emit", lambda _self, _tag, batch: list(range(batch.count)))
    assert bench.filtered(lines, *bodies) == bodies


def test_endless_rewriting_is_stopped(bench: Bench) -> None:
    """A new tag that Match takes again goes round ten times at most; then the record goes on, with an error."""
    rewrite = bench.build(PluginKind.FILTER, "rewrite_tag", "Match *\nRule $log . again.$TAG false")
    assert bench.log == ["[ warn] [filter:rewrite_tag:rewrite_tag.0] 'Match' may cause infinite loop."]
    tag, batch = "app", Batch(records=[Record(0, {"log": "x"})])
    for _ in range(10):
        rewrite.filter_batch(tag, batch)
        assert batch.records() == []
        tag, record = bench.emitted.pop()
        batch = Batch(records=[record])
    rewrite.filter_batch(tag, batch)
    assert batch.records() == [record]
    assert any("endlessly" in line and line.startswith("[error]") for line in bench.log)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("Rule $log[ x y false", "invalid record accessor key"),
        ("Rule $log [x y false", r"could not compile regex pattern '\[x'"),
        ("Rule $log x $y[ false", r"could not compose tag: \$y\["),
        ("Emitter_Storage.type disk", "invalid 'emitter_storage.type' value"),
    ],
)
def test_refusals(bench: Bench, lines: str, message: str) -> None:
    """What the real one refuses is refused with its words."""
    with pytest.raises(PluginInitError, match=message):
        bench.filtered(f"Name rewrite_tag\nMatch app\n{lines}")
