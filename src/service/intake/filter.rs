//! The filter in the delivery: each inbox that receives a message has it judged, and the report
//! goes into its entry. How a message is judged is `crate::judge`.
//!
//! The rules: **a message is read once**, however many inboxes judge it; and **the filter loses no
//! mail**: a fault in it leaves the message without a report.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::facts::{Author, facts_for};
use super::plan::{Effect, Placement};
use super::screen::ScreenedSender;
use super::treat::junk_of;
use crate::call::{
    Arrival, Envelope, InboxId, Metric, OrgId, PolicyReason, PolicyRefusal, Recipient, Refusal,
    RuleHit, SpamPolicy, SpamReport, Verdict,
};
use crate::judge::known_spam::KnownSpamSet;
use crate::judge::{MailView, judge};
use crate::mail::digest::Analysis;
use crate::service::Service;
use crate::service::account::spam::settings_of;
use crate::service::context::ReadContext;
use crate::store::Store;

/// The judgement of one message.
#[derive(Debug)]
pub(super) struct Filter<'m> {
    body: &'m [u8],
    analysis: &'m Analysis,
    reverse_path: Option<&'m str>,
    author: Author,
    /// The message as the filter reads it; `None` before the first inbox has it judged.
    view: Option<MailView>,
    /// The recipients that refuse it.
    refusing: Vec<String>,
}

impl<'m> Filter<'m> {
    /// The judgement of a message that comes in.
    pub fn of(
        store: &Store,
        (envelope, analysis, body): (&'m Envelope, &'m Analysis, &'m [u8]),
        from: &ScreenedSender,
    ) -> Result<Filter<'m>, Refusal> {
        Ok(Filter {
            body,
            analysis,
            reverse_path: envelope.reverse_path.as_deref(),
            author: Author::of(store, from)?,
            view: None,
            refusing: Vec::new(),
        })
    }

    /// The hashes under which an inbox remembers the author.
    pub fn into_author(self) -> Vec<i64> {
        self.author.into_keys()
    }

    /// Refuses the message when every recipient that would get it refuses it. Where others take it,
    /// it is in Junk of those that do not.
    pub fn check_refused(&self, service: &Service, effects: &[Effect]) -> Result<(), Refusal> {
        let takers = effects.iter().filter(|effect| match effect {
            Effect::Place(entry) => entry.kind == Arrival::Received,
            Effect::Queue(_) => true,
        });
        if self.refusing.is_empty() || takers.count() > self.refusing.len() {
            return Ok(());
        }
        service.shared.metrics.count(Metric::RejectedSpam);
        let refused = PolicyRefusal::of(PolicyReason::Spam, self.refusing.clone());
        Err(Refusal::Policy(Box::new(refused)))
    }

    /// Judges the message for one recipient, and puts the report into its entry.
    pub fn apply(
        &mut self,
        service: &Service,
        context: &ReadContext<'_>,
        recipient: &Recipient,
        entry: &mut Placement,
    ) -> Result<(), Refusal> {
        let (Some(org), Some(inbox)) = (recipient.org, recipient.inbox) else {
            return Ok(());
        };
        let message = (&self.author, self.analysis, self.reverse_path);
        // One read transaction for all of it: each statement alone would lock the log.
        let moment = context.store.snapshot()?;
        let facts = facts_for(service, context, message, (org, inbox))?;
        let settings = settings_of(service, context.store, inbox)?;
        let models = service.learned.of_org(context.store, org)?;
        drop(moment);
        let known = service.known_spam.set(context.store)?;
        let (view, body, analysis) = (&mut self.view, self.body, self.analysis);
        let judged = catch_unwind(AssertUnwindSafe(|| {
            let view = view.get_or_insert_with(|| {
                let view = MailView::of(body, analysis);
                KnownSpamSet::marked(view, known.as_deref(), (body, analysis))
            });
            judge(view, &facts, &settings, &models)
        }));
        let Ok(report) = judged else {
            service.shared.metrics.count(Metric::FilterFailed);
            log::error!("the filter panicked, and the message goes on without a report");
            return Ok(());
        };
        entry.prefix.extend_from_slice(&field_of(&report));
        if report.verdict == Verdict::Spam {
            let words = [
                Some(JUNK_KEYWORD),
                is_phishing(&report).then_some(PHISHING_KEYWORD),
            ];
            let words = words.into_iter().flatten().map(str::to_owned).collect();
            if settings.policy != SpamPolicy::Tag {
                entry.mailbox = junk_of(context, recipient)?;
            }
            if settings.policy == SpamPolicy::Reject {
                self.refusing.push(recipient.address.clone());
            }
            add_keywords(context.store, (org, inbox), entry, words)?;
        }
        entry.spam = Some(Box::new(report));
        Ok(())
    }
}

/// Gives an entry keywords. A mailbox that has all the keywords it may have takes the message
/// without them.
fn add_keywords(
    store: &Store,
    (org, inbox): (OrgId, InboxId),
    entry: &mut Placement,
    words: Vec<String>,
) -> Result<(), Refusal> {
    let all: Vec<String> = entry.keywords.iter().cloned().chain(words).collect();
    let mailbox = store.mailbox_named(org, inbox, &entry.mailbox)?;
    if mailbox.is_none_or(|mailbox| store.check_keywords(mailbox.id, &all).is_ok()) {
        entry.keywords = all;
    }
    Ok(())
}

/// Whether phishing makes a message spam: without its hits it would not be.
fn is_phishing(report: &SpamReport) -> bool {
    let is_about = |hit: &&RuleHit| hit.id.starts_with(PHISHING_RULES);
    let share: i32 = (report.rules.iter().filter(is_about))
        .map(|hit| hit.score.0)
        .sum();
    share > 0 && report.score.0.saturating_sub(share) < report.threshold.0
}

/// The field that tells a mail client what the filter says, with its CRLF. Rules stand in it by
/// their names alone: a reason may have words of the message.
fn field_of(report: &SpamReport) -> Vec<u8> {
    let mut field = format!(
        "X-Postern-Spam: {}; score={}; threshold={};\r\n\trules=",
        report.verdict.name(),
        report.score,
        report.threshold,
    );
    if report.rules.is_empty() {
        field.push_str("none");
    }
    let mut column = 15;
    for (at, hit) in report.rules.iter().enumerate() {
        if at > 0 {
            field.push(',');
            if column + hit.id.len() > COLUMNS {
                field.push_str("\r\n\t");
                column = 8;
            }
        }
        field.push_str(&hit.id);
        column += hit.id.len() + 1;
    }
    field.push_str("\r\n");
    field.into_bytes()
}

/// Keywords of RFC 9051 section 2.3.2.
pub(in crate::service) const JUNK_KEYWORD: &str = "$Junk";
pub(in crate::service) const NOT_JUNK_KEYWORD: &str = "$NotJunk";
pub(in crate::service) const PHISHING_KEYWORD: &str = "$Phishing";

/// How the names of the rules about phishing begin.
const PHISHING_RULES: &str = "phish";

/// Columns of a line of a header field (RFC 5322 section 2.1.1).
const COLUMNS: usize = 76;
