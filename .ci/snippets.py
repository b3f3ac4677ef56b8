#!/usr/bin/env python3
"""Runs every snippet of the README that stands behind `<!-- run -->`, in a new folder, against
the given binary with its default ports. Each mail must come on an event stream, and SIGTERM
must end in `event: closing` and exit 0. The documents by which mail programs set themselves up are
read by Python's parsers of XML and of property lists.

    python3 .ci/snippets.py target/release/postern
"""

import os
import plistlib
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import urllib.request
import xml.etree.ElementTree as ElementTree

import environment
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
        modules = os.path.join(folder, "node_modules")
        if not os.path.exists(modules):
            home = environment.node("snippets", "nodemailer", "imapflow@1")
            os.symlink(os.path.join(home, "node_modules"), modules)
        path = os.path.join(folder, "snippet.mjs")
        return path, ["node", path]
    if language == "python":
        path = os.path.join(folder, "snippet.py")
        return path, [sys.executable, path]
    path = os.path.join(folder, "snippet.sh")
    return path, ["bash", "-euo", "pipefail", path]


def run(language, code, folder, variables):
    """The output of a snippet."""
    path, words = command(language, folder)
    with open(path, "w") as file:
        file.write(code)
    done = subprocess.run(words, cwd=folder, env=variables, capture_output=True, text=True, timeout=120)
    if done.returncode != 0:
        print(done.stdout, done.stderr)
    assert done.returncode == 0, f"the {language} snippet failed:\n{code}"
    return done.stdout


def fetch(path, key=None, body=None):
    """The octets of one answer."""
    headers = {"Authorization": "Bearer " + key} if key else {}
    request = urllib.request.Request("http://localhost:8080" + path, data=body, headers=headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.read()


def check_settings(inbox, key):
    """What mail programs read of the three documents, as they read it."""
    for path in ("/.well-known/autoconfig/mail/config-v1.1.xml", "/mail/config-v1.1.xml"):
        root = ElementTree.fromstring(fetch(f"{path}?emailaddress={inbox}"))
        assert (root.tag, root.get("version")) == ("clientConfig", "1.1")
        (provider,) = root
        assert provider.findtext("domain") == inbox.split("@")[1] == provider.get("id")
        assert provider.findtext("displayName") and provider.findtext("displayShortName")
        kinds = {(server.tag, server.get("type")) for server in provider if "Server" in server.tag}
        assert kinds == {("incomingServer", "imap"), ("outgoingServer", "smtp")}, kinds
        for server in (server for server in provider if "Server" in server.tag):
            names = [part.tag for part in server]
            assert names == ["hostname", "port", "socketType", "authentication", "username"], names
            assert server.findtext("socketType") in ("SSL", "STARTTLS")
            assert 0 < int(server.findtext("port")) < 65536
    ask = (
        '<?xml version="1.0"?><Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/'
        f'outlook/requestschema/2006"><Request><EMailAddress>{inbox}</EMailAddress></Request></Autodiscover>'
    )
    root = ElementTree.fromstring(fetch("/autodiscover/autodiscover.xml", body=ask.encode()))
    space = "{http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a}"
    account = root.find(f"{space}Response/{space}Account")
    protocols = [part.findtext(space + "Type") for part in account.iter(space + "Protocol")]
    assert protocols == ["IMAP", "SMTP"], protocols
    profile = plistlib.loads(fetch(f"/api/v1/inboxes/{inbox}/mobileconfig", key))
    (mail,) = profile["PayloadContent"]
    assert (profile["PayloadType"], mail["PayloadType"]) == ("Configuration", "com.apple.mail.managed")
    assert mail["EmailAddress"] == mail["IncomingMailServerUsername"] == inbox
    assert isinstance(mail["IncomingMailServerPortNumber"], int) and mail["IncomingMailServerUseSSL"] is True
    assert key not in repr(profile), "a profile has a key in it"
    print("ok: settings for Thunderbird, Outlook and Apple Mail")


def main():
    binary = os.path.abspath(sys.argv[1])
    readme = open(os.path.join(os.path.dirname(__file__), "..", "README.md")).read()
    snippets = re.findall(r"<!-- run -->\n```(\w+)\n(.*?)```", readme, re.S)
    assert len(snippets) >= 4, "the README has lost its snippets"
    folder = tempfile.mkdtemp(prefix="postern-readme-")
    server = Server(binary, None, flags=(), cwd=folder)
    stream = Stream(server.ready["api_key"])
    variables = {**os.environ, "INBOX": server.ready["inbox"], "KEY": server.ready["api_key"]}
    try:
        for (language, code), wanted in zip(snippets, EXPECTED, strict=True):
            printed = run(language, code, folder, variables)
            assert wanted in printed, f"{language}: wanted {wanted!r} in {printed!r}"
            print(f"ok: {language}: {wanted}")
        check_settings(variables["INBOX"], variables["KEY"])
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
