"""Environments for what scripts here install: packages of PyPI and of npm. Each is made once below
the temporary folder, and again when other packages are asked for."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile

LIMIT_S = 300


def python(name, *packages):
    """The interpreter that has these packages."""
    home, is_made = place(name, packages)
    interpreter = os.path.join(home, "bin", "python")
    if not is_made:
        command(sys.executable, "-m", "venv", home)
        command(interpreter, "-m", "pip", "--quiet", "--disable-pip-version-check", "install", *packages)
        finish(home)
    return interpreter


def node(name, *packages):
    """The folder whose `node_modules` has these packages."""
    home, is_made = place(name + "-npm", packages)
    if not is_made:
        quiet = ["--silent", "--no-package-lock", "--no-audit", "--no-fund"]
        # Without a file of its own npm takes that of a folder above.
        with open(os.path.join(home, "package.json"), "w") as file:
            file.write('{"private":true}')
        command("npm", "install", *quiet, *packages, cwd=home)
        finish(home)
    return home


def inside(interpreter):
    """Runs this script again by an interpreter, unless that runs it already."""
    home = os.path.dirname(os.path.dirname(interpreter))
    if os.path.realpath(sys.prefix) != os.path.realpath(home):
        os.execv(interpreter, [interpreter, *sys.argv])


def place(name, packages):
    """The folder of an environment, and whether it is there whole. A half one is taken away."""
    mark = hashlib.sha256("\n".join([sys.version, *packages]).encode()).hexdigest()[:12]
    home = os.path.join(tempfile.gettempdir(), f"postern-{name}-{mark}")
    if os.path.exists(os.path.join(home, "done")):
        return home, True
    shutil.rmtree(home, ignore_errors=True)
    os.makedirs(home)
    return home, False


def finish(home):
    open(os.path.join(home, "done"), "w").close()


def command(*words, **more):
    """One command; its output is shown when it fails."""
    done = subprocess.run(words, capture_output=True, text=True, timeout=LIMIT_S, **more)
    if done.returncode != 0:
        sys.exit(f"{' '.join(words)}\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
