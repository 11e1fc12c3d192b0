"""A user's passwords for single services. Source: LocalStack's recordings TestIAMServiceSpecificCredentials."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lab_helpers.local_aws.server import LocalAws

GIT = "codecommit.amazonaws.com"


@pytest.fixture
def iam(aws: LocalAws) -> Any:
    """Ann has none yet."""
    found = aws.client("iam")
    for each in found.list_users()["Users"]:
        _delete(found, each["UserName"])
    found.create_user(UserName="ann")
    return found


def test_the_password_is_told_once(iam: Any) -> None:
    """Create and reset tell it, a list does not; a reset changes nothing else."""
    made = iam.create_service_specific_credential(UserName="ann", ServiceName=GIT)["ServiceSpecificCredential"]
    password = made.pop("ServicePassword")
    assert made["ServiceUserName"] == "ann-at-123456789012"
    assert made["Status"] == "Active"
    name = made["ServiceSpecificCredentialId"]
    assert _listed(iam, UserName="ann") == [made]
    iam.update_service_specific_credential(UserName="ann", ServiceSpecificCredentialId=name, Status="Inactive")
    again = iam.reset_service_specific_credential(UserName="ann", ServiceSpecificCredentialId=name)
    reset = again["ServiceSpecificCredential"]
    assert reset.pop("ServicePassword") != password
    assert _listed(iam, UserName="ann", ServiceName=GIT) == [reset] == [{**made, "Status": "Inactive"}]
    assert _listed(iam, UserName="ann", ServiceName="cassandra.amazonaws.com") == []


def test_a_user_with_one_is_not_deleted(iam: Any) -> None:
    """Until it is gone."""
    made = iam.create_service_specific_credential(UserName="ann", ServiceName=GIT)["ServiceSpecificCredential"]
    with pytest.raises(ClientError, match="must remove referenced objects first") as conflict:
        iam.delete_user(UserName="ann")
    assert conflict.value.response["Error"]["Code"] == "DeleteConflict"
    iam.delete_service_specific_credential(
        ServiceSpecificCredentialId=made["ServiceSpecificCredentialId"], UserName="ann"
    )
    iam.delete_user(UserName="ann")
    assert iam.list_users()["Users"] == []


def test_a_user_has_two_of_a_service(iam: Any) -> None:
    """Their names are told apart, also when the first of two has gone; there is no third."""
    first, second = _made(iam), _made(iam)
    assert first["ServiceUserName"] == "ann-at-123456789012"
    assert second["ServiceUserName"] == "ann+1-at-123456789012"
    with pytest.raises(ClientError) as error:
        _made(iam)
    assert error.value.response["Error"]["Code"] == "LimitExceeded"
    iam.delete_service_specific_credential(
        ServiceSpecificCredentialId=first["ServiceSpecificCredentialId"], UserName="ann"
    )
    assert _made(iam)["ServiceUserName"] == first["ServiceUserName"]


def test_they_are_kept_with_the_state(tmp_path: Path) -> None:
    """The next server has the credential, and nowhere its password."""
    with LocalAws(tmp_path, factories=[], keeps_state=True) as first:
        first.client("iam").create_user(UserName="ann")
        made = _made(first.client("iam"))
    password = made.pop("ServicePassword")
    with LocalAws(tmp_path, factories=[], keeps_state=True) as second:
        assert _listed(second.client("iam"), UserName="ann") == [made]
    assert not any(password.encode() in file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"UserName": "bob"}, "The user with name bob cannot be found."),
        ({"UserName": "bob", "ServiceName": "none.amazonaws.com"}, "The user with name bob cannot be found."),
        (
            {"ServiceName": "lambda.amazonaws.com"},
            "No such service lambda.amazonaws.com is supported for Service Specific",
        ),
    ],
)
def test_who_and_what_is_not_there(iam: Any, changes: dict[str, str], words: str) -> None:
    """The user is looked for first."""
    with pytest.raises(ClientError, match=words):
        iam.create_service_specific_credential(**{"UserName": "ann", "ServiceName": GIT, **changes})


def test_an_id_of_nobody(iam: Any) -> None:
    """An id that no user's credential has, and one that cannot be any's."""
    with pytest.raises(ClientError, match="No such credential accaaccaaccaaccaacca exists"):
        iam.delete_service_specific_credential(UserName="ann", ServiceSpecificCredentialId="accaaccaaccaaccaacca")
    with pytest.raises(ClientError, match=r"Member must satisfy regular expression pattern: \[\\w\]\+"):
        iam.delete_service_specific_credential(UserName="ann", ServiceSpecificCredentialId="acca-acca-acca-acca-acca")


def test_a_status_that_is_none(iam: Any) -> None:
    """IAM tells neither what was given nor what there is."""
    made = iam.create_service_specific_credential(UserName="ann", ServiceName=GIT)["ServiceSpecificCredential"]
    named = {"UserName": "ann", "ServiceSpecificCredentialId": made["ServiceSpecificCredentialId"]}
    with pytest.raises(ClientError) as error:
        iam.update_service_specific_credential(**named, Status="Sleeping")
    assert error.value.response["Error"]["Message"] == (
        "1 validation error detected: Value at 'status' failed to satisfy constraint: "
        "Member must satisfy enum value set"
    )


def _made(iam: Any) -> dict[str, Any]:
    answer = iam.create_service_specific_credential(UserName="ann", ServiceName=GIT)
    made: dict[str, Any] = answer["ServiceSpecificCredential"]
    return made


def _delete(iam: Any, user: str) -> None:
    for each in _listed(iam, UserName=user):
        name = each["ServiceSpecificCredentialId"]
        iam.delete_service_specific_credential(UserName=user, ServiceSpecificCredentialId=name)
    iam.delete_user(UserName=user)


def _listed(iam: Any, **which: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = iam.list_service_specific_credentials(**which)["ServiceSpecificCredentials"]
    return found
