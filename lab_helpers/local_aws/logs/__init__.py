"""CloudWatch Logs where moto's is too lenient or too poor: quotas, filter patterns, Insights queries."""
