//! IMAP below the session: framing, grammar, and the answer to FETCH for a hostile message.

use postern::call::{EntryId, EntryRow, EntryState, Flags, Limits, ThreadId, UidSet};
use postern::imap::fetch::{Progress, Rendering, Told};
use postern::imap::frame::{Bounds, Frame, Step, tag};
use postern::imap::types::{Command, SearchProgram};
use postern::imap::{parse, respond};
use postern::mail::Bounds as MailBounds;
use postern::mail::digest::analyse;

/// The steps are the same for every cut of the octets, and every command is within bounds.
pub fn imap_frame(data: &[u8]) {
    let data = &data[..data.len().min(70_000)];
    let limits = Limits::default();
    for bounds in [Bounds::before_login(&limits), Bounds::after_login(&limits)] {
        let whole = steps(data, data.len().max(1), &bounds);
        assert_eq!(whole, steps(data, 1, &bounds), "cut singly");
        let third = data.len().div_ceil(3).max(1);
        assert_eq!(whole, steps(data, third, &bounds), "cut in thirds");
    }
}

fn steps(data: &[u8], piece: usize, bounds: &Bounds) -> Vec<String> {
    let (mut frame, mut said) = (Frame::default(), Vec::new());
    let (mut start, mut seen, mut message) = (0, 0, 0u64);
    while seen < data.len() {
        seen = (seen + piece).min(data.len());
        loop {
            let skipped = message.min((seen - start) as u64);
            message -= skipped;
            start += skipped as usize;
            if message > 0 {
                break;
            }
            let unread = &data[start..seen];
            let used = match frame.step(unread, bounds) {
                Step::More => break,
                Step::Continue => {
                    said.push("+".to_owned());
                    continue;
                }
                Step::Skip { used } => used,
                Step::Command { len } => {
                    assert!(len <= bounds.line_bytes + bounds.literals_bytes);
                    said.push(unread[..len].escape_ascii().to_string());
                    len
                }
                Step::Message { len, size, sync } => {
                    said.push(format!("message {size} {sync}"));
                    message = size;
                    len
                }
                Step::Refused { used, error, fatal } => {
                    said.push(format!("{:?} {error:?} {fatal}", tag(unread)));
                    if fatal {
                        return said;
                    }
                    used
                }
            };
            assert!(used > 0 && used <= unread.len());
            start += used;
        }
    }
    said
}

/// A parsed name, set, flag list or search has the same meaning when it is written and read again.
pub fn imap_parse(data: &[u8]) {
    let mut line = data[..data.len().min(70_000)].to_vec();
    line.extend_from_slice(b"\r\n");
    let Ok(tagged) = parse::command(&line) else {
        return;
    };
    assert!(!tagged.tag.is_empty() && tagged.tag.len() <= 64 && tagged.tag.is_ascii());
    match tagged.command {
        Command::Delete(name) => {
            let mut again = b"t DELETE ".to_vec();
            respond::mailbox(&mut again, name.as_str());
            assert_eq!(read(again), format!("{:?}", Command::Delete(name)));
        }
        Command::Expunge(Some(set)) => {
            let uids = set.resolve(u32::MAX);
            assert!(!uids.is_empty() && uids.ranges().len() <= 1000);
            let mut again = b"t UID EXPUNGE ".to_vec();
            respond::set(&mut again, &uids);
            again.extend_from_slice(b"\r\n");
            let Ok(Command::Expunge(Some(set))) = parse::command(&again).map(|t| t.command) else {
                panic!("{}", again.escape_ascii());
            };
            assert_eq!(set.resolve(u32::MAX), uids);
        }
        Command::Store(store) => {
            let mut again = b"t STORE 1 FLAGS ".to_vec();
            respond::flags(&mut again, store.flags.flags, false, &store.flags.keywords);
            again.extend_from_slice(b"\r\n");
            let Ok(Command::Store(read)) = parse::command(&again).map(|t| t.command) else {
                panic!("{}", again.escape_ascii());
            };
            assert_eq!(read.flags, store.flags);
        }
        Command::Search(search) => resolve(search.program),
        _ => {}
    }
}

fn read(mut line: Vec<u8>) -> String {
    line.extend_from_slice(b"\r\n");
    match parse::command(&line) {
        Ok(tagged) => format!("{:?}", tagged.command),
        Err(fault) => format!("{fault:?}"),
    }
}

/// A program resolves, and resolves to the same result twice.
fn resolve(program: SearchProgram) {
    let again = program.clone();
    let key = program.into_key(|_| UidSet::one(1));
    assert_eq!(key, again.into_key(|_| UidSet::one(1)));
}

/// The answer to FETCH is well formed for every message, and is the same from octets in memory and
/// streamed.
pub fn imap_fetch(data: &[u8]) {
    let data = &data[..data.len().min(70_000)];
    let Ok(analysis) = analyse(data, &MailBounds::default()) else {
        return;
    };
    let octets = [PREFIX, data].concat();
    let row = EntryRow {
        state: EntryState {
            uid: 7,
            id: EntryId(1),
            modseq: 12,
            flags: Flags::SEEN,
            keywords: vec!["label".to_owned()],
        },
        thread: ThreadId(1),
        received_at: 0,
        size: u32::try_from(octets.len()).unwrap(),
        prefix_len: u32::try_from(PREFIX.len()).unwrap(),
        header_len: analysis.header_len,
        digest: Some(analysis.digest),
        octets: None,
        rest: None,
    };
    let at_hand = EntryRow {
        octets: Some(octets.clone()),
        ..row.clone()
    };
    let Ok(Command::Fetch(fetch)) = parse::command(ITEMS).map(|tagged| tagged.command) else {
        panic!("the items are good");
    };
    let told = Told {
        flags: true,
        ..Told::default()
    };
    let (mut whole, mut streamed) = (Vec::new(), Vec::new());
    let done = Rendering::default().go(&fetch.items, (1, &at_hand, told), 999, &mut whole);
    assert_eq!(done, Progress::Done);
    let mut rendering = Rendering::default();
    while let Progress::Read { offset, len } =
        rendering.go(&fetch.items, (1, &row, told), 999, &mut streamed)
    {
        let page = &octets[offset as usize..(offset + len) as usize];
        rendering.feed(page, &mut streamed).unwrap();
    }
    assert_eq!(whole, streamed);
    well_formed(&whole);
}

/// A reader that knows only strings, literals and parentheses finds one line.
fn well_formed(answer: &[u8]) {
    let line = answer.strip_suffix(b"\r\n").unwrap();
    let (mut at, mut depth) = (0usize, 0i32);
    while at < line.len() {
        match line[at] {
            b'(' => depth += 1,
            b')' => depth -= 1,
            b'"' => {
                at += 1;
                while line[at] != b'"' {
                    assert!(matches!(line[at], b' '..=b'~'));
                    at += if line[at] == b'\\' { 2 } else { 1 };
                }
            }
            b'{' => {
                let end = at + line[at..].iter().position(|&b| b == b'}').unwrap();
                let size = std::str::from_utf8(&line[at + 1..end]).unwrap();
                assert_eq!(&line[end + 1..end + 3], b"\r\n");
                at = end + 2 + size.parse::<usize>().unwrap();
            }
            b => assert!(matches!(b, b' '..=b'~'), "{b}"),
        }
        assert!(depth >= 0);
        at += 1;
    }
    assert_eq!(depth, 0);
}

const PREFIX: &[u8] = b"Return-Path: <a@x.test>\r\n";
const ITEMS: &[u8] =
    b"t UID FETCH 1 (ENVELOPE BODY BODYSTRUCTURE BODY.PEEK[] BODY[TEXT]<3.9> BODY[1] \
BODY[1.MIME] BODY[1.HEADER] BODY[2.TEXT] BODY[2.1.1] BODY[HEADER.FIELDS (From \"x(\" To)] \
BODY[1.HEADER.FIELDS.NOT (Subject)] RFC822.SIZE)\r\n";
