"""The operations of the ECS API."""
