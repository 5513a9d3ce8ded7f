variable "stack_name" {
  description = "The stack's name."
  type        = string
  default     = "towerhook-elevated-role"
}

variable "tags" {
  description = "The stack's tags, which its resources get, too."
  type        = map(string)
  default     = {}
}

variable "elevated_role_name" {
  description = "The role's name in every account, without its path, such as AWSControlTowerExecution."
  type        = string
  nullable    = false
}

variable "expected_sessions" {
  description = "The session names of automation that may take the role, up to six with commas between them, each with an asterisk at its end if more follows. AWS's own services are left out in any case."
  type        = string
  default     = "towerhook*"
  nullable    = false
}

variable "trail_log_group_name" {
  description = "The log group to which the organization's trail writes; Control Tower's own by default. Without one, no alarm can follow from the trail."
  type        = string
  default     = "aws-controltower/CloudTrailLogs"
  nullable    = false
}

variable "alarm_email" {
  description = "Who is told when the role is taken. SNS asks this address for a confirmation first."
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

variable "alarm_period_seconds" {
  description = "The period over which the trail's records are counted. CloudTrail writes a record about five minutes after the call."
  type        = string
  default     = "300"
  nullable    = false

  validation {
    condition     = contains(["60", "120", "180", "240", "300"], var.alarm_period_seconds)
    error_message = "It must be whole minutes, up to five."
  }
}
