//! Orders: the commands of each, what their answers mean, and the wait for news.

use std::collections::{BTreeMap, VecDeque};

use super::commands::SentPieces;
use super::response::{FetchedItems, UpstreamCode, UpstreamSaid, UpstreamStatus};
use super::{DialoguePhase, DialogueStep, UpstreamDialogue};
use crate::call::{
    Flags, OpenedFolder, PermanentFlags, REMOTE_FOLDERS_MAX, RemoteFolder, RemoteMessage, SCAN_MAX,
    UidSet, UpstreamLoss, UpstreamOrder, UpstreamOutcome,
};

/// An order under way.
#[derive(Debug)]
pub struct WorkUnderWay {
    order: UpstreamOrder,
    /// The commands that are still to be sent, in order.
    left: VecDeque<SentPieces>,
    folders: Vec<RemoteFolder>,
    opened: OpenedFolder,
    rows: BTreeMap<u32, RemoteMessage>,
    /// Rows did not fit: those with the largest UIDs were left out.
    has_more: bool,
    message: Option<Vec<u8>>,
    row: Option<Box<RemoteMessage>>,
    /// A literal was dropped.
    is_too_large: bool,
    placed: Option<(u32, UidSet, UidSet)>,
    /// What each search has found so far, and whether the one under way has found something.
    found: Vec<bool>,
    has_found: bool,
    vanished: UidSet,
    /// Of the messages whose flags are changed: those that the server says to have the change, and
    /// those that it says not to have it.
    applied: UidSet,
    refused: UidSet,
    /// Messages have gone since the change was told, and whether it was asked what came of it.
    has_expunged: bool,
    has_looked: bool,
    /// The largest MODSEQ of a message, also of those that did not fit.
    modseq: Option<u64>,
}

impl WorkUnderWay {
    fn new(order: UpstreamOrder, left: VecDeque<SentPieces>) -> WorkUnderWay {
        WorkUnderWay {
            order,
            left,
            folders: Vec::new(),
            opened: OpenedFolder {
                uidvalidity: 0,
                uidnext: None,
                exists: 0,
                highest_modseq: None,
            },
            rows: BTreeMap::new(),
            has_more: false,
            message: None,
            row: None,
            is_too_large: false,
            placed: None,
            found: Vec::new(),
            has_found: false,
            vanished: UidSet::new(),
            applied: UidSet::new(),
            refused: UidSet::new(),
            has_expunged: false,
            has_looked: false,
            modseq: None,
        }
    }

    /// Whether a message is to come that has not come.
    pub fn awaits_message(&self) -> bool {
        matches!(self.order, UpstreamOrder::Fetch { .. }) && self.message.is_none()
    }

    /// Whether its answer may take long.
    pub fn is_long(&self) -> bool {
        matches!(
            self.order,
            UpstreamOrder::Fetch { .. }
                | UpstreamOrder::Find { .. }
                | UpstreamOrder::Scan { .. }
                | UpstreamOrder::State { .. }
                | UpstreamOrder::Changes { .. }
        )
    }

    /// A long literal was dropped while it came.
    pub fn record_dropped(&mut self) {
        self.is_too_large = self.awaits_message();
    }

    pub fn note_code(&mut self, code: &UpstreamCode) {
        let is_open = matches!(self.order, UpstreamOrder::Open { .. });
        match code {
            UpstreamCode::UidValidity(n) if is_open => self.opened.uidvalidity = *n,
            UpstreamCode::UidNext(n) if is_open => self.opened.uidnext = Some(*n),
            UpstreamCode::HighestModSeq(n) if is_open => self.opened.highest_modseq = Some(*n),
            UpstreamCode::CopyUid(uidvalidity, from, to) => {
                self.placed = Some((*uidvalidity, from.clone(), to.clone()));
            }
            _ => {}
        }
    }

    /// What is told of a message. `false`: it was not asked for.
    fn fetched(&mut self, items: FetchedItems) -> bool {
        match &self.order {
            UpstreamOrder::Scan { first, last } => match items.row() {
                None => false,
                // `9:*` has the last message even if its UID is below 9.
                Some(row) if row.uid < *first => true,
                Some(row) if last.is_some_and(|last| row.uid > last) => false,
                Some(row) => self.keep(row),
            },
            UpstreamOrder::State { uids } => {
                let row = items.row().filter(|row| uids.contains(row.uid));
                row.is_some_and(|row| self.keep(row))
            }
            UpstreamOrder::Changes { last, .. } => {
                let row = items.row().filter(|row| row.uid <= *last);
                row.is_some_and(|row| self.keep(row))
            }
            UpstreamOrder::Flag { uids, change } => {
                let row = items.row().filter(|row| uids.contains(row.uid));
                let Some(row) = row else {
                    return false;
                };
                match change.is_in(row.flags, &row.keywords) {
                    true => self.applied.insert(row.uid),
                    false => self.refused.insert(row.uid),
                };
                true
            }
            UpstreamOrder::Fetch { uid } => {
                if items.uid.is_some_and(|said| said != *uid) {
                    return false;
                }
                let is_it = items.body.is_some() || items.has_no_body;
                if is_it && self.message.is_none() {
                    self.row = items.row().map(Box::new);
                    self.message = items.body;
                }
                is_it
            }
            _ => false,
        }
    }

    /// The command that asks what came of a change of flags, where the answer to it did not tell:
    /// STORE says nothing of a message that is gone (RFC 9051 section 6.4.9).
    fn look(&mut self) -> Option<SentPieces> {
        let UpstreamOrder::Flag { uids, .. } = &self.order else {
            return None;
        };
        if core::mem::replace(&mut self.has_looked, true) {
            return None;
        }
        if self.has_expunged {
            // Which they were is not known.
            self.applied = UidSet::new();
        }
        self.refused = UidSet::new();
        let unknown = uids.difference(&self.applied);
        let line = format!("UID FETCH {unknown} (UID FLAGS)");
        (!unknown.is_empty()).then(|| SentPieces::new(&line).end())
    }

    /// Keeps the state of a message, as long as there is room.
    fn keep(&mut self, row: RemoteMessage) -> bool {
        self.modseq = self.modseq.max(row.modseq);
        self.rows.insert(row.uid, row);
        if self.rows.len() > SCAN_MAX {
            self.rows.pop_last();
            self.has_more = true;
        }
        true
    }

    /// What came of the order, when all of its commands have succeeded.
    fn outcome(self) -> UpstreamOutcome {
        match self.order {
            UpstreamOrder::List => UpstreamOutcome::Listed(self.folders),
            UpstreamOrder::Open { .. } if self.opened.uidvalidity == 0 => {
                UpstreamOutcome::Refused {
                    text: "the server gives its messages no UIDs that last".to_owned(),
                    is_missing: false,
                }
            }
            UpstreamOrder::Open { .. } => UpstreamOutcome::Opened(self.opened),
            UpstreamOrder::Scan { .. }
            | UpstreamOrder::State { .. }
            | UpstreamOrder::Changes { .. } => UpstreamOutcome::Scanned {
                messages: self.rows.into_values().collect(),
                is_whole: !self.has_more,
                vanished: self.vanished,
                modseq: self.modseq,
            },
            UpstreamOrder::Fetch { .. } => match self.message {
                Some(octets) => UpstreamOutcome::Message {
                    row: self.row,
                    octets,
                },
                None => UpstreamOutcome::Absent {
                    is_too_large: self.is_too_large,
                },
            },
            UpstreamOrder::Find { .. } => UpstreamOutcome::Found(self.found),
            UpstreamOrder::Move { .. } => UpstreamOutcome::Moved {
                placed: self.placed,
            },
            UpstreamOrder::Copy { .. } => UpstreamOutcome::Copied {
                placed: self.placed,
            },
            UpstreamOrder::Flag { uids, .. } => {
                let refused = self.refused.difference(&self.applied);
                UpstreamOutcome::Flagged {
                    missing: uids.difference(&self.applied).difference(&refused),
                    refused,
                }
            }
            UpstreamOrder::Expunge { .. } | UpstreamOrder::Idle | UpstreamOrder::Leave => {
                UpstreamOutcome::Done
            }
        }
    }
}

impl UpstreamDialogue {
    /// Begins an order, behind [`DialogueStep::Ready`] or [`DialogueStep::Done`].
    pub fn begin(&mut self, order: UpstreamOrder, out: &mut Vec<u8>) -> DialogueStep {
        if self.phase != DialoguePhase::Ready {
            return DialogueStep::None;
        }
        match order {
            UpstreamOrder::Idle => self.wait_for_news(out),
            UpstreamOrder::Leave => {
                self.say(DialoguePhase::Logout, SentPieces::new("LOGOUT").end(), out);
                DialogueStep::None
            }
            order => {
                let commands = self.commands(&order);
                if matches!(order, UpstreamOrder::Open { .. }) {
                    self.exists = 0;
                    (self.has_news, self.has_changed) = (false, false);
                    self.permanent = PermanentFlags::default();
                }
                if matches!(order, UpstreamOrder::Scan { .. }) {
                    // What was told before is in what comes.
                    self.has_news = false;
                }
                self.work = Some(Box::new(WorkUnderWay::new(order, commands)));
                self.go_on(out)
            }
        }
    }

    /// Ends the wait for news: there is an order of another kind. The outcome comes when the
    /// server has heard it.
    pub fn wake(&mut self, out: &mut Vec<u8>) -> DialogueStep {
        self.has_news = true;
        match self.phase {
            DialoguePhase::Idle => {
                self.end_idle(out);
                DialogueStep::None
            }
            DialoguePhase::Pause => self.news_have_come(),
            _ => DialogueStep::None,
        }
    }

    /// The commands of an order, in turn.
    fn commands(&self, order: &UpstreamOrder) -> VecDeque<SentPieces> {
        let mut commands = VecDeque::new();
        let mut add = |command: SentPieces| commands.push_back(command.end());
        match order {
            UpstreamOrder::List => {
                let list = SentPieces::new("LIST \"\" \"*\"");
                // RFC 6154 section 5.2; servers with SPECIAL-USE alone know RETURN, too.
                add(match self.offers.special_use {
                    true => list.words(" RETURN (SPECIAL-USE)"),
                    false => list,
                });
            }
            UpstreamOrder::Open { name } => {
                let select = SentPieces::new("SELECT").string(name);
                add(match self.offers.condstore {
                    true => select.words(" (CONDSTORE)"),
                    false => select,
                });
            }
            UpstreamOrder::Scan { first, last } => {
                let identify = "BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)]";
                let items = format!("UID FLAGS INTERNALDATE RFC822.SIZE {identify}");
                let last = last.map_or("*".to_owned(), |last| last.to_string());
                add(SentPieces::new(&format!(
                    "UID FETCH {first}:{last} ({items})"
                )));
            }
            UpstreamOrder::State { uids } => {
                add(SentPieces::new(&format!("UID FETCH {uids} (UID FLAGS)")));
            }
            UpstreamOrder::Changes { last, since } => {
                let line = format!("UID FETCH 1:{last} (UID FLAGS)");
                let since = format!(" (CHANGEDSINCE {since} VANISHED)");
                add(SentPieces::new(&line).words(&since));
            }
            UpstreamOrder::Fetch { uid } => {
                let items = "(UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[])";
                add(SentPieces::new(&format!("UID FETCH {uid} {items}")));
            }
            UpstreamOrder::Flag { uids, change } => {
                let mut stores = Vec::new();
                for (sign, flags, words) in [
                    ('+', change.add, &change.add_words),
                    ('-', change.remove, &change.remove_words),
                ] {
                    if flags != Flags::NONE || !words.is_empty() {
                        stores.push((sign, flags, words));
                    }
                }
                // The answer to the last one tells of each message whether it has the change.
                let last = stores.pop();
                for (sign, flags, words) in stores {
                    add(store(uids, (sign, ".SILENT"), flags, words));
                }
                if let Some((sign, flags, words)) = last {
                    add(store(uids, (sign, ""), flags, words));
                }
            }
            UpstreamOrder::Move { uids, to } => {
                add(SentPieces::new(&format!("UID MOVE {uids}")).string(to));
            }
            UpstreamOrder::Copy { uids, to } => {
                add(SentPieces::new(&format!("UID COPY {uids}")).string(to));
            }
            UpstreamOrder::Expunge { uids } => self.delete(uids).into_iter().for_each(add),
            UpstreamOrder::Find { message_ids } => {
                for id in message_ids {
                    let search = SentPieces::new("UID SEARCH HEADER Message-ID");
                    add(search.string(id.as_bytes()));
                }
            }
            UpstreamOrder::Idle | UpstreamOrder::Leave => {}
        }
        commands
    }

    /// Marks messages as deleted and takes them away. Without UIDPLUS there is only EXPUNGE, which
    /// would take what others have marked: they stay marked, and others take them away.
    fn delete(&self, uids: &UidSet) -> Vec<SentPieces> {
        let mut commands = vec![store(uids, ('+', ".SILENT"), Flags::DELETED, &[])];
        if self.offers.uidplus {
            commands.push(SentPieces::new(&format!("UID EXPUNGE {uids}")));
        }
        commands
    }

    /// The next command of the order, or its outcome.
    fn go_on(&mut self, out: &mut Vec<u8>) -> DialogueStep {
        let Some(work) = &mut self.work else {
            return self.finish(UpstreamOutcome::Done);
        };
        match work.left.pop_front().or_else(|| work.look()) {
            Some(command) => {
                self.say(DialoguePhase::Work, command, out);
                DialogueStep::None
            }
            None => match self.work.take() {
                Some(work) => self.finish(work.outcome()),
                None => self.finish(UpstreamOutcome::Done),
            },
        }
    }

    fn finish(&mut self, outcome: UpstreamOutcome) -> DialogueStep {
        self.work = None;
        self.phase = DialoguePhase::Ready;
        DialogueStep::Done(outcome)
    }

    pub(super) fn work_answered(
        &mut self,
        status: UpstreamStatus,
        out: &mut Vec<u8>,
    ) -> DialogueStep {
        if !status.is_ok {
            return self.finish(UpstreamOutcome::Refused {
                is_missing: status.code == UpstreamCode::Missing,
                text: status.text,
            });
        }
        self.note_code(&status);
        if let Some(work) = &mut self.work
            && matches!(work.order, UpstreamOrder::Find { .. })
        {
            work.found.push(core::mem::take(&mut work.has_found));
        }
        self.go_on(out)
    }

    /// What the server tells without a tag.
    pub(super) fn note(&mut self, said: UpstreamSaid, out: &mut Vec<u8>) -> DialogueStep {
        match said {
            UpstreamSaid::Exists(n) => {
                let is_open = self.with_open(|opened| opened.exists = n);
                self.has_news |= !is_open && n != self.exists;
                self.exists = n;
            }
            UpstreamSaid::Expunged(_) => {
                self.exists = self.exists.saturating_sub(1);
                self.note_expunged();
                let exists = self.exists;
                self.with_open(|opened| opened.exists = exists);
                self.has_changed = true;
            }
            UpstreamSaid::Vanished { uids, is_earlier } => self.vanished(&uids, is_earlier),
            UpstreamSaid::Folder(folder) => {
                if let Some(work) = &mut self.work
                    && work.order == UpstreamOrder::List
                    && work.folders.len() < REMOTE_FOLDERS_MAX
                {
                    work.folders.push(folder);
                }
            }
            UpstreamSaid::Searched(has_found) => {
                if let Some(work) = &mut self.work {
                    work.has_found |= has_found;
                }
            }
            UpstreamSaid::Fetched(items) => {
                let work = self.work.as_mut();
                let is_answer = work.is_some_and(|work| work.fetched(*items));
                self.has_changed |= !is_answer;
            }
            _ => {}
        }
        if (self.has_news || self.has_changed) && self.phase == DialoguePhase::Idle {
            self.end_idle(out);
        }
        DialogueStep::None
    }

    /// A message is gone, maybe one that is being changed.
    fn note_expunged(&mut self) {
        if let Some(work) = &mut self.work {
            work.has_expunged = true;
        }
    }

    /// Messages are gone.
    fn vanished(&mut self, uids: &UidSet, is_earlier: bool) {
        if !is_earlier {
            let gone = u32::try_from(uids.len()).unwrap_or(u32::MAX);
            self.exists = self.exists.saturating_sub(gone);
            self.note_expunged();
        }
        match &mut self.work {
            Some(work) if matches!(work.order, UpstreamOrder::Changes { .. }) => {
                work.vanished.add(uids);
            }
            _ => self.has_changed = true,
        }
    }

    /// Changes what is known of the mailbox that is being opened. `false`: none is.
    fn with_open(&mut self, change: impl FnOnce(&mut OpenedFolder)) -> bool {
        match &mut self.work {
            Some(work) if matches!(work.order, UpstreamOrder::Open { .. }) => {
                change(&mut work.opened);
                true
            }
            _ => false,
        }
    }

    fn wait_for_news(&mut self, out: &mut Vec<u8>) -> DialogueStep {
        if self.has_news || self.has_changed {
            return self.news_have_come();
        }
        match self.offers.idle {
            true => self.say(
                DialoguePhase::IdleBegins,
                SentPieces::new("IDLE").end(),
                out,
            ),
            false => {
                // The wait has a number of its own.
                self.tag = self.tag.wrapping_add(1);
                self.phase = DialoguePhase::Pause;
            }
        }
        DialogueStep::None
    }

    fn news_have_come(&mut self) -> DialogueStep {
        self.has_news = false;
        let has_changed = core::mem::take(&mut self.has_changed);
        self.finish(UpstreamOutcome::Woken { has_changed })
    }

    /// The server idles. What came meanwhile ends it at once.
    pub(super) fn idle_begun(&mut self, out: &mut Vec<u8>) -> DialogueStep {
        self.phase = DialoguePhase::Idle;
        if self.has_news || self.has_changed {
            self.end_idle(out);
        }
        DialogueStep::None
    }

    pub(super) fn end_idle(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"DONE\r\n");
        self.phase = DialoguePhase::IdleEnds;
    }

    /// IDLE has ended: as we wished, or because the server will not.
    pub(super) fn idle_answered(
        &mut self,
        status: &UpstreamStatus,
        out: &mut Vec<u8>,
    ) -> DialogueStep {
        if !status.is_ok || self.phase != DialoguePhase::IdleEnds {
            // It offers what it refuses, or ends what it began: it is asked from time to time.
            self.offers.idle = false;
        }
        self.phase = DialoguePhase::Ready;
        self.wait_for_news(out)
    }

    pub(super) fn polled(&mut self, status: &UpstreamStatus) -> DialogueStep {
        if !status.is_ok {
            return DialogueStep::Lost(UpstreamLoss::Refused(status.text.clone()));
        }
        if self.has_news || self.has_changed {
            return self.news_have_come();
        }
        self.tag = self.tag.wrapping_add(1);
        self.phase = DialoguePhase::Pause;
        DialogueStep::None
    }
}

fn store(
    uids: &UidSet,
    (sign, silent): (char, &str),
    flags: Flags,
    words: &[String],
) -> SentPieces {
    let names = Flags::NAMES.iter().filter(|(_, flag)| flags.has(*flag));
    let names = names.map(|(name, _)| *name);
    let names: Vec<&str> = names.chain(words.iter().map(String::as_str)).collect();
    let names = names.join(" ");
    SentPieces::new(&format!("UID STORE {uids} {sign}FLAGS{silent} ({names})"))
}
