//! Another server that says arbitrary octets to our IMAP client. The checks: no panic; cut
//! invariance; every order has at most one outcome; what is sent has only CRLF; what is kept has a
//! bound; and no secret leaves before TLS is up.

use postern::testing::call::{
    FlagDifference, Flags, SCAN_MAX, Secret, UidSet, UpstreamLogin, UpstreamOrder, UpstreamOutcome,
    UpstreamTls,
};
use postern::testing::imap::upstream::{
    DialogueStep, INLINE_MAX, ResponseReader, TEXT_MAX, UpstreamDialogue, UpstreamSaid, read,
};

/// The first octet says what the account is like, the rest is what the server says.
pub fn imap_client(data: &[u8]) {
    let Some((&kind, said)) = data.split_first() else {
        return;
    };
    let said = &said[..said.len().min(MAX)];
    let whole = conversation(kind, said, usize::MAX);
    // Octets behind the answer to STARTTLS count by when they come.
    if kind & 1 == 0 {
        let singly = if said.len() <= 4096 { 1 } else { 13 };
        for piece in [said.len().div_ceil(3).max(1), singly] {
            assert_eq!(conversation(kind, said, piece), whole, "cut by {piece}");
        }
    }
}

/// What the dialogue sent, and what came of it.
fn conversation(kind: u8, said: &[u8], piece: usize) -> (String, Vec<DialogueStep>) {
    let has_token = kind & 2 != 0;
    let (user, secret) = ("us\"er".to_owned(), Secret::new(PASSWORD));
    let login = match has_token {
        true => UpstreamLogin::Token {
            user,
            token: secret,
        },
        false => UpstreamLogin::Password {
            user,
            password: secret,
        },
    };
    let tls = match kind & 1 == 0 {
        true => UpstreamTls::Implicit,
        false => UpstreamTls::StartTls,
    };
    let mut dialogue = UpstreamDialogue::new(tls, login, MESSAGE_MAX);
    let mut orders = orders().into_iter().cycle();
    let mut begun = 0;
    let (mut out, mut steps) = (Vec::new(), Vec::new());
    let mut clear_len = 0;
    dialogue.connected(&mut out);
    'all: for part in said.chunks(piece) {
        let mut unread = part;
        while !unread.is_empty() {
            let (used, step) = dialogue.take(unread, &mut out);
            unread = &unread[used..];
            assert!(used > 0, "it takes nothing");
            let next = match &step {
                DialogueStep::None => continue,
                DialogueStep::StartTls => {
                    clear_len = out.len();
                    assert!(unread.is_empty());
                    steps.push(step);
                    dialogue.connected(&mut out);
                    continue;
                }
                DialogueStep::Lost(_) | DialogueStep::Left => {
                    steps.push(step);
                    break 'all;
                }
                DialogueStep::Ready => Some(orders.next().unwrap()),
                DialogueStep::Done(outcome) => {
                    check(outcome);
                    Some(orders.next().unwrap())
                }
            };
            steps.push(step);
            let mut next = next;
            while let Some(order) = next.take() {
                begun += 1;
                match dialogue.begin(order, &mut out) {
                    DialogueStep::None => {}
                    // There were news before it began to wait.
                    step => {
                        assert!(matches!(
                            step,
                            DialogueStep::Done(UpstreamOutcome::Woken { .. })
                        ));
                        steps.push(step);
                        next = orders.next();
                    }
                }
            }
        }
    }
    let outcomes = steps.iter().filter(|s| matches!(s, DialogueStep::Done(_)));
    assert!(outcomes.count() <= begun, "an order has one outcome");
    let text = out.escape_ascii().to_string();
    for line in out.split_inclusive(|b| *b == b'\n') {
        let line = line.strip_suffix(b"\r\n");
        assert!(line.is_none_or(|line| !line.contains(&b'\r')), "{text}");
    }
    if tls == UpstreamTls::StartTls {
        let clear = match clear_len {
            0 => &out[..],
            len => &out[..len],
        };
        let clear = clear.to_ascii_uppercase();
        let has = |word: &[u8]| clear.windows(word.len()).any(|part| part == word);
        assert!(!has(b"LOGIN") && !has(b"AUTHENTICATE"), "{text}");
    }
    (text, steps)
}

fn check(outcome: &UpstreamOutcome) {
    match outcome {
        UpstreamOutcome::Scanned { messages, .. } => {
            assert!(messages.len() <= SCAN_MAX);
            assert!(messages.iter().all(|row| row.uid > 0));
            assert!(messages.iter().all(|row| row.keywords.len() <= 64));
            assert!(messages.is_sorted_by(|a, b| a.uid < b.uid));
        }
        UpstreamOutcome::Message { octets, .. } => {
            assert!(octets.len() as u64 <= MESSAGE_MAX.max(INLINE_MAX));
        }
        UpstreamOutcome::Opened(opened) => assert!(opened.uidvalidity > 0),
        UpstreamOutcome::Flagged { missing, refused } => {
            // The two that the order names.
            assert!(missing.len() + refused.len() <= 2);
            assert!(missing.difference(refused) == *missing);
        }
        _ => {}
    }
}

fn orders() -> [UpstreamOrder; 13] {
    [
        UpstreamOrder::List,
        UpstreamOrder::Open {
            name: b"INBOX".to_vec(),
        },
        UpstreamOrder::Scan {
            first: 4,
            last: None,
        },
        UpstreamOrder::Fetch { uid: 7 },
        UpstreamOrder::Idle,
        UpstreamOrder::State {
            uids: UidSet::from(4..=600),
        },
        UpstreamOrder::Changes { last: 9, since: 12 },
        UpstreamOrder::Flag {
            uids: UidSet::from(7..=8),
            change: FlagDifference {
                add: Flags::SEEN,
                remove: Flags::FLAGGED,
                add_words: vec!["$Work".to_owned()],
                remove_words: Vec::new(),
            },
        },
        UpstreamOrder::Move {
            uids: UidSet::one(7),
            to: b"M\xc3\xbcll".to_vec(),
        },
        UpstreamOrder::Copy {
            uids: UidSet::one(7),
            to: b"Bin".to_vec(),
        },
        UpstreamOrder::Expunge {
            uids: UidSet::one(8),
        },
        UpstreamOrder::Leave,
        UpstreamOrder::Scan {
            first: 4,
            last: Some(600),
        },
    ]
}

/// Responses alone: the same in any pieces, and bounded.
pub fn imap_response(data: &[u8]) {
    let data = &data[..data.len().min(4 * MAX)];
    let whole = responses(data, usize::MAX);
    for piece in [1, 3, 997] {
        assert_eq!(responses(data, piece), whole, "cut by {piece}");
    }
}

fn responses(data: &[u8], piece: usize) -> Vec<UpstreamSaid> {
    let mut reader = ResponseReader::default();
    let mut found = Vec::new();
    for part in data.chunks(piece) {
        let mut unread = part;
        while !unread.is_empty() {
            let (used, response) = reader.take(unread, MESSAGE_MAX);
            assert!(used > 0);
            unread = &unread[used..];
            assert!(reader.message_len() as u64 <= MESSAGE_MAX);
            let Some(response) = response else { continue };
            assert!(response.text.len() <= TEXT_MAX + 2);
            assert!(!reader.is_midway());
            let said = read(response);
            if let UpstreamSaid::Fetched(items) = &said {
                let keywords = items.flags.as_ref().map_or(0, |(_, words)| words.len());
                assert!(keywords <= 64);
                assert!(!(items.body.is_some() && items.has_no_body));
            }
            if let UpstreamSaid::Folder(folder) = &said {
                assert!((1..=1024).contains(&folder.name.len()));
            }
            found.push(said);
        }
    }
    found
}

const PASSWORD: &str = "pass\\word";
/// Over what stays in the text of a response.
const MESSAGE_MAX: u64 = 6_000;
/// Longer inputs find nothing that these do not find.
const MAX: usize = 16 * 1024;
