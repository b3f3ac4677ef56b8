"""A clock that jumps: a small library in C shifts the wall clock of the server."""

import ctypes
import os
import shutil
import subprocess
import time

from rig import processor_time

from checks.place import Skip, check, send


@check("F07")
def clock_jumps(place):
    """The wall clock jumps by seconds and years, both ways: order, UIDs and timeouts stay."""
    if not shutil.which("cc"):
        raise Skip("no C compiler")
    shim = place.root + "/clock.so"
    source = place.root + "/clock.c"
    with open(source, "w") as file:
        file.write(CLOCK)
    built = subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", shim, source, "-ldl"], capture_output=True, text=True)
    if built.returncode != 0:
        raise Skip("the clock cannot be built: " + built.stderr[:200])
    offset = place.root + "/offset"

    def jump(seconds):
        with open(offset + ".new", "wb") as file:
            file.write(ctypes.c_int64(seconds))
        with open(offset + ".new", "rb") as new, open(offset, "r+b" if os.path.exists(offset) else "wb") as old:
            old.write(new.read())

    jump(0)
    server = place.start(env={"LD_PRELOAD": shim, "POSTERN_CLOCK": offset})
    held = server.imap(place.inbox, place.key)
    held.select("INBOX")
    uids, seqs, acked = [], [], []
    years = 365 * 86_400
    # Past what 32 bits hold, past nanoseconds in 64 bits, past four digits, and to 1970.
    leaps = [81 * years, 0, 528 * years, 0, 8000 * years, 0, -int(time.time()), 0, 10 * years]
    for n, seconds in enumerate([0, 1, -1, 3600, -3600, -5, 10 * years, 0, -10 * years, -86_400, *leaps, 0]):
        jump(seconds)
        send(server, place.inbox, f"jump.{n}@clock.test")
        acked.append(f"jump.{n}@clock.test")
        assert held.noop()[0] == "OK", "a session ended at a jump"
        _, page = server.rest(place.key, "GET", "/api/v1/events/log?after=0&limit=200")
        seqs = [event["seq"] for event in page["data"]]
        assert seqs == sorted(set(seqs)), "events out of order"
        times = [event["time"] for event in page["data"]]
        assert times == sorted(times), f"the time of the log goes back: {times}"
    # After the leaps mailboxes are still made.
    for n in range(3):
        assert held.create(f"after.{n}")[0] == "OK", "no mailbox after a leap"
    uids = held.uid("SEARCH", "ALL")[1][0].split()
    assert len(uids) == len(acked), f"{len(uids)} of {len(acked)}"
    held.logout()
    cpu = processor_time(place.pid())
    time.sleep(1)
    assert processor_time(place.pid()) - cpu < 0.3, "a timer never rests"
    place.stop(server)
    jump(-10 * years)
    server = place.start(env={"LD_PRELOAD": shim, "POSTERN_CLOCK": offset})
    send(server, place.inbox, "past@clock.test")
    place.stop(server)
    place.verify()
    server = place.start()
    place.has_all(server, acked + ["past@clock.test"])
    return f"{len(acked)} jumps"


CLOCK = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
static volatile int64_t *offset;
static int (*real)(clockid_t, struct timespec *);
__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("POSTERN_CLOCK");
    int fd = path ? open(path, O_RDONLY) : -1;
    void *at = fd < 0 ? MAP_FAILED : mmap(0, 8, PROT_READ, MAP_SHARED, fd, 0);
    if (at != MAP_FAILED) offset = at;
}
int clock_gettime(clockid_t which, struct timespec *ts) {
    if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(which, ts);
    if (which == CLOCK_REALTIME && offset) ts->tv_sec += *offset;
    return result;
}
"""
