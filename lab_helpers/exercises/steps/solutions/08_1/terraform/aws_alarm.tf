# An alarm that tells when lines do not reach S3. When all is well, a record waits for the stream's interval.
resource "aws_cloudwatch_metric_alarm" "late_delivery" {
  alarm_name          = "${var.prefix}-late-delivery"
  namespace           = "AWS/Firehose"
  metric_name         = "DeliveryToS3.DataFreshness"
  dimensions          = { DeliveryStreamName = aws_kinesis_firehose_delivery_stream.firelens.name }
  statistic           = "Maximum"
  period              = var.firehose_buffer_seconds < 60 ? 10 : 60
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = aws_kinesis_firehose_delivery_stream.firelens.extended_s3_configuration[0].buffering_interval + 20
  treat_missing_data  = "notBreaching"
}
