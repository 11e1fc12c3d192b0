answer = {
    "one log group, lines as they are": "awslogs",
    "errors to CloudWatch Logs, everything to S3": "firelens",
    "an Express service made by primaryContainer": "awslogs",
    "traces, metrics and logs in one format": "otel",
    "one agent for all tasks of an instance": "daemon",
}
