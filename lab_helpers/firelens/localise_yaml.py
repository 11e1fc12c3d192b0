"""A configuration in YAML as the local machine needs it: what `localise` does to the classic form.

A file that Fluent Bit refuses for its shape stays as it is, so that the lines that it names are the user's.
"""

from __future__ import annotations

from collections.abc import Callable

from lab_helpers.firelens import stock
from lab_helpers.firelens.localise import (
    FIRELENS_INPUTS,
    FOLDERS_WRITTEN,
    Machine,
    Resolve,
    Transport,
    with_ports,
)
from lab_helpers.firelens.yaml_text import Part, Scalar, YamlText

_FILES = frozenset({"parsers_file", "plugins_file", "streams_file"})

Lead = Callable[[str, str], str]
"""What stands for the value of a key: a place in a volume for a path below its mount point."""


def localise_yaml(text: str, transport: Transport, resolve: Resolve, machine: Machine, lead: Lead) -> str:
    """Return `text` as `localise` returns a classic one.

    `resolve` also gets what is included and the files that the service names, relative ones too.
    """
    found = YamlText(text)
    _Localising(found, transport, resolve, machine, lead).all()
    return found.changed()


def http_port_in_yaml(text: str) -> str | None:
    """Return the port that a configuration in YAML gives its HTTP server; None where it gives none."""
    service = YamlText(text).section("service")
    found = next((each.scalar for each in service if each.name == "http_port"), None)
    return found.text if found is not None else None


def outputs_in_yaml(text: str) -> list[str]:
    """Return the names of the outputs in a configuration in YAML, in lower case and in order."""
    return [each.name for each in YamlText(text).parts() if each.kind == "OUTPUT" and each.name]


class _Localising:
    def __init__(self, text: YamlText, transport: Transport, resolve: Resolve, machine: Machine, lead: Lead) -> None:
        self._text, self._transport, self._resolve, self._machine, self._lead = text, transport, resolve, machine, lead
        service = text.section("service")
        self._http_port = next((each.scalar.text for each in service if each.name == "http_port" and each.scalar), None)

    def all(self) -> None:
        self._service()
        for each in self._text.parts():
            self._part(each)
        for section in self._text.sections:
            if section.name == "includes":
                self._includes(section.scalars)
            elif section.name == "plugins":
                self._libraries(section.scalars)

    def _service(self) -> None:
        pairs = self._text.section("service")
        for each in pairs:
            if each.scalar is None:
                continue
            if each.name == "http_port":
                self._text.replace(each.scalar, str(self._machine.inputs.http_port))
                continue
            self._value(each.name, each.scalar)
            if each.name == "http_server" and self._http_port is None:
                self._text.insert(each, "http_port", str(self._machine.inputs.http_port))

    def _part(self, part: Part) -> None:
        listens = self._machine.listens if part.kind == "INPUT" and part.name in FIRELENS_INPUTS else {}
        for pair in part.pairs:
            for scalar in pair.scalars:
                if pair.name in ("unix_path", "port") and scalar.text in listens:
                    self._text.replace(scalar, listens[scalar.text])
                else:
                    self._value(pair.name, scalar)
        if part.kind == "OUTPUT":
            role = [("sts_endpoint", self._transport.url)] if part.pair("role_arn") else []
            lines = [line.split(" ", 1) for line in self._transport.lines(part.name)]
            self._text.add(part, [*((key, value) for key, value in lines), *role])

    def _value(self, key: str, scalar: Scalar) -> None:
        text = self._lead(key, scalar.text)
        if text != scalar.text:
            self._text.replace(scalar, text)
        elif key in FOLDERS_WRITTEN and text.startswith("/"):
            self._text.replace(scalar, self._machine.written(text))
        elif key in _FILES or (text.startswith("/") and not any(each.isspace() for each in text)):
            self._text.replace(scalar, (list(self._resolve(text)) or [text])[0])
        else:
            self._text.replace(scalar, with_ports(text, self._machine.ports(self._http_port)))

    def _libraries(self, scalars: list[Scalar]) -> None:
        """Name AWS's Go plugins as `-e` does here: they are parts of our router."""
        for each in scalars:
            if each.text in stock.GO_PLUGINS:
                self._text.replace(each, each.text.rpartition("/")[2])

    def _includes(self, scalars: list[Scalar]) -> None:
        for each in scalars:
            self._text.replace_in_list(each, list(self._resolve(each.text)))
