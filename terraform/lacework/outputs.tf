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

output "auth_function_name" {
  description = "The function that keeps the access token fresh"
  value       = aws_cloudformation_stack.towerhook.outputs["AuthFunctionName"]
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

output "api_token_secret_arn" {
  description = "The secret that holds the access token"
  value       = aws_cloudformation_stack.towerhook.outputs["ApiTokenSecretArn"]
}
