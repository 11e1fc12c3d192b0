# resource "aws_cloudwatch_metric_alarm" "late_delivery" {
#   alarm_name  = "${var.prefix}-late-delivery"
#   namespace   =
#   metric_name =
#   dimensions  = {
#     DeliveryStreamName = aws_kinesis_firehose_delivery_stream.firelens.name
#   }
#   statistic   =
#   period      = var.firehose_buffer_seconds < 60 ? 10 : 60
#   evaluation_periods  = 1
#   comparison_operator =
#   threshold           =
#   treat_missing_data  =
# }
