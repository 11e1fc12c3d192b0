"""Calls that name a registry: the account's own, or one that has let nobody in.

Source: registryId of the Amazon ECR API reference (12 digits; the caller's where none is given); for the refusal
moto's test_list_images_from_repository_that_doesnt_exist.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import Any

from lab_helpers.local_aws.ecr import refusals
from lab_helpers.local_aws.kit.api import ApiRequest, AwsError, Handler

_REGISTRY = re.compile("[0-9]{12}")
_OF_MOTO = (
    "BatchGetRepositoryScanningConfiguration", "DeleteLifecyclePolicy", "DeleteRepositoryPolicy", "GetLifecyclePolicy",
    "GetLifecyclePolicyPreview", "GetRepositoryPolicy", "PutImageScanningConfiguration", "PutImageTagMutability",
    "PutLifecyclePolicy", "SetRepositoryPolicy", "StartLifecyclePolicyPreview",
)  # fmt: skip
"""Operations with a registryId that are answered by nobody of us."""


def minding(handlers: Mapping[tuple[str, str], Handler]) -> dict[tuple[str, str], Handler]:
    """Return handlers that first look whose registry the call is about; moto's operations are among them."""
    of_moto: dict[tuple[str, str], Handler] = {("ecr", name): _forward for name in _OF_MOTO}
    return {key: partial(_minding, handler) for key, handler in {**of_moto, **handlers}.items()}


def _forward(request: ApiRequest) -> dict[str, Any]:
    return request.forward(None)


def _minding(handler: Handler, request: ApiRequest) -> dict[str, Any]:
    named = [request.params.get("registryId"), *(request.params.get("registryIds") or ())]
    for registry in (str(each) for each in named if each is not None):
        if not _REGISTRY.fullmatch(registry):
            constraint = f"must satisfy regular expression '{_REGISTRY.pattern}'"
            message = f"Invalid parameter at 'registryId' failed to satisfy constraint: '{constraint}'"
            raise AwsError("InvalidParameterException", message)
        if registry != request.account_id:
            raise _strange(request, registry)
    return handler(request)


def _strange(request: ApiRequest, registry: str) -> AwsError:
    name = request.params.get("repositoryName") or next(iter(request.params.get("repositoryNames") or ()), None)
    if name and request.operation != "CreateRepository":
        return refusals.another_registry(str(name), registry)
    action = f"ecr:{request.operation}"
    where = f"arn:aws:ecr:{request.region}:{registry}:repository/{name or '*'}"
    message = (
        f"User: {request.caller.arn} is not authorized to perform: {action} on resource: {where} because no "
        f"resource-based policy allows the {action} action"
    )
    return AwsError("AccessDeniedException", message)
