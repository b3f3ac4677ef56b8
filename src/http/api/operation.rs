//! How one operation of the API is described: what it takes, what it gives, which errors it
//! has, and the function that turns a request into a call. There are no defaults: an operation
//! without a description does not compile.

use super::codes::ErrorCode;
use super::fields::{BodyTable, FieldKind, FieldRow, fields, sometimes};
use super::problems::Problem;
use super::routes::{RouteRequest, RouteResult};
use super::shapes::Described;
use crate::call::bounds::PAGE_ROWS_MAX;
use crate::call::{
    ApprovalId, DeliveryId, EVENT_GROUP_NAME_BYTES, EntryId, FilterRuleId, KeyId, OrgId,
    OutboundId, RuleId, SuppressionId, ThreadId, UploadId, WebhookId,
};
use crate::http::wire::target::Query;

/// One operation.
#[derive(Debug)]
pub(crate) struct Operation {
    /// `operationId` of OpenAPI: `noun.verb`, never changed.
    pub id: &'static str,
    /// A few words.
    pub summary: &'static str,
    /// One or more sentences for people.
    pub says: &'static str,
    /// The parameters of its query.
    pub query: &'static [FieldRow],
    pub takes: Takes,
    pub gives: &'static [Gives],
    /// The codes that it can give beside those of every route of its kind.
    pub errors: &'static [&'static ErrorCode],
    pub run: fn(&mut RouteRequest<'_>) -> RouteResult,
}

/// What a body may be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Takes {
    Nothing,
    /// JSON up to `Limits::http_body_bytes`.
    Json(&'static BodyTable),
    /// JSON with attachments, up to `Limits::http_send_bytes`.
    Message(&'static BodyTable),
    /// An XML document up to [`XML_BYTES_MAX`], whatever its media type says.
    Xml,
    /// A file as it is, of any media type, up to `Limits::upload_bytes`.
    Octets,
    /// A message as it is (RFC 5322), of any media type, up to `Limits::message_bytes`.
    MessageOctets,
}

/// One response that is no error.
#[derive(Debug)]
pub(crate) struct Gives {
    pub status: u16,
    pub says: &'static str,
    pub content: ResponseContent,
}

/// What the body of a response is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ResponseContent {
    Nothing,
    /// One object.
    One(&'static dyn Described),
    /// One object: the first for a key that may read such things, otherwise the second.
    Either(&'static dyn Described, &'static dyn Described),
    /// `{"data":[…],"next_cursor":…}`.
    Page(&'static dyn Described),
    /// The same with `seq`, the number to go on after.
    EventPage(&'static dyn Described),
    /// Server-sent events whose data are these objects.
    Events(&'static dyn Described),
    /// Another media type, as text or octets.
    Other(&'static str),
}

impl Operation {
    /// Checks that it has every parameter of a query, and that none is there too often.
    pub fn check_query(&self, query: &Query) -> Result<(), Box<Problem>> {
        query.check(|name| {
            let row = self.query.iter().find(|row| row.name == name)?;
            Some(row.repeats())
        })
    }
}

impl Takes {
    /// The table of the body, if there is one.
    pub const fn table(self) -> Option<&'static BodyTable> {
        match self {
            Takes::Nothing | Takes::Xml | Takes::Octets | Takes::MessageOctets => None,
            Takes::Json(table) | Takes::Message(table) => Some(table),
        }
    }
}

/// Octets of an XML document: a request of a mail program has some hundred.
pub(crate) const XML_BYTES_MAX: usize = 16_384;

/// 204 for what is no longer there.
pub(crate) const GONE: &[Gives] = &[Gives {
    status: 204,
    says: "It is gone.",
    content: ResponseContent::Nothing,
}];

/// `limit` of every list.
pub(crate) const LIMIT: FieldRow = sometimes(
    "limit",
    FieldKind::Number {
        min: 1,
        max: PAGE_ROWS_MAX as u64,
    },
    "20",
    "How many rows a page has at most.",
)
.or("50");

/// `cursor` of every list.
pub(crate) const CURSOR: FieldRow = sometimes(
    "cursor",
    FieldKind::Plain(super::fields::ANY),
    "",
    "Where to go on: `next_cursor` of the page before.",
);

/// What the `{name}`s of paths stand for.
pub(crate) const PATH_NAMES: &[FieldRow] = fields! {
    inbox: required FieldKind::InboxName, r#""inb_01Hq7Zk3VdX""#,
        "The inbox, by its id or its address.";
    id: required FieldKind::Id(EntryId::PREFIX), r#""msg_01Hq7Zk3VdX""#, "The message.";
    thread: required FieldKind::Id(ThreadId::PREFIX), r#""thr_01Hq7Zk3VdX""#, "The thread.";
    att: required FieldKind::AttachmentId, r#""att_2""#, "The attachment.";
    folder: required FieldKind::FolderName, r#""Archive""#,
        "The folder, by its name; a `/` in it is written `%2F`.";
    key: required FieldKind::Id(KeyId::PREFIX), r#""key_01Hq7Zk3VdX""#, "The key.";
    domain: required FieldKind::DomainRef, r#""agents.example""#,
        "The domain, by its id or its name.";
    filter_rule: required FieldKind::Id(FilterRuleId::PREFIX), r#""flt_01Hq7Zk3VdX""#,
        "The filter rule.";
    rule: required FieldKind::Id(RuleId::PREFIX), r#""rul_01Hq7Zk3VdX""#, "The rule.";
    suppression: required FieldKind::Id(SuppressionId::PREFIX), r#""sup_01Hq7Zk3VdX""#,
        "The suppression.";
    outbound: required FieldKind::Id(OutboundId::PREFIX), r#""out_01Hq7Zk3VdX""#,
        "The recipient in the queue.";
    approval: required FieldKind::Id(ApprovalId::PREFIX), r#""apr_01Hq7Zk3VdX""#, "The approval.";
    group: required FieldKind::Plain(super::fields::octets(EVENT_GROUP_NAME_BYTES)), r#""workers""#,
        "The consumer group, by its name.";
    upload: required FieldKind::Id(UploadId::PREFIX), r#""upl_01Hq7Zk3VdX""#, "The upload.";
    webhook: required FieldKind::Id(WebhookId::PREFIX), r#""whk_01Hq7Zk3VdX""#, "The webhook.";
    delivery: required FieldKind::Id(DeliveryId::PREFIX), r#""dlv_00000000017""#, "The delivery.";
    org: required FieldKind::Id(OrgId::PREFIX), r#""org_01Hq7Zk3VdX""#, "The organization.";
};
