"""Files what a function wrote before it responded with the invocation that wrote it.

The emulator alone waits for some milliseconds: on a busy machine a line that comes later is taken
for the next invocation's, and the last invocation loses it.
"""

import fcntl
import os
import select
import struct
import termios
import threading
import time

from ministack.core.lambda_runtime import ProvidedWorker

# A function that never stops writing does not hold its invocation for longer.
LIMIT_SECONDS = 5

# Held from reading the pipe until its lines are queued: nothing is ever between the two.
reading = threading.Lock()


def pump_output(_worker, stream, lines):
    poll = select.poll()
    poll.register(stream, select.POLLIN)
    chunk, rest = True, b""
    while chunk:
        poll.poll()
        with reading:
            chunk = os.read(stream.fileno(), 65_536)
            *complete, rest = (rest + chunk).split(b"\n")
            if not chunk:
                complete += [rest] if rest else []
                stream.close()
            for line in complete:
                if lines.full():
                    lines.get_nowait()
                lines.put_nowait(line.decode("utf-8", errors="replace").removesuffix("\r"))


def take_output(worker, **_waits):
    stream = worker._proc.stdout if worker._proc else None
    deadline = time.monotonic() + LIMIT_SECONDS
    while stream is not None and has_unread_output(stream) and time.monotonic() < deadline:
        time.sleep(0.001)
    with reading:
        return worker._drain_stderr()


def has_unread_output(stream):
    with reading:
        if stream.closed:
            return False
        (unread,) = struct.unpack("i", fcntl.ioctl(stream, termios.FIONREAD, bytes(4)))
        return unread > 0


def apply(replace):
    replace(ProvidedWorker, "_pump_output", pump_output)
    replace(ProvidedWorker, "_drain_stderr_bounded", take_output)
