"""Where in a policy's text its statements stand, as the policy simulator counts it.

Source: recorded answers of SimulatePrincipalPolicy (LocalStack's test_simulate_principle_policy, the example of the AWS
CLI reference, AdministratorAccess in public documentation): a statement begins where the text
before it has been read (behind `[`, or behind the statement before) and ends behind its brace; a lone one begins
behind its own brace.
"""

from __future__ import annotations

import json

Place = tuple[dict[str, int], dict[str, int]]
_DECODER = json.JSONDecoder()
_BLANK = " \t\r\n"


def places(text: str) -> list[Place]:
    """Return start and end, as {Line, Column} from 1, of each statement; none of a text that is no policy."""
    try:
        return [(_point(text, begin), _point(text, end)) for begin, end in _spans(text)]
    except (ValueError, IndexError, RecursionError):
        return []


def _spans(text: str) -> list[tuple[int, int]]:
    at = _value_of(text, "Statement")
    if text[at] == "{":
        return [(at + 1, _DECODER.raw_decode(text, at)[1])]
    spans, begin = [], at + 1
    while text[at := _skip(text, begin, _BLANK + ",")] == "{":
        end = _DECODER.raw_decode(text, at)[1]
        spans.append((begin, end))
        begin = end
    return spans


def _value_of(text: str, wanted: str) -> int:
    """Return where the value of a key of the outermost object begins; raises ValueError without one."""
    at = _skip(text, 0, _BLANK + "{")
    while text[at] == '"':
        name, end = _DECODER.raw_decode(text, at)
        at = _skip(text, end, _BLANK + ":")
        if name == wanted:
            return at
        end = _DECODER.raw_decode(text, at)[1]
        at = _skip(text, end, _BLANK + ",")
    raise ValueError(f"no {wanted}")


def _skip(text: str, at: int, signs: str) -> int:
    while text[at] in signs:
        at += 1
    return at


def _point(text: str, offset: int) -> dict[str, int]:
    before = text[:offset]
    return {"Line": before.count("\n") + 1, "Column": offset - (before.rfind("\n") + 1) + 1}
