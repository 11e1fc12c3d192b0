"""Policies as answers: what they must allow, and what they must not, as the lab's IAM evaluates them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from lab_helpers.backends import local as backend
from lab_helpers.base.messages import say

Access = tuple[str, str]
"""An action, and the ARN that it is on."""


def least(answer: str | dict[str, Any], needed: Sequence[Access], too_much: Sequence[Access]) -> str:
    """Return what a policy lacks for the exercise's work, or allows beyond it; empty when it is right."""
    text = document(answer)
    if lacking := first(text, needed, allowed=False):
        action, resource = lacking
        return say("{action} on {resource} is not allowed, and it is needed here.", action=action, resource=resource)
    if granted := first(text, too_much, allowed=True):
        told = "It works, but it also allows {action} on {resource}: that is more than is needed here."
        return say(told, action=granted[0], resource=granted[1])
    return ""


def document(answer: str | dict[str, Any]) -> str:
    """Return an answer as the text of a policy document."""
    return answer if isinstance(answer, str) else json.dumps(answer)


def first(text: str, accesses: Sequence[Access], *, allowed: bool) -> Access | None:
    """Return the first access whose outcome under a policy document is `allowed`."""
    return next((each for each in accesses if backend.policy_allows(text, *each) is allowed), None)
