"""Runs an `aws` command without the CLI: its operation, with its options, by AWS's SDK. Prints nothing.

    aws_command.py SERVICE OPERATION [--OPTION VALUE...]...
"""

import sys

import boto3
from botocore import xform_name
from botocore.config import Config


def main():
    service, operation, *words = sys.argv[1:]
    client = boto3.client(service, config=Config(retries={"total_max_attempts": 1}))
    model = client.meta.service_model
    name = next(one for one in model.operation_names if xform_name(one, "-") == operation)
    members = model.operation_model(name).input_shape.members
    values = {}
    for word in words:
        if word.startswith("--"):
            option = word[2:]
            values[option] = []
        else:
            values[option].append(word)
    arguments = {}
    for member, shape in members.items():
        option = xform_name(member, "-")
        given = values.pop(option, None)
        if given is not None:
            arguments[member] = given if shape.type_name == "list" else given[0]
            if shape.type_name == "boolean":
                arguments[member] = True
        elif shape.type_name == "boolean" and values.pop("no-" + option, None) is not None:
            arguments[member] = False
    if values:
        sys.exit(f"unknown: {sorted(values)}")
    getattr(client, xform_name(name))(**arguments)


if __name__ == "__main__":
    main()
