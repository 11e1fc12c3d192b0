"""What the router reads: FireLens' configuration, or the one that its command names."""

from __future__ import annotations

from typing import Any

import pytest

from lab_helpers.trying import reading
from lab_helpers.trying.configuration import AGENT, Given, Line

MAIN = "/fluent-bit/etc/fluent-bit.yaml"
YAML = """includes:
  - filters.yaml
pipeline:
  inputs:
    - name: forward
      unix_path: SOCKET
  outputs:
    - name: datadog
      match: '*'
"""
FILTERS = "pipeline:\n  filters:\n    - name: grep\n      match: '*'\n"
SOCKET = "/var/run/fluent.sock"
FILES = Given({"fluent-bit.yaml": YAML.replace("SOCKET", SOCKET), "filters.yaml": FILTERS})
GENERATED = [Line("[INPUT]", AGENT), Line("    Name forward", AGENT)]


@pytest.mark.parametrize(
    ("router", "files", "main"),
    [
        ({}, Given(), ""),
        ({"command": ["/fluent-bit/bin/fluent-bit", "-c", MAIN]}, Given(), MAIN),
        ({"command": ["/fluent-bit/bin/fluent-bit", "-c", "/fluent-bit/etc/fluent-bit.conf"]}, Given(), ""),
        ({"entryPoint": ["sh", "-c"], "command": [f"exec fluent-bit --config={MAIN} -q"]}, Given(), MAIN),
        ({"entryPoint": ["sh", "-c", "/fluent-bit/bin/fluent-bit"]}, Given(), ""),
        ({}, Given(command=("/fluent-bit/bin/fluent-bit", "-c/a.conf")), "/a.conf"),
        ({"command": ["x"]}, Given(entry_point=("fluent-bit",), command=("-c", "/a.conf")), ""),
        ({}, Given({"go.sh": f'exec fluent-bit -c "{MAIN}"\n'}, {"/go.sh": "go.sh"}, ("/go.sh",)), MAIN),
    ],
)  # fmt: skip
def test_the_command_says_what_is_read(router: dict[str, Any], files: Given, main: str) -> None:
    """The definition's, the image's, in a shell's words, or in a script of the image; FireLens' own is none of them."""
    assert reading.main_path(router, files) == main


def test_a_yaml_file_is_read_with_what_it_includes() -> None:
    """Each line and each section has its author; FireLens' configuration is not there, and that is said."""
    found = reading.read(MAIN, GENERATED, FILES)
    assert [(section.label, author) for section, author in found.sections] == [
        ("FILTER grep", "your file filters.yaml"),
        ("INPUT forward", "your file fluent-bit.yaml"),
        ("OUTPUT datadog", "your file fluent-bit.yaml"),
    ]
    assert {line.author for line in found.lines} == {"your file filters.yaml", "your file fluent-bit.yaml"}
    told = " ".join(reading.notes(found, {"web": {"Name": "s3"}, "api": {}}, FILES))
    assert "what FireLens generates is not read" in told
    assert "the log options of web have no effect" in told
    assert "none comes" not in told


def test_a_router_that_does_not_listen_gets_no_line() -> None:
    """Where Fargate delivers the lines is FireLens' own place."""
    files = Given({"fluent-bit.yaml": YAML.replace("SOCKET", "/tmp/x.sock")})
    found = reading.read(MAIN, GENERATED, files)
    assert found.missing == ("filters.yaml",)
    assert "unix_path /var/run/fluent.sock" in reading.notes(found, {"web": {}}, files)[-1]


def test_a_classic_file_can_include_what_firelens_generates() -> None:
    """Then it is read after all."""
    files = Given({"own.conf": "[SERVICE]\n    Flush 1\n@INCLUDE /fluent-bit/etc/fluent-bit.conf\n"})
    found = reading.read("/own.conf", GENERATED, files)
    assert [section.label for section, _ in found.sections] == ["SERVICE", "INPUT forward"]
    assert reading.notes(found, {"web": {"Name": "s3"}}, files) == []


def test_yaml_that_firelens_includes_is_told() -> None:
    """FireLens itself has no YAML: the task ends, and the note says what would do."""
    found = reading.read("", [Line("@INCLUDE /extra.yaml", AGENT), Line("pipeline:", "your file extra.yaml")], FILES)
    (told,) = reading.notes(found, {"web": {}}, FILES)
    assert told.startswith("extra.yaml is YAML, but FireLens includes it in a classic configuration")


def test_a_main_file_that_was_not_given_is_named() -> None:
    """Nobody can know what is in it."""
    assert reading.read("/none.conf", GENERATED, FILES).missing == ("/none.conf",)


def test_a_file_in_the_place_of_firelens_own_is_told() -> None:
    """The commonest mistake with an image: the agent's file hides it."""
    files = Given({"fluent-bit.conf": "[OUTPUT]\n"}, {"/fluent-bit/etc/fluent-bit.conf": "fluent-bit.conf"})
    (told,) = reading.notes(reading.read("", GENERATED, files), {"web": {}}, files)
    assert told.startswith("fluent-bit.conf lies at /fluent-bit/etc/fluent-bit.conf in the image")
