"""A quick start of the server's process: most of it is a thousand modules, and tables that they read while they load.

moto reads EC2's description three times, and every instance type of every zone, 60 MiB that no part of the lab asks for
(not modelled here: EC2 instances); the garbage collector looks again and again through what stays until the end. They
took half of the time until the first answer.
"""

from __future__ import annotations

import gc
import gzip
from typing import Any

import orjson

from lab_helpers.local_aws.front import model_files

LEFT_OUT = ("ec2/resources/instance_types.json", "ec2/resources/instance_type_offerings/")
"""How the names of moto's tables begin that are taken as empty."""
GC_THRESHOLD = 20_000
"""Objects made and not freed between two looks; Python's own 700 (2,000) is for small programs."""


def begin() -> None:
    """Let what is loaded from now on load quickly; call it before anything imports moto's services."""
    gc.disable()
    model_files.read_quickly()
    from moto.utilities import utils  # late: this alone takes half a second

    utils.load_resource = load_resource


def ready() -> None:
    """Let the collector work on what the calls make; what the start made is looked at by `end`."""
    gc.freeze()
    gc.set_threshold(GC_THRESHOLD, 20, 50)
    gc.enable()


def end() -> None:
    """Throw away what the start left, and spare the collector the rest (moto, service models, events).

    It stays until the process ends, and to look through it took a fifth of the load balancer's time under load.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def load_resource(resource: str) -> Any:
    """Return a JSON table of moto's, packed or not, as moto's own function of this name does; {} for one left out."""
    if resource.startswith(LEFT_OUT):
        return {}
    from moto.utilities.utils import load_resource_as_bytes

    packed = resource if resource.endswith(".gz") else f"{resource}.gz"
    try:
        text = gzip.decompress(load_resource_as_bytes(packed))
    except FileNotFoundError:
        text = load_resource_as_bytes(resource)
    return orjson.loads(text)
