"""The lab: one log line's way from httpd on ECS Fargate through FireLens to CloudWatch Logs and S3."""
