variable "stack_name" {
  description = "The stack's name."
  type        = string
  default     = "towerhook-hosts"
}

variable "tags" {
  description = "The stack's tags, which its resources get, too."
  type        = map(string)
  default     = {}
}

variable "organizational_unit_ids" {
  description = "The ids of the units whose accounts get it, in all units below them, too, separated by commas; the id of the root for all. The management account is never among them."
  type        = string
  nullable    = false
}

variable "regions" {
  description = "The Regions with the hosts, separated by commas. Control Tower has to govern them."
  type        = string
  nullable    = false
}

variable "tag_key" {
  description = "Hosts with this tag get the agent."
  type        = string
  default     = "towerhook-agent"
  nullable    = false
}

variable "tag_value" {
  description = "Hosts whose tag has this value get the agent."
  type        = string
  default     = "lacework"
  nullable    = false
}

variable "agent_state" {
  description = "Installed puts the agent on the hosts and keeps it there. Removed takes it off them again; do that before the stack is deleted."
  type        = string
  default     = "Installed"
  nullable    = false

  validation {
    condition     = contains(["Installed", "Removed"], var.agent_state)
    error_message = "It must be Installed or Removed."
  }
}

variable "agent" {
  description = "The agent to install."
  type        = string
  default     = "lacework"
  nullable    = false

  validation {
    condition     = contains(["lacework"], var.agent)
    error_message = "It must be lacework."
  }
}

variable "agent_version" {
  description = "The release to install. It stands in ReleaseUrl for {version}."
  type        = string
  nullable    = false
}

variable "release_url" {
  description = "Where a host downloads the release: the vendor's .tgz, a .deb or an .rpm. In it, {version} stands for AgentVersion and {arch} for the processor."
  type        = string
  nullable    = false
}

variable "sha256_x86" {
  description = "The SHA-256 of the release for x86_64; none leaves these hosts out."
  type        = string
  default     = "none"
  nullable    = false
}

variable "sha256_arm64" {
  description = "The SHA-256 of the release for arm64; none leaves these hosts out."
  type        = string
  default     = "none"
  nullable    = false
}

variable "signing_key_fingerprint" {
  description = "The key with which the vendor signs the list of digests. A host checks it where it has gpg and the key."
  type        = string
  default     = "360D55D76727556814078E25FF3E1D4DEE0CC692"
  nullable    = false
}

variable "token_name" {
  description = "The name, or the ARN, of the SecureString parameter that holds the agent's token, or /aws/reference/secretsmanager/ and the name of a secret. Never the token itself."
  type        = string
  nullable    = false
}

variable "server_url" {
  description = "Where the agent sends what it sees."
  type        = string
  default     = "https://api.lacework.net"
  nullable    = false
}

variable "auto_upgrade" {
  description = "Whether the agent replaces itself with newer releases, whose checksum nobody compares."
  type        = string
  default     = "disable"
  nullable    = false

  validation {
    condition     = contains(["disable", "enable"], var.auto_upgrade)
    error_message = "It must be disable or enable."
  }
}

variable "schedule" {
  description = "How often State Manager looks again. A host that gets the tag later waits for it."
  type        = string
  default     = "rate(1 day)"
  nullable    = false
}

variable "max_concurrency" {
  description = "How many hosts of an account and Region, or what percentage of them, are worked on at the same time."
  type        = string
  default     = "10%"
  nullable    = false
}

variable "max_errors" {
  description = "After how many failed hosts, or what percentage of them, State Manager starts no more until the next time."
  type        = string
  default     = "10%"
  nullable    = false
}
