from __future__ import annotations

import re

import pytest

from lab_helpers.base.errors import SettingsError
from lab_helpers.display.drawing import STOPS, log_path


@pytest.mark.parametrize("here", list(STOPS))
def test_each_stop_can_be_marked_once(here: str) -> None:
    """Exactly one box says "you are here", and the text names it."""
    shown = log_path(here)
    assert shown.html.count("you are here") == 1
    assert str(shown).endswith(f"You are here: {STOPS[here].name} ({STOPS[here].detail})")


def test_counts_stand_at_their_stops() -> None:
    """Live counts are shown with thousands separated."""
    shown = log_path("s3", {"httpd": 1234, "s3": 1200})
    assert "httpd 1,234 -> awsfirelens" in str(shown)
    assert "[S3 1,200]" in str(shown)
    assert "<b>1,200</b> lines" in shown.html


def test_no_colour_of_its_own_for_text() -> None:
    """Boxes and text take the theme's colour, so that the drawing can be read in light and dark."""
    assert "currentColor" in log_path().html
    assert set(re.findall(r"color:(\w+)", log_path().html)) == {"inherit"}


def test_an_unknown_stop_is_refused() -> None:
    """A misspelt stop is an error that lists the stops."""
    with pytest.raises(SettingsError, match="cloudwatch"):
        log_path("cloudwach")
