output "stack_set_name" {
  description = "The StackSet whose instances have the documents and the association of each account and Region"
  value       = aws_cloudformation_stack.towerhook.outputs["StackSetName"]
}
