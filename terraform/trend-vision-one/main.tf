# Towerhook: gives every account of an AWS Control Tower landing zone its role and its row among the cloud
# accounts of Trend Vision One, and keeps both. Launch it in the management account, in the landing zone's
# home Region. The output OrganizationsEvents says whether a second, small stack is of use.
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

data "aws_partition" "here" {}

data "aws_region" "here" {}

locals {
  # Where the release was uploaded to, beside the zips.
  template_url = coalesce(var.template_url, "https://${var.artifact_bucket}.s3.${data.aws_region.here.id}.${data.aws_partition.here.dns_suffix}/${var.artifact_prefix}templates/trend-vision-one.template.yml")
}

resource "aws_cloudformation_stack" "towerhook" {
  name         = var.stack_name
  template_url = local.template_url
  capabilities = ["CAPABILITY_IAM"]
  tags         = var.tags

  parameters = {
    ApiKey                        = var.api_key
    VisionOneRegion               = var.vision_one_region
    Features                      = var.features
    WorkloadInstanceId            = var.workload_instance_id
    OidcSubject                   = var.oidc_subject
    RetainProtection              = var.retain_protection
    MonitorExistingAccounts       = var.monitor_existing_accounts
    LogAccountName                = var.log_account_name
    AuditAccountName              = var.audit_account_name
    IncludeOrganizationalUnits    = var.include_organizational_units
    ExcludeOrganizationalUnits    = var.exclude_organizational_units
    ExcludeAccounts               = var.exclude_accounts
    IntegrationNamePrefix         = var.integration_name_prefix
    ArtifactBucket                = var.artifact_bucket
    ArtifactPrefix                = var.artifact_prefix
    SetupObjectVersion            = var.setup_object_version
    AccountObjectVersion          = var.account_object_version
    AuthObjectVersion             = var.auth_object_version
    Architecture                  = var.architecture
    LogRetentionDays              = var.log_retention_days
    EnrollManagementAccount       = var.enroll_management_account
    TokenRefreshRate              = var.token_refresh_rate
    ReconcileRate                 = var.reconcile_rate
    OffboardLimitPercent          = var.offboard_limit_percent
    ApproveOffboard               = var.approve_offboard
    OffboardUnenrolled            = var.offboard_unenrolled
    PermissionsBoundaryName       = var.permissions_boundary_name
    StackSetAdministrationRoleArn = var.stack_set_administration_role_arn
    StackSetExecutionRoleName     = var.stack_set_execution_role_name
    KeepEvidence                  = var.keep_evidence
    EvidenceBucket                = var.evidence_bucket
    AlarmEmail                    = var.alarm_email
    AlarmTopicArn                 = var.alarm_topic_arn
    SilenceAlarmHours             = var.silence_alarm_hours
  }

  timeouts {
    create = "90m"
    update = "90m"
    delete = "90m"
  }
}
