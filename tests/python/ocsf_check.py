"""Reads a JSON array of OCSF Compliance Findings with py-ocsf-models: ocsf_check.py FILE

Prints what does not fit or is unknown, and then exits with 1. Nothing is asked over the network.
"""

import json
import sys
from pathlib import Path

from py_ocsf_models.events.findings.compliance_finding import ComplianceFinding
from py_ocsf_models.objects.cloud import Cloud
from pydantic import ValidationError


class OfCloud(ComplianceFinding):
    """With what the schema's profile for clouds adds."""

    cloud: Cloud


# Attributes of the schema that the models leave out.
LEFT_OUT = {"compliance.status", "compliance.status_code"}


def unknown(event, read, at=""):
    """The attributes that were not read."""
    if isinstance(event, list):
        for one, other in zip(event, read):
            yield from unknown(one, other, at)
    elif isinstance(event, dict):
        for name, value in event.items():
            path = f"{at}.{name}".lstrip(".")
            if name not in read:
                yield path
            else:
                yield from unknown(value, read[name], path)


def wrong(event):
    try:
        finding = OfCloud.model_validate(event)
    except ValidationError as error:
        return [str(error)]
    return sorted(set(unknown(event, finding.model_dump(mode="json", exclude_unset=True))) - LEFT_OUT)


def main(file):
    events = json.loads(Path(file).read_text())
    found = {why for event in events for why in wrong(event)}
    if found or not events:
        sys.exit("\n".join(sorted(found)) or "there are no findings")


main(*sys.argv[1:])
