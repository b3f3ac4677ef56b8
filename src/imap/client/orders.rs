//! Orders: the commands of each, what their answers mean, and the wait for news.

use std::collections::{BTreeMap, VecDeque};

use super::commands::SentPieces;
use super::response::{FetchedItems, UpstreamCode, UpstreamSaid, UpstreamStatus};
use super::{DialoguePhase, DialogueStep, UpstreamDialogue};
use crate::call::{
    Flags, OpenedFolder, REMOTE_FOLDERS_MAX, RemoteFolder, RemoteMessage, SCAN_MAX, UidSet,
    UpstreamLoss, UpstreamOrder, UpstreamOutcome,
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
            UpstreamOrder::Fetch { .. } | UpstreamOrder::Scan { .. }
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
            UpstreamOrder::Scan { first, last, .. } => {
                let Some(row) = items.row() else {
                    return false;
                };
                // `9:*` has the last message even if its UID is below 9.
                if row.uid < *first || last.is_some_and(|last| row.uid > last) {
                    return true;
                }
                self.rows.insert(row.uid, row);
                if self.rows.len() > SCAN_MAX {
                    self.rows.pop_last();
                    self.has_more = true;
                }
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
            UpstreamOrder::Scan { .. } => UpstreamOutcome::Scanned {
                messages: self.rows.into_values().collect(),
                is_whole: !self.has_more,
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
            UpstreamOrder::Move { .. } => UpstreamOutcome::Moved {
                placed: self.placed,
            },
            UpstreamOrder::Flag { .. }
            | UpstreamOrder::Expunge { .. }
            | UpstreamOrder::Idle
            | UpstreamOrder::Leave => UpstreamOutcome::Done,
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
                    self.has_news = false;
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
            UpstreamOrder::Scan {
                first,
                last,
                since,
                identify,
            } => {
                let last = last.map_or("*".to_owned(), |last| last.to_string());
                let identify = match identify {
                    true => " BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)]",
                    false => "",
                };
                let items = format!("UID FLAGS INTERNALDATE RFC822.SIZE{identify}");
                let line = format!("UID FETCH {first}:{last} ({items})");
                let since = since.filter(|_| self.offers.condstore);
                let since = since.map(|since| format!(" (CHANGEDSINCE {since})"));
                add(SentPieces::new(&line).words(&since.unwrap_or_default()));
            }
            UpstreamOrder::Fetch { uid } => {
                let items = "(UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[])";
                add(SentPieces::new(&format!("UID FETCH {uid} {items}")));
            }
            UpstreamOrder::Flag {
                uids,
                add: more,
                remove,
            } => {
                for (sign, flags) in [('+', *more), ('-', *remove)] {
                    if flags != Flags::NONE {
                        add(store(uids, sign, flags));
                    }
                }
            }
            UpstreamOrder::Move { uids, to } if self.offers.has_move => {
                add(SentPieces::new(&format!("UID MOVE {uids}")).string(to));
            }
            UpstreamOrder::Move { uids, to } => {
                add(SentPieces::new(&format!("UID COPY {uids}")).string(to));
                add(store(uids, '+', Flags::DELETED));
                add(self.expunge(uids));
            }
            UpstreamOrder::Expunge { uids } => {
                add(store(uids, '+', Flags::DELETED));
                add(self.expunge(uids));
            }
            UpstreamOrder::Idle | UpstreamOrder::Leave => {}
        }
        commands
    }

    fn expunge(&self, uids: &UidSet) -> SentPieces {
        // Without UIDPLUS, what others have marked goes too: there is no other way.
        match self.offers.uidplus {
            true => SentPieces::new(&format!("UID EXPUNGE {uids}")),
            false => SentPieces::new("EXPUNGE"),
        }
    }

    /// The next command of the order, or its outcome.
    fn go_on(&mut self, out: &mut Vec<u8>) -> DialogueStep {
        let Some(work) = &mut self.work else {
            return self.finish(UpstreamOutcome::Done);
        };
        match work.left.pop_front() {
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
                let exists = self.exists;
                self.with_open(|opened| opened.exists = exists);
                self.has_news = true;
            }
            UpstreamSaid::Vanished(_) => self.has_news = true,
            UpstreamSaid::Folder(folder) => {
                if let Some(work) = &mut self.work
                    && work.order == UpstreamOrder::List
                    && work.folders.len() < REMOTE_FOLDERS_MAX
                {
                    work.folders.push(folder);
                }
            }
            UpstreamSaid::Fetched(items) => {
                let work = self.work.as_mut();
                let is_answer = work.is_some_and(|work| work.fetched(*items));
                self.has_news |= !is_answer;
            }
            _ => {}
        }
        if self.has_news && self.phase == DialoguePhase::Idle {
            self.end_idle(out);
        }
        DialogueStep::None
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
        if self.has_news {
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
        self.finish(UpstreamOutcome::Woken)
    }

    /// The server idles. What came meanwhile ends it at once.
    pub(super) fn idle_begun(&mut self, out: &mut Vec<u8>) -> DialogueStep {
        self.phase = DialoguePhase::Idle;
        if self.has_news {
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
        if self.has_news {
            return self.news_have_come();
        }
        self.tag = self.tag.wrapping_add(1);
        self.phase = DialoguePhase::Pause;
        DialogueStep::None
    }
}

fn store(uids: &UidSet, sign: char, flags: Flags) -> SentPieces {
    let names = Flags::NAMES.iter().filter(|(_, flag)| flags.has(*flag));
    let names: Vec<&str> = names.map(|(name, _)| *name).collect();
    let names = names.join(" ");
    SentPieces::new(&format!("UID STORE {uids} {sign}FLAGS.SILENT ({names})"))
}
