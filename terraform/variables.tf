variable "desired_count" {
  type        = number
  description = "How many httpd tasks the service keeps running."
  default     = 2

  validation {
    condition     = var.desired_count >= 0 && var.desired_count <= 10 && floor(var.desired_count) == var.desired_count
    error_message = "desired_count must be a whole number from 0 to 10."
  }
}

variable "expires_on" {
  type        = string
  description = "Day (YYYY-MM-DD) after which a sweeper may delete the lab; becomes the tag Expires. Empty: no such tag."
  default     = ""

  validation {
    condition     = var.expires_on == "" || can(regex("^\\d{4}-\\d{2}-\\d{2}$", var.expires_on))
    error_message = "expires_on must be empty or a day as YYYY-MM-DD."
  }
}

variable "firehose_buffer_mib" {
  type        = number
  description = "Firehose delivers when this many MiB have come in."
  default     = 1

  validation {
    condition     = var.firehose_buffer_mib >= 1 && var.firehose_buffer_mib <= 128
    error_message = "firehose_buffer_mib must be from 1 to 128."
  }
}

variable "firehose_buffer_seconds" {
  type        = number
  description = "Firehose delivers when the oldest record has waited this many seconds."
  default     = 60

  validation {
    condition     = var.firehose_buffer_seconds >= 0 && var.firehose_buffer_seconds <= 900
    error_message = "firehose_buffer_seconds must be from 0 to 900."
  }
}

variable "fluentbit_base_image" {
  type        = string
  description = "Image that fluentbit/Dockerfile builds on. A tag that does not move; the article's was latest."
  default     = "public.ecr.aws/aws-observability/aws-for-fluent-bit:3.5.10"

  validation {
    condition     = can(regex("^[a-z0-9][a-zA-Z0-9._:/@-]*$", var.fluentbit_base_image))
    error_message = "fluentbit_base_image must be an image reference such as public.ecr.aws/aws-observability/aws-for-fluent-bit:3.5.10."
  }
}

variable "inject_delivery_error" {
  type        = bool
  description = "Point the Firehose role's S3 permissions at a bucket that does not exist, to watch the delivery fail."
  default     = false
}

variable "log_group" {
  type        = string
  description = "Log group of Fluent Bit's own log and of Firehose's delivery errors; httpd's log goes to <log_group>/httpd. Give each trainee an own one where a class shares an account."
  default     = "/ecs/firelens"

  validation {
    condition     = can(regex("^/[a-zA-Z0-9_./#-]{1,200}[a-zA-Z0-9_.#-]$", var.log_group))
    error_message = "log_group must begin with / and hold only letters, digits and _ . / # -"
  }
}

variable "owner" {
  type        = string
  description = "Who answers for the lab; becomes the tag Owner. Empty: no such tag."
  default     = "firelens-lab"
}

variable "prefix" {
  type        = string
  description = "Begins the name of everything, so that several labs fit into one account."
  default     = "firelens-lab"

  validation {
    # 20 characters leave room for the longest name limits: 32 of load balancer and target group, 63 of a bucket.
    condition     = can(regex("^[a-z][a-z0-9]*(-[a-z0-9]+)*$", var.prefix)) && length(var.prefix) >= 2 && length(var.prefix) <= 20 && !startswith(var.prefix, "internal-")
    error_message = "prefix must have 2 to 20 characters a-z 0-9 and single hyphens, begin with a letter, and not with internal- (the load balancer's name may not)."
  }
}

variable "region" {
  type        = string
  description = "AWS region; the subnets are in its zones a and c, as in the article."
  default     = "ap-northeast-1"

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-\\d$", var.region))
    error_message = "region must be the name of an AWS region such as ap-northeast-1."
  }
}
