"""S3 as clients see it."""
