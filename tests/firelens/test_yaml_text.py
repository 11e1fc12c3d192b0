"""A configuration in YAML is changed where it stands, and nowhere else."""

from __future__ import annotations

import pytest

from lab_helpers.firelens.yaml_text import YamlText

BLOCK = """# 日本語
pipeline:
  outputs:
    - endpoint: a  # ours
      name: s3
      match: '*'
      port: 1
    - name: http
      host: x
"""
FLOW = "pipeline: {outputs: [{endpoint: a, name: s3, match: '*', port: 1}]}\n"


@pytest.mark.parametrize("text", ["a: [", "", "x", "- a\n", "a: &a [*a]\n"])
def test_what_is_no_configuration_stays(text: str) -> None:
    """It has no section, and nothing in it is changed."""
    found = YamlText(text)
    assert list(found.parts()) == []
    assert found.changed() == text


def test_pairs_are_taken_out_put_in_and_replaced() -> None:
    """The first and the last of a map, too; comments and other lines stay."""
    found = YamlText(BLOCK)
    s3, http = found.parts()
    found.remove(s3, {"endpoint", "port"})
    found.add(s3, [("tls", "off"), ("Match", "x: y")])
    assert http.name == "http"
    assert found.changed() == BLOCK.replace("endpoint: a  # ours\n      ", "").replace("\n      port: 1", "").replace(
        "name: s3", 'name: s3\n      tls: "off"'
    ).replace("'*'", '"x: y"')


def test_the_same_in_braces() -> None:
    """A map may be written on one line."""
    found = YamlText(FLOW)
    (s3,) = found.parts()
    found.remove(s3, {"endpoint", "port"})
    found.add(s3, [("tls", "off")])
    assert found.changed() == "pipeline: {outputs: [{name: s3, tls: \"off\", match: '*'}]}\n"


@pytest.mark.parametrize(
    "text",
    ["pipeline:\n  inputs: x\n  outputs:\n    - name: s3\n", "x: &a {}\ny: *a\npipeline:\n  outputs:\n    - name: s3\n",
     "pipeline:\n  bogus: []\n  outputs:\n    - name: s3\n", "service: x\npipeline:\n  outputs:\n    - name: s3\n"],
)  # fmt: skip
def test_a_file_that_is_refused_for_its_shape_keeps_its_lines(text: str) -> None:
    """The router names the user's own lines."""
    found = YamlText(text)
    for part in found.parts():
        found.add(part, [("tls", "off")])
    assert found.changed() == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [("includes:\n  - a*.yaml\n", 'includes:\n  - "/x/a"\n  - "/x/b"\n'),
     ("includes: [a*]\n", 'includes: ["/x/a", "/x/b"]\n')],
)  # fmt: skip
def test_a_pattern_becomes_the_files_that_it_names(text: str, expected: str) -> None:
    """Each one of the list."""
    found = YamlText(text)
    found.replace_in_list(found.sections[0].scalars[0], ["/x/a", "/x/b"])
    assert found.changed() == expected
