"""A copy of a configuration gets the local AWS's transport, and nothing else changes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lab_helpers.firelens import ContainerLog, RouterInputs, Transport, generate, localise
from lab_helpers.firelens.localise import outputs

REAL: dict[str, Any] = json.loads(Path(__file__).with_name("fluent-bit-5.1.json").read_text())
"""Plugins of a real Fluent Bit 5.1.1 with their options, and whether they take `tls on`. Source: `fluent-bit -J`."""

PLAIN, TLS = Transport("127.0.0.1", 4566), Transport("127.0.0.1", 4567, "/x/ca.pem")
EXTRA = "[OUTPUT]\n    Name   cloudwatch_logs\n    Match  *\n    region ap-northeast-1\n"


def _same(path: str) -> list[str]:
    return [path]


def test_aws_outputs_get_endpoint_and_port() -> None:
    """Right behind the Name, with its indentation; the user's own lines stay as they are."""
    lines = localise(EXTRA, PLAIN, _same).split("\n")
    assert lines[1:5] == ["    Name   cloudwatch_logs", "    endpoint 127.0.0.1", "    port 4566", "    tls off"]
    assert lines[:2] + lines[5:] == EXTRA.split("\n")


def test_the_real_fluent_bit_gets_the_labs_authority() -> None:
    """Its AWS outputs speak TLS whatever one says, so they are told whom to trust, and nothing more."""
    text = localise(EXTRA, TLS, _same)
    assert "    port 4567\n    tls.ca_file /x/ca.pem\n" in text
    assert "tls on" not in text


@pytest.mark.parametrize("transport", [PLAIN, TLS])
@pytest.mark.parametrize("output", sorted(REAL["outputs"]))
def test_the_real_fluent_bit_takes_what_is_written(output: str, transport: Transport) -> None:
    """No line that 5.1.1 would refuse: an option it does not know, or TLS switched on where it has no switch."""
    known, has_switch = REAL["outputs"][output]["options"], REAL["outputs"][output]["tls"]
    for line in transport.lines(output):
        key, value = line.split(" ", 1)
        assert key in known or key in REAL["everywhere"], f"{output} of Fluent Bit refuses {key}"
        assert key != "tls" or value == "off" or has_switch, f"{output} of Fluent Bit does not support TLS"


@pytest.mark.parametrize("router", [RouterInputs(), RouterInputs("/x/s.sock", 1, 2)])
def test_the_real_fluent_bit_takes_what_is_generated(router: RouterInputs) -> None:
    """The agent's text and the local one: sections, plugins and options that 5.1.1 has."""
    logs = [ContainerLog("a", "cloudwatch_logs", "x", "y", {"region": "r", "log_group_name": "g"})]
    kind, plugin = "", ""
    for line in generate(logs, metadata=[("k", "v")], inputs=router).splitlines():
        if line.startswith("["):
            kind = line.strip("[]").lower() + "s"
        elif line.strip():
            key, value = line.split(None, 1)
            plugin = value if key == "Name" else plugin
            options = {"name", "match", "tag", *REAL[kind][plugin]["options"], *REAL["everywhere"]}
            assert key.lower() in options, f"{plugin} of Fluent Bit refuses {key}"


def test_outputs_are_found_by_their_sections() -> None:
    """Not a filter of that name, not a comment."""
    assert outputs("[FILTER]\n  Name grep\n[output]\n  name Firehose\n# Name s3\n") == ["firehose"]


def test_s3_takes_a_url() -> None:
    """The s3 output has no `port`: its endpoint is a URL."""
    assert "endpoint https://127.0.0.1:4567\n" in localise("[output]\n  name S3\n", TLS, _same)


def test_the_go_plugins_take_a_url_and_nothing_else() -> None:
    """AWS's older plugins have no `port` and no `tls`."""
    lines = localise("[OUTPUT]\n    Name cloudwatch\n    Match *\n", PLAIN, _same).split("\n")
    assert lines[1:4] == ["    Name cloudwatch", "    endpoint http://127.0.0.1:4566", "    Match *"]


def test_other_sections_and_plugins_are_left_alone() -> None:
    """Only AWS outputs reach AWS: a filter of that name, stdout and null stay as they are."""
    text = "[FILTER]\n    Name cloudwatch_logs\n[OUTPUT]\n    Name stdout\n# Name s3\n"
    assert localise(text, PLAIN, _same) == text


def test_paths_are_led_to_the_unpacked_image() -> None:
    """A path that the image has is read from where the image is unpacked."""
    text = "[SERVICE]\n    Parsers_File /fluent-bit/parsers/parsers.conf\n@INCLUDE /a/b.conf\n    Regex log /x/ y\n"
    mapped = localise(text, PLAIN, lambda path: ["/image" + path])
    assert mapped.split("\n")[1:3] == [
        "    Parsers_File /image/fluent-bit/parsers/parsers.conf",
        "@INCLUDE /image/a/b.conf",
    ]
    assert "    Regex log /x/ y\n" in mapped


def test_odd_line_ends_survive() -> None:
    """CRLF files stay CRLF: Fluent Bit takes them, and the copy must not behave otherwise."""
    text = "[OUTPUT]\r\n    Name null\r\n"
    assert localise(text, PLAIN, _same) == text


def test_a_pattern_becomes_the_files_it_matches() -> None:
    """`@INCLUDE dir/*.conf` includes each file by itself."""
    text = localise("@INCLUDE conf.d/*.conf\n", PLAIN, lambda path: [f"/x/{path[:6]}/a.conf", "/x/b.conf"])
    assert text == "@INCLUDE /x/conf.d/a.conf\n@INCLUDE /x/b.conf\n"


def test_a_role_to_assume_is_asked_of_the_local_sts() -> None:
    """Behind the role_arn of an AWS output; without it there is nothing to ask."""
    lines = localise(EXTRA + "    role_arn arn:aws:iam::1:role/x\n", PLAIN, _same).split("\n")
    assert lines[-3:-1] == ["    role_arn arn:aws:iam::1:role/x", "    sts_endpoint http://127.0.0.1:4566"]
    assert "sts_endpoint" not in localise(EXTRA, PLAIN, _same)
