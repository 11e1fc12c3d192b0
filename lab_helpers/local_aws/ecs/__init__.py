"""ECS services and tasks; clusters and task definitions stay with moto."""

from lab_helpers.local_aws.ecs.service import EcsService

__all__ = ["EcsService"]
