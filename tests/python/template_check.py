"""Checkov and parliament over the templates given, against the findings that are meant.

Prints what is found and not in `template_findings.yml` beside this file, and what is there and was not
found: then it exits with 1. Nothing is asked over the network.
"""

import json
import sys
from pathlib import Path

import parliament
import yaml
from checkov.cloudformation.runner import Runner
from checkov.runner_filter import RunnerFilter

MEANT = Path(__file__).with_name("template_findings.yml")
ACCOUNT = "123456789012"
REGION = "us-east-1"
PSEUDO = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::StackId": f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/stack/11112222-3333-4444-5555-666677778888",
    "AWS::StackName": "stack",
    "AWS::URLSuffix": "amazonaws.com",
}
# What a reference to a resource of ours, or to a parameter, stands for in a policy.
ARNS = {
    "AWS::DynamoDB::Table": "dynamodb:{region}:{account}:table/{name}",
    "AWS::IAM::ManagedPolicy": "iam::{account}:policy/{name}",
    "AWS::IAM::Role": "iam::{account}:role/{name}",
    "AWS::Lambda::Function": "lambda:{region}:{account}:function:{name}",
    "AWS::Logs::LogGroup": "logs:{region}:{account}:log-group:{name}:*",
    "AWS::SNS::Topic": "sns:{region}:{account}:{name}",
    "AWS::SQS::Queue": "sqs:{region}:{account}:{name}",
    "AWS::SecretsManager::Secret": "secretsmanager:{region}:{account}:secret:{name}-abcdef",
    "KmsKeyArn": "kms:{region}:{account}:key/{name}",
    "QueueArn": "sqs:{region}:{account}:{name}",
    "TrailKeyArn": "kms:{region}:{account}:key/{name}",
    "TrailTopicArn": "sns:{region}:{account}:{name}",
}
REGIONS = ("HomeRegion",)


class Loader(yaml.SafeLoader):
    """Reads the short forms of CloudFormation's functions, as in `!Sub`."""


def function(loader, tag, node):
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    if tag == "GetAtt":
        value = value.split(".", 1)
    return {tag if tag in ("Ref", "Condition") else f"Fn::{tag}": value}


Loader.add_multi_constructor("!", function)


class Template:
    def __init__(self, path):
        self.name = path.name
        self.body = yaml.load(path.read_text(encoding="utf-8"), Loader)

    def referred(self, name):
        if name in PSEUDO:
            return PSEUDO[name]
        if name.endswith("RoleArn"):
            return f"arn:aws:iam::{ACCOUNT}:role/{name}"
        kind = self.body["Resources"].get(name, {}).get("Type", name)
        if kind not in ARNS:
            return REGION if name in REGIONS else "x"
        return "arn:aws:" + ARNS[kind].format(region=REGION, account=ACCOUNT, name=name)

    def rendered(self, value):
        """The value as IAM gets it, with all branches of a choice in a list."""
        if isinstance(value, list):
            items = [self.rendered(item) for item in value]
            return [part for item in items for part in (item if isinstance(item, list) else [item])]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            (name, argument) = next(iter(value.items()))
            if name == "Ref":
                return [] if argument == "AWS::NoValue" else self.referred(argument)
            if name == "Fn::GetAtt":
                return self.referred(argument[0])
            if name == "Fn::If":
                return self.rendered(argument[1:])
            if name == "Fn::Select":
                return self.rendered(argument[1])[argument[0]]
            if name == "Fn::Split":
                return self.rendered(argument[1]).split(argument[0])
            if name == "Fn::Sub":
                text, own = argument if isinstance(argument, list) else (argument, {})
                while "${" in text:
                    before, rest = text.split("${", 1)
                    name, after = rest.split("}", 1)
                    filled = self.rendered(own[name]) if name in own else self.referred(name)
                    text = before + filled + after
                return text
        return {key: self.rendered(item) for key, item in value.items()}

    def identity_policies(self):
        """Every policy that gives permissions, by the logical id of what holds it."""
        for resource, definition in self.body["Resources"].items():
            properties = definition.get("Properties", {})
            kind = definition["Type"]
            if kind in ("AWS::IAM::ManagedPolicy", "AWS::IAM::Policy"):
                yield resource, self.rendered(properties["PolicyDocument"])
            elif kind == "AWS::IAM::Role":
                for policy in self.rendered(properties.get("Policies", [])):
                    yield resource, policy["PolicyDocument"]


def of_checkov(paths):
    files = [str(path.resolve()) for path in paths]
    report = Runner().run(
        root_folder=None, files=files, runner_filter=RunnerFilter(framework=["cloudformation"])
    )
    if report.parsing_errors or not report.passed_checks:
        sys.exit(f"checkov read nothing: {report.parsing_errors}")
    for check in report.failed_checks:
        template = Path(check.file_path).name
        yield "checkov", check.check_id, template, check.resource.rsplit(".", 1)[-1]


def of_parliament(templates):
    for template in templates:
        for resource, document in template.identity_policies():
            for finding in parliament.analyze_policy_string(json.dumps(document)).findings:
                yield "parliament", finding.issue, template.name, resource


def meant_in(place, templates):
    """The template and the resource, or each main template that has the resource."""
    template, resource = place.split(" ")
    if template != "main":
        return [(template, resource)]
    resources = {template.name: template.body["Resources"] for template in templates}
    return [(name, resource) for name, own in resources.items() if "Setup" in own and resource in own]


def main(paths):
    templates = [Template(path) for path in paths]
    found = set(of_checkov(paths)) | set(of_parliament(templates))
    meant = set()
    for entry in yaml.safe_load(MEANT.read_text(encoding="utf-8")):
        if not entry["reason"].strip():
            sys.exit(f"{entry['check']} is meant without a reason")
        for place in entry["in"]:
            for found_in in meant_in(place, templates):
                meant.add((entry["tool"], entry["check"], *found_in))
    for finding in sorted(found - meant):
        print("found:", *finding)
    for finding in sorted(meant - found):
        print("no longer found:", *finding)
    sys.exit(1 if found != meant else 0)


main([Path(argument) for argument in sys.argv[1:]])
