//! The questions about the sender of one message, on their way to the DNS and back.
//!
//! A reader begins them and does not wait. Each answer comes on a thread of the resolver, which
//! only notes it and asks what follows. A reader does the work on octets, when all answers are
//! there or the time is over.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::call::{DnsAnswer, DnsError, Resolve};
use crate::mail::auth::{Asker, Judgement, SenderCheck, SenderQuestion};

/// The id of one lookup of one message. It leads to the reader that keeps the message.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct LookupId(pub u64);

/// Tells the reader that keeps the message that all its questions are answered.
pub type TellAnswered = Box<dyn Fn(LookupId) + Send + Sync>;

/// What the inquiries of a server share.
pub(super) struct Inquirer {
    pub resolver: Arc<dyn Resolve>,
    tell: Mutex<Option<TellAnswered>>,
}

/// The questions about the sender of one message.
pub struct Inquiry {
    asking: Arc<Inquirer>,
    state: Mutex<InquiryState>,
}

struct InquiryState {
    /// Under which the reader keeps the message.
    id: LookupId,
    /// `None` when the message was judged: what comes later is of no use.
    check: Option<SenderCheck>,
    /// Questions that are not asked yet.
    unasked: Vec<SenderQuestion>,
    /// A thread asks them. Answers that come meanwhile add to them, so that the stack does not
    /// grow with the number of answers that come at once.
    is_asking: bool,
    /// A reader waits and is told of the last answer.
    is_awaited: bool,
    /// An answer has come while the reader waited, so the resolver is within reach.
    is_heard: bool,
}

impl core::fmt::Debug for Inquiry {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Inquiry(..)")
    }
}

impl Inquirer {
    /// Asks `resolver`.
    pub fn new(resolver: Arc<dyn Resolve>) -> Arc<Inquirer> {
        Arc::new(Inquirer {
            resolver,
            tell: Mutex::new(None),
        })
    }

    /// How readers are told, if they are.
    pub fn teller(&self) -> MutexGuard<'_, Option<TellAnswered>> {
        self.tell.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inquiry {
    /// Begins to ask. Gives the inquiry, and whether a reader has to wait for it.
    pub fn begin(
        asking: &Arc<Inquirer>,
        id: LookupId,
        (check, unasked): (SenderCheck, Vec<SenderQuestion>),
    ) -> (Arc<Inquiry>, bool) {
        let inquiry = Arc::new(Inquiry {
            asking: Arc::clone(asking),
            state: Mutex::new(InquiryState {
                id,
                check: Some(check),
                unasked,
                is_asking: false,
                is_awaited: false,
                is_heard: false,
            }),
        });
        ask(&inquiry);
        let waits = inquiry.state().wait(id);
        (inquiry, waits)
    }

    /// Whether it is worth while to wait longer, now as the lookup `id`: an answer is missing, and
    /// another has come.
    pub fn waits_on(&self, id: LookupId) -> bool {
        let mut state = self.state();
        state.is_heard && state.wait(id)
    }

    /// What the checks say now, of the message as it came. `None` when that was asked before.
    pub fn judge(&self, header: &[u8], body: &[u8], now_s: i64) -> Option<Judgement> {
        let mut state = self.state();
        state.unasked.clear();
        let check = state.check.take()?;
        drop(state);
        Some(check.judge(header, body, now_s))
    }

    fn state(&self) -> MutexGuard<'_, InquiryState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes an answer.
    fn answered(inquiry: &Arc<Inquiry>, asker: Asker, answer: DnsAnswer) {
        let mut state = inquiry.state();
        state.is_heard |= state.is_awaited && !matches!(answer, Err(DnsError::Temporary(_)));
        let Some(check) = &mut state.check else {
            return;
        };
        let next = check.answered(asker, answer);
        let is_answered = check.is_answered();
        state.unasked.extend(next);
        let told = (is_answered && core::mem::take(&mut state.is_awaited)).then_some(state.id);
        drop(state);
        if let Some(id) = told
            && let Some(tell) = inquiry.asking.teller().as_ref()
        {
            tell(id);
        }
        ask(inquiry);
    }
}

impl InquiryState {
    /// A reader waits under this id, if an answer is missing.
    fn wait(&mut self, id: LookupId) -> bool {
        self.id = id;
        self.is_awaited = self
            .check
            .as_ref()
            .is_some_and(|check| !check.is_answered());
        self.is_awaited
    }
}

/// Asks all questions that are not asked yet, also those that come up meanwhile.
fn ask(inquiry: &Arc<Inquiry>) {
    let mut state = inquiry.state();
    if core::mem::replace(&mut state.is_asking, true) {
        return;
    }
    while let Some((asker, question)) = state.unasked.pop() {
        drop(state);
        let own = Arc::clone(inquiry);
        let answer = move |answer| Inquiry::answered(&own, asker, answer);
        inquiry.asking.resolver.ask(question, Box::new(answer));
        state = inquiry.state();
    }
    state.is_asking = false;
}
