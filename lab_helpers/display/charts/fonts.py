"""Charts in the reader's language, where this machine has a font for it; elsewhere in English, never in boxes.

No font comes with the lab: a Japanese one is as large as all the rest of it (Debian: fonts-noto-cjk, fonts-ipafont).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import matplotlib as mpl
from matplotlib import font_manager

from lab_helpers.base.messages import ENGLISH, speaking, spoken

FAMILIES = {
    "ja": (
        "Noto Sans CJK JP", "Noto Sans JP", "IPAexGothic", "IPAGothic", "Hiragino Sans", "Yu Gothic", "Meiryo",
        "MS Gothic", "TakaoGothic", "VL Gothic", "Noto Serif CJK JP",
    ),
}  # fmt: skip
"""Families that have a language's characters, the best one first: of Debian, Fedora, macOS, Windows."""

Arguments = ParamSpec("Arguments")
Drawn = TypeVar("Drawn")


def family(language: str) -> str:
    """Return the first installed family for a language; empty where there is none."""
    installed = {font.name for font in font_manager.fontManager.ttflist}
    return next((name for name in FAMILIES.get(language, ()) if name in installed), "")


def in_readable_language(draw: Callable[Arguments, Drawn]) -> Callable[Arguments, Drawn]:
    """Have a function draw with a font for the reader's language, and in English where there is none."""

    @functools.wraps(draw)
    def drawn(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Drawn:
        if spoken() == ENGLISH:
            return draw(*args, **kwargs)
        if not (found := family(spoken())):
            with speaking(ENGLISH):
                return draw(*args, **kwargs)
        with mpl.rc_context({"font.family": [found, *mpl.rcParams["font.family"]]}):
            return draw(*args, **kwargs)

    return drawn
