"""What is kept has a shape: who changes it raises FORMAT, so that an older state is refused and never read half."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib

import pytest

from lab_helpers.local_aws.state import version

SHAPES = {
    "alb.control": "ed4d545558da",
    "alb.model": "fdfc8a670b5d",
    "athena.commands": "68774199edc2",
    "athena.executions": "e2dcc81b4c72",
    "athena.result": "749992ef7b69",
    "athena.statement": "82c1b841d49c",
    "athena.targets": "0d4857e5a3a0",
    "cloudwatch.alarm": "290f725e4c03",
    "cloudwatch.book": "08c59d294b7f",
    "cloudwatch.metrics": "da4ec5677d6f",
    "ecr.catalogue": "f3e4651e84fb",
    "ecr.manifest": "a27ecee348a1",
    "ecr.tokens": "b6b51ad8ab60",
    "ecs.model": "9368b5465e0a",
    "ecs.spec": "5bf287a983de",
    "identity.credentials": "c80fb0c2ca73",
    "kit.api": "8bf8667983b1",
    "state.journal": "c4cdfa61394a",
}
"""The fields of each module's dataclasses as they were when FORMAT got the value of FORMAT_OF_SHAPES."""
FORMAT_OF_SHAPES = 11


@pytest.mark.parametrize("module", SHAPES)
def test_the_shape_of_what_is_kept_has_not_changed(module: str) -> None:
    """A field more, less or of another name: raise FORMAT in state/version.py and FORMAT_OF_SHAPES, renew the hash."""
    assert shape(module) == SHAPES[module], f"{module} has another shape now: {shape(module)}"


def test_the_shapes_are_those_of_the_format() -> None:
    """The two numbers go up together."""
    assert version.FORMAT == FORMAT_OF_SHAPES


def test_the_version_names_what_must_be_the_same() -> None:
    """The lab's format, moto's version (its objects are kept as they are), and Python's minor version."""
    assert version.state_version().startswith(f"format {version.FORMAT}, moto ")


def shape(module: str) -> str:
    """Hash the names and fields of a module's dataclasses."""
    found = importlib.import_module(f"lab_helpers.local_aws.{module}")
    lines = [
        f"{name}: {', '.join(field.name for field in dataclasses.fields(kind))}"
        for name, kind in sorted(vars(found).items())
        if isinstance(kind, type) and dataclasses.is_dataclass(kind) and kind.__module__ == found.__name__
    ]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:12]
