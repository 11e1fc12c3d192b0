"""ECR's errors in AWS's words. Source: Amazon ECR API reference; messages as observed by users and kept by moto."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lab_helpers.local_aws.kit.api import AwsError


def image_id_text(image_id: Mapping[str, Any]) -> str:
    """Return an image id as ECR prints it."""
    digest, tag = image_id.get("imageDigest") or "null", image_id.get("imageTag") or "null"
    return f"{{imageDigest:'{digest}', imageTag:'{tag}'}}"


def no_image(image_id: Mapping[str, Any], repository: str, registry: str) -> AwsError:
    """The image does not exist."""
    message = (
        f"The image with imageId {image_id_text(image_id)} does not exist within the repository with name "
        f"'{repository}' in the registry with id '{registry}'"
    )
    return AwsError("ImageNotFoundException", message)


def no_scan(image_id: Mapping[str, Any], repository: str, registry: str) -> AwsError:
    """The image was never scanned."""
    message = (
        f"Image scan does not exist for the image with '{image_id_text(image_id)}' in the repository with name "
        f"'{repository}' in the registry with id '{registry}'"
    )
    return AwsError("ScanNotFoundException", message)


def scanned_already() -> AwsError:
    """The image was scanned within the last 24 hours."""
    message = "The scan quota per image has been exceeded. Wait and try again."
    return AwsError("LimitExceededException", message)


def another_registry(name: str, registry: str) -> AwsError:
    """The repository is one of another account's, which has let nobody in."""
    message = f"The repository with name '{name}' does not exist in the registry with id '{registry}'"
    return AwsError("RepositoryNotFoundException", message)


def no_upload(upload_id: str, repository: str, registry: str) -> AwsError:
    """There is no such upload."""
    message = (
        f"The upload with id '{upload_id}' could not be found for the repository with name '{repository}' in the "
        f"registry with id '{registry}'"
    )
    return AwsError("UploadNotFoundException", message)


def no_layers(digests: Sequence[str], repository: str, registry: str) -> AwsError:
    """Layers that an image needs were not pushed."""
    message = (
        f"Layers with digests '[{', '.join(digests)}]' required for pushing image into repository with name "
        f"'{repository}' in the registry with id '{registry}' do not exist"
    )
    return AwsError("LayersNotFoundException", message)


def no_referenced_images(digests: Sequence[str], repository: str, registry: str) -> AwsError:
    """Images that an index names were not pushed."""
    message = (
        f"Images with digests '[{', '.join(digests)}]' required for pushing image into repository with name "
        f"'{repository}' in the registry with id '{registry}' do not exist"
    )
    return AwsError("ReferencedImagesNotFoundException", message)


def tag_is_immutable(tag: str, repository: str) -> AwsError:
    """The tag is taken and may not move."""
    message = (
        f"The image tag '{tag}' already exists in the '{repository}' repository and cannot be overwritten because "
        "the tag is immutable."
    )
    return AwsError("ImageTagAlreadyExistsException", message)


def image_exists(digest: str, tag: str | None, repository: str, registry: str) -> AwsError:
    """The very same image has this tag already."""
    message = (
        f"Image with digest '{digest}' and tag '{tag or 'null'}' already exists in the repository with name "
        f"'{repository}' in registry with id '{registry}'"
    )
    return AwsError("ImageAlreadyExistsException", message)


def digest_differs(given: str, calculated: str) -> AwsError:
    """The caller's digest is not the manifest's."""
    message = f"Image digest '{given}' does not match the manifest's digest '{calculated}'"
    return AwsError("ImageDigestDoesNotMatchException", message)


def layer_invalid(digest: str) -> AwsError:
    """The bytes uploaded have another digest."""
    return AwsError("InvalidLayerException", f"Layer digest '{digest}' does not match the content that was uploaded.")


def no_layer(digest: str, repository: str, registry: str) -> AwsError:
    """The layer is not in the repository."""
    message = (
        f"The layer with digest '{digest}' does not exist in the repository with name '{repository}' in the registry "
        f"with id '{registry}'"
    )
    return AwsError("LayersNotFoundException", message)


def repository_not_empty(repository: str, registry: str) -> AwsError:
    """Only force deletes a repository with images."""
    message = (
        f"The repository with name '{repository}' in registry with id '{registry}' cannot be deleted because it still "
        "contains images"
    )
    return AwsError("RepositoryNotEmptyException", message)
