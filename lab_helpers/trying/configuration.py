"""The router's configuration line by line: who wrote each, what it writes to, what it can match.

The user's files lie in the image; a path of the image leads to one of `files` by the end of its name.
YAML: `reading.py`. Not modelled: conditions of rewrite_tag; variables that only an entry point sets.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import PurePosixPath

from lab_helpers.firelens import stock
from lab_helpers.firelens.classic import Section, sections
from lab_helpers.firelens.options import ContainerLog
from lab_helpers.firelens.yaml_text import YamlText
from lab_helpers.router.core.options import split_words

AGENT, INCLUDED, IMAGE = "the ECS agent", "your file", "AWS's image"
MODELLED = frozenset(
    {"cloudwatch_logs", "kinesis_firehose", "kinesis_streams", "s3", "cloudwatch", "firehose", "kinesis"}
)
"""Outputs that lead to AWS."""
_INCLUDE = re.compile(r"^\s*@INCLUDE\s+(\S+)\s*$", re.IGNORECASE)
_HEADING = re.compile(r"^\s*\[(\w+)\]")
_VARIABLE = re.compile(r"\$\{([A-Za-z_]\w*)\}")
_WAYS_OUT = frozenset({"endpoint", "sts_endpoint", "port", "proxy", "http_proxy", "tls", "tls.verify", "tls.ca_file"})
_ROLE_LINE = re.compile(r"^(\s*role_arn\s+)(\S+)\s*$", re.IGNORECASE | re.MULTILINE)
_ROLE_BEFORE_NAME = re.compile(r"^arn:aws[\w-]*:iam::[^:]*:role/(?:.*/)?")
MOST_INCLUDES = 50
ACCOUNT = "123456789012"
"""The local AWS's."""


@dataclass(frozen=True)
class Line:
    """One line of the configuration, and its author."""

    text: str
    author: str


@dataclass(frozen=True)
class Given:
    """The user's files: their texts by name, and the names by the paths that the image has them at."""

    texts: Mapping[str, str] = field(default_factory=dict)
    places: Mapping[str, str] = field(default_factory=dict)
    entry_point: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    """What the Dockerfile of an image's folder says; empty where it says nothing."""

    def name_of(self, path: str) -> str | None:
        """Return which file a path of the image means: by its place, else the one with the longest end in common."""
        if path in self.places:
            return self.places[path]
        wanted = PurePosixPath(path).parts[::-1]

        def common(name: str) -> int:
            pairs = zip(wanted, PurePosixPath(name).parts[::-1], strict=False)
            return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))

        best = max(self.texts, key=common, default=None)
        return best if best is not None and common(best) else None


@dataclass(frozen=True)
class Output:
    """One output: its plugin, its options with variables resolved, who wrote it."""

    plugin: str
    values: Mapping[str, str]
    author: str


def authored(generated: str, logs: Sequence[ContainerLog], files: Given) -> list[Line]:
    """Return the generated configuration, its includes opened, each line with its author."""
    names = {log.match: f"log options of {log.container}" for log in logs}
    lines: list[Line] = []
    for block in re.split(r"\n(?=\[|@)", generated):
        found = sections(block)
        author = AGENT
        if found and found[0].kind in {"FILTER", "OUTPUT"}:
            author = names.get(found[0].values.get("match", ""), AGENT)
        for text in filter(str.strip, block.split("\n")):
            lines.append(Line(text, author))
            if include := _INCLUDE.match(text):
                lines += opened(include[1], files)
    return lines


def opened(path: str, files: Given, depth: int = 0) -> Iterator[Line]:
    """Return the lines of a file of the image and of those that it includes: one of `files`, or AWS's own."""
    if depth > MOST_INCLUDES:
        return
    name = files.name_of(path)
    if name is not None:
        found = [(f"{INCLUDED} {name}", files.texts[name])]
    else:
        found = [(f"{IMAGE} {each.name}", each.read_text(encoding="utf-8")) for each in stock.files(path)]
    for author, text in found:
        for line in text.splitlines():
            yield Line(line, author)
            if include := _INCLUDE.match(line):
                yield from opened(include[1], files, depth + 1)


def included_by(line: Line) -> str:
    """Return the path that a line includes; "": it includes none."""
    found = _INCLUDE.match(line.text)
    return found[1] if found else ""


def missing(lines: Sequence[Line], files: Given) -> list[str]:
    """Return the paths that are included and are neither among the files nor in AWS's image."""
    found = [path for line in lines if (path := included_by(line)).startswith("/") and path != stock.GENERATED_CONFIG]
    return [path for path in found if not files.name_of(path) and not stock.files(path)]


def with_authors(lines: Sequence[Line]) -> list[tuple[Section, str]]:
    """Return all sections in order, each with its author."""
    found: list[tuple[list[str], str]] = []
    for line in lines:
        if _HEADING.match(line.text):
            found.append(([line.text], line.author))
        elif found:
            found[-1][0].append(line.text)
    return [(sections("\n".join(texts))[0], author) for texts, author in found]


def outputs(sections: Sequence[tuple[Section, str]], variables: Mapping[str, str]) -> list[Output]:
    """Return all outputs in order."""
    found: list[Output] = []
    for section, author in sections:
        if section.kind == "OUTPUT" and section.name:
            values = {key: resolved(value, variables) for key, value in section.values.items()}
            found.append(Output(section.name, values, author))
    return found


def unmatched(all_sections: Sequence[tuple[Section, str]], tags: Sequence[str]) -> list[str]:
    """Name the filters and outputs whose Match fits no tag of the task (or that a rewrite_tag makes)."""
    made = [split_words(rule) for each, _ in all_sections if each.name == "rewrite_tag" for rule in each.all("rule")]
    new = [rule[2] for rule in made if len(rule) > 2]
    inputs = [each for each, author in all_sections if each.kind == "INPUT" and author != AGENT]
    new += [each.values.get("tag", f"{each.name}.0") for each in inputs]
    has_streams = any(each.kind == "SERVICE" and "streams_file" in each.values for each, _ in all_sections)
    if has_streams or any("$" in tag for tag in new):
        return []  # made of the record, or by a query: any tag can be
    return [
        f"{section.label} ({author}): Match {section.values.get('match', section.values.get('match_regex', '-'))} "
        f"fits no tag; the tags are {', '.join([*tags, *new])}"
        for section, author in all_sections
        if section.kind in {"FILTER", "OUTPUT"}
        and section.name != "null"
        and not any(section.takes(tag) for tag in [*tags, *new])
    ]


def resolved(text: str, variables: Mapping[str, str]) -> str:
    """Return a value with its `${NAME}` replaced as the router does it: an unknown one by nothing."""
    return _VARIABLE.sub(lambda found: variables.get(found[1], ""), text)


def led_here(text: str) -> str:
    """Return a file as its AWS outputs need it here: without addresses (endpoints, proxies), roles in this account."""
    return "\n".join(
        _with_own_roles(_without(block, _WAYS_OUT))
        if kind == "OUTPUT" and sections(block)[0].name in MODELLED
        else block
        for kind, block in _blocks(text)
    )


def led_here_yaml(text: str) -> str:
    """Return a file in YAML as `led_here` returns a classic one."""
    found = YamlText(text)
    for part in found.parts():
        if part.kind == "OUTPUT" and part.name in MODELLED:
            found.remove(part, _WAYS_OUT)
            role = part.pair("role_arn")
            if role is not None and role.scalar is not None:
                found.replace(role.scalar, role_here(role.scalar.text))
    return found.changed()


def without_addresses(options: Mapping[str, str]) -> dict[str, str]:
    """Return log options without endpoints and proxies of their own, and with roles in this account."""
    kept = {key: value for key, value in options.items() if key.lower() not in _WAYS_OUT}
    return {key: role_here(value) if key.lower() == "role_arn" else value for key, value in kept.items()}


def role_here(arn: str) -> str:
    """Return the ARN of the role that plays a role of another account; what is no role's ARN stays."""
    return _ROLE_BEFORE_NAME.sub(f"arn:aws:iam::{ACCOUNT}:role/", arn)


def _with_own_roles(block: str) -> str:
    return _ROLE_LINE.sub(lambda found: found[1] + role_here(found[2]), block)


def _blocks(text: str) -> Iterator[tuple[str, str]]:
    kind, block = "", list[str]()
    for line in text.splitlines():
        if heading := _HEADING.match(line):
            if block:
                yield kind, "\n".join(block)
            kind, block = heading[1].upper(), []
        elif kind == "OUTPUT" and line.lstrip().startswith("@"):
            yield kind, "\n".join(block)
            kind, block = "", []
        block.append(line)
    if block:
        yield kind, "\n".join(block)


def _without(block: str, names: frozenset[str]) -> str:
    return "\n".join(line for line in block.split("\n") if (line.split() or [""])[0].lower() not in names)
