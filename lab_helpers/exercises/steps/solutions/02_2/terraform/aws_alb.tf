resource "aws_lb" "httpd" {
  # The access log is switched on at creation, and AWS tries the bucket then: its policy has to be there before.
  depends_on = [aws_s3_bucket_policy.alb_log]

  name               = "${var.prefix}-alb"
  load_balancer_type = "application"
  internal           = false
  idle_timeout       = 60
  # In production: true.
  enable_deletion_protection = false
  security_groups            = [aws_security_group.alb.id]
  subnets                    = [for subnet in aws_subnet.public : subnet.id]

  access_logs {
    bucket  = aws_s3_bucket.alb_log.id
    enabled = true
  }
}

resource "aws_lb_listener" "http" {
  load_balancer_arn = aws_lb.httpd.arn
  port              = 80
  protocol          = "HTTP"

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.httpd.arn
  }
}

resource "aws_lb_target_group" "httpd" {
  name        = "${var.prefix}-alb-tg"
  port        = 80
  protocol    = "HTTP"
  target_type = "ip"
  vpc_id      = aws_vpc.lab.id

  # httpd answers within milliseconds. ECS stops a task only when the load balancer has let go of it: with the default of
  # 300 seconds every deployment, and the destroy, would take five minutes longer.
  deregistration_delay = 5

  health_check {
    path                = "/healthz"
    port                = "traffic-port"
    protocol            = "HTTP"
    timeout             = 5
    interval            = 10
    healthy_threshold   = 2
    unhealthy_threshold = 2
    matcher             = "200"
  }
}
