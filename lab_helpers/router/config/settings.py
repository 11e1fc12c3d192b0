"""Turn [SERVICE] and the command line into a Service.

Source: Fluent Bit 4.2.8 (unknown keys in [SERVICE] are ignored).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from lab_helpers.router.config.config_text import ConfigError, Configuration, expand, read_file
from lab_helpers.router.core.log import LEVEL_NAMES, ComponentLog, Level, Sink
from lab_helpers.router.core.options import to_decimal, to_flag, to_integer, to_seconds
from lab_helpers.router.core.service import Service

_FIELDS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "flush": ("flush_s", to_decimal),
    "grace": ("grace_s", to_integer),
    "scheduler.base": ("retry_base_s", to_seconds),
    "scheduler.cap": ("retry_cap_s", to_seconds),
    "json.escape_unicode": ("escape_unicode", lambda text: to_flag(text) is not False),
    "storage.path": ("storage_path", str),
    "storage.max_chunks_up": ("storage_max_chunks_up", to_integer),
    "storage.sync": ("storage_sync", str),
    "storage.metrics": ("storage_metrics", lambda text: to_flag(text) is not False),
    "storage.delete_irrecoverable_chunks": ("storage_delete_irrecoverable", lambda text: to_flag(text) is True),
    "streams_file": ("streams_file", str),
    "http_server": ("http_server", lambda text: to_flag(text) is True),
    "http_listen": ("http_listen", str),
    "http_port": ("http_port", to_integer),
    "health_check": ("health_check", lambda text: to_flag(text) is True),
    "hc_errors_count": ("health_errors", to_integer),
    "hc_retry_failure_count": ("health_retry_failures", to_integer),
    "hc_period": ("health_period_s", to_integer),
}


SMALLEST_STACK_BYTES = 4096
# a page of memory: what Coro_Stack_Size must exceed


GO_LIBRARIES = frozenset({"firehose.so", "cloudwatch.so", "kinesis.so"})
# AWS's Go plugins, as `-e` and `plugins` name them: they are part of this router


class FlushError(ConfigError):
    """Flush or Coro_Stack_Size is too small; the reference has one line for it, no second."""

    last = ""


def build_service(
    configuration: Configuration, environment: Mapping[str, str], sink: Sink, flush_s: float = 1.0
) -> Service:
    """Return the service's settings; reads the parsers files. Raises ConfigError."""
    log = ComponentLog(sink)
    if configuration.is_classic and (configuration.of_kind("parser") or configuration.of_kind("multiline_parser")):
        sink.raw(
            "Sections 'multiline_parser' and 'parser' are not valid in the main configuration file. It belongs to \n"
            "the 'parsers_file' configuration files.\n"
        )
        raise ConfigError("parser")
    for name, pairs in ((one.name, dict(one.pairs)) for one in configuration.sections):
        if name == "custom":
            log.error(f"[config] section '{pairs.get('name', '')}' tried to instance a plugin name that doesn't exist")
            raise ConfigError(name)
        unknown = [key for key in pairs if key not in GO_LIBRARIES] if name == "plugins" else []
        if unknown:
            key = unknown[0]
            log.error(f"[proxy] error opening plugin {key}: '{key}: cannot open shared object file: No such file or "
                      "directory'")  # fmt: skip
            log.error(f"[plugin] error loading proxy plugin: {key}")
            raise ConfigError(name)
    service = Service(flush_s=flush_s, environment=environment, config_dir=configuration.folder, sink=sink)
    for section in configuration.of_kind("service"):
        for key, value in section.pairs:
            if _is_nested(key, value, log):
                continue
            text = expand(str(value), configuration.variables, environment, log)
            service = _with_key(service, key.lower(), text, log)
    if not _load_parser_sections(service, configuration, "", log):
        raise ConfigError("parsers")
    if service.flush_s <= 0:
        log.error("invalid flush value, aborting.")
        raise FlushError(str(service.flush_s))
    return service


def _is_nested(key: str, value: Any, log: ComponentLog) -> bool:
    """Tell whether it is the block of telemetry, which means nothing here. Raises ConfigError for other maps (YAML)."""
    is_telemetry = key.lower() == "telemetry" or key.lower().startswith("telemetry.")
    is_map = isinstance(value, Mapping)
    if is_map and is_telemetry:
        return True
    if not is_map and not is_telemetry:
        return False
    log.error(f"[config] unsupported nested service property '{key}'" if is_map else
              f"[config] '{key}' must be configured as a nested 'telemetry' block")  # fmt: skip
    log.error(f"[config] could not configure service property '{key}'")
    raise ConfigError(key)


def _with_key(service: Service, key: str, text: str, log: ComponentLog) -> Service:
    if key in _FIELDS:
        name, parse = _FIELDS[key]
        return replace(service, **{name: parse(text)})
    if key == "log_level":
        _set_level(service, service.environment.get("FLB_LOG_LEVEL") or text, log)
    elif key == "coro_stack_size" and to_integer(text) < SMALLEST_STACK_BYTES:
        log.error("invalid coroutine stack size, aborting.")
        raise FlushError(text)
    elif key == "plugins_file" and not os.path.exists(os.path.join(service.config_dir, text)):
        log.error(f"file={os.path.join(service.config_dir, text)}")
        log.error("[config] could not configure service property 'plugins_file'")
        raise ConfigError(text)
    elif key == "log_file":
        service.sink.open_file(text)
    elif key == "parsers_file":
        _load_parsers_file(service, text, log)
    return service


def _set_level(service: Service, text: str, log: ComponentLog) -> None:
    level = LEVEL_NAMES.get(text.lower())
    if level is None:
        log.info(f"[config] unknown Log_Level '{text}': still {service.sink.level.name.lower()}")
    else:
        service.sink.level = Level(level)


def _load_parsers_file(service: Service, path: str, log: ComponentLog) -> None:
    where = path if path.startswith("/") else service.config_dir + path
    try:
        holds = _load_parser_sections(service, _parsers_in(where, log), where, log)
    except ConfigError:
        holds = False  # why is said already
    if not holds:
        log.error("[config] could not configure service property 'parsers_file'")
        raise ConfigError(where)


def _parsers_in(path: str, log: ComponentLog) -> Configuration:
    if path.endswith((".yaml", ".yml")):
        from lab_helpers.router.config.config_yaml import read_yaml_file

        return read_yaml_file(path, log)
    return read_file(path, log)


def _load_parser_sections(service: Service, configuration: Configuration, path: str, log: ComponentLog) -> bool:
    """Take the file's parsers in; return whether all of them hold."""
    sections = [one for one in configuration.sections if one.name in ("parser", "multiline_parser")]
    if sections:
        from lab_helpers.router.config.parser_sections import register_parsers  # only where there are parsers

        return register_parsers(service, sections, path, log)
    return True
