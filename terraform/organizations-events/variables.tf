variable "stack_name" {
  description = "The stack's name."
  type        = string
  default     = "towerhook-events"
}

variable "tags" {
  description = "The stack's tags, which its resources get, too."
  type        = map(string)
  default     = {}
}

variable "home_region" {
  description = "The Region of the main stack, such as eu-west-1."
  type        = string
  nullable    = false
}

variable "permissions_boundary_name" {
  description = "The policy of this account that is the role's permissions boundary, by its name; blank for none."
  type        = string
  default     = ""
  nullable    = false
}
