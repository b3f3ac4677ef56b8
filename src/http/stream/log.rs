//! The polled log: `GET /events/log`, one page a request. It has the filters of a stream and no
//! state between requests: the client keeps the cursor.

use super::show;
use super::wanted::read_filter;
use crate::call::{Access, Event, EventFilter, EventKind, EventRead, Topic};
use crate::http::api::problems::Problem;
use crate::http::api::routes::{RouteRequest, RouteStep};
use crate::http::wire::json;
use crate::http::wire::response::Response;

/// A page of the log that a client asks for.
#[derive(Debug)]
pub(crate) struct PolledPage {
    access: Access,
    /// `None`: from the oldest event that is kept.
    after: Option<u64>,
    limit: usize,
    filter: EventFilter,
    /// The pages that had no event for this reader.
    empty_pages: usize,
}

/// `GET /events/log`
pub(crate) fn log(asked: &RouteRequest<'_>) -> Result<RouteStep, Box<Problem>> {
    let access = asked.access()?;
    let filter = read_filter(asked.query, &access)?;
    let after = match asked.query.number("after")? {
        Some(after) => Some(after),
        // `next_cursor` is such a number too.
        None => asked.query.number("cursor")?,
    };
    Ok(RouteStep::Log(Box::new(PolledPage {
        access,
        after,
        limit: asked.query.limit()?,
        filter,
        empty_pages: 0,
    })))
}

impl PolledPage {
    /// The call that reads it. `oldest` is where it begins when the client gave no cursor.
    pub fn call(&self, oldest: u64) -> EventRead {
        EventRead::After {
            topic: Topic::Org(self.access.org),
            after: self.after.unwrap_or(oldest),
            limit: match self.empty_pages {
                0 => self.limit,
                _ => ROWS_AFTER_EMPTY,
            },
        }
    }

    /// The response, or 410 for a cursor that is not in the log. `seq` in it is the cursor of
    /// the next request, also when there is no more for now. `None`: no event here was for
    /// this reader and the log goes on, so the page asks on from there.
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
        let admit = |event| Some((self.filter.admit(event, &self.access)?, event));
        let shown: Vec<(EventKind, &Event)> =
            events.iter().filter_map(admit).take(self.limit).collect();
        let seq = match shown.last() {
            Some((_, last)) if shown.len() == self.limit => last.seq,
            _ => scanned_to.max(self.after.unwrap_or(0)),
        };
        if shown.is_empty() && seq < head && self.empty_pages < EMPTY_PAGES_MAX {
            self.after = Some(seq);
            self.empty_pages += 1;
            return Ok(None);
        }
        let mut body = Vec::new();
        json::object(&mut body, |o| {
            json::list(o.value("data"), shown, |out, (kind, event)| {
                show::event(out, kind, event, &self.access);
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

/// Rows of a page after one that had no event for this reader.
const ROWS_AFTER_EMPTY: usize = 500;
/// Such pages for one request; then an empty response says where to go on.
const EMPTY_PAGES_MAX: usize = 20;
