#!/usr/bin/env python3
"""Idempotency keys under kills: each key is sent by twenty clients at once, while the server is
killed with SIGKILL again and again. Every client asks until it has an answer.

Each key must have made exactly one message in Sent and one in INBOX, all answers to a key must
name the same one, and another body with the same key is refused.

    python3 .ci/idempotent.py target/release/postern [--keys 1000] [--seed 1]
"""

import argparse
import collections
import http.client
import json
import os
import random
import shutil
import sys
import tempfile
import threading
import time

from load import GONE
from rig import Server, verify

CLIENTS = 20


class World:
    """The server of the moment, and what the clients were told."""

    def __init__(self, binary):
        self.binary = binary
        self.folder = tempfile.mkdtemp(prefix="postern-idempotent-") + "/data"
        self.server = Server(binary, self.folder)
        self.key, self.inbox = self.server.ready["api_key"], self.server.ready["inbox"]
        self.lock = threading.Lock()
        self.told = collections.defaultdict(set)  # key -> ids
        self.wrong = []
        self.asked = 0

    def restart(self):
        """Kills the server; the next one has the same folder, and other ports."""
        self.server.kill()
        if found := verify(self.binary, self.folder):
            self.wrong.append(found)
        self.server = Server(self.binary, self.folder)

    def send(self, connection, name, text):
        """One send; status and answer."""
        body = {"to": [self.inbox], "subject": name, "text": text}
        fields = {
            "Authorization": "Bearer " + self.key,
            "Content-Type": "application/json",
            "Idempotency-Key": name,
        }
        connection.request("POST", f"/api/v1/inboxes/{self.inbox}/messages", json.dumps(body), fields)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())


def client(world, names):
    """Sends every key, each until there is an answer."""
    connection = None
    for name in names:
        while True:
            try:
                if connection is None:
                    port = world.server.port("http")
                    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
                status, answer = world.send(connection, name, "the text of " + name)
            except GONE:
                connection = None
                time.sleep(0.02)
                continue
            with world.lock:
                world.asked += 1
                if status == 202:
                    world.told[name].add(answer["id"])
                elif status != 503:
                    world.wrong.append(f"{name}: {status} {answer}")
            if status != 503:
                break


def check(world, names):
    """Everything that is not as it should be."""
    wrong = list(world.wrong)
    for name in names:
        if len(world.told[name]) != 1:
            wrong.append(f"{name}: the clients were told {world.told[name]}")
    ids = {}
    for folder in ["Sent", "INBOX"]:
        subjects, cursor = collections.Counter(), ""
        while True:
            path = f"/api/v1/inboxes/{world.inbox}/messages?folder={folder}&limit=200{cursor}"
            _, page = world.server.rest(world.key, "GET", path)
            for row in page["data"]:
                subjects[row["subject"]] += 1
                if folder == "Sent":
                    ids[row["subject"]] = row["id"]
            if not page["next_cursor"]:
                break
            cursor = "&cursor=" + page["next_cursor"]
        wrong += [f"{name} is {subjects[name]} times in {folder}" for name in names if subjects[name] != 1]
    wrong += [f"{name}: {ids.get(name)} is not what was told" for name in names if {ids.get(name)} != world.told[name]]
    connection = http.client.HTTPConnection("127.0.0.1", world.server.port("http"), timeout=10)
    for name in names[:20]:
        status, answer = world.send(connection, name, "another text")
        if status != 409 or answer["error"]["code"] != "idempotency_conflict":
            wrong.append(f"{name} with another body: {status} {answer}")
    return wrong


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("--keys", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args()
    random.seed(options.seed)
    world = World(options.binary)
    names = [f"key-{n}" for n in range(options.keys)]
    # All clients go through the keys in the same order, so that they meet at each.
    threads = [threading.Thread(target=client, args=(world, names)) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    kills = 0
    while any(thread.is_alive() for thread in threads):
        time.sleep(random.uniform(0.1, 0.6))
        if any(thread.is_alive() for thread in threads):
            world.restart()
            kills += 1
    wrong = check(world, names)
    if found := verify(world.binary, world.folder):
        wrong.append(found)
    world.server.kill()
    print(json.dumps({"keys": len(names), "answers": world.asked, "kills": kills, "faults": len(wrong), "seed": options.seed}))
    if wrong:
        print("\n".join(wrong[:20]))
        sys.exit(f"the folder is kept: {world.folder}")
    shutil.rmtree(os.path.dirname(world.folder))
    if kills < 3:
        sys.exit("too few kills for this to mean anything")


if __name__ == "__main__":
    main()
