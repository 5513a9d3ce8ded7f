"""Starts the emulator as the sandbox needs it.

AWS's own services publish events whose source begins with `aws.`, and so must the sandbox, which
stands in for some of them. Answers to custom resources go through the gateway, so that it can lose
one; their addresses say when they were signed, as those of S3 do. A custom resource whose Create
answered FAILED gets a Delete when the stack rolls back, with the physical id of that answer, as from
CloudFormation; the emulator alone rolls back without it. A custom resource whose function failed is
invoked twice more, as Lambda does with an asynchronous invocation, only sooner. A custom resource can also be a topic's, of any account that lets the
stack's publish to it; the emulator alone knows functions only. An event bus in another Region is a
target that is reached, as in AWS. What functions log is kept in files, too, as a stack's deletion
takes its log groups with it; and no function makes its log group, as its role does not allow it:
the emulator would make it anew after the stack's deletion. A stack can subscribe a queue to a topic
of another account whose policy lets it, and to no other; and what a resource depends on that could
not be deleted stays with it, so that the deletion can be tried again. Lambda writes logs and reads
queues only as far as the function's
role allows it. Conditions of policies know a session by the ARN of its role. Policies of queues and
topics demand TLS, for which loopback is taken. The gateway asks here whether the caller of a request that it serves itself may do
so: it sends the request along with what would have to be allowed. When the sandbox goes, however it
goes, the pipe on standard input closes, and the emulator goes with all functions that it runs.
"""

import contextvars
import functools
import json
import os
import signal
import sys
import threading
import time
from urllib.parse import parse_qs, unquote

import function_output
import resource_types
import stack_rules
from ministack.core import iam_actions, iam_evaluator, responses, router, sigv4
from ministack.services import cloudformation, cloudwatch_logs, eventbridge, iam, lambda_svc, sns
from ministack.services.cloudformation import custom_resource, provisioners, stacks


def follow_the_sandbox():
    while sys.stdin.buffer.read(4096):
        pass
    os.killpg(os.getpgrp(), signal.SIGKILL)


def original_of(owner, name):
    original = getattr(owner, name, None)
    if not callable(original):
        raise SystemExit(f"this emulator has no {owner.__name__}.{name}: adapt the launcher")
    return original


def adapt(module, name, adapted):
    original = original_of(module, name)
    setattr(module, name, functools.wraps(original)(functools.partial(adapted, original)))


def replace(owner, name, replacement):
    original_of(owner, name)
    setattr(owner, name, replacement)


def response_url(original, token):
    signed_at = time.gmtime(time.time() - requests_late_by)
    return f"{original(token)}?X-Amz-Date={time.strftime('%Y%m%dT%H%M%SZ', signed_at)}"


# The last answer of each custom resource, and those whose Create failed, by stack and logical id.
answers = {}
failed_creates = {}


def deliver_response(original, token, response):
    waiting = custom_resource._pending.get(token)
    if waiting is not None and waiting["result"] is not None:
        # The first answer counts.
        return True
    answers[response.get("StackId"), response.get("LogicalResourceId")] = response
    return original(token, response)


def topic_of(service_token):
    """The topic, if it is where the stack is and may be published to."""
    region = responses.get_region()
    if service_token.split(":")[3:4] != [region]:
        raise ValueError(f"ServiceToken {service_token} is not in the stack's Region {region}")
    topic = sns._topic_by_arn_any_scope(service_token)
    if topic is None:
        raise ValueError(f"ServiceToken {service_token}: the topic does not exist")
    if sns._enforce_topic_policy(topic, "sns:Publish") is not None:
        account = responses.get_account_id()
        raise ValueError(f"ServiceToken {service_token}: account {account} may not publish to it")
    return topic["arn"]


def publish_to_topic(
    request_type,
    logical_id,
    props,
    stack_name,
    stack_id,
    resource_type,
    physical_id=None,
    old_props=None,
):
    topic_arn = topic_of(props["ServiceToken"])
    timeout = int(props.get("ServiceTimeout", 3600))
    written = custom_resource._normalise_resource_properties
    token = responses.new_uuid()
    request = {
        # First what may be logged: the emulator logs how a message begins.
        "RequestType": request_type,
        "RequestId": responses.new_uuid(),
        "StackId": stack_id,
        "ResponseURL": custom_resource._response_url(token),
        "ResourceType": resource_type,
        "LogicalResourceId": logical_id,
        "ResourceProperties": written(props),
    }
    if physical_id is not None:
        request["PhysicalResourceId"] = physical_id
    if old_props is not None:
        request["OldResourceProperties"] = written(old_props)
    answered = custom_resource.register_token(token)
    sns.publish_internal(topic_arn, request)
    answered.wait(timeout)
    with custom_resource._lock:
        answer = custom_resource._pending.pop(token, {}).get("result")
    if answer is None:
        raise TimeoutError(f"{logical_id}: no answer within {timeout} s")
    if answer.get("Status") == "FAILED":
        raise RuntimeError(answer.get("Reason") or "FAILED without a reason")
    physical_id = answer.get("PhysicalResourceId") or physical_id or request["RequestId"]
    return physical_id, answer.get("Data") or {}


def invoke_custom_resource(
    original, request_type, logical_id, props, stack_name, stack_id, resource_type, **ids
):
    service = str(props.get("ServiceToken")).split(":")[2:3]
    invoke = publish_to_topic if service == ["sns"] else original
    try:
        return invoke(request_type, logical_id, props, stack_name, stack_id, resource_type, **ids)
    except RuntimeError:
        answer = answers.get((stack_id, logical_id), {})
        if request_type == "Create" and answer.get("PhysicalResourceId"):
            failed_creates[stack_id, logical_id] = {
                "PhysicalResourceId": answer["PhysicalResourceId"],
                "ResourceType": resource_type,
                "Properties": props,
            }
        raise


def execute_function(original, func, event, *rest, **options):
    result = original(func, event, *rest, **options)
    if not (isinstance(event, dict) and {"RequestType", "ResponseURL"} <= event.keys()):
        return result
    for _ in range(2):
        if not (isinstance(result, dict) and result.get("error")):
            break
        time.sleep(1)
        result = original(func, event, *rest, **options)
    return result


async def roll_back(original, stack_name, stack_id, stack, operation, *reason):
    failed = operation.get("failed_logical_id")
    resource = failed_creates.pop((stack_id, failed), None)
    if resource is not None:
        # What the operation created, the rollback deletes, the last first.
        stack.setdefault("_resources", {})[failed] = resource
        operation["created"].append(failed)
    await original(stack_name, stack_id, stack, operation, *reason)


# What stays, by stack, as something that could not be deleted depends on it.
needed = {}


def delete_resource(original, kind, physical_id, props, stack_name, logical_id, *rest):
    if logical_id in needed.get(stack_name, ()):
        raise RuntimeError("it is needed by a resource that could not be deleted")
    try:
        done = original(kind, physical_id, props, stack_name, logical_id, *rest)
    except Exception:
        stack = cloudformation._stacks.get(stack_name) or {}
        definitions = (stack.get("_template") or {}).get("Resources", {})
        here = set(stack.get("_resources", {}))
        needed[stack_name] = stacks._with_dependencies([logical_id], definitions, here)
        needed[stack_name].discard(logical_id)
        raise
    if kind.startswith("Custom::"):
        needed.pop(stack_name, None)
    return done


def foreign_topic(props):
    """The topic, if it is another account's or Region's and its policy lets the queue subscribe."""
    arn = props.get("TopicArn", "")
    topic = sns._topic_by_arn_any_scope(arn)
    if topic is None or sns._topics.get(arn) is not None:
        return None
    account = responses.get_account_id()
    context = iam_evaluator.EvalContext(
        principal_arn=f"arn:aws:iam::{account}:root",
        principal_type="Root",
        principal_account=account,
        action="sns:Subscribe",
        resource_arn=arn,
        region=responses.get_region(),
        service_context={
            "sns:endpoint": props.get("Endpoint", ""),
            "sns:protocol": props.get("Protocol", ""),
        },
    )
    policy = topic["attributes"].get("Policy")
    is_own = arn.split(":")[4] == account
    if not iam_evaluator.resource_policy_allows(policy, context, is_own):
        raise ValueError(
            f"User: {context.principal_arn} is not authorized to perform: SNS:Subscribe on resource: "
            f"{arn} because no resource-based policy allows the SNS:Subscribe action"
        )
    return topic


def subscribe(original, logical_id, props, stack_name):
    topic = foreign_topic(props)
    made = original(logical_id, props, stack_name)
    arn = props.get("TopicArn", "")
    if topic is not None:
        topic["subscriptions"].append(
            {
                "arn": made[0],
                "topic_arn": arn,
                "protocol": props.get("Protocol", ""),
                "endpoint": props.get("Endpoint", ""),
                "confirmed": True,
                "owner": responses.get_account_id(),
                "attributes": {"RawMessageDelivery": "false"},
            }
        )
        sns._sub_arn_to_topic[made[0]] = arn
    return made


def resubscribe(original, physical_id, old, new, *rest, **options):
    if old.get("TopicArn") != new.get("TopicArn"):
        foreign_topic(new)
    return original(physical_id, old, new, *rest, **options)


def unsubscribe(original, physical_id, props):
    topic = sns._topic_by_arn_any_scope(sns._sub_arn_to_topic.get(physical_id) or "")
    if topic is not None:
        topic["subscriptions"] = [s for s in topic["subscriptions"] if s["arn"] != physical_id]
    return original(physical_id, props)


def adapt_resource(kind, step, adapted):
    handlers = provisioners._RESOURCE_HANDLERS[kind]
    handlers[step] = functools.partial(adapted, handlers[step])


# The source of the events that the request at hand puts on a bus.
event_source = contextvars.ContextVar("event_source", default=None)


def resolve_condition_key(original, key, context):
    if key.lower() == "events:source":
        return event_source.get()
    value = original(key, context)
    # A policy knows a session by its role.
    if key.lower() == "aws:principalarn" and ":assumed-role/" in (value or ""):
        account, name = value.split(":")[4], value.split("/")[1]
        return f"arn:aws:iam::{account}:role/{name}"
    return value


def source_of(body):
    try:
        sources = {entry["Source"] for entry in json.loads(body)["Entries"]}
    except (ValueError, LookupError, TypeError):
        return None
    # Events of two sources meet no condition that names one.
    return sources.pop() if len(sources) == 1 else None


def extract_iam_action(original, *request):
    action = original(*request)
    # A batch needs the permission of its single call.
    is_batch = (action or "").startswith("sqs:")
    return action.removesuffix("Batch") if is_batch else action


def extract_resource_arn(original, service, method, path, headers, body, *place):
    arn = original(service, method, path, headers, body, *place)
    event_source.set(source_of(body) if service == "events" else None)
    if service == "events":
        # A rule of the default bus is named without it.
        return arn.replace(":rule/default/", ":rule/")
    if service == "iam" and ":role/" in arn:
        # A role is named with its path.
        role = iam._roles.get(arn.rsplit("/", 1)[-1])
        return role["Arn"] if role else arn
    return arn


def allows(role_arn, action, resource):
    account = role_arn.split(":")[4]
    context = iam_evaluator.EvalContext(
        principal_arn=role_arn,
        principal_type="AssumedRole",
        principal_account=account,
        action=action,
        resource_arn=resource,
        region="",
    )
    policies = iam_evaluator._gather_role_policies(role_arn.rsplit("/", 1)[-1], account)
    return iam_evaluator.evaluate(context, policies).decision == "Allow"


def emit_lambda_logs(original, func, request_id, log_text, *rest, **options):
    config = func.get("config") or func
    group = (config.get("LoggingConfig") or {}).get("LogGroup")
    # CloudFormation makes a function's name up, and its log group's not.
    name = (group or config["FunctionName"]).rsplit("/", 1)[-1]
    with open(f"functions/{name}.log", "a", encoding="utf-8") as log:
        log.write("".join(f"{line}\n" for line in (log_text or "").splitlines()))
    if group is not None:
        region, account = config["FunctionArn"].split(":")[3:5]
        stream = f"arn:aws:logs:{region}:{account}:log-group:{group}:log-stream:new"
        for action in ("logs:CreateLogStream", "logs:PutLogEvents"):
            if not allows(config["Role"], action, stream):
                print(f"{group} gets no lines: {config['Role']} lacks {action}")
                return
    if group is None or group in cloudwatch_logs._log_groups:
        original(func, request_id, log_text, *rest, **options)


def iter_all_esms(original):
    for account, region, mapping in original():
        queue = mapping.get("EventSourceArn", "")
        if queue.split(":")[2:3] == ["sqs"]:
            functions = lambda_svc._functions.get_scoped(account, region, mapping["FunctionName"])
            role = ((functions or {}).get("config") or {}).get("Role")
            actions = ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes")
            denied = [name for name in actions if role and not allows(role, f"sqs:{name}", queue)]
            if denied:
                mapping["LastProcessingResult"] = (
                    "PROBLEM: The function execution role does not have permissions to call "
                    f"{denied[0]} on SQS"
                )
                continue
        yield account, region, mapping


def judge(headers, query, checks):
    """None where the caller may do all of it, else code, status and message as IAM has them."""
    key = router.extract_access_key_id(headers, query)
    region = router.extract_region(headers, query)
    service = checks["service"]
    if not checks["checks"]:
        denied = iam_evaluator.check_credentials(key, service)
    for check in checks["checks"]:
        denied = iam_evaluator.enforce(
            key,
            check["action"],
            service,
            region,
            resource_arn=check["resource"],
            service_context=check["context"],
        )
        if denied:
            break
    if denied is None:
        return None
    if isinstance(denied, iam_evaluator.AuthError):
        return iam_actions._auth_failure(service, denied.code, denied.message, headers)
    message = iam_actions.identity_denial_message(
        check["action"], denied.principal_arn, check["resource"], denied.decision == "Deny"
    )
    return "AccessDenied", 403, message


async def serve(original, scope, receive, send):
    checks = dict(scope.get("headers") or []).get(b"x-sandbox-authorize")
    if checks is None:
        return await original(scope, receive, send)
    body = b""
    more = True
    while more:
        event = await receive()
        body += event.get("body", b"")
        more = event.get("more_body", False)
    query = parse_qs(scope["query_string"].decode(), keep_blank_values=True)
    headers = {
        name.decode().lower(): sigv4.decode_header_value(value) for name, value in scope["headers"]
    }
    key = router.extract_access_key_id(headers, query)
    responses.set_request_account_id(iam_evaluator.find_iam_access_key_account(key) or key)
    responses.set_request_region(router.extract_region(headers, query))
    iam_evaluator.pin_signed_request(
        scope["method"], scope["raw_path"].decode(), query, scope["headers"]
    )
    iam_evaluator.pin_signed_body(body)
    denied = judge(headers, query, json.loads(unquote(checks.decode())))
    answer = {"account": responses.get_account_id()}
    if denied:
        answer["denied"] = dict(zip(("code", "status", "message"), denied))
    content = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 200, "headers": content})
    await send({"type": "http.response.body", "body": json.dumps(answer).encode()})


def dispatch_to_event_bus(original, spec, *event):
    region = eventbridge.get_region()
    eventbridge.set_request_region(spec.region)
    try:
        original(spec, *event)
    finally:
        eventbridge.set_request_region(region)


class OverTls:
    """Where a request came from, and that it came encrypted."""

    def __init__(self, origin):
        self.set = origin.set
        self.get = lambda: (origin.get()[0], True)


threading.Thread(target=follow_the_sandbox, daemon=True).start()

gateway = os.environ["AWS_ENDPOINT_URL"].rstrip("/")
requests_late_by = int(os.environ["REQUESTS_LATE_BY_SECONDS"])
eventbridge._put_events = functools.partial(eventbridge._put_events, allow_aws_source=True)
os.makedirs("functions", exist_ok=True)
iam_evaluator._request_origin = OverTls(iam_evaluator._request_origin)
adapt(iam_evaluator, "_resolve_condition_key", resolve_condition_key)
adapt(iam_actions, "extract_iam_action", extract_iam_action)
adapt(iam_actions, "extract_resource_arn", extract_resource_arn)
adapt(eventbridge, "_dispatch_to_event_bus", dispatch_to_event_bus)
adapt(lambda_svc, "_execute_function_with_config_scope", execute_function)
adapt(lambda_svc, "_emit_lambda_logs", emit_lambda_logs)
adapt(lambda_svc, "_iter_all_esms", iter_all_esms)
adapt(custom_resource, "_gateway_url", lambda original: gateway)
adapt(custom_resource, "_response_url", response_url)
adapt(custom_resource, "deliver_response", deliver_response)
adapt(custom_resource, "invoke_custom_resource", invoke_custom_resource)
adapt(stacks, "_roll_back_operation", roll_back)
adapt(stacks, "_delete_resource", delete_resource)
adapt_resource("AWS::SNS::Subscription", "create", subscribe)
adapt_resource("AWS::SNS::Subscription", "update", resubscribe)
adapt_resource("AWS::SNS::Subscription", "delete", unsubscribe)
stack_rules.apply(adapt, adapt_resource)
resource_types.apply()
function_output.apply(replace)

from ministack import app  # noqa: E402  (what is changed above is changed first)

adapt(app, "app", serve)
app.main()
