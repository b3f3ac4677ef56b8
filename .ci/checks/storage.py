"""Faults of the disk and of system calls under the database: kills, power cuts, damage, errors."""

import fcntl
import os
import random
import shutil
import signal
import sqlite3
import struct
import subprocess
import time

import load
from crash import check as nothing_lost
from load import over_imap, over_rest, over_smtp, run

from checks.place import Skip, check, send, strace


@check("F01")
def killed_at_a_system_call(place):
    """SIGKILL at the Nth write or sync of the database, and while the folder is made."""
    strace()
    for n in range(1, 13):
        place.data = f"{place.root}/first{n}"
        try:
            under = strace("-e", "trace=write", "-e", f"inject=write:signal=SIGKILL:when={n}")
            place.stop(place.start(under=under))
        except (SystemExit, ProcessLookupError, AssertionError):
            pass  # It was killed, at the latest while it stopped.
        place.stop(place.start())
    place.data, place.key, place.inbox = place.root + "/data", None, None
    place.stop(place.start())
    acked = set()
    points = [("pwrite64", n) for n in (1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233, 377)]
    points += [("pwrite64", random.randrange(10, 2000)) for _ in range(15)]
    points += [("fsync,fdatasync", n) for n in (1, 2, 3, 6, 20)]
    for at, (call, n) in enumerate(points):
        under = strace("-e", f"trace={call}", "-e", f"inject={call}:signal=SIGKILL:when={n}")
        try:
            server = place.start(under=under)
        except SystemExit:
            place.verify()  # It was killed while it opened the database.
            continue
        # Chance may choose a call twice, and a Message-ID must not come twice.
        done, threads = place.load(server, [over_smtp], f"{call}{n}.{at}")
        code = server.process.wait(20)
        assert code == -signal.SIGKILL, f"{call} {n}: {code}"
        for thread in threads:
            thread.join()
        acked |= done.smtp
        place.verify()
    server = place.start()
    place.has_all(server, acked)
    return f"{len(points)} points, {len(acked)} acknowledged"


@check("F02")
def power_is_cut(place):
    """The disk forgets what was not synced, under mixed load: nothing acknowledged is lost."""
    image, mounted = place.root + "/image", place.root + "/disk"
    os.mkdir(mounted)
    for command in (["truncate", "-s", "256M", image], ["mkfs.ext4", "-q", "-F", image]):
        if not shutil.which(command[0]):
            raise Skip(f"{command[0]} is not installed")
        subprocess.run(command, check=True)
    mount_image(image, mounted)
    place.data = mounted + "/data"
    total, after = 0, 0
    try:
        for cut in range(POWER_CUTS):
            server = place.start()
            # The first cut comes at once: the key that was shown must work.
            works = [over_smtp, over_smtp, over_rest, over_imap] if cut else []
            status, made = server.rest(place.key, "POST", "/api/v1/inboxes", {"username": f"p{cut}"})
            assert status == 201, made
            inbox = made["address"]
            done, threads = load.start(server, works, inbox, place.key, f"p{cut}")
            time.sleep(random.uniform(0.1, 0.6) if cut else 0)
            # First the process, so that nothing is acknowledged after the cut; then the disk.
            server.kill()
            for thread in threads:
                thread.join()
            cut_power(mounted)
            mount_image(image, mounted)
            place.verify()
            server = place.start()
            faults, after = nothing_lost(server, inbox, place.key, done, after)
            assert not faults, f"cut {cut}: {faults[:5]}"
            total += done.count()
            server.kill()
        assert total > POWER_CUTS, f"only {total} acknowledged"
        return f"{POWER_CUTS} cuts, {total} acknowledged"
    finally:
        place.end()
        subprocess.run(["umount", "-l", mounted], capture_output=True)


def mount_image(image, mounted):
    """Mounts a file with a file system in it."""
    done = subprocess.run(["mount", "-o", "loop", image, mounted], capture_output=True, text=True)
    if done.returncode != 0:
        raise Skip("may not mount: " + done.stderr.strip())


def cut_power(mounted):
    """EXT4_IOC_SHUTDOWN without a flush of the journal."""
    folder = os.open(mounted, os.O_RDONLY)
    try:
        fcntl.ioctl(folder, 0x8004587D, struct.pack("I", 2))
    except OSError as error:
        raise Skip(f"the file system cannot be shut down: {error}")
    finally:
        os.close(folder)
    subprocess.run(["umount", mounted], check=True)


POWER_CUTS = int(os.environ.get("FAULTS_POWER_CUTS", "10"))


@check("F03")
def log_cut_and_flipped(place):
    """The write-ahead log is cut or damaged anywhere: the first commits whole, or a refusal."""
    server = place.start()
    for n in range(12):
        send(server, place.inbox, f"cut.{n}@wal.test")
    server.kill()
    with open(place.data + "/postern.db-wal", "rb") as file:
        wal = file.read()
    assert len(wal) > 50_000, "nothing is in the write-ahead log"
    shapes = [("cut", at) for at in sorted(random.sample(range(0, len(wal), 512), 12))]
    shapes += [("flip", random.randrange(len(wal))) for _ in range(6)]
    most = 0
    for n, (how, at) in enumerate(shapes):
        data = f"{place.root}/copy{n}"
        os.mkdir(data, 0o700)
        shutil.copy(place.data + "/postern.db", data)
        octets = wal[:at] if how == "cut" else wal[:at] + bytes([wal[at] ^ 1 << n % 8]) + wal[at + 1 :]
        with open(data + "/postern.db-wal", "wb") as file:
            file.write(octets)
        done = place.command("verify", "--data", data)
        if done.returncode == 0:
            found = count(data)
            assert found <= 12 and (how != "cut" or found >= most), f"{how} at {at}: {found} messages"
            most = max(most, found if how == "cut" else 0)
        else:
            why = done.stdout + done.stderr
            assert "panic" not in why and why.strip(), f"{how} at {at}: {why}"
        shutil.rmtree(data)
    # The database itself: cut, empty, or not a database.
    for name, octets in [("short", b"SQLite format 3\0" + bytes(100)), ("empty", b""), ("text", b"hello " * 2000)]:
        data = f"{place.root}/{name}"
        os.mkdir(data, 0o700)
        with open(data + "/postern.db", "wb") as file:
            file.write(octets)
        done = place.command("serve", "--data", data, "--ports", "auto", "--json")
        why = done.stderr
        assert done.returncode == 1 and "damaged" in why, f"{name}: {done.returncode} {why}"
        assert os.path.getsize(data + "/postern.db") == len(octets), f"{name} was changed"
    return f"{len(shapes)} shapes of the log, 3 of the database"


def count(data):
    """Bodies in a database."""
    sql = sqlite3.connect(data + "/postern.db")
    found = sql.execute("SELECT count(*) FROM body").fetchone()[0]
    sql.close()
    return found


@check("F04")
def disk_fails_at_sync(place):
    """fsync says EIO, once or for ever: no client gets 250, the process ends and says why."""
    strace()
    place.stop(place.start())
    acked = set()
    for when in ("1", "3+", "6"):
        calls = "fsync,fdatasync"
        under = strace("-e", f"trace={calls}", "-e", f"inject={calls}:error=EIO:when={when}")
        try:
            server = place.start(under=under)
        except SystemExit:
            assert "Input/output error" in place.log(), place.log()
            continue
        done, threads = place.load(server, [over_smtp, over_smtp], f"eio{when}")
        try:
            code = server.process.wait(20)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"when={when}: the server goes on: {place.log()}")
        for thread in threads:
            thread.join()
        acked |= done.smtp
        assert code == 1, f"when={when}: exit code {code}"
        assert "the disk under the database has failed" in place.log(), place.log()
        place.verify()
    server = place.start()
    place.has_all(server, acked)
    return f"{len(acked)} acknowledged before the failures"


@check("F05")
def system_calls_fail(place):
    """Each important system call fails at times: no false acknowledgement, no panic, no damage."""
    strace()
    place.stop(place.start())
    acked, ended = set(), 0
    for n, (calls, error, when) in enumerate(FAULTS):
        begin = time.monotonic()
        under = strace("-e", f"trace={calls}", "-e", f"inject={calls}:error={error}:when={when}")
        try:
            server = place.start(under=under)
        except SystemExit:
            # It may refuse to start, and says why.
            place.verify()
            ended += 1
            continue
        done, threads = place.load(server, [again(over_smtp), over_rest, again(over_imap)], f"call{n}")
        time.sleep(0.5)
        done.over = True
        if server.process.poll() is None:
            os.kill(place.pid(), signal.SIGTERM)
        try:
            code = server.process.wait(15)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{calls} {error}: does not stop")
        for thread in threads:
            thread.join()
        if os.environ.get("FAULTS_TIMES"):
            print(f"  {calls} {error} {when}: {time.monotonic() - begin:.1f} s, exit code {code}, {len(done.smtp)} acknowledged")
        assert code in (0, 1), f"{calls} {error}: exit code {code}: {place.log()}"
        ended += code
        acked |= done.smtp
        place.verify()
    server = place.start()
    place.has_all(server, acked)
    return f"{len(FAULTS)} faults, {len(acked)} acknowledged, {ended} ended the process with a message"


# Which calls, with what error, at which of a thread's calls.


FAULTS = [
    ("pwrite64", "EIO", "9+7"),
    ("pwrite64", "ENOSPC", "9+7"),
    ("pwrite64", "EINTR", "5+3"),
    ("pread64", "EIO", "30+9"),
    ("ftruncate", "EIO", "1+2"),
    ("fsync,fdatasync", "ENOSPC", "5"),
    ("recvfrom,read", "EINTR", "20+5"),
    ("recvfrom", "ECONNRESET", "9+9"),
    ("sendto,writev", "EINTR", "9+4"),
    ("sendto,writev", "EPIPE", "9+9"),
    ("accept4", "EMFILE", "1..6"),
    ("accept4", "ECONNABORTED", "1+2"),
    ("epoll_wait", "EINTR", "5+5"),
    ("epoll_ctl", "ENOSPC", "12+3"),
    ("openat", "EMFILE", "90+5"),
    ("mmap", "ENOMEM", "150+40"),
]


def again(work):
    """A client that begins anew after each failure until the load is over."""

    def repeat(server, inbox, key, done, name):
        for n in range(50):
            if server.process.poll() is not None or getattr(done, "over", False):
                return
            run(work, server, inbox, key, done, f"{name}.{n}")

    return repeat
