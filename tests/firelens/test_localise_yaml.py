"""A configuration in YAML gets the local AWS's transport and this machine's places, and nothing else changes."""

from __future__ import annotations

import yaml

from lab_helpers.firelens import RouterInputs, Transport
from lab_helpers.firelens.localise import Machine
from lab_helpers.firelens.localise_yaml import http_port_in_yaml, localise_yaml, outputs_in_yaml
from lab_helpers.firelens.yaml_sections import includes_in_yaml, sections_in_yaml

TEXT = """service:
  http_server: on
  parsers_file: parsers.yaml
  storage.path: /var/buffer
includes:
  - filters.yaml
pipeline:
  inputs:
    - name: forward
      unix_path: /var/run/fluent.sock
    - name: tcp
      port: 8877
    - name: http
      port: 8877
  outputs:
    - name: cloudwatch_logs
      match: '*'
      region: eu-west-1
      role_arn: arn:aws:iam::1:role/x
    - name: http
      host: 127.0.0.1
"""
MACHINE = Machine(RouterInputs("/x/s.sock", 11, 22, 33), lambda path: f"/written{path}")


def _resolve(path: str) -> list[str]:
    return [f"/image/{path}"]


def test_outputs_inputs_and_files_are_led_here() -> None:
    """The user's values of other kinds stay."""
    text = localise_yaml(TEXT, Transport("127.0.0.1", 4566), _resolve, MACHINE, lambda _, value: value)
    led = yaml.load(text, Loader=yaml.BaseLoader)
    assert led["service"] == {
        "http_server": "on", "http_port": "33", "parsers_file": "/image/parsers.yaml",
        "storage.path": "/written/var/buffer",
    }  # fmt: skip
    assert led["includes"] == ["/image/filters.yaml"]
    forward, tcp, http = led["pipeline"]["inputs"]
    assert forward["unix_path"] == "/x/s.sock"
    assert tcp["port"] == "22"
    assert http["port"] == "8877"
    cloudwatch, outside = led["pipeline"]["outputs"]
    assert cloudwatch["endpoint"] == "127.0.0.1"
    assert cloudwatch["port"] == "4566"
    assert cloudwatch["sts_endpoint"] == "http://127.0.0.1:4566"
    assert outside == {"name": "http", "host": "127.0.0.1"}


def test_a_path_below_a_volume_is_led_to_it() -> None:
    """As in the classic form."""
    lead = {"storage.path": "/volume/buffer"}
    text = localise_yaml(TEXT, Transport("h", 1), _resolve, MACHINE, lambda key, value: lead.get(key, value))
    assert 'storage.path: "/volume/buffer"' in text


def test_awss_go_plugins_are_named_as_parts_of_the_router() -> None:
    """Other libraries stay, and are refused."""
    text = localise_yaml(
        "plugins:\n  - /fluent-bit/firehose.so\n  - /x.so\n",
        Transport("h", 1),
        _resolve,
        MACHINE,
        lambda _, value: value,
    )
    assert text == 'plugins:\n  - "firehose.so"\n  - /x.so\n'


def test_what_others_ask_of_a_configuration() -> None:
    """Outputs, the port of the HTTP server, what it includes."""
    assert outputs_in_yaml(TEXT) == ["cloudwatch_logs", "http"]
    assert http_port_in_yaml(TEXT) is None
    assert http_port_in_yaml("service:\n  HTTP_Port: 2021\n") == "2021"
    assert includes_in_yaml(TEXT) == ["filters.yaml"]


def test_sections_are_those_of_a_classic_file() -> None:
    """Keys in one spelling, a list as a key that is there several times, included files in their place."""
    filters = "pipeline:\n  filters:\n    - Name: modify\n      match: '*'\n      add:\n        - a b\n        - c d\n"
    found = sections_in_yaml(TEXT, lambda _: sections_in_yaml(filters))
    assert [each.label for each in found] == [
        "SERVICE", "FILTER modify", "INPUT forward", "INPUT tcp", "INPUT http", "OUTPUT cloudwatch_logs", "OUTPUT http",
    ]  # fmt: skip
    assert found[1].all("add") == ["a b", "c d"]
    assert found[1].takes("web-firelens-1")
    (camel,) = sections_in_yaml("pipeline:\n  inputs:\n    - name: tail\n      readFromHead: on\n")
    assert camel.values["read_from_head"] == "on"
