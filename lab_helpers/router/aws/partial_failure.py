"""What PutRecordBatch and PutRecords answer: how many records failed, and why. Pure.

Source: Fluent Bit 4.2.8: keys are looked at in their order, types are told by msgpack's numbers.
"""

from __future__ import annotations

from typing import Any

import orjson

_TYPES: tuple[tuple[type, int], ...] = ((bool, 1), (float, 10), (str, 5), (list, 6), (dict, 7))


class AnswerError(ValueError):
    """The answer cannot be read; the sentence is Fluent Bit's, '' where it is no JSON at all."""


def read_partial_failure(body: bytes, failed_key: str, responses_key: str) -> tuple[int | None, list[str]]:
    """Return (failed records, or None where the answer does not say; error codes). Raises AnswerError."""
    try:
        answer = orjson.loads(body)
    except ValueError:
        raise AnswerError from None
    if not isinstance(answer, dict):
        raise AnswerError(f"unexpected payload type={type_number(answer)}")
    failed: int | None = None
    codes: list[str] = []
    for key, value in answer.items():
        if key.startswith(failed_key):
            failed = _count(value, failed_key)
            if failed == 0:
                break
        if key.startswith(responses_key):
            codes += _codes(value, responses_key)
    return failed, codes


def type_number(value: Any) -> int:
    """Return the number that msgpack's C library gives a value's type."""
    if isinstance(value, int) and not isinstance(value, bool):
        return 2 if value >= 0 else 3
    return next((number for kind, number in _TYPES if isinstance(value, kind)), 0)


def _count(value: Any, key: str) -> int:
    if type_number(value) != 2:
        raise AnswerError(f"unexpected '{key}' value type={type_number(value)}")
    return int(value)


def _codes(value: Any, key: str) -> list[str]:
    if not isinstance(value, list):
        raise AnswerError(f"unexpected '{key}' value type={type_number(value)}")
    if not value:
        raise AnswerError(f"'{key}' field in response is empty")
    for at, one in enumerate(value):
        if not isinstance(one, dict):
            raise AnswerError(f"unexpected '{key}[{at}]' value type={type_number(one)}")
    return [one["ErrorCode"] for one in value if isinstance(one.get("ErrorCode"), str)]
