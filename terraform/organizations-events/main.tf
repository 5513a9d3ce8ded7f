# Towerhook: brings the events of AWS Organizations, which exist in one Region only, to the home Region of
# Control Tower. Launch it in the management account, in us-east-1, if the home Region is another one.
#
# Written by `cargo towerhook compose` from the template.

terraform {
  required_version = ">= 1.3"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

resource "aws_cloudformation_stack" "towerhook" {
  name          = var.stack_name
  template_body = file("${path.module}/../../templates/organizations-events.template.yml")
  capabilities  = ["CAPABILITY_IAM"]
  tags          = var.tags

  parameters = {
    HomeRegion              = var.home_region
    PermissionsBoundaryName = var.permissions_boundary_name
  }

  timeouts {
    create = "90m"
    update = "90m"
    delete = "90m"
  }
}
