resource "aws_iam_role" "firehose" {
  name               = "${var.prefix}-firehose-role"
  assume_role_policy = data.aws_iam_policy_document.firehose_assume.json
}

data "aws_iam_policy_document" "firehose_assume" {
  statement {
    effect  = "Allow"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["firehose.amazonaws.com"]
    }
  }
}

resource "aws_iam_role_policy" "firehose" {
  name   = "${var.prefix}-firehose-role-policy"
  role   = aws_iam_role.firehose.id
  policy = data.aws_iam_policy_document.firehose_access.json
}

locals {
  # The article's error: S3 knows no bucket of that name, so the role may deliver nowhere.
  firehose_bucket_arn = var.inject_delivery_error ? "${aws_s3_bucket.firelens.arn}:errortest" : aws_s3_bucket.firelens.arn
}

data "aws_iam_policy_document" "firehose_access" {
  statement {
    sid       = "S3Access"
    effect    = "Allow"
    actions   = ["s3:*"]
    resources = [
      "${aws_s3_bucket.firelens.arn}:errortest",
      "${aws_s3_bucket.firelens.arn}:errortest/*",
    ]
  }

  statement {
    sid       = "CloudWatchLogsDeliveryErrorLogging"
    effect    = "Allow"
    actions   = ["logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.firelens.arn}:log-stream:*"]
  }
}
