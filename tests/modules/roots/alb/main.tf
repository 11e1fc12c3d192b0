# A load balancer with access logs, each kind of action and of condition, and targets by address.
provider "aws" {
  region = "ap-northeast-1"
}

data "aws_availability_zones" "available" {}

locals {
  cidr = "10.30.0.0/16"
  azs  = slice(data.aws_availability_zones.available.names, 0, 2)
}

module "vpc" {
  source = "./modules/terraform-aws-vpc"

  name            = "outer-alb"
  cidr            = local.cidr
  azs             = local.azs
  public_subnets  = [for index, _ in local.azs : cidrsubnet(local.cidr, 8, index)]
  private_subnets = [for index, _ in local.azs : cidrsubnet(local.cidr, 8, index + 4)]
}

module "log_bucket" {
  source = "./modules/terraform-aws-s3-bucket"

  bucket_prefix                         = "outer-alb-logs-"
  acl                                   = "log-delivery-write"
  force_destroy                         = true
  control_object_ownership              = true
  object_ownership                      = "ObjectWriter"
  attach_elb_log_delivery_policy        = true
  attach_lb_log_delivery_policy         = true
  attach_deny_insecure_transport_policy = true
}

module "alb" {
  source = "./modules/terraform-aws-alb"

  name                       = "outer-alb"
  vpc_id                     = module.vpc.vpc_id
  subnets                    = module.vpc.public_subnets
  enable_deletion_protection = false
  client_keep_alive          = 7200

  security_group_ingress_rules = {
    http = { from_port = 80, to_port = 82, ip_protocol = "tcp", description = "HTTP", cidr_ipv4 = "0.0.0.0/0" }
  }
  security_group_egress_rules = {
    all = { ip_protocol = "-1", cidr_ipv4 = module.vpc.vpc_cidr_block }
  }

  access_logs = { bucket = module.log_bucket.s3_bucket_id, prefix = "access-logs" }

  listeners = {
    redirect = {
      port     = 80
      protocol = "HTTP"
      redirect = { port = "443", protocol = "HTTPS", status_code = "HTTP_301" }
      rules = {
        fixed = {
          priority   = 3
          actions    = [{ type = "fixed-response", content_type = "text/plain", status_code = 200, message_body = "fixed" }]
          conditions = [{ http_header = { http_header_name = "x-fixed", values = ["yes", "please"] } }]
        }
        weighted = {
          priority = 4
          actions = [{
            type = "weighted-forward"
            target_groups = [
              { target_group_key = "pages", weight = 2 },
              { target_group_key = "others", weight = 1 },
            ]
            stickiness = { enabled = true, duration = 3600 }
          }]
          conditions = [{ query_string = { key = "weighted", value = "true" } }]
        }
        away = {
          priority   = 5000
          actions    = [{ type = "redirect", status_code = "HTTP_302", host = "www.example.com", path = "/watch", query = "v=x", protocol = "HTTPS" }]
          conditions = [{ query_string = [{ key = "video", value = "random" }, { key = "image", value = "next" }] }]
        }
      }
    }
    forward = {
      port     = 81
      protocol = "HTTP"
      forward  = { target_group_key = "pages" }
      rules = {
        host = {
          actions    = [{ type = "forward", target_group_key = "others" }]
          conditions = [{ host_header = { values = ["*.example.com"] } }, { path_pattern = { values = ["/others/*"] } }]
          tags       = { Name = "host" }
        }
        method = {
          actions    = [{ type = "fixed-response", content_type = "text/plain", status_code = 405, message_body = "no" }]
          conditions = [{ http_request_method = { values = ["DELETE", "PUT"] } }, { source_ip = { values = ["10.0.0.0/8"] } }]
        }
      }
    }
    fixed = {
      port           = 82
      protocol       = "HTTP"
      fixed_response = { content_type = "text/plain", message_body = "Fixed message", status_code = "200" }
    }
  }

  target_groups = {
    pages = {
      name_prefix                       = "p1-"
      protocol                          = "HTTP"
      port                              = 80
      target_type                       = "ip"
      deregistration_delay              = 10
      load_balancing_algorithm_type     = "weighted_random"
      load_balancing_anomaly_mitigation = "on"
      load_balancing_cross_zone_enabled = false
      target_group_health = {
        dns_failover            = { minimum_healthy_targets_count = 2 }
        unhealthy_state_routing = { minimum_healthy_targets_percentage = 50 }
      }
      health_check = {
        enabled             = true
        interval            = 30
        path                = "/healthz"
        port                = "traffic-port"
        healthy_threshold   = 3
        unhealthy_threshold = 3
        timeout             = 6
        protocol            = "HTTP"
        matcher             = "200-399"
      }
      protocol_version  = "HTTP1"
      target_id         = "10.30.4.10"
      availability_zone = local.azs[0]
      tags              = { Name = "pages" }
    }
    others = {
      name_prefix       = "o1-"
      protocol          = "HTTP"
      port              = 8080
      target_type       = "ip"
      create_attachment = false
      stickiness        = { enabled = true, type = "lb_cookie", cookie_duration = 600 }
    }
  }

  tags = { Module = "alb" }

  depends_on = [module.log_bucket] # its policy, without which no log is written
}
