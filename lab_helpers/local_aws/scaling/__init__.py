"""Application Auto Scaling: targets, policies, and the thread that follows them."""

from __future__ import annotations

from lab_helpers.local_aws.scaling.service import ScalingService

__all__ = ["ScalingService"]
