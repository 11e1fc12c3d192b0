resource "aws_s3_bucket" "firelens" {
  # Bucket names are unique worldwide: account and region make this one so. A bucket is private unless told otherwise.
  bucket = "${var.prefix}-logs-${data.aws_caller_identity.current.account_id}-${var.region}"

  # Lets a destroy delete the objects too. In production: false.
  force_destroy = true
}

resource "aws_s3_bucket_lifecycle_configuration" "firelens" {
  bucket = aws_s3_bucket.firelens.id

  rule {
    id     = "expire-after-90-days"
    status = "Enabled"

    filter {}

    expiration {
      days = 90
    }
  }
}

resource "aws_s3_bucket_public_access_block" "firelens" {
  bucket = aws_s3_bucket.firelens.id

  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

# SSE-S3
resource "aws_s3_bucket_server_side_encryption_configuration" "firelens" {
  bucket = aws_s3_bucket.firelens.id

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}
