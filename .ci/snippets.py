#!/usr/bin/env python3
"""Runs every snippet of the README that stands behind `<!-- run -->`, in a new folder, against
the given binary with its default ports. Each mail must come on an event stream, and SIGTERM
must end in `event: closing` and exit 0.

    python3 .ci/snippets.py target/release/postern
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading

from rig import Server

# The text that each snippet must print, in the order of the README.
EXPECTED = ["sent", "Hello from smtplib", "Hello from curl", "Hello from nodemailer"]


class Stream:
    """An event stream over curl, as in the README."""

    def __init__(self, key):
        self.lines, self.is_ready = [], threading.Event()
        self.curl = subprocess.Popen(
            ["curl", "-sN", "-H", "Authorization: Bearer " + key, "http://localhost:8080/api/v1/events"],
            stdout=subprocess.PIPE,
            text=True,
        )
        self.reader = threading.Thread(target=self.read)
        self.reader.start()
        assert self.is_ready.wait(10), "no ready event"

    def read(self):
        for line in self.curl.stdout:
            self.lines.append(line.rstrip())
            if line.startswith("event: ready"):
                self.is_ready.set()


def command(language, folder):
    """The file that a snippet is written to, and the command that runs it."""
    if language == "js":
        if not os.path.isdir(os.path.join(folder, "node_modules")):
            packages = ["nodemailer", "imapflow@1"]
            install = ["npm", "install", "--silent", "--no-audit", "--no-fund", *packages]
            subprocess.run(install, cwd=folder, check=True)
        path = os.path.join(folder, "snippet.mjs")
        return path, ["node", path]
    if language == "python":
        path = os.path.join(folder, "snippet.py")
        return path, [sys.executable, path]
    path = os.path.join(folder, "snippet.sh")
    return path, ["bash", "-euo", "pipefail", path]


def run(language, code, folder, environment):
    """The output of a snippet."""
    path, words = command(language, folder)
    with open(path, "w") as file:
        file.write(code)
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)
    if done.returncode != 0:
        print(done.stdout, done.stderr)
    assert done.returncode == 0, f"the {language} snippet failed:\n{code}"
    return done.stdout


def main():
    binary = os.path.abspath(sys.argv[1])
    readme = open(os.path.join(os.path.dirname(__file__), "..", "README.md")).read()
    snippets = re.findall(r"<!-- run -->\n```(\w+)\n(.*?)```", readme, re.S)
    assert len(snippets) >= 4, "the README has lost its snippets"
    folder = tempfile.mkdtemp(prefix="postern-readme-")
    server = Server(binary, None, flags=(), cwd=folder)
    stream = Stream(server.ready["api_key"])
    environment = {**os.environ, "INBOX": server.ready["inbox"], "KEY": server.ready["api_key"]}
    try:
        for (language, code), wanted in zip(snippets, EXPECTED, strict=True):
            printed = run(language, code, folder, environment)
            assert wanted in printed, f"{language}: wanted {wanted!r} in {printed!r}"
            print(f"ok: {language}: {wanted}")
        received = [line for line in stream.lines if line == "event: message.received"]
        assert len(received) == 3, stream.lines
        assert server.stop(15) == 0, "SIGTERM must end in exit 0"
        stream.reader.join(5)
        assert "event: closing" in stream.lines, stream.lines[-10:]
        print("ok: SIGTERM: event: closing, exit 0")
    finally:
        server.process.kill()
        stream.curl.kill()
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
