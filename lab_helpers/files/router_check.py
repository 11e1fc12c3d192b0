"""Ask the log router about a file: it is started on it, without anything to log and without AWS, and stopped.

A dry run reads sections and plugins' names only; options are read when a plugin is made, so the router is started.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path

from lab_helpers.firelens import stock
from lab_helpers.firelens.localise import Transport, localise
from lab_helpers.firelens.running import running

START_TIMEOUT_S = 15.0
IMAGE_FOLDER = "/fluent-bit/etc/"
"""Where the Dockerfile puts the files of fluentbit/."""
COPIES = "included"
"""The folder beside it for copies of included files."""
MOST_INCLUDES = 20
NOWHERE = Transport("127.0.0.1", 9)
"""Port 9 discards; nothing is sent there, since the router is stopped before it has a record."""
_STARTED = "Shutdown Grace Period"
"""Printed when all inputs, filters and outputs are made."""
_INPUT = "[INPUT]\n    Name dummy\n    Tag lab.check\n    Samples 1\n"
"""Stands at the end, so that a line's number is that of the file."""
_SECTION = re.compile(r"(?m)^\s*\[(\w+)\]\s*$")
_INCLUDE = re.compile(r"(?mi)^[ \t]*@INCLUDE[ \t]+(\S+)[ \t]*$")
_PARSER_ERROR = re.compile(r"\[ *error\] \[(parser|config)")
_STAMP = re.compile(r"^\[[\d/]+ [\d:.]+\] \[ *(\w+)\] *")


@dataclass(frozen=True)
class RouterCheck:
    """How to ask: the router's command line, and its environment (keys and the container's variables)."""

    argv: Sequence[str]
    env: Mapping[str, str]

    def words(self, folder: Path, name: str) -> str:
        """Return what the router says against the file `name` in a copy of the working copy; empty when it starts.

        Its own lines, without their times and without those that are no error.
        """
        return _errors(self.log(folder, name))

    def log(self, folder: Path, name: str) -> str:
        """Return all that the router prints when it refuses a file; empty when it starts."""
        file = folder / name
        text = file.read_text(encoding="utf-8")
        if name.endswith((".yaml", ".yml")):
            return self._log_of(file, folder)
        kinds = {kind.upper() for kind in _SECTION.findall(text)}
        if kinds and kinds <= {"PARSER", "MULTILINE_PARSER"}:
            text = f"[SERVICE]\n    Parsers_File {file}\n"
        config, led = folder / "check.conf", in_folder(text, folder / "fluentbit")
        config.write_text(f"{led.rstrip()}\n\n{_INPUT}", encoding="utf-8")
        return as_written(self._log_of(config, folder), config.name, name, _lines_of(led, text))

    def _log_of(self, config: Path, folder: Path) -> str:
        with running(config, self.env, self.argv, at_once=True) as started:
            started.wait(lambda: _STARTED in started.err, START_TIMEOUT_S, "the router to start")
            has_ended, said = started.has_ended, started.out + started.err
        said = said.replace(f"{folder}/fluentbit/", IMAGE_FOLDER)
        said = said.replace(f"{folder}/", "")
        # 4.2 goes on without a parser that it cannot make, and says so; later versions end.
        return said if has_ended or _PARSER_ERROR.search(said) else ""


def as_written(said: str, config: str, name: str, lines: Sequence[int]) -> str:
    """Return what the router says of `config` as said of the file `name`; `lines`: each line's number there."""

    def own(found: re.Match[str]) -> str:
        number = lines[min(int(found[1]), len(lines)) - 1] if lines else 1
        return f"{name}:{number}"

    return re.sub(rf"\b{re.escape(config)}\b", name, re.sub(rf"\b{re.escape(config)}:(\d+)", own, said))


def _lines_of(led: str, text: str) -> list[int]:
    """Return for each line of a led configuration the number of the line of `text` that it was made of."""
    numbers = [1] * len(led.splitlines())
    matcher = SequenceMatcher(None, text.splitlines(), led.splitlines(), autojunk=False)
    for _, first, last, begin, end in matcher.get_opcodes():
        for at in range(begin, end):
            numbers[at] = min(first + at - begin, max(last - 1, 0)) + 1 if last > first else max(first, 1)
    return numbers


def in_folder(text: str, folder: Path) -> str:
    """Return a configuration with the image's paths led to a folder, and its AWS outputs led nowhere.

    A file that it includes and that names such paths, too, is led in the same way: in a copy beside the folder.
    """
    led: dict[Path, Path] = {}

    def place(file: Path) -> Path:
        if file.suffix == ".conf" and file.is_file() and file not in led:
            led[file] = file  # before its own includes are read: two files may include each other
            given = file.read_text(encoding="utf-8")
            made = localise(given, NOWHERE, resolve)
            if made != given:
                led[file] = folder.parent / COPIES / f"{len(led)}-{file.name}"
                led[file].parent.mkdir(exist_ok=True)
                led[file].write_text(made, encoding="utf-8")
        return led.get(file, file)

    def resolve(path: str) -> list[str]:
        return [str(place(each)) for each in files_of(path, folder)] or [path]

    return localise(text, NOWHERE, resolve)


def expanded(text: str, folder: Path, depth: int = 0) -> str:
    """Return a configuration with the files that it includes in the place of their lines; unknown ones stay named."""

    def opened(found: re.Match[str]) -> str:
        files = [each for each in files_of(found[1], folder) if each.is_file()] if depth < MOST_INCLUDES else []
        texts = [expanded(each.read_text(encoding="utf-8"), folder, depth + 1) for each in files]
        return "\n".join(texts) or found[0]

    return _INCLUDE.sub(opened, text)


def files_of(path: str, folder: Path) -> list[Path]:
    """Return where a path of the image is: in the folder that has its /fluent-bit/etc, else among AWS's own files."""
    is_own = path.startswith(IMAGE_FOLDER) or not path.startswith("/")  # relative ones lie beside the generated one
    here = folder / path.removeprefix(IMAGE_FOLDER) if is_own else Path(path)
    return [here] if here.exists() else stock.files(path)


def _errors(said: str) -> str:
    """Return the router's own lines that are errors or help, without their times; else its last line."""
    lines = [line for line in said.splitlines() if line.strip()]
    marked = [_STAMP.sub(r"[\1] ", line) for line in lines if "error]" in line or "did you mean" in line]
    return "\n".join(marked or lines[-1:])
