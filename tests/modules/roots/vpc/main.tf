# What the module's documentation shows of it: tiers of subnets, NAT, DHCP options, flow logs, endpoints.
provider "aws" {
  region = "ap-northeast-1"
}

data "aws_availability_zones" "available" {}

locals {
  cidr = "10.20.0.0/16"
  azs  = slice(data.aws_availability_zones.available.names, 0, 3)
}

module "vpc" {
  source = "./modules/terraform-aws-vpc"

  name = "outer"
  cidr = local.cidr

  azs              = local.azs
  private_subnets  = [for index, _ in local.azs : cidrsubnet(local.cidr, 8, index)]
  public_subnets   = [for index, _ in local.azs : cidrsubnet(local.cidr, 8, index + 4)]
  database_subnets = [for index, _ in local.azs : cidrsubnet(local.cidr, 8, index + 8)]
  intra_subnets    = [for index, _ in local.azs : cidrsubnet(local.cidr, 8, index + 12)]

  create_database_subnet_group = false
  enable_dns_hostnames         = true
  enable_nat_gateway           = true
  one_nat_gateway_per_az       = true
  enable_vpn_gateway           = true

  customer_gateways = {
    office = { bgp_asn = 65112, ip_address = "192.0.2.4", device_name = "router" }
  }

  enable_dhcp_options              = true
  dhcp_options_domain_name         = "outer.internal"
  dhcp_options_domain_name_servers = ["AmazonProvidedDNS"]

  public_dedicated_network_acl = true
  public_inbound_acl_rules = [
    { rule_number = 100, rule_action = "allow", from_port = 80, to_port = 80, protocol = "tcp", cidr_block = "0.0.0.0/0" },
    { rule_number = 110, rule_action = "allow", from_port = 1024, to_port = 65535, protocol = "tcp", cidr_block = "0.0.0.0/0" },
  ]

  enable_flow_log                      = true
  create_flow_log_cloudwatch_log_group = true
  create_flow_log_cloudwatch_iam_role  = true
  flow_log_max_aggregation_interval    = 60

  tags = { Module = "vpc" }
}

module "endpoints" {
  source = "./modules/terraform-aws-vpc/modules/vpc-endpoints"

  vpc_id                     = module.vpc.vpc_id
  create_security_group      = true
  security_group_name_prefix = "outer-endpoints-"
  security_group_description = "Endpoints of the VPC"
  security_group_rules = {
    ingress_https = { description = "HTTPS from the VPC", cidr_blocks = [module.vpc.vpc_cidr_block] }
  }

  endpoints = {
    s3 = {
      service         = "s3"
      service_type    = "Gateway"
      route_table_ids = concat(module.vpc.private_route_table_ids, module.vpc.intra_route_table_ids)
      policy          = data.aws_iam_policy_document.own_vpc.json
      tags            = { Name = "s3" }
    }
    logs     = { service = "logs", private_dns_enabled = true, subnet_ids = module.vpc.private_subnets }
    firehose = { service = "kinesis-firehose", private_dns_enabled = true, subnet_ids = module.vpc.private_subnets }
    ecr_api = {
      service             = "ecr.api"
      private_dns_enabled = true
      subnet_ids          = module.vpc.private_subnets
      policy              = data.aws_iam_policy_document.own_vpc.json
    }
    ecr_dkr = { service = "ecr.dkr", private_dns_enabled = true, subnet_ids = module.vpc.private_subnets }
  }

  tags = { Module = "vpc-endpoints" }
}

data "aws_iam_policy_document" "own_vpc" {
  statement {
    effect    = "Deny"
    actions   = ["*"]
    resources = ["*"]
    principals {
      type        = "*"
      identifiers = ["*"]
    }
    condition {
      test     = "StringNotEquals"
      variable = "aws:SourceVpc"
      values   = [module.vpc.vpc_id]
    }
  }
}
