"""Inputs, filters and outputs of one configuration, built; refusals in Fluent Bit's words and with its exit codes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lab_helpers.router import plugins
from lab_helpers.router.config.config_text import ConfigError, Configuration, expand
from lab_helpers.router.config.processors import processor_sections
from lab_helpers.router.core.log import LEVEL_NAMES, ComponentLog, Level
from lab_helpers.router.core.matching import matcher
from lab_helpers.router.core.options import (
    Option,
    OptionError,
    Options,
    check_names,
    near_match,
    parse,
    to_flag,
    to_size,
)
from lab_helpers.router.core.service import Section, Service
from lab_helpers.router.plugin import Plugin, PluginKind
from lab_helpers.router.recording import RECORD_IN

CORE_PROPERTIES = {
    PluginKind.INPUT: frozenset({
        "tag", "log_level", "log_suppress_interval", "routable", "alias", "mem_buf_limit", "listen", "host", "port",
        "ipv6", "storage.type", "threaded", "thread.ring_buffer.capacity", "thread.ring_buffer.window",
        "storage.pause_on_chunks_overlimit",
    }),
    PluginKind.FILTER: frozenset({"match", "match_regex", "alias", "log_level", "log_suppress_interval"}),
    PluginKind.OUTPUT: frozenset({
        "match", "match_regex", "alias", "log_level", "log_suppress_interval", "host", "port", "ipv6", "retry_limit",
        "storage.total_limit_size", "workers",
    }),
}  # fmt: skip
NET_OPTIONS = tuple(Option(f"net.{name}") for name in (
    "dns.mode", "dns.resolver", "dns.prefer_ipv4", "dns.prefer_ipv6", "keepalive", "keepalive_idle_timeout",
    "tcp_keepalive", "tcp_keepalive_time", "tcp_keepalive_interval", "tcp_keepalive_probes", "io_timeout",
    "connect_timeout", "connect_timeout_log_error", "source_address", "keepalive_max_recycle",
    "max_worker_connections", "proxy_env_ignore",
))  # fmt: skip
# of outputs, in the order of the refusal's sentence
INPUT_NET_OPTIONS = tuple(Option(f"net.{name}") for name in (
    "share_port", "backlog", "io_timeout", "accept_timeout", "accept_timeout_log_error", "keepalive",
))  # fmt: skip
NET_FLAGS = frozenset({
    "net.dns.prefer_ipv4", "net.dns.prefer_ipv6", "net.keepalive", "net.tcp_keepalive", "net.connect_timeout_log_error",
    "net.proxy_env_ignore", "net.share_port", "net.accept_timeout_log_error",
})  # fmt: skip
TLS_NAMES = frozenset({
    "tls", "tls.verify", "tls.verify_hostname", "tls.debug", "tls.vhost", "tls.ca_path", "tls.ca_file", "tls.crt_file",
    "tls.key_file", "tls.key_passwd", "tls.min_version", "tls.max_version", "tls.ciphers",
    "tls.windows.certstore_name", "tls.windows.use_enterprise_store", "tls.windows.client_thumbprints",
    "tls.verify_client_cert",
})  # fmt: skip
NO_TLS = frozenset({"null", "stdout", "file", "counter"})
# outputs that speak with nobody
CORE_VALUES: dict[str, Callable[[str], bool]] = {
    "log_level": lambda text: text.lower() in LEVEL_NAMES,
    "mem_buf_limit": lambda text: to_size(text) >= 0,
    "storage.total_limit_size": lambda text: to_size(text) >= 0,
    "storage.type": lambda text: text.lower() in ("memory", "filesystem", "memrb"),
    "storage.pause_on_chunks_overlimit": lambda text: to_flag(text) is not None,
    "threaded": lambda text: to_flag(text) is not None,
}
# what the values of core properties must be; others are taken as they are
SINGLE_PROPERTIES = frozenset({
    "match", "alias", "tag", "listen", "host", "tls.vhost", "tls.ca_path", "tls.ca_file", "tls.crt_file",
    "tls.key_file", "tls.key_passwd",
})  # fmt: skip
# properties that warn when they are given again
SPECIAL_PROPERTIES = ("name", "active", "condition", "routes")


class InitError(Exception):
    """A part of the pipeline cannot start: exit code 255; every line about it has been logged."""


@dataclass
class Declared:
    """One section, resolved: its plugin, instance name, core properties and plugin options (not yet parsed)."""

    plugin: Plugin
    number: int
    name: str
    core: dict[str, str]
    pairs: list[tuple[str, str]]
    ordinal: int = 0
    processors: list[Section] = field(default_factory=list)

    @property
    def shown_name(self) -> str:
        """The alias where there is one: what log lines show."""
        return self.core.get("alias") or self.name

    def log(self, service: Service) -> ComponentLog:
        """Return the log of this instance, at its own Log_Level."""
        level = LEVEL_NAMES.get(self.core.get("log_level", "").lower())
        prefix = f"[{self.plugin.kind.value}:{self.plugin.name}:{self.shown_name}]"
        return ComponentLog(service.sink, prefix, None if level is None else Level(level))


def declare(configuration: Configuration, service: Service, kind: PluginKind) -> list[Declared]:
    """Return the instances of one kind in the order of the configuration. Raises ConfigError (exit code 1)."""
    log = ComponentLog(service.sink)
    sections = configuration.of_kind(kind.value)
    declared: list[Declared] = []
    for number, section in enumerate(sections):
        plugin = _plugin_of(section, kind, configuration, service, log)
        core, pairs = _split(section, kind, configuration, service, log)
        _check_core(core, str(section.get("name")), kind, log)
        if plugin.name in NO_TLS and to_flag(core.get("tls", "off")) is True:
            log.error(f"[config] {plugin.name}.{number} does not support TLS")
            log.error("[config] could not configure property 'tls' on output plugin with section name "
                      f"'{section.get('name')}'")  # fmt: skip
            raise ConfigError("tls")
        ordinal = sum(one.plugin is plugin for one in declared)
        one = Declared(plugin, number, f"{plugin.name}.{number}", core, pairs, ordinal)
        one.processors = processor_sections(section, kind, one.name, log)
        declared.append(one)
    return declared


def _check_core(core: Mapping[str, str], name: str, kind: PluginKind, log: ComponentLog) -> None:
    """Refuse a core property whose value cannot be read. Raises ConfigError."""
    for key, text in core.items():
        accepts = CORE_VALUES.get(key)
        if accepts is not None and text and not accepts(text):
            log.error(
                f"[config] could not configure property '{key}' on {kind.value} plugin with section name '{name}'"
            )
            raise ConfigError(key)


def read_options(
    one: Declared, service: Service, flag: str, failed: Callable[[], None], unknown: Callable[[], None] | None = None
) -> Options:
    """Return the parsed options; on refusal log it, call `failed` (`unknown` for an unknown name), raise InitError."""
    log = ComponentLog(service.sink)
    try:
        if not one.plugin.accepts_any:
            check_names(one.plugin.name, one.plugin.options, one.pairs)
        network = [(key, text) for key, text in one.core.items() if key.startswith("net.")]
        known = NET_OPTIONS if one.plugin.kind is PluginKind.OUTPUT else INPUT_NET_OPTIONS
        check_names(one.plugin.name, known, network)
    except OptionError as exc:
        for line in exc.lines:
            log.error(line)
        if exc.hint:
            log.info(f"[config] {one.plugin.name}: did you mean '{exc.hint}'?")
        service.sink.write(" help", f"try the command: fluent-bit {flag} {one.plugin.name} -h")
        (unknown or failed)()
        raise InitError(one.name) from exc
    try:
        for key, text in network:
            if key in NET_FLAGS and to_flag(text) is None:
                raise OptionError(f"[config map] invalid value for boolean property '{key}={text}'")
        return parse(one.plugin.options, one.pairs)
    except OptionError as exc:
        for line in exc.lines:
            log.error(line)
        for line in one.plugin.config_error.splitlines():
            (log if line.startswith("[") else one.log(service)).error(line)
        failed()
        raise InitError(one.name) from exc


def has_match(one: Declared) -> bool:
    """Whether the instance says which tags it wants; a Match_Regex that does not compile says nothing."""
    if one.core.get("match"):
        return True
    try:
        return bool(one.core.get("match_regex")) and bool(matcher(None, one.core["match_regex"]))
    except re.error:
        return False


def matches(one: Declared, service: Service) -> Callable[[str], bool]:
    """Return the instance's tag test; a Match_Regex that does not compile matches nothing, as in the reference."""
    match, match_regex = one.core.get("match"), one.core.get("match_regex")
    try:
        return matcher(match, match_regex)
    except re.error as exc:
        ComponentLog(service.sink).info(f"[config] {one.name}: match_regex '{match_regex}' matches nothing: {exc}")
        return matcher(match, None)


def _plugin_of(
    section: Section, kind: PluginKind, configuration: Configuration, service: Service, log: ComponentLog
) -> Plugin:
    written = section.get("name")
    if not written:
        log.error(f"[config] section '{kind.value}' is missing the 'name' property")
        raise ConfigError(kind.value)
    name = expand(written, configuration.variables, service.environment, log)
    plugin = _stand_in(kind, name, service.environment) or plugins.load(kind, name)
    if plugin is None or (plugin.is_external and plugin.name not in service.external_plugins):
        log.error(f"[config] section '{written}' tried to instance a plugin name that doesn't exist")
        _explain_missing(kind, name, log)
        raise ConfigError(name)
    return plugin


def _stand_in(kind: PluginKind, name: str, environment: Mapping[str, str]) -> Plugin | None:
    """Return what stands in for an output that leads outside AWS, where this router only records those."""
    if kind is not PluginKind.OUTPUT or not environment.get(RECORD_IN):
        return None
    from lab_helpers.router.recording import recorder  # costs memory, and is for trials alone

    return recorder.plugin(name, environment)


def _explain_missing(kind: PluginKind, name: str, log: ComponentLog) -> None:
    there = plugins.names(kind)
    if name.lower() in there:
        log.info(
            f"[config] '{name}' is one of AWS's older plugins: enable it with -e {name.lower()}.so, as AWS's image does"
        )
        return
    from lab_helpers.router.plugins import elsewhere  # on the way to an error only

    if name.lower() in elsewhere.NAMES[kind]:
        log.info(f"[config] Fluent Bit has an {kind.value} plugin '{name}', this router does not. "
                 f"It has: {', '.join(there)}")  # fmt: skip
        return
    near = near_match(name, there)
    log.info(f"[config] {kind.value} plugins here: {', '.join(there)}" + (f"; did you mean '{near}'?" if near else ""))


def _split(
    section: Section, kind: PluginKind, configuration: Configuration, service: Service, log: ComponentLog
) -> tuple[dict[str, str], list[tuple[str, str]]]:
    core: dict[str, str] = {}
    pairs: list[tuple[str, str]] = []
    for key, value in _flat(section):
        lower = key.lower()
        if lower in SPECIAL_PROPERTIES and not (kind is PluginKind.FILTER and lower == "condition"):
            continue  # modify has an option of that name
        text = expand(value, configuration.variables, service.environment, log)
        if lower in CORE_PROPERTIES[kind] or (
            kind is not PluginKind.FILTER and (lower.startswith("net.") or lower in TLS_NAMES)
        ):
            if lower in core and lower in SINGLE_PROPERTIES:
                log.warn(f"[utils] property '{lower}' is already specified with value '{core[lower]}'. "
                         f"Overwriting with '{text}'")  # fmt: skip
            core[lower] = text
        else:
            pairs.append((key, text))
    return core, pairs


def _flat(section: Section) -> list[tuple[str, str]]:
    """Return the pairs with lists (YAML) spread into one pair each."""
    flat: list[tuple[str, str]] = []
    for key, value in section.pairs:
        values: list[Any] = value if isinstance(value, list) else [value]
        flat += [(key, str(one)) for one in values if not isinstance(one, Mapping)]
        flat += [(key, "")] if key == "processors" and isinstance(value, list) else []  # no map: a plain property
    return flat
