"""Who wrote which line of a router's configuration: the ECS agent, the task definition, or the user's own file."""

from __future__ import annotations

from collections.abc import Iterator

from lab_helpers.firelens.generate import HEALTHCHECK_TAG

AGENT, TASK_DEFINITION, YOU = "the ECS agent", "the task definition", "you, in extra.conf"


def authors(generated: str, included: str = "") -> list[tuple[str, str]]:
    """Return (author, line) for each line of a generated configuration, the included file in the place of its line.

    `included` is the text of the file that `@INCLUDE` names; its line itself comes from the task definition.
    """
    found = []
    for block in _blocks(generated):
        if block[0].startswith("@INCLUDE"):
            found += [(TASK_DEFINITION, line) for line in block]
            found += [(YOU, line) for line in included.splitlines()]
        else:
            found += [(_author(block), line) for line in block]
    return found


def _blocks(text: str) -> Iterator[list[str]]:
    """Yield sections and other commands with their lines; blank lines belong to none."""
    block: list[str] = []
    for line in filter(str.strip, text.splitlines()):
        if block and not line.startswith(" "):
            yield block
            block = []
        block.append(line)
    if block:
        yield block


def _author(block: list[str]) -> str:
    """Tell by a section's content: outputs and patterns are made of a container's log options."""
    head, words = block[0], " ".join(block[1:])
    is_of_agent = head == "[INPUT]" or HEALTHCHECK_TAG in words or "Record ecs_" in words or "ec2_instance_id" in words
    return AGENT if is_of_agent else TASK_DEFINITION
