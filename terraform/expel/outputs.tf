output "release" {
  description = "The release of Towerhook"
  value       = aws_cloudformation_stack.towerhook.outputs["Release"]
}

output "organizations_events" {
  description = "How the events of AWS Organizations, such as the closing of an account, come here"
  value       = aws_cloudformation_stack.towerhook.outputs["OrganizationsEvents"]
}

output "evidence_bucket_name" {
  description = "The bucket with the evidence, which stays when the stack goes"
  value       = lookup(aws_cloudformation_stack.towerhook.outputs, "EvidenceBucketName", null)
}

output "setup_function_name" {
  description = "The function behind the custom resource"
  value       = aws_cloudformation_stack.towerhook.outputs["SetupFunctionName"]
}

output "account_function_name" {
  description = "The function that handles the work queue"
  value       = aws_cloudformation_stack.towerhook.outputs["AccountFunctionName"]
}

output "work_queue_url" {
  description = "What is to be done"
  value       = aws_cloudformation_stack.towerhook.outputs["WorkQueueUrl"]
}

output "dead_letter_queue_url" {
  description = "What could not be done"
  value       = aws_cloudformation_stack.towerhook.outputs["DeadLetterQueueUrl"]
}

output "ledger_table_name" {
  description = "What Towerhook remembers"
  value       = aws_cloudformation_stack.towerhook.outputs["LedgerTableName"]
}

output "role_arn" {
  description = "The role in Log Archive with which Expel reads the trail"
  value       = lookup(aws_cloudformation_stack.towerhook.outputs, "RoleARN", null)
}

output "sqs_url" {
  description = "The queue through which Expel hears of each log file"
  value       = lookup(aws_cloudformation_stack.towerhook.outputs, "SqsURL", null)
}

output "region" {
  description = "The Region of the queue"
  value       = aws_cloudformation_stack.towerhook.outputs["Region"]
}

output "trail_key_statement" {
  description = "What the policy of the trail's key must have where the key is in another account than Log Archive; none if the trail has no key"
  value       = lookup(aws_cloudformation_stack.towerhook.outputs, "TrailKeyStatement", null)
}

output "role_name" {
  description = "The role that Expel assumes in every account"
  value       = aws_cloudformation_stack.towerhook.outputs["RoleName"]
}

output "role_session_name" {
  description = "The session's name for Workbench"
  value       = aws_cloudformation_stack.towerhook.outputs["RoleSessionName"]
}

output "external_id" {
  description = "The external id that the roles demand"
  value       = aws_cloudformation_stack.towerhook.outputs["ExternalId"]
}

output "management_account_id" {
  description = "The organization's management account"
  value       = aws_cloudformation_stack.towerhook.outputs["ManagementAccountId"]
}
