#!/usr/bin/env python3
"""Kills the server with SIGKILL while its queue sends, again and again. Each message that it has
acknowledged must be delivered at least once, or bounce, or wait in the queue.

The messages come over SMTP and REST. They go to servers of this script: these take a message,
refuse it for now or for good, lose the connection behind the last octet of a message, in the middle
of it, or behind their 250. At the end the rows, the events, the notifications in the sender's inbox
and what the servers have taken must agree. A message is taken twice only where a crash came between
a 250 and the commit that knows of it: once a connection, with the same Message-ID.

    python3 .ci/outbound_kills.py target/release/postern [--kills 50] [--seed 1]
"""

import argparse
import collections
import json
import os
import random
import re
import shutil
import smtplib
import socket
import sys
import tempfile
import threading
import time

import fake_dns
from load import GONE
from rig import Server, verify

HOSTS = ["127.0.0.71", "127.0.0.72", "127.0.0.73"]
# What a server does with a recipient, by the first word of its local part. It delivers all but `no`
# and `end` in the end.
KINDS = ["ok", "ok", "ok", "no", "end", "late", "slow", "lost", "torn", "bye"]
REFUSED = ("no", "end")


class Taken:
    """A message that a server has taken whole."""

    def __init__(self, connection, recipient, message_id):
        self.connection, self.recipient, self.message_id = connection, recipient, message_id
        # How often the server had been killed when the connection came; None without a 250.
        self.kills = None


class Sink:
    """The other servers."""

    def __init__(self, port):
        self.lock = threading.Lock()
        self.taken = []
        self.tries = collections.Counter()
        self.kills = 0
        self.connections = 0
        for host in HOSTS:
            listener = socket.socket()
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((host, port))
            listener.listen(128)
            threading.Thread(target=self.serve, args=(listener,), daemon=True).start()

    def serve(self, listener):
        """Accepts for ever."""
        while True:
            connection, _ = listener.accept()
            with self.lock:
                self.connections += 1
                # A connection is of the process that was there when it came.
                number = (self.connections, self.kills)
            threading.Thread(target=self.one, args=(connection, number), daemon=True).start()

    def one(self, connection, number):
        """One connection."""
        try:
            connection.settimeout(30)
            self.converse(connection, number)
        except (OSError, ValueError):
            pass
        finally:
            connection.close()

    def converse(self, connection, number):
        """SMTP with PIPELINING, until the client goes or the kind of a recipient ends it."""
        lines = connection.makefile("rb")
        connection.sendall(b"220 sink ESMTP\r\n")
        recipient, refusal = None, None
        while line := lines.readline():
            verb = line.split()[0].upper()
            if verb == b"EHLO":
                reply = b"250-sink\r\n250-PIPELINING\r\n250 8BITMIME"
            elif verb == b"RCPT":
                recipient = re.search(rb"<(.*?)>", line)[1].decode()
                refusal = self.refusal(recipient)
                reply = refusal or b"250 2.1.5 Ok"
            elif verb == b"DATA":
                if refusal:
                    reply = b"554 5.5.1 No recipients"
                elif not self.data(connection, lines, number, recipient):
                    return
                else:
                    continue
            elif verb == b"QUIT":
                connection.sendall(b"221 2.0.0 Bye\r\n")
                return
            else:
                reply = b"250 2.0.0 Ok"
            connection.sendall(reply + b"\r\n")

    def refusal(self, recipient):
        """The reply to RCPT where it is none of 250."""
        kind = recipient.split("-")[0]
        with self.lock:
            self.tries[recipient] += 1
            tries = self.tries[recipient]
        if kind == "no":
            return b"550 5.1.1 No such user"
        if kind == "late" and tries <= 2:
            return b"450 4.2.0 Greylisted"
        return None

    def data(self, connection, lines, number, recipient):
        """The message. False: the connection has ended."""
        kind = recipient.split("-")[0]
        with self.lock:
            is_first = self.tries[recipient] == 1
        connection.sendall(b"354 go\r\n")
        if kind == "torn" and is_first:
            lines.readline()
            return False
        octets = b""
        while (line := lines.readline()) != b".\r\n":
            if not line:
                return False
            octets += line
        if kind == "end":
            connection.sendall(b"554 5.6.0 Not this\r\n")
            return True
        if kind == "slow":
            time.sleep(random.uniform(0.0, 0.2))
        message_id = re.search(rb"^Message-ID: *<(.*?)>", octets, re.I | re.M)[1].decode()
        taken = Taken(number, recipient, message_id)
        with self.lock:
            self.taken.append(taken)
            is_lost = kind == "lost" and is_first
            if not is_lost:
                taken.kills = number[1]
        if is_lost:
            return False
        connection.sendall(b"250 2.0.0 Taken\r\n")
        if kind == "bye":
            connection.shutdown(socket.SHUT_WR)
            return False
        return True


class Sent:
    """What the server has acknowledged: recipient -> Message-ID."""

    def __init__(self):
        self.lock = threading.Lock()
        self.acknowledged = {}
        self.n = 0

    def recipients(self):
        """Some recipients that no other message has."""
        with self.lock:
            self.n += 1
            n = self.n
        return [f"{random.choice(KINDS)}-{n}-{k}@d{random.randrange(len(HOSTS))}.test" for k in range(random.choice([1, 1, 3]))]

    def acknowledge(self, recipients, message_id):
        """The server has answered that it has the message."""
        with self.lock:
            for recipient in recipients:
                self.acknowledged[recipient] = message_id


def over_smtp(server, inbox, key, sent):
    """Submits messages over one connection until the server goes."""
    client = smtplib.SMTP_SSL("localhost", server.port("smtps"), context=server.tls, timeout=10)
    client.login(inbox, key)
    while True:
        to = sent.recipients()
        message_id = f"{to[0].split('@')[0]}.smtp@kills.test"
        text = "line of a message\r\n" * random.randint(1, 400)
        client.sendmail(inbox, to, f"From: <{inbox}>\r\nTo: {', '.join(to)}\r\nMessage-ID: <{message_id}>\r\n\r\n{text}")
        sent.acknowledge(to, message_id)
        time.sleep(random.uniform(0, 0.02))


def over_rest(server, inbox, key, sent):
    """Sends messages over REST until the server goes."""
    while True:
        to = sent.recipients()
        status, answer = server.rest(
            key, "POST", f"/api/v1/inboxes/{inbox}/messages", {"to": to, "subject": to[0], "text": "hello"}, {"Idempotency-Key": to[0]}
        )
        assert status == 202, answer
        sent.acknowledge(to, answer["message_id"].strip("<>"))
        time.sleep(random.uniform(0, 0.02))


def run(work, *args):
    """Works until the server has gone."""
    try:
        work(*args)
    except GONE:
        pass


def pages(server, key, path):
    """All rows of a list."""
    cursor = ""
    while True:
        _, page = server.rest(key, "GET", f"{path}{'&' if '?' in path else '?'}limit=200{cursor}")
        yield from page["data"]
        if not page["next_cursor"]:
            return
        cursor = "&cursor=" + page["next_cursor"]


def log_of(server, key):
    """All events about recipients outside."""
    after = "0"
    while True:
        _, page = server.rest(key, "GET", f"/api/v1/events/log?type=message.delivered,message.bounced&after={after}&limit=200")
        yield from page["data"]
        if not page["data"] or not page["next_cursor"]:
            return
        after = page["next_cursor"]


def notified(server, inbox, key):
    """How often each recipient stands in a notification of a failure in the INBOX."""
    client = server.imap(inbox, key)
    client.select("INBOX", readonly=True)
    told = collections.Counter()
    _, rows = client.uid("FETCH", "1:*", "(BODY.PEEK[])")
    for row in rows:
        if isinstance(row, tuple) and b"\r\nAction: failed" in row[1]:
            told[re.search(rb"^Final-Recipient: rfc822; *(.*?)\r$", row[1], re.M)[1].decode()] += 1
    client.logout()
    return told


def agree(sent, sink, rows, events, told):
    """What does not agree."""
    faults = []
    rows_of = collections.defaultdict(list)
    for row in rows:
        rows_of[row["recipient"]].append(row)
    takes = collections.defaultdict(list)
    for taken in sink.taken:
        takes[taken.recipient].append(taken)
    delivered = collections.Counter(e["recipient"] for e in events if e["type"] == "message.delivered")
    bounced = collections.Counter(e["recipient"] for e in events if e["type"] == "message.bounced")
    for recipient in sent.acknowledged.keys() - rows_of.keys():
        faults.append(f"acknowledged {recipient} has vanished")
    for recipient in takes.keys() - rows_of.keys():
        faults.append(f"{recipient} was sent without a row")
    for recipient, found in rows_of.items():
        status, took = found[0]["status"], takes[recipient]
        wants_bounce = recipient.split("-")[0] in REFUSED
        if len(found) != 1:
            faults.append(f"{recipient} has {len(found)} rows")
        if status == "delivered" and (wants_bounce or not any(taken.kills is not None for taken in took)):
            faults.append(f"{recipient} is delivered, and no server said so")
        if status in ("bounced", "expired", "cancelled") and not wants_bounce:
            faults.append(f"{recipient} is {status}: {found[0]}")
        wanted = (int(status == "delivered"), int(status == "bounced"), int(status == "bounced"))
        is_told = (delivered[recipient], bounced[recipient], told[recipient])
        if is_told != wanted:
            faults.append(f"{recipient} is {status}, its events and notifications are {is_told}")
        ids = {taken.message_id for taken in took}
        if len(ids) > 1 or (ids and sent.acknowledged.get(recipient, *ids) not in ids):
            faults.append(f"{recipient} has left as {ids}")
    return faults + repeated(takes)


def repeated(takes):
    """Messages that were taken again where no crash allows it."""
    faults, by_connection = [], collections.Counter()
    for recipient, took in takes.items():
        said = [taken for taken in took if taken.kills is not None]
        for one, again in zip(said, said[1:]):
            by_connection[one.connection] += 1
            if again.kills <= one.kills:
                faults.append(f"{recipient} was taken twice without a crash between")
    faults += [f"{n} messages of one connection were repeated" for n in by_connection.values() if n > 1]
    return faults


class Kills:
    """The server, its clients and its kills."""

    def __init__(self, binary):
        self.binary = binary
        self.root = tempfile.mkdtemp(prefix="postern-queue-")
        with socket.socket() as probe:
            probe.bind(("0.0.0.0", 0))
            port = probe.getsockname()[1]
        self.sink, self.sent = Sink(port), Sent()
        with open(self.root + "/zone", "w") as zone:
            for n, host in enumerate(HOSTS):
                zone.write(f"d{n}.test MX TTL=300 10 mx.d{n}.test\nmx.d{n}.test A TTL=300 {host}\n")
        resolver = fake_dns.start(self.root + "/zone")
        with open(self.root + "/postern.toml", "w") as config:
            config.write(
                'hostname = "mx.kills.test"\ndomain = "kills.test"\n'
                '[listen]\nmx = "127.0.0.1:0"\nhttp = "127.0.0.1:0"\nimaps = "127.0.0.1:0"\nsubmissions = "127.0.0.1:0"\n'
                f'[dns]\nresolvers = ["127.0.0.1:{resolver}"]\n'
                f'[outbound]\nport = {port}\nallow_private = true\nretry = ["1s", "1s", "2s"]\n'
            )
        self.server = self.start()
        self.inbox, self.key = self.server.ready["inbox"], self.server.ready["api_key"]

    def start(self):
        """The server over the same folder."""
        flags = ("--no-limits", "--config", self.root + "/postern.toml")
        return Server(self.binary, self.root + "/data", flags=flags, ports="configured")

    def cycle(self, n):
        """Load, and a kill at a random moment."""
        works = [over_smtp, over_smtp, over_rest]
        args = (self.server, self.inbox, self.key, self.sent)
        threads = [threading.Thread(target=run, args=(work, *args)) for work in works]
        for thread in threads:
            thread.start()
        time.sleep(random.uniform(0.1, 0.8))
        self.server.kill()
        for thread in threads:
            thread.join()
        # What this process has connected is accepted by now.
        time.sleep(0.05)
        with self.sink.lock:
            self.sink.kills += 1
        wrong = verify(self.binary, self.root + "/data") if n % 10 == 9 else ""
        self.server = self.start()
        return [wrong] if wrong else []

    def finish(self, seconds):
        """Waits for the end of all that waits, and compares everything."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            waiting = [s for s in ("queued", "sending", "deferred") if any(pages(self.server, self.key, f"/api/v1/outbound?status={s}"))]
            if not waiting:
                break
            time.sleep(0.5)
        rows = list(pages(self.server, self.key, "/api/v1/outbound"))
        events = list(log_of(self.server, self.key))
        told = notified(self.server, self.inbox, self.key)
        faults = agree(self.sent, self.sink, rows, events, told)
        if self.server.stop() != 0:
            faults.append("the server did not end well")
        return faults + [wrong for wrong in [verify(self.binary, self.root + "/data")] if wrong], rows


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args()
    random.seed(options.seed)
    begin = time.monotonic()
    kills = Kills(os.path.abspath(options.binary))
    faults = []
    for n in range(options.kills):
        faults += kills.cycle(n)
    more, rows = kills.finish(60)
    faults += more
    takes = collections.Counter(taken.recipient for taken in kills.sink.taken if taken.kills is not None)
    figures = {
        "kills": options.kills,
        "acknowledged": len(kills.sent.acknowledged),
        "rows": dict(collections.Counter(row["status"] for row in rows)),
        "repeated": sum(n - 1 for n in takes.values()),
        "faults": len(faults),
        "seed": options.seed,
        "seconds": round(time.monotonic() - begin),
    }
    print(json.dumps(figures))
    if faults:
        print("\n".join(faults[:20]))
        print(f"the folder is kept: {kills.root}")
        sys.exit(1)
    shutil.rmtree(kills.root)
    if len(kills.sent.acknowledged) < 10 * options.kills:
        sys.exit("too little was acknowledged for this to mean anything")


if __name__ == "__main__":
    main()
