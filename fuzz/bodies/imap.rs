//! IMAP below the session: framing, grammar, and the answer to FETCH for a hostile message.

use postern::testing::call::{
    EntryId, EntryRow, EntryState, Flags, Limits, Refusal, ThreadId, UidSet,
};
use postern::testing::imap::testing::{
    Command, Condition, DeleteCommand, ExpungeCommand, FetchCommand, Frame, FrameBounds, FrameStep,
    Progress, RenderBounds, Rendering, ResponseLine, RunCommand, SearchCommand, SearchProgram,
    StoreCommand, Told, respond, tag,
};
use postern::testing::mail::Bounds as MailBounds;
use postern::testing::mail::digest::analyse;

/// The steps are the same for every cut of the octets, and every command is within bounds.
pub fn imap_frame(data: &[u8]) {
    let data = &data[..data.len().min(70_000)];
    let limits = Limits::default();
    for bounds in [
        FrameBounds::before_login(&limits),
        FrameBounds::after_login(&limits),
    ] {
        let whole = steps(data, data.len().max(1), &bounds);
        assert_eq!(whole, steps(data, 1, &bounds), "cut singly");
        let third = data.len().div_ceil(3).max(1);
        assert_eq!(whole, steps(data, third, &bounds), "cut in thirds");
    }
}

fn steps(data: &[u8], piece: usize, bounds: &FrameBounds) -> Vec<String> {
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
                FrameStep::More => break,
                FrameStep::Continue => {
                    said.push("+".to_owned());
                    continue;
                }
                FrameStep::Skip { used } => used,
                FrameStep::Command { len } => {
                    assert!(len <= bounds.line_bytes + bounds.literals_bytes);
                    said.push(unread[..len].escape_ascii().to_string());
                    len
                }
                FrameStep::Message { len, size, sync } => {
                    said.push(format!("message {size} {sync}"));
                    message = size;
                    len
                }
                FrameStep::Refused { used, error, fatal } => {
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
    let Ok(command) = Command::parse(&line) else {
        return;
    };
    assert!(!command.tag.is_empty() && command.tag.len() <= 64 && command.tag.is_ascii());
    if let Some(DeleteCommand(name)) = args(&line) {
        let again = written("t DELETE ", |line| {
            line.mailbox(name.as_str());
        });
        assert_eq!(read::<DeleteCommand>(&again).0, name);
    }
    if let Some(ExpungeCommand(Some(set))) = args(&line) {
        let uids = set.resolve(u32::MAX);
        assert!(!uids.is_empty() && uids.ranges().len() <= 1000);
        let again = written("t UID EXPUNGE ", |line| {
            line.set(&uids);
        });
        let set = read::<ExpungeCommand>(&again).0.expect("a set");
        assert_eq!(set.resolve(u32::MAX), uids);
    }
    if let Some(StoreCommand { flags, .. }) = args(&line) {
        let again = written("t STORE 1 FLAGS ", |line| {
            line.flags(flags.flags, false, &flags.keywords);
        });
        assert_eq!(read::<StoreCommand>(&again).flags, flags);
    }
    if let Some(SearchCommand { program, .. }) = args(&line) {
        resolve(program);
    }
}

fn args<T: RunCommand>(line: &[u8]) -> Option<T> {
    Command::parse(line).ok()?.into_args()
}

fn read<T: RunCommand>(line: &[u8]) -> T {
    args(line).unwrap_or_else(|| panic!("{}", line.escape_ascii()))
}

fn written(begin: &'static str, write: impl FnOnce(&mut ResponseLine<'_>)) -> Vec<u8> {
    let mut out = Vec::new();
    let mut line = ResponseLine::resume(&mut out);
    line.put(begin);
    write(&mut line);
    line.end();
    out
}

/// A program resolves, and resolves to the same result twice.
fn resolve(program: SearchProgram) {
    let again = program.clone();
    let key = program.into_key(|_| UidSet::one(1));
    assert_eq!(key, again.into_key(|_| UidSet::one(1)));
}

/// Every way to write a text gives one well-formed line for all octets of the text.
pub fn imap_respond(data: &[u8]) {
    let data = &data[..data.len().min(70_000)];
    let text = String::from_utf8_lossy(data);
    let keywords = [text.to_string(), "label".to_owned()];
    let mut out = Vec::new();
    let mut line = ResponseLine::untagged(&mut out);
    line.put("OK (").string(data).put(" ").nstring(Some(data));
    line.put(" ").astring(data).put(" ").mailbox(&text);
    line.put(" ").field_name(&text);
    line.flags(Flags::SEEN, true, &keywords);
    line.all_flags(&keywords, "\\*").put(")");
    line.end();
    well_formed(&out);
    for condition in [Condition::Ok, Condition::No, Condition::Bad] {
        is_one_line(|out| respond::tagged(out, &text, condition, &text));
    }
    is_one_line(|out| respond::untagged(out, &text));
    is_one_line(|out| respond::continuation(out, &text));
    let refusal = Refusal::Invalid {
        field: "x",
        why: text.to_string(),
    };
    is_one_line(|out| {
        respond::tagged(out, "t", Condition::No, &respond::refusal_text(&refusal));
    });
}

/// Printable ASCII and one CRLF at the end.
fn is_one_line(write: impl FnOnce(&mut Vec<u8>)) {
    let mut out = Vec::new();
    write(&mut out);
    let line = out.strip_suffix(b"\r\n").unwrap();
    assert!(line.iter().all(|b| matches!(b, b' '..=b'~')));
}

/// The answer to FETCH is well formed for every message, and is the same with the octets at
/// hand and streamed.
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
    let fetch: FetchCommand = read(ITEMS);
    let told = Told {
        flags: true,
        ..Told::default()
    };
    let bounds = RenderBounds {
        page_bytes: 999,
        output_bytes: usize::MAX,
        work: usize::MAX,
    };
    let (mut whole, mut streamed) = (Vec::new(), Vec::new());
    let asked = (1, &at_hand, told);
    let done = Rendering::default().go(&fetch.items, asked, &mut bounds.clone(), &mut whole);
    assert_eq!(done, Progress::Done);
    // Stopped after every thousand octets of output and at each piece of work, in pages.
    let mut rendering = Rendering::default();
    loop {
        let mut bounds = RenderBounds {
            output_bytes: streamed.len() + 1000,
            work: 1000,
            ..bounds
        };
        match rendering.go(&fetch.items, (1, &row, told), &mut bounds, &mut streamed) {
            Progress::Done => break,
            Progress::Full => {}
            Progress::Read { offset, len } => {
                let page = &octets[offset as usize..(offset + len) as usize];
                rendering.feed(page, &mut streamed).unwrap();
            }
        }
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
