//! The engine of a connection to the server of an account: it fetches what is new in each mailbox
//! that is kept here, and then waits for news of INBOX for as long as anything listens.
//!
//! ```text
//!  Ready ─► List ─► Folders ─► Open ─► Opened ─► Scan ─► Match ─► Fetch ─►  Accept ─► … next one
//!                               ▲                  ▲                                      │
//!                               │                  └───────── Woken ◄── Idle ◄────────────┤
//!                               └──────────────── every ten minutes ──────────────────────┘
//! ```
//!
//! Behind `Opened`, `push.rs` tells the server what has changed here, and `state.rs` compares what
//! has changed there, before new messages are looked for. Each scan goes to the service (`Match`),
//! which knows the messages that are here under another number or were moved.
//!
//! It decides nothing about what is kept: the service answers each step, and what it stores with a
//! message is the place at which the next connection goes on. So a connection may break anywhere.

use std::collections::VecDeque;
use std::sync::Arc;

use super::comparison::{FolderTour, StateCompared};
use super::span::ScanSpan;
use super::step::SyncStep;
use super::{DialogueStep, UpstreamDialogue};
use crate::call::{
    Ask, Call, Caller, Charge, FetchedUpTo, GoneMessage, Holders, Intake, MemoryShortage, Metric,
    Now, OpenedFolder, PushOutcome, Refusal, RemoteMessage, Reply, Route, SCAN_MAX, Shared,
    SyncedFolder, UidSet, UpstreamDial, UpstreamFolderId, UpstreamLoss, UpstreamMessage,
    UpstreamOrder, UpstreamOutcome, UpstreamPush, UpstreamTls, UpstreamWrite, Written,
};
use crate::engine::{CertificateCheck, DialError, Engine, Input, Output, Trust};

/// One connection of an account.
#[derive(Debug)]
pub struct UpstreamClient {
    pub(super) dial: UpstreamDial,
    shared: Arc<Shared>,
    certificate: Arc<CertificateCheck>,
    pub(super) dialogue: UpstreamDialogue,
    pub(super) step: SyncStep,
    pub(super) folders: Vec<SyncedFolder>,
    /// The mailbox with what is filed away, and messages that are gone and may be there.
    pub(super) archive: Option<Vec<u8>>,
    pub(super) gone: Vec<GoneMessage>,
    /// The mailbox that is open: its place among `folders`, and what is known of it.
    pub(super) at: usize,
    pub(super) opened: Option<OpenedFolder>,
    pub(super) up_to: FetchedUpTo,
    /// The comparison with what is here, and whether it has found messages gone.
    pub(super) state: StateCompared,
    pub(super) has_gone: bool,
    /// A mailbox could not be opened in this round: what is gone may be there.
    pub(super) has_missed: bool,
    /// INBOX has been looked at in this round.
    pub(super) is_back: bool,
    /// When the round began, unix milliseconds.
    pub(super) began: i64,
    /// Whether the other mailboxes are looked at first.
    pub(super) tour: FolderTour,
    /// What the server is being told.
    pub(super) pushing: Option<Box<UpstreamPush>>,
    /// What of the mailbox the next scan asks for.
    span: ScanSpan,
    /// Messages to be fetched, and whether a scan has more.
    queue: VecDeque<RemoteMessage>,
    has_more: bool,
    /// All up to this UID has been told by scans.
    pub(super) seen: u32,
    /// The message that is being fetched.
    fetching: Option<Box<RemoteMessage>>,
    charge: Option<Charge>,
    /// When all mailboxes are looked at again, monotonic milliseconds.
    round_ms: u64,
    /// When news of INBOX are looked at again at the earliest, monotonic milliseconds.
    news_from_ms: u64,
    /// Octets that the server has said since it waits for news, or since the last look.
    idle_bytes: usize,
    /// The wait of the dialogue: its number and when it began.
    wait: ((u32, bool), u64),
    /// The connection was lost while a call was out.
    lost: Option<UpstreamLoss>,
    pub(super) is_stopping: bool,
}

impl UpstreamClient {
    /// An engine for this connection. `certificate` is what TLS writes its check to.
    pub fn new(
        dial: UpstreamDial,
        shared: Arc<Shared>,
        certificate: Arc<CertificateCheck>,
    ) -> UpstreamClient {
        let max = shared.limits.message_bytes as u64;
        UpstreamClient {
            dialogue: UpstreamDialogue::new(dial.tls, dial.login.clone(), max),
            dial,
            shared,
            certificate,
            step: SyncStep::Hello,
            folders: Vec::new(),
            archive: None,
            gone: Vec::new(),
            at: 0,
            opened: None,
            up_to: FetchedUpTo {
                last_uid: None,
                is_renumbered: false,
                compared: None,
            },
            state: StateCompared::default(),
            has_gone: false,
            has_missed: false,
            is_back: false,
            began: 0,
            tour: FolderTour::None,
            pushing: None,
            span: ScanSpan::default(),
            queue: VecDeque::new(),
            has_more: false,
            seen: 0,
            fetching: None,
            charge: None,
            round_ms: 0,
            news_from_ms: 0,
            idle_bytes: 0,
            wait: ((0, false), 0),
            lost: None,
            is_stopping: false,
        }
    }

    fn opened(&mut self, out: &mut Output) {
        let is_starttls = self.dial.tls == UpstreamTls::StartTls;
        let is_up = !is_starttls || self.dialogue.awaits_handshake();
        if is_up && !self.certificate.has_passed() {
            let why = "the certificate was not verified".to_owned();
            return self.end(Some(UpstreamLoss::Tls(why)), out);
        }
        self.dialogue.connected(&mut out.bytes);
    }

    fn bytes(&mut self, now: Now, bytes: &[u8], out: &mut Output) -> usize {
        match self.step {
            SyncStep::End | SyncStep::Closed => return bytes.len(),
            step if step.is_of_service() => return 0,
            _ => {}
        }
        let (used, step) = self.dialogue.take(bytes, &mut out.bytes);
        if let Some(charge) = &mut self.charge {
            charge.record(used, now.mono_ms);
        }
        self.told(now, step, out);
        if self.step == SyncStep::Idle {
            self.idle_bytes = self.idle_bytes.saturating_add(used);
            if self.idle_bytes > IDLE_BYTES_MAX {
                // It says much and tells nothing: no more is read until the next look.
                out.hold = Some(true);
            }
        } else {
            self.idle_bytes = 0;
        }
        used
    }

    /// A step of the dialogue.
    fn told(&mut self, now: Now, step: DialogueStep, out: &mut Output) {
        match step {
            DialogueStep::None => {}
            DialogueStep::StartTls => out.start_tls = true,
            DialogueStep::Ready => self.order(now, SyncStep::List, UpstreamOrder::List, out),
            DialogueStep::Done(outcome) => self.done(now, outcome, out),
            DialogueStep::Left => self.end(None, out),
            DialogueStep::Lost(loss) => self.end(Some(loss), out),
        }
    }

    pub(super) fn order(
        &mut self,
        now: Now,
        step: SyncStep,
        order: UpstreamOrder,
        out: &mut Output,
    ) {
        self.step = step;
        if let DialogueStep::Done(outcome) = self.dialogue.begin(order, &mut out.bytes) {
            // There were news before it began to wait.
            self.done(now, outcome, out);
        }
    }

    pub(super) fn ask(&mut self, step: SyncStep, call: impl Into<Call>, out: &mut Output) {
        self.step = step;
        out.ask = Some(Ask {
            request_id: None,
            depth: 0,
            caller: Caller::System,
            call: call.into(),
        });
    }

    /// What came of an order.
    fn done(&mut self, now: Now, outcome: UpstreamOutcome, out: &mut Output) {
        let account = self.dial.account;
        match (self.step, outcome) {
            (SyncStep::List, UpstreamOutcome::Listed(folders)) => {
                let call = UpstreamWrite::Folders { account, folders };
                self.ask(SyncStep::Folders, call, out);
            }
            (SyncStep::Open, UpstreamOutcome::Opened(opened)) => {
                let Some(folder) = self.folders.get(self.at).map(|folder| folder.id) else {
                    return self.leave(now, out);
                };
                self.opened = Some(opened);
                let call = UpstreamWrite::Opened {
                    account,
                    folder,
                    opened,
                };
                self.ask(SyncStep::Opened, call, out);
            }
            // A mailbox that is gone, or that cannot be opened now: the others go on.
            (SyncStep::Open, UpstreamOutcome::Refused { text, .. }) => {
                log::debug!("upstream inbox={}: open: {text}", account.inbox);
                if self.at == 0 {
                    return self.end(Some(UpstreamLoss::Refused(text)), out);
                }
                self.has_missed = true;
                match self.tour {
                    FolderTour::None => self.open_next(now, out),
                    _ => self.go_on_tour(now, out),
                }
            }
            (
                SyncStep::Scan,
                UpstreamOutcome::Scanned {
                    messages, is_whole, ..
                },
            ) => self.scanned(now, messages, is_whole, out),
            (
                SyncStep::State | SyncStep::Changes,
                UpstreamOutcome::Scanned {
                    messages,
                    is_whole,
                    vanished,
                    modseq,
                },
            ) => self.state_told(now, messages, (is_whole, vanished, modseq), out),
            (SyncStep::Fetch, UpstreamOutcome::Message { row, octets }) => {
                self.fetched(row, octets, out);
            }
            (SyncStep::Fetch, UpstreamOutcome::Absent { is_too_large }) => {
                if is_too_large && let Some(row) = &self.fetching {
                    let inbox = account.inbox;
                    log::warn!("upstream inbox={inbox} uid={}: too large", row.uid);
                }
                self.pass(out);
            }
            (
                SyncStep::OpenArchive,
                outcome @ (UpstreamOutcome::Opened(_) | UpstreamOutcome::Refused { .. }),
            ) => self.archive_opened(now, &outcome, out),
            (
                SyncStep::Find,
                outcome @ (UpstreamOutcome::Found(_) | UpstreamOutcome::Refused { .. }),
            ) => self.archive_searched(outcome, out),
            (SyncStep::Push, UpstreamOutcome::Done) => self.pushed(PushOutcome::Done, out),
            (SyncStep::Push, UpstreamOutcome::Flagged { missing, refused }) => {
                self.pushed(PushOutcome::Flagged { missing, refused }, out);
            }
            (SyncStep::Push, UpstreamOutcome::Moved { placed }) => {
                self.pushed(PushOutcome::Moved(placed), out);
            }
            (SyncStep::Push, UpstreamOutcome::Copied { placed }) => {
                self.pushed(PushOutcome::Copied(placed), out);
            }
            (SyncStep::Push, UpstreamOutcome::Refused { text, .. }) => {
                log::info!("upstream inbox={}: a change: {text}", account.inbox);
                self.pushed(PushOutcome::Refused, out);
            }
            (SyncStep::Idle, UpstreamOutcome::Woken { has_changed }) => {
                if now.mono_ms < self.news_from_ms && self.is_wanted() {
                    self.step = SyncStep::Pause { has_changed };
                    out.hold = Some(true);
                    return;
                }
                self.news_from_ms = now.mono_ms.saturating_add(NEWS_MS);
                self.woken(now, has_changed, out);
            }
            (_, UpstreamOutcome::Refused { text, .. }) => {
                self.end(Some(UpstreamLoss::Refused(text)), out);
            }
            _ => self.end(
                Some(UpstreamLoss::BadResponse("an outcome out of turn")),
                out,
            ),
        }
    }

    /// Opens the mailbox behind the open one; behind the last one INBOX, to wait there.
    fn open_next(&mut self, now: Now, out: &mut Output) {
        let next = self.at + 1;
        match next < self.folders.len() {
            true => self.at = next,
            false => {
                self.round_ms = now.mono_ms.saturating_add(ROUND_MS);
                return self.finish_round(out);
            }
        }
        self.open(now, out);
    }

    pub(super) fn open(&mut self, now: Now, out: &mut Output) {
        self.opened = None;
        if self.at == 0 && !self.is_back && self.tour == FolderTour::None {
            self.began = now.unix_ms;
            // What is to be told by now is told in this round.
            self.shared.upstream_wakes.take(self.dial.account.inbox);
        }
        let Some(name) = self.folders.get(self.at).map(|folder| folder.name.clone()) else {
            return self.leave(now, out);
        };
        self.order(now, SyncStep::Open, UpstreamOrder::Open { name }, out);
    }

    /// The mailbox is up to date.
    pub(super) fn is_up_to_date(&mut self, now: Now, out: &mut Output) {
        self.tour = FolderTour::None;
        let is_round_over = now.mono_ms < self.round_ms && !self.has_gone;
        match self.at == 0 && is_round_over {
            true => self.wait_for_news(now, out),
            false => self.open_next(now, out),
        }
    }

    pub(super) fn wait_for_news(&mut self, now: Now, out: &mut Output) {
        match self.is_wanted() {
            true => self.order(now, SyncStep::Idle, UpstreamOrder::Idle, out),
            false => self.leave(now, out),
        }
    }

    /// The mailbox that is open, and what the server has said of it.
    pub(super) fn open_folder(&self) -> Option<(UpstreamFolderId, OpenedFolder)> {
        let folder = self.folders.get(self.at)?;
        Some((folder.id, self.opened?))
    }

    fn is_wanted(&self) -> bool {
        let (org, path) = (self.dial.account.org, &self.dial.path);
        let listeners = &self.shared.listeners;
        !self.is_stopping && listeners.hear(org, path) && !listeners.is_leaving(path.id)
    }

    fn woken(&mut self, now: Now, has_changed: bool, out: &mut Output) {
        if !self.is_wanted() {
            return self.leave(now, out);
        }
        match (now.mono_ms >= self.round_ms, has_changed) {
            (true, _) => self.open(now, out),
            // So many have come that they are asked for in spans, up to the new UIDNEXT.
            (false, _) if self.has_grown() => self.open(now, out),
            (false, true) => self.compare(now, true, out),
            (false, false) => self.scan(now, out),
        }
    }

    /// Whether more messages have come since the mailbox was opened than one scan keeps.
    fn has_grown(&self) -> bool {
        let opened = self.opened.map_or(0, |opened| opened.exists);
        self.dialogue.exists().saturating_sub(opened) as usize > SCAN_MAX
    }

    pub(super) fn leave(&mut self, now: Now, out: &mut Output) {
        self.order(now, SyncStep::Leave, UpstreamOrder::Leave, out);
    }

    pub(super) fn scan(&mut self, now: Now, out: &mut Output) {
        let first = self.up_to.last_uid.unwrap_or(0).max(self.seen);
        let Some(first) = first.checked_add(1) else {
            return self.is_up_to_date(now, out);
        };
        let last = self.span.begin(first, self.opened);
        self.order(
            now,
            SyncStep::Scan,
            UpstreamOrder::Scan { first, last },
            out,
        );
    }

    fn scanned(
        &mut self,
        now: Now,
        messages: Vec<RemoteMessage>,
        is_whole: bool,
        out: &mut Output,
    ) {
        let (seen, has_more) = self.span.told(&messages, is_whole);
        (self.seen, self.has_more) = (seen.unwrap_or(self.seen), has_more);
        let (account, opened) = (self.dial.account, self.opened);
        let folder = self.folders.get(self.at);
        let folder = folder.map(|folder| (folder.id, folder.purpose));
        let (Some((folder, purpose)), Some(opened)) = (folder, opened) else {
            return self.leave(now, out);
        };
        if self.up_to.last_uid.is_none() {
            // What is there now is old. The end of it is looked for.
            if self.has_more {
                return self.scan(now, out);
            }
            let uid = self.seen;
            self.up_to.last_uid = Some(uid);
            let call = UpstreamWrite::Passed {
                account,
                folder,
                uid,
            };
            return self.ask(SyncStep::Pass, call, out);
        }
        if messages.is_empty() {
            return self.fetch_next(now, out);
        }
        self.queue = messages.iter().cloned().collect();
        let call = UpstreamWrite::Match {
            account,
            folder,
            purpose,
            uidvalidity: opened.uidvalidity,
            messages,
            has_looked: self.tour == FolderTour::Over,
            folders: self.folders.clone(),
        };
        self.ask(SyncStep::Match, call, out);
    }

    /// The service has said which messages are to come.
    fn matched(&mut self, now: Now, uids: &UidSet, may_have_moved: bool, out: &mut Output) {
        self.queue.retain(|row| uids.contains(row.uid));
        if may_have_moved && self.queue.is_empty() {
            return self.begin_tour(now, out);
        }
        if let (true, Some(last)) = (may_have_moved, self.queue.back()) {
            // The others come with the next scan.
            (self.has_more, self.seen) = (true, last.uid);
        }
        self.fetch_next(now, out);
    }

    fn fetch_next(&mut self, now: Now, out: &mut Output) {
        if self.is_stopping {
            return self.leave(now, out);
        }
        let Some(row) = self.queue.pop_front() else {
            return match self.has_more {
                true => self.scan(now, out),
                false => self.is_up_to_date(now, out),
            };
        };
        let max = self.shared.limits.message_bytes as u64;
        // A server may say no size, or a wrong one: octets beyond it are dropped while they come.
        let size = row
            .size
            .map_or(max, |size| size.saturating_add(SLACK_BYTES));
        let size = size.min(max);
        let holders = Holders::of_organization(self.dial.account.org);
        let mut charge = self.shared.intake.arrival(holders, now.mono_ms);
        let held = charge.hold(usize::try_from(size).unwrap_or(usize::MAX), now.mono_ms);
        if let Err(shortage) = held {
            return self.give_up(&shortage, out);
        }
        self.charge = Some(charge);
        self.dialogue.expect_message(size);
        let uid = row.uid;
        self.fetching = Some(Box::new(row));
        self.order(now, SyncStep::Fetch, UpstreamOrder::Fetch { uid }, out);
    }

    /// There is no memory for a message: it comes with another connection.
    fn give_up(&mut self, shortage: &MemoryShortage, out: &mut Output) {
        self.shared.metrics.count(Metric::RejectedMemory);
        self.end(Some(UpstreamLoss::Closed(shortage.to_string())), out);
    }

    /// A message is whole: it goes to the service.
    fn fetched(&mut self, told: Option<Box<RemoteMessage>>, octets: Vec<u8>, out: &mut Output) {
        let folder = self.folders.get(self.at);
        let (Some(folder), Some(opened), Some(mut row)) =
            (folder, self.opened, self.fetching.take())
        else {
            return self.end(
                Some(UpstreamLoss::BadResponse("a message out of turn")),
                out,
            );
        };
        if let Some(told) = told {
            // Its flags may have changed since the scan.
            (row.flags, row.keywords) = (told.flags, told.keywords);
        }
        row.size = Some(row.size.unwrap_or(octets.len() as u64));
        let from = UpstreamMessage {
            account: self.dial.account,
            folder: folder.id,
            purpose: folder.purpose,
            uidvalidity: opened.uidvalidity,
            row: (*row).clone(),
        };
        let settled = self.charge.as_mut().map(Charge::settle);
        if let Some(Err(shortage)) = settled {
            return self.give_up(&shortage, out);
        }
        let intake = Intake {
            route: Route::Upstream(Box::new(from)),
            octets,
            charge: self.charge.take().map(Arc::new),
        };
        self.fetching = Some(row);
        self.ask(SyncStep::Accept, Call::Accept(Box::new(intake)), out);
    }

    /// The message that is being fetched is done with.
    fn pass(&mut self, out: &mut Output) {
        self.charge = None;
        let folder = self.folders.get(self.at).map(|folder| folder.id);
        let (Some(folder), Some(row)) = (folder, self.fetching.take()) else {
            return self.end(
                Some(UpstreamLoss::BadResponse("a message out of turn")),
                out,
            );
        };
        let call = UpstreamWrite::Passed {
            account: self.dial.account,
            folder,
            uid: row.uid,
        };
        self.ask(SyncStep::Pass, call, out);
    }

    /// An answer of the service.
    fn service_answered(&mut self, now: Now, reply: Reply, out: &mut Output) {
        if self.step == SyncStep::End {
            self.step = SyncStep::Closed;
            out.close = true;
            return;
        }
        if let Some(loss) = self.lost.take() {
            return self.end(Some(loss), out);
        }
        match (self.step, reply) {
            (SyncStep::Folders, Reply::Written(Written::UpstreamFolders(folders), _)) => {
                (self.folders, self.archive) = (folders.kept, folders.archive);
                self.at = 0;
                self.open(now, out);
            }
            (SyncStep::Opened, Reply::Written(Written::UpstreamAt(up_to), _)) => {
                self.up_to = up_to;
                (self.seen, self.span) = (0, ScanSpan::default());
                match (self.tour, core::mem::take(&mut self.is_back)) {
                    (FolderTour::Beyond(_), _) => self.compare(now, false, out),
                    (FolderTour::Over, _) => self.scan(now, out),
                    (FolderTour::None, true) => self.look_for_new(now, out),
                    (FolderTour::None, false) => self.push(out),
                }
            }
            (SyncStep::NextChange, Reply::Written(Written::UpstreamPush { push, has_more }, _)) => {
                self.next_change(now, push, has_more, out);
            }
            (SyncStep::Pushed, Reply::Written(..)) => self.push(out),
            (SyncStep::Known, Reply::Written(Written::UpstreamKnown(uids, before), _)) => {
                self.known(now, uids, before, out);
            }
            (SyncStep::Told, Reply::Written(Written::UpstreamTold { has_gone, rest }, _)) => {
                self.state_taken(now, has_gone, rest, out);
            }
            (SyncStep::Told, Reply::Refused(Refusal::Limit { .. })) if self.leave_keywords(out) => {
            }
            (SyncStep::Compared, Reply::Written(..)) => self.look_for_new(now, out),
            (SyncStep::Round, Reply::Written(Written::UpstreamEnded { has_more }, _)) => {
                match has_more {
                    true => self.finish_round(out),
                    false => self.end_round(now, out),
                }
            }
            (SyncStep::Gone, Reply::Written(Written::UpstreamGone(gone), _)) => {
                self.look_in_archive(now, gone, out);
            }
            (
                SyncStep::Match,
                Reply::Written(
                    Written::UpstreamNew {
                        uids,
                        may_have_moved,
                    },
                    _,
                ),
            ) => self.matched(now, &uids, may_have_moved, out),
            (SyncStep::Accept, Reply::Written(..)) => {
                self.fetching = None;
                self.fetch_next(now, out);
            }
            (SyncStep::Accept, Reply::Refused(why)) if is_for_good(&why) => self.pass(out),
            (SyncStep::Pass, Reply::Written(..)) => self.fetch_next(now, out),
            (_, Reply::Refused(why)) => {
                let why = format!("this server cannot go on: {why:?}");
                self.end(Some(UpstreamLoss::Closed(why)), out);
            }
            _ => self.end(None, out),
        }
    }

    /// Tells the service that the connection is of no use any more.
    pub(super) fn end(&mut self, loss: Option<UpstreamLoss>, out: &mut Output) {
        if matches!(self.step, SyncStep::End | SyncStep::Closed) {
            return;
        }
        out.bytes.clear();
        out.start_tls = false;
        (self.charge, self.fetching) = (None, None);
        let account = self.dial.account;
        let call = UpstreamWrite::Ended { account, loss };
        self.ask(SyncStep::End, call, out);
    }

    /// The same when a call may be out.
    fn lose(&mut self, loss: UpstreamLoss, out: &mut Output) {
        match self.step {
            SyncStep::End => {}
            SyncStep::Closed => out.close = true,
            // It has said that it goes; some servers close before they have answered.
            SyncStep::Leave => self.end(None, out),
            step if step.is_of_service() => self.lost = Some(loss),
            _ => self.end(Some(loss), out),
        }
    }

    fn failed(&mut self, error: DialError, out: &mut Output) {
        let loss = match error {
            DialError::TimedOut => UpstreamLoss::TimedOut,
            error @ (DialError::CertificateNotTrusted(_)
            | DialError::CertificateWrongName
            | DialError::ClosedInHandshake
            | DialError::HandshakeTimedOut
            | DialError::Tls(_)) => UpstreamLoss::Tls(error.to_string()),
            error => UpstreamLoss::Closed(error.to_string()),
        };
        self.lose(loss, out);
    }

    fn deadline(&mut self, now: Now, out: &mut Output) {
        if self.step.is_of_service() || self.step == SyncStep::Closed {
            return;
        }
        if core::mem::take(&mut self.idle_bytes) > IDLE_BYTES_MAX {
            out.hold = Some(false);
        }
        if let SyncStep::Pause { has_changed } = self.step {
            if now.mono_ms >= self.news_from_ms {
                out.hold = Some(false);
                self.news_from_ms = now.mono_ms.saturating_add(NEWS_MS);
                self.woken(now, has_changed, out);
            }
            return;
        }
        let taken = self.charge.as_ref().and_then(|charge| charge.check().err());
        if let Some(shortage) = taken {
            return self.give_up(&shortage, out);
        }
        let is_over = self
            .dialogue
            .patience_ms()
            .is_some_and(|ms| now.mono_ms >= self.wait.1.saturating_add(ms));
        if is_over {
            let step = self.dialogue.time_out(&mut out.bytes);
            return self.told(now, step, out);
        }
        if !self.dialogue.is_idle() {
            return;
        }
        if self.shared.upstream_wakes.take(self.dial.account.inbox) {
            self.round_ms = 0;
        }
        if now.mono_ms >= self.round_ms || !self.is_wanted() {
            let step = self.dialogue.wake(&mut out.bytes);
            self.told(now, step, out);
        }
    }

    /// The server stops: what is under way comes again later.
    fn stop(&mut self, now: Now, out: &mut Output) {
        let is_again = core::mem::replace(&mut self.is_stopping, true);
        match self.step {
            SyncStep::Idle if !is_again => {
                let step = self.dialogue.wake(&mut out.bytes);
                self.told(now, step, out);
            }
            SyncStep::Closed => out.close = true,
            // The answer of the service comes first.
            step if step.is_of_service() && !is_again => {}
            _ => self.end(None, out),
        }
    }

    /// When the dialogue has waited long enough, or it is looked who listens.
    fn set_deadline(&mut self, now: Now, out: &mut Output) {
        let wait = self.dialogue.wait_number();
        if wait != self.wait.0 {
            self.wait = (wait, now.mono_ms);
        }
        let mut due = match self.step {
            SyncStep::End | SyncStep::Closed => None,
            SyncStep::Pause { .. } => Some(self.news_from_ms),
            step if step.is_of_service() => None,
            _ => (self.dialogue.patience_ms()).map(|ms| self.wait.1.saturating_add(ms)),
        };
        if matches!(self.step, SyncStep::Idle | SyncStep::Fetch) {
            let look = now.mono_ms.saturating_add(LOOK_MS);
            due = Some(due.map_or(look, |due| due.min(look)));
        }
        out.deadline = Some(due.map(|due| now.plus_ms(due.saturating_sub(now.mono_ms))));
    }
}

/// Whether a message is refused for what it is, so that another try gives the same.
fn is_for_good(why: &Refusal) -> bool {
    matches!(
        why,
        Refusal::Policy(_) | Refusal::TooBig { .. } | Refusal::StrayOctets | Refusal::Loop
    )
}

impl Engine for UpstreamClient {
    fn handle(&mut self, now: Now, input: Input<'_>, out: &mut Output) -> usize {
        let mut used = 0;
        match input {
            Input::Open => {
                self.wait = (self.dialogue.wait_number(), now.mono_ms);
                self.opened(out);
            }
            Input::Bytes(bytes) => used = self.bytes(now, bytes, out),
            Input::Reply(reply) => self.service_answered(now, reply, out),
            Input::Deadline => self.deadline(now, out),
            Input::Eof => {
                let why = "the host closed the connection".to_owned();
                self.lose(UpstreamLoss::Closed(why), out);
            }
            Input::Failed(error) => self.failed(error, out),
            Input::Shutdown => self.stop(now, out),
            Input::Drained | Input::Event(_) => {}
        }
        self.set_deadline(now, out);
        used
    }

    fn trust(&self) -> Trust {
        Trust::Known
    }
}

/// How often the other mailboxes are looked at: news of INBOX alone come by themselves.
const ROUND_MS: u64 = 10 * 60_000;
/// The least time between two looks at news, so that a server that tells news without end costs
/// little. The first news are looked at at once.
const NEWS_MS: u64 = 1_000;
/// Octets that a server may say between two looks while it waits for news.
const IDLE_BYTES_MAX: usize = 64 * 1024;
/// How often a connection that waits looks whether anything still listens, and one that fetches
/// whether others have taken its memory.
const LOOK_MS: u64 = 5_000;
/// Some servers count line ends as one octet.
const SLACK_BYTES: u64 = 64 * 1024;
