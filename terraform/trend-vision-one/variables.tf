variable "stack_name" {
  description = "The stack's name."
  type        = string
  default     = "towerhook"
}

variable "tags" {
  description = "The stack's tags, which its resources get, too."
  type        = map(string)
  default     = {}
}

variable "template_url" {
  description = "The URL of the template in S3; null takes it from artifact_bucket, from the folder templates below artifact_prefix."
  type        = string
  default     = null
}

variable "api_key" {
  description = "A key of Vision One's API, of a role with full permissions for Cloud Accounts."
  type        = string
  sensitive   = true
  nullable    = false
}

variable "vision_one_region" {
  description = "The host of the API in the tenant's region, with its port where that is not 443."
  type        = string
  default     = "api.xdr.trendmicro.com"
  nullable    = false
}

variable "features" {
  description = "The ids of the features to switch on for each account, with commas between them; blank for the core features, with which cloud posture is, alone."
  type        = string
  default     = ""
  nullable    = false
}

variable "workload_instance_id" {
  description = "The instance of Server & Workload Protection that the accounts belong to. A tenant that has one demands it, and it cannot change for an account."
  type        = string
  default     = ""
  nullable    = false
}

variable "oidc_subject" {
  description = "Who may assume the roles: the host of Vision One's identity provider, a slash and the tenant's subject; blank asks Vision One."
  type        = string
  default     = ""
  nullable    = false
}

variable "retain_protection" {
  description = "Yes leaves the roles and rows when the stack is deleted, so that protection goes on; No removes them."
  type        = string
  default     = "Yes"
  nullable    = false

  validation {
    condition     = contains(["Yes", "No"], var.retain_protection)
    error_message = "It must be Yes or No."
  }
}

variable "monitor_existing_accounts" {
  description = "Yes enrolls the accounts that are there at launch; No waits for an account's first lifecycle event."
  type        = string
  default     = "Yes"
  nullable    = false

  validation {
    condition     = contains(["Yes", "No"], var.monitor_existing_accounts)
    error_message = "It must be Yes or No."
  }
}

variable "log_account_name" {
  description = "Blank asks Control Tower; a name must match what Control Tower says."
  type        = string
  default     = ""
  nullable    = false
}

variable "audit_account_name" {
  description = "Blank asks Control Tower; a name must match what Control Tower says."
  type        = string
  default     = ""
  nullable    = false
}

variable "include_organizational_units" {
  description = "Only accounts in these units, or in units below them, are enrolled; blank means all."
  type        = string
  default     = ""
  nullable    = false
}

variable "exclude_organizational_units" {
  description = "Accounts in these units, or in units below them, are left out. Of included and excluded units the nearest one above an account counts."
  type        = string
  default     = ""
  nullable    = false
}

variable "exclude_accounts" {
  description = "The ids of accounts that are left out, separated by commas."
  type        = string
  default     = ""
  nullable    = false
}

variable "integration_name_prefix" {
  description = "What the name of the StackSet and the descriptions of the rows begin with. It cannot change after launch."
  type        = string
  default     = "Trend-Vision-One-"
  nullable    = false
}

variable "artifact_bucket" {
  description = "A bucket in this Region that holds setup.zip, account.zip and auth.zip."
  type        = string
  nullable    = false
}

variable "artifact_prefix" {
  description = "The folder, with a slash at its end, that has a folder for each processor with these files. A new release needs a new folder."
  type        = string
  default     = "towerhook/0.1.0/"
  nullable    = false
}

variable "setup_object_version" {
  description = "The version of setup.zip that the bucket's versioning knows; blank takes the newest."
  type        = string
  default     = ""
  nullable    = false
}

variable "account_object_version" {
  description = "The version of account.zip that the bucket's versioning knows; blank takes the newest."
  type        = string
  default     = ""
  nullable    = false
}

variable "auth_object_version" {
  description = "The version of auth.zip that the bucket's versioning knows; blank takes the newest."
  type        = string
  default     = ""
  nullable    = false
}

variable "architecture" {
  description = "The processor that the functions run on."
  type        = string
  default     = "arm64"
  nullable    = false

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "It must be arm64 or x86_64."
  }
}

variable "log_retention_days" {
  description = "After how many days a log entry is removed."
  type        = number
  default     = 90
  nullable    = false

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "It must be a retention that CloudWatch Logs offers, such as 30, 90 or 365."
  }
}

variable "enroll_management_account" {
  description = "Whether the management account, too, is enrolled."
  type        = string
  default     = "Yes"
  nullable    = false

  validation {
    condition     = contains(["Yes", "No"], var.enroll_management_account)
    error_message = "It must be Yes or No."
  }
}

variable "token_refresh_rate" {
  description = "A schedule of EventBridge. It says how often the API key is verified, and how soon a new key is tried."
  type        = string
  default     = "rate(3 minutes)"
  nullable    = false
}

variable "reconcile_rate" {
  description = "A schedule of EventBridge. What no event announced is found at this rate."
  type        = string
  default     = "rate(1 hour)"
  nullable    = false
}

variable "offboard_limit_percent" {
  description = "How many of the enrolled accounts, in percent, may be removed in 24 hours. 3 accounts always may."
  type        = string
  default     = "10"
  nullable    = false
}

variable "approve_offboard" {
  description = "The digest, from the function's log, of a removal beyond that limit that is meant."
  type        = string
  default     = ""
  nullable    = false
}

variable "offboard_unenrolled" {
  description = "Whether an account that Control Tower no longer manages, and that is still in the organization, is removed from Vision One. With No it stays watched and is reported."
  type        = string
  default     = "No"
  nullable    = false

  validation {
    condition     = contains(["Yes", "No"], var.offboard_unenrolled)
    error_message = "It must be Yes or No."
  }
}

variable "permissions_boundary_name" {
  description = "The IAM policy, by its name, that is the permissions boundary of all roles, here and in the accounts. Every account must have it."
  type        = string
  default     = ""
  nullable    = false
}

variable "stack_set_administration_role_arn" {
  description = "The role of this account that StackSets are run with. Blank takes Control Tower's, AWSControlTowerStackSetRole; an organization without Control Tower has another."
  type        = string
  default     = ""
  nullable    = false
}

variable "stack_set_execution_role_name" {
  description = "The role that StackSets assume in every account, by its name."
  type        = string
  default     = "AWSControlTowerExecution"
  nullable    = false
}

variable "keep_evidence" {
  description = "Whether each comparison of the whole organization leaves its coverage as JSON, CSV and a page in a bucket, with a copy for each day."
  type        = string
  default     = "No"
  nullable    = false

  validation {
    condition     = contains(["Yes", "No"], var.keep_evidence)
    error_message = "It must be Yes or No."
  }
}

variable "evidence_bucket" {
  description = "A bucket of your organization for that evidence, in this Region and encrypted with keys of S3. If this is blank, one is made. It stays when the stack is deleted."
  type        = string
  default     = ""
  nullable    = false
}

variable "alarm_email" {
  description = "Who is told when an alarm goes off, and when all is well again. SNS asks this address for a confirmation first."
  type        = string
  default     = ""
  nullable    = false
}

variable "alarm_topic_arn" {
  description = "An SNS topic of yours that is told, too, such as one that leads to a chat or a pager. Its policy must let CloudWatch publish."
  type        = string
  default     = ""
  nullable    = false
}

variable "silence_alarm_hours" {
  description = "After how many hours without a comparison of the whole organization the silence alarm goes off. Choose at least twice ReconcileRate."
  type        = string
  default     = "3"
  nullable    = false
}
