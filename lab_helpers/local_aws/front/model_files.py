"""botocore's service descriptions, read quicker: they are most of what the first call of a service waits for.

EC2's takes a seventh of a second when botocore reads it itself, and moto reads it three times at its import.
"""

from __future__ import annotations

from functools import lru_cache

from botocore.loaders import Loader
from botocore.model import ServiceModel

from lab_helpers.base.clients import SharedFileLoader

CLIENT_NAMES = {"elasticloadbalancing": "elbv2", "monitoring": "cloudwatch"}
"""Signing names whose botocore client is called otherwise."""


def read_quickly() -> None:
    """Let every botocore session made from now on in this process read its descriptions so, and share them.

    moto has copies of its own (moto_bridge.py): it adds to them what AWS's do not say.
    """
    Loader.FILE_LOADER_CLASS = SharedFileLoader


@lru_cache(maxsize=16)
def service_model(signing_name: str) -> ServiceModel:
    """Return botocore's description of a service; raises its DataNotFoundError or UnknownServiceError."""
    name = CLIENT_NAMES.get(signing_name, signing_name)
    return ServiceModel(Loader().load_service_model(name, "service-2"), name)
