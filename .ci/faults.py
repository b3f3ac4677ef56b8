#!/usr/bin/env python3
"""Faults of disk, clock, descriptors and processes, one after another. What was acknowledged
must be there afterwards, and what cannot be done must be refused with a reason.

Each check makes a data folder of its own. A check that this machine cannot run (no strace, no
right to mount) says so and is skipped. `postern verify` is the oracle, beside the set of what
was acknowledged. The checks stand in checks/, by subject.

    python3 .ci/faults.py target/release/postern [name ...] [--seed 1]
"""

import argparse
import json
import os
import random
import resource
import shutil
import sys
import tempfile
import time
import traceback

from checks import clock, keys, peers, space, stops, storage
from checks.place import CHECKS, Place, Skip

# The order of the list: what may lose mail comes first.
ORDER = [storage, clock, stops, peers, space, keys]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("names", nargs="*", help="rows or parts of names; all without")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args()
    random.seed(options.seed)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 16_384), hard))
    binary = os.path.abspath(options.binary)
    begin, failed = time.monotonic(), 0
    in_order = sorted(CHECKS, key=lambda row: ORDER.index(sys.modules[row[2].__module__]))
    for row, name, function in in_order:
        if options.names and not any(n == row or n in name for n in options.names):
            continue
        root = tempfile.mkdtemp(prefix=f"postern-{row.lower()}-")
        place, at = Place(binary, root), time.monotonic()
        try:
            result = "ok " + str(function(place))
            assert "panicked" not in place.log(1 << 30), place.log()
        except Skip as why:
            result = f"skipped: {why}"
        except (Exception, SystemExit) as error:
            failed += 1
            result = f"FAILED {error!r}"
            traceback.print_exc()
        finally:
            place.end()
        print(f"{row} {name} ({time.monotonic() - at:.1f} s): {result}", flush=True)
        shutil.rmtree(root, ignore_errors=True)
    print(json.dumps({"failed": failed, "seconds": round(time.monotonic() - begin, 1), "seed": options.seed}))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
