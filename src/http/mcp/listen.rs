//! `subscriptions/listen`: which resources a client wants to hear of, and what it is told.
//!
//! The response is a stream: the acknowledgement first, then a notification for each event that
//! changes one of the resources, and a result when the server ends it (revision 2026-07-28,
//! "Subscriptions").
//! Which events there are, and for whom, is the matter of `http/stream/`. The rule: a notification
//! says that a resource is to be read again, never what stands in it.

use super::call::SEQ;
use super::reply::{self, RpcError, RpcId};
use super::uri::{ResourcePart, ResourceUri};
use crate::call::{Access, Change, EntryId, Event, InboxId, InboxRef, InboxRow};
use crate::http::stream::{EndReason, INBOXES_MAX, StreamForm, Wanted};
use crate::http::wire::json::{self, Json, Object};

/// A subscription: the request that began it, and its resources.
#[derive(Debug)]
pub(crate) struct ResourceListener {
    id: RpcId,
    watched: Vec<WatchedResource>,
    /// The inboxes of these, each once.
    names: Vec<InboxRef>,
    inboxes: Vec<InboxId>,
    is_acknowledged: bool,
}

#[derive(Debug)]
struct WatchedResource {
    /// As the client wrote it.
    uri: Box<str>,
    part: ResourcePart,
    /// The place of its inbox in `inboxes`.
    inbox: usize,
}

impl ResourceListener {
    /// Reads the filter of a request. What it asks for beside resources never changes here, so it
    /// is left out of the acknowledgement.
    ///
    /// # Errors
    /// -32602 for a filter of another shape, for a URI of no resource, and for more than
    /// [`INBOXES_MAX`] URIs.
    pub fn read(id: RpcId, filter: Option<&Json<'_>>) -> Result<ResourceListener, RpcError> {
        let Some(Json::Object(fields)) = filter else {
            return Err(RpcError::params("`notifications` must be an object."));
        };
        let mut listener = ResourceListener {
            id,
            watched: Vec::new(),
            names: Vec::new(),
            inboxes: Vec::new(),
            is_acknowledged: false,
        };
        let wanted = fields.iter().find(|(name, _)| name == RESOURCES);
        match wanted.map(|(_, value)| value) {
            None | Some(Json::Null) => {}
            Some(Json::List(uris)) if uris.len() <= INBOXES_MAX => {
                for uri in uris {
                    listener.add(uri)?;
                }
            }
            Some(_) => {
                let why = format!("`{RESOURCES}` must be a list of at most {INBOXES_MAX} URIs.");
                return Err(RpcError::params(why));
            }
        }
        Ok(listener)
    }

    fn add(&mut self, uri: &Json<'_>) -> Result<(), RpcError> {
        let Json::Text(text) = uri else {
            let why = format!("`{RESOURCES}` must be a list of strings.");
            return Err(RpcError::params(why));
        };
        let Some(uri) = ResourceUri::parse(text) else {
            return Err(RpcError::missing(text, super::era::Era::Modern));
        };
        let known = self.names.iter().position(|name| *name == uri.inbox);
        let inbox = known.unwrap_or(self.names.len());
        if known.is_none() {
            self.names.push(uri.inbox);
        }
        if !self.watched.iter().any(|one| *one.uri == **text) {
            self.watched.push(WatchedResource {
                uri: (&**text).into(),
                part: uri.part,
                inbox,
            });
        }
        Ok(())
    }

    /// Whether it names no resource.
    pub fn is_empty(&self) -> bool {
        self.watched.is_empty()
    }

    /// The events that it needs.
    pub fn wanted(&self, access: &Access) -> Wanted {
        Wanted::of_inboxes(access.clone(), &self.names)
    }

    fn notification(
        &self,
        out: &mut Vec<u8>,
        method: &str,
        seq: u64,
        fill: impl FnOnce(&mut Object<'_>),
    ) {
        frame(out, |o| {
            o.text("method", method);
            o.object("params", |o| {
                o.object("_meta", |o| {
                    o.slot(SUBSCRIPTION).raw_or_null(Some(&self.id.0));
                    if seq > 0 {
                        o.number(SEQ, seq);
                    }
                });
                fill(o);
            });
        });
    }

    fn updated(&self, out: &mut Vec<u8>, seq: u64, is_one: impl Fn(&WatchedResource) -> bool) {
        for one in self.watched.iter().filter(|one| is_one(one)) {
            self.notification(out, "notifications/resources/updated", seq, |o| {
                o.text("uri", &one.uri);
            });
        }
    }
}

impl StreamForm for ResourceListener {
    fn found(&mut self, rows: &[InboxRow]) {
        self.inboxes = rows.iter().map(|row| row.id).collect();
        self.names = Vec::new();
    }

    fn ready(&mut self, out: &mut Vec<u8>, seq: u64) {
        if self.is_acknowledged {
            return;
        }
        self.is_acknowledged = true;
        let method = "notifications/subscriptions/acknowledged";
        self.notification(out, method, seq, |o| {
            o.object("notifications", |o| {
                let uris = self.watched.iter().map(|one| &*one.uri);
                if !self.watched.is_empty() {
                    o.texts(RESOURCES, uris);
                }
            });
        });
    }

    fn event(&mut self, out: &mut Vec<u8>, event: &Event) {
        let Some(path) = event.inbox.as_deref() else {
            return;
        };
        self.updated(out, event.seq, |one| {
            let is_of = self.inboxes.get(one.inbox) == Some(&path.id);
            is_of && changes(event, one.part)
        });
    }

    fn reset(&mut self, out: &mut Vec<u8>, seq: u64) {
        self.updated(out, seq, |_| true);
    }

    fn end(&mut self, out: &mut Vec<u8>, reason: EndReason) {
        let message = match reason {
            EndReason::KeyRevoked | EndReason::OrgDeleted => "The key has been revoked.",
            EndReason::KeyExpired => "The key has expired.",
            EndReason::Fault => "The server could not go on; listen again.",
            _ => {
                return frame(out, |o| {
                    o.slot("id").raw_or_null(Some(&self.id.0));
                    o.object("result", |o| {
                        o.text("resultType", "complete");
                        o.object("_meta", |o| {
                            o.slot(SUBSCRIPTION).raw_or_null(Some(&self.id.0));
                            o.object(reply::SERVER_INFO, reply::server_info);
                        });
                    });
                });
            }
        };
        frame(out, |o| {
            o.slot("id").raw_or_null(Some(&self.id.0));
            o.object("error", |o| {
                o.slot("code").shown_raw(ENDED);
                o.text("message", message);
            });
        });
    }
}

/// Whether a part of the inbox of an event is to be read again after it.
fn changes(event: &Event, part: ResourcePart) -> bool {
    let id = match part {
        ResourcePart::Inbox => return true,
        ResourcePart::Message(id) | ResourcePart::Attachment(id, _) => id,
    };
    let is_attachment = matches!(part, ResourcePart::Attachment(..));
    match &event.change {
        Change::InboxDeleted | Change::InboxMoved { .. } => true,
        Change::Expunged {
            messages, count, ..
        } => names(messages.iter().copied(), *count, id),
        // What is in an attachment never changes.
        _ if is_attachment => false,
        Change::Arrived(arrived) => arrived.state.id == id,
        Change::Copied(bulk) | Change::Flagged(bulk) => {
            names(bulk.messages.iter().map(|state| state.id), bulk.count, id)
        }
        Change::Approval(change) => change.message == id,
        Change::Outbound(news) => news.message == Some(id),
        Change::AutoReplied { message, .. } => *message == id,
        _ => false,
    }
}

/// Whether a message may be among those of an event, which names only some of many.
fn names(messages: impl ExactSizeIterator<Item = EntryId>, count: u32, id: EntryId) -> bool {
    messages.len() < count as usize || { messages }.any(|one| one == id)
}

/// One message as an event of the stream. JSON has no line end in it.
fn frame(out: &mut Vec<u8>, fill: impl FnOnce(&mut Object<'_>)) {
    out.extend_from_slice(b"data: ");
    json::object(out, |o| {
        o.text("jsonrpc", "2.0");
        fill(o);
    });
    out.extend_from_slice(b"\n\n");
}

/// The entry of `_meta` with the id of the request that began a subscription.
const SUBSCRIPTION: &str = "io.modelcontextprotocol/subscriptionId";
/// The field of the filter with URIs.
const RESOURCES: &str = "resourceSubscriptions";
/// The code of an end that is no result: the key has ended, or the log cannot be read.
const ENDED: i32 = -32000;
