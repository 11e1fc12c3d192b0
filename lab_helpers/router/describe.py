"""Describe plugins from their option specs: `-o NAME -h`, and the reference page of the documentation."""

from __future__ import annotations

from lab_helpers.router import plugins
from lab_helpers.router.core.options import Option
from lab_helpers.router.plugin import Plugin, PluginKind


def describe_plugin(kind: str, name: str) -> str:
    """Return the help text of a plugin; '' where there is none of this name."""
    plugin = plugins.load(PluginKind(kind), name)
    if plugin is None:
        return ""
    lines = ["HELP", f"{plugin.name} {kind} plugin", "", "DESCRIPTION", plugin.help, "", "OPTIONS"]
    lines += [_option_line(option) for option in plugin.options] or ["(none)"]
    return "\n".join(lines) + "\n"


def reference() -> str:
    """Return a Markdown page with every plugin and option."""
    parts = ["# Plugins of the log router\n"]
    for kind in PluginKind:
        for name in plugins.names(kind):
            plugin = plugins.load(kind, name)
            assert plugin is not None
            parts.append(_section(plugin))
    return "\n".join(parts)


def _section(plugin: Plugin) -> str:
    rows = [f"## {plugin.kind.value}: `{plugin.name}`\n", f"{plugin.help}\n"]
    if plugin.options:
        rows += ["| option | type | default | what it does |", "|---|---|---|---|"]
        rows += [f"| `{one.name}` | {one.kind.value} | {one.default or ''} | {one.help} |" for one in plugin.options]
    return "\n".join(rows) + "\n"


def _option_line(option: Option) -> str:
    default = f" (default: {option.default})" if option.default else ""
    return f"{option.name:<24}{option.help}{default}\n{'':<24}> type: {option.kind.value}"
