"""What a trial makes of a definition as somebody published it."""

from __future__ import annotations

import pytest

from lab_helpers.base.errors import TaskDefinitionError
from lab_helpers.trying import adapting
from lab_helpers.trying.trial import not_modelled


@pytest.mark.parametrize(
    "arn",
    ["arn:aws:iam::111122223333:role/a/b/shop", "arn:aws:iam::XXXX:role/shop", "arn:aws:iam::11:role/shop", "shop"],
)  # fmt: skip
def test_a_role_has_the_name_of_its_arn(arn: str) -> None:
    """Whatever stands for the account: people take it out of what they publish."""
    assert adapting.role_name(arn) == "shop"


@pytest.mark.parametrize("arn", ["arn:aws:iam::111122223333:user/shop", "arn:aws:iam::1:role/", "a role", "a" * 65])
def test_what_names_no_role_is_refused(arn: str) -> None:
    """IAM's own characters and length."""
    with pytest.raises(TaskDefinitionError, match="names no role"):
        adapting.role_name(arn)


def test_an_account_that_is_none_is_told() -> None:
    """AWS would not find such a role; one that is a number is not spoken of."""
    definition = {"taskRoleArn": "arn:aws:iam::XXXX:role/a", "executionRoleArn": "arn:aws:iam::111122223333:role/b"}
    (told,) = adapting.accounts_left_out(definition)
    assert told.startswith("arn:aws:iam::XXXX:role/a has no account number")


def test_what_the_router_lacks_is_a_note() -> None:
    """Without the time and the part that says so."""
    log = [
        "[2026/11/30 07:43:09] [error] [sp] stream processing is not modelled by this router: no task of /s.conf runs",
        "[2026/11/30 07:43:09] [ info] [config] Fluent Bit has an input plugin 'cpu', this router does not. It has x",
        "[2026/11/30 07:43:09] [error] [config] something else",
    ]
    assert not_modelled(log) == [
        "Not modelled: stream processing is not modelled by this router: no task of /s.conf runs",
        "Not modelled: Fluent Bit has an input plugin 'cpu', this router does not. It has x",
    ]


def test_what_the_trial_leaves_out_of_a_router_is_told() -> None:
    """Its variables are not set, its files not there: the fate of the task alone does not say why."""
    router = {
        "name": "log_router",
        "firelensConfiguration": {"type": "fluentbit", "options": {"config-file": "/x.conf"}},
        "environmentFiles": [{"type": "s3", "value": "arn:aws:s3:::b/x.env"}],
        "mountPoints": [{"sourceVolume": "logs", "containerPath": "/logs"}],
    }
    option, files, mounts = adapting.left_out(router)
    assert option.startswith("'config-file' is no option of FireLens")
    assert files.startswith("arn:aws:s3:::b/x.env (environmentFiles of log_router) was not fetched")
    assert mounts.startswith("Volumes of log_router are not shared")
    assert adapting.left_out({"name": "log_router", "firelensConfiguration": {}, "mountPoints": []}) == []
