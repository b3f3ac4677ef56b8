//! Routes about events: the three streams and the polled log. This file reads what is wanted;
//! `sse.rs` carries a stream out.

use super::filter::Filter;
use super::show;
use crate::call::{Access, Call, Event, InboxRef, Topic};
use crate::http::api::problems::Problem;
use crate::http::api::routes::{RouteRequest, RouteStep};
use crate::http::wire::json;
use crate::http::wire::response::Response;
use crate::http::wire::target::digits;

/// A stream that a client asks for.
#[derive(Debug)]
pub(crate) struct Wanted {
    pub access: Access,
    pub place: Place,
    pub start: Start,
    pub filter: Filter,
}

/// Which part of the organization is watched.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    /// All that the key may see.
    All,
    One(InboxRef),
    /// An inbox and its sub-agents.
    Tree(InboxRef),
}

/// Where a stream begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Start {
    /// With what comes next.
    Now,
    /// Behind this number.
    After(u64),
    /// With the first event at or after this time, unix milliseconds.
    At(i64),
}

/// A page of the log that a client asks for.
#[derive(Debug)]
pub(crate) struct LogPage {
    pub access: Access,
    /// `None`: from the oldest that is kept.
    pub after: Option<u64>,
    pub limit: usize,
    pub filter: Filter,
    /// How often it has been asked on because nothing was for this reader.
    pub rounds: usize,
}

pub(crate) fn all(asked: &RouteRequest<'_>) -> Result<RouteStep, Box<Problem>> {
    stream(asked, Place::All)
}

pub(crate) fn one(asked: &RouteRequest<'_>) -> Result<RouteStep, Box<Problem>> {
    stream(asked, Place::One(asked.inbox()?))
}

pub(crate) fn tree(asked: &RouteRequest<'_>) -> Result<RouteStep, Box<Problem>> {
    stream(asked, Place::Tree(asked.inbox()?))
}

fn stream(asked: &RouteRequest<'_>, place: Place) -> Result<RouteStep, Box<Problem>> {
    let access = asked.access()?;
    let filter = Filter::of(asked.query, &access)?;
    let start =
        match (asked.last_event_id, asked.query.text("since")) {
            (Some(text), _) if !text.is_empty() => Start::After(digits(text).ok_or_else(|| {
                Problem::invalid("Last-Event-ID", "must be the number of an event")
            })?),
            (_, Some(text)) => match digits(text) {
                Some(seq) => Start::After(seq),
                None => Start::At(crate::mail::time::parse_rfc3339(text).ok_or_else(|| {
                    Problem::invalid(
                        "since",
                        "must be the number of an event or an RFC 3339 time",
                    )
                })?),
            },
            _ => Start::Now,
        };
    Ok(RouteStep::Stream(Box::new(Wanted {
        access,
        place,
        start,
        filter,
    })))
}

pub(crate) fn log(asked: &RouteRequest<'_>) -> Result<RouteStep, Box<Problem>> {
    let access = asked.access()?;
    let filter = Filter::of(asked.query, &access)?;
    let after = match asked.query.number("after")? {
        Some(after) => Some(after),
        // `next_cursor` is such a number too.
        None => asked.query.number("cursor")?,
    };
    Ok(RouteStep::Log(Box::new(LogPage {
        access,
        after,
        limit: asked.query.limit()?,
        filter,
        rounds: 0,
    })))
}

impl LogPage {
    /// The call that reads it, from `after` where the client did not say.
    pub fn call(&self, after: u64) -> Call {
        Call::EventsAfter {
            access: self.access.clone(),
            topic: Topic::Org(self.access.org),
            after: self.after.unwrap_or(after),
            limit: if self.rounds == 0 {
                self.limit
            } else {
                ROWS_AT_ONCE
            },
        }
    }

    /// The page, or 410 for a cursor that the log no longer (or never) had. `seq` is where to
    /// go on, also when there is no more for now. `None` when nothing here was for this reader
    /// and the log goes on: the page asks on from there.
    pub fn show(
        &mut self,
        events: &[Event],
        scanned_to: u64,
        head: u64,
        oldest: u64,
    ) -> Result<Option<Response>, Box<Problem>> {
        if let Some(after) = self.after
            && (after > head || after.saturating_add(1) < oldest)
        {
            return Err(Problem::expired(oldest));
        }
        let pass = |event| Some((self.filter.pass(event, &self.access)?, event));
        let shown: Vec<(&str, &Event)> = events.iter().filter_map(pass).take(self.limit).collect();
        let seq = match shown.last() {
            Some((_, last)) if shown.len() == self.limit => last.seq,
            _ => scanned_to.max(self.after.unwrap_or(0)),
        };
        if shown.is_empty() && seq < head && self.rounds < ROUNDS {
            self.after = Some(seq);
            self.rounds += 1;
            return Ok(None);
        }
        let mut body = Vec::new();
        json::object(&mut body, |o| {
            json::list(o.value("data"), shown, |out, (kind, event)| {
                show::write(out, kind, event, &self.access);
            });
            match seq < head {
                true => o.shown("next_cursor", seq),
                false => o.null("next_cursor"),
            }
            o.number("seq", seq);
        });
        Ok(Some(Response::json(200, body)))
    }
}

/// Rows that a page asks on for when nothing before was for its reader.
const ROWS_AT_ONCE: usize = 500;
/// How often it does so for one request; then an empty page says where to go on.
const ROUNDS: usize = 20;
