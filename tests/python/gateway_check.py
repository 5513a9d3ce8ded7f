"""Calls every operation that the gateway serves itself, with AWS's own SDK, and holds each answer
to the SDK's model of the service: no unknown field, no missing required one, no unknown word.

    gateway_check.py ENDPOINT MANAGEMENT_ACCOUNT MEMBER_ACCOUNT SUSPENDED_ACCOUNT

The landing zone is in us-east-1, the two accounts have the execution role, and more than 20
accounts are in the organization.
"""

import json
import sys
import time
import uuid
import xml.etree.ElementTree as ElementTree

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

ENDPOINT, MANAGEMENT, MEMBER, SUSPENDED = sys.argv[1:]
REGION = "us-east-1"
CHECKED = set()

# What the gateway answers itself. The rest is the emulator's, and not judged here.
SERVED = {
    "GetLandingZone", "ListLandingZones", "ListBaselines", "GetBaseline", "ListEnabledBaselines",
    "GetEnabledBaseline", "ListEnabledControls",
    "ListAccounts", "DescribeAccount", "ListAccountsForParent", "ListOrganizationalUnitsForParent",
    "CreateStackSet", "DescribeStackSet", "UpdateStackSet", "DeleteStackSet", "ListStackSets",
    "CreateStackInstances", "UpdateStackInstances", "DeleteStackInstances", "ListStackInstances",
    "DescribeStackInstance", "DescribeStackSetOperation", "ListStackSetOperations",
    "ListStackSetOperationResults", "StopStackSetOperation",
    "GetTrail", "DescribeTrails",
}  # fmt: skip

TEMPLATE = """
AWSTemplateFormatVersion: "2010-09-09"
Parameters:
  Prefix: {Type: String}
  Note: {Type: String, Default: ""}
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      RoleName: !Sub "${Prefix}-role"
      Description: !Ref Note
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement: [{Effect: Allow, Principal: {AWS: !Ref "AWS::AccountId"}, Action: "sts:AssumeRole"}]
Outputs:
  RoleArn: {Value: !GetAtt Role.Arn}
"""


def client(service, account=MANAGEMENT, region=REGION):
    made = boto3.client(
        service,
        endpoint_url=ENDPOINT,
        region_name=region,
        aws_access_key_id=account,
        aws_secret_access_key="any",
        config=Config(retries={"total_max_attempts": 1}),
    )
    made.meta.events.register("before-parse", judge)
    return made


def judge(operation_model, response_dict, **_):
    """Holds the bytes of an answer to the model, before the lenient parser sees them."""
    name = operation_model.name
    if response_dict["status_code"] >= 300 or name not in SERVED:
        return
    body = response_dict["body"]
    if operation_model.metadata["protocol"] == "query":
        root = ElementTree.fromstring(body)
        for element in root.iter():
            element.tag = element.tag.rpartition("}")[2]
        assert root.tag == f"{name}Response", root.tag
        assert {child.tag for child in root} == {f"{name}Result", "ResponseMetadata"}
        fits_xml(operation_model.output_shape, root.find(f"{name}Result"), name)
    else:
        fits_json(operation_model.output_shape, json.loads(body or b"{}"), name)
    CHECKED.add(name)


def fits_word(shape, value, where):
    allowed = getattr(shape, "enum", None)
    assert not allowed or value in allowed, f"{where}: {value!r} is none of {allowed}"


def fits_json(shape, value, where):
    kind = shape.type_name
    if kind == "structure" and not getattr(shape, "is_document_type", False):
        assert isinstance(value, dict), where
        unknown = set(value) - set(shape.members)
        assert not unknown, f"{where}: unknown {unknown}"
        missing = set(shape.required_members) - set(value)
        assert not missing, f"{where}: missing {missing}"
        for name, inner in value.items():
            fits_json(shape.members[name], inner, f"{where}.{name}")
    elif kind == "list":
        assert isinstance(value, list), where
        for inner in value:
            fits_json(shape.member, inner, f"{where}[]")
    elif kind == "string":
        assert isinstance(value, str), where
        fits_word(shape, value, where)
    elif kind in ("integer", "long"):
        assert isinstance(value, int), where
    elif kind == "boolean":
        assert isinstance(value, bool), where


def fits_xml(shape, element, where):
    kind = shape.type_name
    if kind == "structure":
        unknown = {child.tag for child in element} - set(shape.members)
        assert not unknown, f"{where}: unknown {unknown}"
        missing = set(shape.required_members) - {child.tag for child in element}
        assert not missing, f"{where}: missing {missing}"
        assert not (element.text or "").strip(), where
        for child in element:
            fits_xml(shape.members[child.tag], child, f"{where}.{child.tag}")
    elif kind == "list":
        for child in element:
            assert child.tag == "member", f"{where}: {child.tag}"
            fits_xml(shape.member, child, f"{where}[]")
    elif kind == "string":
        fits_word(shape, element.text or "", where)
    elif kind in ("integer", "long"):
        int(element.text)
    elif kind == "boolean":
        assert element.text in ("true", "false"), where


def refused(code, call, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        assert error.response["Error"]["Code"] == code, error
        # The SDK knows the error, so that callers can catch it by its class.
        shapes = {shape.error_code for shape in call.__self__.meta.service_model.error_shapes}
        assert code in shapes or code in ("ValidationError",), f"{code} is not in the model"
        return error
    raise AssertionError(f"{call} was not refused with {code}")


def ended(cloudformation, name, operation):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        state = cloudformation.describe_stack_set_operation(
            StackSetName=name, OperationId=operation
        )["StackSetOperation"]
        if state["Status"] in ("SUCCEEDED", "FAILED", "STOPPED"):
            return state
        time.sleep(0.05)
    raise AssertionError(f"{operation} did not end: {state}")


def control_tower():
    home = client("controltower")
    zones = home.list_landing_zones()["landingZones"]
    assert len(zones) == 1, zones
    zone = home.get_landing_zone(landingZoneIdentifier=zones[0]["arn"])["landingZone"]
    assert zone["manifest"]["centralizedLogging"]["accountId"], zone
    elsewhere = client("controltower", region="eu-west-1")
    assert elsewhere.list_landing_zones()["landingZones"] == zones
    refused(
        "ResourceNotFoundException",
        elsewhere.get_landing_zone,
        landingZoneIdentifier=zones[0]["arn"],
    )
    refused(
        "AccessDeniedException",
        client("controltower", account=MEMBER).get_landing_zone,
        landingZoneIdentifier=zones[0]["arn"],
    )

    baselines = {one["name"]: one["arn"] for one in home.list_baselines()["baselines"]}
    arn = baselines["AWSControlTowerBaseline"]
    assert home.get_baseline(baselineIdentifier=arn)["name"] == "AWSControlTowerBaseline"

    parents = home.list_enabled_baselines()["enabledBaselines"]
    assert parents and all("parentIdentifier" not in one for one in parents), parents
    pages = list(
        home.get_paginator("list_enabled_baselines").paginate(
            includeChildren=True,
            filter={"baselineIdentifiers": [arn]},
            PaginationConfig={"PageSize": 5},
        )
    )
    assert len(pages) > 1, "one page only"
    children = [one for page in pages for one in page["enabledBaselines"]]
    assert len({one["arn"] for one in children}) == len(children)
    of_member = [one for one in children if one["targetIdentifier"].endswith("/" + MEMBER)]
    assert len(of_member) == 1 and of_member[0]["parentIdentifier"], of_member
    detail = home.get_enabled_baseline(enabledBaselineIdentifier=of_member[0]["arn"])
    assert detail["enabledBaselineDetails"]["targetIdentifier"] == of_member[0]["targetIdentifier"]
    assert home.list_enabled_controls()["enabledControls"] == []


def organizations():
    api = client("organizations")
    pages = list(api.get_paginator("list_accounts").paginate())
    assert [len(page["Accounts"]) for page in pages][0] == 20, "pages are of 20"
    accounts = {one["Id"]: one for page in pages for one in page["Accounts"]}
    assert accounts[MEMBER]["State"] == "ACTIVE"
    assert accounts[SUSPENDED]["State"] == "CLOSED"
    assert all("Status" not in one for one in accounts.values())
    [parent] = api.list_parents(ChildId=MEMBER)["Parents"]
    [path] = accounts[MEMBER]["Paths"]
    assert path.startswith("o-") and path.endswith(f"/{parent['Id']}/{MEMBER}/"), path
    assert api.describe_account(AccountId=MEMBER)["Account"] == accounts[MEMBER]
    refused("AccountNotFoundException", api.describe_account, AccountId="999999999999")
    [root] = api.list_roots()["Roots"]
    units = api.list_organizational_units_for_parent(ParentId=root["Id"])["OrganizationalUnits"]
    assert parent["Id"] in {unit["Id"] for unit in units}
    below = api.list_accounts_for_parent(ParentId=parent["Id"])["Accounts"]
    assert MEMBER in {one["Id"] for one in below}
    refused("InvalidInputException", api.list_accounts, NextToken="no such token")


def active_stack_sets(api):
    listed = api.list_stack_sets(Status="ACTIVE")["Summaries"]
    return sorted(one["StackSetName"] for one in listed)


def stack_sets():
    api = client("cloudformation")
    control_towers = active_stack_sets(api)
    assert control_towers and all(one.startswith("AWSControlTower") for one in control_towers)
    name = "Towerhook-Check"
    definition = {
        "StackSetName": name,
        "Description": "A check & nothing <else>",
        "TemplateBody": TEMPLATE,
        "Parameters": [{"ParameterKey": "Prefix", "ParameterValue": "check"}],
        "Capabilities": ["CAPABILITY_NAMED_IAM"],
        "Tags": [{"Key": "made-by", "Value": "check"}],
        "AdministrationRoleARN": f"arn:aws:iam::{MANAGEMENT}:role/service-role/AWSControlTowerStackSetRole",
        "ExecutionRoleName": "AWSControlTowerExecution",
        "ManagedExecution": {"Active": True},
        "ClientRequestToken": "token-1",
    }
    refused("StackSetNotFoundException", api.describe_stack_set, StackSetName=name)
    made = api.create_stack_set(**definition)["StackSetId"]
    assert api.create_stack_set(**definition)["StackSetId"] == made, "same token, same StackSet"
    refused(
        "NameAlreadyExistsException",
        api.create_stack_set,
        **definition | {"ClientRequestToken": "token-2"},
    )
    refused(
        "InsufficientCapabilitiesException",
        api.create_stack_set,
        **definition | {"StackSetName": "Other", "Capabilities": []},
    )
    refused(
        "ValidationError",
        api.create_stack_set,
        **definition | {"StackSetName": "Other", "Parameters": []},
    )
    described = api.describe_stack_set(StackSetName=name)["StackSet"]
    assert described["TemplateBody"] == TEMPLATE
    assert described["Description"] == definition["Description"]
    assert described["Tags"] == definition["Tags"]
    assert described["StackSetARN"].endswith(f":stackset/{made}")
    assert described["ManagedExecution"] == {"Active": True}
    assert active_stack_sets(api) == sorted([*control_towers, name])

    tolerant = {"FailureToleranceCount": 999, "MaxConcurrentCount": 100}
    first = str(uuid.uuid4())
    target = {"StackSetName": name, "Accounts": [MEMBER, SUSPENDED], "Regions": [REGION]}
    api.create_stack_instances(**target, OperationId=first, OperationPreferences=tolerant)
    refused(
        "OperationIdAlreadyExistsException",
        api.create_stack_instances,
        **target,
        OperationId=first,
    )
    state = ended(api, name, first)
    assert state["Status"] == "SUCCEEDED", state
    assert state["OperationPreferences"]["FailureToleranceCount"] == 999
    assert state["EndTimestamp"] >= state["CreationTimestamp"]
    assert state["StatusDetails"]["FailedStackInstancesCount"] == 0
    results = {
        one["Account"]: one["Status"]
        for one in api.list_stack_set_operation_results(StackSetName=name, OperationId=first)["Summaries"]
    }
    assert results == {MEMBER: "SUCCEEDED", SUSPENDED: "CANCELLED"}, results
    succeeded = api.list_stack_set_operation_results(
        StackSetName=name,
        OperationId=first,
        Filters=[{"Name": "OPERATION_RESULT_STATUS", "Values": "SUCCEEDED"}],
    )["Summaries"]
    assert [one["Account"] for one in succeeded] == [MEMBER]
    skipped = api.list_stack_instances(
        StackSetName=name,
        Filters=[{"Name": "DETAILED_STATUS", "Values": "SKIPPED_SUSPENDED_ACCOUNT"}],
    )["Summaries"]
    assert [one["Account"] for one in skipped] == [SUSPENDED]
    instance = {"StackSetName": name, "StackInstanceAccount": MEMBER, "StackInstanceRegion": REGION}
    member = api.describe_stack_instance(**instance)["StackInstance"]
    assert (member["Status"], member["LastOperationId"]) == ("CURRENT", first), member
    stacks = client("cloudformation", account=MEMBER).describe_stacks(StackName=member["StackId"])
    assert stacks["Stacks"][0]["StackName"].startswith(f"StackSet-{name}-")
    assert client("iam", account=MEMBER).get_role(RoleName="check-role")["Role"]["Arn"]
    refused("StackSetNotEmptyException", api.delete_stack_set, StackSetName=name)

    update = {key: definition[key] for key in ("StackSetName", "Capabilities", "AdministrationRoleARN")}
    changed = api.update_stack_set(
        **update,
        UsePreviousTemplate=True,
        Parameters=[
            {"ParameterKey": "Prefix", "UsePreviousValue": True},
            {"ParameterKey": "Note", "ParameterValue": "changed"},
        ],
        OperationPreferences=tolerant,
    )["OperationId"]
    assert ended(api, name, changed)["Status"] == "SUCCEEDED"
    assert client("iam", account=MEMBER).get_role(RoleName="check-role")["Role"]["Description"] == "changed"
    overridden = api.update_stack_instances(
        StackSetName=name,
        Accounts=[MEMBER],
        Regions=[REGION],
        ParameterOverrides=[{"ParameterKey": "Note", "ParameterValue": "overridden"}],
    )["OperationId"]
    ended(api, name, overridden)
    assert client("iam", account=MEMBER).get_role(RoleName="check-role")["Role"]["Description"] == "overridden"
    refused(
        "StackInstanceNotFoundException",
        api.update_stack_instances,
        StackSetName=name,
        Accounts=["999999999999"],
        Regions=[REGION],
    )
    refused(
        "StackInstanceNotFoundException",
        api.describe_stack_instance,
        **instance | {"StackInstanceAccount": "999999999999"},
    )

    # Managed execution: the second waits for the first, and can be stopped while it does.
    one, two = str(uuid.uuid4()), str(uuid.uuid4())
    again = {"StackSetName": name, "Accounts": [MEMBER], "Regions": [REGION]}
    api.update_stack_instances(**again, OperationId=one)
    api.update_stack_instances(**again, OperationId=two)
    waiting = api.describe_stack_set_operation(StackSetName=name, OperationId=two)
    assert waiting["StackSetOperation"]["Status"] == "QUEUED", waiting
    api.stop_stack_set_operation(StackSetName=name, OperationId=two)
    assert ended(api, name, two)["Status"] == "STOPPED"
    assert ended(api, name, one)["Status"] == "SUCCEEDED"
    refused("InvalidOperationException", api.stop_stack_set_operation, StackSetName=name, OperationId=one)
    refused(
        "OperationNotFoundException",
        api.describe_stack_set_operation,
        StackSetName=name,
        OperationId="no-such-operation",
    )
    operations = api.list_stack_set_operations(StackSetName=name)["Summaries"]
    assert len(operations) == 5, operations

    gone = api.delete_stack_instances(
        StackSetName=name, Accounts=[MEMBER, SUSPENDED], Regions=[REGION], RetainStacks=False,
        OperationPreferences=tolerant,
    )["OperationId"]
    ended(api, name, gone)
    left = api.list_stack_instances(StackSetName=name)["Summaries"]
    assert [one["Account"] for one in left] == [SUSPENDED], "a suspended account keeps its instance"
    gone = api.delete_stack_instances(
        StackSetName=name, Accounts=[SUSPENDED], Regions=[REGION], RetainStacks=True
    )["OperationId"]
    ended(api, name, gone)
    assert api.list_stack_instances(StackSetName=name)["Summaries"] == []
    iam = client("iam", account=MEMBER)
    refused("NoSuchEntity", iam.get_role, RoleName="check-role")
    api.delete_stack_set(StackSetName=name)
    assert active_stack_sets(api) == control_towers
    assert api.describe_stack_set(StackSetName=made)["StackSet"]["Status"] == "DELETED"


def trails():
    api = client("cloudtrail")
    trail = api.get_trail(Name="aws-controltower-BaselineCloudTrail")["Trail"]
    assert trail["SnsTopicARN"].startswith("arn:aws:sns:"), trail
    assert api.describe_trails()["trailList"] == [trail]
    refused("TrailNotFoundException", api.get_trail, Name="no-such-trail")


def passed_through():
    # Bytes come back as they went, in both directions, whatever they are.
    s3 = client("s3")
    s3.create_bucket(Bucket="passed-through")
    body = bytes(range(256)) * 8192
    s3.put_object(Bucket="passed-through", Key="some/key with spaces+&?", Body=body)
    answer = s3.get_object(Bucket="passed-through", Key="some/key with spaces+&?")
    assert answer["Body"].read() == body
    assert client("sts", account=MEMBER).get_caller_identity()["Account"] == MEMBER


control_tower()
organizations()
stack_sets()
trails()
passed_through()
assert SERVED <= CHECKED, f"not called: {SERVED - CHECKED}"
print(f"{len(CHECKED)} operations fit the SDK's models")
