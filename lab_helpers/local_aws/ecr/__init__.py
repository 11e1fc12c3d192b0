"""ECR of the local AWS: repositories kept by moto, images and the registry our own."""

from lab_helpers.local_aws.ecr.service import EcrService

__all__ = ["EcrService"]
