"""Secrets and privileges: guesses at keys, the user of the process, the text of a key."""

import base64
import glob
import imaplib
import os
import pwd
import smtplib
import ssl
import statistics
import threading
import time

from checks.place import Skip, check, send


@check("K03")
def guesses_beside_a_client(place):
    """Forty addresses guess the key of an inbox in three protocols; its owner logs in as before."""
    server = place.start()
    wrong, stop = place.key[:-8] + "AAAAAAAA", threading.Event()
    plain = base64.b64encode(f"\0{place.inbox}\0{wrong}".encode())
    words = {
        "imap": b"a LOGIN %s %s\r\n" % (place.inbox.encode(), wrong.encode()),
        "smtps": b"EHLO x.test\r\nAUTH PLAIN %s\r\n" % plain,
        "http": b"GET /api/v1/me HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n" % wrong.encode(),
    }
    tls = ssl.create_default_context(cafile=server.ready["ca"])

    def guess(n):
        listener = ["imap", "smtps", "http"][n % 3]
        while not stop.is_set():
            try:
                stream = server.connect("imaps" if listener == "imap" else listener, f"127.0.6.{n + 1}")
                stream.settimeout(2)
                if listener != "http":
                    stream = tls.wrap_socket(stream, server_hostname="localhost")
                stream.sendall(words[listener])
                stream.recv(1000)
                stream.close()
            except OSError:
                pass
            time.sleep(0.05)

    threads = [threading.Thread(target=guess, args=(n,)) for n in range(40)]
    for thread in threads:
        thread.start()
    times = []
    for _ in range(25):
        begin = time.monotonic()
        server.imap(place.inbox, place.key).logout()
        assert server.rest(place.key, "GET", "/api/v1/me")[0] == 200
        times.append(time.monotonic() - begin)
    stop.set()
    for thread in threads:
        thread.join()
    failed = server.metric("postern_logins_failed_total")
    assert failed > 20, f"only {failed} guesses"
    assert statistics.median(times) < 0.3 and max(times) < 2, f"{max(times):.2f} s for a login"
    return f"login median {statistics.median(times) * 1000:.0f} ms, most {max(times) * 1000:.0f} ms beside {failed} guesses"


@check("K10")
def leaves_root(place):
    """Started as root with a configured user, it becomes that user and cannot be dumped."""
    if os.geteuid() != 0:
        raise Skip("not root")
    os.chmod(place.root, 0o755)
    nobody = pwd.getpwnam("nobody").pw_uid
    server = place.start(flags=place.config('user = "nobody"\n'))
    with open(f"/proc/{place.pid()}/status") as file:
        uids = next(line for line in file if line.startswith("Uid:")).split()[1:]
    assert uids == [str(nobody)] * 4, uids
    assert os.stat(f"/proc/{place.pid()}/environ").st_uid == 0, "its user may dump it"
    assert os.stat(place.data + "/postern.db").st_uid == nobody
    hardened(place.pid())
    send(server, place.inbox, "nobody@root.test")
    place.has_all(server, ["nobody@root.test"])
    return f"uid {nobody}"


@check("K01")
def secrets_stay_secret(place):
    """The text of a key is in no file of the data folder and in no line of a trace log."""
    server = place.start(flags=("--log", "trace"))
    secret, wrong = place.key, place.key[:-4] + "AAAA"
    send(server, place.inbox, "grep@secret.test")
    server.imap(place.inbox, secret).logout()
    for login in ("login_plain", "login_login"):
        client = smtplib.SMTP_SSL("localhost", server.port("smtps"), context=server.tls, timeout=20)
        client.ehlo()
        client.user, client.password = place.inbox, secret
        getattr(client, "auth")("PLAIN" if login == "login_plain" else "LOGIN", getattr(client, "auth_" + login[6:]))
        client.quit()
    server.rest(secret, "GET", "/api/v1/me")
    status, made = server.rest(secret, "POST", "/api/v1/keys", {"label": "second", "scopes": ["messages:read"]}, {"Idempotency-Key": "k"})
    assert status == 201, made
    secrets = [secret, made.get("key") or made.get("secret") or secret]
    server.rest(secrets[1], "GET", "/api/v1/me")
    try:
        server.imap(place.inbox, wrong)
    except imaplib.IMAP4.error:
        pass
    server.rest(wrong, "GET", "/api/v1/me")
    hardened(place.pid())
    server.kill()
    needles = [s.encode() for s in secrets + [wrong]]
    needles += [s.split("_")[-1].encode() for s in secrets]
    needles += [base64.b64encode(f"\0{place.inbox}\0{secret}".encode()), base64.b64encode(secret.encode())]
    files = [f for f in glob.glob(place.data + "*/**", recursive=True) + [place.data + ".log"] if os.path.isfile(f)]
    for path in files:
        with open(path, "rb") as file:
            octets = file.read()
        for needle in needles:
            assert needle not in octets, f"a key is in {os.path.basename(path)}"
        if not path.endswith(".log"):
            assert os.stat(path).st_mode & 0o077 == 0 or path.endswith(".pem"), f"others may read {path}"
    return f"{len(needles)} needles, {len(files)} files"


def hardened(pid):
    """The process has given up what it does not need."""
    with open(f"/proc/{pid}/status") as file:
        status = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
    assert status["NoNewPrivs"] == "1", "may gain privileges"
    assert status["Umask"] == "0077", f"umask {status['Umask']}"
