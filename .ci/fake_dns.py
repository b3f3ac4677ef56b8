#!/usr/bin/env python3
"""A name server for tests, over UDP and TCP, from a small text file. Python's library only.

    fake_dns.py ZONE [--listen 127.0.0.1:5353] [--log FILE]

The first line on standard output is the address, so that port 0 works. The file is read again
before each answer when it has changed, so that a test publishes a record by writing a line.

A line of the file is `NAME TYPE [TTL=n] DATA`, or `NAME MODE`, or a comment (`#`):

    example.com        MX    10 mx.example.com
    example.com        TXT   "v=spf1 ip4:192.0.2.0/24 -all" "second string"
    mx.example.com     A     127.0.0.2
    www.example.com    CNAME mx.example.com
    2.0.0.127.in-addr.arpa PTR mx.example.com
    null.example       MX    0 .
    *.wild.example     A     127.0.0.3
    gone.example       NXDOMAIN
    broken.example     SERVFAIL       (also REFUSED, FORMERR, NOTIMP)
    silent.example     TIMEOUT
    big.example        TRUNCATED      over UDP only; TCP has the records
    spoofed.example    WRONGID        the answer has another id
    forged.example     FORGED         a wrong answer from another port, then the right one
    lower.example      LOWER          the question comes back in lower case
    slow.example       DELAY=300      milliseconds

A name that the file does not have is NXDOMAIN, and one that has other types has no records. Both
come with an SOA of 1 second, so that no resolver keeps them. The default time to live is 1 second.
"""

import argparse
import ipaddress
import os
import shlex
import socket
import socketserver
import struct
import sys
import threading
import time

TYPES = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28, "TLSA": 52}
CODES = {"NOERROR": 0, "FORMERR": 1, "SERVFAIL": 2, "NXDOMAIN": 3, "NOTIMP": 4, "REFUSED": 5}
MODES = {"TIMEOUT", "TRUNCATED", "WRONGID", "FORGED", "LOWER"} | set(CODES)
TTL = 1
CHAIN_MAX = 12


def wire(name):
    """A name in wire form; `.` is the root."""
    labels = [label.encode() for label in name.rstrip(".").split(".") if label]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def rdata(kind, text):
    """The data of a record from its text."""
    if kind in ("A", "AAAA"):
        return ipaddress.ip_address(text).packed
    if kind == "MX":
        preference, host = text.split()
        return struct.pack("!H", int(preference)) + wire(host)
    if kind == "TXT":
        strings = shlex.split(text, posix=True) if '"' in text else [text]
        pieces = []
        for string in (s.encode() for s in strings):
            pieces += [string[at : at + 255] for at in range(0, len(string) or 1, 255)]
        return b"".join(bytes([len(piece)]) + piece for piece in pieces)
    if kind == "TLSA":
        usage, selector, matching, digest = text.split()
        return bytes([int(usage), int(selector), int(matching)]) + bytes.fromhex(digest)
    return wire(text)


class Zone:
    """The records and modes of a file, read again when it has changed."""

    def __init__(self, path):
        self.path, self.stamp = path, None
        self.lock = threading.Lock()
        self.records, self.modes = {}, {}
        self.refresh()

    def refresh(self):
        found = os.stat(self.path)
        stamp = (found.st_mtime_ns, found.st_size, found.st_ino)
        with self.lock:
            if stamp != self.stamp:
                self.records, self.modes = self.read()
                self.stamp = stamp

    def read(self):
        records, modes = {}, {}
        with open(self.path, encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                line = line.strip()
                if not line or line.startswith("#"):
                    continue
                try:
                    name, kind, *rest = line.split(None, 2)
                    name, kind, data = name.rstrip(".").lower(), kind.upper(), "".join(rest)
                    if kind in MODES or kind.startswith("DELAY="):
                        modes.setdefault(name, set()).add(kind)
                        continue
                    ttl = TTL
                    if data.upper().startswith("TTL="):
                        word, data = data.split(None, 1)
                        ttl = int(word[4:])
                    octets = rdata(kind, data)
                    records.setdefault(name, []).append((TYPES[kind], ttl, octets, data))
                except (ValueError, KeyError) as error:
                    print(f"{self.path}:{number}: {line}: {error!r}", file=sys.stderr)
        return records, modes

    def mode(self, name):
        return self.modes.get(self.known(name), set())

    def known(self, name):
        """The name, or the wildcard that stands for it (RFC 4592)."""
        for table in (self.records, self.modes):
            if name in table:
                return name
        labels = name.split(".")
        for at in range(1, len(labels)):
            wild = ".".join(["*"] + labels[at:])
            if wild in self.records or wild in self.modes:
                return wild
        return name

    def find(self, name, kind):
        """Records as (owner, type, ttl, data), and the code."""
        answers = []
        for _ in range(CHAIN_MAX):
            known = self.known(name)
            here = self.records.get(known)
            if here is None:
                below = any(n.endswith("." + name) for n in self.records)
                return answers, CODES["NOERROR" if below else "NXDOMAIN"]
            hits = [r for r in here if r[0] == kind]
            answers += [(name, k, ttl, data) for k, ttl, data, _ in hits]
            alias = [r for r in here if r[0] == TYPES["CNAME"]]
            if hits or not alias or kind == TYPES["CNAME"]:
                return answers, CODES["NOERROR"]
            _, ttl, data, target = alias[0]
            answers.append((name, TYPES["CNAME"], ttl, data))
            name = target.rstrip(".").lower()
        return answers, CODES["NOERROR"]


def question(query):
    """Name as asked, type, and the place behind the question."""
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1 : at + 1 + query[at]].decode("latin-1"))
        at += 1 + query[at]
    kind, _ = struct.unpack_from("!HH", query, at + 1)
    return ".".join(labels), kind, at + 5


class Server:
    def __init__(self, zone, log):
        self.zone, self.log, self.lock = zone, log, threading.Lock()

    def answer(self, query, is_tcp):
        """The packets to send, each with whether it comes from a port of its own."""
        try:
            asked, kind, end = question(query)
        except (IndexError, struct.error):
            return []
        if query[2] & 0x80:
            return []
        name = asked.lower()
        self.zone.refresh()
        modes = self.zone.mode(name)
        if self.log:
            kinds = {number: text for text, number in TYPES.items()}
            with self.lock, open(self.log, "a", encoding="utf-8") as log:
                how = "tcp" if is_tcp else "udp"
                log.write(f"{time.time():.3f} {how} {asked} {kinds.get(kind, kind)}\n")
        for mode in modes:
            if mode.startswith("DELAY="):
                time.sleep(int(mode[6:]) / 1000)
        if "TIMEOUT" in modes:
            return []
        records, code = self.zone.find(name, kind)
        forced = [mode for mode in modes if mode in CODES]
        if forced:
            records, code = [], CODES[forced[0]]
        edns = query[10:12] != b"\0\0"
        room = 65535 if is_tcp else (4096 if edns else 512)
        packet = self.packet(query, end, records, code, edns, "LOWER" in modes)
        if not is_tcp and ("TRUNCATED" in modes or len(packet) > room):
            packet = self.packet(query, end, [], code, edns, False, truncated=True)
        if "WRONGID" in modes:
            packet = bytes([packet[0] ^ 0xFF]) + packet[1:]
        packets = [(packet, False)]
        if "FORGED" in modes and not is_tcp:
            wrong = [(name, TYPES["A"], 600, bytes([10, 6, 6, 6]))]
            packets.insert(0, (self.packet(query, end, wrong, 0, edns, False), True))
        return packets

    def packet(self, query, end, records, code, edns, lower, truncated=False):
        asked = query[12:end].lower() if lower else query[12:end]
        body = b""
        for owner, kind, ttl, data in records:
            body += wire(owner) + struct.pack("!HHIH", kind, 1, ttl, len(data)) + data
        authority = 0
        if not records and code in (0, 3) and not truncated:
            soa = wire("ns.test") + wire("host.test") + struct.pack("!IIIII", 1, 60, 60, 60, TTL)
            body += wire("test") + struct.pack("!HHIH", TYPES["SOA"], 1, TTL, len(soa)) + soa
            authority = 1
        if edns:
            body += b"\0" + struct.pack("!HHIH", 41, 1232, 0, 0)
        flags = 0x8180 | code | (0x0200 if truncated else 0)
        counts = struct.pack("!HHHH", 1, len(records), authority, int(edns))
        return query[:2] + struct.pack("!H", flags) + counts + asked + body

    def serve_udp(self, udp):
        while True:
            query, peer = udp.recvfrom(4096)
            threading.Thread(target=self.one, args=(udp, query, peer), daemon=True).start()

    def one(self, udp, query, peer):
        for packet, is_forged in self.answer(query, False):
            if is_forged:
                with socket.socket(udp.family, socket.SOCK_DGRAM) as other:
                    other.sendto(packet, peer)
            else:
                udp.sendto(packet, peer)

    def serve_tcp(self, stream):
        stream.settimeout(10)
        while True:
            head = self.exactly(stream, 2)
            query = head and self.exactly(stream, struct.unpack("!H", head)[0])
            if not query:
                return
            for packet, _ in self.answer(query, True):
                stream.sendall(struct.pack("!H", len(packet)) + packet)

    @staticmethod
    def exactly(stream, n):
        octets = b""
        while len(octets) < n:
            try:
                more = stream.recv(n - len(octets))
            except OSError:
                return None
            if not more:
                return None
            octets += more
        return octets


def start(zone, host="127.0.0.1", port=0, log=None):
    """Starts a server in threads of this process; gives its port."""
    server = Server(Zone(zone), log)

    class Connection(socketserver.BaseRequestHandler):
        def handle(self):
            server.serve_tcp(self.request)

    class Listener(socketserver.ThreadingTCPServer):
        allow_reuse_address = True
        daemon_threads = True

    while True:
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind((host, port))
        try:
            tcp = Listener((host, udp.getsockname()[1]), Connection)
            break
        except OSError:
            # The free port of UDP is in use for TCP.
            udp.close()
            if port:
                raise
    threading.Thread(target=server.serve_udp, args=(udp,), daemon=True).start()
    threading.Thread(target=tcp.serve_forever, daemon=True).start()
    return udp.getsockname()[1]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("zone")
    parser.add_argument("--listen", default="127.0.0.1:5353")
    parser.add_argument("--log")
    flags = parser.parse_args()
    host, port = flags.listen.rsplit(":", 1)
    print(f"{host}:{start(flags.zone, host, int(port), flags.log)}", flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main()
