# Towerhook: tells when somebody takes an elevated role in any account of the organization, by the trail that
# the landing zone has already. Launch it in the management account, in the home Region of the trail.
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
  template_body = file("${path.module}/../../templates/elevated-role-alarm.template.yml")
  capabilities  = ["CAPABILITY_IAM"]
  tags          = var.tags

  parameters = {
    ElevatedRoleName   = var.elevated_role_name
    ExpectedSessions   = var.expected_sessions
    TrailLogGroupName  = var.trail_log_group_name
    AlarmEmail         = var.alarm_email
    AlarmTopicArn      = var.alarm_topic_arn
    AlarmPeriodSeconds = var.alarm_period_seconds
  }

  timeouts {
    create = "90m"
    update = "90m"
    delete = "90m"
  }
}
