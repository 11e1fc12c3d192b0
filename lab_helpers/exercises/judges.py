"""The judges of the exercises: each says in words what an answer lacks, and leads on; empty means right."""

from __future__ import annotations

from lab_helpers.base.messages import say
from lab_helpers.exercises.exercise import Desk


def prefix_of_hour(answer: str, _: Desk) -> str:
    """06_1: the key prefix of a delivery at 08:30 in Tokyo on 3 February 2026."""
    given = answer.strip()
    if given == "2026/02/02/23/":
        return ""
    if given == "2026/02/03/08/":
        return say("That is Tokyo's clock. In which time zone are the keys?")
    if given.rstrip("/") == "2026/02/02/23":
        return say("Nearly: a prefix without the last `/`, or with one before it, is not how Firehose writes it.")
    return say("The form is YYYY/MM/DD/HH/. Tokyo is nine hours ahead of UTC.")
