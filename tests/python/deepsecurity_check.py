"""Uses the vendor's own client library against the simulator, one check per run.

Usage: deepsecurity_check.py CHECK, with API_HOST and API_KEY in the environment.
A check that needs something changed on the other side prints `step NAME` and waits for a line.
"""

import json
import os
import sys

import deepsecurity
from deepsecurity.rest import ApiException

VERSION = "v1"
MEMBER = "111122223333"
OTHER = "222233334444"


def step(name):
    print(f"step {name}", flush=True)
    assert sys.stdin.readline() == "done\n", f"nobody took step {name}"


def client(key=None):
    configuration = deepsecurity.Configuration()
    configuration.host = os.environ["API_HOST"]
    configuration.api_key["api-secret-key"] = key or os.environ["API_KEY"]
    return deepsecurity.ApiClient(configuration)


def connectors(key=None):
    return deepsecurity.AWSConnectorsApi(client(key))


def settings(key=None):
    return deepsecurity.AWSConnectorSettingsApi(client(key))


def refused(status, call, *arguments, **named):
    """Calls and returns the message, which must come with this status."""
    try:
        answer = call(*arguments, **named)
    except ApiException as raised:
        assert raised.status == status, raised
        return json.loads(raised.body)["message"]
    raise AssertionError(f"not refused: {answer}")


def connector(account):
    wanted = deepsecurity.AWSConnector()
    wanted.display_name = f"Trend-{account}"
    wanted.cross_account_role_arn = f"arn:aws:iam::{account}:role/CloudOneWorkloadConnectorRole"
    wanted.workspaces_enabled = True
    return wanted


def create(api, account):
    return api.create_aws_connector(connector(account), VERSION)


def search(api, most=None, **criterion):
    wanted = deepsecurity.SearchFilter()
    wanted.max_items = most
    wanted.search_criteria = [deepsecurity.SearchCriteria(**criterion)]
    return api.search_aws_connectors(VERSION, search_filter=wanted).aws_connectors


def of_account(api, account):
    return search(
        api, most=5, field_name="accountId", string_test="equal", string_value=account
    )


def lifecycle():
    external_id = settings().list_aws_connector_settings(VERSION).external_id
    assert external_id, "there is no external id"
    api = connectors()
    assert of_account(api, MEMBER) == []
    made = create(api, MEMBER)
    assert isinstance(made.id, int) and made.account_id == MEMBER, made
    assert made.workspaces_enabled is True and made.last_sync_time > 0, made
    assert of_account(api, MEMBER) == [made]
    assert api.describe_aws_connector(made.id, VERSION) == made
    other = create(api, OTHER)
    assert api.list_aws_connectors(VERSION).aws_connectors == [made, other]
    assert "exists" in refused(400, create, api, MEMBER)

    change = deepsecurity.AWSConnector(display_name="Renamed")
    changed = api.modify_aws_connector(made.id, change, VERSION)
    assert changed.display_name == "Renamed", changed
    assert changed.cross_account_role_arn == made.cross_account_role_arn, changed
    assert changed.workspaces_enabled is True, changed

    assert api.delete_aws_connector(made.id, VERSION) is None
    assert refused(404, api.delete_aws_connector, made.id, VERSION)
    assert refused(404, api.describe_aws_connector, made.id, VERSION)
    assert of_account(api, MEMBER) == []


def pages():
    api = connectors()
    made = [create(api, str(digit) * 12).id for digit in range(1, 6)]
    found, last = [], 0
    while page := search(api, most=2, id_test="greater-than", id_value=last):
        assert len(page) <= 2, page
        found += [one.id for one in page]
        last = found[-1]
    assert found == made, found
    named = search(api, field_name="displayName", string_test="equal", string_value="Trend-1%")
    assert [one.id for one in named] == made[:1], named
    assert refused(400, search, api, field_name="nothing", string_value="x")


def keys():
    message = refused(401, connectors("2:d3Jvbmc=").list_aws_connectors, VERSION)
    assert message == "Invalid API Key", message
    api = connectors()
    step("read only")
    message = refused(403, create, api, MEMBER)
    assert message == "Not authorized to create AWS connector", message
    assert api.list_aws_connectors(VERSION).aws_connectors == []
    step("hide the external id")
    refused(403, settings().list_aws_connector_settings, VERSION)
    step("revoke")
    refused(401, api.list_aws_connectors, VERSION)


def rate_limit():
    api = connectors()
    step("limit")
    create(api, MEMBER)
    of_account(api, MEMBER)
    message = refused(429, api.list_aws_connectors, VERSION)
    assert message == "Too many API requests", message
    step("wait")
    api.list_aws_connectors(VERSION)


CHECKS = [lifecycle, pages, keys, rate_limit]

if __name__ == "__main__":
    {check.__name__: check for check in CHECKS}[sys.argv[1]]()
