"""Stops, second servers and backups of a server at work."""

import os
import random
import shutil
import smtplib
import socket
import ssl
import threading
import time

from load import over_imap, over_rest, over_smtp

from checks.place import check, send


@check("F10")
def sigterm_under_load(place):
    """SIGTERM in the middle of load: a goodbye in every protocol, exit 0, nothing lost."""
    acked, cycles = set(), 20
    for cycle in range(cycles):
        server = place.start()
        idle = smtplib.SMTP("127.0.0.1", server.port("mx"), timeout=20)
        watcher = server.imap(place.inbox, place.key)
        watcher.select("INBOX")
        watcher.send(b"x IDLE\r\n")
        stream, websocket = sse(server, place.key), subscribed(server, place.key)
        said, ends = {}, [
            ("smtp", idle.sock, b"421 4.3.2"),
            ("imap", watcher.sock, b"* BYE"),
            ("sse", stream, b"event: closing"),
            ("websocket", websocket, b'{"op":"closing"'),
        ]
        listeners = [
            threading.Thread(target=lambda name, *end: said.update({name: last_words(*end)}), args=end) for end in ends
        ]
        for thread in listeners:
            thread.start()
        done, threads = place.load(server, [over_smtp, over_smtp, over_rest, over_imap], f"term{cycle}")
        time.sleep(random.uniform(0.1, 0.5))
        place.stop(server)
        for thread in threads + listeners:
            thread.join()
        acked |= done.smtp | set(done.sent)
        for name, _, goodbye in ends:
            assert goodbye in said[name], f"no goodbye over {name}: {said[name][-300:]}"
        place.verify()
    server = place.start()
    place.has_all(server, acked)
    return f"{cycles} stops, {len(acked)} acknowledged"


def sse(server, key):
    """An open event stream."""
    stream = server.connect("http")
    stream.sendall(f"GET /api/v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n\r\n".encode())
    stream.settimeout(20)
    said = stream.recv(65536)
    assert said.startswith(b"HTTP/1.1 200"), said
    return stream


def subscribed(server, key):
    """An open WebSocket with a subscription."""
    stream = server.connect("http")
    text = b'{"op":"subscribe","id":"s"}'
    stream.sendall(
        f"GET /api/v1/ws HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nConnection: Upgrade\r\n"
        "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
        # A mask of zeros leaves the text as it is.
        + bytes([0x81, 0x80 | len(text), 0, 0, 0, 0]) + text
    )
    stream.settimeout(20)
    said = b""
    while b'"subscribed"' not in said:
        said += stream.recv(65536)
    assert said.startswith(b"HTTP/1.1 101"), said
    return stream


def last_words(stream, goodbye):
    """Everything that the server sends until its goodbye; then the client leaves as well."""
    stream.settimeout(20)
    said = b""
    try:
        while goodbye not in said and (more := stream.recv(65536)):
            said += more
        # A close() alone would leave it open for a process that shares it.
        stream.shutdown(socket.SHUT_RDWR)
    except (OSError, ssl.SSLError):
        pass
    return said


@check("F12")
def two_on_one_folder(place):
    """A second server on the folder ends with a message that says what to do."""
    server = place.start()
    second = place.command("serve", "--data", place.data, "--ports", "auto", "--json")
    assert second.returncode == 1 and "--data" in second.stderr, f"{second.returncode} {second.stderr}"
    send(server, place.inbox, "first@two.test")
    place.has_all(server, ["first@two.test"])
    return second.stderr.strip()[:80]


@check("F13")
def backups_under_load(place):
    """Backups made while mail comes in are whole, and a restore begins another epoch."""
    server = place.start()
    done, threads = place.load(server, [over_smtp, over_smtp, over_imap], "backup")
    copies = 6
    for n in range(copies):
        time.sleep(0.1)
        before = set(done.smtp)
        to = f"{place.root}/backup{n}"
        made = place.command("backup", to, "--data", place.data)
        assert made.returncode == 0, made.stderr
        assert os.stat(to).st_mode & 0o077 == 0, "others may read a backup"
        data = f"{place.root}/restored{n}"
        back = place.command("restore", to, "--data", data)
        assert back.returncode == 0, back.stderr
        place.verify(data)
        os.unlink(to)
        if n + 1 < copies:
            shutil.rmtree(data)
    again = place.start(data=data)
    place.has_all(again, before)
    again.kill()
    place.stop(server)
    for thread in threads:
        thread.join()
    place.verify()
    return f"{copies} copies, {len(before)} messages in the last"
