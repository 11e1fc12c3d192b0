"""One input, filter, output or custom plugin of a YAML file: its keys, and what may stand at them.

Source: Fluent Bit 5.1.1, the states `plugin-start` to `group-val` of its reader.
"""

from __future__ import annotations

from typing import Any

from lab_helpers.router.config.yaml_events import (
    Event,
    Events,
    ShapeError,
    is_list,
    is_list_end,
    is_map,
    is_map_end,
    is_scalar,
)

_SIGNALS = frozenset({"logs", "metrics", "traces"})


def read_plugin(events: Events, kind: str) -> list[tuple[str, Any]]:
    """Return the pairs of a plugin whose map has begun. Raises ShapeError."""
    pairs: list[tuple[str, Any]] = []
    while not is_map_end(event := events.next()):
        if is_list(event):
            raise ShapeError("", event, before="no key")
        if not is_scalar(event):
            raise ShapeError.unexpected(event, "plugin-start")
        key = str(event.value)
        pairs.append((key, _value(events, key, kind)))
    return pairs


def _value(events: Events, key: str, kind: str) -> Any:
    event = events.next()
    if is_scalar(event):
        return str(event.value)
    is_free = key in ("routes", "processors") or kind == "processor" or (kind == "input" and key == "telemetry")
    if is_map(event) and key == "processors":
        return _processors(events)
    if is_free and (is_map(event) or (is_list(event) and key != "telemetry")):
        return events.variant(event)
    if is_list(event):
        return _texts(events)
    if is_map(event):
        return _group(events)
    raise ShapeError.unexpected(event, "plugin-value")


def _texts(events: Events) -> list[str]:
    found = []
    while not is_list_end(event := events.next()):
        if not is_scalar(event):
            raise ShapeError.unexpected(event, "plugin-values")
        found.append(str(event.value))
    return found


def _group(events: Events) -> dict[str, str]:
    """Return a map of texts; the plugin will refuse it."""
    pairs: dict[str, str] = {}
    while not is_map_end(event := events.next()):
        if is_map(event):
            continue
        if not is_scalar(event):
            raise ShapeError.unexpected(event, "group-key")
        pairs[str(event.value)] = events.scalar("group-val")
    return pairs


def _processors(events: Events) -> dict[str, list[dict[str, Any]]]:
    """Return the processors by what they work on, each with its pairs."""
    found: dict[str, list[dict[str, Any]]] = {}
    while not is_map_end(event := events.next()):
        if is_map(event):
            continue
        if not is_scalar(event):
            raise ShapeError.unexpected(event, "processors")
        signal = str(event.value)
        if signal.lower() not in _SIGNALS:
            raise ShapeError.unexpected(event, "processors", before=f"[config] unknown processor '{signal}'")
        found.setdefault(signal.lower(), []).extend(_steps(events))
    return found


def _steps(events: Events) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while not is_list_end(event := events.next()):
        if is_map(event):
            found.append(dict(read_plugin(events, "processor")))
        elif not is_list(event):
            raise _not_a_step(event)
    return found


def _not_a_step(event: Event) -> ShapeError:
    return ShapeError("", event) if is_map_end(event) else ShapeError.unexpected(event, "processor")
