#!/usr/bin/env python3
"""The state of messages of an account of a real server elsewhere: Dovecot.

What a mail client sets and deletes there must be so here, while the connection waits, while it is
away and after this server was killed. Nothing that is here may come twice by it.

    python3 .ci/upstream_state.py target/release/postern
"""

import argparse
import contextlib
import os
import tempfile
import time

from rig import verify
from upstream import Stream, World, install, until

USER = "ann@else.test"


class State:
    """An account, its messages by subject on both sides, and a stream that listens."""

    def __init__(self, world):
        self.world, self.dovecot = world, world.dovecot
        self.inbox = world.account(USER)
        until("a first look", 15, lambda: self.dovecot.log().count(f"imap({USER})"))
        until("its end", 15, lambda: self.dovecot.connections(USER) == 0)
        self.stream = None

    def listen(self, on):
        if on:
            self.stream = Stream(self.world, self.inbox)
            until("connected", 15, lambda: self.world.upstream(self.inbox)["state"] == "connected")
        else:
            self.stream.end()
            until("away", 15, lambda: self.dovecot.connections(USER) == 0)

    def put(self, *subjects):
        for subject in subjects:
            self.world.put(self.dovecot.append, USER, subject)
        until(f"{subjects} here", 20, lambda: set(subjects) <= set(self.here()))

    def here(self, folder="INBOX"):
        """Flags and labels by subject, in one sorted list."""
        rows = self.world.messages(self.inbox, folder)
        assert len({row["subject"] for row in rows}) == len(rows), rows
        return {row["subject"]: sorted(row["flags"] + row["labels"]) for row in rows}

    @contextlib.contextmanager
    def client(self, mailbox="INBOX"):
        """A mail client of the user there, and the UIDs by subject."""
        client = self.dovecot.client(USER)
        client.select(mailbox)
        uids = {}
        for uid in client.uid("search", None, "ALL")[1][0].split():
            header = client.uid("fetch", uid, "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")[1][0][1]
            uids[header.decode().split(":", 1)[1].strip()] = uid
        yield client, uids
        client.logout()

    def there(self, mailbox="INBOX"):
        """Flags and keywords by subject, in one sorted list, as `here` has them."""
        with self.client(mailbox) as (client, uids):
            found = {}
            for subject, uid in uids.items():
                row = client.uid("fetch", uid, "(FLAGS)")[1][0].decode()
                words = row[row.index("FLAGS (") + 7:].split(")")[0].split()
                words = [w[1:].lower() if w.startswith("\\") else w for w in words if w != "\\Recent"]
                found[subject] = sorted(words)
            return found

    def change(self, mailbox="INBOX", delete=(), **flags):
        """Sets (`add`) and clears (`remove`) flags there, and deletes."""
        with self.client(mailbox) as (client, uids):
            for sign, words in (("+", flags.get("add", {})), ("-", flags.get("remove", {}))):
                for subject, word in words.items():
                    assert client.uid("store", uids[subject], sign + "FLAGS.SILENT", f"({word})")[0] == "OK"
            for subject in delete:
                client.uid("store", uids[subject], "+FLAGS.SILENT", "(\\Deleted)")
            if delete:
                client.expunge()

    def same(self, what, seconds=20):
        """Both sides come to have the same; gives it."""
        until(what, seconds, lambda: self.here() == self.there())
        return self.here()


def check_from_there(state):
    """What is changed there is so here: while it waits, while it is away, over a kill."""
    state.listen(True)
    state.put(*(f"there {n}" for n in range(8)))
    began = time.monotonic()
    state.change(add={"there 0": "\\Seen", "there 1": "\\Flagged $Work"}, delete=["there 2"])
    state.same("flags and a deletion while it waits")
    took = time.monotonic() - began
    state.change(remove={"there 0": "\\Seen", "there 1": "$Work"})
    state.same("flags that are taken back")
    state.listen(False)
    state.change(add={"there 3": "\\Answered", "there 4": "\\Seen"}, delete=["there 5"])
    state.listen(True)
    state.same("what was changed while it was away")
    state.world.server.kill()
    state.change(add={"there 6": "\\Seen"}, remove={"there 4": "\\Seen"}, delete=["there 7"])
    state.world.start()
    here = state.same("what was changed while this server was away")
    assert here == {
        "there 0": [], "there 1": ["flagged"], "there 3": ["answered"], "there 4": [], "there 6": ["seen"],
    }, here
    print(f"from there: flags and a deletion were here after {took:.1f} s; also over an absence and a kill")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("binary")
    options = parser.parse_args()
    began = time.monotonic()
    install()
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as ends:
        os.chmod(folder, 0o755)
        world = World(os.path.abspath(options.binary), folder, ends)
        try:
            state = State(world)
            check_from_there(state)
            state.listen(False)
            wrong = world.server.stop() or verify(world.binary, f"{folder}/here")
            assert not wrong, wrong
        except BaseException:
            print(open(world.server.path, errors="replace").read()[-3000:], world.dovecot.log()[-3000:], sep="\n--\n")
            raise
    print(f"{time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
