# Rules by name, by CIDR block, by another group, of the group itself; with prefix and without.
provider "aws" {
  region = "ap-northeast-1"
}

data "aws_vpc" "default" {
  default = true
}

module "front" {
  source = "./modules/terraform-aws-security-group"

  name        = "outer-front"
  description = "From anywhere"
  vpc_id      = data.aws_vpc.default.id

  ingress_cidr_blocks      = ["0.0.0.0/0"]
  ingress_ipv6_cidr_blocks = ["::/0"]
  ingress_rules            = ["http-80-tcp", "https-443-tcp", "all-icmp"]
  egress_rules             = ["all-all"]

  ingress_with_cidr_blocks = [
    { from_port = 8080, to_port = 8090, protocol = "tcp", description = "Pages", cidr_blocks = "10.10.0.0/16,10.11.0.0/16" },
    { rule = "postgresql-tcp", cidr_blocks = "10.12.0.0/16" },
  ]

  tags = { Module = "security-group" }
}

module "behind" {
  source = "./modules/terraform-aws-security-group"

  name            = "outer-behind"
  use_name_prefix = false
  vpc_id          = data.aws_vpc.default.id

  ingress_with_self = [{ rule = "all-all" }]
  computed_ingress_with_source_security_group_id = [
    { rule = "http-80-tcp", source_security_group_id = module.front.security_group_id },
    { from_port = 24224, to_port = 24224, protocol = "tcp", description = "forward", source_security_group_id = module.front.security_group_id },
  ]
  number_of_computed_ingress_with_source_security_group_id = 2

  egress_with_cidr_blocks = [{ rule = "https-443-tcp", cidr_blocks = "0.0.0.0/0" }]
}

module "named" {
  source = "./modules/terraform-aws-security-group/modules/http-80"

  name                = "outer-http"
  vpc_id              = data.aws_vpc.default.id
  ingress_cidr_blocks = ["10.0.0.0/8"]
}
