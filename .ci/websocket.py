#!/usr/bin/env python3
"""WebSocket with clients as they are: `ws` of npm and `websockets` of PyPI follow one inbox, with a
key and with a ticket, until the server stops. Then `wsproto` speaks the cases of the Autobahn list
that need no echo: framing, pings, reserved bits, opcodes, fragmentation, UTF-8, closing, limits.

    python3 .ci/websocket.py target/release/postern

The Autobahn client itself needs Python 2. Tools go to a folder below the temporary folder, once.
"""

import argparse
import asyncio
import json
import os
import shutil
import subprocess
import tempfile
import time

import environment

WS, WEBSOCKETS, WSPROTO = "8.23.0", "17.4", "1.3.2"
HERE = os.path.dirname(os.path.abspath(__file__))


def tools():
    """Runs this script again in an environment of its own; gives the folder of `ws`."""
    environment.inside(environment.python("websocket", f"websockets=={WEBSOCKETS}", f"wsproto=={WSPROTO}"))
    return environment.node("websocket", f"ws@{WS}")


def deliver(server, subject):
    """Sends a message from the first inbox to itself."""
    inbox, key = server.ready["inbox"], server.ready["api_key"]
    body = {"to": [inbox], "subject": subject, "text": "Hello."}
    status, said = server.rest(key, "POST", f"/api/v1/inboxes/{inbox}/messages", body)
    assert status == 202, said


def url_of(server, query=""):
    return server.ready["https"].rstrip("/").replace("https:", "wss:") + "/api/v1/ws" + query


class Node:
    """`ws` in a process of its own."""

    def __init__(self, server, node, *more):
        command = ["node", os.path.join(node, "follow.mjs"), url_of(server), server.ready["api_key"], server.ready["ca"], *more]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def next(self, op):
        """The next message, which must be of this kind; pings may stand before it."""
        while True:
            said = json.loads(self.process.stdout.readline())
            if said["op"] != "ping":
                assert said["op"] == op, said
                return said


async def python_client(server, **more):
    """`websockets`, subscribed; it offers compression, which is not taken.

    Its client with threads reads and writes one TLS session from two of them at once, which OpenSSL
    does not allow: a handshake in some hundreds was lost, and memory of the client was damaged.
    """
    from websockets.asyncio.client import connect

    query = ""
    if more.pop("with_ticket", False):
        status, made = server.rest(server.ready["api_key"], "POST", "/api/v1/events/ticket")
        assert status == 201, made
        query = "?ticket=" + made["ticket"]
    else:
        more["additional_headers"] = {"Authorization": "Bearer " + server.ready["api_key"]}
    client = await connect(url_of(server, query), ssl=server.tls, **more)
    assert client.protocol.extensions == [], client.protocol.extensions
    await client.send(json.dumps({"op": "subscribe", "id": "python", "type": ["message.received"]}))
    said = await next_of(client)
    assert said["op"] == "subscribed", said
    return client


async def next_of(client):
    """The next message of `websockets`."""
    return json.loads(await asyncio.wait_for(client.recv(), 10))


async def clients(server, node):
    """Both clients hear the same, a ticket opens one connection, and a stop is told."""
    from websockets.exceptions import ConnectionClosed, InvalidStatus

    # Once, since a program that starts would read a half copy.
    shutil.copyfile(os.path.join(HERE, "websocket", "follow.mjs"), os.path.join(node, "follow.mjs"))
    follower, leaver = Node(server, node), Node(server, node, "stop")
    for one in (follower, leaver):
        one.next("subscribed")
    ours = [await python_client(server), await python_client(server, with_ticket=True)]
    host = server.ready["https"].rstrip("/")
    page = await python_client(server, with_ticket=True, origin=host)
    await page.close()
    for origin in ("https://evil.example", "null"):
        try:
            await python_client(server, origin=origin)
            raise AssertionError(origin)
        except InvalidStatus as refused:
            assert refused.response.status_code == 403, refused
    await asyncio.to_thread(deliver, server, "first")
    seen = [follower.next("event"), leaver.next("event")]
    seen += [await next_of(client) for client in ours]
    events = {json.dumps(said["event"], sort_keys=True) for said in seen}
    assert len(events) == 1 and seen[0]["event"]["message"]["subject"] == "first", seen
    left = leaver.next("closed")
    assert (left["code"], left["extensions"]) == (1000, ""), left
    # A client sends its text in fragments, and pings between.
    await ours[0].send(['{"op":"subscribe",', '"id":"again","since":', f'{seen[0]["event"]["seq"] - 1}', "}"])
    said = [(await next_of(ours[0]))["op"] for _ in range(2)]
    assert said == ["subscribed", "event"], said
    await asyncio.wait_for(await ours[0].ping(), 10)
    assert await asyncio.to_thread(server.stop) == 0
    for client in ours:
        ops = []
        try:
            while True:
                ops.append((await next_of(client))["op"])
        except ConnectionClosed as closed:
            assert closed.rcvd.code == 1001 and ops[-1] == "closing", (closed, ops)
    follower.next("closing")
    assert follower.next("closed")["code"] == 1001
    print("ok: ws", WS, "and websockets", WEBSOCKETS)


def text(payload, **more):
    return frame(1, payload, **more)


def frame(opcode, payload=b"", fin=True, reserved=0, masked=True):
    """The octets of one frame, by hand where wsproto would not write it."""
    if isinstance(payload, str):
        payload = payload.encode()
    first = (0x80 if fin else 0) | reserved << 4 | opcode
    size, mask = len(payload), bytes(4)
    bit = 0x80 if masked else 0
    if size < 126:
        head = bytes([first, bit | size])
    elif size < 65536:
        head = bytes([first, bit | 126]) + size.to_bytes(2, "big")
    else:
        head = bytes([first, bit | 127]) + size.to_bytes(8, "big")
    return head + (mask if masked else b"") + payload


SUBSCRIBE = '{"op":"subscribe","id":"\u03ba\U0001f600"}'
OCTETS = SUBSCRIBE.encode()
# A frame for each octet.
SINGLE = [frame(0 if at else 1, bytes([octet]), fin=at == len(OCTETS) - 1) for at, octet in enumerate(OCTETS)]
# Number of the Autobahn case, what is sent, and what must come: a code of closing, or the payload
# of a pong, or the kind of a message.
CASES = [
    ("1.1.1", text(""), "error"),
    ("1.1.2", text("*" * 125), "error"),
    ("1.1.5", text("*" * 128), "error"),
    ("1.1.6", text("*" * 65535), "error"),
    ("1.1.7", text("*" * 65536), "error"),
    ("1.2.1", frame(2), 1003),
    ("2.1", frame(9), b""),
    ("2.2", frame(9, "Hello, world!"), b"Hello, world!"),
    ("2.3", frame(9, b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff"), b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff"),
    ("2.4", frame(9, b"\xfe" * 125), b"\xfe" * 125),
    ("2.5", frame(9, b"\xfe" * 126), 1002),
    ("2.7", frame(10) + frame(9, "x"), b"x"),
    ("2.10", frame(9) * 10 + text("[]"), "error"),
    *((f"3.{bits}", text("*", reserved=bits), 1002) for bits in range(1, 8)),
    *((f"4.1.{code}", frame(code), 1002) for code in range(3, 8)),
    *((f"4.2.{code}", frame(code), 1002) for code in range(11, 16)),
    ("5.1", frame(9, "a", fin=False) + frame(0, "b"), 1002),
    ("5.3", frame(1, OCTETS[:9], fin=False) + frame(0, OCTETS[9:]), "subscribed"),
    ("5.5", b"".join(SINGLE), "subscribed"),
    ("5.6", frame(1, OCTETS[:9], fin=False) + frame(9, "p") + frame(0, OCTETS[9:]), "subscribed"),
    ("5.9", frame(0, "x"), 1002),
    ("5.12", frame(0, "x", fin=False), 1002),
    ("5.18", frame(1, "a", fin=False) + frame(1, "b"), 1002),
    ("6.3.1", text(b"\xce\xba\xed\xa0\x80edited"), 1007),
    ("6.4.1", frame(1, b"\xce\xba\xe1\xbd\xb9", fin=False) + frame(0, b"\xf4\x90\x80\x80", fin=False), 1007),
    ("6.4.2", text(b"\xf4\x90" + b"x" * 50)[:-50], 1007),
    ("6.6.1", text(b"\xce"), 1007),
    ("6.12", text(b"\xf8\x88\x80\x80\x80"), 1007),
    ("7.1.5", frame(1, "a", fin=False) + frame(8, b"\x03\xe8"), 1000),
    ("7.3.1", frame(8), None),
    ("7.3.2", frame(8, "a"), 1002),
    ("7.3.5", frame(8, b"\x03\xe8" + b"x" * 123), 1000),
    ("7.3.6", frame(8, b"\x03\xe8" + b"x" * 124), 1002),
    ("7.5.1", frame(8, b"\x03\xe8\xce\xba\xed\xa0\x80"), 1007),
    *((f"7.7.{code}", frame(8, code.to_bytes(2, "big")), code) for code in (1000, 1001, 1003, 1007, 1011, 3000, 4999)),
    *((f"7.9.{code}", frame(8, code.to_bytes(2, "big")), 1002) for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535)),
    ("9.1", text("*" * 65537)[:20], 1009),
    ("unmasked", text("{}", masked=False), 1002),
    ("ping flood", frame(9) * 11, 1008),
]


def speak(server, octets, piece, ends):
    """The words of the server to these octets, as wsproto reads them, up to one that `ends`."""
    from wsproto import ConnectionType, WSConnection
    from wsproto.events import AcceptConnection, BytesMessage, CloseConnection, Ping, Pong, Request, TextMessage

    connection = server.connect("http")
    connection.settimeout(10)
    client = WSConnection(ConnectionType.CLIENT)
    fields = [(b"Authorization", b"Bearer " + server.ready["api_key"].encode())]
    connection.sendall(client.send(Request(host="localhost", target="/api/v1/ws", extra_headers=fields)))
    said, message, upgraded = [], "", False
    try:
        while True:
            received = connection.recv(65536)
            client.receive_data(received or None)
            for event in client.events():
                if isinstance(event, AcceptConnection):
                    upgraded = True
                    assert not event.extensions and event.subprotocol is None, event
                    for at in range(0, len(octets), piece):
                        connection.sendall(octets[at : at + piece])
                elif isinstance(event, TextMessage):
                    message += event.data
                    if event.message_finished:
                        said.append(json.loads(message)["op"])
                        message = ""
                        return said
                elif isinstance(event, Pong):
                    said.append(bytes(event.payload))
                elif isinstance(event, CloseConnection):
                    # wsproto says 1005 where there was no code.
                    said.append(None if event.code == 1005 else int(event.code))
                    return said
                else:
                    assert not isinstance(event, (BytesMessage, Ping)), event
            if said and ends(said[-1]):
                return said
            assert received, (said, upgraded)
    finally:
        connection.close()


def cases(server):
    """Each case, in one piece and in small ones."""
    faults = []
    for number, octets, wanted in CASES:
        for piece in (1 << 20, 1 if len(octets) < 2000 else 997):
            try:
                said = speak(server, octets, piece, lambda one: one == wanted)
            except (OSError, AssertionError) as error:
                said = [repr(error)]
            pongs = [one for one in said if isinstance(one, bytes)]
            words = [one for one in said if not isinstance(one, bytes)]
            got = (pongs if isinstance(wanted, bytes) else words or ["nothing"])[:1]
            if got != [wanted]:
                faults.append(f"{number} in pieces of {piece}: {said}, not {wanted!r}")
    assert not faults, "\n".join(faults)
    end = time.monotonic() + 10
    gauges = ("postern_streams_open", "postern_subscriptions_open")
    while any(server.metric(gauge) for gauge in gauges):
        assert time.monotonic() < end, "a subscription has outlived its connection"
        time.sleep(0.05)
    print("ok:", len(CASES), "cases of the Autobahn list, twice each")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    options = parser.parse_args()
    node = tools()
    from rig import Server, verify

    binary, folder = os.path.abspath(options.binary), tempfile.mkdtemp(prefix="postern-websocket-")
    server = Server(binary, os.path.join(folder, "data"))
    try:
        cases(server)
        asyncio.run(clients(server, node))
        assert not verify(binary, os.path.join(folder, "data"))
    finally:
        if server.process.poll() is None:
            server.kill()
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
