# Fluent Bit's own log and Firehose's delivery errors. httpd's log group is not
# here: Fluent Bit makes it (auto_create_group in extra.conf), so Terraform
# neither knows nor destroys it.
resource "aws_cloudwatch_log_group" "firelens" {
  name = var.log_group
}

# Firehose writes its errors only into a stream that exists; it creates neither group nor stream.
resource "aws_cloudwatch_log_stream" "kinesis_error" {
  name           = "kinesis_error"
  log_group_name = aws_cloudwatch_log_group.firelens.name
}
