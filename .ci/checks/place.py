"""The place of a check: a folder, the servers in it, and the questions that several checks ask."""

import contextlib
import os
import shutil
import signal
import smtplib
import subprocess
import time

import load
from load import GONE, headers, text
from rig import Server, verify


class Skip(Exception):
    """This machine cannot run the check; the text says why."""


CHECKS = []


def check(row):
    """Adds a check to the list, under the short name of its fault."""

    def add(function):
        CHECKS.append((row, function.__name__, function))
        return function

    return add


class Place:
    """A folder for one check, and the servers in it."""

    def __init__(self, binary, root):
        self.binary = binary
        self.root = root
        self.data = root + "/data"
        self.servers = []
        self.key = self.inbox = None

    def start(self, data=None, **how):
        """A server on the data folder, or on another."""
        server = Server(self.binary, data or self.data, **how)
        self.servers.append(server)
        self.key = server.ready.get("api_key") or self.key
        self.inbox = server.ready.get("inbox") or self.inbox
        return server

    def config(self, toml):
        """The flags that give a server this configuration."""
        path = f"{self.root}/{len(os.listdir(self.root))}.toml"
        with open(path, "w") as file:
            file.write(toml)
        return ("--config", path)

    def pid(self):
        """The server's own process, also when another program runs it."""
        with open(self.data + "/postern.lock") as file:
            return int(file.read())

    def stop(self, server, within=15):
        """SIGTERM to the server, also when it runs under another program."""
        os.kill(self.pid(), signal.SIGTERM)
        code = server.process.wait(within)
        assert code == 0, f"exit code {code} after SIGTERM: {self.log()}"

    def log(self, last=2000):
        """The end of the server's log."""
        if not os.path.exists(self.data + ".log"):
            return ""
        with open(self.data + ".log", errors="replace") as file:
            return file.read()[-last:]

    def verify(self, data=None):
        """`postern verify` must find nothing."""
        wrong = verify(self.binary, data or self.data)
        assert not wrong, wrong

    def command(self, *words):
        """Runs a command of the binary to its end."""
        return subprocess.run([self.binary, *words], capture_output=True, text=True)

    def load(self, server, works, name):
        """Runs clients in threads until the server has gone: their record, and the threads."""
        return load.start(server, works, self.inbox, self.key, name)

    def has_all(self, server, message_ids):
        """Each of these messages must be in INBOX once; gives all that are there."""
        client = server.imap(self.inbox, self.key)
        found, _, _ = headers(client, "INBOX")
        client.logout()
        stored = [m for m, _ in found.values()]
        for message_id in message_ids:
            n = stored.count(message_id)
            assert n == 1, f"acknowledged {message_id} is {n} times in INBOX"
        return stored

    def end(self):
        """Kills every server that still runs."""
        for server in self.servers:
            if server.process.poll() is None:
                try:
                    os.kill(self.pid(), signal.SIGKILL)
                except (OSError, ValueError):
                    pass
                server.process.kill()
                server.process.wait()


def strace(*options):
    """The command that runs a server under strace with these options."""
    if not shutil.which("strace"):
        raise Skip("strace is not installed")
    try:
        works = subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True)
    except OSError as error:
        raise Skip(f"strace: {error}")
    if works.returncode != 0:
        raise Skip("strace may not trace here")
    return ["strace", "-f", "-qq", "-o", "/dev/null", *options]


def send(server, inbox, message_id):
    """One message over the MX listener."""
    client = smtplib.SMTP("127.0.0.1", server.port("mx"), timeout=20)
    try:
        client.sendmail("ann@else.test", [inbox], text(inbox, message_id))
    finally:
        client.close()


def wait_until(holds, what, seconds=20):
    """Waits for a condition; `what` is the complaint when it does not come true."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, what
        time.sleep(0.1)


def wait_for_mail(place, server, message_id, seconds=10):
    """Sends one message as soon as the server takes one again."""

    def taken():
        try:
            send(server, place.inbox, message_id)
            return True
        except GONE:
            return False

    wait_until(taken, f"it does not come back: {place.log()}", seconds)


@contextlib.contextmanager
def small_disk(place, megabytes):
    """Puts the data folder on a disk of its own, in memory, of this size; gives its path."""
    mounted = place.root + "/small"
    os.mkdir(mounted)
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", mounted]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise Skip("may not mount: " + done.stderr.strip())
    try:
        place.data = mounted + "/data"
        yield mounted
    finally:
        place.end()
        subprocess.run(["umount", "-l", mounted])
