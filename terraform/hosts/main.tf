# Towerhook: puts a vendor's agent on the hosts with a tag, in the accounts of organizational units, by a
# StackSet and State Manager. Optional, and a stack of its own: launch it in the management account.
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
  template_body = file("${path.module}/../../templates/hosts.template.yml")
  capabilities  = ["CAPABILITY_IAM"]
  tags          = var.tags

  parameters = {
    OrganizationalUnitIds = var.organizational_unit_ids
    Regions               = var.regions
    TagKey                = var.tag_key
    TagValue              = var.tag_value
    AgentState            = var.agent_state
    Agent                 = var.agent
    AgentVersion          = var.agent_version
    ReleaseUrl            = var.release_url
    Sha256X86             = var.sha256_x86
    Sha256Arm64           = var.sha256_arm64
    SigningKeyFingerprint = var.signing_key_fingerprint
    TokenName             = var.token_name
    ServerUrl             = var.server_url
    AutoUpgrade           = var.auto_upgrade
    Schedule              = var.schedule
    MaxConcurrency        = var.max_concurrency
    MaxErrors             = var.max_errors
  }

  timeouts {
    create = "90m"
    update = "90m"
    delete = "90m"
  }
}
