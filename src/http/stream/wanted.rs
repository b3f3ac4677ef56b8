//! The events that a client asks for: the routes of the three streams, where a stream begins,
//! and the filter in the query. It asks nothing of the product; `subscription.rs` does.

use super::cursor::StartAt;
use crate::call::{
    Access, EventFilter, EventKind, GROUP_LEASE_S, GroupStart, InboxRef, InboxSet, KindSet,
    PriorityLevel, Scopes, Verdict, is_group_name, sender_filter,
};
use crate::http::api::problems::Problem;
use crate::http::api::routes::{RouteRequest, RouteStep};
use crate::http::api::values::any_of;
use crate::http::wire::target::{Query, digits, inbox_ref};
use crate::mail::time::parse_rfc3339;

/// A stream that a client asks for.
#[derive(Debug)]
pub(crate) struct Wanted {
    pub access: Access,
    pub watched: Watched,
    pub start: StartAt,
    pub filter: EventFilter,
    /// The inboxes of the filter; none is all.
    pub inboxes: Vec<InboxRef>,
    /// The consumer group whose cursor it shares.
    pub group: Option<Box<WantedGroup>>,
}

impl Wanted {
    /// What happens in these inboxes from now on.
    pub fn of_inboxes(access: Access, inboxes: &[InboxRef]) -> Wanted {
        let (watched, inboxes) = match inboxes {
            [inbox] => {
                let inbox = inbox.clone();
                (Watched::Inbox { inbox, tree: false }, Vec::new())
            }
            _ => (Watched::All, inboxes.to_vec()),
        };
        Wanted {
            access,
            watched,
            start: StartAt::Now,
            filter: EventFilter::default(),
            inboxes,
            group: None,
        }
    }
}

/// What a client asks for of a group.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct WantedGroup {
    pub name: String,
    pub lease_ms: u64,
    /// How many events the reader holds at once at most.
    pub held_max: usize,
    pub is_ordered: bool,
}

/// The part of the organization that is watched.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Watched {
    /// All that the key may see.
    All,
    /// An inbox, with its sub-agents or without.
    Inbox { inbox: InboxRef, tree: bool },
}

/// `GET /events`
pub(crate) fn all(asked: &RouteRequest<'_>) -> Result<RouteStep, Box<Problem>> {
    stream(asked, Watched::All)
}

/// `GET /inboxes/{inbox}/events`
pub(crate) fn one(asked: &RouteRequest<'_>) -> Result<RouteStep, Box<Problem>> {
    let inbox = asked.inbox()?;
    stream(asked, Watched::Inbox { inbox, tree: false })
}

/// `GET /inboxes/{inbox}/watch`
pub(crate) fn tree(asked: &RouteRequest<'_>) -> Result<RouteStep, Box<Problem>> {
    let inbox = asked.inbox()?;
    stream(asked, Watched::Inbox { inbox, tree: true })
}

fn stream(asked: &RouteRequest<'_>, watched: Watched) -> Result<RouteStep, Box<Problem>> {
    let access = asked.access()?;
    let filter = read_filter(asked.query, &access)?;
    let inboxes = read_inboxes(asked.query)?;
    let group = read_group(asked.query)?;
    // A group has its own cursor: what a client has seen last does not move it.
    let seen = read_last_event_id(asked.last_event_id)?.filter(|_| group.is_none());
    let start = match seen {
        Some(seq) => StartAt::After(seq),
        None => read_since(asked.query)?.unwrap_or(StartAt::Now),
    };
    Ok(RouteStep::Stream(Box::new(Wanted {
        access,
        watched,
        start,
        filter,
        inboxes,
        group,
    })))
}

/// `Last-Event-ID`, which wins over `?since=`.
fn read_last_event_id(text: Option<&str>) -> Result<Option<u64>, Box<Problem>> {
    let Some(text) = text.filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    match digits(text) {
        Some(seq) => Ok(Some(seq)),
        None => Err(Problem::invalid(
            "Last-Event-ID",
            "must be the number of an event",
        )),
    }
}

/// `?since=`: the number of an event or a time.
pub(super) fn read_since(query: &Query) -> Result<Option<StartAt>, Box<Problem>> {
    let Some(text) = query.text("since") else {
        return Ok(None);
    };
    match (digits(text), parse_rfc3339(text)) {
        (Some(seq), _) => Ok(Some(StartAt::After(seq))),
        (None, Some(unix_ms)) => Ok(Some(StartAt::Time(unix_ms))),
        (None, None) => Err(Problem::invalid(
            "since",
            "must be the number of an event or an RFC 3339 time",
        )),
    }
}

/// `?group= lease_s= order= prefetch=`.
pub(super) fn read_group(query: &Query) -> Result<Option<Box<WantedGroup>>, Box<Problem>> {
    let (lease_s, order) = (query.number("lease_s")?, query.text("order"));
    let held_max = query.number("prefetch")?;
    let Some(name) = query.text("group") else {
        let alone = lease_s.map(|_| "lease_s").or(order.map(|_| "order"));
        let alone = alone.or(held_max.map(|_| "prefetch"));
        return match alone {
            Some(name) => Err(Problem::invalid(name, "is only for a `group`")),
            None => Ok(None),
        };
    };
    if !is_group_name(name) {
        return Err(Problem::invalid("group", GROUP_NAME_RULE));
    }
    // The table of the operation has checked the bounds of all.
    let lease_s = lease_s.unwrap_or(GROUP_LEASE_S);
    Ok(Some(Box::new(WantedGroup {
        name: name.to_owned(),
        lease_ms: lease_s.saturating_mul(1000),
        held_max: held_max.map_or(usize::MAX, |n| usize::try_from(n).unwrap_or(usize::MAX)),
        is_ordered: order.is_some(),
    })))
}

/// Where a group begins.
pub(super) fn group_start(start: StartAt) -> GroupStart {
    match start {
        StartAt::Now => GroupStart::Now,
        StartAt::After(seq) => GroupStart::After(seq),
        StartAt::Time(unix_ms) => GroupStart::Time(unix_ms),
    }
}

/// `?inbox=`. Whether they are there is asked of the product: a filter for an inbox that is not
/// there would be a stream without events.
pub(super) fn read_inboxes(query: &Query) -> Result<Vec<InboxRef>, Box<Problem>> {
    let all: Vec<&str> = query.each("inbox").take(INBOXES_MAX + 1).collect();
    if all.len() > INBOXES_MAX {
        let why = format!("may name at most {INBOXES_MAX} inboxes");
        return Err(Problem::invalid("inbox", &why));
    }
    let read = |text: &&str| inbox_ref(text).ok_or_else(|| Problem::no_id("inbox", text));
    all.iter().map(read).collect()
}

/// `?type= from= label= priority= verdict=`. `from` asks about content, so it needs
/// `messages:read`.
pub(super) fn read_filter(query: &Query, access: &Access) -> Result<EventFilter, Box<Problem>> {
    let mut kinds = KindSet::default();
    for text in query.each("type") {
        let kind = EventKind::named(text);
        kinds = kinds.with(kind.ok_or_else(|| {
            let why = format!("must be {}", any_of(EventKind::NAMES));
            Problem::invalid("type", &why)
        })?);
    }
    let from = match query.text("from") {
        None => None,
        Some(_) if !access.scopes.allow(Scopes::MESSAGES_READ) => {
            return Err(Problem::missing_scope("messages:read").of("from"));
        }
        Some(text) => sender_filter(text),
    };
    let priorities = PriorityLevel::ALL.iter().map(|level| level.name());
    let verdicts = Verdict::ALL.iter().map(|verdict| verdict.name());
    Ok(EventFilter {
        kinds,
        inboxes: InboxSet::default(),
        from,
        label: query.text("label").map(str::to_owned),
        priority: read_word(query, "priority", PriorityLevel::named, priorities)?,
        verdict: read_word(query, "verdict", Verdict::named, verdicts)?,
    })
}

fn read_word<T>(
    query: &Query,
    name: &str,
    named: fn(&str) -> Option<T>,
    words: impl Iterator<Item = &'static str>,
) -> Result<Option<T>, Box<Problem>> {
    let Some(text) = query.text(name) else {
        return Ok(None);
    };
    match named(text) {
        None => {
            let words: Vec<&str> = words.collect();
            let why = format!("must be {}", any_of(&words));
            Err(Problem::invalid(name, &why))
        }
        word => Ok(word),
    }
}

/// What the name of a group may be.
pub(crate) const GROUP_NAME_RULE: &str =
    "must have 1 to 64 characters, each a letter of ASCII, a digit, `.`, `_` or `-`";
/// The word for a group that keeps the order of each inbox.
pub(crate) const GROUP_ORDER: &str = "inbox";
/// Inboxes that one filter names: each is looked up before the stream begins.
pub(crate) const INBOXES_MAX: usize = 100;
