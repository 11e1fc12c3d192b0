"""An image's httpd.conf led to this machine's Apache: paths, port, modules, the task's address. Line for line.

What it says about requests and log lines stays as it is. Not modelled: files that it includes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

HOME = "/usr/local/apache2"
_LOAD = re.compile(r"\s*LoadModule\s+(\S+)\s+\"?(?:\S*/)?(mod_\w+\.so)\"?", re.IGNORECASE)
_ADDRESS = re.compile(r"ip-(\d+)-(\d+)-(\d+)-(\d+)\.")
_SERVER_ADDR = re.compile(r"(\s*)(SetEnvIf(?:NoCase)?)\s+Server_Addr\s+(\"[^\"]*\"|\S+)\s+(.*)", re.IGNORECASE)
_FOOTPRINT = re.compile(
    r"\s*(User|Group|PidFile|StartServers|ServerLimit|ThreadLimit|ThreadsPerChild|MaxRequestWorkers|MinSpareThreads|"
    r"MaxSpareThreads|ThreadStackSize|AsyncRequestWorkerFactor)\s",
    re.IGNORECASE,
)
"""Of the machine, not of the image: Apache's child here is another user, and has one process."""


@dataclass(frozen=True)
class Places:
    """Where things are here: `modules` is the folder of Apache's modules, `hostname` the task's (`ip-10-0-11-9.…`)."""

    modules: Path
    root: Path
    documents: Path
    listen: str
    hostname: str
    wiring: str
    """Directives that are put behind the image's: PROXY protocol, user, processes."""

    @property
    def address(self) -> str:
        """The task's address in its network."""
        found = _ADDRESS.match(self.hostname)
        return ".".join(found.groups()) if found else "127.0.0.1"


def localise(text: str, places: Places) -> str:
    """Return the configuration with which Apache plays the image here; the lines keep their numbers."""
    return "\n".join([*(_line(line, places) for line in text.splitlines()), places.wiring, ""])


def _line(line: str, places: Places) -> str:
    words = line.strip().split(None, 1)
    name = words[0].lower() if words else ""
    if loaded := _LOAD.match(line):
        file = places.modules / loaded[2]
        # a distribution may have it compiled in; where it is in neither place, Apache says which directive it misses
        return f'LoadModule {loaded[1]} "{file}"' if file.is_file() else f"# {loaded[1]}: not a file here"
    if _FOOTPRINT.match(line):
        return f"# {line.strip()}"
    if name == "serverroot":
        return f'ServerRoot "{places.root}"'
    if name == "listen":
        return f"Listen {places.listen}"
    if name == "typesconfig":
        return "TypesConfig /dev/null"
    if found := _SERVER_ADDR.match(line):
        return _by_address(found, places)
    return line.replace(f"{HOME}/htdocs", str(places.documents)).replace("%{SERVER_ADDR}", places.address)


def _by_address(found: re.Match[str], places: Places) -> str:
    """Apache's own address is the loopback here: what is asked about it is answered with the task's."""
    indent, directive, expression, rest = found.groups()
    try:
        holds = re.search(expression.strip('"'), places.address) is not None
    except re.error:
        return found[0]  # Apache refuses it in its own words
    return f'{indent}{directive} Request_URI "{"^" if holds else "^$.no"}" {rest}'
