//! The shadow model: which messages each mailbox must have, may have and must not have.
//!
//! It knows only what clients were told. An acknowledged change must be stored and a refused
//! one must not; a change whose answer was lost may be either, until an inspection of the
//! store shows which. A UID that was seen once names the same message for ever.

use std::collections::BTreeMap;

/// An inbox and a mailbox in it.
pub type MailboxName = (&'static str, &'static str);

/// The answer of the server to a change, as far as its client knows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Told {
    /// It is acknowledged.
    Done,
    /// It is refused.
    Refused,
    /// The answer was lost.
    Nothing,
}

/// How many copies of a message a mailbox has, at least and at most.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
struct Copies {
    min: u32,
    max: u32,
}

/// A message of a mailbox, as an inspection finds it.
pub struct Row {
    /// Its UID.
    pub uid: u32,
    /// The number that the simulation gave the message.
    pub message: u32,
}

/// See the module.
#[derive(Default)]
pub struct Model {
    copies: BTreeMap<(MailboxName, u32), Copies>,
    uids: BTreeMap<(MailboxName, u32), BTreeMap<u32, u32>>,
    next: BTreeMap<(MailboxName, u32), u32>,
    /// Submissions whose answer was lost: message, inbox of the recipient.
    unsure: Vec<(u32, &'static str)>,
}

impl Model {
    /// One more copy of a message in a mailbox.
    pub fn add(&mut self, mailbox: MailboxName, message: u32, told: Told) {
        let copies = self.copies.entry((mailbox, message)).or_default();
        copies.min += u32::from(told == Told::Done);
        copies.max += u32::from(told != Told::Refused);
    }

    /// No copy of a message in a mailbox.
    pub fn remove(&mut self, mailbox: MailboxName, message: u32, told: Told) {
        let copies = self.copies.entry((mailbox, message)).or_default();
        if told != Told::Refused {
            copies.min = 0;
        }
        if told == Told::Done {
            copies.max = 0;
        }
    }

    /// A submission from `from` to `to`: one copy in INBOX and one in Sent, or none at all.
    pub fn submit(&mut self, from: &'static str, to: &'static str, message: u32, told: Told) {
        self.add((to, "INBOX"), message, told);
        self.add((from, "Sent"), message, told);
        if told == Told::Nothing {
            self.unsure.push((message, to));
        }
    }

    /// Compares a mailbox with what must be in it, and takes what is there for certain.
    pub fn inspect(&mut self, mailbox: MailboxName, validity: u32, uidnext: u32, rows: &[Row]) {
        let mut found: BTreeMap<u32, u32> = BTreeMap::new();
        let seen = self.uids.entry((mailbox, validity)).or_default();
        let mut last = 0;
        for row in rows {
            assert!(row.uid > last, "{mailbox:?}: UID {} after {last}", row.uid);
            last = row.uid;
            let before = *seen.entry(row.uid).or_insert(row.message);
            let same = before == row.message;
            assert!(same, "{mailbox:?}: UID {} names another message", row.uid);
            *found.entry(row.message).or_default() += 1;
        }
        let next = self.next.entry((mailbox, validity)).or_default();
        assert!(uidnext >= *next, "{mailbox:?}: UIDNEXT went back");
        let highest = seen.last_key_value().map_or(0, |(uid, _)| *uid);
        assert!(uidnext > highest, "{mailbox:?}: UIDNEXT {uidnext}");
        *next = uidnext;
        for (message, n) in &found {
            let copies = self.copies.entry((mailbox, *message)).or_default();
            assert!(
                *n <= copies.max,
                "{mailbox:?}: message {message} is there {n} times, {copies:?}"
            );
        }
        for ((place, message), copies) in &mut self.copies {
            if *place == mailbox {
                let n = found.get(message).copied().unwrap_or(0);
                let is_there = n >= copies.min;
                assert!(is_there, "{mailbox:?}: acknowledged {message} is missing");
                *copies = Copies { min: n, max: n };
            }
        }
    }

    /// For after an inspection of every mailbox: a submission without an answer has reached
    /// its recipient and the Sent mailbox, or neither.
    pub fn check_unsure(&mut self, from: &'static str) {
        for (message, to) in std::mem::take(&mut self.unsure) {
            let copies = |mailbox| self.copies.get(&(mailbox, message)).copied();
            let (there, sent) = (copies((to, "INBOX")), copies((from, "Sent")));
            assert_eq!(there, sent, "message {message} is delivered in part");
        }
    }
}
