# Plain resources instead of the article's registry module: a module would have to be downloaded.

resource "aws_vpc" "lab" {
  cidr_block           = "10.0.0.0/16"
  enable_dns_hostnames = true
  enable_dns_support   = true

  tags = {
    Name = "${var.prefix}-vpc"
  }
}

# "Public" comes from the route to the internet gateway. map_public_ip_on_launch stays off: the ECS service asks for
# its tasks' public addresses itself (assign_public_ip), and nothing else is launched here.
resource "aws_subnet" "public" {
  for_each = {
    a = "10.0.11.0/24"
    c = "10.0.12.0/24"
  }

  vpc_id            = aws_vpc.lab.id
  availability_zone = "${var.region}${each.key}"
  cidr_block        = each.value

  tags = {
    Name = "${var.prefix}-public-${var.region}${each.key}"
  }
}

resource "aws_internet_gateway" "lab" {
  vpc_id = aws_vpc.lab.id

  tags = {
    Name = "${var.prefix}-igw"
  }
}

resource "aws_route_table" "public" {
  vpc_id = aws_vpc.lab.id

  route {
    cidr_block = "0.0.0.0/0"
    gateway_id = aws_internet_gateway.lab.id
  }

  tags = {
    Name = "${var.prefix}-public"
  }
}

resource "aws_route_table_association" "public" {
  for_each = aws_subnet.public

  route_table_id = aws_route_table.public.id
  subnet_id      = each.value.id
}

# No rules: whatever is put into the default group by mistake can talk to nobody.
resource "aws_default_security_group" "lab" {
  vpc_id = aws_vpc.lab.id

  tags = {
    Name = "${var.prefix}-default"
  }
}
