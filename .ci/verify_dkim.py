"""Checks the DKIM signatures of a message with dkimpy, by a name server that the caller names.

    verify_dkim.py MESSAGE ADDRESS:PORT

It prints a JSON list: the selector, the algorithm, the domain and the result of each signature.
"""

import json
import sys

import dkim
import dns.resolver

path, server = sys.argv[1:]
address, port = server.rsplit(":", 1)
resolver = dns.resolver.Resolver(configure=False)
resolver.nameservers, resolver.port = [address], int(port)


def record(name, timeout=5):
    """The text of a record, as dkimpy asks for it."""
    try:
        answer = resolver.resolve(name.decode().rstrip("."), "TXT", lifetime=timeout)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return None
    return b"".join(next(iter(answer)).strings)


message = open(path, "rb").read()
found = []
for index in range(sum(name.lower() == b"dkim-signature" for name, _ in dkim.rfc822_parse(message)[0])):
    checked = dkim.DKIM(message)
    try:
        result = bool(checked.verify(idx=index, dnsfunc=record))
    except dkim.DKIMException as error:
        result = repr(error)
    fields = checked.signature_fields
    found.append([fields[tag].decode() for tag in (b"s", b"a", b"d")] + [result])
print(json.dumps(found))
