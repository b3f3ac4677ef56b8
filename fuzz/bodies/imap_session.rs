//! Whole IMAP conversations with arbitrary octets, over the real product in memory, and a view
//! under arbitrary operations.
//!
//! The checks: no panic; the session comes to rest; cut invariance (the same octets whole, singly
//! and in thirds get the same answers); and a client that believes every answer never gets a
//! message number that it cannot know. The answer to STARTTLS depends on the octets of its segment
//! (DECISIONS.md, "SMTP framing"), so the input is sent up to the end of such a line, and the rest
//! after it.

use std::collections::BTreeSet;
use std::net::IpAddr;

use postern::testing::call::{Limits, Listener, Scopes, UidSet};
use postern::testing::imap::testing::{Happening, View};

use super::rig::Rig;
use super::session::fill;

/// Three sessions: one before TLS, one before login, and one that has a mailbox with mail open
/// while another session idles on the same mailbox. `KEY` in the octets stands for a good key.
pub fn imap_session(data: &[u8]) {
    let data = &data[..data.len().min(MAX)];
    alike(data, Listener::Imap, false);
    alike(data, Listener::Imaps, false);
    alike(data, Listener::Imaps, true);
}

fn alike(data: &[u8], listener: Listener, login: bool) {
    let whole = said(data, listener, login, usize::MAX);
    let thirds = said(data, listener, login, data.len().div_ceil(3).max(1));
    // One octet at a time costs a turn for each octet; long inputs are cut at a prime number
    // instead.
    let singly = said(
        data,
        listener,
        login,
        if data.len() <= 1024 { 1 } else { 13 },
    );
    assert_eq!(show(&whole), show(&thirds), "cut in thirds");
    assert_eq!(show(&whole), show(&singly), "cut singly");
    for heard in &whole {
        believe(heard);
    }
}

/// The output of the session, and the output of the session beside it.
fn said(data: &[u8], listener: Listener, login: bool, piece: usize) -> [Vec<u8>; 2] {
    let limits = Limits {
        message_bytes: 4096,
        page_bytes: 512,
        imap_errors: 50,
        ..Limits::default()
    };
    let mut rig = Rig::new(7, limits);
    let org = rig.make_org("fuzz");
    rig.make_inbox(org, "bot@x.test", None);
    let key = rig.make_key(org, Scopes::ADMIN, None, None);
    let open = |rig: &mut Rig, listener| rig.open(listener, IpAddr::from([10, 0, 0, 1]));
    let id = open(&mut rig, listener);
    let beside = open(&mut rig, Listener::Imaps);
    let hello = format!("a LOGIN bot@x.test {key}\r\n{}", begin());
    if login {
        rig.send(id, hello.as_bytes(), usize::MAX);
        // EXAMINE, because time decides which of two sessions is told of a message first, as
        // `\Recent`.
        let hello = format!("a LOGIN bot@x.test {key}\r\nb EXAMINE INBOX\r\nc IDLE\r\n");
        rig.send(beside, hello.as_bytes(), usize::MAX);
    }
    let data = fill(data, &key);
    for segment in segments(&data) {
        rig.send(id, segment, piece);
        // Delayed answers (a wrong key, too many commands) come in this time.
        rig.wait(20_000);
    }
    rig.wait(20_000);
    rig.hang_up(id);
    rig.send(
        beside,
        b"DONE\r\nd NOOP\r\ne UID FETCH 1:* FLAGS\r\n",
        piece,
    );
    [rig.take(id), rig.take(beside)]
}

/// Cuts after every line that may be STARTTLS.
fn segments(data: &[u8]) -> Vec<&[u8]> {
    let mut found = Vec::new();
    let (mut from, mut at) = (0, 0);
    for line in data.split_inclusive(|b| *b == b'\n') {
        at += line.len();
        let text = line.trim_ascii_end();
        if text.len() >= 8 && text[text.len() - 8..].eq_ignore_ascii_case(b"STARTTLS") {
            found.push(&data[from..at]);
            from = at;
        }
    }
    found.push(&data[from..]);
    found
}

/// A client that counts: it knows lines, literals, EXISTS, RECENT, EXPUNGE and FETCH.
fn believe(heard: &[u8]) {
    let (mut rest, mut exists) = (heard, 0u64);
    while !rest.is_empty() {
        let (line, left) = response(rest);
        rest = left;
        let text = String::from_utf8_lossy(line);
        let words: Vec<&str> = text.trim_end().splitn(4, ' ').collect();
        match (words.as_slice(), words.get(1).and_then(|w| w.parse().ok())) {
            (["*", _, "EXISTS", ..], Some(n)) => {
                assert!(n >= exists, "{text}");
                exists = n;
            }
            (["*", _, "RECENT", ..], Some(n)) => assert!(n <= exists, "{text}"),
            (["*", _, "EXPUNGE", ..], Some(n)) => {
                assert!(n >= 1 && n <= exists, "{text}");
                exists -= 1;
            }
            (["*", _, "FETCH", ..], Some(n)) => assert!(n >= 1 && n <= exists, "{text}"),
            // A mailbox is being opened: the count starts again.
            (["*", "OK", "[PERMANENTFLAGS", ..], _) => exists = 0,
            _ => {}
        }
    }
}

/// The first response with its literals, and the octets after it.
fn response(heard: &[u8]) -> (&[u8], &[u8]) {
    let mut at = 0;
    loop {
        let Some(end) = memchr::memchr(b'\n', &heard[at..]).map(|n| at + n + 1) else {
            // The end of the session cut a literal off.
            return (heard, &[]);
        };
        let line = &heard[at..end];
        assert!(line.ends_with(b"\r\n"), "{}", line.escape_ascii());
        let line = &line[..line.len() - 2];
        assert!(
            line.iter().all(|b| matches!(b, b' '..=b'~')),
            "{}",
            line.escape_ascii()
        );
        let literal = line
            .strip_suffix(b"}")
            .and_then(|l| l.iter().rposition(|b| *b == b'{').map(|n| &l[n + 1..]))
            .and_then(|n| std::str::from_utf8(n).ok()?.parse::<usize>().ok())
            .filter(|_| line.starts_with(b"* ") || at > 0);
        match literal {
            Some(n) if end + n <= heard.len() => at = end + n,
            Some(_) => return (heard, &[]),
            None => return heard.split_at(end),
        }
    }
}

/// All output of the session, and the final state that the session beside it knows. How many
/// changes one response tells depends on when they come, and so does `\Recent` there.
fn show([said, beside]: &[Vec<u8>; 2]) -> String {
    let end = memchr::memmem::rfind(beside, b"d OK Noop done").unwrap_or(0);
    let mut beside = beside[end..].escape_ascii().to_string();
    for flag in [r"\\Recent ", r" \\Recent", r"\\Recent"] {
        beside = beside.replace(flag, "");
    }
    format!("{}\n---\n{beside}", said.escape_ascii())
}

/// A mailbox, a view of it, and a client that sees only the output of the view. Each octet is one
/// operation; at the end all three must agree.
pub fn imap_view(data: &[u8]) {
    let data = &data[..data.len().min(MAX)];
    let (first, data) = data.split_first().unwrap_or((&0, &[]));
    let mut store: BTreeSet<u32> = (1..=u32::from(*first % 32)).collect();
    let mut uidnext = u32::from(*first % 32) + 1;
    let mut seq = 9u64;
    let mut client: Vec<u32> = store.iter().copied().collect();
    let mut view = View::new(store.iter().copied().collect(), uidnext, 3, seq);
    for octet in data {
        let n = u32::from(octet >> 3);
        match octet & 7 {
            0 | 1 => {
                seq += 1;
                let new: UidSet = (uidnext..=uidnext + n).collect();
                uidnext += n + 1;
                store.extend(new.iter());
                view.happened(seq, Happening::Arrived, &new);
            }
            2 => {
                seq += 1;
                let dead: UidSet = store.iter().copied().filter(|u| u % 7 == n % 7).collect();
                store.retain(|uid| !dead.contains(*uid));
                view.happened(seq, Happening::Gone, &dead);
            }
            3 => {
                seq += 1;
                view.happened(seq, Happening::Changed, &UidSet::one(n));
                // An event that is told twice, or late, changes nothing.
                view.happened(seq, Happening::Gone, &UidSet::new());
                view.happened(3, Happening::Gone, &UidSet::from(1..=u32::MAX));
            }
            4 => hear_arrived(&mut view, &mut client),
            5 => hear_gone(&mut view, &mut client, n as usize),
            6 if n == 1 => {
                seq += 1;
                view.fall_behind(seq);
            }
            _ => compare(&mut view, &store, seq),
        }
        let changed = view.take_changed();
        assert!(changed.difference(view.known()).is_empty());
        assert!(view.known().iter().eq(client.iter().copied()));
        assert_eq!(view.exists() as usize, client.len());
        let numbers = view.numbers(&UidSet::from(1..=u32::MAX));
        assert_eq!(numbers.len(), client.len());
        assert_eq!(&view.uids(&numbers), view.known());
        assert!(view.told_modseq(seq) <= seq);
    }
    compare(&mut view, &store, seq);
    hear_arrived(&mut view, &mut client);
    hear_gone(&mut view, &mut client, usize::MAX);
    assert!(client.iter().eq(store.iter()));
    assert_eq!(view.told_modseq(seq), seq);
}

fn hear_arrived(view: &mut View, client: &mut Vec<u32>) {
    if view.take_arrived(|last| last / 2) {
        let last = client.last().copied().unwrap_or(0);
        let new = UidSet::from(last + 1..=u32::MAX).intersection(view.known());
        client.extend(new.iter());
    }
    assert!(view.recent().difference(view.known()).is_empty());
}

fn hear_gone(view: &mut View, client: &mut Vec<u32>, max: usize) {
    for number in view.take_gone(max) {
        client.remove(number as usize - 1);
    }
}

fn compare(view: &mut View, store: &BTreeSet<u32>, seq: u64) {
    if view.lag().is_some() {
        let uids: UidSet = store.iter().copied().collect();
        view.compared(&uids, &uids, seq);
        view.take_changed();
    }
}

/// Three messages, one with a keyword and one larger than a page, and an open mailbox.
fn begin() -> String {
    let big = format!("Subject: three\r\n\r\n{}\r\n", "0123456789".repeat(90));
    let size = big.len();
    [
        "a APPEND INBOX {16+}\r\nSubject: one\r\n\r\n\r\n",
        "a APPEND INBOX (\\Flagged label) {16+}\r\nSubject: two\r\n\r\n\r\n",
        &format!("a APPEND INBOX {{{size}+}}\r\n{big}\r\n"),
        "b SELECT INBOX\r\n",
    ]
    .concat()
}

/// Longer inputs find nothing that these do not find.
const MAX: usize = 16 * 1024;
