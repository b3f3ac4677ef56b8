#!/usr/bin/env python3
"""An inbox that is an account of a real server elsewhere: Dovecot, over verified TLS.

Mail comes into Dovecot by IMAP APPEND, by its own delivery agent and as files of its Maildir, and
each message must come here once, with its octets, and be told once to a stream that follows. Under
that, Dovecot is killed, its mailboxes are renumbered, and this server is killed and stopped. The
connection must begin with the first listener and end within ten seconds of the last one. A wrong
password must not be tried again, and a right one must be taken. Then one of our own servers is the
server of the account of another.

    python3 .ci/upstream.py target/release/postern
"""

import argparse
import collections
import contextlib
import http.client
import imaplib
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time

from rig import Server, look_for_secrets, verify

HERE = os.path.dirname(os.path.abspath(__file__))
HOST = "imap.else.test"
OWN = "mx.own.test"
PASSWORD = 'corr"ect horse'
LDA = "/usr/lib/dovecot/dovecot-lda"
KILLS = 2
BURST = 50
OWNER = "mail"  # Dovecot serves no mail of root.
CONFIG = """
protocols = imap
listen = 127.0.0.1
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
ssl = required
ssl_cert = <{chain}
ssl_key = <{key}
mail_location = maildir:~/Maildir
mail_uid = {owner}
mail_gid = {owner}
first_valid_uid = 1
first_valid_gid = 1
auth_mechanisms = plain
# Each wrong login would be answered later than the one before.
auth_failure_delay = 0
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {folder}/users
}}
userdb {{
  driver = static
  args = uid={owner} gid={owner} home={folder}/mail/%u
}}
service imap-login {{
  inet_listener imap {{
    port = {clear}
  }}
  inet_listener imaps {{
    port = {port}
    ssl = yes
  }}
}}
namespace inbox {{
  inbox = yes
  separator = /
  mailbox Gesendet {{
    special_use = \\Sent
    auto = create
  }}
  mailbox Junk {{
    special_use = \\Junk
    auto = create
  }}
}}
"""


def install():
    """Dovecot, and openssl for certificates."""
    if not (shutil.which("dovecot") and shutil.which("openssl")):
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        wanted = ["dovecot-imapd", "openssl"]
        subprocess.run(["apt-get", "update", "-qq"], **quiet)
        command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *wanted]
        subprocess.run(command, env=env, check=True, **quiet)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def until(what, seconds, wanted):
    """Waits for it; gives what it gives."""
    end = time.monotonic() + seconds
    while True:
        got = wanted()
        if got:
            return got
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.03)


def certificate(folder):
    """A certificate for the host, its key, and the authority that has signed it."""
    at = lambda name: os.path.join(folder, name)
    run = lambda *words: subprocess.run(["openssl", *words], check=True, capture_output=True)
    new = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    run("req", "-x509", *new, "-days", "2", "-keyout", at("ca.key"), "-out", at("ca.pem"), "-subj", "/CN=else")
    run("req", *new, "-keyout", at("key.pem"), "-out", at("csr.pem"), "-subj", f"/CN={HOST}")
    with open(at("ext"), "w") as file:
        file.write(f"subjectAltName=DNS:{HOST}\nbasicConstraints=CA:FALSE\n")
    run("x509", "-req", "-in", at("csr.pem"), "-CA", at("ca.pem"), "-CAkey", at("ca.key"), "-CAcreateserial",
        "-days", "2", "-extfile", at("ext"), "-out", at("chain.pem"))
    return at("chain.pem"), at("key.pem"), at("ca.pem")


class Dovecot:
    """The server elsewhere."""

    def __init__(self, folder):
        self.folder, self.count, self.process = folder, 0, None
        self.port, self.clear = free_port(), free_port()
        os.makedirs(f"{folder}/mail")
        shutil.chown(f"{folder}/mail", OWNER, OWNER)
        chain, key, self.ca = certificate(folder)
        self.config = f"{folder}/dovecot.conf"
        with open(self.config, "w") as file:
            file.write(CONFIG.format(folder=folder, chain=chain, key=key, owner=OWNER, clear=self.clear, port=self.port))
        with open(f"{folder}/users", "w") as file:
            file.writelines(f"{user}@else.test:{{PLAIN}}{PASSWORD}\n" for user in ("ann", "bob", "nobody"))
        self.start()

    def start(self):
        self.process = subprocess.Popen(["dovecot", "-F", "-c", self.config], start_new_session=True)

        def is_up():
            assert self.process.poll() is None, self.log()[-2000:]
            try:
                # It takes connections before it can check a password, and closes them then.
                self.client("nobody@else.test").logout()
                return True
            except (OSError, imaplib.IMAP4.error):
                return False

        until("Dovecot is up", 10, is_up)

    def kill(self):
        """Kills the master and everything that it has started."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def log(self):
        with open(f"{self.folder}/log", errors="replace") as file:
            return file.read()

    def connections(self, user):
        """The sessions of a user."""
        command = ["doveadm", "-c", self.config, "who", "-1", user]
        rows = subprocess.run(command, capture_output=True, text=True).stdout.splitlines()
        return sum(1 for row in rows if row.split()[:2] == [user, "imap"])

    def client(self, user):
        tls = ssl.create_default_context(cafile=self.ca)
        tls.check_hostname = False
        client = imaplib.IMAP4_SSL("127.0.0.1", self.port, ssl_context=tls, timeout=10)
        client.login(user, PASSWORD)
        return client

    def uidvalidity(self, user):
        client = self.client(user)
        client.select("INBOX", True)
        value = client.response("UIDVALIDITY")[1]
        client.logout()
        return value

    def append(self, user, mail, mailbox="INBOX", flags="", at=None):
        client = self.client(user)
        status, why = client.append(mailbox, flags, at and imaplib.Time2Internaldate(at), mail)
        assert status == "OK", why
        client.logout()

    def deliver(self, user, mail):
        """By the delivery agent."""
        command = [LDA, "-c", self.config, "-d", user, "-f", "x@far.test"]
        subprocess.run(command, input=mail, check=True, capture_output=True)

    def drop(self, user, mail):
        """As a file, so also while nothing runs. A file of Maildir ends its lines with LF."""
        self.count += 1
        at, name = f"{self.folder}/mail/{user}/Maildir", f"{time.time_ns()}.{self.count}.else"
        with open(f"{at}/tmp/{name}", "wb") as file:
            file.write(mail.replace(b"\r\n", b"\n"))
        shutil.chown(f"{at}/tmp/{name}", OWNER, OWNER)
        os.rename(f"{at}/tmp/{name}", f"{at}/new/{name}")

    def renumber(self, user):
        """Takes away what it knows of the numbers: INBOX has a new UIDVALIDITY then. It must not
        run."""
        at = f"{self.folder}/mail/{user}/Maildir"
        for name in os.listdir(at):
            if name.startswith(("dovecot-uid", "dovecot.index")):
                os.remove(f"{at}/{name}")


class Stream:
    """Follows the events of an inbox, also over restarts."""

    def __init__(self, world, inbox):
        self.world, self.inbox = world, inbox
        self.seen, self.last, self.ends, self.is_open = [], "0", False, False
        self.socket = None
        self.thread = threading.Thread(target=self.work, daemon=True)
        self.thread.start()
        until("a stream", 10, lambda: self.is_open)

    def work(self):
        while not self.ends:
            try:
                self.follow()
            except (OSError, http.client.HTTPException, ValueError, AttributeError):
                pass
            self.is_open = False
            time.sleep(0.05)

    def follow(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.world.server.port("http"), timeout=40)
        connection.connect()
        self.socket = connection.sock
        fields = {"Authorization": "Bearer " + self.world.key, "Last-Event-ID": self.last}
        connection.request("GET", f"/api/v1/inboxes/{self.inbox}/events", headers=fields)
        answer = connection.getresponse()
        assert answer.status == 200, answer.read()
        self.is_open, kind = True, ""
        for line in answer:
            field, _, value = line.decode().rstrip("\n").partition(": ")
            if field == "id":
                self.last = value
            elif field == "event":
                kind = value
            elif field == "data" and kind == "message.received":
                self.seen.append((time.monotonic(), json.loads(value)["message"]["subject"]))

    def subjects(self):
        return [subject for _, subject in list(self.seen)]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def end(self):
        self.ends = True
        self.socket.shutdown(socket.SHUT_RDWR)
        self.thread.join()


def mail_of(subject, more=b""):
    """A message. Every third one has no Message-ID."""
    text = f"From: Bob <bob@far.test>\r\nTo: ann@else.test\r\nSubject: {subject}\r\n"
    if int(subject.rsplit(" ", 1)[1]) % 3:
        text += f"Message-ID: <{subject.replace(' ', '.')}@far.test>\r\n"
    return text.encode() + b"\r\nbody of " + subject.encode() + b"\r\n" + more


class World:
    """Dovecot, a name server, and a server of ours with an account there."""

    def __init__(self, binary, folder, ends):
        self.binary, self.folder = binary, folder
        self.dovecot = Dovecot(f"{folder}/else")
        ends.callback(self.dovecot.kill)
        with open(f"{folder}/zone", "w") as file:
            file.write(f"{HOST} A 127.0.0.1\n{OWN} A 127.0.0.1\n")
        self.names = subprocess.Popen(
            [sys.executable, f"{HERE}/fake_dns.py", f"{folder}/zone", "--listen", "127.0.0.1:0"],
            stdout=subprocess.PIPE, text=True,
        )
        ends.callback(self.names.kill)
        resolver = self.names.stdout.readline().strip()
        other = self.write("other", f'hostname = "{OWN}"\ndomain = "agents.own.test"\n')
        self.other = Server(binary, f"{folder}/other", flags=("--no-limits", "--config", other))
        ends.callback(self.other.kill)
        with open(f"{folder}/roots.pem", "w") as roots:
            roots.write(open(self.dovecot.ca).read() + open(self.other.ready["ca"]).read())
        self.config = self.write("here", f'[dns]\nresolvers = ["{resolver}"]\n[upstream]\nallow_private = true\nca = "{folder}/roots.pem"\n')
        self.server = None
        self.start()
        ends.callback(lambda: self.server.kill())
        self.key = self.organization(self.server, f"{folder}/here")
        self.sent = collections.defaultdict(list)

    def write(self, name, text):
        with open(f"{self.folder}/{name}.toml", "w") as file:
            file.write(text)
        return file.name

    def start(self):
        self.server = Server(self.binary, f"{self.folder}/here", flags=("--no-limits", "--config", self.config))

    def organization(self, server, data):
        with open(f"{data}/operator.token") as file:
            token = file.read().strip()
        return self.ask(token, "POST", "/orgs", {"name": "o"}, server)["key"]

    def ask(self, key, method, path, body=None, server=None):
        status, answer = (server or self.server).rest(key, method, "/api/v1" + path, body)
        assert status in (200, 201, 202, 204), f"{method} {path}: {status} {answer}"
        return answer

    def account(self, user, password=PASSWORD, host=HOST, port=None, tls="implicit"):
        """An inbox that is an account there."""
        upstream = {"host": host, "port": port or self.dovecot.port, "tls": tls, "user": user, "password": password}
        return self.ask(self.key, "POST", "/inboxes", {"upstream": upstream})["id"]

    def upstream(self, inbox):
        return self.ask(self.key, "GET", f"/inboxes/{inbox}")["upstream"]

    def messages(self, inbox, folder="INBOX"):
        rows, cursor = [], ""
        while True:
            page = self.ask(self.key, "GET", f"/inboxes/{inbox}/messages?folder={folder}&limit=100{cursor}")
            rows += page["data"]
            if not page["next_cursor"]:
                return rows
            cursor = f"&cursor={page['next_cursor']}"

    def put(self, way, user, subject, more=b""):
        """Mail comes into the account."""
        mail = mail_of(subject, more)
        way(user, mail)
        self.sent[user].append((subject, mail))
        return time.monotonic()

    def burst(self, user, name, stream):
        """Many messages; gives how many are still to come when the first ones have."""
        for n in range(BURST):
            self.put(self.dovecot.drop, user, f"{name} {n}")
        here = lambda: sum(1 for subject in stream.subjects() if subject.startswith(name))
        until(f"the first of {name}", 20, here)
        return BURST - here()

    def check(self, user, inbox, stream, seconds=25):
        """All that came there is here, once, and was told once."""
        wanted = sorted(subject for subject, _ in self.sent[user])
        try:
            until("every message", seconds, lambda: set(wanted) <= set(stream.subjects()))
        finally:
            told = collections.Counter(stream.subjects())
            here = collections.Counter(row["subject"] for row in self.messages(inbox))
            lost = [subject for subject in wanted if not (told[subject] and here[subject])]
            twice = [subject for subject in {**told, **here} if told[subject] > 1 or here[subject] > 1]
            strange = [subject for subject in {**told, **here} if subject not in wanted]
            assert not (lost or twice or strange), f"lost {lost}, twice {twice}, strange {strange}: {self.upstream(inbox)}"
        return len(wanted)

    def restart(self, kill):
        self.server.kill() if kill else self.server.stop()
        self.start()


def check_first(world, dovecot):
    """What was there before stays there; what came before anyone listened comes then."""
    user = "ann@else.test"
    # Older than five minutes, which are given to clocks that differ.
    dovecot.append(user, mail_of("old 1"), at=time.time() - 3600)
    inbox = world.account(user)
    # Its first look: a session that comes and goes.
    until("a first look", 15, lambda: dovecot.log().count(f"imap({user})") > 1)
    until("its end", 15, lambda: dovecot.connections(user) == 0)
    assert world.upstream(inbox)["error"] is None, world.upstream(inbox)
    world.put(dovecot.append, user, "unheard 1")
    world.put(dovecot.deliver, user, "unheard 2")
    time.sleep(2)
    assert dovecot.connections(user) == 0 and world.messages(inbox) == []
    stream = Stream(world, inbox)
    count = world.check(user, inbox, stream)
    until("one connection", 5, lambda: dovecot.connections(user) == 1)
    assert world.upstream(inbox)["state"] == "connected"
    print(f"first look: {count} that came while nobody listened, none of those before")
    return user, inbox, stream


def check_news(world, dovecot, user, inbox, stream):
    """While it waits, mail comes by itself, with its octets. Dovecot tells news half a second
    after they came."""
    waits, began = [], {}
    for n in range(12):
        way = (dovecot.append, dovecot.deliver, dovecot.drop)[n % 3]
        began[f"news {n}"] = world.put(way, user, f"news {n}")
        until(f"news {n}", 10, lambda: f"news {n}" in stream.subjects())
    big = b"".join(b"%06d line of a long message\r\n" % n for n in range(100_000))
    world.put(dovecot.append, user, "long 1", big)
    world.put(dovecot.append, user, "odd 1", b"8 bit \xff\xfe \xe2\x82 and a dot\r\n.\r\n" + b"x" * 5000 + b"\r\n")
    world.put(dovecot.append, user, "short 1")
    world.check(user, inbox, stream)
    for at, subject in stream.seen:
        if subject in began:
            waits.append(at - began[subject])
    by_subject = {row["subject"]: row["id"] for row in world.messages(inbox)}
    for subject, mail in world.sent[user]:
        connection = http.client.HTTPConnection("127.0.0.1", world.server.port("http"), timeout=10)
        connection.request("GET", f"/api/v1/inboxes/{inbox}/messages/{by_subject[subject]}/raw",
                           headers={"Authorization": "Bearer " + world.key})
        octets = connection.getresponse().read()
        connection.close()
        # The delivery agent writes lines of its own in front.
        assert octets.endswith(mail), subject
    waits.sort()
    print(f"news: median {waits[len(waits) // 2] * 1000:.0f} ms, slowest {waits[-1] * 1000:.0f} ms; octets are the same")


def check_kills(world, dovecot, user, inbox, stream):
    """Dovecot is killed under mail."""
    under_way = 0
    for kill in range(KILLS):
        under_way += world.burst(user, f"kill{kill}", stream)
        dovecot.kill()
        world.put(dovecot.drop, user, f"down{kill} 1")
        dovecot.start()
        world.put(dovecot.append, user, f"down{kill} 2")
    dovecot.append(user, mail_of("sent 1"), "Gesendet", "\\Seen")
    count = world.check(user, inbox, stream)
    print(f"kills of Dovecot: {KILLS}, {under_way} messages under way, {count} in all, none lost, none twice")


def check_renumbered(world, dovecot, user, inbox, stream):
    """A new UIDVALIDITY: what is here does not come again, and what is new does."""
    before = dovecot.uidvalidity(user)
    dovecot.kill()
    dovecot.renumber(user)
    world.put(dovecot.drop, user, "renumbered 1")
    world.put(dovecot.drop, user, "renumbered 3")
    dovecot.start()
    count = world.check(user, inbox, stream)
    # Time for repeats to come: the connection waits again.
    world.put(dovecot.append, user, "renumbered 2")
    world.check(user, inbox, stream)
    assert dovecot.uidvalidity(user) != before, before
    print(f"a new UIDVALIDITY: {count + 1} messages, none lost, none twice")


def check_restarts(world, dovecot, user, inbox, stream):
    """This server is killed and stopped under mail."""
    under_way = 0
    for restart in range(4):
        under_way += world.burst(user, f"restart{restart}", stream)
        world.restart(kill=restart % 2 == 0)
    count = world.check(user, inbox, stream)
    until("one connection", 10, lambda: dovecot.connections(user) == 1)
    sent = [row["subject"] for row in world.messages(inbox, "Sent")]
    assert sent == ["sent 1"], sent
    print(f"restarts: 2 kills, 2 stops, {under_way} messages under way, {count} in all, none lost, none twice; Sent has what Gesendet had")


def check_end(world, dovecot, user, inbox, stream):
    """The last listener leaves."""
    other = Stream(world, inbox)
    stream.end()
    time.sleep(6)
    assert dovecot.connections(user) == 1, "it left while one listened"
    other.end()
    began = time.monotonic()
    until("the connection has ended", 10, lambda: dovecot.connections(user) == 0)
    took = time.monotonic() - began
    until("idle", 2, lambda: world.upstream(inbox)["state"] == "idle")
    print(f"the last listener has left: the connection ended after {took:.1f} s")


def check_password(world, dovecot):
    """STARTTLS, with a wrong password first."""
    user = "bob@else.test"
    inbox = world.account(user, "wrong", port=dovecot.clear, tls="starttls")
    with Stream(world, inbox) as stream:
        until("the login is refused", 15, lambda: world.upstream(inbox)["state"] == "failing")
        why = world.upstream(inbox)["error"]
        assert "login was refused" in why, why
        time.sleep(6)
        tried = dovecot.log().count(f"user=<{user}>")
        assert tried == 1, f"a wrong password was tried {tried} times"
        world.ask(world.key, "PATCH", f"/inboxes/{inbox}", {"upstream": {"password": PASSWORD}})
        until("connected", 15, lambda: world.upstream(inbox)["state"] == "connected")
        until("it waits", 5, lambda: dovecot.connections(user) == 1)
        world.put(dovecot.append, user, "bob 1")
        world.check(user, inbox, stream)
    print(f"STARTTLS: a wrong password was tried once ({why}), a right one is taken")


def check_own(world):
    """The server of the account is one of ours."""
    other = world.other
    key = world.organization(other, f"{world.folder}/other")
    there = world.ask(key, "POST", "/inboxes", {"username": "carl"}, other)
    user = there["address"]

    def send(_, mail):
        client = other.imap(user, key)
        assert client.append("INBOX", None, None, mail)[0] == "OK"
        client.logout()

    inbox = world.account(user, key, OWN, other.port("imaps"))
    with Stream(world, inbox) as stream:
        until("connected", 15, lambda: world.upstream(inbox)["state"] == "connected")
        time.sleep(1)  # Its first look is over.
        for n in range(5):
            world.put(send, user, f"own {n}")
        count = world.check(user, inbox, stream)
    print(f"one of ours is the server: {count} messages, none lost, none twice")


def run(doc, check, prepare=lambda folder: None, secrets=lambda: [PASSWORD]):
    """The main program of a script: `check(world)`, then no secret stands in the folder of the
    server, which is verified. `prepare` is called with the folder before the world is made."""
    parser = argparse.ArgumentParser(description=doc)
    parser.add_argument("binary")
    options = parser.parse_args()
    began = time.monotonic()
    install()
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as ends:
        os.chmod(folder, 0o755)
        prepare(folder)
        world = World(os.path.abspath(options.binary), folder, ends)
        try:
            check(world)
            look_for_secrets(world.binary, f"{folder}/here", secrets())
            wrong = world.server.stop() or verify(world.binary, f"{folder}/here")
            assert not wrong, wrong
        except BaseException:
            print(open(world.server.path, errors="replace").read()[-3000:], world.dovecot.log()[-3000:], sep="\n--\n")
            raise
    print(f"{time.monotonic() - began:.0f} s")


def check_all(world):
    ours = check_first(world, world.dovecot)
    for check in (check_news, check_kills, check_renumbered, check_restarts, check_end):
        check(world, world.dovecot, *ours)
    check_password(world, world.dovecot)
    check_own(world)


if __name__ == "__main__":
    run(__doc__, check_all)
