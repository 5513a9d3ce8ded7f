output "alarm_name" {
  description = "The alarm that goes off when the role is taken"
  value       = aws_cloudformation_stack.towerhook.outputs["AlarmName"]
}
