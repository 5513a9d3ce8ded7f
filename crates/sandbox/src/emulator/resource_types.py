"""CloudFormation types that the emulator lacks.

What a type takes and returns stands in `resource_types.json`, as in the schema that CloudFormation
publishes. The resource itself is the service's where the emulator has it. A type here is made of three
functions: `create(properties)` and `update(identifier, properties)` return the attributes, and
`delete(identifier)` takes one that is gone for deleted.
"""

import functools
import json
import re
import uuid
from pathlib import Path

from ministack.services import iam
from ministack.services.cloudformation import provisioners

DECLARED = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))
KINDS = {"array": list, "object": dict, "string": str}


def call(operation, form):
    """A call of a service with the query protocol: the answer's text, or its error."""
    status, _, body = operation({name: [value] for name, value in form.items()})
    text = body.decode() if isinstance(body, bytes) else body
    if status < 300:
        return text
    found = re.search("<Code>(.*?)</Code>.*<Message>(.*?)</Message>", text, re.DOTALL)
    code, message = found.groups() if found else ("", text)
    raise LookupError(message) if code == "NoSuchEntity" else ValueError(message)


def numbered(name, values):
    return {f"{name}.member.{number}": value for number, value in enumerate(values, 1)}


def create_oidc_provider(properties):
    tags = enumerate(properties.get("Tags", []), 1)
    form = {
        "Url": properties.get("Url", ""),
        **numbered("ClientIDList", properties.get("ClientIdList", [])),
        **numbered("ThumbprintList", properties.get("ThumbprintList", [])),
        **{f"Tags.member.{number}.{key}": tag[key] for number, tag in tags for key in ("Key", "Value")},
    }
    answer = call(iam._create_oidc_provider, form)
    return {"Arn": re.search("<OpenIDConnectProviderArn>(.*?)<", answer).group(1)}


def update_oidc_provider(arn, properties):
    provider = iam._oidc_providers.get(arn)
    if provider is None:
        raise ValueError(f"OIDC provider {arn} not found.")
    provider["ClientIDList"] = list(properties.get("ClientIdList", []))
    provider["ThumbprintList"] = list(properties.get("ThumbprintList", []))
    provider["Tags"] = list(properties.get("Tags", []))
    return {"Arn": arn}


def delete_oidc_provider(arn):
    call(iam._delete_oidc_provider, {"OpenIDConnectProviderArn": arn})


def create_query_definition(properties):
    # Nothing runs a saved query here.
    return {"QueryDefinitionId": str(uuid.uuid5(uuid.NAMESPACE_OID, properties["Name"]))}


def update_query_definition(identifier, properties):
    return {"QueryDefinitionId": identifier}


def delete_query_definition(identifier):
    pass


TYPES = {
    "AWS::IAM::OIDCProvider": (create_oidc_provider, update_oidc_provider, delete_oidc_provider),
    "AWS::Logs::QueryDefinition": (
        create_query_definition,
        update_query_definition,
        delete_query_definition,
    ),
}


def check(kind, properties):
    """As CloudFormation, which takes no property that the schema lacks."""
    declared = DECLARED[kind]
    given = set(declared["properties"]) - set(declared["readOnly"])
    for name in sorted(set(properties) - given):
        raise ValueError(f"Properties validation failed: extraneous key [{name}] is not permitted")
    for name in declared["required"]:
        if name not in properties:
            raise ValueError(f"Properties validation failed: required key [{name}] not found")
    for name, value in properties.items():
        wanted = declared["properties"][name]
        if not isinstance(value, KINDS[wanted]):
            raise ValueError(f"Properties validation failed: #/{name}: expected type: {wanted}")


def create(kind, logical_id, properties, stack_name):
    check(kind, properties)
    attributes = TYPES[kind][0](properties)
    return attributes[DECLARED[kind]["identifier"]], attributes


def update(kind, identifier, old, new, stack_name):
    check(kind, new)
    if any(old.get(name) != new.get(name) for name in DECLARED[kind]["createOnly"]):
        made = create(kind, None, new, stack_name)
        delete(kind, identifier, old)
        return made
    return identifier, TYPES[kind][1](identifier, new)


def delete(kind, identifier, properties):
    try:
        TYPES[kind][2](identifier)
    except LookupError:
        pass


def apply():
    for kind in DECLARED:
        if kind in provisioners._RESOURCE_HANDLERS:
            raise SystemExit(f"this emulator has {kind}: take it out of resource_types.json")
        steps = {"create": create, "update": update, "delete": delete}
        handlers = {step: functools.partial(carry_out, kind) for step, carry_out in steps.items()}
        provisioners._RESOURCE_HANDLERS[kind] = handlers
