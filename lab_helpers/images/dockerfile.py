"""The part of a Dockerfile that can be built without a container engine: FROM, COPY, ADD and what only configures.

ADD of plain files is COPY; an archive (which it unpacks) and an address are refused.
Source: Dockerfile reference. Instructions that need a running base image (RUN, …), multi-stage builds, --from, named
owners and here-documents are refused with the line's number.
Not modelled: ONBUILD triggers, HEALTHCHECK and STOPSIGNAL of the base image; `${VAR:-word}` beyond plain defaults.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from lab_helpers.base.errors import ImageError

_VARIABLE = re.compile(r"\\\$|\$(?:(\w+)|\{(\w+)(?::-([^}]*))?\})")
_FLAG = re.compile(r"--([a-z]+)=(\S+)\s+")


class DockerfileError(ImageError):
    """An instruction that is wrong, or that the built-in builder does not have; `line` counts from 1."""

    def __init__(self, file: str, line: int, why: str) -> None:
        super().__init__(f"{file}:{line}: {why}")
        self.file, self.line = file, line


@dataclass(frozen=True)
class Copy:
    """One COPY: patterns relative to the context, an absolute target; a trailing slash means a directory."""

    line: int
    sources: tuple[str, ...]
    target: str
    text: str
    mode: int | None = None
    owner: tuple[int, int] = (0, 0)


@dataclass
class Recipe:
    """A Dockerfile, understood. `base` is None for FROM scratch; the rest is the image's configuration."""

    base: str | None = None
    copies: list[Copy] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    command: list[str] | None = None
    entrypoint: list[str] | None = None
    working_dir: str = ""
    user: str = ""
    ports: list[str] = field(default_factory=list)


def parse_dockerfile(text: str, file: str, build_args: Mapping[str, str] | None = None) -> Recipe:
    """Read a Dockerfile; raises DockerfileError. `file` is its name in errors."""
    reader = _Reader(file, dict(build_args or {}))
    for line, instruction, rest in _instructions(text, file):
        reader.read(line, instruction, rest)
    if not reader.has_from:
        raise DockerfileError(file, max(1, text.count("\n")), "there is no FROM instruction")
    reader.check_build_args()
    return reader.recipe


class _Reader:
    """Takes one instruction after the other."""

    def __init__(self, file: str, build_args: dict[str, str]) -> None:
        self.recipe, self.has_from = Recipe(), False
        self._file, self._build_args = file, build_args
        self._args: dict[str, str] = {}
        self._global_args: dict[str, str] = {}
        self._declared: set[str] = set()
        self._line = 0

    def read(self, line: int, instruction: str, rest: str) -> None:
        self._line = line
        handler = getattr(self, f"_{instruction.lower()}", None) if instruction.isalpha() else None
        if handler is None or instruction not in _INSTRUCTIONS:
            raise self._error(_why_not(instruction))
        if not self.has_from and instruction not in {"FROM", "ARG"}:
            raise self._error(f"{instruction} comes before FROM")
        if not rest:
            raise self._error(f"{instruction} needs an argument")
        handler(rest)

    def check_build_args(self) -> None:
        unknown = sorted(set(self._build_args) - self._declared)
        if unknown:
            raise DockerfileError(self._file, 1, f"no ARG takes the build argument {unknown[0]}")

    def _arg(self, rest: str) -> None:
        for word in self._words(rest):
            name, has_default, default = word.partition("=")
            self._declared.add(name)
            before = self._expand(default) if has_default else self._global_args.get(name, "")
            self._args[name] = self._build_args.get(name, before)

    def _from(self, rest: str) -> None:
        if self.has_from:
            raise self._error("a second FROM (multi-stage build) needs a container engine")
        _, words = self._flags(self._expand(rest), {"platform"})
        parts = words.split()
        if not (len(parts) == 1 or (len(parts) == 3 and parts[1].upper() == "AS")):
            raise self._error(f"FROM takes one image, not {words!r}")
        self.has_from = True
        self.recipe.base = None if parts[0] == "scratch" else parts[0]
        # As in docker, what was declared before FROM is for FROM alone, until ARG names it again.
        self._global_args, self._args = self._args, {}

    def _add(self, rest: str) -> None:
        words = self._words(self._expand(rest))
        if "//" in rest or rest.startswith("git@"):
            raise self._error("ADD of an address needs a container engine")
        if unpacked := [word for word in words[:-1] if word.endswith(_ARCHIVES)]:
            raise self._error(f"ADD unpacks {unpacked[0]}, which needs a container engine; COPY copies it as it is")
        self._copy(rest, "ADD")

    def _copy(self, rest: str, name: str = "COPY") -> None:
        if rest.lstrip().startswith("<<"):
            raise self._error(f"{name} from a here-document needs a container engine")
        flags, words = self._flags(rest, {"chown", "chmod"})
        items = [self._expand(item) for item in (_json_list(words) or self._words(words))]
        if len(items) < 2:
            raise self._error(f"{name} takes at least one source and a target")
        *sources, target = items
        if len(sources) > 1 and not target.endswith("/"):
            raise self._error(f"{name} of several sources needs a directory as target: write {target}/")
        mode = self._mode(flags["chmod"]) if "chmod" in flags else None
        owner = self._owner(self._expand(flags.get("chown", "0:0")))
        made = Copy(self._line, tuple(sources), self._in_image(target), f"{name} {rest}", mode, owner)
        self.recipe.copies.append(made)

    def _env(self, rest: str) -> None:
        self.recipe.environment.update(self._pairs(rest))

    def _label(self, rest: str) -> None:
        self.recipe.labels.update(self._pairs(rest))

    def _cmd(self, rest: str) -> None:
        self.recipe.command = _json_list(rest) or ["/bin/sh", "-c", rest]

    def _entrypoint(self, rest: str) -> None:
        self.recipe.entrypoint = _json_list(rest) or ["/bin/sh", "-c", rest]

    def _workdir(self, rest: str) -> None:
        self.recipe.working_dir = self._absolute(self._expand(rest)).rstrip("/") or "/"

    def _user(self, rest: str) -> None:
        self.recipe.user = self._expand(rest)

    def _expose(self, rest: str) -> None:
        for word in self._expand(rest).split():
            port, _, protocol = word.partition("/")
            if not port.isdigit() or not 0 < int(port) < 65536:
                raise self._error(f"EXPOSE takes port numbers, not {word!r}")
            self.recipe.ports.append(f"{port}/{protocol or 'tcp'}")

    def _pairs(self, rest: str) -> dict[str, str]:
        words = self._words(rest)
        if "=" not in words[0]:
            name, _, value = rest.partition(" ")
            return {name: self._expand(value.strip())}
        wrong = [word for word in words if "=" not in word]
        if wrong:
            raise self._error(f"{wrong[0]!r} is not of the form name=value")
        return {name: self._expand(value) for name, _, value in (word.partition("=") for word in words)}

    def _flags(self, rest: str, known: set[str]) -> tuple[dict[str, str], str]:
        flags: dict[str, str] = {}
        while found := _FLAG.match(rest):
            name, value = found.groups()
            if name not in known:
                raise self._error(f"--{name} needs a container engine")
            flags[name], rest = value, rest[found.end() :]
        if rest.startswith("--"):
            raise self._error(f"{rest.split()[0]} needs a container engine")
        return flags, rest

    def _mode(self, text: str) -> int:
        if not re.fullmatch(r"0?[0-7]{3,4}", text):
            raise self._error(f"--chmod takes an octal mode, not {text!r}")
        return int(text, 8)

    def _owner(self, text: str) -> tuple[int, int]:
        user, _, group = text.partition(":")
        if not user.isdigit() or not (group or user).isdigit():
            raise self._error(f"--chown={text}: names are looked up in the base image, which is not here; use numbers")
        return int(user), int(group or user)

    def _absolute(self, path: str) -> str:
        return path if path.startswith("/") else f"{self.recipe.working_dir.rstrip('/')}/{path.removeprefix('./')}"

    def _in_image(self, target: str) -> str:
        """Return a target without `..`; one that climbs out of the image, or that deletes when unpacked, is refused."""
        parts: list[str] = []
        for part in self._absolute(target).split("/"):
            if part == ".." and not parts:
                raise self._error(f"COPY to {target}: this is outside of the image")
            if part.startswith(".wh.") or "\0" in part:
                raise self._error(f"COPY to {target}: an image cannot have a file of this name")
            parts = parts[:-1] if part == ".." else [*parts, part] if part not in {"", "."} else parts
        is_folder = target.endswith(("/", "/.", "/..")) or target in {"", ".", ".."} or not parts
        return "/" + "/".join(parts) + ("/" if is_folder and parts else "")

    def _words(self, rest: str) -> list[str]:
        try:
            return shlex.split(rest)
        except ValueError as exc:
            raise self._error(f"a quote is not closed in {rest!r}") from exc

    def _expand(self, text: str) -> str:
        known = {**self._args, **self.recipe.environment}

        def value(found: re.Match[str]) -> str:
            if found.group(0) == "\\$":
                return "$"
            name = found.group(1) or found.group(2)
            return known.get(name) or found.group(3) or ""

        return _VARIABLE.sub(value, text)

    def _error(self, why: str) -> DockerfileError:
        return DockerfileError(self._file, self._line, why)


_ARCHIVES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".tar.zst")
_INSTRUCTIONS = frozenset(
    {"ARG", "FROM", "COPY", "ADD", "ENV", "LABEL", "CMD", "ENTRYPOINT", "WORKDIR", "USER", "EXPOSE"}
)
_ENGINE_ONLY = frozenset({"RUN", "VOLUME", "SHELL", "ONBUILD", "HEALTHCHECK", "STOPSIGNAL", "MAINTAINER"})


def _why_not(instruction: str) -> str:
    if instruction in _ENGINE_ONLY:
        return f"{instruction} needs a container engine (docker, podman or buildah); the built-in builder has none"
    return f"unknown instruction {instruction}"


def _instructions(text: str, file: str) -> Iterator[tuple[int, str, str]]:
    """Yield (line, INSTRUCTION, rest), with continued lines joined and comments dropped."""
    first, parts = 0, list[str]()
    for number, raw in enumerate(text.splitlines(), 1):
        if not raw.strip() or raw.lstrip().startswith("#"):
            continue
        first = first or number
        body = raw.rstrip()
        parts.append(body.removesuffix("\\").strip())
        if body.endswith("\\"):
            continue
        yield first, *_split(" ".join(parts))
        first, parts = 0, []
    if parts:
        raise DockerfileError(file, first, "the last line ends with a backslash, but nothing follows")


def _split(instruction: str) -> tuple[str, str]:
    name, _, rest = instruction.strip().partition(" ")
    return name.upper(), rest.strip()


def _json_list(text: str) -> list[str] | None:
    if not text.startswith("["):
        return None
    try:
        parsed = json.loads(text)
    except ValueError:
        return None
    return parsed if isinstance(parsed, list) and all(isinstance(item, str) for item in parsed) else None
