"""Application Load Balancers of the local AWS: listeners on loopback, health checks, proxy, access logs."""

from lab_helpers.local_aws.alb.service import AlbService

__all__ = ["AlbService"]
