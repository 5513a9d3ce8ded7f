"""Uses the vendor's own client library against the simulator, one check per run.

Usage: laceworksdk_check.py CHECK, with the library's own LW_* variables in the environment.
A check that needs something changed on the other side prints `step NAME` and waits for a line.
"""

import sys

from laceworksdk import LaceworkClient
from laceworksdk.exceptions import ApiError, RateLimitError

MEMBER = "111122223333"
QUEUE_URL = "https://sqs.eu-west-1.amazonaws.com/444455556666/acme-laceworkcws"
ACCOUNT_USED = "The provided aws account is already used in this Lacework Application."
QUEUE_USED = "Specified AWS SQS resources are already used in this Lacework Application."


def step(name):
    print(f"step {name}", flush=True)
    assert sys.stdin.readline() == "done\n", f"nobody took step {name}"


def refused(error, status, call, *arguments, **named):
    """Calls and returns the error, which must be of this kind and status."""
    try:
        answer = call(*arguments, **named)
    except ApiError as raised:
        assert type(raised) is error, raised
        assert raised.status_code == status, raised
        assert raised.message, raised
        return raised
    raise AssertionError(f"not refused: {answer}")


def data(account, **more):
    return {
        "cross_account_credentials": {
            "role_arn": f"arn:aws:iam::{account}:role/acme-laceworkcwsrole-sa",
            "external_id": f"lweid:aws:v2:acme:{account}:0123456789",
        },
        **more,
    }


def config(client, account, name=None):
    name = name or f"Lacework-Control-Tower-Config-Member-{account}"
    created = client.cloud_accounts.create(
        name=name, type="AwsCfg", enabled=True, data=data(account, aws_account_id=account)
    )
    return created["data"]


def trail(client, name):
    created = client.cloud_accounts.create(
        name=name, type="AwsCtSqs", enabled=1, data=data(MEMBER, queue_url=QUEUE_URL)
    )
    return created["data"]


def named(client, name, **more):
    filters = [{"field": "name", "expression": "eq", "value": name}]
    return client.cloud_accounts.search(json={"filters": filters, **more})["data"]


def lifecycle():
    client = LaceworkClient()
    accounts = client.cloud_accounts

    made = config(client, MEMBER)
    guid, name = made["intgGuid"], made["name"]
    assert guid.startswith("ACME_") and made["enabled"] == 1, made
    log = trail(client, "Trail")
    assert log["data"]["queueUrl"] == QUEUE_URL, log

    assert [found["intgGuid"] for found in accounts.get()["data"]] == [guid, log["intgGuid"]]
    assert [found["intgGuid"] for found in accounts.get_by_type("AwsCtSqs")["data"]] == [log["intgGuid"]]
    assert accounts.get_by_guid(guid)["data"]["data"] == made["data"]

    assert named(client, name, returns=["intgGuid"]) == [{"intgGuid": guid}]
    either = {"field": "type", "expression": "in", "values": ["AwsCfg", "AwsCtSqs"]}
    assert len(accounts.search(json={"filters": [either]})["data"]) == 2
    assert named(client, "nobody") == []
    step("search without content")
    assert named(client, "nobody") == []

    changed = accounts.update(guid, name="Renamed", enabled=False)["data"]
    assert (changed["name"], changed["enabled"]) == ("Renamed", 0), changed
    assert changed["data"] == made["data"] and changed["intgGuid"] == guid, changed

    assert refused(ApiError, 400, config, client, MEMBER, "Another").message == ACCOUNT_USED
    assert refused(ApiError, 400, trail, client, "Another").message == QUEUE_USED
    unknown = refused(
        ApiError, 400, accounts.create, "n", "AwsCfg", 1, data("222233334444", colour="blue")
    )
    assert unknown.message == "key colour is unrecognized", unknown

    assert accounts.delete(guid).status_code == 204
    refused(ApiError, 404, accounts.get_by_guid, guid)
    refused(ApiError, 404, accounts.delete, guid)
    assert [found["name"] for found in accounts.get()["data"]] == ["Trail"]


def accounts():
    client = LaceworkClient()
    profile = client.user_profile.get()["data"][0]
    assert profile["url"] == "acme.lacework.net", profile
    assert [account["accountName"] for account in profile["accounts"]] == ["ACME", "DEV"], profile
    assert client.organization_info.get()["data"][0]["orgAccount"] is True

    config(client, "111111111111")
    client.set_subaccount("Dev")
    assert config(client, "222222222222")["intgGuid"].startswith("DEV_")
    client.set_org_level_access(True)
    assert config(client, "333333333333")["isOrg"] == 1
    client.set_org_level_access(False)
    seen = [found["data"]["awsAccountId"] for found in client.cloud_accounts.get()["data"]]
    assert seen == ["222222222222", "333333333333"], seen
    client.set_subaccount("nobody")
    refused(ApiError, 403, client.cloud_accounts.get)


def pages():
    client = LaceworkClient()
    made = [config(client, str(digit) * 12)["intgGuid"] for digit in range(1, 6)]
    followed = client._session.get_data_items("/api/v2/CloudAccounts")
    assert [item["intgGuid"] for item in followed] == made


def others():
    client = LaceworkClient()
    for resource in client.schemas.get():
        schema = client.schemas.get(type=resource)
        assert "oneOf" in schema or "properties" in schema, schema
    for schema in client.schemas.get(type="CloudAccounts")["oneOf"]:
        subtype = schema["properties"]["type"]["enum"][0]
        assert client.schemas.get_by_subtype(type="CloudAccounts", subtype=subtype) == schema
    made = client.agent_access_tokens.create("linux", True, props={"os": "linux"})["data"]
    found = client.agent_access_tokens.get_by_id(made["accessToken"])["data"]
    assert found == made and found["version"] == "0.1", found
    changed = client.agent_access_tokens.update(made["accessToken"], token_enabled=False)["data"]
    assert changed["tokenEnabled"] == 0, changed


def rate_limit():
    client = LaceworkClient()
    step("limit")
    client.cloud_accounts.get()
    client.cloud_accounts.get_by_type("AwsCfg")
    error = refused(RateLimitError, 429, client.cloud_accounts.get)
    headers = error.response.headers
    assert headers["RateLimit-Limit"] == "2" and headers["RateLimit-Remaining"] == "0", headers
    assert int(headers["RateLimit-Reset"]) > 0 and "Retry-After" not in headers, headers
    step("wait")
    client.cloud_accounts.get()


def unauthorised():
    refused(ApiError, 401, LaceworkClient, api_secret="_wrong")
    refused(ApiError, 401, LaceworkClient, api_key="WRONG")
    client = LaceworkClient()
    client.cloud_accounts.get()
    step("revoke")
    refused(ApiError, 401, client.cloud_accounts.get)
    step("answer 403")
    refused(ApiError, 403, client.cloud_accounts.get)
    LaceworkClient().cloud_accounts.get()


def retry():
    """The library posts again in silence after a 5xx: the first create had its effect."""
    client = LaceworkClient()
    step("lose the answer")
    assert refused(ApiError, 400, config, client, MEMBER).message == ACCOUNT_USED
    assert len(client.cloud_accounts.get()["data"]) == 1


CHECKS = [lifecycle, accounts, pages, others, rate_limit, unauthorised, retry]

if __name__ == "__main__":
    {check.__name__: check for check in CHECKS}[sys.argv[1]]()
