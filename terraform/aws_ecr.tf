data "aws_caller_identity" "current" {}

resource "aws_ecr_repository" "fluentbit" {
  name = "${var.prefix}-fluentbit"
  # Every build is pushed as "latest" again.
  image_tag_mutability = "MUTABLE"
  # Lets a destroy delete the images too. In production: false.
  force_delete = true

  image_scanning_configuration {
    scan_on_push = true
  }
}

resource "aws_ecr_repository" "httpd" {
  name = "${var.prefix}-httpd"
  # As above, for the web server's image.
  image_tag_mutability = "MUTABLE"
  force_delete         = true

  image_scanning_configuration {
    scan_on_push = true
  }
}

locals {
  fluentbit_dir = abspath("${path.module}/../fluentbit")
  fluentbit_tag = "latest"
  # As the task definition's runtime_platform. A laptop with an ARM processor would build for itself otherwise.
  fluentbit_architecture = "amd64"
  # Hidden ones are not part of the image: JupyterLab keeps checkpoints of what it edits.
  fluentbit_files = [
    for name in sort(fileset(local.fluentbit_dir, "**")) : name if !startswith(name, ".") && !strcontains(name, "/.")
  ]

  httpd_dir = abspath("${path.module}/httpd")
  httpd_tag = "latest"
  # What the Dockerfile copies; the container definitions beside it are not part of the image.
  httpd_files = [
    for name in sort(fileset(local.httpd_dir, "**")) : name
    if !startswith(name, ".") && !strcontains(name, "/.") && name != "container_definitions.json"
  ]
}

# Build and push, as part of apply. The article's null_resource runs once in its life; this one runs again when a file
# in fluentbit/, the base image or the repository changes. The tasks get the new image with the next deployment.
resource "terraform_data" "fluentbit_image" {
  triggers_replace = {
    base_image = var.fluentbit_base_image
    files      = { for name in local.fluentbit_files : name => filesha256("${local.fluentbit_dir}/${name}") }
    repository = aws_ecr_repository.fluentbit.repository_url
  }

  provisioner "local-exec" {
    # Values go through the environment, never into the command line: the folder's path may hold spaces.
    command = "lab image publish --repository-url \"$REPOSITORY_URL\" --context \"$CONTEXT\" --file Dockerfile --tag \"$TAG\" --region \"$REGION\" --architecture \"$ARCHITECTURE\" --build-arg \"BASE_IMAGE=$BASE_IMAGE\""

    environment = {
      ARCHITECTURE   = local.fluentbit_architecture
      BASE_IMAGE     = var.fluentbit_base_image
      CONTEXT        = local.fluentbit_dir
      REGION         = var.region
      REPOSITORY_URL = aws_ecr_repository.fluentbit.repository_url
      TAG            = local.fluentbit_tag
    }
  }
}

# The article runs httpd:latest from Docker Hub as it is. Here it has pages for visitors, and its log format is a file
# of ours: httpd/httpd.conf.
resource "terraform_data" "httpd_image" {
  triggers_replace = {
    files      = { for name in local.httpd_files : name => filesha256("${local.httpd_dir}/${name}") }
    repository = aws_ecr_repository.httpd.repository_url
  }

  provisioner "local-exec" {
    command = "lab image publish --repository-url \"$REPOSITORY_URL\" --context \"$CONTEXT\" --file Dockerfile --tag \"$TAG\" --region \"$REGION\" --architecture \"$ARCHITECTURE\""

    environment = {
      ARCHITECTURE   = local.fluentbit_architecture
      CONTEXT        = local.httpd_dir
      REGION         = var.region
      REPOSITORY_URL = aws_ecr_repository.httpd.repository_url
      TAG            = local.httpd_tag
    }
  }
}
