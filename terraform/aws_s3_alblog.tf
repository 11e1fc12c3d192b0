resource "aws_s3_bucket" "alb_log" {
  bucket = "${var.prefix}-alb-logs-${data.aws_caller_identity.current.account_id}-${var.region}"

  # In production: false, so that a destroy stops at a bucket that still holds logs.
  force_destroy = true
}

resource "aws_s3_bucket_lifecycle_configuration" "alb_log" {
  bucket = aws_s3_bucket.alb_log.id

  rule {
    id     = "expire-after-90-days"
    status = "Enabled"

    filter {}

    expiration {
      days = 90
    }
  }
}

resource "aws_s3_bucket_policy" "alb_log" {
  bucket = aws_s3_bucket.alb_log.id
  policy = data.aws_iam_policy_document.alb_log_delivery.json
}

data "aws_iam_policy_document" "alb_log_delivery" {
  statement {
    sid       = "AlbLogDelivery"
    effect    = "Allow"
    actions   = ["s3:PutObject"]
    resources = ["${aws_s3_bucket.alb_log.arn}/AWSLogs/${data.aws_caller_identity.current.account_id}/*"]

    principals {
      type        = "Service"
      identifiers = ["logdelivery.elasticloadbalancing.amazonaws.com"]
    }
  }
}

resource "aws_s3_bucket_public_access_block" "alb_log" {
  # Both calls change the bucket's access settings; S3 refuses two of them at the same time (OperationAborted).
  depends_on = [aws_s3_bucket_policy.alb_log]

  bucket = aws_s3_bucket.alb_log.id

  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_server_side_encryption_configuration" "alb_log" {
  bucket = aws_s3_bucket.alb_log.id

  rule {
    apply_server_side_encryption_by_default {
      # Load balancers cannot write to a bucket with any other kind of encryption.
      sse_algorithm = "AES256"
    }
  }
}
