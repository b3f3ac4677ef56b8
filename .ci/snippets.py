#!/usr/bin/env python3
"""Runs every snippet of the README that stands behind `<!-- run -->`, in a new folder, against
the given binary with its default ports; hears of each mail on an event stream; stops the
server with SIGTERM and wants `event: closing` and exit 0.

    python3 .ci/snippets.py target/release/postern
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading

binary = os.path.abspath(sys.argv[1])
readme = open(os.path.join(os.path.dirname(__file__), "..", "README.md")).read()
snippets = re.findall(r"<!-- run -->\n```(\w+)\n(.*?)```", readme, re.S)
assert len(snippets) >= 4, "the README has lost its snippets"

folder = tempfile.mkdtemp(prefix="postern-readme-")
server = subprocess.Popen([binary, "serve", "--json"], cwd=folder, stdout=subprocess.PIPE, text=True)
ready = json.loads(server.stdout.readline())
environment = {**os.environ, "INBOX": ready["inbox"], "KEY": ready["api_key"]}

heard = []
stream = subprocess.Popen(
    ["curl", "-sN", "-H", "Authorization: Bearer " + ready["api_key"], "http://localhost:8080/api/v1/events"],
    stdout=subprocess.PIPE,
    text=True,
)
listening = threading.Event()


def listen():
    for line in stream.stdout:
        heard.append(line.rstrip())
        if line.startswith("event: ready"):
            listening.set()


listener = threading.Thread(target=listen)
listener.start()
assert listening.wait(10), "no ready event"


def run(language, code):
    if language == "js":
        path = os.path.join(folder, "snippet.mjs")
        if not os.path.isdir(os.path.join(folder, "node_modules")):
            subprocess.run(
                ["npm", "install", "--silent", "--no-audit", "--no-fund", "nodemailer", "imapflow@1"], cwd=folder, check=True
            )
        command = ["node", path]
    elif language == "python":
        path = os.path.join(folder, "snippet.py")
        command = [sys.executable, path]
    else:
        path = os.path.join(folder, "snippet.sh")
        command = ["bash", "-euo", "pipefail", path]
    with open(path, "w") as file:
        file.write(code)
    answer = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)
    if answer.returncode != 0:
        print(answer.stdout, answer.stderr)
    assert answer.returncode == 0, f"the {language} snippet failed:\n{code}"
    return answer.stdout


# What each snippet must print, in the order of the README.
expected = ["sent", "Hello from smtplib", "Hello from curl", "Hello from nodemailer"]
try:
    for (language, code), wanted in zip(snippets, expected, strict=True):
        printed = run(language, code)
        assert wanted in printed, f"{language}: wanted {wanted!r} in {printed!r}"
        print(f"ok: {language}: {wanted}")
    received = [line for line in heard if line == "event: message.received"]
    assert len(received) == 3, heard
    server.send_signal(signal.SIGTERM)
    assert server.wait(15) == 0, "SIGTERM must end in exit 0"
    listener.join(5)
    assert "event: closing" in heard, heard[-10:]
    print("ok: SIGTERM: event: closing, exit 0")
finally:
    server.kill()
    stream.kill()
shutil.rmtree(folder)
