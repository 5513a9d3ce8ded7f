"""A function behind a custom resource: it logs, and answers with the id of its process."""

import json
import os
import urllib.request


def handler(event, _context):
    print("handling", event["RequestType"])
    answer = {key: event[key] for key in ("StackId", "RequestId", "LogicalResourceId")}
    answer |= {
        "Status": "SUCCESS",
        "PhysicalResourceId": "one",
        "Data": {"Process": str(os.getpid()), "Endpoint": os.environ["AWS_ENDPOINT_URL"]},
    }
    request = urllib.request.Request(
        event["ResponseURL"],
        method="PUT",
        data=json.dumps(answer).encode(),
        headers={"content-type": ""},
    )
    for _ in range(3):
        try:
            urllib.request.urlopen(request)
            return
        except OSError as error:
            print("not answered:", type(error).__name__)
