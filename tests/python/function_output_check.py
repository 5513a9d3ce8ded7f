"""What a function wrote before it responded is taken with its invocation, however slowly it is read."""

import os
import queue
import sys
import threading
import time
from types import SimpleNamespace

sys.path.insert(0, sys.argv[1])
import function_output  # noqa: E402
from ministack.core.lambda_runtime import ProvidedWorker  # noqa: E402


class SlowQueue(queue.Queue):
    def put_nowait(self, item):
        # Longer than the emulator alone waits for a further line.
        time.sleep(0.05)
        super().put_nowait(item)


function_output.apply(setattr)
read, write = os.pipe()
lines = SlowQueue(maxsize=10)
worker = SimpleNamespace(
    _proc=SimpleNamespace(stdout=os.fdopen(read, "rb")),
    _stderr_queue=lines,
    _drain_stderr=lambda: ProvidedWorker._drain_stderr(worker),
)


def written_and_taken(text):
    os.write(write, text.encode())
    return ProvidedWorker._drain_stderr_bounded(worker)


pump = threading.Thread(
    target=ProvidedWorker._pump_output, args=(worker, worker._proc.stdout, lines), daemon=True
)
# The first lines wait in the pipe before anything reads it.
os.write(write, b"first\nsecond\r\n")
pump.start()
assert written_and_taken("third\n") == "first\nsecond\nthird"
assert written_and_taken("") == ""
assert written_and_taken("fourth\npart of ") == "fourth"
assert written_and_taken("the fifth\n") == "part of the fifth"
# Of more than it holds, the last are kept.
assert written_and_taken("".join(f"{n}\n" for n in range(12))).split() == [*map(str, range(2, 12))]
os.write(write, b"unfinished")
os.close(write)
pump.join(5)
assert not pump.is_alive()
assert ProvidedWorker._drain_stderr_bounded(worker) == "unfinished"
