#!/usr/bin/env python3
"""The state of messages of an account of a real server elsewhere: Dovecot.

What a mail client sets and deletes there must be so here, while the connection waits, while it is
away and after this server was killed. What is set and deleted here must be so there: over the
connection that waits, over a short one when nothing listens, and after this server and Dovecot
were killed in between. Nothing that is here may come twice by it, and no change may come back.

    python3 .ci/upstream_state.py target/release/postern
"""

import contextlib
import time

from upstream import Stream, mail_of, run, until

USER = "ann@else.test"


def rows_of(client):
    """UID and flags of each message by its subject."""
    rows = {}
    for part in client.uid("fetch", "1:*", "(UID FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])")[1]:
        if isinstance(part, tuple):
            words = part[0].decode().split("FLAGS (", 1)[1].split(")")[0].split()
            words = [w[1:].lower() if w.startswith("\\") else w for w in words if w != "\\Recent"]
            uid = part[0].decode().split("UID ", 1)[1].split()[0]
            rows[part[1].decode().split(":", 1)[1].strip()] = (uid, sorted(words))
    return rows


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
        uids = {subject: uid for subject, (uid, _) in rows_of(client).items()}
        yield client, uids
        client.logout()

    def there(self, mailbox="INBOX"):
        """Flags and keywords by subject, in one sorted list, as `here` has them."""
        client = self.dovecot.client(USER)
        client.select(mailbox, True)
        found = {subject: words for subject, (_, words) in rows_of(client).items()}
        client.logout()
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

    def move(self, subject, source, target):
        """Moves a message there."""
        with self.client(source) as (client, uids):
            assert client.uid("move", uids[subject], target)[0] == "OK"

    def patch(self, subject, **change):
        """Changes a message here."""
        self.world.ask(self.world.key, "PATCH", f"/inboxes/{self.inbox}/messages/{self.ids()[subject]}", change)

    def ids(self, folder="INBOX"):
        return {row["subject"]: row["id"] for row in self.world.messages(self.inbox, folder)}

    def expunge(self, subject):
        """Deletes a message here for good, as a mail client does."""
        client = self.world.server.imap(USER, self.world.key)
        client.select("INBOX")
        number = client.search(None, "SUBJECT", f'"{subject}"')[1][0]
        client.store(number, "+FLAGS.SILENT", "(\\Deleted)")
        client.expunge()
        client.logout()

    def seen_there(self):
        client = self.dovecot.client(USER)
        client.select("INBOX", True)
        found = client.search(None, "SEEN")[1][0].split()
        client.logout()
        return len(found)

    def same(self, what, seconds=20):
        """Both sides come to have the same; gives it."""
        until(what, seconds, lambda: self.here() == self.there())
        return self.here()


def check_from_here(state):
    """What is changed here is so there: over the connection that waits, and over a short one."""
    state.put(*(f"own {n}" for n in range(9)))
    began = time.monotonic()
    state.patch("own 0", seen=True, add_labels=["$Own"])
    state.patch("own 1", flagged=True)
    state.patch("own 1", flagged=False)
    state.expunge("own 2")
    state.same("flags and a deletion over the connection that waits")
    took = time.monotonic() - began
    state.listen(False)
    state.patch("own 3", flagged=True)
    state.patch("own 0", seen=False, remove_labels=["$Own"])
    state.expunge("own 4")
    state.same("what was changed while nothing listened")
    until("the short connection is away", 15, lambda: state.dovecot.connections(USER) == 0)
    state.patch("own 5", seen=True)
    state.expunge("own 6")
    state.world.server.kill()
    state.change(add={"own 7": "\\Seen", "own 5": "\\Flagged"})
    state.world.start()
    state.listen(True)
    state.same("what both sides have changed over a kill")
    state.dovecot.kill()
    state.patch("own 8", seen=True, flagged=True)
    time.sleep(1)
    state.world.server.kill()
    state.dovecot.start()
    state.world.start()
    here = state.same("what was changed while Dovecot was down", 60)
    own = {subject: flags for subject, flags in here.items() if subject.startswith("own")}
    assert own == {
        "own 0": [], "own 1": [], "own 3": ["flagged"], "own 5": ["flagged", "seen"], "own 7": ["seen"],
        "own 8": ["flagged", "seen"],
    }, own
    quiet = state.stream.last
    time.sleep(8)
    assert state.stream.last == quiet, "a change has come back"
    print(f"from here: flags and a deletion were there after {took:.1f} s; also over an absence and three kills")


def check_moves(state):
    """Moves in both directions, while it waits and while nothing listens."""
    state.put(*(f"moved {n}" for n in range(6)))
    ids = state.ids()

    def places(mailbox, folder, *numbers):
        wanted = {f"moved {n}" for n in numbers}
        moved = lambda found: {subject for subject in found if subject.startswith("moved")}
        return moved(state.there(mailbox)) == wanted == moved(state.here(folder))

    def both(what, inbox, junk):
        until(what, 25, lambda: places("INBOX", "INBOX", *inbox) and places("Junk", "Junk", *junk))

    state.patch("moved 0", folder="Junk", seen=True)
    both("a move here", (1, 2, 3, 4, 5), (0,))
    state.move("moved 1", "INBOX", "Junk")
    both("a move there", (2, 3, 4, 5), (0, 1))
    state.move("moved 1", "Junk", "INBOX")
    both("a move there, back", (1, 2, 3, 4, 5), (0,))
    state.listen(False)
    state.patch("moved 2", folder="Junk")
    both("a move here while nothing listens", (1, 3, 4, 5), (0, 2))
    until("the short connection is away", 15, lambda: state.dovecot.connections(USER) == 0)
    state.patch("moved 3", folder="Junk")
    state.world.server.kill()
    state.move("moved 4", "INBOX", "Junk")
    state.move("moved 2", "Junk", "INBOX")
    state.world.start()
    state.listen(True)
    both("moves on both sides over a kill", (1, 2, 5), (0, 3, 4))
    now = {**state.ids(), **state.ids("Junk")}
    # The Message-ID tells what has moved elsewhere; every third message has none.
    same = [subject for subject in ids if subject.startswith("moved") and now[subject] == ids[subject]]
    assert len(same) >= 5, (ids, now)
    assert state.there("Junk")["moved 0"] == ["seen"], state.there("Junk")
    print(f"moves in both directions: {len(same)} of 6 messages are the same ones as before")


def check_many(state):
    """Many at once are few commands."""
    count = 2000
    with state.client() as (client, _):
        for n in range(count):
            assert client.append("INBOX", "", None, mail_of(f"many {n}"))[0] == "OK"
    until("many here", 60, lambda: sum(s.startswith("many") for s in state.here()) == count)
    ours = state.world.server.imap(USER, state.world.key)
    ours.select("INBOX")
    before = state.seen_there()
    began = time.monotonic()
    assert ours.store("1:*", "+FLAGS.SILENT", "(\\Seen)")[0] == "OK"
    ours.logout()
    until("all seen there", 60, lambda: state.seen_there() > before and state.seen_there() == len(state.here()))
    print(f"{count} messages that were marked as seen at once were so there after {time.monotonic() - began:.1f} s")


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


def check(world):
    state = State(world)
    check_from_there(state)
    check_from_here(state)
    check_moves(state)
    check_many(state)
    state.listen(False)


if __name__ == "__main__":
    run(__doc__, check)
