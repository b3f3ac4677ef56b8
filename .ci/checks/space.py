"""Space that runs out: a full disk, a full inbox, a write-ahead log behind a slow reader."""

import os
import smtplib
import socket
import threading
import time

from checks.place import check, send, small_disk, wait_until


@check("R05")
def disk_is_full(place):
    """Mail is refused with a reason, reading and deleting go on, and it recovers."""
    with small_disk(place, 220) as mounted:
        return fill_and_free(place, mounted)


def fill_and_free(place, mounted):
    """Fills the disk to the last octet and frees it, three times."""
    server = place.start()
    assert os.path.exists(place.data + "/ballast"), "no reserve"
    client = server.imap(place.inbox, place.key)
    for n in range(40):
        send(server, place.inbox, f"before.{n}@full.test")
    expunged = 0
    for cycle in range(3):
        filler = leave(mounted, 40 << 20)
        time.sleep(0.6)  # The server asks for free space twice a second.
        refused_for_space(place, server, client)
        client.select("INBOX")
        # Not one octet is free: a deletion must go through all the same.
        server.rest(place.key, "GET", "/readyz")
        leave(mounted, 0)
        for _ in range(5):
            assert client.store("1", "+FLAGS", "(\\Deleted)")[0] == "OK", "flags on a full disk"
            assert client.expunge()[0] == "OK", "expunge on a full disk"
            expunged += 1
        # The reserve is used up as well: changes are refused, and the server goes on.
        leave(mounted, 0)
        client.store("1:*", "+FLAGS", "(\\Flagged)")
        assert server.process.poll() is None, place.log()
        client.fetch("1:*", "(FLAGS)")
        os.unlink(filler)
        time.sleep(0.6)
        send(server, place.inbox, f"after.{cycle}@full.test")
        client.close()
        client.logout()
        place.stop(server)
        server = place.start()
        assert os.path.exists(place.data + "/ballast"), "the reserve is not made again"
        client = server.imap(place.inbox, place.key)
    stored = place.has_all(server, [f"after.{n}@full.test" for n in range(3)])
    assert len(stored) == 43 - expunged, f"{len(stored)} messages"
    place.stop(server)
    place.verify()
    return f"{expunged} expunged on a full disk"


def leave(mounted, octets):
    """Fills the disk until no more than this is free; gives the file that fills it."""
    filler = mounted + "/filler"
    with open(filler, "ab") as file:
        while (free := space(mounted)) > octets:
            try:
                file.write(bytes(min(1 << 20, free - octets)))
                file.flush()
            except OSError:
                break
    return filler


def space(path):
    """Free octets of a disk."""
    found = os.statvfs(path)
    return found.f_bavail * found.f_frsize


def refused_for_space(place, server, client):
    """Mail must be refused in every protocol."""
    # The server asks for the free space twenty times a second.
    time.sleep(0.1)
    try:
        send(server, place.inbox, "no@full.test")
        raise AssertionError("mail was taken")
    except smtplib.SMTPResponseException as error:
        assert error.smtp_code == 452, error
    status, answer = server.rest(
        place.key, "POST", f"/api/v1/inboxes/{place.inbox}/messages", {"to": [place.inbox], "subject": "x", "text": "x"}
    )
    assert status == 507, f"{status} {answer}"
    status, answer = client.append("INBOX", None, None, b"Subject: x\r\n\r\nx\r\n")
    assert status == "NO" and b"LIMIT" in answer[0], f"{status} {answer}"


@check("R05")
def disk_full_of_mail(place):
    """A disk full of mail takes mail again when mail was deleted, though the file stays as long."""
    with small_disk(place, 160):
        server = place.start()
        client = server.imap(place.inbox, place.key)
        taken = [fill_with_mail(place, server)]
        for _ in range(2):
            client.select("INBOX")
            assert client.store("1:*", "+FLAGS.SILENT", "(\\Deleted)")[0] == "OK"
            assert client.expunge()[0] == "OK"
            wait_until(lambda: ready(server), "there is no room again")
            taken.append(fill_with_mail(place, server))
        assert min(taken) > 0.7 * max(taken), f"messages taken each time: {taken}"
        place.stop(server)
        place.verify()
        return f"messages taken each time: {taken}"


@check("R05")
def group_on_a_full_disk(place):
    """Events of a consumer group on a full disk: what is done holds, and the others come again."""
    with small_disk(place, 160) as mounted:
        server = place.start()
        path = "/api/v1/events/log?group=workers&type=message.received&since=0&limit=10&lease_s="

        def claim(lease_s):
            status, page = server.rest(place.key, "GET", path + str(lease_s))
            return status, [event["seq"] for event in page.get("data", [])]

        def acknowledge(seq):
            return server.rest(place.key, "POST", "/api/v1/events/ack", {"group": "workers", "id": seq})[0]

        for n in range(30):
            send(server, place.inbox, f"event.{n}@full.test")
        status, held = claim(3600)
        assert (status, len(held)) == (200, 10), f"{status} {held}"
        filler = leave(mounted, 0)
        # Not one octet is free, and the reserve is for this.
        said = [acknowledge(seq) for seq in held[:5]]
        assert said == [204] * 5, said
        # Without it nothing can be stored: it is refused, and the server goes on.
        leave(mounted, 0)
        said = [acknowledge(seq) for seq in held[5:]]
        done = set(held[:5]) | {seq for seq, status in zip(held[5:], said) if status == 204}
        assert set(said) <= {204, 507} and 507 in said and claim(1) == (507, []), said
        os.unlink(filler)
        wait_until(lambda: ready(server), "there is no room again")
        # Those that were refused are held still.
        assert [acknowledge(seq) for seq in held] == [204] * 10
        for _ in range(2):
            status, more = claim(3600)
            assert (status, len(more)) == (200, 10) and not done & set(more), more
            assert [acknowledge(seq) for seq in more] == [204] * 10
        group = server.rest(place.key, "GET", "/api/v1/events/groups/workers")[1]
        assert group["pending"] == 0 and group["poisoned"] == [], group
        place.stop(server)
        place.verify()
        return f"{len(done)} of {len(held)} were done on a full disk"


def ready(server):
    """The answer of `/readyz`."""
    with socket.create_connection(("127.0.0.1", server.port("http")), 5) as stream:
        stream.sendall(b"GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        return b" 200 " in stream.recv(100)


def fill_with_mail(place, server):
    """How many messages of 256 KiB are taken before the server says that the disk is full."""
    octets = "Subject: big\r\n\r\n" + ("x" * 62 + "\r\n") * 4096
    client = smtplib.SMTP("127.0.0.1", server.port("mx"), timeout=20)
    try:
        for n in range(1000):
            client.sendmail("ann@else.test", [place.inbox], octets)
    except smtplib.SMTPResponseException as error:
        assert error.smtp_code == 452, error
        return n
    finally:
        client.close()
    raise AssertionError("the disk is never full")


@check("R06")
def quota_at_the_edge(place):
    """Many at once at the quota of an inbox: never over it, and every accepted message is there."""
    flags = place.config(
        "[limits]\ninbox_bytes = 200000\nmx_connections_per_ip = 500\nconnects_per_minute = 5000\n"
        "inbox_receives_per_minute = 5000\nmx_messages_per_minute = 5000\n"
    )
    server = place.start(flags=flags)
    filler = ("0123456789" * 7 + "\r\n") * 130
    taken, wrong = [], []

    def one(n):
        client = smtplib.SMTP("127.0.0.1", server.port("mx"), timeout=20)
        try:
            body = f"Message-ID: <q.{n}@edge.test>\r\nSubject: q\r\n\r\n" + filler
            client.sendmail("ann@else.test", [place.inbox], body)
            taken.append(f"q.{n}@edge.test")
        except smtplib.SMTPRecipientsRefused as error:
            wrong.extend(code for code, _ in error.recipients.values() if code not in (452, 552))
        except smtplib.SMTPResponseException as error:
            wrong.extend([error.smtp_code] if error.smtp_code not in (452, 552) else [])
        finally:
            client.close()

    threads = [threading.Thread(target=one, args=(n,)) for n in range(60)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong, f"refused with {wrong}"
    place.has_all(server, taken)
    path = f"/api/v1/inboxes/{place.inbox}/messages?limit=200"
    stored = sum(row["size"] for row in server.rest(place.key, "GET", path)[1]["data"])
    assert 150_000 < stored <= 200_000, f"{stored} octets of 200000"
    return f"{len(taken)} of 60 taken, {stored} of 200000 octets"


@check("R07")
def log_behind_a_slow_reader(place):
    """A client that does not read what it fetched does not hold up the write-ahead log."""
    server = place.start()
    text = "Subject: big\r\n\r\n" + ("x" * 70 + "\r\n") * 7000
    client = smtplib.SMTP("127.0.0.1", server.port("mx"), timeout=20)
    for _ in range(20):
        client.sendmail("ann@else.test", [place.inbox], text)
    slow = server.imap(place.inbox, place.key)
    slow.select("INBOX")
    slow.send(b"x UID FETCH 1:* (BODY.PEEK[])\r\n")
    for _ in range(80):
        client.sendmail("ann@else.test", [place.inbox], text)
    log = os.path.getsize(place.data + "/postern.db-wal")
    assert log < 64 << 20, f"{log >> 20} MiB of log"
    slow.shutdown()
    client.quit()
    return f"{log >> 20} MiB of log after 50 MB of mail"
