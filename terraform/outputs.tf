output "alb_arn" {
  description = "ARN of the load balancer"
  value       = aws_lb.httpd.arn
}

output "alb_dns_name" {
  description = "Where httpd is reached: http://<alb_dns_name>/"
  value       = aws_lb.httpd.dns_name
}

output "alb_log_bucket" {
  description = "Bucket with the load balancer's access log"
  value       = aws_s3_bucket.alb_log.id
}

output "cluster_name" {
  description = "Name of the ECS cluster"
  value       = aws_ecs_cluster.lab.name
}

output "delivery_stream_arn" {
  description = "ARN of the Firehose delivery stream"
  value       = aws_kinesis_firehose_delivery_stream.firelens.arn
}

output "delivery_stream_name" {
  description = "Name of the Firehose delivery stream"
  value       = aws_kinesis_firehose_delivery_stream.firelens.name
}

output "execution_role_arn" {
  description = "Task execution role: image pulls and the awslogs driver"
  value       = aws_iam_role.ecs_task_exec.arn
}

output "firehose_role_arn" {
  description = "Role that Firehose delivers with"
  value       = aws_iam_role.firehose.arn
}

output "glue_database" {
  description = "Glue database of the table over httpd's log in S3"
  value       = aws_glue_catalog_database.logs.name
}

output "glue_table" {
  description = "Glue table over httpd's log in S3, for Athena"
  value       = aws_glue_catalog_table.httpd.name
}

output "httpd_log_group" {
  description = "Log group of httpd's log; made by Fluent Bit, not by Terraform"
  value       = local.httpd_log_group
}

output "httpd_repository_name" {
  description = "Name of the ECR repository of the httpd image"
  value       = aws_ecr_repository.httpd.name
}

output "httpd_repository_url" {
  description = "URL of the ECR repository of the httpd image, without a tag"
  value       = aws_ecr_repository.httpd.repository_url
}

output "log_bucket" {
  description = "Bucket that Firehose delivers httpd's log to"
  value       = aws_s3_bucket.firelens.id
}

output "log_group" {
  description = "Log group of Fluent Bit's own log and of Firehose's delivery errors"
  value       = aws_cloudwatch_log_group.firelens.name
}

output "repository_name" {
  description = "Name of the ECR repository of the Fluent Bit image"
  value       = aws_ecr_repository.fluentbit.name
}

output "repository_url" {
  description = "URL of the ECR repository of the Fluent Bit image, without a tag"
  value       = aws_ecr_repository.fluentbit.repository_url
}

output "service_name" {
  description = "Name of the ECS service"
  value       = aws_ecs_service.httpd.name
}

output "target_group_arn" {
  description = "ARN of the target group that the tasks are registered in"
  value       = aws_lb_target_group.httpd.arn
}

output "task_family" {
  description = "Family of the task definition"
  value       = aws_ecs_task_definition.httpd.family
}

output "task_role_arn" {
  description = "Task role: what Fluent Bit's outputs may do"
  value       = aws_iam_role.ecs_task.arn
}
