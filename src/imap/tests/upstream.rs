//! Conversations of the client side with servers that are played. A line is
//!
//! | Line | Meaning |
//! |---|---|
//! | `S text` | the server says it; escapes as in Rust; CRLF is added |
//! | `C text` | the client says exactly this line |
//! | `= text` | a step of the dialogue, as [`shown`] writes it |
//! | `do ORDER` | the next order |
//! | `wake` | the driver has an order of another kind |
//! | `time` | the time of the wait under way has passed; `time=MS` also says how long it was |
//!
//! Whatever the client says or tells that does not stand there fails the test. Each conversation is
//! held with the octets of the server whole, by sevens, and one by one.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::call::{FlagDifference, Flags, RemoteMessage, UidSet, UpstreamOrder};

#[path = "upstream_state.rs"]
mod state;

/// A conversation with a server with implicit TLS.
fn holds(login: &UpstreamLogin, lines: &str) {
    holds_over(UpstreamTls::Implicit, login, lines);
}

fn holds_over(tls: UpstreamTls, login: &UpstreamLogin, lines: &str) {
    for piece in [usize::MAX, 7, 1] {
        let mut talk = Talk {
            dialogue: UpstreamDialogue::new(tls, login.clone(), 100_000),
            said: Vec::new(),
            steps: Vec::new(),
        };
        talk.dialogue.connected(&mut talk.said);
        for line in lines.trim().lines().map(str::trim) {
            talk.line(line, piece);
        }
        talk.is_silent("the end");
    }
}

struct Talk {
    dialogue: UpstreamDialogue,
    said: Vec<u8>,
    steps: Vec<String>,
}

impl Talk {
    fn line(&mut self, line: &str, piece: usize) {
        let (kind, rest) = line.split_once(' ').unwrap_or((line, ""));
        match kind {
            "C" => {
                let end = self.said.windows(2).position(|pair| pair == b"\r\n");
                let end = end.unwrap_or_else(|| panic!("{line}: it says nothing"));
                let said: Vec<u8> = self.said.drain(..end + 2).collect();
                assert_eq!(printed(&said[..end]), rest, "{line}");
            }
            "=" => {
                assert!(!self.steps.is_empty(), "{line}: it tells nothing");
                assert_eq!(self.steps.remove(0), rest);
            }
            "" | "#" => {}
            _ => {
                self.is_silent(line);
                self.act(kind, rest, piece);
            }
        }
    }

    fn act(&mut self, kind: &str, rest: &str, piece: usize) {
        match kind {
            "S" => {
                let mut octets = unescaped(rest);
                octets.extend_from_slice(b"\r\n");
                for part in octets.chunks(piece) {
                    let mut unread = part;
                    while !unread.is_empty() {
                        let (used, step) = self.dialogue.take(unread, &mut self.said);
                        unread = &unread[used..];
                        if let DialogueStep::StartTls = step {
                            self.dialogue.connected(&mut self.said);
                        }
                        self.told(step);
                        if used == 0 {
                            break;
                        }
                    }
                }
            }
            "do" => {
                let step = self.dialogue.begin(order(rest), &mut self.said);
                self.told(step);
            }
            "wake" => {
                let step = self.dialogue.wake(&mut self.said);
                self.told(step);
            }
            _ => {
                let ms = self.dialogue.patience_ms();
                if let Some(("time", wanted)) = kind.split_once('=') {
                    assert_eq!(ms.unwrap().to_string(), wanted);
                }
                let step = self.dialogue.time_out(&mut self.said);
                self.told(step);
            }
        }
    }

    fn told(&mut self, step: DialogueStep) {
        if step != DialogueStep::None {
            self.steps.push(shown(&step));
        }
    }

    fn is_silent(&self, at: &str) {
        let said = printed(&self.said);
        assert_eq!(said, "", "before: {at}");
        assert_eq!(self.steps, [""; 0], "before: {at}");
    }
}

/// Octets as the lines have them: only those that are not printable are escaped.
fn printed(octets: &[u8]) -> String {
    let one = |b: &u8| match *b {
        b' '..=b'~' => char::from(*b).to_string(),
        b => b.escape_ascii().to_string(),
    };
    octets.iter().map(one).collect()
}

fn unescaped(text: &str) -> Vec<u8> {
    let mut octets = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&b, behind)) = rest.split_first() {
        rest = behind;
        if b != b'\\' {
            octets.push(b);
            continue;
        }
        let (escaped, used) = match rest {
            [b'r', ..] => (b'\r', 1),
            [b'n', ..] => (b'\n', 1),
            [b'x', high, low, ..] => {
                let digits = [*high, *low];
                let text = core::str::from_utf8(&digits).unwrap();
                (u8::from_str_radix(text, 16).unwrap(), 3)
            }
            _ => (b'\\', 0),
        };
        octets.push(escaped);
        rest = &rest[used..];
    }
    octets
}

fn order(text: &str) -> UpstreamOrder {
    let words: Vec<&str> = text.split(' ').collect();
    let set =
        |text: &str| -> UidSet { text.split(',').map(|n| n.parse::<u32>().unwrap()).collect() };
    match words.as_slice() {
        ["list"] => UpstreamOrder::List,
        ["open", name] => UpstreamOrder::Open {
            name: unescaped(name),
        },
        ["scan", first, rest @ ..] => UpstreamOrder::Scan {
            first: first.parse().unwrap(),
            last: rest.first().map(|last| last.parse().unwrap()),
        },
        ["state", uids] => UpstreamOrder::State { uids: set(uids) },
        ["changes", last, since] => UpstreamOrder::Changes {
            last: last.parse().unwrap(),
            since: since.parse().unwrap(),
        },
        ["fetch", uid] => UpstreamOrder::Fetch {
            uid: uid.parse().unwrap(),
        },
        ["flag", uids, rest @ ..] => {
            let mut change = FlagDifference::default();
            for word in rest {
                let (sign, name) = word.split_at(1);
                let (flags, words) = match sign {
                    "+" => (&mut change.add, &mut change.add_words),
                    _ => (&mut change.remove, &mut change.remove_words),
                };
                let is_it = |(full, _): &&(&str, Flags)| &full[1..] == name;
                match Flags::NAMES.iter().find(is_it) {
                    Some((_, flag)) => *flags = flags.with(*flag),
                    None => words.push(name.to_owned()),
                }
            }
            UpstreamOrder::Flag {
                uids: set(uids),
                change,
            }
        }
        ["move", uids, to] => UpstreamOrder::Move {
            uids: set(uids),
            to: unescaped(to),
        },
        ["copy", uids, to] => UpstreamOrder::Copy {
            uids: set(uids),
            to: unescaped(to),
        },
        ["expunge", uids] => UpstreamOrder::Expunge { uids: set(uids) },
        ["find", ids @ ..] => UpstreamOrder::Find {
            message_ids: ids.iter().map(ToString::to_string).collect(),
        },
        ["idle"] => UpstreamOrder::Idle,
        ["leave"] => UpstreamOrder::Leave,
        _ => panic!("no such order: {text}"),
    }
}

fn shown(step: &DialogueStep) -> String {
    let outcome = match step {
        DialogueStep::Done(outcome) => outcome,
        DialogueStep::Lost(loss) => return format!("lost {loss:?}"),
        other => return format!("{other:?}").to_lowercase(),
    };
    match outcome {
        UpstreamOutcome::Listed(folders) => {
            let one = |f: &crate::call::RemoteFolder| {
                let name = printed(&f.name);
                let purpose = f.purpose.map_or(String::new(), |p| format!(":{p:?}"));
                let closed = if f.is_selectable { "" } else { "!" };
                format!("{closed}{name}{purpose}")
            };
            let folders: Vec<String> = folders.iter().map(one).collect();
            format!("listed {}", folders.join(" "))
        }
        UpstreamOutcome::Opened(opened) => format!(
            "opened {} next={:?} exists={} modseq={:?}",
            opened.uidvalidity, opened.uidnext, opened.exists, opened.highest_modseq
        ),
        UpstreamOutcome::Scanned {
            messages,
            is_whole,
            vanished,
            modseq,
        } => {
            let mut rows: Vec<String> = messages.iter().map(row).collect();
            if !is_whole {
                rows.push("and more".to_owned());
            }
            if !vanished.is_empty() {
                rows.push(format!("gone {vanished}"));
            }
            rows.extend(modseq.map(|modseq| format!("up to {modseq}")));
            format!("scanned {}", rows.join(" "))
        }
        UpstreamOutcome::Woken { has_changed } => match has_changed {
            true => "changed".to_owned(),
            false => "Woken".to_owned(),
        },
        UpstreamOutcome::Message { row: told, octets } => {
            let told = told.as_ref().map_or("-".to_owned(), |told| row(told));
            let text = printed(octets);
            match octets.len() {
                ..100 => format!("message {told} {text}"),
                len => format!("message {told} of {len}"),
            }
        }
        UpstreamOutcome::Flagged { missing, refused } => {
            let named = [("not", refused), ("gone", missing)];
            let named = named.iter().filter(|(_, uids)| !uids.is_empty());
            let named: String = named
                .map(|(what, uids)| format!(" {what} {uids}"))
                .collect();
            format!("flagged{named}")
        }
        UpstreamOutcome::Moved { placed } => match placed {
            Some((uidvalidity, from, to)) => format!("moved {uidvalidity} {from} {to}"),
            None => "moved".to_owned(),
        },
        UpstreamOutcome::Copied { placed } => match placed {
            Some((uidvalidity, from, to)) => format!("copied {uidvalidity} {from} {to}"),
            None => "copied".to_owned(),
        },
        other => format!("{other:?}"),
    }
}

fn row(row: &RemoteMessage) -> String {
    let mut text = format!("{}[{}", row.uid, row.flags.0);
    for keyword in &row.keywords {
        text.push_str(&format!(" {keyword}"));
    }
    let rest = [
        row.size.map(|n| format!(" size={n}")),
        row.received_at.map(|n| format!(" at={n}")),
        row.modseq.map(|n| format!(" modseq={n}")),
        row.message_id.as_ref().map(|id| format!(" id={id}")),
    ];
    text.push_str(&rest.into_iter().flatten().collect::<String>());
    text + "]"
}

fn password() -> UpstreamLogin {
    UpstreamLogin::Password {
        user: "ann".into(),
        password: Secret::new("pa\"ss"),
    }
}

fn token() -> UpstreamLogin {
    UpstreamLogin::Token {
        user: "a,b@x.test".into(),
        token: Secret::new("tok"),
    }
}

/// A conversation behind the login, on a server that offers these extensions.
fn served(offers: &str, lines: &str) {
    let begin = format!(
        "S * OK [CAPABILITY IMAP4rev1] hello
         C P1 LOGIN \"ann\" \"pa\\\"ss\"
         S P1 OK [CAPABILITY IMAP4rev1 {offers}] in
         = ready\n"
    );
    holds(&password(), &(begin + lines));
}

#[test]
fn it_logs_in_with_what_is_offered() {
    holds(
        &password(),
        "S * OK hello
         C P1 CAPABILITY
         S * CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR
         S P1 OK
         C P2 AUTHENTICATE PLAIN AGFubgBwYSJzcw==
         S P2 OK in
         C P3 CAPABILITY
         S * CAPABILITY IMAP4rev1 ID
         S P3 OK done
         C P4 ID (\"name\" \"Postern\")
         S * ID NIL
         S P4 BAD what is that
         = ready",
    );
    // Without SASL-IR the message waits.
    holds(
        &password(),
        "S * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hello
         C P1 AUTHENTICATE PLAIN
         S +
         C AGFubgBwYSJzcw==
         S P1 NO [AUTHENTICATIONFAILED] wrong
         = lost Login(\"[AUTHENTICATIONFAILED] wrong\")",
    );
    holds(
        &password(),
        "S * OK [CAPABILITY IMAP4rev1 LOGINDISABLED] hello
         = lost NoWayToLogIn",
    );
    // The server cannot look now: the secret may be right.
    holds(
        &password(),
        "S * OK [CAPABILITY IMAP4rev1] hello
         C P1 LOGIN \"ann\" \"pa\\\"ss\"
         S P1 NO [UNAVAILABLE] later
         = lost Refused(\"[UNAVAILABLE] later\")",
    );
    // A name that no quoted string can have goes as a literal.
    let login = UpstreamLogin::Password {
        user: "j\u{f6}rg".into(),
        password: Secret::new("p"),
    };
    holds(
        &login,
        "S * OK [CAPABILITY IMAP4rev1] hello
         C P1 LOGIN {5}
         S + go
         C j\\xc3\\xb6rg \"p\"
         S P1 OK [CAPABILITY IMAP4rev1] in
         = ready",
    );
}

#[test]
fn it_shows_a_token() {
    holds(
        &token(),
        "S * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2 AUTH=OAUTHBEARER] hello
         C P1 AUTHENTICATE OAUTHBEARER bixhPWE9MkNiQHgudGVzdCwBYXV0aD1CZWFyZXIgdG9rAQE=
         S + eyJzdGF0dXMiOiJpbnZhbGlkX3Rva2VuIn0=
         C AQ==
         S P1 NO expired
         = lost Login(\"expired\")",
    );
    holds(
        &token(),
        "S * OK [CAPABILITY IMAP4rev1 AUTH=XOAUTH2] hello
         C P1 AUTHENTICATE XOAUTH2
         S +
         C dXNlcj1hLGJAeC50ZXN0AWF1dGg9QmVhcmVyIHRvawEB
         S + eyJzdGF0dXMiOiI0MDAifQ==
         C 
         S P1 NO [ALERT] no
         = lost Refused(\"[ALERT] no\")",
    );
    holds(
        &token(),
        "S * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hello
         = lost NoWayToLogIn",
    );
}

#[test]
fn nothing_counts_that_came_in_clear() {
    let over = |lines: &str| holds_over(UpstreamTls::StartTls, &password(), lines);
    over(
        "S * OK [CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN SASL-IR] hello
         C P1 STARTTLS
         S * CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR
         S P1 OK go
         = starttls
         C P2 CAPABILITY
         S * CAPABILITY IMAP4rev1
         S P2 OK
         C P3 LOGIN \"ann\" \"pa\\\"ss\"
         S P3 OK [CAPABILITY IMAP4rev1] in
         = ready",
    );
    over(
        "S * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hello
         = lost Tls(\"the server does not offer STARTTLS\")",
    );
    over(
        "S * OK [CAPABILITY IMAP4rev1 STARTTLS] hello
         C P1 STARTTLS
         S P1 NO not today
         = lost Tls(\"not today\")",
    );
    over(
        "S * PREAUTH welcome
         = lost BadResponse(\"the session is logged in before the login\")",
    );
    // In one piece, as an attacker would send it.
    let mut dialogue = UpstreamDialogue::new(UpstreamTls::StartTls, password(), 1);
    let mut out = Vec::new();
    dialogue.connected(&mut out);
    dialogue.take(b"* OK [CAPABILITY STARTTLS] hi\r\n", &mut out);
    let (_, step) = dialogue.take(b"P1 OK go\r\n* CAPABILITY AUTH=PLAIN\r\n", &mut out);
    let why = "octets behind the answer to STARTTLS";
    assert_eq!(step, bad(why));
}

#[test]
fn a_server_may_end_it_at_any_time() {
    holds(
        &password(),
        "S * BYE too many
         = lost Refused(\"too many\")",
    );
    holds(
        &password(),
        "S 220 mx ESMTP
         = lost BadResponse(\"a greeting that is none\")",
    );
    holds(
        &password(),
        "time=60000
         = lost TimedOut",
    );
    served(
        "IDLE",
        "do idle
         C P2 IDLE
         S + idling
         S * BYE
         = lost Refused(\"\")",
    );
    served(
        "",
        "do open INBOX
         C P2 SELECT \"INBOX\"
         S * 3 EXISTS
         S * BYE [UNAVAILABLE] restart
         = lost Refused(\"[UNAVAILABLE] restart\")",
    );
    served(
        "",
        "do leave
         C P2 LOGOUT
         S * BYE bye
         S P2 OK
         = left",
    );
    served(
        "",
        "do list
         C P2 LIST \"\" \"*\"
         S P3 OK done
         = lost BadResponse(\"the result of a command that was not sent\")",
    );
    served(
        "",
        "do list
         C P2 LIST \"\" \"*\"
         S + more
         = lost BadResponse(\"a continuation that no command waits for\")",
    );
}

#[test]
fn mailboxes_are_listed_however_they_are_written() {
    served(
        "SPECIAL-USE",
        "do list
         C P2 LIST \"\" \"*\" RETURN (SPECIAL-USE)
         S * LIST (\\HasNoChildren) \"/\" inbox
         S * LIST (\\Sent \\HasNoChildren) NIL \"Gesendet [x] \\\"1\\\"\"
         S * LIST () \"/\" {5}\\r\\nM\\xc3\\xbcll (\"CHILDINFO\" (\"SUBSCRIBED\"))
         S * LIST (\\Noselect \\All) \".\" [Gmail]/All*
         S * LIST broken
         S * LSUB () \"/\" other
         S * STATUS inbox (MESSAGES 3)
         S P2 OK
         = listed inbox:Inbox Gesendet [x] \"1\":Sent M\\xc3\\xbcll ![Gmail]/All*:All",
    );
}

#[test]
fn a_mailbox_is_opened() {
    served(
        "CONDSTORE",
        "do open M\\xc3\\xbcll
         C P2 SELECT {5}
         S +
         C M\\xc3\\xbcll (CONDSTORE)
         S * FLAGS (\\Seen)
         S * 17 EXISTS
         S * 2 RECENT
         S * OK [UNSEEN 3] first
         S * OK [UIDVALIDITY 7]
         S * OK [HIGHESTMODSEQ 99]
         S P2 OK [READ-WRITE] done
         = opened 7 next=None exists=17 modseq=Some(99)
         do open gone
         C P3 SELECT \"gone\" (CONDSTORE)
         S P3 NO [NONEXISTENT] no such mailbox
         = Refused { text: \"[NONEXISTENT] no such mailbox\", is_missing: true }
         do open odd
         C P4 SELECT \"odd\" (CONDSTORE)
         S * 1 EXISTS
         S P4 OK
         = Refused { text: \"the server gives its messages no UIDs that last\", is_missing: false }",
    );
}

#[test]
fn what_is_told_of_a_message_may_come_in_any_order() {
    served(
        "CONDSTORE",
        "do scan 4
         C P2 UID FETCH 4:* (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])
         S * 1 FETCH (FLAGS (\\Seen $Work \\Weird) INTERNALDATE \"01-Jan-2026 00:00:00 +0000\" UID 4 RFC822.SIZE 120)
         S * 2 FETCH (RFC822.SIZE NIL UID 5 BODY[HEADER.FIELDS (\"MESSAGE-ID\")] {21}\\r\\nMessage-Id: <a@b>\\r\\n\\r\\n FLAGS ())
         S * 9 EXISTS
         S * 3 EXPUNGE
         S * 4 FETCH (X-ODD (a (b \"c)\") NIL) UID 6 FLAGS NIL INTERNALDATE \"yesterday\" ENVELOPE NIL MODSEQ (77))
         S * 5 FETCH (FLAGS (\\Seen))
         S * 6 FETCH (UID 3 FLAGS ())
         S * 7 FETCH (UID 8 FLAGS (\\Seen
         S * VANISHED (EARLIER) 1:3
         S P2 OK
         = scanned 4[1 $Work size=120 at=1767225600000] 5[0 id=<a@b>] 6[0 modseq=77] up to 77
         do idle
         = changed
         do scan 4
         C P3 UID FETCH 4:* (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])
         S * 1 FETCH (UID 10 FLAGS ())
         S P3 NO cannot
         = Refused { text: \"cannot\", is_missing: false }",
    );
}

#[test]
fn a_scan_has_a_bound() {
    let rows = (1..=SCAN_OVER)
        .rev()
        .map(|uid| format!("S * 1 FETCH (UID {uid} FLAGS ())\n"));
    let found = (1..=500).map(|uid| format!("{uid}[0]"));
    let found: Vec<String> = found.collect();
    served(
        "",
        &format!(
            "do scan 1
             C P2 UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])
             {}S P2 OK
             = scanned {} and more",
            rows.collect::<String>(),
            found.join(" ")
        ),
    );
}

/// One more than a scan keeps.
const SCAN_OVER: u32 = crate::call::SCAN_MAX as u32 + 1;

#[test]
fn messages_come_as_they_are() {
    let long = "x".repeat(5_000);
    let larger = "y".repeat(100_001);
    served(
        "",
        &format!(
            "do fetch 7
             C P2 UID FETCH 7 (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[])
             S * 3 EXISTS
             S * 1 FETCH (FLAGS (\\Flagged))
             S * 2 FETCH (BODY[] {{9}}\\r\\na: b\\r\\n\\r\\n\\x00 UID 7 FLAGS (\\Seen))
             S P2 OK
             = message 7[1] a: b\\r\\n\\r\\n\\x00
             do fetch 8
             C P3 UID FETCH 8 (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[])
             S * 3 FETCH (UID 8 FLAGS () BODY[] {{5000}}\\r\\n{long})
             S P3 OK
             = message 8[0] of 5000
             do fetch 9
             C P4 UID FETCH 9 (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[])
             S * 3 FETCH (UID 9 BODY[] {{100001}}\\r\\n{larger} FLAGS ())
             S P4 OK
             = Absent {{ is_too_large: true }}
             do fetch 10
             C P5 UID FETCH 10 (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[])
             S * 3 FETCH (UID 10 BODY[] NIL)
             S P5 OK
             = Absent {{ is_too_large: false }}
             do fetch 11
             C P6 UID FETCH 11 (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[])
             S * 4 FETCH (BODY[] \"quoted\")
             S P6 OK
             = message - quoted
             do fetch 12
             C P7 UID FETCH 12 (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[])
             S P7 OK nothing there
             = Absent {{ is_too_large: false }}"
        ),
    );
}

#[test]
fn long_lines_are_passed_over() {
    let long = "x".repeat(40_000);
    served(
        "IDLE",
        &format!(
            "do open INBOX
             C P2 SELECT \"INBOX\"
             S * OK {long}
             S * FLAGS ({long})
             S * X {long} {{4}}\\r\\n\\r\\nP2
             S * 1 EXISTS
             S * OK [UIDVALIDITY 3] {long}
             S P2 OK {long}
             = opened 3 next=None exists=1 modseq=None"
        ),
    );
}

#[test]
fn it_idles_and_hears_news() {
    served(
        "IDLE",
        "do open INBOX
         C P2 SELECT \"INBOX\"
         S * 1 EXISTS
         S * OK [UIDVALIDITY 3]
         S P2 OK
         = opened 3 next=None exists=1 modseq=None
         do idle
         C P3 IDLE
         S + idling
         S * OK still here
         S * 1 EXISTS
         time=600000
         C DONE
         S P3 OK
         C P4 IDLE
         S + idling
         S * 2 EXISTS
         C DONE
         S * 3 EXISTS
         S P4 OK
         = Woken
         do idle
         C P5 IDLE
         S * 1 FETCH (FLAGS (\\Seen))
         S + idling
         C DONE
         S P5 OK
         = changed
         do idle
         C P6 IDLE
         S +
         wake
         C DONE
         S P6 OK
         = Woken
         do idle
         C P7 IDLE
         S +
         time
         C DONE
         time=60000
         = lost TimedOut",
    );
}

#[test]
fn a_server_without_idle_is_asked() {
    // The number of a wait counts as that of a command.
    let poll = |first: u32| {
        let (noop, next) = (first + 1, first + 3);
        format!(
            "time=60000
             C P{noop} NOOP
             S P{noop} OK
             time=60000
             C P{next} NOOP
             S * 5 EXISTS
             S P{next} OK
             = Woken
             do idle
             wake
             = Woken"
        )
    };
    served("", &format!("do idle\n{}", poll(2)));
    // It offers what it does not have, or ends what it began.
    for answer in ["S P2 BAD what", "S +\nS P2 OK that was it"] {
        let begin = format!("do idle\nC P2 IDLE\n{answer}\n");
        served("IDLE", &(begin + &poll(3)));
    }
}

#[test]
fn searches_say_what_there_is() {
    served(
        "",
        "do find <a@b> <\"c\"@d> <e@f>
         C P2 UID SEARCH HEADER Message-ID \"<a@b>\"
         S * SEARCH 4 9
         S P2 OK
         C P3 UID SEARCH HEADER Message-ID \"<\\\"c\\\"@d>\"
         S * SEARCH
         S * 3 EXISTS
         S P3 OK
         C P4 UID SEARCH HEADER Message-ID \"<e@f>\"
         S * search 12
         S P4 OK
         = Found([true, false, true])
         do find <g@h>
         C P5 UID SEARCH HEADER Message-ID \"<g@h>\"
         S P5 NO [INUSE] later
         = Refused { text: \"[INUSE] later\", is_missing: false }",
    );
}
