#!/usr/bin/env python3
"""Holds the server to its own description: openapi.json is valid OpenAPI 3.1, and schemathesis
with all its checks finds no difference between it and what the server does.

    python3 .ci/openapi.py target/release/postern [--seconds 60]

The server runs with --no-limits, since thousands of requests come from one address. It is
asked with the token of the operator, which no request of the run can revoke. Three streams
are read here by hand: their responses do not end, which schemathesis would wait for. So is the
route that waits for a message: it answers as late as it is asked to.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import tempfile
import urllib.request

import environment

parser = argparse.ArgumentParser()
parser.add_argument("binary")
parser.add_argument("--seconds", type=int, default=60)
options = parser.parse_args()

WAIT = "/api/v1/inboxes/{inbox}/messages/wait"
# A WebSocket is for `.ci/websocket.py`.
SOCKET = "/api/v1/ws"
STREAMS = ["/api/v1/events", "/api/v1/inboxes/{inbox}/events", "/api/v1/inboxes/{inbox}/watch"]
here = os.path.dirname(os.path.abspath(__file__))


python = environment.python("openapi", "schemathesis>=4,<5", "openapi-spec-validator")
schemathesis = os.path.join(os.path.dirname(python), "schemathesis")
folder = tempfile.mkdtemp(prefix="postern-openapi-")
server = subprocess.Popen(
    [os.path.abspath(options.binary), "serve", "--data", folder, "--ports", "auto", "--json", "--no-limits"],
    stdout=subprocess.PIPE,
    stderr=open(os.path.join(folder, "log"), "w"),
    text=True,
)


def ask(method, path, headers, body=None):
    request = urllib.request.Request(base + path, method=method, headers=headers, data=body)
    return urllib.request.urlopen(request, timeout=10)


def streams(document, inbox, key):
    """Each stream is described, begins, and is of the media type that the description says."""
    for path in STREAMS:
        described = document["paths"][path]["get"]["responses"]["200"]["content"]
        assert list(described) == ["text/event-stream"], described
        answer = ask("GET", path.replace("{inbox}", inbox), {"Authorization": "Bearer " + key})
        assert answer.status == 200, answer.status
        assert answer.headers["Content-Type"] == "text/event-stream", answer.headers
        lines = [answer.readline().decode().rstrip() for _ in range(4)]
        assert "event: ready" in lines, lines
        answer.close()
        print("ok:", path)


def waits(document, inbox, key):
    """The wait ends at once where it may, and answers as the description says."""
    described = document["paths"][WAIT]["get"]["responses"]
    for since, status in [("2100-01-01T00:00:00Z", 204), ("0", 200)]:
        path = WAIT.replace("{inbox}", inbox)
        if status == 200:
            body = json.dumps({"to": inbox, "subject": "now"}).encode()
            headers = {"Authorization": "Bearer " + key, "Content-Type": "application/json"}
            ask("POST", path.replace("/wait", ""), headers, body)
        answer = ask("GET", f"{path}?timeout=0&since={since}", {"Authorization": "Bearer " + key})
        assert answer.status == status and str(status) in described, (answer.status, list(described))
    print("ok:", WAIT)


def run(what, headers, arguments):
    """One run of schemathesis: every phase, and every check but those that openapi.toml names."""
    command = [schemathesis, "--config-file", os.path.join(here, "openapi.toml"), "run", base + "/api/v1/openapi.json"]
    command += ["--max-time", str(options.seconds), "--request-timeout", "10", "--no-color", "--seed", "17"]
    for name, value in headers.items():
        command += ["--header", f"{name}: {value}"]
    command += arguments
    # It keeps a cache of failures where it runs.
    answer = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "SCHEMATHESIS_HOOKS": os.path.join(here, "openapi_hooks.py")},
        capture_output=True,
        text=True,
        timeout=options.seconds * 3 + 120,
    )
    if answer.returncode != 0:
        print(answer.stdout, answer.stderr)
    assert answer.returncode == 0, f"schemathesis found differences: {what}"
    print("ok:", what, "|", answer.stdout.strip().splitlines()[-1].strip("= "))


try:
    ready = json.loads(server.stdout.readline())
    base = ready["http"]
    document = json.load(ask("GET", "/api/v1/openapi.json", {}))
    path = os.path.join(folder, "openapi.json")
    with open(path, "w") as file:
        json.dump(document, file)
    subprocess.run([python, "-m", "openapi_spec_validator", path], check=True, stdout=subprocess.DEVNULL)
    print("ok: openapi.json is valid,", len(document["paths"]), "paths")
    streams(document, ready["inbox"], ready["api_key"])
    waits(document, ready["inbox"], ready["api_key"])

    with open(os.path.join(folder, "operator.token")) as file:
        operator = file.read().strip()
    me = json.load(ask("GET", "/api/v1/me", {"Authorization": "Bearer " + ready["api_key"]}))
    inside = {"Authorization": "Bearer " + operator, "Postern-Organization": me["org"]["id"]}
    apart = []
    for stream in [*STREAMS, WAIT, SOCKET]:
        apart += ["--exclude-path", stream]
    # The organizations have a run of their own: one of its requests may delete the organization
    # that the others act in.
    run("everything in an organization", inside, apart + ["--exclude-path-regex", "^/api/v1/orgs"])
    run("organizations", {"Authorization": "Bearer " + operator}, ["--include-path-regex", "^/api/v1/orgs"])
    server.send_signal(signal.SIGTERM)
    assert server.wait(15) == 0, "SIGTERM must end in exit 0"
finally:
    server.kill()
with open(os.path.join(folder, "log")) as file:
    panics = [line for line in file if "panicked" in line or "ERROR" in line]
assert not panics, panics[:5]
shutil.rmtree(folder)
