#!/usr/bin/env python3
"""The SDKs against a real server: what is generated is fresh, types hold, they install from their
folders, the examples of their READMEs run, and kills in between lose nothing.

    python3 .ci/sdk.py target/release/postern [--only python|typescript]

Tools go to folders of their own below the temporary folder, once.
"""

import argparse
import html
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import urllib.request

from rig import Server, verify

HERE = os.path.dirname(os.path.abspath(__file__))
SDK = os.path.join(os.path.dirname(HERE), "sdk")
LIMIT_S = 300
LISTENERS = ["mx", "submissions", "submission", "imaps", "https", "http"]


def run(command, **more):
    """One command; its output is shown when it fails."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, **more)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))[:300]}\n{done.stdout[-6000:]}{done.stderr[-6000:]}")
    return done.stdout


def environment(server):
    """What the clients read."""
    return {
        **os.environ,
        "POSTERN_API_KEY": server.ready["api_key"],
        "POSTERN_BASE_URL": server.ready["https"],
        "POSTERN_CA": server.ready["ca"],
    }


def examples(folder, language):
    """The code of a README in a language."""
    with open(os.path.join(SDK, folder, "README.md"), encoding="utf-8") as file:
        found = re.findall(rf"```{language}\n(.*?)```", file.read(), re.S)
    assert found, f"{folder}: the README has no examples"
    return found


def python(server, document, folder):
    """The Python SDK: installed into a fresh environment, without the folder that it comes from."""
    home = os.path.join(folder, "venv")
    run([sys.executable, "-m", "venv", home])
    interpreter = os.path.join(home, "bin", "python")
    copy = os.path.join(folder, "python")
    shutil.copytree(os.path.join(SDK, "python"), copy)
    run([interpreter, "-m", "pip", "install", "--quiet", copy, "mypy"])
    shutil.rmtree(os.path.join(copy, "src"))
    package = run([interpreter, "-c", "import postern; print(postern.__path__[0])"]).strip()
    assert package.startswith(home), package
    run([interpreter, "-m", "mypy", "--strict", "-p", "postern", "-p", "tests"], cwd=copy)
    print("ok: mypy --strict")
    strict = ["-W", "error::ResourceWarning"]
    run([interpreter, *strict, "-m", "unittest"], cwd=copy, env={**os.environ, "POSTERN_OPENAPI": document})
    print("ok: the unit tests of Python, and a method for every operation")
    for number, code in enumerate(examples("python", "python")):
        path = os.path.join(folder, f"example{number}.py")
        with open(path, "w", encoding="utf-8") as file:
            file.write(code)
        shown = run([interpreter, *strict, path], env=environment(server))
        wanted = "Your code ['493817']" if number == 0 else "Note 20"
        assert wanted in shown, shown
    print("ok: the examples of the README")

    def typed(found):
        path = os.path.join(folder, "samples.py")
        with open(path, "w", encoding="utf-8") as file:
            file.write("from postern import Postern\n\n\ndef use(client: Postern, octets: bytes) -> None:\n")
            for at, text in enumerate(found):
                # Each in a function of its own, because their names are the same.
                file.write(f"    def sample{at}() -> None:\n")
                file.writelines(f"        {line}\n" for line in text.splitlines())
        run([interpreter, "-m", "mypy", "--strict", path])

    check_samples(server, "py", typed)
    return [interpreter, os.path.join(HERE, "sdk", "live.py")]


def typescript(server, document, folder):
    """The TypeScript SDK: `dist/` is what its source gives, and installs without a compiler."""
    source = os.path.join(SDK, "typescript")
    quiet = ["--silent", "--no-package-lock", "--no-audit", "--no-fund"]
    copy = os.path.join(folder, "typescript")
    shutil.copytree(source, copy, ignore=shutil.ignore_patterns("node_modules"))
    program = os.path.join(folder, "program")
    os.mkdir(program)
    # A package that is elsewhere is linked; its own folder has nothing installed.
    run(["npm", "install", *quiet, copy], cwd=program)
    shutil.copy(os.path.join(copy, "test", "types.ts"), program)
    run(["node", "--test"], cwd=copy, env={**os.environ, "POSTERN_OPENAPI": document})
    print("ok: the unit tests of TypeScript, and a method for every operation")
    for language, name, wanted in [("ts", "a.mjs", "Your code [ '493817' ]"), ("js", "b.cjs", "Note For me.\nnot_found ")]:
        path = os.path.join(program, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(examples("typescript", language)[0])
        shown = run(["node", path], cwd=program, env=environment(server))
        assert wanted in shown, shown
    print("ok: the examples of the README, imported and required")
    # The compiler is for the package itself and for programs with types.
    run(["npm", "install", *quiet], cwd=copy)
    built = os.path.join(folder, "dist")
    run(["node", "build.mjs", built], cwd=copy)
    run(["diff", "-r", built, os.path.join(source, "dist")])
    print("ok: tsc --strict, and dist/ is fresh")
    tsc = [os.path.join(copy, "node_modules", "typescript", "bin", "tsc"), "--strict", "--noEmit", "--target", "es2021"]
    tsc += ["--lib", "es2022,dom,dom.asynciterable"]
    for kind in ["nodenext", "bundler"]:
        module = "nodenext" if kind == "nodenext" else "esnext"
        run(["node", *tsc, "--module", module, "--moduleResolution", kind, "types.ts"], cwd=program)
    print("ok: types of programs")

    def typed(found):
        with open(os.path.join(program, "samples.ts"), "w", encoding="utf-8") as file:
            file.write('import type { Postern } from "postern";\n')
            file.write("export async function use(client: Postern, octets: Uint8Array): Promise<void> {\n")
            file.writelines(f"{{\n{text}\n}}\n" for text in found)
            file.write("}\n")
        run(["node", *tsc, "--module", "nodenext", "--moduleResolution", "nodenext", "samples.ts"], cwd=program)

    check_samples(server, "ts", typed)
    shutil.copy(os.path.join(HERE, "sdk", "live.mjs"), program)
    return ["node", os.path.join(program, "live.mjs")]


def samples(page, language):
    """The samples of the page for people in a language."""
    found = re.findall(rf'<pre class="{language}">(.*?)</pre>', page, re.S)
    assert len(found) > 60, f"{language}: the page has {len(found)} samples"
    # The first one is how to begin.
    return [html.unescape(text) for text in found[1:]]


def check_samples(server, language, check):
    """Every sample of `/api/v1/docs` is a call that the SDK has, with arguments that it takes."""
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port('http')}/api/v1/docs") as answer:
        page = answer.read().decode()
    found = samples(page, language)
    check(found)
    print(f"ok: the {len(found)} samples of the page in {language}")


def kills(binary, folder, command):
    """A program with the SDK sends, waits and listens while its server is killed and restarted."""
    data = os.path.join(folder, "data-" + os.path.basename(command[-1]))
    server = start(binary, data)
    program = subprocess.Popen(
        command, env=environment(server), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        for line in program.stdout:
            word = line.strip()
            if word in ("kill", "stop"):
                if word == "kill":
                    server.kill()
                else:
                    assert server.stop() == 0, "SIGTERM must end in exit 0"
                server = start(binary, data)
                program.stdin.write("restarted\n")
                program.stdin.flush()
            else:
                print(word)
        assert program.wait(30) == 0, f"{command[-1]} failed"
        if wrong := verify(binary, data):
            sys.exit(wrong)
    finally:
        program.kill()
        server.kill()


def start(binary, data):
    """A server that has the same ports each time."""
    config = data + ".toml"
    if not os.path.exists(config):
        # Held open together, so that all are different.
        sockets = [socket.create_server(("127.0.0.1", 0)) for _ in LISTENERS]
        with open(config, "w", encoding="utf-8") as file:
            file.write("[listen]\n")
            for name, free in zip(LISTENERS, sockets):
                file.write(f'{name} = "127.0.0.1:{free.getsockname()[1]}"\n')
                free.close()
    return Server(binary, data, flags=("--no-limits", "--config", config), ports="configured")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("--only", choices=["python", "typescript"])
    options = parser.parse_args()
    binary = os.path.abspath(options.binary)
    print(run([sys.executable, os.path.join(SDK, "generate.py"), "--check", binary]).strip())
    folder = tempfile.mkdtemp(prefix="postern-sdk-")
    server = Server(binary, os.path.join(folder, "data"))
    try:
        document = os.path.join(folder, "openapi.json")
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port('http')}/api/v1/openapi.json") as answer:
            with open(document, "wb") as file:
                file.write(answer.read())
        languages = {"python": python, "typescript": typescript}
        for name, test in languages.items():
            if options.only in (None, name):
                kills(binary, folder, test(server, document, folder))
    finally:
        server.kill()
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
