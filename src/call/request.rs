//! A request: a call, its caller, and the connection that waits for the answer.

use core::net::IpAddr;

use super::{Access, Caller, ConnId, Intake, Look, Now, Read, RequestId, Write};

/// A call to the service. The variant says which executor answers, so a call cannot reach an
/// executor that does not know it. Below the variants, calls are grouped by noun.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Call {
    /// A message comes in. A reader parses and judges it, the writer delivers it; one answer.
    /// Written: `Delivered`, or what the route says.
    Accept(Box<Intake>),
    /// For the one writer.
    Write(Write),
    /// For a reader.
    Read(Read),
    /// For the executor of logins and short look-ups, which never waits behind a search.
    Look(Look),
    /// The connection has closed: its leases end and its reads are dropped. No answer.
    Hangup,
}

impl From<Write> for Call {
    fn from(call: Write) -> Self {
        Call::Write(call)
    }
}

impl From<Read> for Call {
    fn from(call: Read) -> Self {
        Call::Read(call)
    }
}

impl From<Look> for Call {
    fn from(call: Look) -> Self {
        Call::Look(call)
    }
}

macro_rules! nouns {
    ($($noun:ident => $queue:ident::$variant:ident,)*) => {$(
        impl From<super::$noun> for Call {
            fn from(call: super::$noun) -> Self {
                Call::$queue($queue::$variant(call))
            }
        }
    )*};
}

nouns! {
    KnownSpamRead => Read::KnownSpam,
    KnownSpamWrite => Write::KnownSpam,
    MailboxRead => Read::Mailbox,
    EntryRead => Read::Entry,
    MessageRead => Read::Message,
    InboxRead => Read::Inbox,
    KeyRead => Read::Key,
    ApprovalRead => Read::Approval,
    DomainRead => Read::Domain,
    OrgRead => Read::Org,
    OutboundRead => Read::Outbound,
    FilterRuleRead => Read::FilterRule,
    RuleRead => Read::Rule,
    SuppressionRead => Read::Suppression,
    EventRead => Read::Event,
    EventGroupRead => Read::EventGroup,
    EventGroupWrite => Write::EventGroup,
    UploadRead => Read::Upload,
    AuditRead => Read::Audit,
    WebhookRead => Read::Webhook,
    MailboxWrite => Write::Mailbox,
    EntryWrite => Write::Entry,
    MessageWrite => Write::Message,
    ApprovalWrite => Write::Approval,
    InboxWrite => Write::Inbox,
    KeyWrite => Write::Key,
    DomainWrite => Write::Domain,
    FilterRuleWrite => Write::FilterRule,
    RuleWrite => Write::Rule,
    SuppressionWrite => Write::Suppression,
    OrgWrite => Write::Org,
    OutboundWrite => Write::Outbound,
    UpstreamWrite => Write::Upstream,
    UploadWrite => Write::Upload,
    WebhookWrite => Write::Webhook,
}

/// The request of an engine: a call and its caller. The worker adds the connection and the time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ask {
    /// The id of the request, where the protocol has one.
    pub request_id: Option<RequestId>,
    /// How many webhooks its cause is behind (`Postern-Depth`); 0 for what no webhook has caused.
    pub depth: u8,
    /// The caller.
    pub caller: Caller,
    /// The call.
    pub call: Call,
}

impl Ask {
    /// A call of a key.
    pub fn of(access: &Access, call: impl Into<Call>) -> Ask {
        Ask {
            request_id: None,
            depth: 0,
            caller: Caller::Key(access.clone()),
            call: call.into(),
        }
    }

    /// A call of a peer without a key.
    pub fn anonymous(call: impl Into<Call>) -> Ask {
        Ask {
            request_id: None,
            depth: 0,
            caller: Caller::Anonymous,
            call: call.into(),
        }
    }
}

/// A call with the data about its origin that the service needs. `C` is [`Call`], or the part of it
/// that one executor answers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Request<C = Call> {
    /// The id of the request over HTTP, or of the session; `None` is the server itself.
    pub request_id: Option<RequestId>,
    /// How many webhooks its cause is behind, as in [`Ask`].
    pub depth: u8,
    /// The connection that waits for the answer; `None` is the server itself.
    pub conn: Option<ConnId>,
    /// The address of the peer, for the limiter of failures and for the rates.
    pub peer: IpAddr,
    /// The time at which the worker took it.
    pub now: Now,
    /// The caller.
    pub caller: Caller,
    /// The call.
    pub call: C,
}

impl<C> Request<C> {
    /// Its id, and its depth.
    pub const fn cause(&self) -> (Option<RequestId>, u8) {
        (self.request_id, self.depth)
    }

    /// The same request with another call, and the call that it had.
    pub fn split<D>(self, call: D) -> (Request<D>, C) {
        let request = Request {
            request_id: self.request_id,
            depth: self.depth,
            conn: self.conn,
            peer: self.peer,
            now: self.now,
            caller: self.caller,
            call,
        };
        (request, self.call)
    }

    /// The same request with another call.
    pub fn with<D>(self, call: impl FnOnce(C) -> D) -> Request<D> {
        let (request, old) = self.split(());
        request.split(call(old)).0
    }
}
