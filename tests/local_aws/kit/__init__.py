"""What all services of the local AWS share."""
