"""Service descriptions are read as botocore reads them, only quicker."""

from __future__ import annotations

import json
from pathlib import Path

import botocore
import pytest
from botocore.loaders import JSONFileLoader, Loader

from lab_helpers.local_aws.front.model_files import QuickFileLoader
from lab_helpers.local_aws.server import LocalAws

DATA = Path(botocore.__file__).parent / "data"


@pytest.mark.parametrize("name", ["endpoints", "s3/2006-03-01/service-2", "ec2/2016-11-15/service-2", "none/none"])
def test_the_same_is_read_in_the_same_order(name: str) -> None:
    """Packed or not; None where there is no such file."""
    wanted, found = (kind().load_file(str(DATA / name)) for kind in (JSONFileLoader, QuickFileLoader))
    assert json.dumps(found) == json.dumps(wanted)


def test_a_plain_file_is_found_too(tmp_path: Path) -> None:
    """Extensions of one's own are plain, and come before packed ones."""
    (tmp_path / "own.json").write_text('{"b": "é", "a": 1}')
    assert list(QuickFileLoader().load_file(str(tmp_path / "own"))) == ["b", "a"]


def test_the_servers_sessions_read_so(aws: LocalAws) -> None:
    """Loaders made once a server runs, moto's among them."""
    assert aws.client("sts").get_caller_identity()["Account"] == "123456789012"
    assert isinstance(Loader().file_loader, QuickFileLoader)
