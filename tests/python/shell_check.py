"""Holds every `aws` command that the pages show to AWS's own models: the operation exists, has these
options, and gets all that it needs.

    shell_check.py < commands

A command is a line of JSON: {"at", "words", "is_mention"}.
"""

import json
import sys

from botocore import xform_name
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.waiter import WaiterModel

LOADER = Loader()
# The CLI's own, of every command.
EVERYWHERE = {"region", "profile", "query", "output", "endpoint-url", "cli-input-json", "no-cli-pager"}
# Commands of the CLI that are no operation of a service, with their options.
OWN = {
    ("s3", "cp"): {"recursive", "exclude", "include"},
    ("s3", "sync"): {"exclude", "include", "delete"},
    ("s3", "mb"): set(),
    ("s3", "ls"): {"recursive"},
    ("logs", "tail"): {"since", "follow", "filter-pattern", "format"},
    ("sso", "login"): set(),
}


def options(words):
    return {word[2:].split("=")[0] for word in words if word.startswith("--") and len(word) > 2}


def mistakes(words, is_mention):
    if len(words) < 3:
        return "no operation"
    service, operation, *rest = words[1:]
    given = options(rest) - EVERYWHERE
    if (service, operation) in OWN:
        unknown = given - OWN[service, operation]
        return f"unknown {sorted(unknown)}" if unknown else None
    if service not in LOADER.list_available_services("service-2"):
        # The CLI has a name of its own for it.
        service = {"s3api": "s3"}.get(service)
        if service is None:
            return "no such service"
    if operation == "wait":
        name = rest[0] if rest else ""
        waiters = WaiterModel(LOADER.load_service_model(service, "waiters-2"))
        found = [one for one in waiters.waiter_names if dashed(one) == name]
        if not found:
            return f"no waiter {name}"
        operation = dashed(waiters.get_waiter(found[0]).operation)
    model = ServiceModel(LOADER.load_service_model(service, "service-2"), service)
    found = [one for one in model.operation_names if dashed(one) == operation]
    if not found:
        return f"no operation {operation}"
    shape = model.operation_model(found[0]).input_shape
    members = dict(shape.members) if shape else {}
    known = set()
    for name, member in members.items():
        known.add(dashed(name))
        if member.type_name == "boolean":
            # Its opposite is an option, too.
            no = "no-" + dashed(name)
            given = {dashed(name) if option == no else option for option in given}
    if unknown := given - known:
        return f"unknown {sorted(unknown)}"
    required = {dashed(name) for name in shape.required_members} if shape else set()
    missing = required - given
    if missing and not is_mention and "cli-input-json" not in options(rest):
        return f"missing {sorted(missing)}"
    return None


def dashed(name):
    return xform_name(name, "-")


def main():
    wrong = fitting = 0
    for line in sys.stdin:
        command = json.loads(line)
        if told := mistakes(command["words"], command["is_mention"]):
            print(f"{command['at']}: {' '.join(command['words'])}: {told}", file=sys.stderr)
            wrong += 1
        else:
            fitting += 1
    print(f"{fitting} commands fit")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
