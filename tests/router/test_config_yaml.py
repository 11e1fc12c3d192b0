"""The YAML form: what is refused is refused with the place and the words of the reference."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from lab_helpers.router.config.config_text import ConfigError, Configuration
from lab_helpers.router.config.config_yaml import read_yaml_file
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
        ("pipeline:\n  inputs: dummy\n", "2, column 10: unexpected event 'scalar-event' (6) in state 'pipeline' (10)."),
        ("pipeline:\n  inputs:\n    name: dummy\n",
         "4, column 0: unexpected event 'mapping-end-event' (10) in state 'pipeline' (10)."),
        ("pipeline:\n  inputs:\n    - - x\n",
         "3, column 8: unexpected event 'scalar-event' (6) in state 'pipeline' (10)."),
        ("- a\n", "1, column 0: unexpected event 'sequence-start-event' (7) in state 'document' (2)."),
        ("service:\n  flush:\n    a: b\n",
         "3, column 4: unexpected event 'mapping-start-event' (9) in state 'section-value' (5)."),
        ("env: x\n", "1, column 5: unexpected event 'scalar-event' (6) in state 'env' (41)."),
        ("parsers:\n  - x\n", "2, column 4: unexpected event 'scalar-event' (6) in state 'parser' (23)."),
        ("multiline_parsers: x\n",
         "1, column 19: unexpected event 'scalar-event' (6) in state 'multiline-parser' (27)."),
        ("includes:\n  a: b\n", "2, column 2: unexpected event 'mapping-start-event' (9) in state 'include' (7)."),
    ],
)  # fmt: skip
def test_a_node_of_the_wrong_kind(tmp_path: Path, text: str, where: str) -> None:
    """Recorded from 4.2.8: the event and the state, with their numbers."""
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


def test_an_alias_inside_itself_is_refused(tmp_path: Path) -> None:
    """No endless unfolding."""
    found, lines = read(tmp_path, PIPELINE + "      processors: &x\n        logs: *x\n")
    assert found is None
    assert "an alias inside what it stands for" in lines[0]


def test_an_include_that_is_not_there(tmp_path: Path) -> None:
    """The pattern, and where it stands."""
    assert read(tmp_path, "includes:\n  - nope.yaml\n" + PIPELINE)[1] == [
        "[error] [config] including file 'nope.yaml' at DIR/c.yaml:2",
        "[error] yaml error",
    ]
