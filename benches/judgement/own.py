"""Makes sets of mail from texts of our own: python3 benches/judgement/own.py OUT

`bad.txt` and `wanted.txt` are learned from; what `unseen.txt` has is measured on and never learned
from. Each record becomes a text, and with a link also a page with a button, as mail of services
comes today. OUT gets a folder for each file, with the messages and `index.jsonl` in the form that
the bench reads.
"""
import base64, html, json, os, sys
from email.header import Header

HERE = os.path.dirname(os.path.abspath(__file__))
PAGE = """<!DOCTYPE html><html><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width"></head><body style="margin:0;background:#f4f4f4">
<table role="presentation" width="100%%"><tr><td align="center">
<table role="presentation" width="600" style="background:#ffffff"><tr><td style="padding:24px">
<img src="https://%s/logo.png" width="120" alt="%s"><h1>%s</h1><p>%s</p>
<p><a href="%s" style="background:#0b5fff;color:#ffffff;padding:12px">%s</a></p>
</td></tr></table></td></tr></table></body></html>
"""


def records(texts):
    with open(os.path.join(HERE, texts), encoding="utf-8") as text:
        parts = text.read().split("\n\n")
    for part in parts:
        lines = part.strip().split("\n")
        if lines[0].startswith("#"):
            continue
        name, display, address, subject = lines[0].split(" | ")
        link = lines[2] if len(lines) > 2 else None
        yield name, display, address, subject, lines[1], link


def part(kind, text):
    octets = base64.encodebytes(text.encode()).decode().replace("\n", "\r\n")
    head = "Content-Type: text/%s; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n" % kind
    return head + octets


def message(record, shape):
    name, display, address, subject, text, link = record
    host = address.split("@")[1]
    plain = text + ("\n\n" + link if link else "") + "\n"
    page = PAGE % (host, html.escape(display), html.escape(subject), html.escape(text), link, html.escape(display))
    head = "From: %s <%s>\r\nTo: agent@example.test\r\nSubject: %s\r\nMessage-ID: <%s.%s@%s>\r\n" % (
        Header(display, "utf-8").encode(), address, Header(subject, "utf-8").encode(linesep="\r\n"), name, shape, host)
    head += "Date: Thu, 01 Jan 2026 00:00:00 +0000\r\nMIME-Version: 1.0\r\n"
    if shape == "text":
        return head + part("plain", plain)
    if shape == "page":
        return head + part("html", page)
    both = ["--b1\r\n" + part("plain", plain), "--b1\r\n" + part("html", page), "--b1--\r\n"]
    return head + "Content-Type: multipart/alternative; boundary=b1\r\n\r\n" + "".join(both)


def make(out, texts):
    name = "own-" + texts
    out = os.path.join(out, name)
    os.makedirs(os.path.join(out, "mail"), exist_ok=True)
    with open(os.path.join(out, "index.jsonl"), "w", encoding="utf-8") as index:
        for record in records(texts + ".txt"):
            for shape in ("page", "both") if record[5] else ("text",):
                path = "mail/%s-%s.eml" % (record[0], shape)
                with open(os.path.join(out, path), "w", encoding="utf-8", newline="") as file:
                    file.write(message(record, shape))
                label = record[0].split("-")[0]
                line = dict(id=name + "/" + path[5:-4], path=path, set=name, split="train", label=label, thread=record[0])
                index.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    for texts in ("bad", "wanted", "unseen"):
        make(sys.argv[1], texts)
