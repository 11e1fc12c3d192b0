"""EcrService: the API's handlers and the registry over one store."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from lab_helpers.local_aws.ecr import registry_ids
from lab_helpers.local_aws.ecr.blobs import BlobStore
from lab_helpers.local_aws.ecr.catalogue import Catalogue, Settings
from lab_helpers.local_aws.ecr.images import Images
from lab_helpers.local_aws.ecr.layers import LayerOperations
from lab_helpers.local_aws.ecr.operations import Operations
from lab_helpers.local_aws.ecr.registry import Authorise, Registry
from lab_helpers.local_aws.ecr.tokens import Tokens
from lab_helpers.local_aws.kit.api import AwsError, Caller, Handler, WsgiApp
from lab_helpers.local_aws.kit.service import Clients, ServiceContext

_PRINCIPAL = "ecr.amazonaws.com"


class EcrService:
    """ECR of the local AWS.

    `authorise` asks IAM about what a token's holder does at the registry; without it only callers whom IAM does not
    restrict (the operator, AWS's services) are let in there.
    """

    name = "ecr"

    def __init__(self, context: ServiceContext, authorise: Authorise | None = None) -> None:
        self._blobs = BlobStore(context.data_dir)
        self._kept = context.kept
        self._catalogue = Catalogue(context.kept)
        images = Images(
            _MotoRepositories(context.clients, context.account_id), self._catalogue, self._blobs, context.clock
        )
        tokens = Tokens(context.clock, context.kept)
        self._operations = Operations(images, tokens, context.endpoint_url)
        self._layer_operations = LayerOperations(images, tokens, context.endpoint_url)
        self._registry = Registry(images, tokens, authorise or _unrestricted_only)

    def overrides(self) -> Mapping[tuple[str, str], Handler]:
        """Return the operations that this service answers itself."""
        return registry_ids.minding({**self._operations.table(), **self._layer_operations.table()})

    def routes(self) -> Mapping[str, WsgiApp]:
        """Return the registry."""
        return {"/v2/": self._registry}

    def start(self) -> None:
        """Remove the layers that an earlier server left and nobody knows."""
        if self._kept.is_kept:
            self._blobs.sweep(self._catalogue.linked())
        else:
            self._blobs.clear()

    def stop(self) -> None:
        """Remove the layers, unless the repositories outlive the server."""
        if not self._kept.is_kept:
            self._blobs.clear()

    def status(self) -> dict[str, Any]:
        """Return images, tags and bytes of each repository."""
        return {"repositories": self._catalogue.figures()}


class _MotoRepositories:
    """Repositories as DescribeRepositories tells them."""

    def __init__(self, clients: Clients, account_id: str) -> None:
        self._clients, self._account_id = clients, account_id

    def settings(self, region: str, name: str) -> Settings:
        client = self._clients.as_service("ecr", _PRINCIPAL, region)
        try:
            (found,) = client.describe_repositories(repositoryNames=[name])["repositories"]
        except ClientError as exc:
            error = exc.response["Error"]
            raise AwsError(error["Code"], error["Message"]) from exc
        filters = found.get("imageTagMutabilityExclusionFilters") or []
        return Settings(
            region,
            name,
            self._account_id,
            found.get("imageTagMutability", "MUTABLE"),
            tuple(item["filter"] for item in filters),
            bool((found.get("imageScanningConfiguration") or {}).get("scanOnPush")),
        )


def _unrestricted_only(caller: Caller, service: str, operation: str, region: str, params: Mapping[str, Any]) -> None:  # noqa: ARG001
    if caller.kind not in {"operator", "service"}:
        message = f"User: {caller.arn} is not authorized to perform: {service}:{operation}"
        raise AwsError("AccessDeniedException", message, 403)
