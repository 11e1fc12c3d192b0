"""Log drivers: what carries a container's lines away."""
