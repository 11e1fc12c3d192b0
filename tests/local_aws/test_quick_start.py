"""The server's process starts quickly, and loads what it would have loaded slowly."""

from __future__ import annotations

import subprocess
import sys

import pytest
from moto.utilities import utils

from lab_helpers.local_aws import quick_start

STARTED = """
import gc
from lab_helpers.local_aws import quick_start
quick_start.begin()
assert not gc.isenabled()
from moto.ec2.models import instance_types
print(instance_types.load_resource.__module__, len(instance_types.INSTANCE_TYPES))
print(sum(len(each) for zone in instance_types.INSTANCE_TYPE_OFFERINGS.values() for each in zone.values()))
quick_start.ready()
quick_start.end()
print(gc.isenabled(), gc.get_threshold()[0])
"""


@pytest.mark.parametrize("name", ["config/resources/aws_managed_rules.json", "ec2/resources/amis.json"])
def test_motos_tables_are_the_same(name: str) -> None:
    """Packed and plain, in the same order."""
    found = quick_start.load_resource(name)
    wanted = utils.load_resource(name)
    assert found == wanted
    assert list(found) == list(wanted)


def test_moto_reads_its_tables_so_and_the_collector_works_afterwards() -> None:
    """moto takes the function that is there when its services are imported; a server that runs collects again.

    No instance type of any zone is loaded: they would be half of the process.
    """
    done = subprocess.run([sys.executable, "-c", STARTED], capture_output=True, text=True, check=True)
    told = ["lab_helpers.local_aws.quick_start", "0", "0", "True", str(quick_start.GC_THRESHOLD)]
    assert done.stdout.split() == told
