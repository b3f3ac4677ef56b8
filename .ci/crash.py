#!/usr/bin/env python3
"""kill -9 in the middle of mixed load, again and again; nothing acknowledged may be lost.

Each cycle makes an inbox of its own, lets SMTP, IMAP (APPEND, STORE, EXPUNGE) and REST send
run at once, kills the server at a random moment, runs `postern verify`, starts it again and
asks it over IMAP and REST for everything that it had acknowledged.

    python3 .ci/crash.py target/release/postern [--cycles 50] [--seed 1]
"""

import argparse
import http.client
import imaplib
import json
import os
import random
import re
import shutil
import signal
import smtplib
import ssl
import subprocess
import sys
import tempfile
import threading
import time


class Server:
    """A running server. `under` is a command that runs it, such as strace; `flags` are the
    server's own."""

    def __init__(self, binary, folder, under=(), flags=("--no-limits",), env=None):
        self.log = open(folder + ".log", "ab")
        self.process = subprocess.Popen(
            [*under, binary, "serve", "--data", folder, "--ports", "auto", "--json", *flags],
            stdout=subprocess.PIPE,
            stderr=self.log,
            env={**os.environ, **(env or {})},
        )
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"the server did not start:\n{open(folder + '.log').read()[-3000:]}")
        self.ready = json.loads(line)
        self.tls = ssl.create_default_context(cafile=self.ready["ca"])

    def port(self, name):
        value = self.ready[name]
        return value if isinstance(value, int) else int(value.rstrip("/").rsplit(":", 1)[1])

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()
        self.log.close()

    def rest(self, key, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port("http"), timeout=10)
        fields = {"Authorization": "Bearer " + key, "Content-Type": "application/json", **(headers or {})}
        connection.request(method, path, json.dumps(body) if body is not None else None, fields)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        return answer.status, json.loads(text) if text else None

    def imap(self, inbox, key):
        client = imaplib.IMAP4_SSL("localhost", self.port("imaps"), ssl_context=self.tls, timeout=10)
        client.login(inbox, key)
        return client


class Acknowledged:
    """What the server has said yes to, and what it was asked and may have done."""

    def __init__(self):
        self.lock = threading.Lock()
        self.smtp = set()  # Message-IDs after 250
        self.sent = {}  # Message-ID of a REST send -> id
        self.appended = {}  # (uidvalidity, uid) -> Message-ID
        self.asked_expunge = set()
        self.expunged = set()
        self.flagged = set()

    def count(self):
        return len(self.smtp) + len(self.sent) + len(self.appended) + len(self.expunged) + len(self.flagged)


def text(inbox, message_id):
    filler = "\r\n".join("line %d of a message that has to survive" % i for i in range(random.randint(1, 80)))
    return (
        f"From: <{inbox}>\r\nTo: <{inbox}>\r\nSubject: {message_id}\r\nMessage-ID: <{message_id}>\r\n"
        f"Date: Thu, 01 Jan 2026 00:00:00 +0000\r\n\r\n{filler}\r\n"
    )


# What a client may see when the server is killed under it.
GONE = (OSError, smtplib.SMTPException, imaplib.IMAP4.error, http.client.HTTPException, ValueError)


def over_smtp(server, inbox, key, done, name):
    client = smtplib.SMTP_SSL("localhost", server.port("smtps"), context=server.tls, timeout=10)
    client.login(inbox, key)
    for n in range(1_000_000):
        message_id = f"{name}.{n}@crash.test"
        client.sendmail(inbox, [inbox], text(inbox, message_id))
        with done.lock:
            done.smtp.add(message_id)


def over_rest(server, inbox, key, done, name):
    for n in range(1_000_000):
        status, answer = server.rest(
            key,
            "POST",
            f"/api/v1/inboxes/{inbox}/messages",
            {"to": [inbox], "subject": f"{name}.{n}", "text": "hello"},
            {"Idempotency-Key": f"{name}.{n}"},
        )
        if status == 202:
            with done.lock:
                done.sent[answer["message_id"].strip("<>")] = answer["id"]


def over_imap(server, inbox, key, done, name):
    client = server.imap(inbox, key)
    client.create("Work")
    client.select("Work")
    for n in range(1_000_000):
        message_id = f"{name}.{n}@crash.test"
        status, answer = client.append("Work", None, None, text(inbox, message_id).encode())
        found = re.search(rb"APPENDUID (\d+) (\d+)", answer[0] or b"")
        if status != "OK" or not found:
            return
        place = (int(found[1]), int(found[2]))
        with done.lock:
            done.appended[place] = message_id
        if n % 3 == 1:
            answer = client.uid("STORE", str(place[1]), "+FLAGS", "(\\Flagged)")
            if answer[0] == "OK":
                with done.lock:
                    done.flagged.add(place)
        if n % 3 == 2:
            with done.lock:
                done.asked_expunge.add(place)
            client.uid("STORE", str(place[1]), "+FLAGS", "(\\Deleted)")
            answer = client.expunge()
            if answer[0] == "OK":
                with done.lock:
                    done.expunged.add(place)


def run(work, *args):
    try:
        work(*args)
    except GONE:
        pass


def headers(client, mailbox):
    """UID -> (Message-ID, flags), and UIDVALIDITY, UIDNEXT."""
    client.select(mailbox, readonly=True)
    validity = int(client.response("UIDVALIDITY")[1][0])
    uidnext = int(client.response("UIDNEXT")[1][0])
    found = {}
    _, rows = client.uid("FETCH", "1:*", "(FLAGS BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])")
    for row in rows:
        if not isinstance(row, tuple):
            continue
        uid = int(re.search(rb"UID (\d+)", row[0])[1])
        flags = re.search(rb"FLAGS \(([^)]*)\)", row[0])[1].decode().split()
        message_id = re.search(rb"<([^>]*)>", row[1])
        assert uid not in found, f"UID {uid} stands twice in {mailbox}"
        found[uid] = (message_id[1].decode() if message_id else "", flags)
    return found, validity, uidnext


def check_work(client, done):
    faults = []
    work, validity, uidnext = headers(client, "Work")
    for (at_validity, uid), message_id in done.appended.items():
        place = (at_validity, uid)
        if at_validity != validity:
            faults.append(f"UIDVALIDITY changed from {at_validity} to {validity}")
        elif uid >= uidnext:
            faults.append(f"UIDNEXT {uidnext} is not above the acknowledged UID {uid}")
        elif uid in work and work[uid][0] != message_id:
            faults.append(f"UID {uid} was {message_id} and is {work[uid][0]}")
        elif place in done.expunged and uid in work:
            faults.append(f"UID {uid} was expunged and is there")
        elif place not in done.asked_expunge and uid not in work:
            faults.append(f"UID {uid} ({message_id}) is gone")
        elif place in done.flagged and uid in work and "\\Flagged" not in work[uid][1]:
            faults.append(f"UID {uid} has lost \\Flagged")
    return faults


def check_events(server, key, done, after):
    faults, heard, seqs = [], set(), []
    while True:
        _, page = server.rest(key, "GET", f"/api/v1/events/log?after={after}&limit=200")
        for event in page["data"]:
            seqs.append(event["seq"])
            if event["type"] == "message.received":
                heard.add(event["message"]["id"])
        if not page["data"] or not page["next_cursor"]:
            break
        after = page["next_cursor"]
    if seqs != sorted(set(seqs)):
        faults.append("events are out of order or double")
    return faults, heard, (seqs[-1] if seqs else int(after))


def check(server, inbox, key, done, after):
    faults = []
    client = server.imap(inbox, key)
    expected = list(done.smtp) + list(done.sent)
    for mailbox in ["INBOX", "Sent"]:
        found, _, _ = headers(client, mailbox)
        ids = [m for m, _ in found.values()]
        for message_id in expected:
            if ids.count(message_id) != 1:
                faults.append(f"acknowledged {message_id} is {ids.count(message_id)} times in {mailbox}")
    if done.appended:
        faults += check_work(client, done)
    client.logout()
    more, heard, after = check_events(server, key, done, after)
    faults += more
    cursor = ""
    while True:
        _, page = server.rest(key, "GET", f"/api/v1/inboxes/{inbox}/messages?folder=INBOX&limit=200{cursor}")
        for message in page["data"]:
            if message["id"] not in heard:
                faults.append(f"no event for {message['id']}")
        if not page["next_cursor"]:
            break
        cursor = "&cursor=" + page["next_cursor"]
    return faults, after


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("--cycles", type=int, default=50)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args()
    random.seed(options.seed)
    folder = tempfile.mkdtemp(prefix="postern-crash-") + "/data"
    after, total, faults = 0, 0, []
    server = Server(options.binary, folder)
    key = server.ready["api_key"]
    for cycle in range(options.cycles):
        status, inbox = server.rest(key, "POST", "/api/v1/inboxes", {"username": f"c{cycle}"})
        assert status == 201, inbox
        inbox = inbox["address"]
        done = Acknowledged()
        threads = [
            threading.Thread(target=run, args=(work, server, inbox, key, done, f"c{cycle}.{n}"))
            for n, work in enumerate([over_smtp, over_smtp, over_rest, over_imap])
        ]
        for thread in threads:
            thread.start()
        time.sleep(random.uniform(0.15, 0.7))
        server.kill()
        for thread in threads:
            thread.join()
        verify = subprocess.run([options.binary, "verify", "--data", folder], capture_output=True, text=True)
        if verify.returncode != 0:
            faults.append(f"cycle {cycle}: verify: {verify.stdout}{verify.stderr}")
        server = Server(options.binary, folder)
        found, after = check(server, inbox, key, done, after)
        faults += [f"cycle {cycle}: {fault}" for fault in found]
        total += done.count()
        if faults:
            break
    server.kill()
    print(json.dumps({"cycles": cycle + 1, "acknowledged": total, "faults": len(faults), "seed": options.seed}))
    if faults:
        print("\n".join(faults[:20]))
        print(f"the folder is kept: {folder}")
        sys.exit(1)
    shutil.rmtree(os.path.dirname(folder))
    if total < options.cycles:
        sys.exit("too little was acknowledged for this to mean anything")


if __name__ == "__main__":
    main()
