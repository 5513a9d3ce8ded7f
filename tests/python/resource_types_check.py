"""Holds the sandbox's own CloudFormation types to the schemas that CloudFormation publishes.

    resource_types_check.py RESOURCE_TYPES.JSON
"""

import json
import sys
from pathlib import Path

from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER


def published(kind):
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema
    names = lambda field: sorted(path.removeprefix("/properties/") for path in schema.get(field) or [])
    (identifier,) = names("primaryIdentifier")
    return {
        "properties": {name: each["type"] for name, each in sorted(schema["properties"].items())},
        "required": sorted(schema.get("required") or []),
        "createOnly": names("createOnlyProperties"),
        "readOnly": names("readOnlyProperties"),
        "identifier": identifier,
    }


declared = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
for kind, type_ in declared.items():
    if type_ != published(kind):
        print(f"{kind} is declared as {type_} and published as {published(kind)}")
if not declared:
    print("no type is declared")
