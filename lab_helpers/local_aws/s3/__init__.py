"""What S3 decides and tells beyond what moto does: pure, asked by the gateway before and after moto."""
