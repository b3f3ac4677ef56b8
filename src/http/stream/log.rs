//! The polled log: `GET /events/log`, one page a request. It has the filters and the starts of a
//! stream and no state between requests: the client keeps the cursor.
//!
//! ```text
//! Inboxes -> State (the oldest, or the number at a time) -> Page --> (response)
//!                                                           ^  |
//!                                                           +--+ a page without events
//! ```

use std::sync::Arc;

use super::cursor::StartAt;
use super::show;
use super::wanted::{WantedGroup, group_start, read_filter, read_group, read_inboxes, read_since};
use crate::call::{
    Access, Answer, Call, ClaimedEvents, Event, EventFilter, EventGroupWrite, EventKind,
    EventReach, EventRead, GroupClaim, GroupTerms, InboxRef, Look, Reply, Topic, Written,
};
use crate::http::api::problems::Problem;
use crate::http::api::routes::{RouteRequest, RouteStep};
use crate::http::wire::json;
use crate::http::wire::response::Response;

/// A page of the log that a client asks for.
#[derive(Debug)]
pub(crate) struct PolledPage {
    access: Access,
    stage: LogStage,
    /// `Now` stands for the oldest event that is kept.
    start: StartAt,
    limit: usize,
    filter: EventFilter,
    /// The inboxes of the filter, until they are found.
    inboxes: Vec<InboxRef>,
    /// The pages that had no event for this reader.
    empty_pages: usize,
    /// The consumer group whose cursor it shares.
    group: Option<Box<WantedGroup>>,
}

/// The answer that is waited for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum LogStage {
    Inboxes,
    State,
    Page,
}

/// What follows an answer.
#[derive(Debug)]
pub(crate) enum LogStep {
    /// Another call.
    Ask(Call),
    /// The page.
    Respond(Response),
    /// The answer was not to the call.
    OutOfStep,
}

/// `GET /events/log`
pub(crate) fn log(asked: &RouteRequest<'_>) -> Result<RouteStep, Box<Problem>> {
    let access = asked.access()?;
    // `next_cursor` is such a number too. It goes on where a page has ended, so it wins over the
    // beginning of the first page, which a program may repeat.
    let after = match asked.query.number("cursor")? {
        Some(after) => Some(after),
        None => asked.query.number("after")?,
    };
    let start = match after {
        Some(after) => StartAt::After(after),
        None => read_since(asked.query)?.unwrap_or(StartAt::Now),
    };
    let mut page = PolledPage {
        filter: read_filter(asked.query, &access)?,
        inboxes: read_inboxes(asked.query)?,
        access,
        stage: LogStage::Inboxes,
        start,
        limit: asked.query.limit()?,
        empty_pages: 0,
        group: read_group(asked.query)?,
    };
    if page.inboxes.is_empty() {
        page.find_start();
    }
    Ok(RouteStep::Log(Box::new(page)))
}

impl PolledPage {
    /// The call whose answer is waited for.
    pub fn call(&self) -> Call {
        match (self.stage, self.start) {
            (LogStage::Inboxes, _) => Look::FindInboxes {
                inboxes: self.inboxes.clone(),
                within: EventReach::All,
            }
            .into(),
            (LogStage::State, StartAt::Time(unix_ms)) => Look::LogAt { unix_ms }.into(),
            (LogStage::State, _) => Look::LogState.into(),
            (LogStage::Page, start) if let Some(group) = &self.group => self.claim(group, start),
            (LogStage::Page, start) => EventRead::After {
                topic: Topic::Org(self.access.org),
                after: match start {
                    StartAt::After(after) => after,
                    StartAt::Now | StartAt::Time(_) => 0,
                },
                limit: match self.empty_pages {
                    0 => self.limit,
                    _ => ROWS_AFTER_EMPTY,
                },
            }
            .into(),
        }
    }

    fn claim(&self, group: &WantedGroup, start: StartAt) -> Call {
        let terms = GroupTerms {
            name: group.name.clone(),
            topic: Topic::Org(self.access.org),
            filter: self.filter.clone(),
            is_ordered: group.is_ordered,
        };
        let claim = GroupClaim {
            terms: Arc::new(terms),
            joined: None,
            start: group_start(start),
            reader: None,
            lease_ms: group.lease_ms,
            max: self.limit,
            held_max: group.held_max,
        };
        EventGroupWrite::Claim(claim).into()
    }

    /// The reply to the call. An error is 410, for a start that is not in the log.
    pub fn reply(&mut self, reply: Reply) -> Result<LogStep, Box<Problem>> {
        match reply {
            Reply::Answer(answer) => self.answer(answer),
            Reply::Written(Written::Claimed(claimed), _) => self.claimed(&claimed),
            Reply::Refused(_) | Reply::Written(..) => Ok(LogStep::OutOfStep),
        }
    }

    fn claimed(&mut self, claimed: &ClaimedEvents) -> Result<LogStep, Box<Problem>> {
        if let Some(reset) = claimed.reset {
            return Err(Problem::expired(reset.oldest));
        }
        if claimed.events.is_empty() && claimed.more && self.empty_pages < EMPTY_PAGES_MAX {
            self.empty_pages += 1;
            return Ok(LogStep::Ask(self.call()));
        }
        let mut body = Vec::new();
        json::object(&mut body, |o| {
            json::list(o.value("data"), &claimed.events, |out, leased| {
                let extra = show::EventExtra::leased(leased.delivery);
                let sight = leased.event.sight(&self.access);
                show::event_with(out, leased.kind, (&leased.event, extra), sight);
            });
            o.shown("next_cursor", claimed.seq);
            o.number("seq", claimed.seq);
        });
        Ok(LogStep::Respond(Response::json(200, body)))
    }

    fn answer(&mut self, answer: Answer) -> Result<LogStep, Box<Problem>> {
        match (self.stage, answer) {
            (LogStage::Inboxes, Answer::Inboxes { rows, .. }) => {
                self.filter.inboxes = rows.iter().map(|row| row.id).collect();
                self.find_start();
            }
            (LogStage::State, Answer::LogState { head, oldest, .. }) => {
                let after = match self.start {
                    StartAt::Time(_) => head,
                    StartAt::Now | StartAt::After(_) => oldest.saturating_sub(1),
                };
                self.start = StartAt::After(after);
                self.stage = LogStage::Page;
            }
            (
                LogStage::Page,
                Answer::Events {
                    events,
                    scanned_to,
                    head,
                    oldest,
                    ..
                },
            ) => {
                if let Some(response) = self.show(&events, scanned_to, (oldest, head))? {
                    return Ok(LogStep::Respond(response));
                }
            }
            _ => return Ok(LogStep::OutOfStep),
        }
        Ok(LogStep::Ask(self.call()))
    }

    fn find_start(&mut self) {
        self.stage = match self.start {
            // A group finds its start by itself.
            _ if self.group.is_some() => LogStage::Page,
            StartAt::After(_) => LogStage::Page,
            StartAt::Now | StartAt::Time(_) => LogStage::State,
        };
    }

    /// The response, or 410 for a cursor that is not in the log. `next_cursor` and `seq` in it are
    /// the cursor of the next request, also when there is no more for now. `None`: no event here
    /// was for this reader and the log goes on, so the page asks on from there.
    fn show(
        &mut self,
        events: &[Event],
        scanned_to: u64,
        (oldest, head): (u64, u64),
    ) -> Result<Option<Response>, Box<Problem>> {
        let StartAt::After(after) = self.start else {
            return Ok(None);
        };
        if after > head || after.saturating_add(1) < oldest {
            return Err(Problem::expired(oldest));
        }
        let admit = |event| Some((self.filter.admit(event, &self.access)?, event));
        let shown: Vec<(EventKind, &Event)> =
            events.iter().filter_map(admit).take(self.limit).collect();
        let seq = match shown.last() {
            Some((_, last)) if shown.len() == self.limit => last.seq,
            _ => scanned_to.max(after),
        };
        if shown.is_empty() && seq < head && self.empty_pages < EMPTY_PAGES_MAX {
            self.start = StartAt::After(seq);
            self.empty_pages += 1;
            return Ok(None);
        }
        let mut body = Vec::new();
        json::object(&mut body, |o| {
            json::list(o.value("data"), shown, |out, (kind, event)| {
                show::event(out, kind, event, event.sight(&self.access));
            });
            o.shown("next_cursor", seq);
            o.number("seq", seq);
        });
        Ok(Some(Response::json(200, body)))
    }
}

/// Rows of a page after one that had no event for this reader.
const ROWS_AFTER_EMPTY: usize = 500;
/// Such pages for one request; then an empty response says where to go on.
const EMPTY_PAGES_MAX: usize = 20;
