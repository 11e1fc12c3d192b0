# A bucket of logs, a plain one, and one with nearly all that the module can set.
provider "aws" {
  region = "ap-northeast-1"
}

data "aws_caller_identity" "own" {}

data "aws_canonical_user_id" "own" {}

resource "aws_kms_key" "objects" {
  description             = "Encrypts the objects"
  deletion_window_in_days = 7
}

module "log_bucket" {
  source = "./modules/terraform-aws-s3-bucket"

  bucket_prefix = "outer-logs-"
  force_destroy = true

  control_object_ownership = true
  object_ownership         = "ObjectWriter"
  acl                      = "log-delivery-write"

  attach_elb_log_delivery_policy        = true
  attach_lb_log_delivery_policy         = true
  attach_access_log_delivery_policy     = true
  attach_deny_insecure_transport_policy = true
  attach_require_latest_tls_policy      = true

  access_log_delivery_policy_source_accounts = [data.aws_caller_identity.own.account_id]
  access_log_delivery_policy_source_buckets  = ["arn:aws:s3:::outer-full"]
}

module "granted_bucket" {
  source = "./modules/terraform-aws-s3-bucket"

  bucket                   = "outer-granted"
  control_object_ownership = true
  object_ownership         = "BucketOwnerPreferred"

  grant = [{ type = "CanonicalUser", permission = "FULL_CONTROL", id = data.aws_canonical_user_id.own.id }]
  owner = { id = data.aws_canonical_user_id.own.id }
}

module "plain_bucket" {
  source = "./modules/terraform-aws-s3-bucket"

  bucket_prefix = "outer-plain-"
}

module "bucket" {
  source = "./modules/terraform-aws-s3-bucket"

  bucket        = "outer-full"
  force_destroy = true

  acceleration_status = "Suspended"
  request_payer       = "BucketOwner"
  object_lock_enabled = true
  object_lock_configuration = {
    rule = { default_retention = { mode = "GOVERNANCE", days = 1 } }
  }

  attach_policy                            = true
  policy                                   = data.aws_iam_policy_document.bucket.json
  attach_deny_insecure_transport_policy    = true
  attach_deny_unencrypted_object_uploads   = true
  attach_deny_incorrect_kms_key_sse        = true
  allowed_kms_key_arn                      = aws_kms_key.objects.arn
  attach_deny_incorrect_encryption_headers = true

  control_object_ownership = true
  object_ownership         = "BucketOwnerPreferred"
  acl                      = "private"
  expected_bucket_owner    = data.aws_caller_identity.own.account_id

  logging    = { target_bucket = module.log_bucket.s3_bucket_id, target_prefix = "log/" }
  versioning = { status = true, mfa_delete = false }
  website = {
    index_document = "index.html"
    error_document = "error.html"
    routing_rules = [{
      condition = { key_prefix_equals = "docs/" },
      redirect  = { replace_key_prefix_with = "documents/" }
    }]
  }

  server_side_encryption_configuration = {
    rule = {
      apply_server_side_encryption_by_default = { kms_master_key_id = aws_kms_key.objects.arn, sse_algorithm = "aws:kms" }
      bucket_key_enabled                      = true
    }
  }

  cors_rule = [
    {
      allowed_methods = ["PUT", "POST"]
      allowed_origins = ["https://example.com"]
      allowed_headers = ["*"]
      expose_headers  = ["ETag"]
      max_age_seconds = 3000
    },
    { allowed_methods = ["GET"], allowed_origins = ["https://example.net"] },
  ]

  lifecycle_rule = [
    {
      id      = "log"
      enabled = true
      filter = {
        tags = { some = "value", another = "value2" }
      }
      transition = [
        { days = 30, storage_class = "ONEZONE_IA" },
        { days = 60, storage_class = "GLACIER" },
      ]
    },
    {
      id                                     = "old"
      enabled                                = true
      abort_incomplete_multipart_upload_days = 7
      noncurrent_version_transition          = [{ days = 30, storage_class = "STANDARD_IA" }]
      noncurrent_version_expiration          = { days = 300 }
    },
    {
      id         = "small"
      enabled    = true
      filter     = { prefix = "log1/", object_size_greater_than = 200000, object_size_less_than = 500000 }
      expiration = { days = 90 }
    },
  ]

  intelligent_tiering = {
    general = {
      status  = "Enabled"
      filter  = { prefix = "/", tags = { Environment = "dev" } }
      tiering = { ARCHIVE_ACCESS = { days = 180 } }
    }
  }

  metric_configuration = [
    { name = "documents", filter = { prefix = "documents/", tags = { priority = "high" } } },
    { name = "all" },
  ]

  tags = { Module = "s3-bucket" }

  depends_on = [module.log_bucket] # its policy, without which it is no target
}

data "aws_iam_policy_document" "bucket" {
  statement {
    actions   = ["s3:ListBucket"]
    resources = ["arn:aws:s3:::outer-full"]
    principals {
      type        = "AWS"
      identifiers = [data.aws_caller_identity.own.account_id]
    }
  }
}

module "object" {
  source = "./modules/terraform-aws-s3-bucket/modules/object"

  bucket  = module.plain_bucket.s3_bucket_id
  key     = "an/object.json"
  content = jsonencode({ data : "value" })
}
