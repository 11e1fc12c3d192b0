"""Task definition -> the text of Fluentd's configuration, as the ECS agent generates it.

Source: the expected texts in the tests of the ECS agent's agent/taskresource/firelens (release 1.105).
Not modelled: Fluentd itself; several outputs keep the task definition's order (the agent's order is random).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from lab_helpers.firelens.generate import FORWARD_PORT, LISTEN, SOCKET_PATH
from lab_helpers.firelens.options import ContainerLog

FLUENTD = "fluentd"
"""The type of a `firelensConfiguration`."""
OUTPUT_NAME = "@type"
S3_CONFIG_PATH = "/fluentd/etc/external.conf"
"""Where the agent mounts a configuration that it fetched from S3."""


@dataclass(frozen=True)
class Block:
    """A section or a directive, and the container whose log options it comes from (empty: the agent's own)."""

    text: str
    container: str = ""


def blocks(
    containers: Sequence[ContainerLog],
    *,
    network_mode: str = "awsvpc",
    metadata: Sequence[tuple[str, str]] = (),
    include_path: str | None = None,
) -> list[Block]:
    """Return the configuration in order; the arguments are those of `generate.generate`."""
    made = [Block(_section("source", "", {"@type": "unix", "path": SOCKET_PATH}))]
    if network_mode in LISTEN:
        forward = {"@type": "forward", "bind": LISTEN[network_mode], "port": str(FORWARD_PORT)}
        made.append(Block(_section("source", "", forward)))
    made += _patterns(containers)
    if metadata:
        text = _section("filter", "**", {"@type": "record_transformer"}, {"record": dict(metadata)})
        made.append(Block(text))
    if include_path:
        made.append(Block(f"@include {include_path}\n"))
    return [*made, *(_output(log) for log in containers if log.output)]


def generate(all_blocks: Sequence[Block]) -> str:
    """Return the text of the configuration."""
    return "".join(f"\n{block.text}" for block in all_blocks)


def with_secret(variable: str) -> str:
    """Return what stands in the configuration for an option whose value is a secret: a variable of the router."""
    return f"\"#{{ENV['{variable}']}}\""


def _patterns(containers: Sequence[ContainerLog]) -> Iterator[Block]:
    # The agent writes all include filters before the exclude filters.
    for log in containers:
        if log.include_pattern:
            yield _grep(log, "regexp", log.include_pattern)
    for log in containers:
        if log.exclude_pattern:
            yield _grep(log, "exclude", log.exclude_pattern)


def _grep(log: ContainerLog, rule: str, pattern: str) -> Block:
    inner = {rule: {"key": "log", "pattern": pattern}}
    return Block(_section("filter", _tag(log), {"@type ": "grep"}, inner), log.container)  # two blanks, as the agent's


def _output(log: ContainerLog) -> Block:
    options = {OUTPUT_NAME: str(log.output), **dict(sorted(log.output_options.items()))}
    return Block(_section("match", _tag(log), options), log.container)


def _tag(log: ContainerLog) -> str:
    return f"{log.container}-firelens**"


def _section(
    kind: str, tag: str, options: Mapping[str, str], inner: Mapping[str, Mapping[str, str]] | None = None
) -> str:
    lines = [f"    {key} {value}" for key, value in options.items()]
    for name, values in (inner or {}).items():
        body = [f"        {key} {value}" for key, value in values.items()]
        lines += [f"    <{name}>", *body, f"    </{name}>"]
    return "\n".join([f"<{kind} {tag}".rstrip() + ">", *lines, f"</{kind}>", ""])
