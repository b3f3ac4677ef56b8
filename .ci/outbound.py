#!/usr/bin/env python3
"""Mail to other servers and from them: Debian's Postfix, a second Postern, a smarthost with AUTH,
and servers that mean harm. All of it on loopback addresses, with a name server of our own.

    python3 .ci/outbound.py target/release/postern [--keep]
"""

import argparse
import base64
import json
import os
import shutil
import smtplib
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time

import environment
from rig import Server, memory

HERE = os.path.dirname(os.path.abspath(__file__))
A, B, POSTFIX = "127.0.0.11", "127.0.0.12", "127.0.0.13"
MASTER = """
{address}:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""
MAIN = """
compatibility_level = 3.6
queue_directory = {folder}/spool
data_directory = {folder}/data
mail_owner = postfix
setgid_group = postdrop
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
myhostname = mx.postfix.test
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
virtual_mailbox_domains = postfix.test, other.test
virtual_mailbox_base = {folder}/mail
virtual_mailbox_maps = static:all/
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
virtual_minimum_uid = 1
smtpd_tls_security_level = may
smtpd_tls_cert_file = {folder}/cert.pem
smtpd_tls_key_file = {folder}/key.pem
smtpd_recipient_restrictions = reject_unauth_destination
relay_domains = a.test
transport_maps = inline:{{ {{a.test = smtp:[{a}]:{port}}} }}
smtp_tls_security_level = may
smtp_tls_loglevel = 1
maillog_file = {folder}/spool/log
maillog_file_prefixes = {folder}
"""


def install():
    """Postfix, and openssl for certificates."""
    wanted = ["postfix", "openssl"]
    if not all(shutil.which(name) for name in wanted):
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "update", "-qq"], **quiet)
        subprocess.run(["apt-get", "install", "-y", "-qq", *wanted], env=env, check=True, **quiet)


def dkimpy():
    """The Python that has dkimpy."""
    return environment.python("dkim", "dkimpy[ed25519]>=1.1,<2", "dnspython")


def free_port():
    """A port that is free on every address used here."""
    with socket.socket() as probe:
        probe.bind(("0.0.0.0", 0))
        return probe.getsockname()[1]


def run(*command, **more):
    """A command that must succeed."""
    done = subprocess.run(command, capture_output=True, text=True, **more)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


def until(what, seconds, look):
    """Waits until `look` gives something."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = look()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError(f"{what}: not in {seconds} s")


class Postfix:
    """An instance with a configuration folder of its own."""

    def __init__(self, folder, port):
        self.folder = folder
        for name in ("conf", "spool", "data", "mail"):
            os.makedirs(f"{folder}/{name}")
        shutil.chown(f"{folder}/data", "postfix")
        os.chown(f"{folder}/mail", 65534, 65534)
        self.certificate()
        open(f"{folder}/conf/main.cf", "w").write(MAIN.format(folder=folder, a=A, port=port))
        open(f"{folder}/conf/master.cf", "w").write(MASTER.format(address=POSTFIX, port=port))
        run("postfix", "-c", f"{folder}/conf", "start")
        until("Postfix starts", 20, lambda: answers(POSTFIX, port))

    def certificate(self):
        """An authority, and a certificate for the name and the address of the server."""
        at = self.folder
        run(
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test"),
            *("-keyout", f"{at}/ca.key", "-out", f"{at}/ca.pem"),
        )
        run(
            *("openssl", "req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=mx.postfix.test"),
            *("-keyout", f"{at}/key.pem", "-out", f"{at}/request.pem"),
        )
        open(f"{at}/names", "w").write(f"subjectAltName=DNS:mx.postfix.test,IP:{POSTFIX}")
        run(
            *("openssl", "x509", "-req", "-in", f"{at}/request.pem", "-CA", f"{at}/ca.pem"),
            *("-CAkey", f"{at}/ca.key", "-CAcreateserial", "-days", "2"),
            *("-extfile", f"{at}/names", "-out", f"{at}/cert.pem"),
        )

    def mail(self):
        """Every delivered message."""
        new = f"{self.folder}/mail/all/new"
        names = os.listdir(new) if os.path.isdir(new) else []
        return [open(f"{new}/{name}", encoding="latin-1", newline="").read() for name in names]

    def log(self):
        """What it has logged."""
        return open(f"{self.folder}/spool/log", errors="replace").read()

    def set(self, *settings):
        """Changes settings of the running server."""
        run("postconf", "-c", f"{self.folder}/conf", "-e", *settings)
        run("postfix", "-c", f"{self.folder}/conf", "reload")

    def stop(self):
        """Ends it."""
        subprocess.run(["postfix", "-c", f"{self.folder}/conf", "stop"], capture_output=True)


def answers(address, port):
    """Whether an SMTP server greets there."""
    try:
        with smtplib.SMTP(address, port, timeout=2) as client:
            return client.noop()[0] == 250
    except OSError:
        return False


class Hostile:
    """A server that does one bad thing with each connection."""

    def __init__(self, address, port, act):
        self.act = act
        self.seen = 0
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind((address, port))
        self.socket.listen(16)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            connection, _ = self.socket.accept()
            self.seen += 1
            threading.Thread(target=self.one, args=(connection,), daemon=True).start()

    def one(self, connection):
        try:
            connection.settimeout(30)
            self.act(connection)
        except OSError:
            pass
        finally:
            connection.close()


class OldServer:
    """Knows HELO and 7 bits."""

    def __init__(self, address, port):
        self.mail = []
        Hostile(address, port, self.one)

    def one(self, connection):
        """One connection."""
        connection.sendall(b"220 old\r\n")
        lines = connection.makefile("rb")
        while line := lines.readline():
            verb = line.split()[0].upper()
            if verb == b"DATA":
                connection.sendall(b"354 go\r\n")
                self.mail.append(b"".join(iter(lines.readline, b".\r\n")))
            known = verb in (b"HELO", b"MAIL", b"RCPT", b"DATA", b"QUIT") and b"=8BIT" not in line
            connection.sendall(b"250 Ok\r\n" if known else b"502 What\r\n")


class Smarthost:
    """Takes mail over STARTTLS from a user with a password."""

    def __init__(self, address, port, folder):
        self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.context.load_cert_chain(f"{folder}/cert.pem", f"{folder}/key.pem")
        self.logins, self.mail = [], []
        Hostile(address, port, self.one)

    def one(self, connection):
        """One connection."""
        connection.sendall(b"220 smarthost\r\n")
        lines = connection.makefile("rb")
        is_tls = is_known = False
        while line := lines.readline():
            verb = line.split()[0].upper()
            if verb == b"EHLO":
                reply = b"250-smarthost\r\n250 " + (b"AUTH PLAIN LOGIN" if is_tls else b"STARTTLS")
            elif verb == b"STARTTLS":
                connection.sendall(b"220 go\r\n")
                connection = self.context.wrap_socket(connection, server_side=True)
                lines, is_tls = connection.makefile("rb"), True
                continue
            elif verb == b"AUTH":
                self.logins.append(base64.b64decode(line.split()[2]))
                is_known = self.logins[-1] == b"\0agent\0pass word"
                reply = b"235 2.7.0 Ok" if is_known else b"535 5.7.8 Wrong"
            elif verb == b"DATA" and is_known:
                connection.sendall(b"354 go\r\n")
                self.mail.append(b"".join(iter(lines.readline, b".\r\n")))
                reply = b"250 2.0.0 Taken"
            elif verb in (b"MAIL", b"RCPT", b"QUIT"):
                reply = b"250 Ok" if is_known else b"530 5.7.0 Log in"
            else:
                reply = b"502 5.5.1 What"
            connection.sendall(reply + b"\r\n")


def endless_lines(connection):
    connection.sendall(b"220-mx\r\n")
    while True:
        connection.sendall(b"220-more\r\n" * 100)


def long_line(connection):
    connection.sendall(b"220 ")
    for _ in range(1 << 14):
        connection.sendall(b"x" * (1 << 16))


def by_octets(connection):
    for octet in b"220 mx ESMTP\r\n" * 1000:
        connection.sendall(bytes([octet]))
        time.sleep(0.5)


def silent(connection):
    connection.recv(1)


def other_protocol(connection):
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    connection.recv(1)


def conversation(*replies):
    """Answers line by line; the end of the list is the end of the connection."""

    def act(connection):
        lines = connection.makefile("rb")
        connection.sendall(replies[0] + b"\r\n")
        for reply in replies[1:]:
            if not lines.readline():
                return
            connection.sendall(reply + b"\r\n")
        lines.readline()

    return act


HOSTILE = {
    "endless": endless_lines,
    "long": long_line,
    "octets": by_octets,
    "silent": silent,
    "http": other_protocol,
    "drop0": lambda connection: None,
    "drop1": conversation(b"220 mx"),
    "drop2": conversation(b"220 mx", b"250 mx"),
    "drop3": conversation(b"220 mx", b"250 mx", b"250 Ok"),
    "drop4": conversation(b"220 mx", b"250 mx", b"250 Ok", b"250 Ok"),
    "drop5": conversation(b"220 mx", b"250 mx", b"250 Ok", b"250 Ok", b"354 go"),
    "greylist": conversation(b"220 mx", b"250 mx", b"250 Ok", b"450 4.2.0 Greylisted"),
    "early": conversation(b"220 mx", b"250 mx", b"250 Ok", b"250 Ok", b"250 Ok"),
    "injected": conversation(b"220 mx", b"250-mx\r\n250 STARTTLS", b"220 go\r\n250 mx\r\n250 Ok\r\n250 Ok"),
}


class Outbound:
    """The servers and the checks."""

    def __init__(self, binary, folder):
        self.binary, self.folder = binary, folder
        self.port, self.auth = free_port(), free_port()
        self.postfix = Postfix(f"{folder}/postfix", self.port)
        self.hostile = {}
        zone = [
            "postfix.test MX 10 mx.postfix.test",
            f"mx.postfix.test A {POSTFIX}",
            "other.test MX 10 mx.other.test",
            f"mx.other.test A {POSTFIX}",
            "a.test MX 10 mx.a.test",
            f"mx.a.test A {A}",
            "b.test MX 10 mx.b.test",
            f"mx.b.test A {B}",
        ]
        self.old = OldServer("127.0.0.17", self.port)
        zone += ["old.test MX 10 mx.old.test", "mx.old.test A 127.0.0.17"]
        for n, (name, act) in enumerate(HOSTILE.items()):
            address = f"127.0.0.{50 + n}"
            self.hostile[name] = Hostile(address, self.port, act)
            zone += [f"{name}.test MX 10 mx.{name}.test", f"mx.{name}.test A {address}"]
        open(f"{folder}/zone", "w").write("\n".join(zone) + "\n")
        self.dns = subprocess.Popen(
            [sys.executable, f"{HERE}/fake_dns.py", f"{folder}/zone", "--listen", "127.0.0.1:0"],
            stdout=subprocess.PIPE,
            text=True,
        )
        self.resolver = self.dns.stdout.readline().strip()
        self.a = self.server("a", A)
        self.b = self.server("b", B)

    def server(self, name, address, outbound="", authority=None):
        """A Postern with its inbound port at `address`."""
        authority = authority or f"{self.folder}/postfix/ca.pem"
        config = f"{self.folder}/{name}.toml"
        open(config, "w").write(
            f'hostname = "{name}.test"\ndomain = "{name}.test"\n'
            f'[listen]\nmx = "{address}:{self.port}"\nhttp = "127.0.0.1:0"\nimaps = "127.0.0.1:0"\nsubmissions = "127.0.0.1:0"\n'
            f'[dns]\nresolvers = ["{self.resolver}"]\n'
            f'[outbound]\nca = "{authority}"\nport = {self.port}\nallow_private = true\n'
            'connect_timeout = "3s"\ncommand_timeout = "4s"\ndata_timeout = "4s"\nretry = ["5s", "1h"]\n' + outbound
        )
        flags = ("--no-limits", "--config", config, "--log", "info")
        return Server(self.binary, f"{self.folder}/{name}", flags=flags, ports="configured")

    def send(self, server, to, subject, text="hello\n.dot\n"):
        """Sends, and gives a function that reads the row of the queue."""
        inbox, key = server.ready["inbox"], server.ready["api_key"]
        mail = {"to": [to], "subject": subject, "text": text}
        status, answer = server.rest(key, "POST", f"/api/v1/inboxes/{inbox}/messages", mail)
        assert status == 202, answer
        return self.row(server, to)

    def row(self, server, to):
        """A function that reads the newest row for a recipient."""
        key = server.ready["api_key"]

        def row():
            _, page = server.rest(key, "GET", f"/api/v1/outbound?recipient={to}")
            if not page["data"]:
                return None
            _, one = server.rest(key, "GET", f"/api/v1/outbound/{page['data'][0]['id']}")
            return one

        return row

    def delivered(self, row, tls):
        """The row, when it is delivered over this kind of TLS."""
        one = until("delivery", 20, lambda: (found := row()) and (found["status"] == "delivered" or found["history"]) and found)
        assert one["status"] == "delivered", one
        assert one["history"][-1]["tls"] == tls, one
        return one

    def to_postfix(self):
        """By MX over STARTTLS: a certificate that verifies, and one for another name."""
        for domain, tls in (("postfix.test", "verified"), ("other.test", "unverified")):
            self.delivered(self.send(self.a, f"x@{domain}", f"to {domain}", "h\u00e4llo\n.dot\n"), tls)
            wanted = f"Subject: to {domain}"
            found = until("mail", 20, lambda: [mail for mail in self.postfix.mail() if wanted in mail])
            assert len(found) == 1 and "ESMTPS" in found[0] and "h=C3=A4llo" in found[0], found

    def to_another_postern(self):
        """By MX to a second server, and its reply back."""
        for sender, receiver in ((self.a, self.b), (self.b, self.a)):
            to = receiver.ready["inbox"]
            self.delivered(self.send(sender, to, "from another"), "unverified")
            client = receiver.imap(to, receiver.ready["api_key"])
            client.select("INBOX")
            _, found = client.search(None, "SUBJECT", '"from another"')
            assert len(found[0].split()) == 1, found
            client.logout()

    def from_postfix(self):
        """Postfix delivers to us: without knowing the certificate, and with one it verifies."""
        to, key = self.a.ready["inbox"], self.a.ready["api_key"]
        for n, settings in enumerate(
            [(), (f"smtp_tls_CAfile={self.a.ready['ca']}", "smtp_tls_security_level=secure", "smtp_tls_secure_cert_match=a.test")]
        ):
            if settings:
                self.postfix.set(*settings)
            with smtplib.SMTP(POSTFIX, self.port, timeout=10) as client:
                client.sendmail("x@postfix.test", [to], f"From: x@postfix.test\r\nSubject: postfix {n}\r\n\r\n.dot\r\n")
            client = self.a.imap(to, key)

            def found():
                client.select("INBOX")
                return client.search(None, "SUBJECT", f'"postfix {n}"')[1][0].split()

            until("mail of Postfix", 20, found)
            client.logout()
        log = self.postfix.log()
        assert "Untrusted TLS connection established to" in log and "Verified TLS connection established to" in log

    def by_smarthost(self):
        """A password goes to a smarthost that is known, and to no other."""
        host = Smarthost(POSTFIX, self.auth, f"{self.folder}/postfix")
        password, stranger = f"{self.folder}/password", f"{self.folder}/stranger.pem"
        run(
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=stranger"),
            *("-keyout", f"{self.folder}/stranger.key", "-out", stranger),
        )
        smart = (
            f'smarthost = "{POSTFIX}:{self.auth}"\nsmarthost_user = "agent"\n'
            f'smarthost_password_file = "{password}"\n'
        )
        for name, word, authority in (("c", "pass word", None), ("d", "wrong", None), ("e", "pass word", stranger)):
            open(password, "w").write(word + "\n")
            server = self.server(name, f"127.0.0.{ord(name)}", smart, authority)
            row = self.send(server, "x@postfix.test", f"smarthost {name}")
            if name == "c":
                self.delivered(row, "verified")
            else:
                one = until("an attempt", 20, lambda: (found := row()) and found["history"] and found)
                assert one["status"] == "deferred", one
                first = one["history"][0]
                assert first["code"] == 535 if name == "d" else "not trusted" in first["text"], one
            assert server.stop() == 0
        assert len(host.mail) == 1 and b"Subject: smarthost c" in host.mail[0] and b"\r\n..dot\r\n" in host.mail[0]
        assert set(host.logins) == {b"\0agent\0pass word", b"\0agent\0wrong"}, host.logins

    def old_server(self):
        """A host without 8BITMIME gets 7 bits, and the text is the same."""
        words = "Subject: h\u00e4\r\nFrom: {}\r\n\r\nh\u00f6llo\r\n.dot\r\n"
        inbox, key = self.a.ready["inbox"], self.a.ready["api_key"]
        with smtplib.SMTP_SSL("127.0.0.1", self.a.port("smtps"), context=self.a.tls, timeout=10) as client:
            client.login(inbox, key)
            client.ehlo()
            client.mail(inbox, ["SMTPUTF8", "BODY=8BITMIME"])
            client.rcpt("x@old.test")
            code, said = client.data(words.format(inbox).encode())
            assert code == 250, said
        row = self.row(self.a, "x@old.test")
        self.delivered(row, "none")
        mail = self.old.mail[0]
        assert mail.isascii() and b"=?utf-8?" in mail and b"h=C3=B6llo\r\n=2Edot\r\n" in mail, mail

    def signed(self):
        """Both signatures of what has left pass in dkimpy, with the records of GET /domains."""
        token = open(f"{self.folder}/a/operator.token").read().strip()
        org = self.a.rest(self.a.ready["api_key"], "GET", "/api/v1/me")[1]["org"]["id"]
        _, page = self.a.rest(token, "GET", "/api/v1/domains", headers={"Postern-Organization": org})
        shared = next(one for one in page["data"] if one["name"] == "a.test")
        keys = [one for one in shared["records"] if one["purpose"] == "dkim"]
        assert len(keys) == 2, shared
        before = open(f"{self.folder}/zone").read()
        with open(f"{self.folder}/zone", "a") as zone:
            zone.writelines(f'{one["name"]} TXT "{one["value"]}"\n' for one in keys)
        long = "".join(f"line {n}  of a long message \t\n" for n in range(30_000))
        self.delivered(self.send(self.a, "x@postfix.test", "signed, long", long), "verified")
        client = self.b.imap(self.b.ready["inbox"], self.b.ready["api_key"])
        client.select("INBOX")
        mail = {"another Postern": client.fetch("1", "(BODY.PEEK[])")[1][0][1]}
        client.logout()
        old = self.old.mail[0].replace(b"\r\n..", b"\r\n.")
        mail["a host of 7 bits"] = old
        until("mail", 20, lambda: any("Subject: signed, long" in one for one in self.postfix.mail()))
        for n, one in enumerate(self.postfix.mail()):
            if "From: x@postfix.test" not in one:
                mail[f"Postfix, {n}"] = one.encode("latin-1")
        assert max(map(len, mail.values())) > 3 << 18, "no long message"
        for where, octets in mail.items():
            open(f"{self.folder}/message", "wb").write(octets)
            found = json.loads(run(dkimpy(), f"{HERE}/verify_dkim.py", f"{self.folder}/message", self.resolver))
            kinds = [one[1:] for one in found]
            wanted = [["rsa-sha256", "a.test", True], ["ed25519-sha256", "a.test", True]]
            assert kinds == wanted, (where, found, octets[:3000])
        # The next checks look for records that are not there.
        open(f"{self.folder}/zone", "w").write(before)
        print(f"   {2 * len(mail)} signatures, of messages of up to {max(map(len, mail.values())) >> 10} KiB")

    def hostile_servers(self):
        """Nothing that a server does costs more than its own message, and for now."""
        before = memory(self.a.process.pid)
        rows = {name: self.send(self.a, f"x@{name}.test", name) for name in HOSTILE}
        healthy = self.send(self.a, "y@postfix.test", "beside them")
        self.delivered(healthy, "verified")
        for name, row in rows.items():
            one = until(f"an attempt at {name}", 40, lambda: (found := row()) and found["history"] and found)
            assert one["status"] in ("deferred", "sending"), (name, one)
            assert one["history"][0]["outcome"] == "deferred", (name, one)
        grown = memory(self.a.process.pid) - before
        assert grown < 64 << 20, f"{grown >> 20} MiB more memory"
        print(f"   {len(rows)} hostile servers, {grown >> 10} KiB more memory")

    def doctor(self):
        """What keeps mail from passing is found, and no longer when it is repaired."""
        command = [self.binary, "doctor", "--json", "--data", f"{self.folder}/a"]

        def findings():
            done = subprocess.run(command, capture_output=True, text=True)
            said = json.loads(done.stdout)
            wrong = {one["about"] for one in said["findings"] if one["level"] == "wrong"}
            assert done.returncode == (1 if wrong else 0) and said["ok"] is not bool(wrong), said
            return wrong

        def publish(*lines):
            with open(f"{self.folder}/zone", "a") as zone:
                zone.write("\n".join(lines) + "\n")

        found = findings()
        records = {f"{purpose} of a.test" for purpose in ("spf TXT", "dmarc TXT")}
        assert {"addresses", "way out", *records} <= found, found
        listed = "11.0.0.127.zen.spamhaus.org A 127.0.0.2"
        publish(f"a.test A {A}", "gmail.com MX 5 mx.postfix.test", listed)
        found = findings()
        expected = {f"PTR of {A}", f"zen.spamhaus.org of {A}", "port 25", "port 465", *records}
        assert expected <= found and not {"addresses", "way out"} & found, found
        listing = run(self.binary, "domain", "records", "a.test", "--json", "--data", f"{self.folder}/a")
        for record in json.loads(listing)["data"]:
            # The keys are published already, for the check of signatures.
            if record["type"] in ("MX", "TXT") and record["purpose"] != "dkim":
                value = f'"{record["value"]}"' if record["type"] == "TXT" else record["value"]
                publish(f"{record['name']} {record['type']} {value}")
        publish("11.0.0.127.in-addr.arpa PTR a.test")
        good = {f"PTR of {A}", *records}
        until("the records are seen", 30, lambda: not good & findings())

    def close(self):
        """Ends everything that was started."""
        self.postfix.stop()
        self.dns.terminate()
        for server in (self.a, self.b):
            server.stop()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("--keep", action="store_true", help="keep the folder")
    options = parser.parse_args()
    install()
    folder = tempfile.mkdtemp(prefix="outbound-")
    os.chmod(folder, 0o755)
    begin = time.monotonic()
    outbound = Outbound(os.path.abspath(options.binary), folder)
    try:
        for check in (
            outbound.to_postfix,
            outbound.to_another_postern,
            outbound.from_postfix,
            outbound.by_smarthost,
            outbound.old_server,
            outbound.signed,
            outbound.hostile_servers,
            outbound.doctor,
        ):
            print(f"== {check.__doc__.splitlines()[0]} ({time.monotonic() - begin:.0f}s)", flush=True)
            check()
    finally:
        outbound.close()
    if not options.keep:
        shutil.rmtree(folder)
    print(json.dumps({"seconds": round(time.monotonic() - begin)}))


if __name__ == "__main__":
    main()
