"""Starts the emulator as the sandbox needs it.

AWS's own services publish events whose source begins with `aws.`, and so must the sandbox, which
stands in for some of them. Answers to custom resources go through the gateway, so that it can
lose one. When the sandbox goes, however it goes, the pipe on standard input closes, and the
emulator goes with all functions that it runs.
"""

import functools
import os
import signal
import sys
import threading

from ministack.services import eventbridge
from ministack.services.cloudformation import custom_resource


def follow_the_sandbox():
    while sys.stdin.buffer.read(4096):
        pass
    os.killpg(os.getpgrp(), signal.SIGKILL)


threading.Thread(target=follow_the_sandbox, daemon=True).start()

gateway = os.environ["AWS_ENDPOINT_URL"].rstrip("/")
eventbridge._put_events = functools.partial(eventbridge._put_events, allow_aws_source=True)
if not callable(custom_resource._gateway_url):
    raise SystemExit("this emulator builds the ResponseURL in another way: adapt the launcher")
custom_resource._gateway_url = lambda: gateway

from ministack.app import main  # noqa: E402  (what is changed above is changed first)

main()
