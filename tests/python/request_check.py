"""Holds every request to AWS's own model of the service: no unknown field, no missing required one,
no unknown word, and every length, number and pattern as the model bounds it.

    request_check.py < requests

A request is a line of JSON: {"service", "operation", "method", "path", "body"}, the body in base64.
"""

import base64
import json
import re
import sys
import urllib.parse
from functools import cache
from xml.etree import ElementTree

from botocore.loaders import Loader
from botocore.model import ServiceModel

LOADER = Loader()


@cache
def model(service):
    return ServiceModel(LOADER.load_service_model(service, "service-2"), service)


class Wrong(Exception):
    pass


def fits(shape, value, where):
    kind = shape.type_name
    if kind == "structure":
        of_kind(value, dict, where)
        unknown = set(value) - set(shape.members)
        demand(not unknown, f"{where}: unknown {sorted(unknown)}")
        missing = set(shape.required_members) - set(value)
        demand(not missing, f"{where}: missing {sorted(missing)}")
        for name, inner in value.items():
            fits(shape.members[name], inner, f"{where}.{name}")
    elif kind == "list":
        of_kind(value, list, where)
        bounded(shape, len(value), where)
        for inner in value:
            fits(shape.member, inner, f"{where}[]")
    elif kind == "map":
        of_kind(value, dict, where)
        bounded(shape, len(value), where)
        for name, inner in value.items():
            fits(shape.key, name, f"{where} key")
            fits(shape.value, inner, f"{where}{{}}")
    elif kind == "string":
        of_kind(value, str, where)
        bounded(shape, len(value), where)
        demand(not shape.enum or value in shape.enum, f"{where}: a word that is none of {shape.enum}")
        pattern = shape.metadata.get("pattern")
        if pattern and (compiled := regex(pattern)):
            demand(compiled.search(value), f"{where}: not as {pattern}")
    elif kind in ("integer", "long", "float", "double"):
        bounded(shape, float(value), where)
    elif kind == "boolean":
        demand(value in (True, False, "true", "false"), f"{where}: no boolean")
    elif kind == "blob":
        size = len(value) if isinstance(value, bytes) else len(base64.b64decode(value))
        bounded(shape, size, where)


@cache
def regex(pattern):
    """None where the pattern is in words that only Java knows."""
    try:
        return re.compile(pattern)
    except re.error:
        return None


def demand(holds, text):
    if not holds:
        raise Wrong(text)


def of_kind(value, kind, where):
    demand(isinstance(value, kind), f"{where}: {type(value).__name__} and not {kind.__name__}")


def bounded(shape, size, where):
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    demand(least is None or size >= least, f"{where}: {size} is less than {least}")
    demand(most is None or size <= most, f"{where}: {size} is more than {most}")


def from_form(shape, form, at):
    """The value under this name of a form in AWS's query protocol; None where there is none."""
    kind = shape.type_name
    below = {name: value for name, value in form.items() if name.startswith(f"{at}." if at else "")}
    if kind == "structure":
        members = {
            name: from_form(inner, form, ".".join(filter(None, [at, wire_name(inner, name)])))
            for name, inner in shape.members.items()
        }
        found = {name: value for name, value in members.items() if value is not None}
        return found if found or not at else None
    if kind == "list":
        inside = at if shape.serialization.get("flattened") else f"{at}.{wire_name(shape.member, 'member')}"
        numbers = sorted({int(name[len(inside) + 1 :].split(".")[0]) for name in below})
        found = [from_form(shape.member, form, f"{inside}.{number}") for number in numbers]
        return found or ([] if at in form else None)
    if kind == "map":
        inside = at if shape.serialization.get("flattened") else f"{at}.entry"
        numbers = sorted({int(name[len(inside) + 1 :].split(".")[0]) for name in below})
        found = {
            form[f"{inside}.{number}.{wire_name(shape.key, 'key')}"]: from_form(
                shape.value, form, f"{inside}.{number}.{wire_name(shape.value, 'value')}"
            )
            for number in numbers
        }
        return found or None
    return form.get(at)


def wire_name(shape, name):
    return shape.serialization.get("name", name)


def consumed(shape, value, at):
    """Every name of the form that a value was read from."""
    kind = shape.type_name
    if kind == "structure":
        for name, inner in value.items():
            member = shape.members[name]
            yield from consumed(member, inner, ".".join(filter(None, [at, wire_name(member, name)])))
    elif kind == "list":
        inside = at if shape.serialization.get("flattened") else f"{at}.{wire_name(shape.member, 'member')}"
        yield at
        for number, inner in enumerate(value, 1):
            yield from consumed(shape.member, inner, f"{inside}.{number}")
    elif kind == "map":
        inside = at if shape.serialization.get("flattened") else f"{at}.entry"
        for number, inner in enumerate(value.values(), 1):
            yield f"{inside}.{number}.{wire_name(shape.key, 'key')}"
            yield from consumed(shape.value, inner, f"{inside}.{number}.{wire_name(shape.value, 'value')}")
    else:
        yield at


def query(service, request):
    form = dict(urllib.parse.parse_qsl(request["body"].decode(), keep_blank_values=True))
    operation = service.operation_model(form.pop("Action"))
    demand(form.pop("Version") == service.api_version, "another version of the API")
    shape = operation.input_shape
    value = from_form(shape, form, "")
    unknown = set(form) - set(consumed(shape, value, ""))
    demand(not unknown, f"unknown {sorted(unknown)}")
    return operation, value


def from_xml(shape, element):
    """The value of an element; S3's lists have no element of their own."""
    if shape.type_name != "structure":
        return element.text or ""
    by_name = {wire_name(member, name): name for name, member in shape.members.items()}
    value = {}
    for child in element:
        wire = child.tag.rpartition("}")[2]
        demand(wire in by_name, f"{shape.name}: unknown {wire}")
        name = by_name[wire]
        member = shape.members[name]
        if member.type_name == "list":
            value.setdefault(name, []).append(from_xml(member.member, child))
        else:
            value[name] = from_xml(member, child)
    return value


def demands_a_header(operation):
    shape = operation.input_shape
    members = [shape.members[name] for name in shape.required_members] if shape else []
    return any(member.serialization.get("location") == "header" for member in members)


def rest(service, request):
    path, _, text = request["path"].partition("?")
    asked = dict(urllib.parse.parse_qsl(text, keep_blank_values=True))
    fixed = lambda operation: operation.http["requestUri"].partition("?")[2]
    operations = (service.operation_model(name) for name in service.operation_names)
    # Headers are not recorded: an operation that demands one is not ours, such as S3's CopyObject.
    operations = (
        operation for operation in operations if not operation.deprecated and not demands_a_header(operation)
    )
    # One that a part of the query names is told from the one of the same path without it.
    for operation in sorted(operations, key=lambda operation: not fixed(operation)):
        template = operation.http["requestUri"].partition("?")[0].rstrip("/")
        parts = [
            f"(?P<{name}>{'.+' if greedy else '[^/]+'})" if name else re.escape(literal)
            for name, greedy, literal in re.findall(r"\{(\w+)(\+?)\}|([^{}]+)", template)
        ]
        match = re.fullmatch("".join(parts), path.rstrip("/"))
        named = dict(urllib.parse.parse_qsl(fixed(operation), keep_blank_values=True))
        if operation.http["method"] == request["method"] and match and named.items() <= asked.items():
            break
    else:
        raise Wrong("no such operation")
    shape = operation.input_shape
    if shape is None:
        return operation, {}
    payload = shape.serialization.get("payload")
    by_location = {
        wire_name(member, name): name for name, member in shape.members.items() if "location" in member.serialization
    }
    found = {**match.groupdict(), **{name: inner for name, inner in asked.items() if name not in named}}
    value = {by_location[name]: urllib.parse.unquote(inner) for name, inner in found.items()}
    if payload and shape.members[payload].type_name == "structure":
        value[payload] = from_xml(shape.members[payload], ElementTree.fromstring(request["body"]))
    elif payload:
        value[payload] = request["body"]
    else:
        value.update(json.loads(request["body"] or b"{}"))
    return operation, value


def main():
    checked, wrong = set(), []
    for line in sys.stdin:
        request = json.loads(line)
        request["body"] = base64.b64decode(request["body"])
        name = f"{request['service']}:{request['operation']}"
        service = model(request["service"])
        try:
            if service.protocol == "query":
                operation, value = query(service, request)
            elif service.protocol == "json":
                operation = service.operation_model(request["operation"])
                value = json.loads(request["body"] or b"{}")
            else:
                operation, value = rest(service, request)
            if operation.input_shape is not None:
                fits(operation.input_shape, value, operation.name)
        except Wrong as error:
            wrong.append(f"{name}: {error}")
        checked.add(name)
    if wrong:
        sys.exit("\n".join(sorted(set(wrong))))
    print(f"{len(checked)} operations fit: {' '.join(sorted(checked))}")


main()
