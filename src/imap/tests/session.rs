//! Replies and events that cross: a session whose answers are made by hand.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;

use crate::call::Noun;
use crate::call::*;
use crate::engine::{HIGH_WATER, Input, Output};
use crate::imap::Server;

const NOW: Now = Now {
    mono_ms: 5_000,
    unix_ms: 0,
};

struct Client {
    server: Server,
    out: Output,
}

impl Client {
    /// Logged in, with a key that may only read, so that SELECT needs no receipt.
    fn new(limits: Limits) -> Client {
        let shared = Shared::new("mx.test", limits, PublicEndpoints::default());
        let mut client = Client {
            server: Server::new(Opening {
                conn: ConnId(9),
                peer: "10.0.0.1:1".parse().unwrap(),
                listener: Listener::Imaps,
                seed: 1,
                shared: Arc::new(shared),
            }),
            out: Output::default(),
        };
        client.tell(Input::Open);
        client.say("1 LOGIN a b");
        client.answer(Answer::Authenticated(Caller::Key(Access(Arc::new(
            Grant {
                org: OrgId(1),
                key: Some(KeyId(1)),
                scopes: Scopes::MESSAGES_READ,
                inboxes: None,
                subtree: false,
                inbox: Some(InboxId(1)),
                address: String::new(),
                expires_at: None,
            },
        )))));
        client.out.bytes.clear();
        client
    }

    fn tell(&mut self, input: Input<'_>) {
        self.server.handle(NOW, input, &mut self.out);
    }

    fn say(&mut self, line: &str) {
        self.tell(Input::Bytes(format!("{line}\r\n").as_bytes()));
    }

    fn answer(&mut self, answer: Answer) {
        assert!(self.out.ask.take().is_some(), "nothing was asked");
        self.tell(Input::Reply(Reply::Answer(answer)));
    }

    fn event(&mut self, seq: u64, uids: UidSet, change: Change) {
        let event = Event {
            org: OrgId(1),
            depth: 0,
            seq,
            at: 0,
            inbox: Some(Arc::new(InboxPath {
                id: InboxId(1),
                address: String::new(),
                ancestors: Vec::new(),
            })),
            mailbox: Some(MailboxId(7)),
            uids,
            change,
            origin: Some(ConnId(3)),
        };
        self.tell(Input::Event(&event));
    }

    fn heard(&mut self) -> String {
        String::from_utf8(core::mem::take(&mut self.out.bytes)).unwrap()
    }

    fn select(&mut self, uids: UidSet, as_of: u64) {
        self.say("2 SELECT box");
        self.answer(selected(uids, as_of));
    }
}

fn selected(uids: UidSet, as_of: u64) -> Answer {
    Answer::Selected(Box::new(Selected {
        mailbox: MailboxRow {
            id: MailboxId(7),
            name: "box".into(),
            special: None,
            subscribed: false,
            uidvalidity: 1,
            uidnext: uids.last().unwrap_or(0) + 1,
            counts: None,
        },
        uids,
        recent_above: u32::MAX,
        first_unseen: None,
        keywords: Vec::new(),
        highest_modseq: as_of,
        as_of,
    }))
}

fn gone() -> Change {
    Change::Expunged {
        messages: Vec::new(),
        count: 1,
        moved_to: None,
        folder: String::new(),
        reason: None,
    }
}

fn flagged() -> Change {
    Change::Flagged(Bulk {
        messages: Vec::new(),
        count: 1,
        folder: String::new(),
        details: Vec::new(),
    })
}

fn row(uid: u32, size: u32) -> EntryRow {
    EntryRow {
        state: EntryState {
            uid,
            id: EntryId(i64::from(uid)),
            modseq: 12,
            flags: Flags::FLAGGED,
            keywords: Vec::new(),
        },
        thread: ThreadId(1),
        received_at: 0,
        size,
        prefix_len: 0,
        header_len: 0,
        digest: None,
        octets: None,
        rest: Some(OctetsOf {
            inbox: InboxId(1),
            body: BodyId(1),
            prefix: Vec::new(),
        }),
    }
}

#[test]
fn an_event_that_crosses_a_select_is_told_once() {
    let mut client = Client::new(Limits::default());
    client.say("2 SELECT box");
    client.event(10, UidSet::one(1), gone());
    client.event(11, UidSet::one(2), gone());
    client.answer(selected(UidSet::from(2..=3), 10));
    assert!(client.heard().contains("* 2 EXISTS\r\n"));
    client.say("3 NOOP");
    assert_eq!(client.heard(), "* 1 EXPUNGE\r\n3 OK Noop done\r\n");
    client.say("4 NOOP");
    assert_eq!(client.heard(), "4 OK Noop done\r\n");
}

#[test]
fn a_mailbox_that_goes_while_it_is_opened_is_not_open() {
    let deleted = || Change::MailboxDeleted { name: "box".into() };
    let mut client = Client::new(Limits::default());
    client.say("2 SELECT box");
    client.event(11, UidSet::new(), deleted());
    client.answer(selected(UidSet::one(1), 10));
    assert_eq!(client.heard(), "2 NO [NONEXISTENT] No such mailbox\r\n");
    client.say("3 FETCH 1 UID");
    assert_eq!(client.heard(), "3 BAD Select a mailbox first\r\n");
    // After the answer, and while a call is out: the view cannot be kept.
    client.select(UidSet::one(1), 12);
    client.heard();
    client.say("4 FETCH 1 FLAGS");
    client.event(13, UidSet::new(), deleted());
    assert_eq!(
        client.heard(),
        "* BYE The selected mailbox has been deleted\r\n"
    );
    assert!(client.out.close);
}

#[test]
fn a_view_that_lags_is_compared_when_everything_may_be_told() {
    let mut client = Client::new(Limits::default());
    client.select(UidSet::from(1..=20_000), 10);
    client.heard();
    for n in 0..5_000u32 {
        client.event(11 + u64::from(n), UidSet::one(2 * n + 1), flagged());
    }
    // FETCH by sequence number may tell of no EXPUNGE, so it compares nothing.
    client.say("3 FETCH 20000 FLAGS");
    client.answer(Answer::Entries {
        rows: vec![row(20_000, 1)],
        more: UidSet::new(),
    });
    assert_eq!(
        client.heard(),
        "* 20000 FETCH (FLAGS (\\Flagged))\r\n3 OK Fetch done\r\n"
    );
    client.say("4 NOOP");
    assert!(matches!(
        client.out.ask,
        Some(Ask {
            call: Call::Read(Read::Entry(EntryRead::Changes { since: 10, .. })),
            ..
        })
    ));
    // An event that comes meanwhile is not in the answer.
    client.event(9_001, UidSet::one(5), gone());
    client.answer(Answer::Changes {
        changed: UidSet::one(9),
        uids: UidSet::from(2..=20_001),
        as_of: 9_000,
    });
    assert!(
        matches!(&client.out.ask, Some(Ask { call: Call::Read(Read::Entry(EntryRead::Fetch { uids, .. })), .. }) if *uids == UidSet::one(9))
    );
    client.answer(Answer::Entries {
        rows: vec![row(9, 1)],
        more: UidSet::new(),
    });
    assert_eq!(
        client.heard(),
        "* 9 FETCH (UID 9 FLAGS (\\Flagged))\r\n* 20001 EXISTS\r\n* 1 RECENT\r\n\
         * 5 EXPUNGE\r\n* 1 EXPUNGE\r\n4 OK Noop done\r\n"
    );
}

/// A message without a digest is damaged: the others are written, and the end says so.
#[test]
fn a_damaged_message_is_left_out_and_told() {
    let mut client = Client::new(Limits::default());
    client.select(UidSet::from(1..=3), 10);
    client.heard();
    client.say("3 FETCH 1:3 (UID ENVELOPE)");
    client.answer(Answer::Entries {
        rows: vec![row(1, 1), row(2, 1)],
        more: UidSet::one(3),
    });
    client.answer(Answer::Entries {
        rows: vec![row(3, 1)],
        more: UidSet::new(),
    });
    assert_eq!(
        client.heard(),
        "3 NO [SERVERBUG] A stored message is damaged and left out; the server's log names it\r\n"
    );
}

#[test]
fn flags_that_change_while_flags_are_told_wait_for_the_next_command() {
    let mut client = Client::new(Limits::default());
    client.select(UidSet::from(1..=3), 10);
    client.heard();
    client.event(11, UidSet::one(1), flagged());
    client.say("3 NOOP");
    client.event(12, UidSet::one(2), flagged());
    client.answer(Answer::Entries {
        rows: vec![row(1, 1)],
        more: UidSet::new(),
    });
    assert_eq!(
        client.heard(),
        "* 1 FETCH (UID 1 FLAGS (\\Flagged))\r\n3 OK Noop done\r\n"
    );
    client.say("4 IDLE");
    client.answer(Answer::Entries {
        rows: vec![row(2, 1)],
        more: UidSet::new(),
    });
    assert_eq!(
        client.heard(),
        "+ idling\r\n* 2 FETCH (UID 2 FLAGS (\\Flagged))\r\n"
    );
    // Until that has gone, nothing more is written.
    client.event(13, UidSet::one(2), gone());
    assert_eq!(client.heard(), "");
    client.tell(Input::Drained);
    assert_eq!(client.heard(), "* 2 EXPUNGE\r\n");
}

#[test]
fn a_literal_that_cannot_be_kept_ends_the_connection_without_a_word() {
    let begin = |client: &mut Client| {
        client.select(UidSet::one(1), 10);
        client.heard();
        client.say("3 FETCH 1 BODY.PEEK[]");
        client.answer(Answer::Entries {
            rows: vec![row(1, 900_000)],
            more: UidSet::new(),
        });
        assert_eq!(client.heard(), "* 1 FETCH (BODY[] {900000}\r\n");
        assert!(client.out.ask.take().is_some());
    };
    let refused = Input::Reply(Reply::Refused(Refusal::NotFound(Noun::Message)));
    let short = Input::Reply(Reply::Answer(Answer::Octets(Vec::new())));
    let revoked = Event {
        org: OrgId(1),
        depth: 0,
        seq: 11,
        at: 0,
        inbox: None,
        mailbox: None,
        uids: UidSet::new(),
        change: Change::KeyRevoked { key: KeyId(1) },
        origin: None,
    };
    for end in [refused, short, Input::Event(&revoked)] {
        let mut client = Client::new(Limits::default());
        begin(&mut client);
        client.tell(end);
        assert_eq!(client.heard(), "");
        assert!(client.out.close);
    }
}

#[test]
fn a_search_may_answer_in_an_order_of_its_own() {
    let mut client = Client::new(Limits::default());
    client.select(UidSet::from(11..=14), 10);
    client.heard();
    // UID 99 is not known to the client yet.
    let found = || Answer::Found {
        uids: Matches::Ordered(vec![14, 11, 99, 12]),
        modseq: 0,
    };
    for (line, expected) in [
        ("3 SEARCH ALL", "* SEARCH 4 1 2\r\n"),
        ("3 UID SEARCH ALL", "* SEARCH 14 11 12\r\n"),
        (
            "3 SEARCH RETURN (MIN MAX COUNT ALL) ALL",
            "* ESEARCH (TAG \"3\") MIN 4 MAX 2 COUNT 3 ALL 4,1:2\r\n",
        ),
    ] {
        client.say(line);
        client.answer(found());
        assert_eq!(client.heard(), format!("{expected}3 OK Search done\r\n"));
    }
}

#[test]
fn a_stop_waits_for_the_command_under_way() {
    let mut client = Client::new(Limits::default());
    client.say("2 LIST \"\" *");
    client.tell(Input::Shutdown);
    assert_eq!(client.heard(), "");
    client.answer(Answer::Mailboxes(Vec::new()));
    assert_eq!(
        client.heard(),
        "2 OK List done\r\n* BYE Server is stopping, come back soon\r\n"
    );
    assert!(client.out.close);
}

#[test]
fn an_answer_to_another_call_is_our_fault_and_ends_nothing() {
    let mut client = Client::new(Limits::default());
    client.say("2 LIST \"\" *");
    client.answer(Answer::Done);
    assert_eq!(
        client.heard(),
        "2 NO [UNAVAILABLE] Our fault; try again later\r\n"
    );
    client.say("3 NOOP");
    assert_eq!(client.heard(), "3 OK Noop done\r\n");
}

#[test]
fn an_idle_session_is_small() {
    assert!(size_of::<Server>() <= 512, "{}", size_of::<Server>());
}

/// The page says which messages are gone, whenever the event about them comes.
#[test]
fn a_fetch_by_number_tells_what_the_page_lacks() {
    let page = || Answer::Entries {
        rows: vec![row(1, 1), row(3, 1)],
        more: UidSet::new(),
    };
    let mut client = Client::new(Limits::default());
    client.select(UidSet::from(1..=3), 10);
    client.heard();
    client.say("3 FETCH 1:3 RFC822.SIZE");
    client.answer(page());
    assert_eq!(
        client.heard(),
        "* 1 FETCH (RFC822.SIZE 1)\r\n* 3 FETCH (RFC822.SIZE 1)\r\n\
         3 NO [EXPUNGEISSUED] Some of the messages are gone\r\n"
    );
    client.say("4 UID FETCH 1:3 RFC822.SIZE");
    client.answer(page());
    assert!(client.heard().ends_with("4 OK Fetch done\r\n"));
    client.say("5 FETCH 1:3 RFC822.SIZE (CHANGEDSINCE 2)");
    client.answer(page());
    assert!(client.heard().ends_with("5 OK Fetch done\r\n"));
}

/// Names of 250 octets, INBOX among them.
fn long_names(n: usize) -> Vec<String> {
    let long = (1..n).map(|n| format!("{n:04}/{}", "x".repeat(244)));
    [INBOX.to_owned()].into_iter().chain(long).collect()
}

/// Answers every call of a command and reads all output as it comes: the output, and the most that
/// was held at once.
fn drain(client: &mut Client, answer: impl Fn() -> Answer) -> (String, usize, usize) {
    let (mut heard, mut most, mut pieces) = (String::new(), 0, 0);
    loop {
        most = most.max(client.out.bytes.len());
        heard += &client.heard();
        if client.out.ask.is_some() {
            client.answer(answer());
        } else if core::mem::take(&mut client.out.more) {
            pieces += 1;
            client.tell(Input::Drained);
        } else {
            return (heard, most, pieces);
        }
    }
}

#[test]
fn a_long_list_goes_out_in_pieces() {
    let names = long_names(1000);
    let rows: Vec<MailboxRow> = names
        .iter()
        .rev()
        .map(|name| MailboxRow {
            id: MailboxId(7),
            name: name.clone(),
            special: None,
            subscribed: true,
            uidvalidity: 1,
            uidnext: 1,
            counts: None,
        })
        .collect();
    for (line, lines, answer) in [
        ("2 LIST \"\" *", 1999, Answer::Mailboxes(rows.clone())),
        (
            "2 LIST (SUBSCRIBED) \"\" *",
            1000,
            Answer::Names(names.clone()),
        ),
        ("2 LSUB \"\" *", 1000, Answer::Names(names.clone())),
        ("2 LSUB \"\" %", 1000, Answer::Names(names.clone())),
    ] {
        let mut client = Client::new(Limits::default());
        client.say(line);
        // The mailboxes come first; LIST (SUBSCRIBED) asks for the names then.
        let is_first = core::cell::Cell::new(line.contains("(SUBSCRIBED)"));
        let (heard, most, pieces) = drain(&mut client, || {
            let rows_now = is_first.get();
            is_first.set(line.contains("(SUBSCRIBED)") && !rows_now);
            match rows_now {
                true => Answer::Mailboxes(rows.clone()),
                false => answer.clone(),
            }
        });
        let mut said: Vec<&str> = heard.lines().collect();
        assert!(said.pop().unwrap().starts_with("2 OK"), "{line}");
        let is_inbox_first = said[0].ends_with(" INBOX") || line.contains("LSUB");
        assert!(is_inbox_first, "{line}: {}", said[0]);
        assert_eq!(said.len(), lines, "{line}");
        let mut sorted = said.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(sorted.len(), lines, "{line}");
        assert!(most <= HIGH_WATER + 1000, "{line}: {most}");
        assert!(
            pieces >= lines / 1000 * 3 || line.ends_with('%'),
            "{line}: {pieces}"
        );
    }
}

#[test]
fn a_fetch_of_many_items_holds_a_piece() {
    let partials: Vec<String> = (0..64)
        .map(|n| format!("BODY.PEEK[]<{n}.262144>"))
        .collect();
    for (items, is_whole) in [
        (partials.join(" "), true),
        (partials.join(" "), false),
        ("BODY.PEEK[] RFC822.SIZE BODY.PEEK[TEXT]".to_owned(), false),
    ] {
        let mut client = Client::new(Limits::default());
        client.select((1..=3).collect(), 1);
        client.heard();
        client.say(&format!("3 FETCH 1:3 ({items})"));
        let octets = || vec![b'x'; 250_000];
        let mut row = row(1, 250_000);
        let of = OctetsOf {
            inbox: InboxId(1),
            body: BodyId(1),
            prefix: Vec::new(),
        };
        (row.octets, row.rest) = match is_whole {
            true => (Some(octets()), None),
            false => (None, Some(of)),
        };
        let is_first = core::cell::Cell::new(true);
        let (heard, most, _) = drain(&mut client, || {
            if !is_first.replace(false) {
                return Answer::Octets(octets());
            }
            let rows = (1..=3).map(|uid| {
                let mut row = row.clone();
                row.state.uid = uid;
                row
            });
            Answer::Entries {
                rows: rows.collect(),
                more: UidSet::new(),
            }
        });
        assert!(heard.ends_with("3 OK Fetch done\r\n"));
        assert_eq!(heard.matches(" FETCH (").count(), 3);
        // A page of the store goes out as it came.
        let bound = HIGH_WATER + if is_whole { 64 << 10 } else { 256 << 10 };
        assert!(most <= bound + 200, "{most}");
    }
}
