"""A log router of type fluentd: what FireLens generates for it is shown, and Fluentd itself is not here.

Not modelled: Fluentd's directives are neither checked nor followed; what they include themselves is not opened.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from lab_helpers.base.errors import FluentdNotRunError, TaskDefinitionError
from lab_helpers.firelens import fluentd, parse_container_log, parse_router_options
from lab_helpers.firelens.generate import task_metadata
from lab_helpers.firelens.options import FirelensOptionError
from lab_helpers.trying import configuration, image_files
from lab_helpers.trying.adapting import region_of
from lab_helpers.trying.configuration import Line
from lab_helpers.trying.definition import logged_by_router

_INCLUDE = re.compile(r"@include (\S+)")


def is_fluentd(router: Mapping[str, Any]) -> bool:
    """Tell whether a router's `firelensConfiguration` asks for Fluentd."""
    return bool(router["firelensConfiguration"].get("type") == fluentd.FLUENTD)


def refuse(definition: Mapping[str, Any], router: Mapping[str, Any], files: Sequence[Path], cluster: str) -> NoReturn:
    """Raise FluentdNotRunError with what FireLens generates; TaskDefinitionError in the agent's words if nothing."""
    try:
        found = lines(definition, router, files, cluster)
    except FirelensOptionError as exc:
        raise TaskDefinitionError(str(exc), "The agent would not start such a task.") from exc
    width = max(len(line.author) for line in found)
    raise FluentdNotRunError(str(router["name"]), "\n".join(f"  {line.author:{width}} | {line.text}" for line in found))


def lines(definition: Mapping[str, Any], router: Mapping[str, Any], files: Sequence[Path], cluster: str) -> list[Line]:
    """Return the generated configuration, the user's file opened in its place, each line with its author."""
    options = parse_router_options(router["firelensConfiguration"].get("options") or {}, fluentd.S3_CONFIG_PATH)
    arn = f"arn:aws:ecs:{region_of(definition)}:{configuration.ACCOUNT}:task/{cluster}/TASK-ID"
    keys = task_metadata(cluster, arn, f"{definition.get('family', 'tried')}:1") if options.metadata else ()
    made = fluentd.blocks(
        [
            parse_container_log(each["name"], _options(each, place), fluentd.OUTPUT_NAME, fluentd.FLUENTD)
            for place, each in enumerate(definition["containerDefinitions"])
            if logged_by_router(each)
        ],
        network_mode=str(definition.get("networkMode", "awsvpc")),
        metadata=keys,
        include_path=options.include_path,
    )
    found: list[Line] = []
    for block in made:
        author = f"log options of {block.container}" if block.container else configuration.AGENT
        for text in block.text.splitlines():
            found.append(Line(text, author))
            if include := _INCLUDE.fullmatch(text):
                found += _opened(include[1], files)
    return found


def _opened(path: str, files: Sequence[Path]) -> list[Line]:
    name = path.rpartition("/")[2]
    named = [each for each in files if each.name == name] or [each / name for each in files if (each / name).is_file()]
    given = named or [each for each in files if each.is_file()][:1]
    author = f"{configuration.INCLUDED} {given[0].name}" if given else ""
    return [Line(text, author) for text in image_files.text_of(given[0]).splitlines()] if given else []


def _options(container: Mapping[str, Any], place: int) -> dict[str, str]:
    log = container["logConfiguration"]
    secrets = [str(each["name"]) for each in log.get("secretOptions") or ()]
    return {**(log.get("options") or {}), **{name: fluentd.with_secret(f"{name}_{place}") for name in secrets}}
