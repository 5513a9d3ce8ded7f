"""What CloudFormation refuses or answers otherwise than the emulator alone.

A condition may look up a mapping, and know its Region. A role whose name is taken is refused, where the
emulator would take it over from the stack that made it, and it takes ten managed policies. A secret's Ref is
its ARN. A change of nothing but what becomes of a resource in the end is no change. A function whose zip is
not where the template says is refused at once. A template's URL may name the bucket in its host, as the
console's links do.
"""

from urllib.parse import urlsplit

from ministack.core.responses import new_uuid
from ministack.services import iam, lambda_svc, s3
from ministack.services.cloudformation import changesets, engine, handlers, helpers, stacks

# What can only be changed along with something else.
# Source: AWS CloudFormation template reference, resource attributes.
ATTRIBUTES = ("CreationPolicy", "DeletionPolicy", "UpdatePolicy", "UpdateReplacePolicy")


# What a condition may ask besides parameters.
PSEUDO = ("AWS::AccountId", "AWS::Partition", "AWS::Region", "AWS::URLSuffix")


def evaluate_conditions(original, template, params):
    mappings = template.get("Mappings", {})

    def resolved(node):
        if isinstance(node, list):
            return [resolved(inner) for inner in node]
        if not isinstance(node, dict):
            return node
        if "Fn::FindInMap" in node or node.get("Ref") in PSEUDO:
            return engine._resolve_refs(node, {}, params, {}, mappings, "", "")
        return {name: resolved(inner) for name, inner in node.items()}

    return original({**template, "Conditions": resolved(template.get("Conditions", {}))}, params)


def create_role(original, logical_id, props, stack_name):
    name = props.get("RoleName")
    if name in iam._roles:
        raise ValueError(f"Role with name {name} already exists.")
    return original(logical_id, props, stack_name)


# As of the quota of IAM that holds unless an account has asked for more.
MANAGED_POLICIES_PER_ROLE = 10


def attach_managed_policy(original, entity, policy_arn):
    attached = entity.get("AttachedPolicies", [])
    is_full = len(attached) >= MANAGED_POLICIES_PER_ROLE and policy_arn not in attached
    if is_full and "RoleName" in entity:
        raise RuntimeError(f"Cannot exceed quota for PoliciesPerRole: {MANAGED_POLICIES_PER_ROLE}")
    original(entity, policy_arn)


def create_secret(original, logical_id, props, stack_name):
    _, attributes = original(logical_id, props, stack_name)
    return attributes["Arn"], attributes


def update_secret(original, arn, old_props, new_props, stack_name, logical_id=None):
    _, attributes = original(name_of(arn), old_props, new_props, stack_name, logical_id)
    return attributes["Arn"], attributes


def delete_secret(original, arn, props):
    return original(name_of(arn), props)


def missing_code(code):
    """What S3 says of a zip that is not there; None if it is."""
    bucket, key, version = (code.get(name) for name in ("S3Bucket", "S3Key", "S3ObjectVersion"))
    if code.get("ZipFile") or not (bucket and key):
        return None
    if s3.bucket_region(bucket) is None:
        return "NoSuchBucket", "The specified bucket does not exist"
    if lambda_svc.s3_code_region_message(bucket):
        # The emulator refuses it itself.
        return None
    if lambda_svc._fetch_code_from_s3(bucket, key) is None:
        return "NoSuchKey", "The specified key does not exist."
    if version and lambda_svc._fetch_code_from_s3(bucket, key, version_id=version) is None:
        return "NoSuchVersion", "The specified version does not exist."
    return None


def demand_code(props):
    missing = missing_code(props.get("Code") or {})
    if missing:
        code, message = missing
        raise ValueError(
            f'Resource handler returned message: "Error occurred while GetObject. S3 Error Code: {code}. '
            f"S3 Error Message: {message} (Service: Lambda, Status Code: 400, Request ID: {new_uuid()})\" "
            f"(RequestToken: {new_uuid()}, HandlerErrorCode: InvalidRequest)"
        )


def create_function(original, logical_id, props, stack_name):
    demand_code(props)
    return original(logical_id, props, stack_name)


def update_function(original, physical_id, old_props, new_props, *rest, **options):
    if new_props.get("Code") != old_props.get("Code"):
        demand_code(new_props)
    return original(physical_id, old_props, new_props, *rest, **options)


def resolve_document(original, params, body_key, url_key, label):
    url = urlsplit(helpers._p(params, url_key))
    bucket, is_virtual, _ = (url.hostname or "").partition(".s3.")
    if is_virtual:
        params = {**params, url_key: [f"https://s3.amazonaws.com/{bucket}{url.path}"]}
    return original(params, body_key, url_key, label)


def name_of(arn):
    """The secret's name: its ARN ends in a dash and six characters more."""
    return arn.split(":")[6][:-7]


def has_no_updates(original, stack, template, *rest, **options):
    current = {**stack, "_template": without_attributes(stack.get("_template", {}))}
    return original(current, without_attributes(template), *rest, **options)


def without_attributes(template):
    resources = template.get("Resources", {})
    kept = {
        name: {key: value for key, value in resource.items() if key not in ATTRIBUTES}
        for name, resource in resources.items()
    }
    return {**template, "Resources": kept}


def apply(adapt, adapt_resource):
    for module in (engine, handlers, stacks, changesets):
        adapt(module, "_evaluate_conditions", evaluate_conditions)
    adapt(handlers, "_stack_has_no_updates", has_no_updates)
    adapt(helpers, "_resolve_document", resolve_document)
    adapt(iam, "attach_managed_policy", attach_managed_policy)
    adapt_resource("AWS::Lambda::Function", "create", create_function)
    adapt_resource("AWS::Lambda::Function", "update", update_function)
    adapt_resource("AWS::IAM::Role", "create", create_role)
    adapt_resource("AWS::SecretsManager::Secret", "create", create_secret)
    adapt_resource("AWS::SecretsManager::Secret", "update", update_secret)
    adapt_resource("AWS::SecretsManager::Secret", "delete", delete_secret)
