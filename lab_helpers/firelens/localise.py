"""A configuration as the local machine needs it: where AWS is, and where the image's own files are.

On Fargate a router reaches AWS at AWS's names and finds its image's files at their paths. Here AWS is an endpoint on
loopback and the image is unpacked in a folder, so a *copy* of the configuration gets what is missing; the image's own
file is never touched.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from lab_helpers.firelens.generate import RouterInputs

AWS_OUTPUTS = frozenset({"cloudwatch_logs", "kinesis_firehose", "kinesis_streams"})
GO_OUTPUTS = frozenset({"cloudwatch", "firehose", "kinesis"})
"""AWS's older plugins: they take a URL and know no `tls`."""
_HEADING = re.compile(r"\s*\[(\w+)\]")
_NAME = re.compile(r"(\s+)name\s+(\S+)\s*$", re.IGNORECASE)
_ROLE = re.compile(r"(\s+)role_arn\s+\S", re.IGNORECASE)
_FILE = re.compile(r"^(\s*(?:@INCLUDE|Parsers_File|Plugins_File|Streams_File)\s+)(\S+)(\s*)$", re.IGNORECASE)
_PATH = re.compile(r"^(\s*\S+\s+)(/\S+)(\s*)$")

_LISTEN = re.compile(r"^(\s*)(unix_path|port)(\s+)(\S+)(\s*)$", re.IGNORECASE)
_WRITTEN = re.compile(r"^(\s*(?:storage\.path|store_dir)\s+)(/\S+)(\s*)$", re.IGNORECASE)
_HTTP_PORT = re.compile(r"^(\s*http_port\s+)(\S+)(\s*)$", re.IGNORECASE)
_HTTP_SERVER = re.compile(r"^(\s*)http_server\s+\S", re.IGNORECASE)
_HTTP = re.compile(r"\s*http_(?:port|server)\s", re.IGNORECASE)
_ADDRESS = re.compile(r"(?<![\w.-])(127\.0\.0\.1|localhost|0\.0\.0\.0)([: ]+)(\d+)(?!\d)")
FIRELENS_INPUTS = frozenset({"forward", "tcp"})
"""Kinds of the inputs that FireLens itself generates."""
FOLDERS_WRITTEN = frozenset({"storage.path", "store_dir"})
"""Keys that name a folder which the router writes to."""

Resolve = Callable[[str], Sequence[str]]
"""Where a path of the image is on this machine; several places for a pattern."""


@dataclass(frozen=True)
class Machine:
    """What a container has for itself on AWS and shares here: FireLens' socket and ports, and where it writes.

    `written` gives the place on this machine for an absolute path that the router writes to.
    """

    inputs: RouterInputs
    written: Callable[[str], str]

    @property
    def listens(self) -> dict[str, str]:
        """Return socket and ports of FireLens as a configuration names them -> those of this machine."""
        aws = RouterInputs()
        return {
            aws.socket_path: self.inputs.socket_path,
            str(aws.forward_port): str(self.inputs.forward_port),
            str(aws.healthcheck_port): str(self.inputs.healthcheck_port),
        }

    def ports(self, http_port: str | None) -> dict[str, str]:
        """Return the ports of a task's router -> those of this machine; `http_port`: what its HTTP server is to have.

        Each task of Fargate has a network of its own, where all of them may have the same.
        """
        listens = {port: here for port, here in self.listens.items() if port.isdigit()}
        return {**listens, http_port or str(RouterInputs().http_port): str(self.inputs.http_port)}


@dataclass(frozen=True)
class Transport:
    """How a router's AWS outputs reach the local AWS.

    `ca_file` is the authority that the real Fluent Bit must trust; None: plain HTTP, which our own router speaks.
    cloudwatch_logs and the two for Kinesis always speak TLS there and refuse to be told so ("does not support TLS").
    """

    host: str
    port: int
    ca_file: str | None = None

    @property
    def url(self) -> str:
        """Where the local AWS is."""
        return f"{'https' if self.ca_file else 'http'}://{self.host}:{self.port}"

    def lines(self, output: str) -> list[str]:
        """Return the options that point `output` (a plugin's name) at the local AWS; none for other plugins."""
        trust = [f"tls.ca_file {self.ca_file}"] if self.ca_file else ["tls off"]
        if output in AWS_OUTPUTS:
            return [f"endpoint {self.host}", f"port {self.port}", *trust]
        url = f"endpoint {self.url}"
        if output in GO_OUTPUTS:
            return [url]
        if output == "s3":
            return [url, "tls on", *trust] if self.ca_file else [url, *trust]
        return []


def localise(text: str, transport: Transport, resolve: Resolve, machine: Machine | None = None) -> str:
    """Return `text` with the transport's lines in each AWS output and with paths led to the unpacked image.

    `resolve` gets each absolute path that stands as a value, and what @INCLUDE and the *_File keys name; it returns
    the value as it is where it does not know better. Several places make several lines. With `machine`, inputs of
    FireLens' kinds that name its socket or ports, and folders that are written to, get this task's own.
    """
    lines: list[str] = []
    section = plugin = ""
    http_port = service_http_port(text)
    for line in text.split("\n"):
        heading, name = _HEADING.match(line), _NAME.match(line)
        section, plugin = (heading.group(1).upper(), "") if heading else (section, plugin)
        plugin = name.group(2).lower() if name else plugin
        own = _own(line, section == "INPUT" and plugin in FIRELENS_INPUTS, machine) if machine else line
        if machine is not None and section == "SERVICE" and _HTTP.match(line):
            lines += _http_lines(own, machine, http_port)
            continue
        own = with_ports(own, machine.ports(http_port)) if machine else own
        lines += _led(own, resolve) if own == line else [own]
        lines += _transport_lines(line, section, transport)
    return "\n".join(lines)


def with_ports(text: str, ports: Mapping[str, str]) -> str:
    """Return a line or a command with the ports that it names beside a loopback address: `127.0.0.1:2020`, `nc … 8877`.

    `ports` gives for a port of the task's own network the one of this machine; others stay.
    """
    return _ADDRESS.sub(lambda found: found[1] + found[2] + ports.get(found[3], found[3]), text)


def service_http_port(text: str) -> str | None:
    """Return the port that a classic configuration gives its HTTP server; None where it gives none."""
    section = ""
    for line in text.split("\n"):
        heading, port = _HEADING.match(line), _HTTP_PORT.match(line)
        section = heading.group(1).upper() if heading else section
        if section == "SERVICE" and port:
            return port.group(2)
    return None


def outputs(text: str) -> list[str]:
    """Return the names of the outputs in a classic configuration, in lower case and in order."""
    found: list[str] = []
    section = ""
    for line in text.split("\n"):
        heading, name = _HEADING.match(line), _NAME.match(line)
        section = heading.group(1).upper() if heading else section
        if section == "OUTPUT" and name is not None:
            found.append(name.group(2).lower())
    return found


def _own(line: str, is_firelens_input: bool, machine: Machine) -> str:
    written, listen = _WRITTEN.match(line), _LISTEN.match(line)
    if written:
        return written[1] + machine.written(written[2]) + written[3]
    if listen and is_firelens_input:
        value = machine.listens.get(listen[4], listen[4])
        return "".join((*listen.group(1, 2, 3), value, listen[5]))
    return line


def _http_lines(line: str, machine: Machine, http_port: str | None) -> list[str]:
    """Return a line of [SERVICE] with this task's port; the one that switches the server on brings it where none is."""
    port, server = _HTTP_PORT.match(line), _HTTP_SERVER.match(line)
    if port:
        return [f"{port[1]}{machine.inputs.http_port}{port[3]}"]
    return [line, f"{server[1]}HTTP_Port {machine.inputs.http_port}"] if server and http_port is None else [line]


def _led(line: str, resolve: Resolve) -> list[str]:
    found = _FILE.match(line) or _PATH.match(line)
    if found is None:
        return [line]
    return [found[1] + place + found[3] for place in resolve(found[2])]


def _transport_lines(line: str, section: str, transport: Transport) -> list[str]:
    if section != "OUTPUT":
        return []
    role = _ROLE.match(line)
    if role:
        return [f"{role.group(1)}sts_endpoint {transport.url}"]
    name = _NAME.match(line)
    if name is None:
        return []
    return [name.group(1) + option for option in transport.lines(name.group(2).lower())]
