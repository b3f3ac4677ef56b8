#!/usr/bin/env python3
"""Takes in the real messages that public packages ship, and compares what comes out.

    python3 .ci/corpora.py target/release/postern [--list] [--only NAME]

Sources, of fixed versions: the crate mail-parser, CPython's own test_email, mail-parser of PyPI,
mailparser of npm. Each message is taken in twice: by APPEND with its octets as they are, and on
the inbound port with line ends of CRLF. It holds:

- /raw gives the octets that went in (behind the fields that a delivery puts before them).
- `text` is not empty where Python's `email` finds a body with words in it.
- The attachments have the octets that Python decodes, and `size` is the length of what is fetched.
- The addresses in From, To and Cc are those that Python reads.

Where Python and Postern differ, corpora.txt names the message, the field and the reason. A
difference that is not in the file fails, and so does a line of the file that is no longer true.
"""

import argparse
import email
import email.policy
import email.utils
import glob
import hashlib
import http.client
import json
import os
import re
import smtplib
import subprocess
import sys
import tarfile
import tempfile
import urllib.parse

from rig import Server

CRATE, SDIST, NPM = "1.0.1", "4.8.0", "0.6.2"

parser = argparse.ArgumentParser()
parser.add_argument("binary")
parser.add_argument("--list", action="store_true", help="print every difference in the form of the file")
parser.add_argument("--only", help="only messages whose name contains this")
options = parser.parse_args()
here = os.path.dirname(os.path.abspath(__file__))


def crate(home):
    """The messages of the crate mail-parser; cargo fetches it and builds nothing."""
    os.makedirs(os.path.join(home, "crate", "src"), exist_ok=True)
    manifest = f'[package]\nname="corpora"\nversion="0.0.0"\n[dependencies]\nmail-parser="={CRATE}"\n[workspace]\n'
    with open(os.path.join(home, "crate", "Cargo.toml"), "w") as file:
        file.write(manifest)
    open(os.path.join(home, "crate", "src", "lib.rs"), "w").close()
    place = ["--manifest-path", os.path.join(home, "crate", "Cargo.toml")]
    subprocess.run(["cargo", "fetch", "-q", *place], check=True)
    told = subprocess.run(["cargo", "metadata", "--format-version", "1", *place], capture_output=True, check=True)
    package = next(p for p in json.loads(told.stdout)["packages"] if p["name"] == "mail-parser")
    root = os.path.join(os.path.dirname(package["manifest_path"]), "resources", "eml")
    for path in sorted(glob.glob(os.path.join(root, "*", "*.eml"))):
        yield "crate/" + os.path.relpath(path, root), path


def cpython(home):
    """The messages of CPython's own test suite."""
    import test.test_email

    root = os.path.join(os.path.dirname(test.test_email.__file__), "data")
    for path in sorted(glob.glob(os.path.join(root, "msg_*.txt"))):
        yield "cpython/" + os.path.basename(path), path


def sdist(home):
    """The messages of the Python package mail-parser, from its source archive."""
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", ":all:", "-d", home]
    subprocess.run([*command, f"mail-parser=={SDIST}"], check=True, capture_output=True)
    archive = glob.glob(os.path.join(home, f"mail_parser-{SDIST}.tar.gz"))[0]
    with tarfile.open(archive) as file:
        file.extractall(os.path.join(home, "sdist"))
    for path in sorted(glob.glob(os.path.join(home, "sdist", "*", "tests", "mails", "mail_*"))):
        if not path.endswith("outlook_1"):  # A file of Outlook's own format, which is no mail.
            yield "pypi/" + os.path.basename(path), path


def npm(home):
    """The messages of the npm package mailparser."""
    subprocess.run(["npm", "pack", "--silent", f"mailparser@{NPM}"], cwd=home, check=True, capture_output=True)
    with tarfile.open(os.path.join(home, f"mailparser-{NPM}.tgz")) as file:
        file.extractall(os.path.join(home, "npm"))
    for path in sorted(glob.glob(os.path.join(home, "npm", "package", "test", "*.eml"))):
        yield "npm/" + os.path.basename(path), path


class Client:
    """The REST and IMAP doors of one inbox."""

    def __init__(self, server):
        self.server, self.key, self.inbox = server, server.ready["api_key"], server.ready["inbox"]
        self.imap = server.imap(self.inbox, self.key)
        self.imap.create("Corpora")
        self.http = http.client.HTTPConnection("127.0.0.1", server.port("http"), timeout=30)
        self.smtp = smtplib.SMTP("127.0.0.1", server.port("mx"), timeout=30)
        self.smtp.ehlo("corpora.test")

    def get(self, path):
        place = f"/api/v1/inboxes/{urllib.parse.quote(self.inbox)}/messages{path}"
        self.http.request("GET", place, headers={"Authorization": "Bearer " + self.key})
        answer = self.http.getresponse()
        octets = answer.read()
        assert answer.status == 200, (path, answer.status, octets[:300])
        return octets

    def newest(self, folder):
        return json.loads(self.get(f"?folder={folder}&limit=1"))["data"][0]["id"]

    def append(self, octets):
        """Takes the message in by APPEND; its id, or None where the server refuses NUL."""
        if b"\0" in octets:
            return None
        # imaplib's own append() writes CRLF for every line end; here the octets stay.
        self.imap.literal = octets
        said, answer = self.imap._simple_command("APPEND", "Corpora")
        assert said == "OK", answer
        return self.newest("Corpora")

    def deliver(self, octets):
        """Takes the message in on the inbound port; its id."""
        self.smtp.mail("someone@example.net")
        self.smtp.rcpt(self.inbox)
        code, text = self.smtp.data(octets)
        assert code == 250, (code, text)
        return self.newest("INBOX")


def leaves(part):
    """The parts that hold no other parts; a nested message is one of them."""
    if part.get_content_maintype() == "multipart":
        for child in part.get_payload() if part.is_multipart() else []:
            yield from leaves(child)
    else:
        yield part


def words(text):
    return re.sub(r"\W+", "", text)


def python_view(octets):
    """What Python's email reads: has it a body with words, the attachments, the addresses."""
    message = email.message_from_bytes(octets, policy=email.policy.compat32)
    body, files = "", []
    for part in leaves(message):
        kind = part.get_content_type()
        is_file = part.get_content_disposition() == "attachment" or part.get_filename() is not None
        payload = part.get_payload(decode=True) if not part.is_multipart() else None
        if kind.startswith("text/") and not is_file and payload:
            shown = payload.decode("utf-8", "replace")
            if kind == "text/html":
                shown = re.sub(r"(?is)<(style|script|head|title)\b.*?</\1\s*>|<!--.*?-->|<[^>]*>|&#?\w+;", " ", shown)
            body += words(shown)
        if part.get_content_disposition() == "attachment" and payload is not None:
            files.append(hashlib.sha256(payload).hexdigest()[:16])
    addresses = {}
    for field in ("from", "to", "cc"):
        values = [str(value) for value in message.get_all(field, [])]
        read = email.utils.getaddresses([re.sub(r"\r?\n", "", value) for value in values])
        addresses[field] = sorted({a.lower() for _, a in read if re.fullmatch(r"[\x21-\x7e]+@[\x21-\x7e]+", a)})
    return body, sorted(files), addresses


def differences(client, id, octets):
    """The differences between the message object and what Python reads: (field, detail)."""
    shown = json.loads(client.get("/" + id))
    body, files, addresses = python_view(octets)
    if body and not words(shown.get("text") or "").strip() or shown.get("text") == "[no text]" and body:
        yield "text", f"empty; Python has {body[:60]!r}"
    fetched = []
    for attachment in shown["attachments"]:
        content = client.get(f"/{id}/attachments/{attachment['id']}")
        assert len(content) == attachment["size"], (id, attachment, len(content))
        fetched.append(hashlib.sha256(content).hexdigest()[:16])
    missing = [file for file in files if file not in fetched]
    if missing:
        yield "attachments", f"{len(missing)} of {len(files)} that Python decodes are not among {len(fetched)}"
    if files and not shown.get("has_attachments", True):
        yield "has_attachments", "false"
    for field, wanted in addresses.items():
        value = shown.get(field) or []
        entries = [value] if isinstance(value, dict) else value
        got = sorted({(entry.get("address") or "").lower() for entry in entries} - {""})
        lost = [a for a in wanted if a not in got]
        if (field != "from" and lost) or (field == "from" and wanted and not set(wanted) & set(got)):
            yield field, f"Python {wanted} here {got}"


def crlf(octets):
    """The message with line ends of CRLF, as a sending server would write it."""
    return re.sub(rb"\r\n|\r|\n", b"\r\n", octets.replace(b"\0", b""))


def check(client, name, octets):
    """Every check of one message; the differences that it shows."""
    found = set()
    id = client.append(octets)
    if id is not None:
        raw = client.get(f"/{id}/raw")
        assert raw == octets, f"{name}: APPEND changed {len(octets)} octets to {len(raw)}"
        found |= set(differences(client, id, octets))
    sent = crlf(octets)
    if not sent.endswith(b"\r\n"):
        sent += b"\r\n"
    id = client.deliver(sent)
    raw = client.get(f"/{id}/raw")
    assert raw.endswith(sent), f"{name}: the inbound port changed its octets"
    found |= set(differences(client, id, sent))
    return found


def argued():
    """The lines of corpora.txt: (name, field) and the reason."""
    lines = {}
    with open(os.path.join(here, "corpora.txt")) as file:
        for line in file:
            if line.strip() and not line.startswith("#"):
                name, field, reason = line.rstrip("\n").split(None, 2)
                lines[(name, field)] = reason
    return lines


home = tempfile.mkdtemp(prefix="postern-corpora-")
server = Server(os.path.abspath(options.binary), os.path.join(home, "data"))
client = Client(server)
known, seen, failures, count = argued(), set(), [], 0
for source in (crate, cpython, sdist, npm):
    before = count
    for name, path in source(home):
        if options.only and options.only not in name:
            continue
        count += 1
        name = name.replace(" ", "_")
        with open(path, "rb") as file:
            octets = file.read()
        try:
            found = check(client, name, octets)
        except AssertionError as error:
            failures.append(f"{name}: {error}")
            continue
        for field, detail in sorted(found):
            seen.add((name, field))
            if options.list:
                print(f"{name} {field} {detail}")
            elif (name, field) not in known:
                failures.append(f"{name} {field} {detail}")
    print(f"ok: {count - before} messages of {source.__name__}")
    assert options.only or count > before, source.__name__
for name, field in sorted(set(known) - seen):
    if not options.only:
        failures.append(f"corpora.txt names a difference that is gone: {name} {field}")
assert server.stop() == 0, "SIGTERM must end in exit 0"
for failure in failures:
    print("FAILED", failure)
print(f"{count} messages, {len(seen)} differences argued, {len(failures)} failures")
sys.exit(1 if failures and not options.list else 0)
