"""Peers that take connections, handshakes, descriptors and memory."""

import os
import shutil
import socket
import statistics
import subprocess
import time

from load import GONE
from rig import memory, processor_time

from checks.place import Skip, check, send, wait_for_mail


@check("R01")
def anonymous_peers_make_room(place):
    """When nearly all connections are taken, old anonymous ones are closed for a client."""
    flags = place.config("[limits]\nconnections = 60\nstress_command_s = 30\n")
    server = place.start(flags=flags)
    held = [server.connect("mx", f"127.0.1.{n // 15 + 1}") for n in range(60)]
    time.sleep(3.2)
    deadline = time.monotonic() + 5
    while True:
        try:
            client = server.imap(place.inbox, place.key)
            break
        except GONE:
            assert time.monotonic() < deadline, "no client gets in"
            time.sleep(0.2)
    evicted = server.metric("postern_connections_evicted_total")
    assert 0 < evicted < 60, evicted
    assert client.noop()[0] == "OK"
    client.logout()
    for stream in held:
        stream.close()
    # Too many in all, and too many at once from one address, are refused and counted.
    time.sleep(0.3)
    for _ in range(130):
        server.connect("mx", "127.0.1.99").close()
    time.sleep(0.3)
    held = [server.connect("mx", f"127.0.1.{n // 15 + 11}") for n in range(75)]
    time.sleep(0.2)
    for stream in held:
        stream.close()
    time.sleep(0.3)
    full = server.metric("postern_connections_refused_global_total")
    fast = server.metric("postern_connections_refused_rate_total")
    assert full >= 10 and fast >= 1, f"{full} over the number, {fast} over the rate"
    return f"{evicted} of 60 anonymous peers were closed; {full} and {fast} were refused"


@check("R02")
def handshakes_that_never_end(place):
    """Hundreds of half handshakes: clients are served, and the handshakes time out."""
    flags = place.config(
        "[limits]\nhandshake_s = 3\nhandshakes_per_worker = 64\nsubmission_connections_per_ip = 500\nconnects_per_minute = 5000\n"
    )
    server = place.start(flags=flags)
    hello = bytes.fromhex("1603010200010001fc0303") + bytes(40)
    shapes = [b"", b"\x16", hello, b"\x16\x03\x01\x40\x00" + bytes(2000), b"GET / HTTP/1.1\r\n\r\n"]
    held = []
    for n in range(400):
        stream = server.connect("smtps", f"127.0.2.{n % 8 + 1}")
        stream.sendall(shapes[n % len(shapes)])
        held.append(stream)
    # The address with the most handshakes loses one to a client of another address, at once.
    times = []
    for _ in range(25):
        begin = time.monotonic()
        server.imap(place.inbox, place.key).logout()
        times.append(time.monotonic() - begin)
    assert statistics.median(times) < 0.5 and max(times) < 3, f"{max(times):.2f} s for a login"
    deadline = time.monotonic() + 6
    while (failed := server.metric("postern_tls_handshakes_failed_total")) < 400:
        assert time.monotonic() < deadline, f"only {failed} of 400 ended"
        time.sleep(0.1)
    return f"login median {statistics.median(times) * 1000:.0f} ms beside 400 half handshakes"


@check("R03")
def descriptors_run_out(place):
    """accept() fails with EMFILE: the listener rests, nothing spins, and service comes back."""
    if not shutil.which("prlimit"):
        raise Skip("no prlimit")
    flags = place.config("[limits]\nmx_connections_per_ip = 500\nconnects_per_minute = 5000\nstress_percent = 100\n")
    server = place.start(flags=flags)
    # The limit is lowered while it runs: its own limit of connections came from the larger one.
    subprocess.run(["prlimit", "--pid", str(place.pid()), "--nofile=128:128"], check=True)
    held = [server.connect("mx", f"127.0.3.{n % 4 + 1}") for n in range(200)]
    time.sleep(0.3)
    # What a start leaves behind, such as keys that are made, ends; a loop that spins does not.
    for _ in range(4):
        cpu = processor_time(place.pid())
        time.sleep(1)
        used = processor_time(place.pid()) - cpu
        if used < 0.1:
            break
    assert used < 0.1, f"{used:.0%} of a core while it cannot accept"
    for stream in held:
        stream.close()
    wait_for_mail(place, server, "after@fds.test")
    errors = server.metric("postern_accept_errors_total")
    assert errors > 0, "accept() never failed"
    place.has_all(server, ["after@fds.test"])
    return f"{errors} failures of accept, {used:.1%} of a core"


class Group:
    """A memory control group of either version, for one check."""

    def __init__(self, octets):
        mine = {}
        with open("/proc/self/cgroup") as file:
            for line in file:
                _, kinds, path = line.rstrip("\n").split(":", 2)
                mine.update({kind: path for kind in kinds.split(",")})
        if "memory" in mine:
            roots = ["/sys/fs/cgroup/memory" + mine["memory"], "/sys/fs/cgroup/memory"]
            limit, self.events = "memory.limit_in_bytes", "memory.oom_control"
        else:
            roots = ["/sys/fs/cgroup" + mine.get("", ""), "/sys/fs/cgroup"]
            limit, self.events = "memory.max", "memory.events"
        for root in roots:
            self.path = f"{root}/postern-{os.getpid()}"
            try:
                os.mkdir(self.path)
                with open(f"{self.path}/{limit}", "w") as file:
                    file.write(str(octets))
                with open(f"{self.path}/cgroup.procs", "w"):
                    return
            except OSError as error:
                why = error
                self.end()
        raise Skip(f"no memory control group may be made here: {why}")

    def under(self):
        """The command that runs a server in the group."""
        return ["sh", "-c", f'echo $$ > {self.path}/cgroup.procs && exec "$0" "$@"']

    def killed(self):
        """How often the kernel has killed a process of the group."""
        with open(f"{self.path}/{self.events}") as file:
            return sum(int(line.split()[1]) for line in file if line.startswith("oom_kill "))

    def end(self):
        """Removes the group, as soon as it is empty."""
        for _ in range(50):
            try:
                return os.rmdir(self.path)
            except FileNotFoundError:
                return
            except OSError:
                time.sleep(0.1)


@check("R04")
def memory_is_short(place):
    """Peers want several times the memory that there is: new connections are refused, anonymous
    ones are closed, and the process is not killed. Afterwards every client is let in again."""
    group = Group(96 << 20)
    try:
        return hog(place, group)
    finally:
        place.end()
        group.end()


def hog(place, group):
    """Fills the memory with what peers of every protocol can make a server keep."""
    flags = place.config(
        "[limits]\nmemory_mb = 70\nmx_connections_per_ip = 500\nconnections_per_ip = 500\nconnects_per_minute = 5000\n"
        "http_connects_per_minute = 5000\nsmtp_junk = 1000000\nstall_s = 60\n"
    )
    server = place.start(flags=(*flags, "--log", "info"), under=group.under())
    send(server, place.inbox, "before@memory.test")
    hello = b"EHLO flood.test\r\n"
    begin = hello + b"MAIL FROM:<>\r\nRCPT TO:<%s>\r\nBDAT 4194304 LAST\r\n" % place.inbox.encode()
    words = [
        ("mx", begin + b"line of a message\r\n" * 20_000),
        ("submission", hello * 40_000),  # and the answers are never read
        ("imaps", b"\x16\x03\x01\x40\x00\x01\x00\x3f\x00" + bytes(16_000)),
        ("http", b"GET / HTTP/1.1\r\nX: " + b"y" * 8000 + b"\r\nZ: " + b"y" * 8000),
    ]
    held, most, began = {}, 0, time.monotonic()
    crossed = lambda: all(words in place.log(1 << 20) for words in ("nobody new", "strangers are closed"))
    # A busy machine needs time to fill the memory.
    while (passed := time.monotonic() - began) < 14 or passed < 90 and not crossed():
        if len(held) < 2400:
            listener, left = words[len(held) % 4]
            stream = socket.socket()
            stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            stream.bind((f"127.0.{len(held) // 250 + 20}.{len(held) % 250 + 1}", 0))
            stream.settimeout(1)
            try:
                stream.connect(("127.0.0.1", server.port(listener)))
            except OSError:
                continue
            stream.setblocking(False)
            # A client that talks before the greeting of the MX listener is refused.
            held[stream] = [memoryview(left), time.monotonic() + (0.7 if listener == "mx" else 0)]
            if len(held) % 50:
                continue
        for stream, talk in held.items():
            if talk[0] and time.monotonic() >= talk[1]:
                try:
                    talk[0] = talk[0][stream.send(talk[0]) :]
                except BlockingIOError:
                    pass
                except OSError:
                    talk[0] = None
        now = memory(place.pid(), "RssAnon")
        most = max(most, now)
        if now > 58 << 20:
            server.connect("mx", "127.0.40.1").close()
        time.sleep(0.02)
    assert server.process.poll() is None and group.killed() == 0, f"it was killed: {place.log()}"
    for stream in held:
        stream.close()
    wait_for_mail(place, server, "after@memory.test", 20)
    place.has_all(server, ["before@memory.test", "after@memory.test"])
    lines = [line for line in place.log(1 << 20).splitlines() if "memory: " in line]
    assert any("nobody new" in line for line in lines) and len(lines) < 40, lines
    time.sleep(1)
    left = memory(place.pid(), "RssAnon")
    assert left < 54 << 20, f"{left >> 20} MiB stay"
    refused = server.metric("postern_connections_refused_memory_total")
    evicted = server.metric("postern_connections_evicted_total")
    assert refused and evicted, f"{refused} refused, {evicted} closed"
    return f"{most >> 20} MiB at most, {left >> 20} afterwards, {len(lines)} crossings, {refused} and {evicted} peers gone"


@check("S08")
def floods(place):
    """Lines without end, commands without sense, messages that are never whole: bounded memory."""
    flags = place.config(
        "[limits]\nintake_bytes = 33554432\nmx_connections_per_ip = 500\nconnects_per_minute = 5000\n"
    )
    server = place.start(flags=flags)
    send(server, place.inbox, "warm@flood.test")
    before = memory(place.pid())
    hello = b"EHLO flood.test\r\n"
    begin = b"MAIL FROM:<>\r\nRCPT TO:<%s>\r\n" % place.inbox.encode()
    heads = [
        (hello, b"x" * 65536, 1600),
        (hello, b"NOOP\r\n" * 10_000, 100),
        (hello, (b"RSET\r\n" + begin) * 100, 100),
        (hello + begin, b"RCPT TO:<a@b.test>\r\n" * 5000, 200),
        (hello + begin + b"BDAT 26000000\r\n", b"x" * 65536, 300),
        (hello + begin + b"BDAT 99999999999999999999 LAST\r\n", b"x" * 65536, 300),
    ]
    ended = 0
    for head, piece, times in heads:
        for n in range(2):
            ended += flood(server.connect("mx", f"127.0.4.{n + 1}"), head, piece, times)
    # Thirty messages of 4 MiB that do not end: the budget holds, and the others get 452.
    held = [server.connect("mx", f"127.0.5.{n + 1}") for n in range(30)]
    for stream in held:
        stream.settimeout(10)
        stream.recv(100)
        stream.sendall(hello + begin)
        stream.sendall(b"BDAT 4194304 LAST\r\n" + b"line of a message\r\n" * 200_000)
    at_most = memory(place.pid(), "VmHWM") - before
    for stream in held:
        stream.close()
    assert at_most < 110 << 20, f"{at_most >> 20} MiB"
    send(server, place.inbox, "after@flood.test")
    place.has_all(server, ["warm@flood.test", "after@flood.test"])
    time.sleep(0.3)
    assert server.metric("postern_connections_open") <= 2, "connections are left behind"
    return f"{ended} of {len(heads) * 2} cut off, {at_most >> 20} MiB more at the most"


def flood(stream, head, piece, times):
    """Whether the server cut it off."""
    stream.settimeout(0.7)
    try:
        stream.recv(100)
        stream.sendall(head)
        for _ in range(times):
            stream.sendall(piece)
        while stream.recv(65536):
            pass
        return True
    except ConnectionError:
        return True
    except TimeoutError:
        return False
    finally:
        stream.close()
