#!/usr/bin/env python3
"""A hundred consumers of events that come and go while the server is killed under load.

    python3 .ci/stream_kills.py target/release/postern [--kills 100] [--consumers 100]

A third follows the log by event streams and a third over WebSocket: each must have every message
that was acknowledged, once and in the order of the log. A third reads one consumer group, by both:
together they must have each message, nothing is left to acknowledge, and what was acknowledged
before a start of the server does not come behind it. Then clients connect, ask by halves and vanish
as fast as they can: when they are gone, no stream and no subscription is left of them.
"""

import argparse
import asyncio
import contextlib
import json
import logging
import os
import random
import resource
import shutil
import socket
import struct
import sys
import tempfile
import threading
import time

from rig import verify
from sdk import start
from streams import Load, group_of, logged

PATIENCE_S = 60
SUBSCRIBE = {"op": "subscribe", "id": "s", "type": "message.received"}


def frame(message):
    """A message of the client; a mask of zeros leaves its text as it is."""
    text = json.dumps(message).encode()
    assert len(text) < 126, text
    return bytes([0x81, 0x80 | len(text), 0, 0, 0, 0]) + text


class World:
    """The server of the moment, and what all consumers share."""

    def __init__(self, binary, data):
        self.binary, self.data = binary, data
        self.server = start(binary, data)
        self.key, self.inbox = self.server.ready["api_key"], self.server.ready["inbox"]
        # Which start of the server it is, and at which one an event of the group was acknowledged.
        self.starts, self.done, self.ends = 0, {}, False

    def restart(self):
        self.server.kill()
        self.starts += 1
        self.server = start(self.binary, self.data)

    async def connect(self, target, upgrade=False):
        """A connection with its request on the way."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.server.port("http"), limit=1 << 20)
        fields = ["Host: localhost", f"Authorization: Bearer {self.key}"]
        if upgrade:
            fields += ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"]
            fields += ["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]
        writer.write("\r\n".join([f"GET {target} HTTP/1.1", *fields, "", ""]).encode())
        return reader, writer

    async def acknowledge(self, seq):
        """Over REST; whether it was taken."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.server.port("http"))
        body = json.dumps({"group": "workers", "id": seq})
        writer.write(
            f"POST /api/v1/events/ack HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {self.key}\r\nConnection: close\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
        )
        try:
            status = (await reader.readline()).split()
            return status[1:2] == [b"204"]
        finally:
            writer.close()


class Consumer:
    """One that connects again and again behind the last event that it has."""

    def __init__(self, world, is_socket, is_member):
        self.world, self.is_socket, self.is_member = world, is_socket, is_member
        self.last, self.seen, self.connects = 0, [], 0

    async def run(self):
        while not self.world.ends:
            # Most leave again by themselves, soon.
            stay = random.choice([0.02, 0.2, 1, 5])
            try:
                await asyncio.wait_for(self.follow(), stay)
            except (OSError, EOFError, asyncio.TimeoutError):
                pass
            await asyncio.sleep(0.01 * random.random())

    async def follow(self):
        self.connects += 1
        begun = self.world.starts
        if self.is_socket:
            reader, writer = await self.world.connect("/api/v1/ws", upgrade=True)
        else:
            place = "group=workers&lease_s=2" if self.is_member else f"since={self.last}"
            reader, writer = await self.world.connect(f"/api/v1/events?type=message.received&{place}")
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            assert head[9:12] == (b"101" if self.is_socket else b"200"), head
            if self.is_socket:
                await self.follow_socket(reader, writer, begun)
            else:
                await self.follow_stream(reader, begun)
        finally:
            writer.close()

    async def follow_stream(self, reader, begun):
        while True:
            text = await reader.readuntil(b"\n\n")
            lines = dict(line.partition(": ")[::2] for line in text.decode().splitlines())
            if lines.get("event") == "message.received":
                event = json.loads(lines["data"])
                self.hear(event, begun)
                if self.is_member and await self.world.acknowledge(event["seq"]):
                    self.world.done.setdefault(event["seq"], self.world.starts)
            elif "event" in lines:
                assert lines["event"] == "ready", text
            if "id" in lines and not self.is_member:
                self.last = int(lines["id"])

    async def follow_socket(self, reader, writer, begun):
        place = {"group": "workers", "lease_s": 2} if self.is_member else {"since": self.last}
        writer.write(frame({**SUBSCRIBE, **place}))
        while True:
            first, size = await reader.readexactly(2)
            if size == 126:
                size = int.from_bytes(await reader.readexactly(2), "big")
            payload = await reader.readexactly(size)
            if first == 0x89:
                writer.write(bytes([0x8A, 0x80, 0, 0, 0, 0]))
                continue
            assert first == 0x81, (first, payload)
            said = json.loads(payload)
            op, event = said["op"], said.get("event", {})
            if op == "event" and event["type"] == "message.received":
                self.hear(event, begun)
                if self.is_member:
                    writer.write(frame({"op": "ack", "group": "workers", "id": event["seq"]}))
            elif op == "acked":
                self.world.done.setdefault(said["id"], self.world.starts)
            else:
                assert op == "subscribed" or event.get("type") == "ready" or said["error"]["code"] == "conflict", said
            if op == "event" and not self.is_member:
                self.last = event["seq"]

    def hear(self, event, begun):
        seq = event["seq"]
        self.seen.append((seq, event["message"]["subject"]))
        if self.is_member:
            done = self.world.done.get(seq, begun)
            assert done >= begun, f"{seq} was acknowledged at start {done} and has come at {begun}"


async def kills(world, times, count):
    """All of it, under load; gives what to print."""
    consumers = [Consumer(world, n % 2 == 1, n % 3 == 2) for n in range(count)]
    # The first reader makes the group, before there are messages.
    world.server.rest(world.key, "GET", "/api/v1/events/log?group=workers&type=message.received&since=0")
    tasks = [asyncio.create_task(consumer.run()) for consumer in consumers]
    loads = [Load(lambda: world.server, world.key, world.inbox, f"load{n}") for n in range(2)]
    for _ in range(times):
        await asyncio.sleep(0.1 + 0.2 * random.random())
        await asyncio.to_thread(world.restart)
        broken = [task for task in tasks if task.done()]
        assert not broken, broken[0].exception()
    for load in loads:
        await asyncio.to_thread(load.end)
    log = await asyncio.to_thread(logged, world.server, world.key, world.inbox)
    for load in loads:
        order = [subject for _, subject in log if subject.startswith(load.name + "-")]
        assert order == [f"{load.name}-{n}" for n in range(load.sent)], "a message is lost, twice or out of order"
    alone = [consumer for consumer in consumers if not consumer.is_member]
    members = [consumer for consumer in consumers if consumer.is_member]
    end = time.monotonic() + PATIENCE_S
    while any(len(consumer.seen) < len(log) for consumer in alone) and time.monotonic() < end:
        await asyncio.sleep(0.05)
    wrong = [consumer for consumer in alone if consumer.seen != log]
    assert not wrong, f"{len(wrong)} consumers have other events than the log, one {len(wrong[0].seen)} of {len(log)}"
    set_aside = set()
    while (left := await asyncio.to_thread(group_of, world.server, world.key)) and time.monotonic() < end:
        if left["poisoned"]:
            # Ten readers have left with it before they acknowledged it.
            set_aside.update(event["seq"] for event in left["poisoned"])
            await asyncio.to_thread(world.server.rest, world.key, "POST", "/api/v1/events/groups/workers/replay")
        elif left["pending"] == 0:
            break
        await asyncio.sleep(0.05)
    assert left["pending"] == 0 and left["poisoned"] == [], left
    seen = [event for consumer in members for event in consumer.seen]
    assert sorted(set(seen)) == log, f"the group has {len(set(seen))} events of {len(log)}"
    world.ends = True
    await asyncio.gather(*tasks)
    connects = sum(consumer.connects for consumer in consumers)
    again = len(seen) - len(log)
    group = f"the group had {again} of them again and {len(set_aside)} were set aside"
    return f"{times} kills, {connects} connects of {count} consumers, {len(log)} messages, {group}"


def storm(world, seconds):
    """Clients that begin all kinds of subscriptions and vanish at any moment."""
    stream = f" HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {world.key}\r\n"
    socket_head = (
        f"GET /api/v1/ws{stream}Connection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    ).encode()
    many = [frame({**SUBSCRIBE, "id": str(n), **({"group": f"storm{n}"} if n % 2 else {})}) for n in range(12)]
    requests = [
        f"GET /api/v1/events{stream}\r\n".encode(),
        f"GET /api/v1/events?group=storm1&type=message.received{stream}\r\n".encode(),
        f"GET /api/v1/inboxes/{world.inbox}/messages/wait?timeout=300{stream}\r\n".encode(),
        socket_head + b"".join(many),
    ]
    end, port, counts = time.monotonic() + seconds, world.server.port("http"), []

    def work():
        count = 0
        while time.monotonic() < end:
            count += 1
            with socket.socket() as client:
                client.settimeout(5)
                client.connect(("127.0.0.1", port))
                request = random.choice(requests)
                way = random.randrange(4)
                with contextlib.suppress(OSError):
                    client.sendall(request[: random.randrange(len(request))] if way == 0 else request)
                    if way == 1:
                        client.recv(16)
                    elif way == 2:
                        client.shutdown(socket.SHUT_WR)
                # A reset, and not a FIN.
                if way % 2:
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        counts.append(count)

    threads = [threading.Thread(target=work) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    left, patience = None, time.monotonic() + PATIENCE_S
    while left != (0, 0) and time.monotonic() < patience:
        time.sleep(0.05)
        left = (world.server.metric("postern_streams_open"), world.server.metric("postern_subscriptions_open"))
    assert left == (0, 0), f"streams and subscriptions that are left: {left}"
    return f"{sum(counts)} clients came and vanished, and nothing is left of them"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--consumers", type=int, default=100)
    parser.add_argument("--storm", type=float, default=20, help="seconds")
    parser.add_argument("--seed", type=int, default=time.time_ns())
    options = parser.parse_args()
    random.seed(options.seed)
    # It tells of each write to a server that was killed.
    logging.getLogger("asyncio").setLevel(logging.ERROR)
    print(f"seed {options.seed}")
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    folder = tempfile.mkdtemp(prefix="postern-stream-kills-")
    binary, data = os.path.abspath(options.binary), os.path.join(folder, "data")
    began = time.monotonic()
    world = World(binary, data)
    said = asyncio.run(kills(world, options.kills, options.consumers))
    print(f"ok: {said}, {time.monotonic() - began:.0f} s")
    print("ok:", storm(world, options.storm))
    world.server.kill()
    if wrong := verify(binary, data):
        sys.exit(wrong)
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
