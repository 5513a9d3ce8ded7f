output "dead_letter_queue_url" {
  description = "Events that could not be forwarded"
  value       = aws_cloudformation_stack.towerhook.outputs["DeadLetterQueueUrl"]
}
