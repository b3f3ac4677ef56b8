#!/usr/bin/env python3
"""Whole mailboxes in and out with `postern import` and `postern export`, beside Python's `mailbox`.

Makes an mbox file and a Maildir, imports them while the importer and the server are killed again
and again, and compares order, octets, flags, labels and dates over IMAP. Then it exports both ways,
is killed there too, lets `mailbox` read what was written, and imports it into another inbox.

    python3 .ci/import.py target/release/postern [--messages 400] [--kills 6] [--seed 1]
"""

import argparse
import calendar
import imaplib
import json
import mailbox
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time

from rig import Server, verify

FLAGS = {"S": "\\Seen", "R": "\\Answered", "F": "\\Flagged", "D": "\\Draft", "T": "\\Deleted"}


def message(random, n):
    """Octets as they lie in a file of Unix: every kind of line, and the same message twice."""
    n = n - 1 if n % 50 == 49 else n
    random = __import__("random").Random(n)
    lines = ["", "From here on", ">From there", ">>From nowhere", "x" * random.choice([1, 70, 2000]), "ü 日本", "a\rb", "."]
    body = "\n".join(random.choice(lines) for _ in range(random.randrange(60)))
    end = random.choice(["", "\n", "\n\n\n"])
    return (
        f"Message-ID: <{n}@import.test>\nFrom: Ann <ann{n}@import.test>\nTo: bob@import.test\n"
        f"Subject: Number {n}\nDate: Thu, 1 Jan 2015 10:00:00 +0000\n\nNumber {n}\n{body}{end}"
    ).encode()


def crlf(octets):
    """The octets with CRLF for a bare LF."""
    return re.sub(rb"(?<!\r)\n", b"\r\n", octets)


def write_mbox(path, random, n):
    """An mbox file, and what is to be there: octets, flags, labels, unix time."""
    wanted = []
    with open(path, "wb") as file:
        for i in range(n):
            octets = message(random, i)
            at = 1_500_000_000 + i * 61
            flags = "".join(f for f in "SRFDT" if random.random() < 0.3)
            labels = sorted(random.sample(["work", "$Important", "later"], random.randrange(3)))
            head, body = octets.split(b"\n\n", 1)
            status = "Status: RO\n" if "S" in flags else "Status: O\n"
            state = "X-Status: " + "".join({"R": "A", "F": "F", "D": "T", "T": "D"}[f] for f in flags if f != "S") + "\n"
            fields = status + state + "X-Keywords: " + " ".join(labels)
            octets = head + b"\n" + fields.encode() + b"\n\n" + body
            quoted = re.sub(rb"(?m)^(>*From )", rb">\1", octets)
            file.write(f"From ann@import.test {time.asctime(time.gmtime(at))}\n".encode() + quoted)
            file.write(b"\n" if octets.endswith(b"\n") else b"\n\n")
            # What has no end of line of its own gets one: the file cannot tell.
            octets = octets if octets.endswith(b"\n") else octets + b"\n"
            wanted.append((crlf(octets), {FLAGS[f] for f in flags}, set(labels), at))
    return wanted


def write_maildir(path, random, n):
    """A Maildir++ as `mailbox` writes it, with keywords as Dovecot does: what is to be there."""
    wanted = {}
    box = mailbox.Maildir(path, create=True)
    for folder, name in [("", "INBOX"), ("Archive.2020", "Archive/2020"), ("Entw&APw-rfe", "Entwürfe"), ("Sent", "Sent")]:
        at_folder = box.add_folder(folder) if folder else box
        place = os.path.join(path, "." + folder) if folder else path
        with open(os.path.join(place, "dovecot-keywords"), "w") as file:
            file.write("0 work\n1 later\n")
        rows = []
        for i in range(n // 4):
            octets = message(random, i)
            flags = "".join(sorted(f for f in "SRFDT" if random.random() < 0.3))
            letters = "".join(c for c in "ab" if random.random() < 0.3)
            at = 1_400_000_000 + i * 61
            unique = f"{at}.M{i:06}P1.host"
            where, info = ("cur", ":2," + flags + letters) if flags or letters else ("new", "")
            file = os.path.join(place, where, unique + info)
            with open(file, "wb") as out:
                out.write(octets)
            os.utime(file, (at, at))
            labels = {{"a": "work", "b": "later"}[c] for c in letters}
            rows.append((crlf(octets), {FLAGS[f] for f in flags}, labels, at))
        wanted[name] = rows
        assert len(at_folder) == len(rows)
    return wanted


def quote(name):
    """A mailbox name on the wire."""
    return '"' + name.replace("Entwürfe", "Entw&APw-rfe") + '"'


def read_imap(server, inbox, key, folder):
    """What is there, in the order of UIDs."""
    client = server.imap(inbox, key)
    status, _ = client.select(quote(folder), readonly=True)
    assert status == "OK", folder
    _, rows = client.fetch("1:*", "(FLAGS INTERNALDATE BODY.PEEK[])")
    client.logout()
    found = []
    for row in rows:
        if not isinstance(row, tuple):
            continue
        line, octets = row
        flags = set(re.search(rb"FLAGS \(([^)]*)\)", line)[1].decode().split()) - {"\\Recent"}
        at = imaplib.Internaldate2tuple(line)
        keywords = {f for f in flags if f not in FLAGS.values()}
        found.append((octets, flags - keywords, keywords, calendar.timegm(time.gmtime(time.mktime(at)))))
    return found


def compare(name, found, wanted):
    """Exits with the first difference."""
    if len(found) != len(wanted):
        sys.exit(f"{name}: {len(found)} messages, not {len(wanted)}")
    for n, (have, want) in enumerate(zip(found, wanted)):
        for what, a, b in zip(("octets", "flags", "labels", "date"), have, want):
            if a != b:
                sys.exit(f"{name}, message {n}: its {what} are {a!r}, not {b!r}")
    print(f"{name}: {len(found)} messages as they were")


class World:
    """A server that is killed now and then."""

    def __init__(self, binary, folder):
        self.binary, self.folder = binary, folder
        self.server = Server(binary, folder)
        self.key, self.inbox = self.server.ready["api_key"], self.server.ready["inbox"]

    def again(self):
        """The server is killed and started."""
        self.server.kill()
        self.server = Server(self.binary, self.folder)

    def verify(self):
        """The data folder is whole."""
        if why := verify(self.binary, self.folder):
            sys.exit(why)

    def run(self, *words):
        """A command of the command line, under way."""
        words = [self.binary, "--data", self.folder, "--json", *words]
        return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def done(self, *words, code=0):
        """A command to its end: its JSON."""
        process = self.run(*words)
        out, err = process.communicate()
        if process.returncode != code:
            sys.exit(f"{' '.join(words)}: {process.returncode}\n{out.decode()}{err.decode()}")
        return json.loads(out.splitlines()[-1])

    def with_kills(self, random, kills, *words):
        """A command that is killed, and whose server is, until it comes to its end."""
        for n in range(kills):
            process = self.run(*words)
            try:
                process.wait(random.uniform(0.02, 0.3))
            except subprocess.TimeoutExpired:
                pass
            # Every other time the command survives its server.
            if n % 2 == 0:
                process.kill()
                process.communicate()
            else:
                self.again()
                out, err = process.communicate()
                # A command that finds no server when it begins says so; one that has begun goes on.
                if process.returncode != 0 and b'"complete"' in out:
                    sys.exit(f"{' '.join(words)}: {process.returncode}\n{out.decode()}{err.decode()}")
        return self.done(*words)


def exports(world, r, kills, folder, of_mbox):
    """Both ways out, with kills, and in again."""
    want = read_imap(world.server, world.inbox, world.key, "Old")
    for line_ends in ([], ["--lf"]):
        out = os.path.join(folder, "out" + "".join(line_ends) + ".mbox")
        words = ["export", "mbox", out, "--inbox", world.inbox, "--folder", "Old", *line_ends]
        done = world.with_kills(r, kills, *words)
        assert done["complete"], done
        assert world.done(*words)["exported"] == 0
        read = mailbox.mbox(out, create=False)
        assert len(read) == len(want), (len(read), len(want))
        for key, (octets, flags, labels, at) in zip(read.keys(), want):
            head, rest = read.get_bytes(key).split(b"\nX-Keywords: ", 1)
            names, rest = rest.split(b"\n", 1)
            rest = re.sub(rb"(?m)^>(>*From )", rb"\1", rest)
            if (crlf(rest) if line_ends else rest).rstrip(b"\r\n") != octets.rstrip(b"\r\n"):
                sys.exit(f"{out}: {rest!r} is not {octets!r}")
            one = read.get_message(key)
            state = {"\\Seen": "R", "\\Answered": "A", "\\Deleted": "D", "\\Flagged": "F", "\\Draft": "T"}
            assert set(one.get_flags()) - {"O"} == {state[f] for f in flags}, (one.get_flags(), flags)
            assert set(names.decode().split()) == labels
            assert calendar.timegm(time.strptime(one.get_from().split(" ", 1)[1])) == at
        name = "Again" + "".join(line_ends)
        done = world.done("import", "mbox", out, "--inbox", world.inbox, "--folder", name)
        assert done["imported"] == len(want), done
        compare(f"mbox out and in {line_ends}", read_imap(world.server, world.inbox, world.key, name), want)

    out = os.path.join(folder, "out")
    words = ["export", "maildir", out, "--inbox", world.inbox]
    world.with_kills(r, kills, *words)
    again = world.done(*words)
    assert again["exported"] == 0 and again["complete"], again
    box = mailbox.Maildir(out, create=False)
    place = box.get_folder("Old")
    assert len(place) == len(want)
    found = sorted(place.keys(), key=lambda key: int(key.split("-")[1].split("M")[0]))
    for key, (octets, flags, labels, at) in zip(found, want):
        one = place.get_message(key)
        assert place.get_bytes(key) == octets.replace(os.linesep.encode(), b"\n") or place.get_bytes(key) == octets
        assert {FLAGS[f] for f in one.get_flags() if f in FLAGS} == flags
        assert int(one.get_date()) == at
    code, made = world.server.rest(world.key, "POST", "/api/v1/inboxes", {"username": "second"})
    assert code == 201, made
    done = world.done("import", "maildir", out, "--inbox", made["address"])
    assert done["failed"] == 0, done
    for name in ("INBOX", "Old", "Alone", "Archive/2020", "Entwürfe", "Sent"):
        before = read_imap(world.server, world.inbox, world.key, name)
        compare(f"Maildir {name} out and in", read_imap(world.server, made["address"], world.key, name), before)
    tree = os.path.join(folder, "tree")
    world.done("export", "mbox", tree, "--inbox", world.inbox)
    code, made = world.server.rest(world.key, "POST", "/api/v1/inboxes", {"username": "third"})
    done = world.done("import", "mbox", tree, "--inbox", made["address"])
    assert done["failed"] == 0, done
    for name in ("INBOX", "Old", "Archive/2020", "Entwürfe", "Sent"):
        before = read_imap(world.server, world.inbox, world.key, name)
        compare(f"mbox {name} out and in", read_imap(world.server, made["address"], world.key, name), before)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("--messages", type=int, default=400)
    parser.add_argument("--kills", type=int, default=6)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    r = random.Random(args.seed)
    folder = tempfile.mkdtemp(prefix="postern-import-")
    os.environ["TZ"] = "UTC"
    time.tzset()
    try:
        world = World(args.binary, os.path.join(folder, "data"))
        mbox, maildir = os.path.join(folder, "a.mbox"), os.path.join(folder, "Maildir")
        of_mbox = write_mbox(mbox, r, args.messages)
        of_maildir = write_maildir(maildir, r, args.messages)
        oracle = mailbox.mbox(mbox, create=False)
        assert len(oracle) == len(of_mbox)

        done = world.with_kills(r, args.kills, "import", "mbox", mbox, "--inbox", world.inbox, "--folder", "Old")
        assert done["imported"] + done["present"] == len(of_mbox) and done["failed"] == 0, done
        compare("mbox", read_imap(world.server, world.inbox, world.key, "Old"), of_mbox)
        done = world.with_kills(r, args.kills, "import", "maildir", maildir, "--inbox", world.inbox)
        assert done["failed"] == 0 and done["complete"], done
        for name, wanted in of_maildir.items():
            compare(f"Maildir {name}", read_imap(world.server, world.inbox, world.key, name), wanted)
        again = world.done("import", "maildir", maildir, "--inbox", world.inbox)
        assert again["imported"] == 0 and again["present"] == sum(map(len, of_maildir.values())), again

        # A key that only writes, and no operator; then a key that may all; then no server at all.
        code, writer = world.server.rest(world.key, "POST", "/api/v1/keys", {"scopes": ["messages:write"]})
        assert code == 201, writer
        url = ["--url", world.server.ready["http"], "--key", writer["key"]]
        for n in (len(of_mbox), 0):
            named = world.done(*url, "import", "mbox", mbox, "--inbox", world.inbox, "--folder", "New", "--as", "w")
            assert named["imported"] == n, named
        url = ["--url", world.server.ready["http"], "--key", world.key]
        named = world.done(*url, "import", "mbox", mbox, "--inbox", world.inbox, "--folder", "Old", "--as", "two")
        assert named["imported"] == len(of_mbox), named
        world.server.stop()
        alone = world.done("import", "mbox", mbox, "--inbox", world.inbox, "--folder", "Alone")
        assert alone["imported"] == len(of_mbox), alone
        world.verify()
        world.server = Server(args.binary, world.folder)
        compare("mbox without a server", read_imap(world.server, world.inbox, world.key, "Alone"), of_mbox)

        # What cannot be taken is told, and the rest goes in.
        broken = os.path.join(folder, "broken.mbox")
        with open(broken, "wb") as file:
            file.write(b"stray\n\nFrom a Thu Jan  1 00:00:00 2015\nA: b\n\nnul \0\n\nFrom a Thu Jan  1 00:00:00 2015\nA: b\n\nfine\n")
        done = world.done("import", "mbox", broken, "--inbox", world.inbox, "--folder", "Old", code=3)
        assert (done["imported"], done["failed"]) == (1, 2), done
        assert [(p["offset"], p["code"]) for p in done["problems"]] == [(0, "unreadable"), (7, "stray_octets")], done
        exports(world, r, args.kills, folder, of_mbox)
        world.server.stop()
        world.verify()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


main()
