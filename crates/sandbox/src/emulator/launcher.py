"""Starts the emulator as the sandbox needs it.

AWS's own services publish events whose source begins with `aws.`, and so must the sandbox, which
stands in for some of them. Answers to custom resources go through the gateway, so that it can
lose one. A custom resource whose Create answered FAILED gets a Delete when the stack rolls back,
with the physical id of that answer, as from CloudFormation; the emulator alone rolls back without
it. What functions log is kept in files, too, as a stack's deletion takes its log groups with it;
and no function makes its log group, as its role does not allow it: the emulator would make it anew
after the stack's deletion. When the sandbox goes, however it goes, the pipe on standard input
closes, and the emulator goes with all functions that it runs.
"""

import functools
import os
import signal
import sys
import threading

from ministack.services import cloudwatch_logs, eventbridge, lambda_svc
from ministack.services.cloudformation import custom_resource, stacks


def follow_the_sandbox():
    while sys.stdin.buffer.read(4096):
        pass
    os.killpg(os.getpgrp(), signal.SIGKILL)


def adapt(module, name, adapted):
    original = getattr(module, name, None)
    if not callable(original):
        raise SystemExit(f"this emulator has no {module.__name__}.{name}: adapt the launcher")
    setattr(module, name, functools.wraps(original)(functools.partial(adapted, original)))


# The last answer of each custom resource, and those whose Create failed, by stack and logical id.
answers = {}
failed_creates = {}


def deliver_response(original, token, response):
    answers[response.get("StackId"), response.get("LogicalResourceId")] = response
    return original(token, response)


def invoke_custom_resource(
    original, request_type, logical_id, props, stack_name, stack_id, resource_type, **ids
):
    try:
        return original(
            request_type, logical_id, props, stack_name, stack_id, resource_type, **ids
        )
    except RuntimeError:
        answer = answers.get((stack_id, logical_id), {})
        if request_type == "Create" and answer.get("PhysicalResourceId"):
            failed_creates[stack_id, logical_id] = {
                "PhysicalResourceId": answer["PhysicalResourceId"],
                "ResourceType": resource_type,
                "Properties": props,
            }
        raise


async def roll_back(original, stack_name, stack_id, stack, operation, *reason):
    failed = operation.get("failed_logical_id")
    resource = failed_creates.pop((stack_id, failed), None)
    if resource is not None:
        # What the operation created, the rollback deletes, the last first.
        stack.setdefault("_resources", {})[failed] = resource
        operation["created"].append(failed)
    await original(stack_name, stack_id, stack, operation, *reason)


def emit_lambda_logs(original, func, request_id, log_text, *rest, **options):
    config = func.get("config") or func
    with open(f"functions/{config['FunctionName']}.log", "a", encoding="utf-8") as log:
        log.write("".join(f"{line}\n" for line in (log_text or "").splitlines()))
    group = (config.get("LoggingConfig") or {}).get("LogGroup")
    if group is None or group in cloudwatch_logs._log_groups:
        original(func, request_id, log_text, *rest, **options)


threading.Thread(target=follow_the_sandbox, daemon=True).start()

gateway = os.environ["AWS_ENDPOINT_URL"].rstrip("/")
eventbridge._put_events = functools.partial(eventbridge._put_events, allow_aws_source=True)
os.makedirs("functions", exist_ok=True)
adapt(lambda_svc, "_emit_lambda_logs", emit_lambda_logs)
adapt(custom_resource, "_gateway_url", lambda original: gateway)
adapt(custom_resource, "deliver_response", deliver_response)
adapt(custom_resource, "invoke_custom_resource", invoke_custom_resource)
adapt(stacks, "_roll_back_operation", roll_back)

from ministack.app import main  # noqa: E402  (what is changed above is changed first)

main()
