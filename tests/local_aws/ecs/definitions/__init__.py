"""What a task definition may say: what is refused, kept, and what it does to the containers."""
