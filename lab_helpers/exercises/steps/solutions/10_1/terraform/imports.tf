# What exists already and shall belong to Terraform from now on.
import {
  to = aws_cloudwatch_log_group.httpd
  id = local.httpd_log_group
}

resource "aws_cloudwatch_log_group" "httpd" {
  name              = local.httpd_log_group
  retention_in_days = 90
}
