resource "aws_kinesis_firehose_delivery_stream" "firelens" {
  # Without its policy the role could not deliver the first buffer.
  depends_on = [aws_iam_role_policy.firehose]

  name = "${var.prefix}-kinesis-firehose"
  # The article's "s3" is gone from provider 5; this is its successor.
  destination = "extended_s3"

  extended_s3_configuration {
    role_arn           = aws_iam_role.firehose.arn
    bucket_arn         = aws_s3_bucket.firelens.arn
    buffering_size     = var.firehose_buffer_mib
    buffering_interval = 20
    compression_format = "GZIP"

    cloudwatch_logging_options {
      enabled         = true
      log_group_name  = aws_cloudwatch_log_group.firelens.name
      log_stream_name = aws_cloudwatch_log_stream.kinesis_error.name
    }
  }
}
