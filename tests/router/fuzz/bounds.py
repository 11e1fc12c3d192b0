"""How the router is fuzzed: the same few hundred examples in every run, new and more ones with FUZZ=1."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

FACTOR = 20


def bounded(examples: int) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return the settings decorator of a fuzz test: no time limit per example, one on their number."""
    is_free = os.environ.get("FUZZ") == "1"
    return settings(
        max_examples=examples * FACTOR if is_free else examples,
        derandomize=not is_free,
        database=None,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


def texts(size: int = 20) -> st.SearchStrategy[str]:
    """Texts, some with bytes that are no UTF-8 (surrogateescape) and control characters."""
    odd = st.sampled_from(["\udcff", "\x00", "\n", "\t", '"', "\\", "\u65e5", "\U0001f600", "\x7f", "é", "$", "{", "}"])
    return st.lists(st.one_of(odd, st.characters(codec="utf-8")), max_size=size).map("".join)


def values() -> st.SearchStrategy[Any]:
    """Values that msgpack can carry."""
    scalars = st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**63), 2**64 - 1),
        st.floats(allow_nan=False),
        texts(),
        st.binary(max_size=8),
    )
    return st.recursive(
        scalars,
        lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts(8), inner, max_size=3)),
        max_leaves=6,
    )


def bodies() -> st.SearchStrategy[dict[str, Any]]:
    """Records' bodies, often with the keys that plugins look at."""
    keys = st.one_of(st.sampled_from(["log", "time", "partial_message", "partial_id", "a", "lo", ""]), texts(8))
    return st.dictionaries(keys, values(), max_size=5)
