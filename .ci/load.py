"""Clients that load a server until it goes, and the record of what it has acknowledged."""

import http.client
import imaplib
import random
import re
import smtplib
import threading


class Acknowledged:
    """What the server has acknowledged, and what it was asked and may have done."""

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
    """A message of some lines."""
    filler = "\r\n".join("line %d of a message that has to survive" % i for i in range(random.randint(1, 80)))
    return (
        f"From: <{inbox}>\r\nTo: <{inbox}>\r\nSubject: {message_id}\r\nMessage-ID: <{message_id}>\r\n"
        f"Date: Thu, 01 Jan 2026 00:00:00 +0000\r\n\r\n{filler}\r\n"
    )


# The errors of a client whose server has been killed.
GONE = (OSError, smtplib.SMTPException, imaplib.IMAP4.error, http.client.HTTPException, ValueError)


def over_smtp(server, inbox, key, done, name):
    """Submits messages over one connection."""
    client = smtplib.SMTP_SSL("localhost", server.port("smtps"), context=server.tls, timeout=10)
    client.login(inbox, key)
    for n in range(1_000_000):
        message_id = f"{name}.{n}@crash.test"
        client.sendmail(inbox, [inbox], text(inbox, message_id))
        with done.lock:
            done.smtp.add(message_id)


def over_rest(server, inbox, key, done, name):
    """Sends messages over REST, each with an idempotency key."""
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
    """Appends messages, flags every third and expunges every third."""
    client = server.imap(inbox, key)
    client.create("Work")
    client.select("Work")
    for n in range(1_000_000):
        message_id = f"{name}.{n}@crash.test"
        status, answer = client.append("Work", None, None, text(inbox, message_id).encode())
        found = re.search(rb"APPENDUID (\d+) (\d+)", answer[0] or b"")
        if status != "OK" or not found:
            return
        at = (int(found[1]), int(found[2]))
        with done.lock:
            done.appended[at] = message_id
        if n % 3 == 1:
            answer = client.uid("STORE", str(at[1]), "+FLAGS", "(\\Flagged)")
            if answer[0] == "OK":
                with done.lock:
                    done.flagged.add(at)
        if n % 3 == 2:
            with done.lock:
                done.asked_expunge.add(at)
            client.uid("STORE", str(at[1]), "+FLAGS", "(\\Deleted)")
            answer = client.expunge()
            if answer[0] == "OK":
                with done.lock:
                    done.expunged.add(at)


def run(work, *args):
    """Works until the server has gone."""
    try:
        work(*args)
    except GONE:
        pass


def start(server, works, inbox, key, name):
    """Runs clients in threads until the server has gone: their record, and the threads."""
    done = Acknowledged()
    threads = [
        threading.Thread(target=run, args=(work, server, inbox, key, done, f"{name}.{n}"))
        for n, work in enumerate(works)
    ]
    for thread in threads:
        thread.start()
    return done, threads


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
