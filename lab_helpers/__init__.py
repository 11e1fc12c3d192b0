"""The lab: one log line's way from httpd on ECS Fargate through FireLens to CloudWatch Logs and S3.

`from lab_helpers import cloudwatch` gives a module that is loaded when it is used: a notebook's first cell names what
the notebook needs, and does not wait for pandas.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        """Return a module of the top shelf that is loaded by its first use."""
        from lab_helpers.base.lazy import lazy_module

        return lazy_module(__name__, name)
