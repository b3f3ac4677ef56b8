"""The Python SDK against a server that is killed and stopped under it. `.ci/sdk.py` runs this, and
restarts the server when it prints `kill` or `stop`.

Messages are sent without a pause. Each must be there once, and both clients must hear of each once,
in order. The server goes four times in between.
"""

import asyncio
import sys
import threading
import time

from postern import AsyncPostern, Postern

KILLS = ["kill", "kill", "stop", "kill"]
SENT_BETWEEN = 15
PATIENCE_S = 90


def again(word):
    """Asks for the end of the server, and comes back when the next one runs."""
    print(word, flush=True)
    assert sys.stdin.readline().strip() == "restarted"


class Sender(threading.Thread):
    """Sends messages until it is told to end; their numbers are their subjects."""

    def __init__(self, inbox):
        super().__init__()
        self.inbox, self.count, self.ends, self.fault = inbox, 0, False, None

    def run(self):
        try:
            with Postern(max_retries=10) as client:
                while not self.ends:
                    client.messages.send(self.inbox, to=self.inbox, subject=str(self.count), text="Hello")
                    self.count += 1
        except Exception as error:
            self.fault = error

    def wait_for(self, count):
        until(lambda: self.count >= count or self.fault)
        assert not self.fault, self.fault


def until(true):
    """Waits for a condition."""
    end = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < end, "it takes too long"
        time.sleep(0.01)


class Listener(threading.Thread):
    """Hears events with the synchronous client, on `inbox` or on everything."""

    def __init__(self, inbox):
        super().__init__(daemon=True)
        self.client = Postern()
        self.stream = self.client.events.stream(inbox, type="message.received")
        self.stream.open()
        self.heard = []

    def run(self):
        for event in self.stream:
            self.heard.append(event)


class AsyncListener(threading.Thread):
    """The same with the asynchronous client."""

    def __init__(self):
        super().__init__(daemon=True)
        self.heard = []
        self.is_open = threading.Event()

    def run(self):
        asyncio.run(self.listen())

    async def listen(self):
        async with AsyncPostern() as client, client.events.stream(type=["message.received"]) as events:
            self.is_open.set()
            async for event in events:
                self.heard.append(event)


def check_heard(name, heard, count):
    seqs = [event.seq for event in heard]
    assert seqs == sorted(set(seqs)), f"{name}: out of order or twice"
    subjects = [event.message.subject for event in heard]
    assert subjects == [str(at) for at in range(count)], f"{name}: {subjects}"


def main():
    client = Postern()
    inbox = client.inboxes.create(username="kills-py").address
    listeners = {"events": Listener(inbox), "async events": AsyncListener()}
    for listener in listeners.values():
        listener.start()
    assert listeners["async events"].is_open.wait(PATIENCE_S)
    sender = Sender(inbox)
    sender.start()
    for word in KILLS:
        sender.wait_for(sender.count + SENT_BETWEEN)
        again(word)
    sender.wait_for(sender.count + SENT_BETWEEN)
    sender.ends = True
    sender.join()
    assert not sender.fault, sender.fault
    for name, listener in listeners.items():
        until(lambda listener=listener: len(listener.heard) >= sender.count)
        check_heard(name, listener.heard, sender.count)
    rows = [message.subject for message in client.messages.list(inbox, folder="INBOX", limit=20)]
    assert sorted(rows, key=int) == [str(at) for at in range(sender.count)], "a message is missing or twice there"
    if hasattr(client.messages, "wait"):
        wait_over_a_kill(client, inbox)
    print(f"ok: Python: {sender.count} messages sent and heard once each over {len(KILLS)} ends of the server")


def wait_over_a_kill(client, inbox):
    """A wait goes on when the server comes back."""
    found = []
    waiting = threading.Thread(target=lambda: found.append(client.messages.wait(inbox, timeout=60, subject="late")))
    waiting.start()
    time.sleep(0.3)
    again("kill")
    with Postern() as other:
        other.messages.send(inbox, to=inbox, subject="late", text="Your code is 493817.")
    waiting.join(PATIENCE_S)
    assert found and found[0] is not None and found[0].codes == ["493817"], found
    assert client.messages.wait(inbox, timeout=0, subject="never") is None


main()
