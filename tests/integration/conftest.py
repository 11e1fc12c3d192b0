"""One stack for all tests, on a local AWS of their own or on the account that CONTRACT_ACCOUNT names.

On an account (its 12 digits; credentials as boto3 finds them, region from AWS_REGION) everything is made under a name
of its own and deleted again; it costs less than a dollar and takes the better part of an hour.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from lab_helpers.backends.account import AwsBackend
from lab_helpers.backends.local import LocalBackend
from lab_helpers.base.config import Settings
from tests.integration.removal import remove
from tests.integration.stack import Stack
from tests.integration.target import Target

REGION = "ap-northeast-1"
ACCOUNT = os.environ.get("CONTRACT_ACCOUNT", "")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """On an account everything takes longer, so the timeout of each test does too."""
    if ACCOUNT:
        for item in items:
            item.add_marker(pytest.mark.timeout(1800))


@pytest.fixture(scope="session")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """Where the tests run."""
    home = tmp_path_factory.mktemp("integration")
    if ACCOUNT:
        region = os.environ.get("AWS_REGION", REGION)
        account = AwsBackend(Settings(backend="aws", aws_account=ACCOUNT, region=region, home=home))
        account.start()
        yield Target(account, region, ACCOUNT)
        return
    local = LocalBackend(Settings(home=home, router="builtin", region=REGION))
    local.start()
    try:
        yield Target(local, REGION, str(local.client("sts").get_caller_identity()["Account"]))
    finally:
        local.stop()


@pytest.fixture(scope="session")
def stack(target: Target) -> Iterator[Stack]:
    """The article's stack, in service."""
    made = Stack(target, f"it-{secrets.token_hex(3)}")
    with ExitStack() as undo:
        undo.callback(remove, made)
        made.build()
        yield made


@pytest.fixture
def local(target: Target) -> Target:
    """For what can only be seen on this machine: skipped on an account."""
    if not target.is_local:
        pytest.skip("looks at processes of this machine")
    return target
