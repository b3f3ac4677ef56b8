//! What a reader of events wants to hear of: `?inbox= type= from= label= priority= verdict=`,
//! applied on the server (api.md section 5).
//!
//! An event that a filter cannot judge (who a deleted message was from) does not pass it.

use super::show::{TYPES, kind};
use crate::call::{Access, Change, Event, InboxRef, Scopes};
use crate::http::api::json_message::priority;
use crate::http::api::problems::Problem;
use crate::http::wire::target::{Query, inbox_ref};
use crate::mail::Address;

/// A filter. The default lets everything through.
#[derive(Debug, Default)]
pub(crate) struct Filter {
    /// Any of these.
    inboxes: Vec<InboxRef>,
    /// Any of these.
    kinds: Vec<&'static str>,
    /// An address, or a domain; lower case.
    from: Option<String>,
    label: Option<String>,
    priority: Option<&'static str>,
    verdict: Option<&'static str>,
}

impl Filter {
    /// Reads the parameters. `from` asks about content, so it needs `messages:read`.
    pub fn of(query: &Query, access: &Access) -> Result<Filter, Box<Problem>> {
        let mut filter = Filter::default();
        for text in query.each("inbox") {
            let inbox = inbox_ref(text)
                .ok_or_else(|| Problem::invalid("inbox", "must be an inbox id or address"))?;
            filter.inboxes.push(match inbox {
                InboxRef::Address(text) => InboxRef::Address(canonical(&text)),
                id => id,
            });
        }
        for text in query.each("type") {
            let known = TYPES.iter().find(|kind| **kind == text);
            filter.kinds.push(known.ok_or_else(|| {
                Problem::invalid("type", &format!("must be among {}", TYPES.join(", ")))
            })?);
        }
        if let Some(from) = query.text("from") {
            if !access.scopes.allow(Scopes::MESSAGES_READ) {
                return Err(Problem::missing_scope("messages:read").of("from"));
            }
            filter.from = Some(from.trim_start_matches('@').to_lowercase());
        }
        filter.label = query.text("label").map(str::to_owned);
        let among = |name: &str, words: &[&'static str]| match query.text(name) {
            None => Ok(None),
            Some(text) => match words.iter().find(|word| **word == text) {
                Some(word) => Ok(Some(*word)),
                None => Err(Problem::invalid(
                    name,
                    &format!("must be {}", words.join(", ")),
                )),
            },
        };
        filter.priority = among("priority", &["high", "normal", "low"])?;
        filter.verdict = among("verdict", &["clean", "suspicious", "spam"])?;
        Ok(filter)
    }

    /// The public type of an event that `access` may see and this lets through.
    pub fn pass(&self, event: &Event, access: &Access) -> Option<&'static str> {
        let kind = kind(&event.change)?;
        let path = event.inbox.as_deref()?;
        let wanted = access.sees(path.id)
            && (self.inboxes.is_empty()
                || self.inboxes.iter().any(|inbox| match inbox {
                    InboxRef::Id(id) => *id == path.id,
                    InboxRef::Address(text) => {
                        *text == path.address || *text == canonical(&path.address)
                    }
                }))
            && (self.kinds.is_empty() || self.kinds.contains(&kind))
            && self.content(&event.change);
        wanted.then_some(kind)
    }

    fn content(&self, change: &Change) -> bool {
        // Nothing judges mail yet, so there is no verdict to match.
        if self.verdict.is_some() {
            return false;
        }
        if self.from.is_none() && self.label.is_none() && self.priority.is_none() {
            return true;
        }
        let labelled = |label: &str, keywords: &[String]| {
            keywords.iter().any(|word| word.eq_ignore_ascii_case(label))
        };
        match change {
            Change::Arrived(arrived) => {
                let sender = arrived.summary.from.address.to_lowercase();
                let domain = sender.rsplit_once('@').map_or("", |(_, domain)| domain);
                self.from
                    .as_deref()
                    .is_none_or(|from| from == sender || from == domain)
                    && self
                        .priority
                        .is_none_or(|p| p == priority(arrived.summary.priority))
                    && self
                        .label
                        .as_deref()
                        .is_none_or(|label| labelled(label, &arrived.state.keywords))
            }
            Change::Copied(bulk) | Change::Flagged(bulk) => {
                self.from.is_none()
                    && self.priority.is_none()
                    && self.label.as_deref().is_none_or(|label| {
                        bulk.messages
                            .iter()
                            .any(|state| labelled(label, &state.keywords))
                    })
            }
            _ => false,
        }
    }
}

/// The unique form of an address; of what is none, lower case.
fn canonical(text: &str) -> String {
    Address::parse(text).map_or_else(|_| text.to_lowercase(), |address| address.canonical())
}
