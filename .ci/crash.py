#!/usr/bin/env python3
"""Kills the server with SIGKILL in the middle of mixed load, again and again. No acknowledged
change may be lost.

Each cycle makes an inbox of its own. SMTP, IMAP (APPEND, STORE, EXPUNGE) and REST sends run at
once. The server is killed at a random moment, `postern verify` runs, and the next server is
asked over IMAP and REST for everything that was acknowledged.

    python3 .ci/crash.py target/release/postern [--cycles 50] [--seed 1]
"""

import argparse
import json
import os
import random
import shutil
import sys
import tempfile
import time

import load
from load import headers, over_imap, over_rest, over_smtp
from rig import Server, verify


def check_work(client, done):
    """The mailbox Work against what was acknowledged there."""
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


def check_events(server, key, after):
    """Reads the log behind `after`: what is wrong, the messages in it, and its last number."""
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
        faults.append("events are out of order or twice there")
    return faults, heard, (seqs[-1] if seqs else int(after))


def check(server, inbox, key, done, after):
    """Everything that is acknowledged and not there, and the last number of the log."""
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
    more, heard, after = check_events(server, key, after)
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
        works = [over_smtp, over_smtp, over_rest, over_imap]
        done, threads = load.start(server, works, inbox, key, f"c{cycle}")
        time.sleep(random.uniform(0.15, 0.7))
        server.kill()
        for thread in threads:
            thread.join()
        if wrong := verify(options.binary, folder):
            faults.append(f"cycle {cycle}: {wrong}")
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
