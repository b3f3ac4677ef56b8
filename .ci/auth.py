#!/usr/bin/env python3
"""Who sent a message, judged by Postern and by others: dkimpy and authheaders of PyPI, and the
messages that the crate mail-auth ships. Each message goes in on the inbound port of a running
server, with a name server of our own, and its Authentication-Results field is compared.

    python3 .ci/auth.py target/release/postern [--only NAME]

- Every signature and chain of seals that the tests of dkimpy verify, with the answers that those
  tests give for the DNS, and the signed messages that mail-auth ships.
- What dkimpy signs passes here, whatever the algorithm and the canonical form, and does not after
  a change. What Postern signs passes there.
- DMARC for each kind of record, author and signer, beside authheaders.
- The organizational domain that is asked for a policy is that of authheaders.

Where Postern differs, `DIFFERENCES` has the reason. A difference without a reason fails, and so
does a reason that is no longer needed.
"""

import argparse
import contextlib
import glob
import io
import json
import os
import re
import smtplib
import socketserver
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import unittest

import environment

DKIMPY, AUTHHEADERS, MAIL_AUTH = "1.1.8", "0.16.3", "0.15.1"
NEEDS = ["pynacl==1.6.2", "dnspython==2.9.2", "authres==1.2.0", "publicsuffix2==2.20191221"]
HERE = os.path.dirname(os.path.abspath(__file__))
PEER = "127.0.0.1"
# Test of the other side, or the end of its name, and why Postern says something else.
DIFFERENCES = {
    "test_dkim_signature_canonicalization": "an RSA key of 512 bits never passes (RFC 8301 section 3.2)",
    "test_l_verify": "a signature that leaves octets of the body unsigned never passes",
    "mail-auth dkim/005.txt": "its signature has expired; the tests of the crate have a clock of their own",
    "lon.wafaicloud.com": "publicsuffix2 takes a name beside a suffix for one when no rule stands above both",
}


def tools():
    """Runs this script again in an environment of its own, with the source archives of both."""
    sources = [f"dkimpy=={DKIMPY}", f"authheaders=={AUTHHEADERS}"]
    environment.inside(environment.python("auth", "setuptools", *NEEDS))
    home, is_made = environment.place("auth-sources", sources)
    if not is_made:
        download = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--no-deps"]
        environment.command(*download, "--no-binary", ":all:", "-d", home, *sources)
        for archive in glob.glob(os.path.join(home, "*.tar.gz")):
            with tarfile.open(archive) as file:
                file.extractall(home)
        environment.finish(home)
    sys.path[:0] = [HERE, os.path.join(home, f"dkimpy-{DKIMPY}"), os.path.join(home, f"authheaders-{AUTHHEADERS}")]


class Case:
    """One check of the other side: the message, the answers of the DNS, and what it said."""

    def __init__(self, test, message, answers, wanted, place=0):
        self.test, self.message, self.answers = test, message, answers
        self.wanted, self.place = wanted, place


class Recorder:
    """Runs test suites of the other side, and notes each check that they make."""

    def __init__(self):
        self.cases, self.test = [], ""

    def run(self, modules):
        """All tests of these modules."""
        loader = unittest.TestLoader()
        recorder = self

        class Result(unittest.TestResult):
            def startTest(self, test):
                recorder.test = test.id().removeprefix("dkim.tests.").removeprefix("authheaders.test.")
                super().startTest(test)

        result = Result()
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            for module in modules:
                loader.loadTestsFromModule(module).run(result)
        assert result.testsRun and not result.errors and not result.failures, (result.errors, result.failures)
        return self.cases

    def wrap(self, owner, name, note):
        """Replaces a method by one that also notes what it is asked and what it says."""
        original = getattr(owner, name)

        def method(own, *arguments, **named):
            answers = {}
            ask = named.get("dnsfunc")

            def noted(domain, *rest, **more):
                found = ask(domain, *rest, **more)
                text = domain.decode("latin-1") if isinstance(domain, bytes) else domain
                answers[text.rstrip(".")] = found
                return found

            if ask:
                named["dnsfunc"] = noted
            said = None
            try:
                said = original(own, *arguments, **named)
                return said
            finally:
                note(own, arguments, named, answers, said)

        setattr(owner, name, method)


def octets_of(checker):
    """The message that an object of dkimpy holds."""
    fields = b"".join(name + b":" + value for name, value in checker.headers)
    return fields + b"\r\n" + checker.body


def recorded_dkim():
    """What the tests of dkimpy verify."""
    import dkim
    from dkim.tests import test_arc, test_dkim, test_dkim_ed25519, test_dkim_rsavariants

    recorder = Recorder()

    def signature(own, arguments, named, answers, said):
        place = named.get("idx", arguments[0] if arguments else 0)
        recorder.cases.append(Case(recorder.test, octets_of(own), answers, bool(said), place))

    recorder.wrap(dkim.DKIM, "verify", signature)
    return recorder.run([test_dkim, test_dkim_ed25519, test_dkim_rsavariants])


def recorded_arc():
    """The chains that the tests of dkimpy verify."""
    import dkim
    from dkim.tests import test_arc

    recorder = Recorder()

    def chain(own, arguments, named, answers, said):
        state = said[0].decode() if said else "error"
        recorder.cases.append(Case(recorder.test, octets_of(own), answers, state))

    recorder.wrap(dkim.ARC, "verify", chain)
    return recorder.run([test_arc])


class Sink(socketserver.ThreadingTCPServer):
    """Another server that takes all mail."""

    allow_reuse_address = daemon_threads = True

    def __init__(self):
        self.mail = []
        super().__init__((PEER, 0), Session)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def one(self):
        """The next message."""
        end = time.monotonic() + 20
        while not self.mail and time.monotonic() < end:
            time.sleep(0.02)
        return self.mail.pop(0)


class Session(socketserver.StreamRequestHandler):
    """One connection to the sink."""

    def handle(self):
        self.wfile.write(b"220 mx.out.test\r\n")
        for line in self.rfile:
            verb = line[:4].upper()
            if verb == b"DATA":
                self.wfile.write(b"354 go\r\n")
                lines = iter(self.rfile.readline, b".\r\n")
                self.server.mail.append(b"".join(line[line.startswith(b".") :] for line in lines))
            self.wfile.write(b"250-mx\r\n250 8BITMIME\r\n" if verb == b"EHLO" else b"250 ok\r\n")
            if verb == b"QUIT":
                break


class World:
    """A server, and the name server that it asks."""

    def __init__(self, binary, folder):
        import fake_dns
        from rig import Server

        self.sink = Sink()
        self.folder, self.zone, self.names = folder, f"{folder}/zone", set()
        self.missing = set()
        self.log = f"{folder}/asked"
        for path in (self.zone, self.log):
            open(path, "w").close()
        port = fake_dns.start(self.zone, log=self.log)
        config = f"{folder}/config.toml"
        with open(config, "w") as file:
            file.write(
                f'hostname = "mx.here.test"\ndomain = "here.test"\n[dns]\nresolvers = ["127.0.0.1:{port}"]\n'
                f'[inbound]\ndmarc = "report"\n[outbound]\nport = {self.sink.server_address[1]}\n'
                "allow_private = true\n"
            )
        flags = ("--no-limits", "--config", config, "--log", "warn")
        self.server = Server(binary, f"{folder}/data", flags=flags)
        self.inbox, self.key = self.server.ready["inbox"], self.server.ready["api_key"]
        self.client = None

    def publish(self, answers):
        """Writes the zone. Records are not kept; that a name has none is kept for a second."""
        lines = []
        for name, text in sorted(answers.items()):
            text = text.encode() if isinstance(text, str) else text
            if text and name:
                lines.append(f"{name} TXT TTL=0 {json.dumps(b' '.join(text.split()).decode('latin-1'))}")
        self.missing |= {name for name in self.asked() if name not in self.names}
        self.names = {line.split()[0].lower() for line in lines}
        with open(self.zone + ".new", "w") as file:
            file.write("\n".join(lines) + "\n")
        os.replace(self.zone + ".new", self.zone)
        if self.missing & self.names:
            self.forget()

    def forget(self):
        """Waits until our resolver has forgotten which names do not exist."""
        time.sleep(1.1)
        self.missing = set()

    def judge(self, message, sender="x@out.test"):
        """Our Authentication-Results of a message, unfolded."""
        if self.client is None:
            self.client = smtplib.SMTP(PEER, self.server.port("mx"), timeout=30)
            self.client.ehlo("out.test")
        self.client.mail(sender)
        self.client.rcpt(self.inbox)
        code, said = self.client.data(message)
        assert code == 250, (code, said, message[:600])
        msg = said.split()[-1].decode()
        _, found = self.server.rest(self.key, "GET", f"/api/v1/inboxes/{self.inbox}/messages/{msg}")
        fields = [field["value"] for field in found["headers"] if field["name"] == "Authentication-Results"]
        assert fields[0].startswith("mx.here.test;"), fields
        return fields[0]

    def asked(self):
        """The names that were asked for since the last call."""
        with open(self.log) as file:
            names = [line.split()[2].lower() for line in file]
        open(self.log, "w").close()
        return names


def methods(field, name):
    """The results of one method in a field, in their order."""
    return re.findall(rf"[;\s]{name}=(\w+)", field)


class Comparison:
    """What was compared, and which reasons were needed."""

    def __init__(self):
        self.count, self.faults, self.needed = 0, [], set()

    def check(self, test, ours, theirs, more=""):
        """One result."""
        self.count += 1
        if ours == theirs:
            return
        reason = next((end for end in DIFFERENCES if test.endswith(end)), None)
        if reason:
            self.needed.add(reason)
        else:
            self.faults.append(f"{test}: we say {ours}, they say {theirs} {more}")

    def end(self, is_whole):
        """Ends the run with 1 on a fault."""
        if is_whole:
            self.faults += [f"this difference is no longer there: {name}" for name in DIFFERENCES if name not in self.needed]
        print("\n".join(self.faults))
        print(f"auth: {self.count} results compared, {len(DIFFERENCES)} differences with a reason")
        sys.exit(1 if self.faults else 0)


def replay_dkim(world, comparison):
    """The signatures of dkimpy's tests."""
    for case in recorded_dkim():
        world.publish(case.answers)
        field = world.judge(case.message)
        found = methods(field, "dkim")
        ours = case.place < len(found) and found[case.place] == "pass"
        comparison.check(case.test, ours, case.wanted, field)


def replay_arc(world, comparison):
    """The chains of dkimpy's tests."""
    for case in recorded_arc():
        world.publish(case.answers)
        field = world.judge(case.message)
        comparison.check(case.test, (methods(field, "arc") or ["none"])[0], case.wanted, field)


def sign_there(world, comparison):
    """What dkimpy signs, with all algorithms and canonical forms, as it is and changed."""
    import dkim
    from dkim.tests import test_dkim_rsavariants

    read = test_dkim_rsavariants.read_test_data
    keys = {
        "rsa": (read("2048_testkey.key"), b"rsa-sha256"),
        "ed": (read("ed25519test.key"), b"ed25519-sha256"),
    }
    answers = {"ed._domainkey.example.com": read("ed25519test.dns").decode()}
    answers["rsa._domainkey.example.com"] = read("2048_testkey_wo_markers.pub.txt").decode()
    world.publish(answers)
    for file in ("test.message", "rfc6376.msg", "ed25519test.msg", "message.mbox", "test_extra.message"):
        message = re.sub(rb"\r?\n", b"\r\n", read(file)).rstrip(b"\r\n") + b"\r\n"
        for name, (key, algorithm) in keys.items():
            for forms in ((a, b) for a in (b"relaxed", b"simple") for b in (b"relaxed", b"simple")):
                field = dkim.sign(
                    message, name.encode(), b"example.com", key, canonicalize=forms, signature_algorithm=algorithm
                )
                title = f"sign_there {file} {name} {forms}"
                for change, text, wanted in (
                    ("", field + message, "pass"),
                    ("body", field + message[:-3] + bytes([message[-3] ^ 1]) + b"\r\n", "fail"),
                    ("From", (field + message).replace(b"\nFrom:", b"\nFrom: x"), "fail"),
                ):
                    found = methods(world.judge(text), "dkim")
                    comparison.check(f"{title} {change}", found[0], wanted)


MESSAGES = [
    b"Subject: plain\r\n\r\nHello.\r\n",
    b"Subject: no body\r\n\r\n",
    b"Subject:  white \t space  \r\nX-Folded: a\r\n\t b\r\n  c\r\n\r\n a  b \t \r\n\r\n.\r\n..x\r\n\r\n\r\n",
    "Subject: =?utf-8?q?gr=C3=BC=C3=9Fe?=\r\nContent-Type: text/plain; charset=utf-8\r\n"
    "Content-Transfer-Encoding: 8bit\r\nMIME-Version: 1.0\r\n\r\nSch\u00f6ne Gr\u00fc\u00dfe\r\n".encode(),
    b"Cc: a@out.test\r\nCc: b@out.test\r\nSubject: two\r\nComments: x\r\nComments: y\r\n\r\nlong " + b"x" * 900 + b"\r\n",
]


def passes_there(octets, place, dnsfunc):
    """Whether dkimpy lets a signature pass."""
    import dkim

    try:
        return bool(dkim.DKIM(octets).verify(place, dnsfunc=dnsfunc))
    except dkim.DKIMException:
        return False


def sign_here(world, comparison):
    """What Postern signs, with both of its keys, as it is and changed."""
    import authheaders

    with open(world.zone, "a") as file:
        file.write(f"out.test MX 10 mx.out.test\nmx.out.test A {PEER}\n")
    client = smtplib.SMTP_SSL(PEER, world.server.port("smtps"), context=world.server.tls, timeout=10)
    client.login(world.inbox, world.key)
    # The first message that leaves makes the keys.
    client.sendmail(world.inbox, ["x@out.test"], b"From: " + world.inbox.encode() + b"\r\n\r\nfirst\r\n")
    world.sink.one()
    token = open(f"{world.folder}/data/operator.token").read().strip()
    _, me = world.server.rest(world.key, "GET", "/api/v1/me")
    own = {"Postern-Organization": me["org"]["id"]}
    _, domains = world.server.rest(token, "GET", "/api/v1/domains", headers=own)
    records = next(domain["records"] for domain in domains["data"] if domain["shared"])
    answers = {r["name"]: r["value"] for r in records if r["purpose"] in ("dkim", "dmarc")}
    dnsfunc = lambda name, timeout=5: answers.get((name.decode() if isinstance(name, bytes) else name).rstrip("."))
    for number, rest in enumerate(MESSAGES):
        client.sendmail(world.inbox, ["x@out.test"], b"From: A <" + world.inbox.encode() + b">\r\n" + rest)
        octets = world.sink.one()
        for change, text, wanted in (
            ("", octets, True),
            ("Subject", octets.replace(b"Subject:", b"Subject: x", 1), False),
            ("body", octets + b"x\r\n", False),
            ("second From", b"From: eve@out.test\r\n" + octets, False),
        ):
            for place, algorithm in enumerate(re.findall(rb"DKIM-Signature: v=1; a=(\S+);", octets)):
                name = f"sign_here {number} {algorithm.decode()} {change}"
                comparison.check(name, passes_there(text, place, dnsfunc), wanted)
        assert set(re.findall(rb"; a=(\S+);", octets)) == {b"rsa-sha256", b"ed25519-sha256"}, octets
        field = authheaders.authenticate_message(octets, "x.test", spf=False, dnsfunc=dnsfunc)
        comparison.check(f"sign_here {number} dmarc", "dmarc=pass" in field, True, field)


def package(name, place):
    """The folder of a crate."""
    told = subprocess.run(["cargo", "metadata", "--format-version", "1", *place], capture_output=True, check=True)
    return next(os.path.dirname(p["manifest_path"]) for p in json.loads(told.stdout)["packages"] if p["name"] == name)


def files_of_crate(world, comparison):
    """The messages that mail-auth verifies in its tests; cargo fetches it and builds nothing."""
    home = os.path.join(world.folder, "crate")
    os.makedirs(os.path.join(home, "src"))
    with open(os.path.join(home, "Cargo.toml"), "w") as file:
        file.write(
            '[package]\nname="messages"\nversion="0.0.0"\n[workspace]\n[dependencies]\n'
            f'mail-auth={{version="={MAIL_AUTH}",default-features=false}}\n'
        )
    open(os.path.join(home, "src", "lib.rs"), "w").close()
    place = ["--manifest-path", os.path.join(home, "Cargo.toml")]
    subprocess.run(["cargo", "fetch", "-q", *place], check=True)
    root = os.path.join(package("mail-auth", place), "resources")
    for kind in ("dkim", "arc"):
        for path in sorted(glob.glob(os.path.join(root, kind, "*.txt"))):
            records, message = open(path, "rb").read().replace(b"\r\n", b"\n").split(b"\n\n", 1)
            pairs = (line.decode().split(" ", 1) for line in records.split(b"\n"))
            world.publish({name.rstrip("."): text for name, text in pairs})
            field = world.judge(message.replace(b"\n", b"\r\n"))
            # Its tests say that each signature of these passes.
            name = f"mail-auth {kind}/{os.path.basename(path)}"
            found = methods(field, kind)
            comparison.check(name, set(found), {"pass"}, field)


POLICIES = [
    None,
    "v=DMARC1; p=none",
    "v=DMARC1; p=reject",
    "v=DMARC1; p=none; sp=reject",
    "v=DMARC1; p=quarantine; sp=none; adkim=s",
    "v=DMARC1;p=reject;adkim=r;aspf=s;pct=1;rua=mailto:x@example.com",
    "v=DMARC1; p=none; adkim=s; fo=1:d:s; ri=86400",
    "v=spf1 -all",
]


def dmarc_there(world, comparison):
    """Each record, author and signer, as authheaders judges it."""
    import authheaders
    import dkim
    from dkim.tests import test_dkim_rsavariants

    read = test_dkim_rsavariants.read_test_data
    key, record = read("ed25519test.key"), read("ed25519test.dns").decode()
    names = ["example.com", "a.example.com", "b.example.com", "other.test"]
    for policy in POLICIES:
        answers = {f"ed._domainkey.{name}": record for name in names} | {"_dmarc.example.com": policy}
        world.publish(answers)
        world.forget()
        dnsfunc = lambda name, timeout=5: answers.get((name.decode() if isinstance(name, bytes) else name).rstrip("."))
        for author in names[:2]:
            for signer in [None, *names]:
                message = f"From: x@{author}\r\nSubject: x\r\n\r\nHello.\r\n".encode()
                if signer:
                    message = dkim.sign(message, b"ed", signer.encode(), key, signature_algorithm=b"ed25519-sha256") + message
                theirs = authheaders.authenticate_message(message, "x.test", spf=False, dnsfunc=dnsfunc)
                ours = world.judge(message, "")
                pairs = [(methods(field, "dmarc"), re.findall(r"policy\.dmarc=(\w+)", field)) for field in (ours, theirs)]
                if author == "example.com" or pairs[1][0] == ["none"]:
                    # authheaders shows `sp=` for the domain itself too, and a policy of no record.
                    pairs = [pair[0] for pair in pairs]
                comparison.check(f"dmarc_there {policy} {author} {signer}", *pairs)


def organizational_domains(world, comparison):
    """Which domain is asked for a policy. The hosts are from the list of authheaders, which is
    older; the reader of authheaders reads the list that Postern has."""
    import authheaders
    import publicsuffix2

    place = ["--manifest-path", os.path.join(HERE, "..", "Cargo.toml")]
    with open(os.path.join(package("psl", place), "data", "rules.txt"), encoding="utf-8") as lines:
        ours = lines.read().split()
    theirs, tops = publicsuffix2.PublicSuffixList(ours, idna=True), {rule.rsplit(".")[-1] for rule in ours}
    path = os.path.join(os.path.dirname(authheaders.__file__), "public_suffix_list.txt")
    with open(path, encoding="utf-8") as lines:
        rules = [line.split()[0] for line in lines if line.strip() and not line.startswith("//")]
    suffixes = [rule.lstrip("!").replace("*", "wild").encode("idna").decode() for rule in rules[::5]]
    hosts = ["a.b.example.com", "x.co.uk", "a.b.nosuchtop", "nosuchtop", "a.www.ck", "b.c.d.kobe.jp"]
    hosts += [f"a.b.{suffix}" for suffix in suffixes] + suffixes
    world.publish({})
    world.forget()
    for host in hosts:
        world.judge(f"From: x@{host}\r\n\r\n{host}\r\n".encode(), "")
        names = [name[7:] for name in world.asked() if name.startswith("_dmarc.")]
        wanted = theirs.get_public_suffix(host)
        if host.rsplit(".")[-1].encode().decode("idna") not in tops:
            # The list has a rule `*` for such top levels, and publicsuffix2 does not know it.
            wanted = ".".join(host.split(".")[-2:])
        comparison.check(f"organizational {host}", names[-1] if names else None, wanted)


STEPS = [replay_dkim, replay_arc, sign_there, sign_here, files_of_crate, dmarc_there, organizational_domains]


def main():
    tools()
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("--only", help="only the step of this name")
    flags = parser.parse_args()
    comparison = Comparison()
    with tempfile.TemporaryDirectory(prefix="postern-auth-") as folder:
        world = World(os.path.abspath(flags.binary), folder)
        for step in STEPS:
            if flags.only in (None, step.__name__):
                begun = time.monotonic()
                before = comparison.count
                step(world, comparison)
                print(f"{step.__name__}: {comparison.count - before} in {time.monotonic() - begun:.1f} s", flush=True)
        world.server.kill()
    comparison.end(flags.only is None)


if __name__ == "__main__":
    main()
