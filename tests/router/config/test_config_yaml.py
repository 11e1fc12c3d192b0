"""The YAML form: what is refused is refused with the place and the words of the reference."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

import pytest

from lab_helpers.router.config.config_text import ConfigError, Configuration
from lab_helpers.router.config.config_yaml import read_yaml_file
from lab_helpers.router.config.settings import build_service
from lab_helpers.router.core.log import ComponentLog, Sink

PIPELINE = "pipeline:\n  inputs:\n    - name: dummy\n"


def read(folder: Path, text: str) -> tuple[Configuration | None, list[str]]:
    """Return the configuration, None where it is refused, and the lines of the log without times."""
    stream = io.StringIO()
    path = folder / "c.yaml"
    path.write_text(text)
    try:
        found: Configuration | None = read_yaml_file(str(path), ComponentLog(Sink(stream=stream)))
    except ConfigError:
        found = None
    return found, [line.partition("] ")[2].replace(str(folder), "DIR") for line in stream.getvalue().splitlines()]


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("pipeline:\n  inputs: dummy\n", "2, column 10: unexpected event 'scalar-event' (6) in state 'pipeline' (11)."),
        ("pipeline:\n  inputs:\n    name: dummy\n",
         "4, column 0: unexpected event 'mapping-end-event' (10) in state 'pipeline' (11)."),
        ("pipeline:\n  inputs:\n    - - x\n",
         "3, column 8: unexpected event 'scalar-event' (6) in state 'pipeline' (11)."),
        ("- a\n", "1, column 0: unexpected event 'sequence-start-event' (7) in state 'document' (2)."),
        ("service:\n  flush:\n    - b\n",
         "3, column 4: unexpected event 'sequence-start-event' (7) in state 'section-value' (5)."),
        ("foo:\n  a:\n    b: c\n",
         "3, column 4: unexpected event 'mapping-start-event' (9) in state 'section-value' (5)."),
        ("plugins:\n  a: b\n", "2, column 2: unexpected event 'mapping-start-event' (9) in state 'plugins' (35)."),
        (PIPELINE + "      tag: &t a\n  outputs:\n    - name: stdout\n      match: *t\n",
         "7, column 13: unexpected event 'alias-event' (5) in state 'plugin-value' (17)."),
        ("pipeline:\n  - inputs:\n    - name: dummy\n",
         "2, column 2: unexpected event 'sequence-start-event' (7) in state 'pipeline' (11)."),
        ("env: x\n", "1, column 5: unexpected event 'scalar-event' (6) in state 'env' (42)."),
        ("parsers:\n  - x\n", "2, column 4: unexpected event 'scalar-event' (6) in state 'parser' (24)."),
        ("multiline_parsers: x\n",
         "1, column 19: unexpected event 'scalar-event' (6) in state 'multiline-parser' (28)."),
        ("includes:\n  a: b\n", "2, column 2: unexpected event 'mapping-start-event' (9) in state 'include' (7)."),
    ],
)  # fmt: skip
def test_a_node_of_the_wrong_kind(tmp_path: Path, text: str, where: str) -> None:
    """Recorded from 5.1.1: the event and the state, with their numbers."""
    found, lines = read(tmp_path, text)
    assert found is None
    assert lines == [
        f'[error] [config] YAML error found in file "DIR/c.yaml", line {where}',
        "[error] yaml error",
    ]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("pipeline:\n  bogus:\n    - name: x\n",
         "line 2, column 2: the pipeline component 'bogus' is not valid. Try one of these values: customs, inputs, "
         "filters or outputs."),
        ("service:\n  flush: 1\nservice:\n  flush: 2\n", "line 3, column 0: duplicated definition of 'service'"),
    ],
)  # fmt: skip
def test_parts_that_do_not_exist_or_exist_twice(tmp_path: Path, text: str, sentence: str) -> None:
    """The file's name stands there without its folder."""
    assert read(tmp_path, text)[1][0] == f'[error] [config] YAML error found in file "c.yaml", {sentence}'


def test_bad_yaml_names_the_place_and_the_line_above(tmp_path: Path) -> None:
    """libyaml's words, and the hint."""
    assert read(tmp_path, "pipeline:\n  inputs:\n    - name: dummy\n     samples: 1\n")[1] == [
        "[error] [config] invalid YAML in file DIR/c.yaml at line 4, column 6: did not find expected '-' indicator",
        "[error] [config] hint: check line 3 (above) for missing ':' or incorrect indentation",
    ]


def test_values_are_texts_as_written_and_keys_may_repeat(tmp_path: Path) -> None:
    """`null`, `yes` and `0x2` are words; what is set twice is refused later, by the plugin's options."""
    found, _ = read(tmp_path, PIPELINE + "      tag: null\n      rate: 0x2\n      rate: yes\n      copies: !odd 3\n")
    assert found is not None
    assert found.sections[0].pairs == [
        ("name", "dummy"), ("tag", "null"), ("rate", "0x2"), ("rate", "yes"), ("copies", "3"),
    ]  # fmt: skip


def test_a_map_for_a_property_is_refused(tmp_path: Path) -> None:
    """A property of a plugin is a text or a list of texts."""
    assert read(tmp_path, PIPELINE + "      dummy: {a: b}\n")[1] == [
        "[error] [config] could not configure property 'dummy' on input plugin with section name 'dummy'"
    ]


@pytest.mark.parametrize(
    ("text", "before", "where"),
    [
        ("foo:\n  - a\n", "env list is only allowed in env section",
         "line 2, column 2: unexpected event 'sequence-start-event' (7) in state 'other' (9)."),
        ("env:\n  A:\n    b: c\n", "nested maps are not allowed in env section",
         "line 3, column 4: unexpected event 'mapping-start-event' (9) in state 'section-value' (5)."),
        (PIPELINE + "      processors:\n        foo:\n          - name: x\n", "[config] unknown processor 'foo'",
         "line 5, column 8: unexpected event 'scalar-event' (6) in state 'processors' (22)."),
    ],
)  # fmt: skip
def test_some_sentences_have_one_before_them(tmp_path: Path, text: str, before: str, where: str) -> None:
    """Recorded from 5.1.1."""
    assert read(tmp_path, text)[1] == [
        f"[error] {before}",
        f'[error] [config] YAML error found in file "DIR/c.yaml", {where}',
        "[error] yaml error",
    ]


def test_variables_may_stand_in_a_list(tmp_path: Path) -> None:
    """With name and value, or as one pair."""
    found, _ = read(tmp_path, "env:\n  - name: A\n    value: b\n  - C: d\n" + PIPELINE)
    assert found is not None
    assert found.variables == {"A": "b", "C": "d"}


def test_sections_may_have_any_letter_case_and_there_may_be_several_documents(tmp_path: Path) -> None:
    """Lists of the pipeline, too."""
    found, _ = read(tmp_path, PIPELINE.replace("pipeline", "PIPELINE").replace("inputs", "Inputs") + "---\n" + PIPELINE)
    assert found is not None
    assert [section.get("name") for section in found.of_kind("input")] == ["dummy", "dummy"]


def test_customs_and_plugins_are_sections(tmp_path: Path) -> None:
    """The router then refuses those that it does not have."""
    found, _ = read(tmp_path, "customs:\n  - name: x\n    api_key: y\nplugins:\n  - /nope.so\n")
    assert found is not None
    assert [(section.name, section.pairs) for section in found.sections] == [
        ("custom", [("name", "x"), ("api_key", "y")]),
        ("plugins", [("/nope.so", "")]),
    ]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("plugins:\n  - firehose.so\n", []),
        ("plugins:\n  - /nope.so\n", [
            "[error] [proxy] error opening plugin /nope.so: '/nope.so: cannot open shared object file: No such file or "
            "directory'",
            "[error] [plugin] error loading proxy plugin: /nope.so",
        ]),
        ("customs:\n  - name: nope\n",
         ["[error] [config] section 'nope' tried to instance a plugin name that doesn't exist"]),
        ("service:\n  flush:\n    a: b\n", [
            "[error] [config] unsupported nested service property 'flush'",
            "[error] [config] could not configure service property 'flush'",
        ]),
        ("service:\n  telemetry: x\n", [
            "[error] [config] 'telemetry' must be configured as a nested 'telemetry' block",
            "[error] [config] could not configure service property 'telemetry'",
        ]),
    ],
)  # fmt: skip
def test_what_the_service_makes_of_them(tmp_path: Path, text: str, lines: list[str]) -> None:
    """Recorded from 5.1.1."""
    found, _ = read(tmp_path, text)
    assert found is not None
    stream = io.StringIO()
    with contextlib.suppress(ConfigError):
        build_service(found, {}, Sink(stream=stream))
    assert [line.partition("] ")[2] for line in stream.getvalue().splitlines()] == lines


def test_a_file_is_included_relative_to_the_one_that_names_it(tmp_path: Path) -> None:
    """Once; and a pattern that names nothing is a warning."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.yaml").write_text("includes:\n  - b.yaml\n")
    (tmp_path / "sub" / "b.yaml").write_text("pipeline:\n  filters:\n    - name: modify\n")
    found, lines = read(tmp_path, "includes:\n  - sub/a.yaml\n  - 'none*.yaml'\n" + PIPELINE)
    assert found is not None
    assert [section.name for section in found.sections] == ["filter", "input"]
    assert lines == ["[ warn] [read_glob] glob: [DIR/none*.yaml] no match"]
    assert read(tmp_path, "includes:\n  - sub/b.yaml\n  - sub/b.yaml\n" + PIPELINE)[1] == [
        "[error] [config] file 'sub/b.yaml' is already included",
        "[error] [config] including file 'sub/b.yaml' at DIR/sub/b.yaml:3",
        "[error] yaml error",
    ]


def test_a_classic_file_cannot_be_included(tmp_path: Path) -> None:
    """Its first heading is a list; both files say so."""
    (tmp_path / "a.conf").write_text("[FILTER]\n    Name modify\n")
    assert read(tmp_path, "includes:\n  - a.conf\n" + PIPELINE)[1] == [
        '[error] [config] YAML error found in file "DIR/a.conf", line 1, column 0: '
        "unexpected event 'sequence-start-event' (7) in state 'document' (2).",
        "[error] yaml error",
        "[error] [config] including file 'a.conf' at DIR/c.yaml:2",
        "[error] yaml error",
    ]


def test_the_service_is_there_once_in_all_files(tmp_path: Path) -> None:
    """An included one counts."""
    (tmp_path / "a.yaml").write_text("service:\n  flush: 1\n")
    assert read(tmp_path, "includes:\n  - a.yaml\nservice:\n  flush: 1\n")[1][0] == (
        "[error] [config] YAML error found in file \"c.yaml\", line 3, column 0: duplicated definition of 'service'"
    )


def test_an_include_that_is_not_there(tmp_path: Path) -> None:
    """The pattern, and where it stands."""
    assert read(tmp_path, "includes:\n  - nope.yaml\n" + PIPELINE)[1] == [
        "[error] [config] including file 'nope.yaml' at DIR/c.yaml:2",
        "[error] yaml error",
    ]
