//! A message that REST describes, before it is composed.

use super::{EntryId, InboxRef, NamedAddress, UploadId};

/// A message to compose, as REST describes it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Draft {
    /// Recipients.
    pub to: Vec<DraftAddress>,
    /// Recipients of a copy.
    pub cc: Vec<DraftAddress>,
    /// Recipients that are never in the composed octets.
    pub bcc: Vec<DraftAddress>,
    /// Where answers go.
    pub reply_to: Vec<DraftAddress>,
    /// Subject, not encoded.
    pub subject: String,
    /// Plain text.
    pub text: Option<String>,
    /// HTML.
    pub html: Option<String>,
    /// Markdown, in place of both.
    pub markdown: Option<String>,
    /// More fields: `X-*` and `List-*` only.
    pub headers: Vec<(String, String)>,
    /// Attachments, base64 not yet decoded.
    pub attachments: Vec<DraftAttachment>,
    /// Labels for the copy in Sent.
    pub labels: Vec<String>,
    /// When it leaves, unix milliseconds; `None` is now.
    pub send_at: Option<i64>,
    /// When the sender's copy ends, and every try to deliver it, unix milliseconds.
    pub expires_at: Option<i64>,
    /// The client's own object, as JSON.
    pub metadata: Option<String>,
    /// The message that it answers or hands on.
    pub about: Option<AnsweredMessage>,
    /// What is done with it.
    pub purpose: DraftPurpose,
}

/// An address of a [`Draft`], as its client wrote it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DraftAddress {
    /// `addr` or `Name <addr>`.
    Text(String),
    /// In its two parts, as messages show it.
    Named(NamedAddress),
}

impl From<&str> for DraftAddress {
    fn from(text: &str) -> Self {
        DraftAddress::Text(text.to_owned())
    }
}

/// One attachment of a [`Draft`].
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct DraftAttachment {
    /// Shown to the recipient.
    pub filename: String,
    /// Media type; where it is empty, the ending of the name says it.
    pub content_type: String,
    /// A part of the draft that it changes, in place of `content`.
    pub part: Option<usize>,
    /// An uploaded file, in place of `content`. Its name and its type hold where these are empty.
    pub upload: Option<UploadId>,
    /// A file of a stored message, likewise.
    pub stored: Option<StoredAttachment>,
    /// Base64, as the client sent it.
    pub content: String,
    /// The id by which the HTML shows it, with or without angle brackets.
    pub content_id: Option<String>,
    /// Whether it is meant to be shown within the text; without it, a part with an id is.
    pub inline: Option<bool>,
}

/// An attachment of a stored message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredAttachment {
    /// The inbox that has the message.
    pub inbox: InboxRef,
    /// The message.
    pub message: EntryId,
    /// The index of its part, as in [`super::attachment_id`].
    pub part: usize,
}

/// What is done with a composed message.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum DraftPurpose {
    /// It is sent.
    #[default]
    Send,
    /// Its client asks what would become of it.
    Try,
    /// It is kept as a draft.
    Keep,
}

/// What is done with a draft: a message in the Drafts folder.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DraftAct {
    /// It gets other fields.
    Change(Box<DraftPatch>),
    /// It leaves.
    Send {
        /// When, unix milliseconds; `None` is now.
        send_at: Option<i64>,
        /// Its client only asks what would become of it.
        is_trial: bool,
    },
}

/// A change of a draft: what is `None` stays as it is.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct DraftPatch {
    /// Recipients.
    pub to: Option<Vec<DraftAddress>>,
    /// Recipients of a copy.
    pub cc: Option<Vec<DraftAddress>>,
    /// Hidden recipients.
    pub bcc: Option<Vec<DraftAddress>>,
    /// Where answers go.
    pub reply_to: Option<Vec<DraftAddress>>,
    /// Subject, not encoded.
    pub subject: Option<String>,
    /// Plain text; `Some(None)` takes it away.
    pub text: Option<Option<String>>,
    /// HTML, likewise.
    pub html: Option<Option<String>>,
    /// Markdown, in place of both.
    pub markdown: Option<String>,
    /// Fields `X-*` and `List-*` that replace those of the same names.
    pub headers: Vec<(String, String)>,
    /// All attachments that it then has.
    pub attachments: Option<Vec<DraftAttachment>>,
    /// All labels that it then has.
    pub labels: Option<Vec<String>>,
    /// The client's own object, as JSON; `Some(None)` takes it away.
    pub metadata: Option<Option<String>>,
}

/// A message of the same inbox that another one is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AnsweredMessage {
    /// Its entry.
    pub id: EntryId,
    /// How the new message is about it.
    pub way: AnswerWay,
}

/// How a message is about another one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AnswerWay {
    /// It answers the sender.
    Reply,
    /// It answers everybody.
    ReplyAll,
    /// It hands the other message on.
    Forward,
}
