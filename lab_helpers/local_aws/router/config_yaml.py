"""Read the YAML form of the configuration into the same sections as the classic form.

Source: Fluent Bit 4.2.8: `service`, `env`, `includes`, `parsers`, `multiline_parsers`, and `pipeline` with `inputs`,
`filters` and `outputs`. Not modelled: processors, conditional routes.
"""

from __future__ import annotations

import glob
import os
import re
from typing import Any

import yaml

from lab_helpers.local_aws.router.config_text import ConfigError, Configuration
from lab_helpers.local_aws.router.log import Log
from lab_helpers.local_aws.router.service import Section

_LISTS = {"inputs": "input", "filters": "filter", "outputs": "output"}
_PARSERS = {"parsers": "parser", "multiline_parsers": "multiline_parser"}


def read_yaml_file(path: str, log: Log) -> Configuration:
    """Return the configuration in this file and what it includes. Raises ConfigError."""
    configuration = Configuration(folder=os.path.dirname(os.path.realpath(path)) + "/", is_classic=False)
    _read(path, configuration, log, seen=set())
    return configuration


def _read(path: str, configuration: Configuration, log: Log, seen: set[str]) -> None:
    where = os.path.realpath(path if path.startswith("/") else os.path.join(configuration.folder, path))
    if where in seen:
        log.error(f"[config] file already included {path}")
        raise ConfigError(path)
    seen.add(where)
    document = _loaded(where, log)
    for name, value in document.items():
        _add(name, value, configuration, log)
    for pattern in document.get("includes") or []:
        names = sorted(glob.glob(os.path.join(configuration.folder, str(pattern))))
        if not names:
            log.error(f"[config] cannot include {pattern}: no such file")
            raise ConfigError(str(pattern))
        for one in names:
            _read(one, configuration, log, seen)


def _loaded(path: str, log: Log) -> dict[str, Any]:
    try:
        with open(path, encoding="utf-8") as file:
            document = yaml.safe_load(file) or {}
    except OSError as exc:
        log.error(f"file={path}")
        log.info(f"[config] cannot open {path}: {exc.strerror}")
        raise ConfigError(path) from exc
    except (yaml.YAMLError, UnicodeDecodeError) as exc:
        log.error(f"[config] error in {path}: {' '.join(str(exc).split())}")
        raise ConfigError(path) from exc
    if not isinstance(document, dict):
        log.error(f"[config] error in {path}: a mapping is expected at the top")
        raise ConfigError(path)
    return document


def _add(name: str, value: Any, configuration: Configuration, log: Log) -> None:
    if name == "service":
        configuration.sections.append(_section("service", value, log))
    elif name == "env":
        configuration.variables.update({str(key): _text(one) for key, one in _mapping(value, name, log).items()})
    elif name in _PARSERS:
        configuration.sections += [_section(_PARSERS[name], one, log) for one in _list(value, name, log)]
    elif name == "pipeline":
        for kind, plugins in _mapping(value, name, log).items():
            if kind not in _LISTS:
                log.error(f"[config] unknown key '{kind}' in pipeline: expected inputs, filters, outputs")
                raise ConfigError(kind)
            configuration.sections += [_section(_LISTS[kind], one, log) for one in _list(plugins, kind, log)]
    elif name != "includes":
        log.info(f"[config] section '{name}' is ignored")


def _section(kind: str, value: Any, log: Log) -> Section:
    pairs = []
    for key, item in _mapping(value, kind, log).items():
        shown: Any = [_text(one) if not isinstance(one, dict) else one for one in item] if isinstance(item, list) else (
            item if isinstance(item, dict) else _text(item)
        )  # fmt: skip
        pairs.append((_key(str(key)), shown))
    return Section(kind, pairs)


def _key(key: str) -> str:
    """Return `read_from_head` for `readFromHead`; keys that begin with a capital stay as they are."""
    if not key[:1].islower():
        return key
    return key.lower() if "_" in key else re.sub(r"[A-Z]", lambda found: "_" + found[0].lower(), key)


def _mapping(value: Any, where: str, log: Log) -> dict[Any, Any]:
    if isinstance(value, dict):
        return value
    log.error(f"[config] a mapping is expected in '{where}', not {type(value).__name__}")
    raise ConfigError(where)


def _list(value: Any, where: str, log: Log) -> list[Any]:
    if isinstance(value, list):
        return value
    log.error(f"[config] a list is expected in '{where}', not {type(value).__name__}")
    raise ConfigError(where)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)
