#!/usr/bin/env python3
"""Event streams with clients as they are, while the server is stopped and started under load.

    python3 .ci/streams.py target/release/postern [--restarts 50] [--clients 10000]

curl, `eventsource` of npm (with a key, and as a browser with tickets), `httpx-sse` of PyPI and
`postern tail` follow one inbox. Each must have every message that was acknowledged, once and in the
order of the log. Two `postern tail` share a consumer group: together they must have each message at
least once, and nothing is left to acknowledge. curl acknowledges `closing` for its key. Then
thousands of streams come back at once after a restart, and none is refused.
"""

import argparse
import http.client
import json
import os
import resource
import selectors
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

import environment
from rig import verify
from sdk import start

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "streams")
PATIENCE_S = 40


class Load:
    """Sends messages without a pause; each is sent until it is acknowledged."""

    def __init__(self, start, key, inbox, name):
        self.sent, self.ends, self.fault = 0, False, None
        self.server, self.key, self.inbox, self.name = start, key, inbox, name
        self.thread = threading.Thread(target=self.work)
        self.thread.start()

    def work(self):
        while not self.ends:
            subject = f"{self.name}-{self.sent}"
            body = {"to": [self.inbox], "subject": subject, "text": "Hello."}
            try:
                status, _ = self.server().rest(
                    self.key, "POST", f"/api/v1/inboxes/{self.inbox}/messages", body, {"Idempotency-Key": subject}
                )
            except (OSError, http.client.HTTPException, ValueError) as error:
                # The server is away, or the answer was cut off.
                status = str(error)
            if status == 202:
                self.sent += 1
            elif isinstance(status, int) and status != 503:
                self.fault = status
                return
            else:
                time.sleep(0.01)

    def end(self):
        self.ends = True
        self.thread.join()
        assert self.fault is None, f"a message was answered {self.fault}"


class Follower:
    """A program that prints `id subject` of each message."""

    def __init__(self, name, command, env=None):
        self.name, self.seen = name, []
        # What it complains of is in the log of the check.
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env={**os.environ, **(env or {})}
        )
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            number, _, subject = line.strip().partition(" ")
            self.seen.append((int(number), subject))

    def end(self):
        self.process.kill()
        self.process.wait()


class Curl:
    """curl, which is run again with the last id when its stream has ended, and `closing` is
    acknowledged."""

    def __init__(self, server, url, key, ca):
        self.name, self.seen, self.ends = "curl", [], False
        self.server, self.key = server, key
        self.command = ["curl", "--silent", "--no-buffer", "--cacert", ca, "-H", f"Authorization: Bearer {key}", url]
        self.process = None
        threading.Thread(target=self.work, daemon=True).start()

    def work(self):
        last = "0"
        while not self.ends:
            command = [*self.command, "-H", f"Last-Event-ID: {last}"]
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
            kind = ""
            for line in self.process.stdout:
                field, _, value = line.rstrip("\n").partition(": ")
                if field == "id":
                    last = value
                elif field == "event":
                    kind = value
                elif field == "data" and kind == "message.received":
                    self.seen.append((int(last), json.loads(value)["message"]["subject"]))
                elif field == "data" and kind == "closing":
                    self.acknowledge(int(last))
            self.process.wait()
            time.sleep(0.05)

    def acknowledge(self, last):
        try:
            status, answer = self.server().rest(self.key, "POST", "/api/v1/events/ack", {"id": last})
            assert status == 204, answer
        except (OSError, http.client.HTTPException) as error:
            print(f"not acknowledged: {error}")

    def end(self):
        self.ends = True
        self.process.kill()


def install():
    """The clients: the interpreter and the program that have them."""
    python = environment.python("streams", "httpx==0.28.1", "httpx-sse==0.4.3")
    home = environment.node("streams", "eventsource@4.1.0")
    return python, shutil.copy(os.path.join(HERE, "follow.mjs"), home)


def logged(server, key, inbox):
    """The messages of an inbox as the log has them."""
    found, place = [], "since=0"
    while True:
        path = f"/api/v1/events/log?inbox={inbox}&type=message.received&limit=200&{place}"
        status, page = server.rest(key, "GET", path)
        assert status == 200, page
        found += [(event["seq"], event["message"]["subject"]) for event in page["data"]]
        if not page["data"]:
            return found
        place = "cursor=" + page["next_cursor"]


def group_of(server, key):
    """The consumer group, which its first reader makes."""
    return server.rest(key, "GET", "/api/v1/events/groups/workers")[1]


def restarts(binary, folder, times):
    """Stops and starts the server under load, with all clients on it."""
    python, node = install()
    data = os.path.join(folder, "data")
    current = [start(binary, data)]
    ready = current[0].ready
    key, inbox, ca, base = ready["api_key"], ready["inbox"], ready["ca"], ready["https"].rstrip("/")
    path = f"/api/v1/inboxes/{inbox}/events?type=message.received"
    env = {"NODE_EXTRA_CA_CERTS": ca}
    tail = [binary, "tail", "--url", base, "--key", key, "--ca", ca, "--inbox", inbox, "--type", "message.received"]
    # A program that is quick to start, because it is started for each event.
    show = 'sed -n \'s/^{"seq":\\([0-9]*\\),.*"subject":"\\([^"]*\\)".*/\\1 \\2/p\''
    clients = [
        Curl(lambda: current[0], base + path, key, ca),
        Follower("httpx-sse", [python, os.path.join(HERE, "follow.py"), base + path, key, ca]),
        Follower("eventsource", ["node", node, "key", base, path, key], env),
        Follower("eventsource with tickets", ["node", node, "ticket", base, path, key], env),
        Follower("postern tail --exec", [*tail, "--since", "0", "--exec", show, "--state", os.path.join(folder, "state")]),
    ]
    shared = [*tail, "--group", "workers", "--exec", show, "--jobs", "8"]
    group = [Follower(f"reader {n} of a group", shared) for n in range(2)]
    while group_of(current[0], key).get("readers", 0) < len(group):
        time.sleep(0.05)
    loads = [Load(lambda: current[0], key, inbox, f"load{n}") for n in range(2)]
    began = time.monotonic()
    longest = 0.0
    for _ in range(times):
        time.sleep(0.1)
        stopping = time.monotonic()
        code = current[0].stop()
        assert code == 0, f"SIGTERM ended in {code}"
        longest = max(longest, time.monotonic() - stopping)
        current[0] = start(binary, data)
    for load in loads:
        load.end()
    log = logged(current[0], key, inbox)
    for load in loads:
        order = [subject for _, subject in log if subject.startswith(load.name + "-")]
        assert order == [f"{load.name}-{n}" for n in range(load.sent)], "a message is lost, twice or out of order"
    print(f"ok: {times} stops under load, {len(log)} messages, {time.monotonic() - began:.0f} s, the longest stop {longest:.2f} s")
    end = time.monotonic() + PATIENCE_S
    for client in clients:
        while len(client.seen) < len(log) and time.monotonic() < end:
            time.sleep(0.05)
        ended = f"; its last program ended with {client.process.poll()}"
        assert client.seen == log, f"{client.name}: {len(client.seen)} events of {len(log)}, or another order{ended}"
        client.end()
        print(f"ok: {client.name} has all of them, once and in order")
    while len({seen for client in group for seen in client.seen}) < len(log) and time.monotonic() < end:
        time.sleep(0.05)
    seen = sorted(seen for client in group for seen in client.seen)
    assert sorted(set(seen)) == log, f"the group has {len(set(seen))} events of {len(log)}"
    while (waiting := group_of(current[0], key))["pending"] > 0 and time.monotonic() < end:
        time.sleep(0.05)
    assert waiting["pending"] == 0 and waiting["poisoned"] == [], waiting
    for client in group:
        client.end()
    print(f"ok: the group has all of them, {len(seen) - len(log)} of them twice, and all are acknowledged")
    resumption(current[0], key)
    current[0].kill()
    if wrong := verify(binary, data):
        sys.exit(wrong)


def resumption(server, key):
    """A client over TLS that comes back resumes its session."""
    context, session, reused = server.tls, None, []
    for _ in range(5):
        raw = socket.create_connection(("127.0.0.1", server.port("https")), 5)
        with context.wrap_socket(raw, server_hostname="localhost", session=session) as client:
            client.sendall(f"GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\n\r\n".encode())
            text = b""
            while b"event: ready" not in text:
                text += client.recv(4096)
            reused.append(client.session_reused)
            session = client.session
    assert reused == [False, True, True, True, True], reused
    print("ok: TLS sessions are resumed")


class Herd:
    """Thousands of streams on one thread."""

    def __init__(self, port, key):
        self.port, self.selector, self.states = port, selectors.DefaultSelector(), {}
        self.request = f"GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\n\r\n".encode()

    def connect(self, count):
        """Connects all at once; each sends its request when it can."""
        for _ in range(count):
            client = socket.socket()
            client.setblocking(False)
            client.connect_ex(("127.0.0.1", self.port))
            self.states[client] = b""
            self.selector.register(client, selectors.EVENT_WRITE)

    def until(self, word):
        """Reads until each has had a word; gives what those had that were closed before it."""
        waiting, refused, end = set(self.states), [], time.monotonic() + PATIENCE_S
        while waiting and time.monotonic() < end:
            for ready, events in self.selector.select(1):
                client = ready.fileobj
                try:
                    if events & selectors.EVENT_WRITE:
                        client.send(self.request)
                        self.selector.modify(client, selectors.EVENT_READ)
                        continue
                    got = client.recv(65536)
                except OSError as error:
                    got, self.states[client] = b"", str(error).encode()
                self.states[client] = (self.states[client] + got)[-600:]
                if word in self.states[client]:
                    waiting.discard(client)
                elif not got:
                    refused.append(self.states[client])
                    waiting.discard(client)
                if not got:
                    self.selector.unregister(client)
        return len(waiting), refused

    def close(self):
        for client in self.states:
            client.close()
        self.selector.close()


def herd(binary, folder, count):
    """Clients that come back at once after a restart."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    count = min(count, hard - 500)
    data = os.path.join(folder, "herd")
    server = start(binary, data)
    key, port = server.ready["api_key"], server.port("http")
    for turn in ["first", "back"]:
        all = Herd(port, key)
        began = time.monotonic()
        all.connect(count)
        left, refused = all.until(b"event: ready")
        assert (left, refused) == (0, []), f"{left} wait, {len(refused)} were refused: {refused[:2]}"
        took = time.monotonic() - began
        assert server.metric("postern_streams_open") == server.metric("postern_subscriptions_open") == count
        if turn == "first":
            code = [None]
            stopping = threading.Thread(target=lambda: code.__setitem__(0, server.stop()))
            stopping.start()
            left, refused = all.until(b"event: closing")
            assert (left, refused) == (0, []), f"{left} wait, {len(refused)} had no closing: {refused[:2]}"
            all.close()
            stopping.join()
            assert code[0] == 0, code
            server = start(binary, data)
        all.close()
    print(f"ok: {count} streams had `closing` and came back at once in {took:.1f} s, none was refused")
    server.kill()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("--restarts", type=int, default=50)
    parser.add_argument("--clients", type=int, default=10_000)
    options = parser.parse_args()
    binary = os.path.abspath(options.binary)
    folder = tempfile.mkdtemp(prefix="postern-streams-")
    began = time.monotonic()
    herd(binary, folder, options.clients)
    restarts(binary, folder, options.restarts)
    print(f"{time.monotonic() - began:.0f} s")
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
