terraform {
  # The article pins 1.0.7. A range keeps the lab usable with what a trainee has installed; terraform_data needs 1.4.
  required_version = ">= 1.5"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }

  # The lab passes the path at init: one state file per backend (local AWS, account) outside of this folder, so that
  # the state of one can never be applied to the other.
  backend "local" {}
}
