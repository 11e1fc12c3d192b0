"""What the local AWS keeps beyond its process."""
