#!/usr/bin/env python3
"""Many IMAP clients on few mailboxes at once. Each keeps only what it is told, and checks it.

Every client sends commands at random: STORE, EXPUNGE, APPEND, COPY, MOVE, FETCH, SEARCH, IDLE,
SELECT, CLOSE. It keeps the view that RFC 3501 obliges a server to give it, and compares every
response with that view. At times all stop, and the view of each must then be the mailbox. At the
end `postern verify` looks at the data folder.

    python3 .ci/torture.py target/release/postern [--clients 50] [--seconds 16] [--seed 1]
"""

import argparse
import json
import os
import random
import re
import shutil
import socket
import ssl
import sys
import tempfile
import threading
import time
import traceback

from rig import Server, memory, verify

MAILBOXES = ["INBOX", "Busy", "Calm"]
# No EXPUNGE may be sent while these are under way (RFC 3501 section 7.4.1).
BY_NUMBER = ("FETCH", "STORE", "SEARCH")


class Wrong(Exception):
    """The server broke a rule."""


class World:
    """The knowledge of all clients together."""

    def __init__(self, seconds):
        self.lock = threading.Lock()
        self.ids = {}  # (mailbox, uid) -> Subject of the message
        self.given = set()  # (mailbox, uid) of APPENDUID and COPYUID
        self.finals = {}  # mailbox -> its content for the first client, when all had stopped
        self.commands = 0
        self.faults = []
        self.end = time.monotonic() + seconds

    def is_message(self, place, subject):
        with self.lock:
            if self.ids.setdefault(place, subject) != subject:
                raise Wrong(f"{place} was {self.ids[place]} and is {subject}")

    def arrived(self, mailbox, uids):
        """APPENDUID, COPYUID: a UID is given once."""
        with self.lock:
            for uid in uids:
                if (mailbox, uid) in self.given:
                    raise Wrong(f"UID {uid} of {mailbox} was given twice")
                self.given.add((mailbox, uid))


def tokens(line):
    """A response line with its literals, as nested lists of bytes."""
    stack, at = [[]], 0
    while at < len(line):
        c = line[at : at + 1]
        if c == b"(":
            stack.append([])
            at += 1
        elif c == b")":
            done = stack.pop()
            stack[-1].append(done)
            at += 1
        elif c == b'"':
            end = at + 1
            while line[end : end + 1] != b'"':
                end += 2 if line[end : end + 1] == b"\\" else 1
            stack[-1].append(re.sub(rb"\\(.)", rb"\1", line[at + 1 : end]))
            at = end + 1
        elif c == b"{":
            head = re.compile(rb"\{(\d+)\}\r\n").match(line, at)
            end = head.end() + int(head[1])
            stack[-1].append(line[head.end() : end])
            at = end
        elif c in b" \r\n":
            at += 1
        else:
            word = re.compile(rb"(?:[^\[\]()\s\"{]|\[[^\]]*\])+").match(line, at)
            stack[-1].append(word[0])
            at = word.end()
    if len(stack) != 1:
        raise Wrong(f"parentheses do not balance: {line[:200]}")
    return stack[0]


def numbers(text):
    """`1:3,7` in the order in which it stands there."""
    found = []
    for part in text.decode().split(","):
        low, _, high = part.partition(":")
        low, high = int(low), int(high or low)
        found += range(low, high + 1) if low <= high else range(low, high - 1, -1)
    return found


def ranges(values):
    return ",".join(str(v) for v in values)


class Client:
    """One IMAP client and its view of the selected mailbox."""

    def __init__(self, world, name, ready, seed):
        self.world, self.name, self.random = world, name, random.Random(seed)
        self.mark = f"mark{name}"  # a keyword that only this client sets
        self.condstore = name % 2 == 0
        self.ready, self.tag, self.said, self.past = ready, 0, [], {}
        self.connect()

    def connect(self):
        port = int(str(self.ready["imaps"]).rsplit(":", 1)[-1])
        tls = ssl.create_default_context(cafile=self.ready["ca"])
        plain = socket.create_connection(("localhost", port), timeout=30)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = tls.wrap_socket(plain, server_hostname="localhost")
        self.file = self.socket.makefile("rb")
        self.mailbox, self.view, self.running, self.under_way = None, [], "", ""
        self.flags, self.modseqs, self.marked = {}, {}, set()
        self.file.readline()
        self.do(f'LOGIN {self.ready["inbox"]} {self.ready["api_key"]}')
        if self.condstore:
            self.do("ENABLE CONDSTORE")

    # ---- responses ----

    def line(self):
        whole = self.file.readline()
        while True:
            if not whole.endswith(b"\r\n"):
                raise Wrong(f"the connection ended: {whole[:200]}")
            literal = re.search(rb"\{(\d+)\}\r\n$", whole)
            if not literal:
                self.said.append(whole[:160])
                del self.said[:-30]
                return whole
            whole += self.file.read(int(literal[1])) + self.file.readline()

    def untagged(self, line):
        found = re.match(rb"\* (\d+) (EXISTS|RECENT|EXPUNGE|FETCH)", line)
        if not found:
            if line.startswith(b"* BYE") and self.running != "LOGOUT":
                raise Wrong(f"goodbye: {line}")
            return line
        n, what = int(found[1]), found[2]
        if self.under_way == "SELECT":
            if what == b"EXISTS":
                self.view = [None] * n
            return line
        if self.mailbox is None:
            raise Wrong(f"no mailbox is open: {line}")
        if what == b"EXISTS":
            if n < len(self.view):
                raise Wrong(f"EXISTS went from {len(self.view)} to {n} by itself")
            self.view += [None] * (n - len(self.view))
        elif what == b"EXPUNGE":
            if self.under_way in BY_NUMBER:
                raise Wrong(f"EXPUNGE during {self.under_way}")
            if not 1 <= n <= len(self.view):
                raise Wrong(f"EXPUNGE {n} of {len(self.view)}")
            uid = self.view.pop(n - 1)
            for known in (self.flags, self.modseqs):
                known.pop(uid, None)
            self.marked.discard(uid)
        elif what == b"RECENT" and n > len(self.view):
            raise Wrong(f"{n} RECENT of {len(self.view)}")
        elif what == b"FETCH":
            self.fetched(n, line)
        return line

    def fetched(self, n, line):
        if not 1 <= n <= len(self.view):
            raise Wrong(f"FETCH {n} of {len(self.view)}")
        pairs = tokens(line)[3]
        items = dict(zip(pairs[::2], pairs[1::2]))
        uid = self.view[n - 1]
        if b"UID" in items:
            told = int(items[b"UID"])
            if uid not in (None, told):
                raise Wrong(f"message {n} was UID {uid} and is {told}")
            before = [u for u in self.view[: n - 1] if u]
            after = next((u for u in self.view[n:] if u), None)
            if (before and before[-1] >= told) or (after and after <= told):
                raise Wrong(f"UID {told} of message {n} is out of order")
            self.view[n - 1] = uid = told
        if uid is None:
            return
        place = (self.mailbox, uid)
        if b"MODSEQ" in items:
            modseq = int(items[b"MODSEQ"][0])
            if modseq < self.modseqs.get(uid, 0):
                raise Wrong(f"MODSEQ of {place} went from {self.modseqs[uid]} to {modseq}")
            self.modseqs[uid] = modseq
        if b"FLAGS" in items:
            flags = {flag.decode() for flag in items[b"FLAGS"]}
            # Several sessions may be told \Recent: it is a watermark (RFC 3501 section 2.3.2).
            flags.discard("\\Recent")
            if uid not in self.flags:
                # It is new here: a copy of a message that this client marked has its mark.
                self.marked |= {uid} if self.mark in flags else set()
            self.flags[uid] = flags
            if (self.mark in flags) != (uid in self.marked) and self.running != "STORE":
                raise Wrong(f"{place} {'has' if self.mark in flags else 'lacks'} our own {self.mark}")
        body = next((v for k, v in items.items() if k.startswith(b"BODY[]")), None)
        if body is not None:
            if b"RFC822.SIZE" in items and len(body) != int(items[b"RFC822.SIZE"]):
                raise Wrong(f"{place} has {len(body)} octets, not {items[b'RFC822.SIZE']}")
            subject = re.search(rb"Subject: (\S+)", body)[1].decode()
            if not body.endswith(f"\r\nend of {subject}\r\n".encode()):
                raise Wrong(f"{place} is not whole: {body[-60:]}")
            if b"ENVELOPE" in items and items[b"ENVELOPE"][1].decode() != subject:
                raise Wrong(f"{place} has the envelope of {items[b'ENVELOPE'][1]}")
            self.world.is_message(place, subject)

    # ---- commands ----

    def do(self, text, expect=(b"OK",)):
        words = text.split()
        self.under_way = self.running = words[1] if words[0] == "UID" else words[0]
        if words[0] == "UID":
            # Only commands by sequence number hold EXPUNGE back; it may come in the UID forms.
            self.under_way = "UID"
        self.tag += 1
        tag = f"{self.name}.{self.tag}".encode()
        self.said.append(b"C: " + text[:120].encode())
        self.socket.sendall(tag + b" " + text.encode() + b"\r\n")
        lines = []
        while True:
            line = self.line()
            if line.startswith(tag + b" "):
                break
            if not line.startswith(b"* "):
                raise Wrong(f"{line[:200]} in answer to {text[:80]}")
            lines.append(self.untagged(line))
        self.under_way = ""
        self.world.commands += 1
        status = line[len(tag) + 1 :]
        gone = status.startswith((b"NO [EXPUNGEISSUED]", b"NO [MODIFIED"))
        if not status.startswith(tuple(expect)) and not gone:
            raise Wrong(f"{text[:120]}: {status}")
        return status, lines

    def select(self, name):
        self.mailbox = None
        self.flags, self.modseqs, self.marked, self.view = {}, {}, set(), []
        self.do(f"SELECT {name}")
        self.mailbox = name
        self.learn()

    def learn(self):
        """Fetches UIDs and flags of the messages that are new."""
        first = next((n for n, uid in enumerate(self.view, 1) if uid is None), None)
        if first is not None:
            self.do(f"FETCH {first}:{len(self.view)} (UID FLAGS)")

    def some(self, most=4):
        """Sequence numbers of messages whose UIDs are known."""
        known = [n for n, uid in enumerate(self.view, 1) if uid]
        return sorted(self.random.sample(known, min(len(known), self.random.randint(1, most))))

    def append(self):
        with self.world.lock:
            n = self.world.commands
        subject = f"m{self.name}.{self.tag}.{n}"
        filler = "x" * 70 + "\r\n"
        many = self.random.choice([1, 5, 40, 40, 400, 4000] if self.random.random() < 0.1 else [1, 5, 40])
        text = f"From: <a@x.test>\r\nSubject: {subject}\r\n\r\n{filler * many}end of {subject}\r\n"
        to = self.random.choice(MAILBOXES)
        flags = self.random.choice(["", "(\\Seen) ", "(\\Flagged label) "])
        status, _ = self.do(f"APPEND {to} {flags}{{{len(text)}+}}\r\n{text}")
        uid = int(re.search(rb"APPENDUID \d+ (\d+)", status)[1])
        self.world.arrived(to, [uid])
        self.world.is_message((to, uid), subject)

    def store(self):
        chosen = self.some()
        if not chosen:
            return
        uids = [self.view[n - 1] for n in chosen]
        ours = self.random.random() < 0.6
        flag = self.mark if ours else self.random.choice(["\\Seen", "\\Flagged", "\\Answered", "label"])
        sign = self.random.choice("+-")
        silent = self.random.choice(["", ".SILENT"])
        by_uid = self.random.random() < 0.5
        what = f"UID STORE {ranges(uids)}" if by_uid else f"STORE {ranges(chosen)}"
        guard = ""
        if self.condstore and self.random.random() < 0.3:
            guard = f" (UNCHANGEDSINCE {max([self.modseqs.get(uid, 0) for uid in uids])})"
        status, _ = self.do(f"{what}{guard} {sign}FLAGS{silent} ({flag})")
        modified = re.search(rb"MODIFIED ([\d:,]+)", status)
        skipped = set(numbers(modified[1])) if modified else set()
        if not by_uid:
            # Nothing has been expunged meanwhile, so the numbers have not moved.
            skipped = {self.view[n - 1] for n in skipped}
        for uid in uids:
            if uid in skipped or uid not in self.view:
                continue
            change = self.flags.setdefault(uid, set())
            change.add(flag) if sign == "+" else change.discard(flag)
            if ours:
                self.marked.add(uid) if sign == "+" else self.marked.discard(uid)

    def expunge(self):
        chosen = [self.view[n - 1] for n in self.some(8)]
        if not chosen:
            return
        self.do(f"UID STORE {ranges(chosen)} +FLAGS (\\Deleted)")
        kind = self.random.randrange(4)
        if kind == 0:
            self.do("CLOSE")
            self.select(self.random.choice(MAILBOXES))
        elif kind == 1:
            self.do("EXPUNGE")
        else:
            self.do(f"UID EXPUNGE {ranges(chosen)}")
        left = set(chosen) & set(self.view) if kind else set()
        if kind > 1 and left and all("\\Deleted" in self.flags.get(uid, set()) for uid in left):
            raise Wrong(f"UID EXPUNGE left {left}")

    def copy(self):
        chosen = self.some()
        if not chosen:
            return
        uids = [self.view[n - 1] for n in chosen]
        to = self.random.choice(MAILBOXES)
        verb = self.random.choice(["COPY", "MOVE"])
        if self.random.random() < 0.5:
            status, lines = self.do(f"UID {verb} {ranges(uids)} {to}")
        else:
            status, lines = self.do(f"{verb} {ranges(chosen)} {to}")
        for line in [status, *lines]:
            code = re.search(rb"\[COPYUID \d+ ([\d:,]+) ([\d:,]+)\]", line)
            if not code:
                continue
            source, target = numbers(code[1]), numbers(code[2])
            if len(source) != len(target) or not set(source) <= set(uids):
                raise Wrong(f"{line} for {uids}")
            self.world.arrived(to, target)
            for old, new in zip(source, target):
                with self.world.lock:
                    subject = self.world.ids.get((self.mailbox, old))
                if subject:
                    self.world.is_message((to, new), subject)
            if verb == "MOVE" and set(source) & set(self.view):
                raise Wrong(f"moved and still there: {source}")

    def fetch(self):
        chosen = self.some(6)
        if not chosen:
            return
        items = self.random.choice(
            ["(UID RFC822.SIZE ENVELOPE BODY.PEEK[])", "(UID FLAGS)", "(UID BODY.PEEK[]<0.1000000> RFC822.SIZE)", "(UID BODYSTRUCTURE)"]
        )
        uids = ranges(self.view[n - 1] for n in chosen)
        # A message that is expunged meanwhile is sent whole all the same.
        self.do(f"FETCH {ranges(chosen)} {items}" if self.random.random() < 0.5 else f"UID FETCH {uids} {items}")

    def search(self):
        before, ours = len(self.view), {uid for uid in self.marked if uid in self.view}
        _, lines = self.do(f"UID SEARCH KEYWORD {self.mark}")
        found = {int(n) for line in lines if line.startswith(b"* SEARCH") for n in re.sub(rb"\(.*\)", b"", line).split()[2:]}
        alive = {uid for uid in ours if uid in self.view}
        if found - ours and None not in self.view:
            raise Wrong(f"SEARCH found {found - ours}, which we have not marked")
        missing = alive - found
        if missing:
            # Only an expunged message may be missing, and its EXPUNGE comes now.
            for _ in range(2):
                self.do("NOOP")
            if missing & set(self.view):
                raise Wrong(f"SEARCH did not find {missing & set(self.view)}")
        _, lines = self.do("SEARCH RETURN (ALL COUNT) UNDELETED")
        for line in lines:
            found = re.search(rb"ESEARCH .* ALL ([\d:,]+)", line)
            if found and max(numbers(found[1])) > max(before, len(self.view)):
                raise Wrong(f"{line[:100]} of {len(self.view)}")

    def idle(self):
        self.under_way = self.running = "IDLE"
        self.tag += 1
        tag = f"{self.name}.{self.tag}".encode()
        self.said.append(b"C: IDLE")
        self.socket.sendall(tag + b" IDLE\r\n")
        while not (line := self.line()).startswith(b"+"):
            self.untagged(line)
        time.sleep(self.random.uniform(0, 0.1))
        self.socket.sendall(b"DONE\r\n")
        while not (line := self.line()).startswith(tag):
            self.untagged(line)
        self.under_way = ""
        if b" OK " not in line:
            raise Wrong(f"IDLE: {line}")

    def step(self):
        if None in self.view:
            return self.learn()
        many = len(self.view)
        acts = [self.store] * 6 + [self.fetch] * 5 + [self.search, self.idle, self.copy, self.copy]
        acts += [self.append] * (8 if many < 40 else 2) + [self.expunge] * (8 if many > 120 else 2)
        acts += [lambda: self.do("NOOP"), lambda: self.do(f"STATUS {self.random.choice(MAILBOXES)} (MESSAGES UNSEEN)")]
        if self.random.random() < 0.03:
            return self.select(self.random.choice(MAILBOXES))
        self.random.choice(acts)()

    def compare(self):
        """All have stopped: the view of this client must be the mailbox."""
        self.do("NOOP")
        self.do("NOOP")
        self.learn()
        told = {uid: set(self.flags.get(uid, set())) for uid in self.view}
        if None in told:
            raise Wrong("a message that exists was not fetched")
        self.do("FETCH 1:* (UID FLAGS)") if self.view else None
        for uid in self.view:
            if told[uid] != self.flags[uid]:
                raise Wrong(f"UID {uid} of {self.mailbox}: we were told {told[uid]}, it has {self.flags[uid]}")
        _, lines = self.do(f"STATUS {self.mailbox} (MESSAGES)")
        if f"MESSAGES {len(self.view)})".encode() not in lines[-1]:
            raise Wrong(f"{lines[-1]}, and we count {len(self.view)}")
        final = {uid: sorted(self.flags[uid]) for uid in self.view}
        if self.condstore and self.view:
            self.catch_up(final)
        with self.world.lock:
            first = self.world.finals.setdefault(self.mailbox, final)
        if first != final:
            odd = {uid: (first.get(uid), final.get(uid)) for uid in {*first, *final} if first.get(uid) != final.get(uid)}
            raise Wrong(f"two clients disagree about {self.mailbox}: {odd}")

    def catch_up(self, final):
        """CHANGEDSINCE must tell everything that has changed since all stopped the last time."""
        since, past = self.past.get(self.mailbox, (0, {}))
        if since:
            _, lines = self.do(f"FETCH 1:* (UID FLAGS) (CHANGEDSINCE {since})")
            told = {int(uid[1]) for line in lines if (uid := re.search(rb" FETCH \(.*UID (\d+)", line))}
            missed = {uid for uid in final if final[uid] != past.get(uid)} - told
            if missed:
                raise Wrong(f"CHANGEDSINCE {since} of {self.mailbox} does not tell of {missed}")
        _, lines = self.do(f"STATUS {self.mailbox} (HIGHESTMODSEQ)")
        highest = int(re.search(rb"HIGHESTMODSEQ (\d+)", lines[-1])[1])
        if highest < max(self.modseqs.values(), default=0):
            raise Wrong(f"HIGHESTMODSEQ {highest} is below that of a message")
        self.past[self.mailbox] = (highest, final)


def play(client, world, barrier, stops):
    try:
        client.select(client.random.choice(MAILBOXES))
        for stop in stops:
            while time.monotonic() < stop and not world.faults:
                client.step()
            barrier.wait(60)
            client.compare()
            if barrier.wait(60) == 0:
                world.finals.clear()
            barrier.wait(60)
        client.do("LOGOUT")
    except threading.BrokenBarrierError:
        pass
    except Exception as error:
        kind = error if isinstance(error, Wrong) else traceback.format_exc()
        said = b"\n    ".join(line.rstrip() for line in client.said).decode("latin1")
        with world.lock:
            world.faults.append(f"client {client.name} in {client.mailbox}: {kind}\n    {said}")
        barrier.abort()


def connect(ready, window=None):
    tls = ssl.create_default_context(cafile=ready["ca"])
    plain = socket.socket()
    if window:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
    plain.settimeout(30)
    plain.connect(("localhost", int(str(ready["imaps"]).rsplit(":", 1)[-1])))
    return tls.wrap_socket(plain, server_hostname="localhost")


def floods_before_login(server, ready, world):
    """KiB of memory that a connection costs before login, with input that made other servers
    allocate without bound (CVE-2026-27857, CVE-2025-61600)."""
    floods = [
        b"1 LOGIN {1024+}\r\n" + b"x" * 1024 + b" {1024+}\r\n" + b"x" * 1000,
        b"1 NOOP " + b"(" * 8100,
        b"1 LOGIN {4294967295}\r\n1 LOGIN {1073741824+}\r\n" + b"x" * 60_000,
        b"1 LOGIN " + b"a" * 1_000_000,
    ]
    connections = [connect(ready) for _ in range(200)]
    for connection in connections:
        connection.recv(1000)
    before = memory(server.process.pid)
    for n, connection in enumerate(connections):
        try:
            connection.sendall(floods[n % len(floods)])
        except OSError:
            pass  # The server has closed it in the middle.
    time.sleep(1)
    each = (memory(server.process.pid) - before) / len(connections) / 1024
    if each > 32:
        world.faults.append(f"a connection before login costs {each} KiB")
    for connection in connections:
        connection.close()
    return round(each, 1)


def slow_reader(ready, maker):
    """Asks for 40 MB and reads nothing; the write-ahead log must be truncated all the same."""
    text = "Subject: s\r\n\r\n" + ("x" * 76 + "\r\n") * 50_000
    for _ in range(10):
        maker.do(f"APPEND Slow {{{len(text)}+}}\r\n{text}")
    connection = connect(ready, 4096)
    connection.sendall(f'1 LOGIN {ready["inbox"]} {ready["api_key"]}\r\n2 SELECT Slow\r\n3 FETCH 1:* BODY[]\r\n'.encode())
    return connection


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=16)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="postern-torture-") + "/data"
    server = Server(options.binary, folder)
    ready = server.ready
    world = World(options.seconds)
    maker = Client(world, 9999, ready, 0)
    for name in [*MAILBOXES[1:], "Slow"]:
        maker.do(f"CREATE {name}")
    each = floods_before_login(server, ready, world)
    slow = slow_reader(ready, maker)
    clients = [Client(world, n, ready, options.seed * 1000 + n) for n in range(options.clients)]
    start = time.monotonic()
    stops = [start + options.seconds * part / 4 for part in range(1, 5)]
    barrier = threading.Barrier(len(clients))
    threads = [threading.Thread(target=play, args=(c, world, barrier, stops)) for c in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    log_size = os.path.getsize(folder + "/postern.db-wal")
    if log_size > 96 << 20:
        world.faults.append(f"the write-ahead log has {log_size} octets")
    slow.close()
    if server.stop() != 0:
        world.faults.append("the server did not end well")
    if wrong := verify(options.binary, folder):
        world.faults.append(wrong)
    if b"panic" in open(folder + ".log", "rb").read():
        world.faults.append("a panic is in the server's log")
    took = round(time.monotonic() - start, 1)
    print(json.dumps({"commands": world.commands, "stranger_kib": each, "wal_kib": log_size >> 10, "seconds": took, "faults": len(world.faults), "seed": options.seed}))
    if world.faults:
        print("\n".join(world.faults[:5]))
        sys.exit(f"the folder is kept: {folder}")
    shutil.rmtree(os.path.dirname(folder))
    if world.commands < 10 * options.clients:
        sys.exit("too little was done for this to mean anything")


if __name__ == "__main__":
    main()
