locals {
  # Must be the name and port in httpd/container_definitions.json.
  httpd_container = "httpd"
  httpd_log_group = "${var.log_group}/httpd"
}

resource "aws_ecs_cluster" "lab" {
  name = "${var.prefix}-cluster"
}

resource "aws_ecs_task_definition" "httpd" {
  # A task that starts before its image is pushed fails to pull it.
  depends_on = [terraform_data.fluentbit_image, terraform_data.httpd_image]

  family                   = "${var.prefix}-httpd"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  # 0.25 vCPU and 0.5 GB
  cpu                = 256
  memory             = 512
  task_role_arn      = aws_iam_role.ecs_task.arn
  execution_role_arn = aws_iam_role.ecs_task_exec.arn

  # What the image is built for, wherever it is built: see fluentbit_architecture in aws_ecr.tf.
  runtime_platform {
    cpu_architecture        = "X86_64"
    operating_system_family = "LINUX"
  }

  container_definitions = templatefile("${path.module}/httpd/container_definitions.json", {
    delivery_stream = aws_kinesis_firehose_delivery_stream.firelens.name
    httpd_image     = "${aws_ecr_repository.httpd.repository_url}:${local.httpd_tag}"
    httpd_log_group = local.httpd_log_group
    imageurl        = "${aws_ecr_repository.fluentbit.repository_url}:${local.fluentbit_tag}"
    log_group       = aws_cloudwatch_log_group.firelens.name
    region          = var.region
  })
}

resource "aws_ecs_service" "httpd" {
  # The listener: ECS takes only target groups that a load balancer uses. The permissions: without them the first tasks
  # could neither start nor deliver. On destroy the same order backwards lets the tasks send their last lines.
  depends_on = [
    aws_iam_role_policy.ecs_task,
    aws_iam_role_policy_attachment.ecs_task_exec,
    aws_lb_listener.http,
    aws_route_table_association.public,
  ]

  name                              = "${var.prefix}-httpd"
  cluster                           = aws_ecs_cluster.lab.arn
  task_definition                   = aws_ecs_task_definition.httpd.arn
  desired_count                     = var.desired_count
  launch_type                       = "FARGATE"
  platform_version                  = "1.4.0"
  health_check_grace_period_seconds = 60
  # Tasks carry the lab's tags too, so that the bill and a sweeper find them.
  propagate_tags = "SERVICE"

  # A deployment whose tasks do not come up is given up after a few of them, and the last good one comes back. The
  # article has none: its service would try for ever.
  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  network_configuration {
    assign_public_ip = true
    security_groups  = [aws_security_group.ecs.id]
    subnets          = [for subnet in aws_subnet.public : subnet.id]
  }

  load_balancer {
    target_group_arn = aws_lb_target_group.httpd.arn
    container_name   = local.httpd_container
    container_port   = 80
  }

  # As in the article: Terraform makes the first deployment; later ones (a new image, a drill's changed task definition)
  # belong to whoever deploys, and a plan does not want to take them back.
  lifecycle {
    ignore_changes = [task_definition]
  }
}
