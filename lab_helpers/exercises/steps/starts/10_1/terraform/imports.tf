# What exists already and shall belong to Terraform from now on.
