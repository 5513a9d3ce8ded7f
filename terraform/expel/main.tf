# Towerhook: gives Expel its role in every account of an AWS Control Tower landing zone and the organization's
# trail, and keeps both. Launch it in the management account, in the landing zone's home Region. The output
# OrganizationsEvents says whether a second, small stack is of use.
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
  template_url = coalesce(var.template_url, "https://${var.artifact_bucket}.s3.${data.aws_region.here.id}.${data.aws_partition.here.dns_suffix}/${var.artifact_prefix}templates/expel.template.yml")
}

resource "aws_cloudformation_stack" "towerhook" {
  name         = var.stack_name
  template_url = local.template_url
  capabilities = ["CAPABILITY_IAM"]
  tags         = var.tags

  parameters = {
    WorkbenchOrganizationGuid     = var.workbench_organization_guid
    CapabilityType                = var.capability_type
    ExpelPrincipalArn             = var.expel_principal_arn
    MonitorExistingAccounts       = var.monitor_existing_accounts
    ExistingCloudTrailName        = var.existing_cloud_trail_name
    KmsKeyIdentifierArn           = var.kms_key_identifier_arn
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
    Architecture                  = var.architecture
    LogRetentionDays              = var.log_retention_days
    EnrollManagementAccount       = var.enroll_management_account
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
