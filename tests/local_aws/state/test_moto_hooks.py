"""What keeping relies on inside moto: a changed hash is no error of moto's, but something to read again.

After an upgrade: read the function, see that state/moto_hooks.py still holds, put the new hash here, and raise
state/version.py's FORMAT if what is kept has changed. A state of another moto is refused in any case.
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable
from typing import Any

import pytest
from moto.core import base_backend, common_models
from moto.core import utils as moto_utils
from moto.ec2.models import EC2Backend
from moto.iam import models as iam_models
from moto.kinesis.models import KinesisBackend
from moto.logs.models import LogStream
from moto.moto_api._internal.moto_random import MotoRandom
from moto.s3 import models as s3_models
from moto.s3.models import FakeBucket, FakeKey, FakeMultipart, S3Backend
from moto.s3.utils import _VersionedKeyStore

from lab_helpers.local_aws.state import moto_chance, moto_hooks

PINNED: list[tuple[Callable[..., Any], str]] = [
    (base_backend.AccountSpecificBackend.__getitem__, "b10167294fc00376"),
    (base_backend.AccountSpecificBackend.__init__, "1be7a8f72f63cfc8"),
    (moto_hooks._make_dashboard, "f5d97eda49767ba6"),
    (KinesisBackend.put_record, "e016b51673b19980"),
    (KinesisBackend.put_records, "9137f103f183093b"),
    (moto_hooks._make_home, "16766ef9c002fbc6"),
    (base_backend.BackendDict._create_account_specific_backend, "efcc193ee3ca3337"),
    (base_backend.BackendDict.iter_backends, "a830d43568bd8183"),
    (moto_utils.utcnow, "7b8bb404c4f6dc02"),
    (moto_utils.unix_time, "f0576ec9e5f586e5"),
    (MotoRandom.uuid4, "7968a33b3bf2d180"),
    (MotoRandom.get_random_hex, "3ae5a34be792e421"),
    (common_models.BaseModel.__new__, "08cf0ef20e88029a"),
    (FakeBucket.__init__, "8965d4badfeec9f4"),
    (FakeKey.__init__, "cd9d1347667a9ccf"),
    (FakeKey.__getstate__, "9e38b58ef9ad7162"),
    (FakeKey.__setstate__, "5ce39b3d465a7e70"),
    (FakeKey.dispose, "3e18a93bddaad7ba"),
    (FakeMultipart.__init__, "e01d16d5b2edacd0"),
    (LogStream.__init__, "3facaa5f12d0cef1"),
    (LogStream._update, "7b959d3731883280"),
    (LogStream.put_log_events, "b07b0d5ae328f7dd"),
    (LogStream.get_log_events, "452dd48e5d2a97b8"),
    (S3Backend.__init__, "ec6a3c5400f9fed8"),
    (_VersionedKeyStore.setlist, "f34cb76811ccce34"),
    (_VersionedKeyStore.getlist, "89b5ff309231f5c4"),
]


@pytest.mark.parametrize(("function", "known"), PINNED, ids=[function.__qualname__ for function, _ in PINNED])
def test_functions_of_moto_are_those_that_were_read(function: Callable[..., Any], known: str) -> None:
    """An upgrade of moto that changes what is replaced or relied on fails here."""
    assert hashlib.sha256(inspect.getsource(function).encode()).hexdigest()[:16] == known


def test_the_hooks_are_in_their_places() -> None:
    """What is replaced is ours, and moto still looks there."""
    assert base_backend.AccountSpecificBackend.__getitem__ is moto_hooks._backend_in_region
    assert base_backend.BackendDict.__getitem__ is moto_hooks._home_of_account
    assert LogStream.get_log_events is moto_hooks._get_log_events
    assert moto_utils.utcnow is iam_models.utcnow is moto_chance._utcnow
    assert "tempfile.SpooledTemporaryFile" in inspect.getsource(s3_models)
    assert s3_models.tempfile.SpooledTemporaryFile is moto_hooks._temporary_file


def test_machine_images_are_made_by_ec2_itself() -> None:
    """They are left out of what is kept, since every new backend has the same number of them."""
    one, other = (EC2Backend("eu-west-1", "123456789012") for _ in range(2))
    assert len(one.amis) == len(other.amis) > 0
    assert len(one.snapshots) == len(other.snapshots) > 0
