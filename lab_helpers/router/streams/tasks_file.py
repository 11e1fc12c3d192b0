"""The tasks of a Streams_File: sections with a name and a query.

Source: Fluent Bit 5.1.1, flb_sp.c (sp_config_file).
"""

from __future__ import annotations

import os

from lab_helpers.router.config.config_text import ConfigError, Configuration, read_file
from lab_helpers.router.core.log import ComponentLog
from lab_helpers.router.core.service import Service
from lab_helpers.router.streams.processor import StreamsError

KINDS = ("stream_task", "stream_processor")


def given_tasks(
    configuration: Configuration, service: Service, log: ComponentLog
) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Return name and query of the configuration's own tasks (YAML), and of those in its Streams_File.

    Raises StreamsError.
    """
    own = [(each.get("name"), each.get("exec")) for each in configuration.of_kind("stream_processor")]
    file = service.streams_file
    return own, tasks_in(file, service.config_dir, log) if file else []


def tasks_in(path: str, folder: str, log: ComponentLog) -> list[tuple[str, str]]:
    """Return name and query of each task of a file, beside the configuration where it is not found otherwise.

    Raises StreamsError.
    """
    found = _read(path, folder, log)
    made = []
    for section in (each for each in found.sections if each.name in KINDS):
        name, query = section.get("name"), section.get("exec")
        if not name:
            log.error(f"[sp] task 'name' not found in file '{path}'")
            raise StreamsError(path)
        if not query:
            log.error(f"[sp] task '{name}' don't have an 'exec' command")
            raise StreamsError(path)
        made.append((name, query))
    return made


def _read(path: str, folder: str, log: ComponentLog) -> Configuration:
    if not os.path.exists(path) and path.startswith("/"):
        log.error(f"[sp] cannot open configuration file: {path}")
        raise StreamsError(path)
    where = path if os.path.exists(path) else folder + path
    try:
        if where.endswith((".yaml", ".yml")):
            from lab_helpers.router.config.config_yaml import read_yaml_file  # only where there is YAML

            return read_yaml_file(where, log)
        return read_file(where, log)
    except ConfigError as exc:
        raise StreamsError(path) from exc
