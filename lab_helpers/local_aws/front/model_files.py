"""botocore's service descriptions, read quicker: they are most of what the first call of a service waits for.

botocore reads them with Python's json into ordered dictionaries; EC2's takes a seventh of a second so, and moto reads
it three times at its import. Plain dictionaries keep their order, too.
"""

from __future__ import annotations

import gzip
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson
from botocore.loaders import JSONFileLoader, Loader
from botocore.model import ServiceModel

CLIENT_NAMES = {"elasticloadbalancing": "elbv2", "monitoring": "cloudwatch"}
"""Signing names whose botocore client is called otherwise."""


class QuickFileLoader(JSONFileLoader):
    """Finds the same files as its parent, and reads them by orjson."""

    def load_file(self, file_path: str) -> Any:
        """Return what a file holds, None when there is none; `file_path` is without its extension."""
        plain, packed = Path(f"{file_path}.json"), Path(f"{file_path}.json.gz")
        if plain.is_file():
            return orjson.loads(plain.read_bytes())
        return orjson.loads(gzip.decompress(packed.read_bytes())) if packed.is_file() else None


def read_quickly() -> None:
    """Let every botocore session made from now on in this process read its descriptions so."""
    Loader.FILE_LOADER_CLASS = QuickFileLoader


@lru_cache(maxsize=16)
def service_model(signing_name: str) -> ServiceModel:
    """Return botocore's description of a service; raises its DataNotFoundError or UnknownServiceError."""
    name = CLIENT_NAMES.get(signing_name, signing_name)
    return ServiceModel(Loader().load_service_model(name, "service-2"), name)
