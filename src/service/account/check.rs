//! The check of a domain: asks the DNS for each of its records, says what differs, and proves the
//! domain when its ownership record is there.
//!
//! ```text
//!   Verify ─► questions ─► DNS … all answers ─► Verify with them ─► proven? ─► answer
//! ```
//!
//! The writer does not wait: the connection gets its answer from the second call. What the last
//! check has found is kept in memory, for those that read the domain.

use std::sync::{Arc, Mutex, PoisonError};

use super::dkim::turn_keys;
use super::domain::{DomainSubject, announce, info, prove, view};
use super::record::{judge, question, sees_new_keys};
use crate::call::{
    Caller, DnsAnswer, DnsError, DomainRef, DomainWrite, Idempotency, Question, RecordPurpose,
    RecordStatus, Refusal, Request, Write, Written,
};
use crate::service::context::{Carried, WriteContext};
use crate::service::returned::Returned;

/// The answers to the questions of one check.
pub type CheckedAnswers = Vec<(Question, DnsAnswer)>;

/// Asks for the records of a domain, or carries on with the answers.
pub fn verify_domain(
    context: &mut WriteContext<'_>,
    caller: &Caller,
    (domain, answers): (&DomainRef, Option<&CheckedAnswers>),
    idempotency: Option<&Idempotency>,
) -> Result<Carried, Refusal> {
    let subject = DomainSubject::find(context.service, context.store, caller.access()?, domain)?;
    match answers {
        None => {
            ask(context, caller, &subject, idempotency)?;
            Ok(Carried::Held)
        }
        Some(answers) => conclude(context, subject, answers).map(Carried::Done),
    }
}

/// Sends the questions away. The last answer brings the call back.
fn ask(
    context: &mut WriteContext<'_>,
    caller: &Caller,
    subject: &DomainSubject,
    idempotency: Option<&Idempotency>,
) -> Result<(), Refusal> {
    let view = view(context.service, context.store, subject.clone())?;
    let mut questions: Vec<Question> = view.records.iter().filter_map(question).collect();
    questions.sort_unstable();
    questions.dedup();
    let back = Arc::new(Gathered {
        request: Request {
            request_id: context.request_id,
            depth: context.depth,
            conn: context.origin,
            peer: core::net::Ipv4Addr::UNSPECIFIED.into(),
            now: context.now,
            caller: caller.clone(),
            call: (subject.reference(), idempotency.cloned()),
        },
        wanted: questions.len(),
        answers: Mutex::default(),
        service: context.service.returned.clone(),
    });
    for question in questions {
        let (back, asked) = (Arc::clone(&back), question.clone());
        let take = Box::new(move |answer| back.take(asked, answer));
        context.service.resolver().ask_fresh(question, take);
    }
    Ok(())
}

/// The answers of one check, as they come.
struct Gathered {
    request: Request<(DomainRef, Option<Idempotency>)>,
    wanted: usize,
    answers: Mutex<CheckedAnswers>,
    service: Arc<Returned>,
}

impl Gathered {
    fn take(&self, question: Question, answer: DnsAnswer) {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.push((question, answer));
        if answers.len() < self.wanted {
            return;
        }
        let seen = Some(Arc::new(core::mem::take(&mut *answers)));
        drop(answers);
        let (domain, idempotency) = self.request.call.clone();
        let call = DomainWrite::Verify {
            domain,
            seen,
            idempotency,
        };
        self.service.give(Request {
            request_id: self.request.request_id,
            depth: self.request.depth,
            conn: self.request.conn,
            peer: self.request.peer,
            now: self.request.now,
            caller: self.request.caller.clone(),
            call: Write::Domain(call),
        });
    }
}

/// Judges the answers, and proves the domain if its ownership record is among them.
fn conclude(
    context: &mut WriteContext<'_>,
    subject: DomainSubject,
    answers: &CheckedAnswers,
) -> Result<Written, Refusal> {
    let keys = context.store.dkim_keys(subject.row.id)?;
    let mut view = view(context.service, context.store, subject.clone())?;
    let unknown = Err(DnsError::Temporary("it was not asked"));
    for record in &mut view.records {
        let asked = question(record);
        let answer = answers.iter().find(|(q, _)| Some(q) == asked.as_ref());
        let answer = answer.map_or(&unknown, |(_, answer)| answer);
        judge(record, answer, info(context.service, &subject, &keys));
    }
    let owns = view.records.iter().any(|record| {
        record.purpose == RecordPurpose::Ownership && record.status == RecordStatus::Ok
    });
    if let Some(org) = subject.org
        && owns
        && subject.row.verified_at.is_none()
    {
        view.row = prove(context, org, subject.row.clone())?;
        announce(context, org, &view.row)?;
    }
    if sees_new_keys(&view.records, &keys) {
        turn_keys(context, subject.row.id)?;
    }
    let now_ms = context.now.unix_ms;
    view.checked_at = Some(now_ms);
    (context.service.checks).keep(subject.row.id, now_ms, &view.records);
    Ok(Written::Domain(Box::new(view)))
}
