"""The fixture as the plugin has it, also where the package is not installed with its entry points."""

from lab_helpers.trying.pytest_plugin import firelens

__all__ = ["firelens"]
