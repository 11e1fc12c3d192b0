"""Whose registry a call is about, media types of manifests, one scan a day: as AWS refuses them."""

from __future__ import annotations

from typing import Any

import pytest

from lab_helpers.local_aws.ecr.manifest import parse_manifest
from lab_helpers.local_aws.ecr.registry_ids import minding
from lab_helpers.local_aws.kit.api import ApiRequest, AwsError, Caller

ACCOUNT = "123456789012"


def _asked(operation: str, **params: Any) -> dict[str, Any]:
    def handler(request: ApiRequest) -> dict[str, Any]:
        return {"answered": request.operation}

    caller = Caller("operator", f"arn:aws:iam::{ACCOUNT}:user/lab-operator", ACCOUNT)
    request = ApiRequest("ecr", operation, "ap-northeast-1", ACCOUNT, caller, params, forward=lambda _: {"moto": True})
    return minding({("ecr", "ListImages"): handler, ("ecr", "DescribeRepositories"): handler})["ecr", operation](
        request
    )


def test_the_accounts_own_registry_may_be_named() -> None:
    """registryId is the caller's account where it is not given; operations of moto's are looked at, too."""
    assert _asked("ListImages", repositoryName="r") == _asked("ListImages", repositoryName="r", registryId=ACCOUNT)
    assert _asked("GetLifecyclePolicy", repositoryName="r", registryId=ACCOUNT) == {"moto": True}


@pytest.mark.parametrize(
    ("operation", "params", "code", "message"),
    [
        ("ListImages", {"repositoryName": "r", "registryId": "222222222222"}, "RepositoryNotFoundException",
         "The repository with name 'r' does not exist in the registry with id '222222222222'"),
        ("GetLifecyclePolicy", {"repositoryName": "r", "registryId": "222222222222"}, "RepositoryNotFoundException",
         "The repository with name 'r' does not exist in the registry with id '222222222222'"),
        ("ListImages", {"repositoryName": "r", "registryId": "222"}, "InvalidParameterException",
         "Invalid parameter at 'registryId' failed to satisfy constraint: 'must satisfy regular expression "
         "'[0-9]{12}''"),
        ("DescribeRepositories", {"registryId": "222222222222"}, "AccessDeniedException",
         "User: arn:aws:iam::123456789012:user/lab-operator is not authorized to perform: ecr:DescribeRepositories on "
         "resource: arn:aws:ecr:ap-northeast-1:222222222222:repository/* because no resource-based policy allows the "
         "ecr:DescribeRepositories action"),
    ],
)  # fmt: skip
def test_another_registry(operation: str, params: dict[str, str], code: str, message: str) -> None:
    """Nothing of another account's is found; what is no account is no parameter."""
    with pytest.raises(AwsError) as error:
        _asked(operation, **params)
    assert (error.value.code, error.value.message) == (code, message)


def test_a_manifest_needs_a_media_type() -> None:
    """In the manifest, or as imageManifestMediaType (PutImage: "you must specify the imageManifestMediaType")."""
    manifest = b'{"schemaVersion": 2, "layers": []}'
    with pytest.raises(AwsError, match="image manifest mediatype not provided in manifest or parameter"):
        parse_manifest(manifest, None)
    given = "application/vnd.oci.image.manifest.v1+json"
    assert parse_manifest(manifest, given).media_type == given
