# Towerhook: enrolls every account of an AWS Control Tower landing zone with Lacework and keeps it enrolled.
# Launch it in the management account, in the landing zone's home Region. The output OrganizationsEvents says
# whether a second, small stack is of use.
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
  template_url = coalesce(var.template_url, "https://${var.artifact_bucket}.s3.${data.aws_region.here.id}.${data.aws_partition.here.dns_suffix}/${var.artifact_prefix}templates/control-tower-integration.template.yml")
}

resource "aws_cloudformation_stack" "towerhook" {
  name         = var.stack_name
  template_url = local.template_url
  capabilities = ["CAPABILITY_IAM"]
  tags         = var.tags

  parameters = {
    LaceworkUrl                   = var.lacework_url
    LaceworkAccessKeyId           = var.lacework_access_key_id
    LaceworkSecretKey             = var.lacework_secret_key
    CapabilityType                = var.capability_type
    MonitorExistingAccounts       = var.monitor_existing_accounts
    ExistingCloudTrailName        = var.existing_cloud_trail_name
    CreateTrailTopic              = var.create_trail_topic
    KmsKeyIdentifierArn           = var.kms_key_identifier_arn
    LogAccountName                = var.log_account_name
    AuditAccountName              = var.audit_account_name
    LaceworkOrgSubAccountNames    = var.lacework_org_sub_account_names
    IncludeOrganizationalUnits    = var.include_organizational_units
    ExcludeOrganizationalUnits    = var.exclude_organizational_units
    ExcludeAccounts               = var.exclude_accounts
    LaceworkSubAccountName        = var.lacework_sub_account_name
    IntegrationNamePrefix         = var.integration_name_prefix
    ArtifactBucket                = var.artifact_bucket
    ArtifactPrefix                = var.artifact_prefix
    SetupObjectVersion            = var.setup_object_version
    AccountObjectVersion          = var.account_object_version
    AuthObjectVersion             = var.auth_object_version
    Architecture                  = var.architecture
    LogRetentionDays              = var.log_retention_days
    LaceworkPrincipalArn          = var.lacework_principal_arn
    RegistrationMode              = var.registration_mode
    EnrollManagementAccount       = var.enroll_management_account
    TokenRefreshRate              = var.token_refresh_rate
    ReconcileRate                 = var.reconcile_rate
    OffboardLimitPercent          = var.offboard_limit_percent
    ApproveOffboard               = var.approve_offboard
    OffboardUnenrolled            = var.offboard_unenrolled
    PermissionsBoundaryName       = var.permissions_boundary_name
    AdoptExistingDeployment       = var.adopt_existing_deployment
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
