#!/usr/bin/env python3
"""An account elsewhere that logs in by OAuth: Dovecot checks the tokens, a token server of Python's
library over TLS gives them, and a small SMTP server takes mail by them.

The token server changes the refresh token with each answer and takes the one before no more. The
access token is taken away, this server is killed, and the authorization ends: mail must come and
leave as soon as it may, with no request to the token server more than needed.

    python3 .ci/upstream_oauth.py target/release/postern
"""

import base64
import http.server
import json
import socketserver
import ssl
import threading
import time
import urllib.parse

import upstream
from upstream import HOST, Stream, run, until

USER = "ann@else.test"
CLIENT, SECRET = "the client", "s&cret=+% of the client"


class Tokens:
    """What the token server knows: which tokens are good, and what it was asked."""

    def __init__(self):
        self.lock = threading.Lock()
        self.refresh, self.access, self.count, self.grants, self.refusals = "first/1.of-the-owner", None, 0, 0, 0
        self.all = [self.refresh]

    def grant(self, form):
        """The answer to a request, with its status."""
        wanted = {"grant_type": "refresh_token", "client_id": CLIENT, "client_secret": SECRET}
        with self.lock:
            if any(form.get(name) != value for name, value in wanted.items()):
                return 401, {"error": "invalid_client"}
            if form.get("refresh_token") != self.refresh:
                self.refusals += 1
                return 400, {"error": "invalid_grant", "error_description": "Token has been revoked."}
            self.count += 1
            self.grants += 1
            # As long as those of large providers.
            self.access, self.refresh = f"access.{self.count}." + "x" * 1500, f"refresh/{self.count}.of-the-server"
            self.all += [self.access, self.refresh]
            return 200, {"access_token": self.access, "token_type": "Bearer", "expires_in": 3600, "refresh_token": self.refresh}

    def is_good(self, token):
        with self.lock:
            return token is not None and token == self.access

    def revoke(self, **parts):
        with self.lock:
            for name, value in parts.items():
                setattr(self, name, value)


def http_server(tokens, files=None):
    """The token server, over TLS with these files; without them the one that Dovecot asks."""

    class Answers(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            form = dict(urllib.parse.parse_qsl(body))
            if files:
                status, answer = tokens.grant(form)
            else:
                status, answer = 200, {"active": tokens.is_good(form.get("token")), "username": USER}
            octets = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(octets)))
            self.end_headers()
            self.wfile.write(octets)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    if files:
        server.socket = context(files).wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def context(files):
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(*files)
    return tls


def smtp_server(tokens, files, taken):
    """Takes mail over TLS of those that show a good token by XOAUTH2."""

    class Session(socketserver.StreamRequestHandler):
        def say(self, line):
            self.wfile.write(line.encode() + b"\r\n")

        def hear(self):
            return self.rfile.readline().decode().rstrip("\r\n")

        def log_in(self, message):
            text = base64.b64decode(message or self.challenge()).decode()
            if tokens.is_good(text.split("auth=Bearer ", 1)[1].rstrip("\1")) and text.startswith(f"user={USER}\1"):
                return self.say("235 2.7.0 Ok")
            self.say("334 " + base64.b64encode(b'{"status":"400"}').decode())
            assert self.hear() == ""
            self.say("535 5.7.8 Wrong")

        def challenge(self):
            self.say("334 ")
            return self.hear()

        def handle(self):
            self.say("220 smtp")
            while line := self.hear():
                verb = line.split(" ")[0].upper()
                if verb == "EHLO":
                    self.say("250-smtp\r\n250 AUTH XOAUTH2")
                elif verb == "AUTH":
                    self.log_in(line.split(" ")[2] if line.count(" ") > 1 else None)
                elif verb == "DATA":
                    self.say("354 go")
                    lines = []
                    while (line := self.hear()) != ".":
                        lines.append(line)
                    taken.append("\n".join(lines))
                    self.say("250 2.0.0 Taken")
                else:
                    self.say("221 Bye" if verb == "QUIT" else "250 Ok")

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Session, bind_and_activate=True)
    server.daemon_threads = True
    server.socket = context(files).wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def take_tokens(folder, port):
    """Has Dovecot take tokens, and ask at this port whether they are good."""
    with open(f"{folder}/oauth2.conf", "w") as file:
        file.write(f"introspection_mode = post\nintrospection_url = http://127.0.0.1:{port}/\n")
        file.write("username_attribute = username\nactive_attribute = active\nactive_value = true\n")
    passdb = f"passdb {{{{\n  driver = oauth2\n  mechanisms = xoauth2 oauthbearer\n  args = {folder}/oauth2.conf\n}}}}\n"
    words = "auth_mechanisms = plain"
    upstream.CONFIG = upstream.CONFIG.replace(words, f"{words} xoauth2 oauthbearer\n{passdb}")


class Account:
    """The account, and what it is given."""

    def __init__(self, world, tokens, ports, taken):
        self.world, self.tokens, self.ports, self.taken = world, tokens, ports, taken
        token_port, smtp_port = ports
        body = {
            "host": HOST, "port": world.dovecot.port, "tls": "implicit", "user": USER, "oauth": self.oauth(),
            "smtp": {"host": HOST, "port": smtp_port, "tls": "implicit"},
        }
        self.inbox = world.ask(world.key, "POST", "/inboxes", {"upstream": body})["id"]

    def oauth(self):
        url = f"https://{HOST}:{self.ports[0]}/token"
        return {"token_url": url, "client_id": CLIENT, "client_secret": SECRET, "refresh_token": self.tokens.refresh}

    def is_connected(self):
        row = self.world.upstream(self.inbox)
        return row["state"] == "connected" and self.world.dovecot.connections(USER) == 1

    def send(self, subject):
        body = {"to": ["bob@far.test"], "subject": subject, "text": "t"}
        began = time.monotonic()
        self.world.ask(self.world.key, "POST", f"/inboxes/{self.inbox}/messages", body)
        until(f"{subject} has left", 20, lambda: any(f"Subject: {subject}" in mail for mail in self.taken))
        return time.monotonic() - began


def check(world, tokens, account):
    """One token for all; another one when it is taken away, and after a kill."""
    user, dovecot = USER, world.dovecot
    with Stream(world, account.inbox) as stream:
        until("connected", 20, account.is_connected)
        world.put(dovecot.append, user, "first 1")
        world.check(user, account.inbox, stream)
        took = account.send("one")
        assert tokens.grants == 1, f"{tokens.grants} tokens for one account"
        print(f"one token for IMAP and SMTP; a mail left after {took:.1f} s")
        tokens.revoke(access=None)
        time.sleep(6)  # The connection of the mail before waits five seconds for more.
        took = account.send("two")
        assert tokens.grants == 2, tokens.grants
        dovecot.kill()
        tokens.revoke(access=None)
        dovecot.start()
        until("connected again", 60, account.is_connected)
        assert (tokens.grants, tokens.refusals) == (3, 0), (tokens.grants, tokens.refusals)
        world.put(dovecot.append, user, "second 1")
        world.check(user, account.inbox, stream)
        print(f"a token was taken away: the next mail left after {took:.1f} s, and mail came again")
        world.restart(kill=True)
        until("connected after a kill", 30, account.is_connected)
        assert (tokens.grants, tokens.refusals) == (4, 0), (tokens.grants, tokens.refusals)
        world.put(dovecot.append, user, "third 1")
        world.check(user, account.inbox, stream)
        print("after a kill the changed refresh token was the one that counts")
        check_end(world, tokens, account)
        world.put(dovecot.append, user, "fourth 1")
        count = world.check(user, account.inbox, stream)
    print(f"{count} messages came, none lost, none twice")


def check_end(world, tokens, account):
    """The authorization ends, and is given again."""
    world.dovecot.kill()
    tokens.revoke(access=None, refresh="another")
    world.dovecot.start()
    until("it is told", 60, lambda: world.upstream(account.inbox)["state"] == "failing"
          and "invalid_grant" in (world.upstream(account.inbox)["error"] or ""))
    why = world.upstream(account.inbox)["error"]
    time.sleep(8)
    assert tokens.refusals == 1, f"asked {tokens.refusals} times"
    change = {"upstream": {"oauth": account.oauth()}}
    world.ask(world.key, "PATCH", f"/inboxes/{account.inbox}", change)
    until("connected with other secrets", 30, account.is_connected)
    took = account.send("three")
    print(f"the authorization ended: told ({why}), asked once; with another one a mail left after {took:.1f} s")


def main():
    tokens, taken = Tokens(), []

    def check_all(world):
        files = (f"{world.folder}/else/chain.pem", f"{world.folder}/else/key.pem")
        token_port = http_server(tokens, files).server_port
        smtp_port = smtp_server(tokens, files, taken).server_address[1]
        check(world, tokens, Account(world, tokens, (token_port, smtp_port), taken))

    prepare = lambda folder: take_tokens(folder, http_server(tokens).server_port)
    run(__doc__, check_all, prepare, lambda: [SECRET, *tokens.all])


if __name__ == "__main__":
    main()
