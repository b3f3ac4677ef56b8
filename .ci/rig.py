"""A running server, for every script here: how it is started, asked, measured and stopped."""

import base64
import http.client
import imaplib
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import urllib.parse


class Server:
    """A server in its own process. `under` is a command that runs it, such as strace; `flags`
    are the server's own. With a `folder` of None it runs as the README says: in `cwd`, with its
    default folder and its default ports."""

    def __init__(self, binary, folder, under=(), flags=("--no-limits",), env=None, cwd=None, ports="auto"):
        where = () if folder is None else ("--data", folder, "--ports", ports)
        self.path = (cwd + "/postern-data" if folder is None else folder) + ".log"
        self.log = open(self.path, "ab")
        self.process = subprocess.Popen(
            [*under, binary, "serve", *where, "--json", *flags],
            cwd=cwd,
            stdout=subprocess.PIPE,
            stderr=self.log,
            env={**os.environ, **(env or {})},
        )
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"the server did not start:\n{open(self.path, errors='replace').read()[-3000:]}")
        self.ready = json.loads(line)
        self.tls = ssl.create_default_context(cafile=os.path.join(cwd or "", self.ready["ca"]))

    def port(self, name):
        """The port of a listener."""
        value = self.ready[name]
        return value if isinstance(value, int) else int(value.rstrip("/").rsplit(":", 1)[1])

    def stop(self, within=30):
        """SIGTERM; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(within)

    def kill(self):
        """SIGKILL."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()
        self.log.close()

    def rest(self, key, method, path, body=None, headers=None):
        """Status and JSON of one request."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port("http"), timeout=10)
        fields = {"Authorization": "Bearer " + key, "Content-Type": "application/json", **(headers or {})}
        connection.request(method, path, json.dumps(body) if body is not None else None, fields)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        return answer.status, json.loads(text) if text else None

    def imap(self, inbox, key):
        """A client that has logged in."""
        client = imaplib.IMAP4_SSL("localhost", self.port("imaps"), ssl_context=self.tls, timeout=10)
        client.login(inbox, key)
        return client

    def connect(self, listener, source="127.0.0.1"):
        """A TCP connection to a listener from an address of this machine."""
        return socket.create_connection(("127.0.0.1", self.port(listener)), 5, (source, 0))

    def metric(self, name):
        """The value of a metric without labels."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port("http"), timeout=10)
        connection.request("GET", "/metrics")
        page = connection.getresponse().read().decode()
        for line in page.splitlines():
            if line.startswith(name + " "):
                return int(line.split()[1])
        raise AssertionError(f"no metric {name}")


def verify(binary, folder):
    """What `postern verify` finds wrong in a data folder; an empty text is good."""
    done = subprocess.run([binary, "verify", "--data", folder], capture_output=True, text=True)
    return "" if done.returncode == 0 else f"verify: {done.stdout}{done.stderr}"


def forms(secret):
    """The octets of a secret as they could stand in a file."""
    octets = secret.encode()
    yield from (octets, json.dumps(secret)[1:-1].encode(), urllib.parse.quote_plus(secret).encode())
    yield from (octets.hex().encode(), secret.encode("utf-16-le"))
    for begin in range(3):
        # Base64 of it inside of something longer: two characters at each end depend on the rest.
        yield base64.b64encode(bytes(begin) + octets)[4:-4]
    if secret.startswith("whsec_"):
        key = base64.b64decode(secret[6:])
        yield from (key, key.hex().encode(), secret[6:].encode())


def look_for_secrets(binary, folder, secrets):
    """Ends the script where a secret stands in a file of a data folder, in the log of its server,
    or in a backup."""
    copy = folder + ".copy"
    subprocess.run([binary, "--data", folder, "backup", copy], check=True, capture_output=True)
    files = [copy, folder + ".log"]
    for at, _, names in os.walk(folder):
        files += [os.path.join(at, name) for name in names]
    files = [file for file in files if os.path.isfile(file)]
    found, octets = [], 0
    for file in files:
        with open(file, "rb") as opened:
            text = opened.read()
        octets += len(text)
        found += [(file, secret[:12]) for secret in secrets for form in forms(secret) if len(form) >= 12 and form in text]
    os.remove(copy)
    if found:
        sys.exit(f"secrets stand in {found}")
    print(f"{len(secrets)} secrets: none in {len(files)} files of {octets >> 10} KiB, with the log and a backup")


def memory(pid, field="VmRSS"):
    """Octets of memory of a process."""
    with open(f"/proc/{pid}/status") as file:
        for line in file:
            if line.startswith(field + ":"):
                return int(line.split()[1]) * 1024
    raise AssertionError(field)


def processor_time(pid):
    """Seconds of processor time that a process has used."""
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
