"""Holds what our handlers answer to botocore's description of each operation's output.

`held()` records every answer that goes through the gateway meanwhile, from whichever test:

    with held() as found:
        ...
    assert found.problems == []
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from unittest import mock

from lab_helpers.local_aws.front import gateway, protocol
from lab_helpers.local_aws.front.model_files import service_model
from lab_helpers.local_aws.kit.api import EventStream

_TYPES: dict[str, tuple[type, ...]] = {
    "blob": (str, bytes),
    "boolean": (bool,),
    "double": (int, float),
    "float": (int, float),
    "integer": (int,),
    "long": (int,),
    "string": (str,),
    "timestamp": (int, float, str, datetime),
}

_OTHERWISE = frozenset({"PermissionsBoundaryAttachmentType", "PolicySourceType"})
"""Values that AWS itself answers otherwise than it describes them: `Policy` and `IAM Policy`, as recorded."""


@dataclass
class Found:
    """What was answered: operations as `service:Operation`, and what is wrong with their answers."""

    operations: set[str] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)


@contextmanager
def held() -> Iterator[Found]:
    """Look at all answers of our handlers in this process until the end of the block."""
    found, original = Found(), protocol.answer

    def answer(call: protocol.Call, members: Mapping[str, Any]) -> protocol.HttpAnswer:
        name = f"{call.service}:{call.operation}"
        shape = service_model(call.service).operation_model(call.operation).output_shape
        found.operations.add(name)
        found.problems += [f"{name}{problem}" for problem in problems(shape, members)]
        return original(call, members)

    with mock.patch.object(gateway.protocol, "answer", answer):
        yield found


def problems(shape: Any, value: Any, path: str = "") -> Iterator[str]:
    """Yield what of a value is not as its shape says; members that are None count as absent."""
    if shape is None:
        yield from (f"{path}.{name}: the operation answers nothing" for name in value)
    elif shape.type_name == "structure":
        yield from _of_structure(shape, value, path)
    elif shape.type_name == "list":
        if not isinstance(value, list | tuple):
            yield f"{path}: {value!r} is no list"
        else:
            for index, item in enumerate(value):
                yield from problems(shape.member, item, f"{path}[{index}]")
    elif shape.type_name == "map":
        for key, item in value.items():
            yield from problems(shape.value, item, f"{path}[{key!r}]")
    else:
        yield from _of_value(shape, value, path)


def _of_structure(shape: Any, value: Any, path: str) -> Iterator[str]:
    if isinstance(value, EventStream):
        return
    if not isinstance(value, Mapping):
        yield f"{path}: {value!r} is no structure"
        return
    for name, item in value.items():
        if name not in shape.members:
            yield f"{path}.{name}: {shape.name} has no such member"
        elif item is not None:
            yield from problems(shape.members[name], item, f"{path}.{name}")
    yield from (f"{path}.{name}: is missing" for name in shape.required_members if value.get(name) is None)


def _of_value(shape: Any, value: Any, path: str) -> Iterator[str]:
    wanted = _TYPES[shape.type_name]
    if not isinstance(value, wanted) or (isinstance(value, bool) and bool not in wanted):
        yield f"{path}: {value!r} is no {shape.type_name}"
    elif shape.type_name == "string" and shape.enum and shape.name not in _OTHERWISE and value not in shape.enum:
        yield f"{path}: {value!r} is none of {', '.join(shape.enum)}"
