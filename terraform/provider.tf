provider "aws" {
  region = var.region

  # Says who owns the lab and when it may be swept away, on everything that can carry a tag.
  default_tags {
    tags = {
      for key, value in {
        Expires   = var.expires_on
        Lab       = var.prefix
        ManagedBy = "terraform"
        Owner     = var.owner
      } : key => value if value != ""
    }
  }
}
