# The module's Fargate example: FireLens with the image that AWS names in SSM, autoscaling (on by default), a load
# balancer; and a task definition without a service.
provider "aws" {
  region = "ap-northeast-1"
}

data "aws_availability_zones" "available" {}

data "aws_ssm_parameter" "fluentbit" {
  name = "/aws/service/aws-for-fluent-bit/stable"
}

locals {
  name = "outer-ecs"
  cidr = "10.40.0.0/16"
  azs  = slice(data.aws_availability_zones.available.names, 0, 2)
  port = 80
}

module "cluster" {
  source = "./modules/terraform-aws-ecs/modules/cluster"

  cluster_name = local.name
  fargate_capacity_providers = {
    FARGATE      = { default_capacity_provider_strategy = { weight = 50, base = 20 } }
    FARGATE_SPOT = { default_capacity_provider_strategy = { weight = 50 } }
  }
  tags = { Module = "ecs" }
}

module "service" {
  source = "./modules/terraform-aws-ecs/modules/service"

  name                   = local.name
  cluster_arn            = module.cluster.arn
  cpu                    = 1024
  memory                 = 4096
  enable_execute_command = true

  autoscaling_min_capacity = 1
  autoscaling_max_capacity = 3

  container_definitions = {
    fluent-bit = {
      cpu                    = 512
      memory                 = 1024
      essential              = true
      image                  = nonsensitive(data.aws_ssm_parameter.fluentbit.value)
      firelens_configuration = { type = "fluentbit" }
      memory_reservation     = 50
      user                   = "0"
    }
    web = {
      cpu       = 512
      memory    = 1024
      essential = true
      image     = "public.ecr.aws/docker/library/httpd:2.4"
      port_mappings = [
        { name = "web", containerPort = local.port, hostPort = local.port, protocol = "tcp" }
      ]
      readonly_root_filesystem  = false
      dependencies              = [{ containerName = "fluent-bit", condition = "START" }]
      enable_cloudwatch_logging = false
      log_configuration = {
        logDriver = "awsfirelens"
        options = {
          Name                    = "cloudwatch_logs"
          region                  = "ap-northeast-1"
          log_group_name          = aws_cloudwatch_log_group.pages.name
          log_stream_prefix       = "web-"
          log-driver-buffer-limit = "2097152"
        }
      }
      linux_parameters   = { capabilities = { add = [], drop = ["NET_RAW"] } }
      memory_reservation = 100
    }
  }

  tasks_iam_role_statements = {
    logs = {
      actions   = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
      resources = ["${aws_cloudwatch_log_group.pages.arn}:*"]
    }
  }

  load_balancer = {
    service = {
      target_group_arn = module.alb.target_groups["web"].arn
      container_name   = "web"
      container_port   = local.port
    }
  }

  subnet_ids = module.vpc.private_subnets
  security_group_rules = {
    alb_ingress = {
      type                     = "ingress"
      from_port                = local.port
      to_port                  = local.port
      protocol                 = "tcp"
      description              = "Service port"
      source_security_group_id = module.alb.security_group_id
    }
    egress_all = { type = "egress", from_port = 0, to_port = 0, protocol = "-1", cidr_blocks = ["0.0.0.0/0"] }
  }

  service_tags = { ServiceTag = "Tag on service level" }
  tags         = { Module = "ecs" }
}

module "definition" {
  source = "./modules/terraform-aws-ecs/modules/service"

  name           = "${local.name}-standalone"
  cluster_arn    = module.cluster.arn
  create_service = false
  volume         = { shared = {} }
  runtime_platform = {
    cpu_architecture        = "ARM64"
    operating_system_family = "LINUX"
  }
  container_definitions = {
    al2023 = {
      image        = "public.ecr.aws/amazonlinux/amazonlinux:2023-minimal"
      mount_points = [{ sourceVolume = "shared", containerPath = "/var/www/shared" }]
      command      = ["echo hello world"]
      entrypoint   = ["/usr/bin/sh", "-c"]
    }
  }
  subnet_ids = module.vpc.private_subnets
  security_group_rules = {
    egress_all = { type = "egress", from_port = 0, to_port = 0, protocol = "-1", cidr_blocks = ["0.0.0.0/0"] }
  }
}

resource "aws_cloudwatch_log_group" "pages" {
  name              = "/outer/pages"
  retention_in_days = 7
}

module "alb" {
  source = "./modules/terraform-aws-alb"

  name                       = local.name
  load_balancer_type         = "application"
  vpc_id                     = module.vpc.vpc_id
  subnets                    = module.vpc.public_subnets
  enable_deletion_protection = false
  security_group_ingress_rules = {
    http = { from_port = 80, to_port = 80, ip_protocol = "tcp", cidr_ipv4 = "0.0.0.0/0" }
  }
  security_group_egress_rules = {
    all = { ip_protocol = "-1", cidr_ipv4 = module.vpc.vpc_cidr_block }
  }
  listeners = {
    http = { port = 80, protocol = "HTTP", forward = { target_group_key = "web" } }
  }
  target_groups = {
    web = {
      backend_protocol                  = "HTTP"
      backend_port                      = local.port
      target_type                       = "ip"
      deregistration_delay              = 5
      load_balancing_cross_zone_enabled = true
      health_check = {
        enabled             = true
        healthy_threshold   = 2
        interval            = 10
        matcher             = "200"
        path                = "/"
        port                = "traffic-port"
        protocol            = "HTTP"
        timeout             = 5
        unhealthy_threshold = 2
      }
      create_attachment = false
    }
  }
}

module "vpc" {
  source = "./modules/terraform-aws-vpc"

  name               = local.name
  cidr               = local.cidr
  azs                = local.azs
  private_subnets    = [for index, _ in local.azs : cidrsubnet(local.cidr, 4, index)]
  public_subnets     = [for index, _ in local.azs : cidrsubnet(local.cidr, 8, index + 48)]
  enable_nat_gateway = true
  single_nat_gateway = true
}
