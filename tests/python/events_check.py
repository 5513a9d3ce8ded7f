"""Holds events, one a line, to the published schema.

    events_check.py SCHEMA.JSON EVENTS.JSONL
"""

import json
import sys
from pathlib import Path

from jsonschema import Draft202012Validator

schema = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
Draft202012Validator.check_schema(schema)
validator = Draft202012Validator(schema)
lines = Path(sys.argv[2]).read_text(encoding="utf-8").splitlines()
for line in lines:
    event = json.loads(line)
    for error in validator.iter_errors(event):
        print(f"{event['detail-type']}: {error.json_path}: {error.message}")
    # The schema has to notice what is missing and what is too much.
    for name in event["detail"]:
        less = {**event, "detail": {key: event["detail"][key] for key in event["detail"] if key != name}}
        if validator.is_valid(less):
            print(f"{event['detail-type']}: the schema accepts it without {name}")
    if validator.is_valid({**event, "detail": {**event["detail"], "more": 1}}):
        print(f"{event['detail-type']}: the schema accepts a further field")
if not lines:
    print("no event was given")
