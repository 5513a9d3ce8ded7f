"""Talks to `launch` on a terminal as a person does: an invalid answer is asked for again with the reason,
a secret is not shown, and whoever leaves a question gets a sentence and their terminal as it was.

    terminal_check.py FOLDER COMMAND...

The command launches a stack from a bucket that does not exist, so nothing is created.
"""

import os
import pty
import re
import select
import sys
import termios
import time

PATIENCE = 60
# A program asks so where the cursor is.
WHERE = b"\x1b[6n"
SECRET = "canary-in-a-coal-mine"
ENTER, CTRL_C, CTRL_D = "\r", "\x03", "\x04"


class Terminal:
    """A command on a terminal of its own."""

    def __init__(self, command, folder):
        self.shown = b""
        self.read_until = 0
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            os.environ["TERM"] = "xterm-256color"
            os.execvp(command[0], command)
        self.before = termios.tcgetattr(self.fd)

    def text(self):
        # Without the sequences that move the cursor and set colours.
        plain = re.sub(rb"\x1b\[[0-9;?]*[a-zA-Z]", b"", self.shown)
        return plain.decode(errors="replace").replace("\r", "")

    def read(self):
        """Reads once; false at the end."""
        ready, _, _ = select.select([self.fd], [], [], 0.2)
        if not ready:
            return True
        try:
            more = os.read(self.fd, 65536)
        except OSError:
            return False
        if WHERE in more:
            os.write(self.fd, b"\x1b[1;1R")
        self.shown += more
        return bool(more)

    def expect(self, words):
        """Waits until these words are shown that were not before."""
        end = time.monotonic() + PATIENCE
        while words not in self.text()[self.read_until :]:
            if time.monotonic() > end or not self.read():
                sys.exit(f"not shown: {words!r}\n{self.text()}")
        self.read_until = self.text().rindex(words) + len(words)

    def type(self, keys):
        os.write(self.fd, keys.encode())

    def end(self, words):
        """The command has failed, with these words, and the terminal is as it was."""
        end = time.monotonic() + PATIENCE
        after = termios.tcgetattr(self.fd)
        while self.read():
            if time.monotonic() > end:
                sys.exit(f"does not end:\n{self.text()}")
            try:
                after = termios.tcgetattr(self.fd)
            except termios.error:
                break
        _, status = os.waitpid(self.pid, 0)
        os.close(self.fd)
        found = os.waitstatus_to_exitcode(status)
        told = " ".join(self.text().split())
        if found != 1 or words not in told:
            sys.exit(f"ends with {found} and without {words!r}:\n{self.text()}")
        if after != self.before:
            sys.exit(f"the terminal has other settings: {self.before} {after}")
        if self.shown.rfind(b"\x1b[?25l") > self.shown.rfind(b"\x1b[?25h"):
            sys.exit("the cursor stays hidden")
        if SECRET in self.text():
            sys.exit("the secret is shown")
        return told


LEFT = "error: the question was not answered, so nothing was done in AWS"


def main():
    folder, command = sys.argv[1], sys.argv[2:]
    file = os.path.join(folder, "towerhook.parameters.json")

    # Whoever leaves the first question leaves no file.
    for key in (CTRL_C, CTRL_D):
        left = Terminal(command, folder)
        left.expect("(LaceworkUrl):")
        left.type("https://acm" + key)
        left.end(LEFT)
        if os.path.exists(file):
            sys.exit("a file of parameters was written")

    for key in (CTRL_C, CTRL_D, ENTER):
        whole = Terminal(command, folder)
        whole.expect("(LaceworkUrl):")
        whole.type("acme" + ENTER)
        whole.expect("must begin with https://")
        whole.type("\x7f" * 4 + "https://acme.lacework.net" + ENTER)
        whole.expect("(LaceworkAccessKeyId):")
        whole.type("ACME_1234" + ENTER)
        whole.expect("not shown:")
        # An empty secret is no secret.
        whole.type(ENTER)
        whole.expect("must be the secret key")
        whole.type(SECRET + key)
        if key != ENTER:
            whole.end(LEFT)
        else:
            told = whole.end("error: the launch would fail, so nothing was created")
            if "There is no bucket" not in told:
                sys.exit(f"the bucket is not missed: {told}")
        with open(file) as written:
            if SECRET in (text := written.read()) or "ACME_1234" not in text:
                sys.exit(f"the file has other parameters: {text}")
        os.remove(file)
    print("every question was answered or left in order")


if __name__ == "__main__":
    main()
