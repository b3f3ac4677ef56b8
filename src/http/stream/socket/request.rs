//! What a client says over WebSocket: one JSON object a message.
//!
//! A subscription has the filters of a stream. They become the query of one and are read by the
//! same table and the same functions, so that the two cannot differ.

use crate::call::{Access, InboxRef, is_group_name};
use crate::http::api::event::STREAM_QUERY;
use crate::http::api::problems::Problem;
use crate::http::api::values::{Values, any_of};
use crate::http::stream::cursor::StartAt;
use crate::http::stream::wanted::{
    GROUP_NAME_RULE, Wanted, Watched, read_filter, read_group, read_inboxes, read_since,
};
use crate::http::wire::json::{Json, JsonFields};
use crate::http::wire::target::{Query, digits, inbox_ref};

/// A message of a client.
#[derive(Debug)]
pub(super) enum ClientMessage {
    /// Begins a subscription under a name.
    Subscribe(String, Box<Wanted>),
    /// Ends it.
    Unsubscribe(String),
    /// An event of a consumer group is done.
    Acknowledge(GroupAck),
    /// The client has all events up to a number.
    AcknowledgeAll(u64),
}

/// What is acknowledged.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct GroupAck {
    pub group: String,
    pub seq: u64,
}

/// A message that is refused, with the name that it gives.
#[derive(Debug)]
pub(super) struct WrongMessage {
    pub id: Option<String>,
    pub problem: Box<Problem>,
}

/// Reads a message.
pub(super) fn read(text: &[u8], access: &Access) -> Result<ClientMessage, WrongMessage> {
    let mut id = None;
    read_fields(text, access, &mut id).map_err(|problem| WrongMessage { id, problem })
}

fn read_fields(
    text: &[u8],
    access: &Access,
    named: &mut Option<String>,
) -> Result<ClientMessage, Box<Problem>> {
    let mut fields = JsonFields::of_body(text)?;
    let op = one_text(&mut fields, "op")?;
    let op = op.ok_or_else(|| Problem::invalid("op", "is missing"))?;
    if !OPS.contains(&op.as_str()) {
        let why = format!("must be {}", any_of(OPS));
        return Err(Problem::invalid("op", &why));
    }
    if op == "ack" {
        return read_ack(fields);
    }
    let id = one_text(&mut fields, "id")?;
    let id = id.ok_or_else(|| Problem::invalid("id", "is missing"))?;
    if id.len() > ID_BYTES_MAX {
        let why = format!("must be at most {ID_BYTES_MAX} octets long");
        return Err(Problem::invalid("id", &why));
    }
    *named = Some(id.clone());
    if op == "unsubscribe" {
        fields.end()?;
        return Ok(ClientMessage::Unsubscribe(id));
    }
    let wanted = read_wanted(fields, access)?;
    Ok(ClientMessage::Subscribe(id, Box::new(wanted)))
}

fn read_ack(mut fields: JsonFields<'_>) -> Result<ClientMessage, Box<Problem>> {
    let group = one_text(&mut fields, "group")?;
    if group.as_deref().is_some_and(|name| !is_group_name(name)) {
        return Err(Problem::invalid("group", GROUP_NAME_RULE));
    }
    let seq = match fields.take("id") {
        Some(Json::Number(number)) => digits(number),
        _ => None,
    };
    let seq = seq.ok_or_else(|| Problem::invalid("id", "must be the number of an event"))?;
    fields.end()?;
    Ok(match group {
        Some(group) => ClientMessage::Acknowledge(GroupAck { group, seq }),
        None => ClientMessage::AcknowledgeAll(seq),
    })
}

/// The subscription that the fields ask for.
fn read_wanted(mut fields: JsonFields<'_>, access: &Access) -> Result<Wanted, Box<Problem>> {
    let mut pairs = Vec::new();
    for name in LISTS {
        read_list(&mut fields, name, &mut pairs)?;
    }
    for name in WORDS {
        pairs.extend(one_text(&mut fields, name)?.map(|text| (name.to_owned(), text)));
    }
    match fields.take("since") {
        None | Some(Json::Null) => {}
        Some(Json::Number(number)) => pairs.push(("since".to_owned(), number.to_owned())),
        Some(Json::Text(text)) if !text.is_empty() => {
            pairs.push(("since".to_owned(), text.into_owned()));
        }
        Some(_) => {
            let why = "must be the number of an event or an RFC 3339 time";
            return Err(Problem::invalid("since", why));
        }
    }
    let watch = fields.take("watch");
    for name in ["lease_s", "prefetch"] {
        match fields.take(name) {
            None | Some(Json::Null) => {}
            Some(Json::Number(number)) => pairs.push((name.to_owned(), number.to_owned())),
            Some(_) => return Err(Problem::invalid(name, "must be a number")),
        }
    }
    fields.end()?;
    let query = Query::of(pairs);
    Values::of_query(STREAM_QUERY, &query)?;
    let (watched, inboxes) = read_watched(watch, read_inboxes(&query)?)?;
    Ok(Wanted {
        access: access.clone(),
        watched,
        start: read_since(&query)?.unwrap_or(StartAt::Now),
        filter: read_filter(&query, access)?,
        inboxes,
        group: read_group(&query)?,
    })
}

/// What is watched, and the inboxes of the filter. One inbox alone is watched itself: an event of
/// another one does not wake the connection then.
fn read_watched(
    watch: Option<Json<'_>>,
    mut inboxes: Vec<InboxRef>,
) -> Result<(Watched, Vec<InboxRef>), Box<Problem>> {
    let tree = match watch {
        None | Some(Json::Null | Json::Bool(false)) => false,
        Some(Json::Bool(true)) if inboxes.len() == 1 => true,
        Some(Json::Bool(true)) => {
            let why = "is true, so `inbox` must name one inbox";
            return Err(Problem::invalid("watch", why));
        }
        Some(Json::Text(text)) => {
            let inbox = inbox_ref(&text).ok_or_else(|| Problem::no_id("inbox", &text))?;
            return Ok((Watched::Inbox { inbox, tree: true }, inboxes));
        }
        Some(_) => return Err(Problem::invalid("watch", "must be an inbox id or address")),
    };
    match inboxes.pop() {
        Some(inbox) if inboxes.is_empty() => Ok((Watched::Inbox { inbox, tree }, inboxes)),
        last => {
            inboxes.extend(last);
            Ok((Watched::All, inboxes))
        }
    }
}

/// A text, or a list of them, as a query has it.
fn read_list(
    fields: &mut JsonFields<'_>,
    name: &str,
    pairs: &mut Vec<(String, String)>,
) -> Result<(), Box<Problem>> {
    let wrong = || Problem::invalid(name, "must be a string or a list of strings");
    let items = match fields.take(name) {
        None | Some(Json::Null) => return Ok(()),
        Some(Json::List(items)) if !items.is_empty() => items,
        Some(text @ Json::Text(_)) => vec![text],
        Some(_) => return Err(wrong()),
    };
    for item in items {
        match item {
            Json::Text(text) if !text.is_empty() => {
                pairs.push((name.to_owned(), text.into_owned()));
            }
            _ => return Err(wrong()),
        }
    }
    Ok(())
}

/// A text that is not empty.
fn one_text(fields: &mut JsonFields<'_>, name: &str) -> Result<Option<String>, Box<Problem>> {
    match fields.take(name) {
        None | Some(Json::Null) => Ok(None),
        Some(Json::Text(text)) if !text.is_empty() => Ok(Some(text.into_owned())),
        Some(_) => Err(Problem::invalid(name, "must be a string that is not empty")),
    }
}

const OPS: &[&str] = &["subscribe", "unsubscribe", "ack"];
const LISTS: [&str; 2] = ["inbox", "type"];
const WORDS: [&str; 6] = ["from", "label", "priority", "verdict", "group", "order"];
/// Octets of the name of a subscription: each event carries it.
const ID_BYTES_MAX: usize = 64;
