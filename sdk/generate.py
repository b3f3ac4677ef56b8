#!/usr/bin/env python3
"""Writes what the SDKs have from the OpenAPI document of a server: the models, and a method for
every operation.

    sdk/generate.py target/release/postern            # asks a binary for its document
    sdk/generate.py openapi.json                      # or takes it from a file
    sdk/generate.py --check target/release/postern    # fails when a file would change

The repository keeps no copy of the document: the binary has it. A new route needs no change here;
the name of its method is `x-method` of its operation.
"""

import argparse
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from generator import document, python, typescript  # noqa: E402

WRITERS = [python, typescript]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("source", help="a binary of postern, or a file that ends in .json")
    parser.add_argument("--check", action="store_true", help="write nothing; fail when a file is stale")
    options = parser.parse_args()
    root = os.path.dirname(os.path.abspath(__file__))
    found = document.load(options.source)
    stale = []
    for writer in WRITERS:
        for name, text in writer.write(found, root).items():
            path = os.path.join(root, name)
            before = None
            if os.path.exists(path):
                with open(path, encoding="utf-8") as file:
                    before = file.read()
            if before != text:
                stale.append(name)
                if not options.check:
                    os.makedirs(os.path.dirname(path), exist_ok=True)
                    with open(path, "w", encoding="utf-8") as file:
                        file.write(text)
    for name in stale:
        print(("stale: " if options.check else "written: ") + name)
    if not options.check:
        typescript.build(root)
    methods = {(operation.noun, operation.verb) for operation in found.operations}
    print(f"{len(found.operations)} operations, {len(methods)} methods, {len(found.schemas)} schemas")
    if options.check and stale:
        print(f"run: sdk/generate.py {options.source}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
