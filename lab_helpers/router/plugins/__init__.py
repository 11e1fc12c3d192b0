"""The catalogue of plugins: explicit, and imported one by one as a configuration names them (memory, start-up)."""

from __future__ import annotations

from importlib import import_module

from lab_helpers.router.plugin import Plugin, PluginKind

CATALOGUE: tuple[tuple[PluginKind, str], ...] = (
    (PluginKind.INPUT, "dummy"),
    (PluginKind.INPUT, "exec"),
    (PluginKind.INPUT, "forward"),
    (PluginKind.INPUT, "http"),
    (PluginKind.INPUT, "tail"),
    (PluginKind.INPUT, "tcp"),
    (PluginKind.FILTER, "aws"),
    (PluginKind.FILTER, "ecs"),
    (PluginKind.FILTER, "expect"),
    (PluginKind.FILTER, "grep"),
    (PluginKind.FILTER, "lua"),
    (PluginKind.FILTER, "modify"),
    (PluginKind.FILTER, "multiline"),
    (PluginKind.FILTER, "nest"),
    (PluginKind.FILTER, "parser"),
    (PluginKind.FILTER, "record_modifier"),
    (PluginKind.FILTER, "rewrite_tag"),
    (PluginKind.FILTER, "throttle"),
    (PluginKind.FILTER, "type_converter"),
    (PluginKind.OUTPUT, "cloudwatch"),
    (PluginKind.OUTPUT, "cloudwatch_logs"),
    (PluginKind.OUTPUT, "counter"),
    (PluginKind.OUTPUT, "file"),
    (PluginKind.OUTPUT, "firehose"),
    (PluginKind.OUTPUT, "forward"),
    (PluginKind.OUTPUT, "http"),
    (PluginKind.OUTPUT, "kinesis"),
    (PluginKind.OUTPUT, "kinesis_firehose"),
    (PluginKind.OUTPUT, "kinesis_streams"),
    (PluginKind.OUTPUT, "null"),
    (PluginKind.OUTPUT, "s3"),
    (PluginKind.OUTPUT, "stdout"),
)
# (kind, name); the module is plugins/in_NAME.py, filter_NAME.py or out_NAME.py and ends with its PLUGIN

_PREFIX = {PluginKind.INPUT: "in", PluginKind.FILTER: "filter", PluginKind.OUTPUT: "out"}


def names(kind: PluginKind) -> list[str]:
    """Return the names of all plugins of this kind, sorted."""
    return sorted(name for one, name in CATALOGUE if one is kind)


def load(kind: PluginKind, name: str) -> Plugin | None:
    """Return the plugin of this name (letter case does not matter), or None when the catalogue has none."""
    wanted = name.lower()
    if (kind, wanted) not in CATALOGUE:
        return None
    plugin: Plugin = import_module(f"{__name__}.{_PREFIX[kind]}_{wanted}").PLUGIN
    return plugin
