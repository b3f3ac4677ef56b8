//! Messages as plain data: flags, rows, envelopes, filters. Addresses are text that
//! `mail::parse::address` has parsed; digests are octets that `mail::digest` has written.

use core::fmt;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};

use super::{
    Authentication, BodyId, DatedBlock, EntryId, GatheredKeys, InboxId, MailboxId, OrgId,
    ReceivedBody, SignatureWalk, SignedFacts, SpamReport, ThreadId, UidSet, Verdict,
};

/// System flags (RFC 3501 section 2.3.2) as bits. `\Recent` is not one of them: it follows from a
/// watermark of the session that has selected the mailbox.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize,
)]
pub struct Flags(pub u8);

impl Flags {
    /// No flag.
    pub const NONE: Flags = Flags(0);
    /// `\Seen`
    pub const SEEN: Flags = Flags(1);
    /// `\Answered`
    pub const ANSWERED: Flags = Flags(2);
    /// `\Flagged`
    pub const FLAGGED: Flags = Flags(4);
    /// `\Deleted`
    pub const DELETED: Flags = Flags(8);
    /// `\Draft`
    pub const DRAFT: Flags = Flags(16);
    /// Every system flag with its name, in the order that they are written.
    pub const NAMES: [(&'static str, Flags); 5] = [
        ("\\Answered", Flags::ANSWERED),
        ("\\Flagged", Flags::FLAGGED),
        ("\\Deleted", Flags::DELETED),
        ("\\Seen", Flags::SEEN),
        ("\\Draft", Flags::DRAFT),
    ];

    /// Whether all of `other` are set.
    pub const fn has(self, other: Flags) -> bool {
        self.0 & other.0 == other.0
    }

    /// Both together.
    pub const fn with(self, other: Flags) -> Flags {
        Flags(self.0 | other.0)
    }

    /// These without `other`.
    pub const fn without(self, other: Flags) -> Flags {
        Flags(self.0 & !other.0)
    }
}

/// How STORE and PATCH change flags.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FlagChange {
    /// `+FLAGS`
    Add,
    /// `-FLAGS`
    Remove,
    /// `FLAGS`
    Replace,
}

/// The state of one entry, as FETCH, events and answers to STORE show it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct EntryState {
    /// Its UID in the mailbox.
    pub uid: u32,
    /// Its id for REST and events.
    pub id: EntryId,
    /// The number of the log row that has changed it last (RFC 7162).
    pub modseq: u64,
    /// System flags.
    pub flags: Flags,
    /// Keywords of IMAP, labels of REST: atoms of up to 64 bytes, compared without case.
    pub keywords: Vec<String>,
}

/// One entry of a page of FETCH. A field is `None` when it was not asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EntryRow {
    /// UID, id, MODSEQ, flags.
    pub state: EntryState,
    /// The conversation (RFC 8474 THREADID).
    pub thread: ThreadId,
    /// Internal date, unix milliseconds.
    pub received_at: i64,
    /// RFC822.SIZE: the entry's own prefix and the body, in octets.
    pub size: u32,
    /// The number of octets of `size` that are the entry's own prefix (Return-Path, Delivered-To
    /// ...). Offsets in the digest count from the end of the prefix.
    pub prefix_len: u32,
    /// Length of the header block of the body, its blank line included.
    pub header_len: u32,
    /// Envelope and structure, as `mail::digest` wrote them.
    pub digest: Option<Vec<u8>>,
    /// The octets that [`Octets`] asks for: all (prefix, then body) or the header block alone.
    pub octets: Option<Vec<u8>>,
    /// Where to read octets that were asked for and are too many for a page.
    pub rest: Option<OctetsOf>,
}

/// A page of an export.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ExportPage {
    /// Each message, with the cursor behind it.
    pub rows: Vec<(String, EntryRow)>,
    /// The cursor of the next page.
    pub next: Option<String>,
}

/// Which octets a page of FETCH carries with each row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Octets {
    /// None.
    No,
    /// Prefix and header block, if it fits into a page. Otherwise none, and they are read in pages
    /// of `rest` with [`super::EntryRead::Octets`].
    Header,
    /// All octets when `size` is at most this number. Otherwise none, and they are read in pages of
    /// `rest` with [`super::EntryRead::Octets`].
    UpTo(u32),
}

/// The SMTP envelope (RFC 5321 section 2.3.1).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Envelope {
    /// The reverse-path; `None` is the null path `<>`.
    pub reverse_path: Option<String>,
    /// Forward-paths in the order of RCPT, with the inbox that RCPT has found.
    pub recipients: Vec<Recipient>,
    /// `BODY=8BITMIME` was given.
    pub eight_bit: bool,
    /// `SMTPUTF8` was given.
    pub smtputf8: bool,
    /// `RET=` (RFC 3461): `Some(true)` is FULL.
    pub ret_full: Option<bool>,
    /// `ENVID=`, decoded.
    pub envid: Option<String>,
}

impl Envelope {
    /// The organization of the first recipient that has one.
    pub fn receiver(&self) -> Option<OrgId> {
        self.recipients.iter().find_map(|to| to.org)
    }
}

/// One forward-path.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Recipient {
    /// As the client wrote it, parsed and printed again.
    pub address: String,
    /// The inbox, where it is local.
    pub inbox: Option<InboxId>,
    /// The organization of the inbox.
    pub org: Option<OrgId>,
    /// `NOTIFY=` (RFC 3461) as bits: 1 NEVER, 2 SUCCESS, 4 FAILURE, 8 DELAY; 0 not given.
    pub notify: u8,
    /// `ORCPT=`, decoded.
    pub orcpt: Option<String>,
}

/// The way by which an entry was made.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Arrival {
    /// Delivered to the inbox.
    Received,
    /// The sender's copy.
    Sent,
    /// IMAP APPEND.
    Appended,
    /// COPY, or the target side of MOVE.
    Copied,
}

/// What this server knows of the sender of a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum SenderAuth {
    /// Nothing: it came from outside, or a client has appended it.
    #[default]
    Unknown,
    /// A client of the same organization sent it: the sender is known without DKIM.
    Client,
    /// A client of another organization here sent it: the sender is known, and is not ours.
    Neighbour,
    /// It came from outside, its From names a domain of this server, and no check has shown that
    /// this is true. Only mail that no check was asked about.
    SpoofedLocal,
    /// It came from outside, and the checks gave this.
    Checked(Authentication),
}

impl SenderAuth {
    /// Whether the message came from outside of the organization, so that nothing in it may be
    /// taken for an instruction.
    pub fn is_untrusted(self) -> bool {
        self != SenderAuth::Client
    }
}

/// A mail address with its display name.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct NamedAddress {
    /// Decoded, may be empty.
    pub name: String,
    /// `local@domain`.
    pub address: String,
}

/// The fields that lists and events show without opening the message. Bounded: at most 100
/// addresses a field, a subject of 998 and a preview of 200 characters.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Summary {
    /// First address of From.
    pub from: NamedAddress,
    /// To.
    pub to: Vec<NamedAddress>,
    /// Cc.
    pub cc: Vec<NamedAddress>,
    /// Decoded.
    pub subject: String,
    /// The Date field, unix seconds.
    pub date: Option<i64>,
    /// Beginning of the text.
    pub preview: String,
    /// Whether there is an attachment.
    pub has_attachments: bool,
    /// `high`, `normal` or `low` as -1, 0, 1 of X-Priority and Importance.
    pub priority: i8,
    /// One-time codes.
    pub codes: Vec<String>,
}

impl Summary {
    /// What the index of searches says of the message.
    pub fn signed_facts(&self) -> SignedFacts {
        SignedFacts {
            has_code: !self.codes.is_empty(),
            has_attachments: self.has_attachments,
        }
    }
}

/// An inbox as clients name it: by id or by address.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum InboxRef {
    /// `inb_…`
    Id(InboxId),
    /// `local@domain`, any case.
    Address(String),
}

/// The filter of a list of messages. Texts match without case.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct MessageFilter {
    /// Mailbox name; [`MessageFilter::EVERY_FOLDER`] is every one. Without it: INBOX and the
    /// owner's own mailboxes, not those with a special use.
    pub folder: Option<String>,
    /// Has this label.
    pub label: Option<String>,
    /// Has (or, `false`, lacks) `\Seen`.
    pub seen: Option<bool>,
    /// From contains.
    pub from: Option<String>,
    /// From is this address, or one of this domain ([`super::is_from`]).
    pub sender: Option<String>,
    /// To contains.
    pub to: Option<String>,
    /// Subject contains.
    pub subject: Option<String>,
    /// Words, at most ten: each is anywhere in the decoded message.
    pub q: Option<String>,
    /// Received at or after, unix milliseconds.
    pub since: Option<i64>,
    /// Received before, unix milliseconds.
    pub until: Option<i64>,
    /// Has an attachment, or has none.
    pub has_attachments: Option<bool>,
    /// In this conversation.
    pub thread: Option<ThreadId>,
    /// Has a one-time code, or has none.
    pub has_code: Option<bool>,
    /// Has one of these verdicts; empty is any or none.
    pub verdicts: Vec<Verdict>,
}

/// What is wanted of the content of a message. Offsets and lengths count Unicode scalar values.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ContentAsk {
    /// Which of its texts.
    pub view: ContentView,
    /// The text as Markdown.
    pub is_markdown: bool,
    /// Where the page of the text begins. Only the first page has the other texts.
    pub offset: usize,
    /// The most that one text may have.
    pub max_chars: Option<usize>,
    /// Without what tries to give orders to an agent; `None` is as the inbox has it.
    pub redacts: Option<bool>,
}

/// Which texts of a message are wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ContentView {
    /// None, and no header fields.
    Summary,
    /// Its text alone.
    Text,
    /// Its text, what it adds to its conversation, its HTML and its header fields.
    #[default]
    Full,
}

/// A page of messages with their content that is not complete.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct OpenedPage {
    /// Its rows so far.
    pub rows: Vec<Arc<MessageView>>,
    /// About the octets of their texts.
    pub octets: usize,
    /// Rows that a search has found and that are not opened yet.
    pub found: VecDeque<Arc<MessageView>>,
    /// The cursor behind those.
    pub next: Option<String>,
}

/// Where the look for a message that someone waits for is; `Default` is the beginning.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct AwaitProgress {
    /// Every message from this id on was looked at; `None` is none.
    pub below: Option<i64>,
}

impl MessageFilter {
    /// The name of a folder that means every one.
    pub const EVERY_FOLDER: &'static str = "all";
    /// The same for the folder of drafts, whatever its name is.
    pub const DRAFTS: &'static str = "\\Drafts";
}

/// A condition of SEARCH (RFC 3501 section 6.4.4, RFC 7162, RFC 5032). Sequence numbers are already
/// UIDs, and texts are decoded to UTF-8. The depth is at most 32.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SearchKey {
    /// Every message.
    All,
    /// These UIDs.
    Uids(UidSet),
    /// All of these flags are set.
    Has(Flags),
    /// None of these flags is set.
    Lacks(Flags),
    /// Has the keyword.
    Keyword(String),
    /// The field exists and its decoded value contains the text (empty: exists).
    Header(String, String),
    /// A decoded text part contains the text.
    Body(String),
    /// Decoded header or body contains the text.
    Text(String),
    /// Internal date before this unix time in milliseconds (start of a UTC day).
    Before(i64),
    /// Internal date at or after.
    Since(i64),
    /// Date field, without its zone, before this unix time in seconds.
    SentBefore(i64),
    /// Date field at or after.
    SentSince(i64),
    /// More octets than this.
    Larger(u32),
    /// Fewer octets than this.
    Smaller(u32),
    /// MODSEQ at least this.
    ModSeq(u64),
    /// Not this.
    Not(Box<SearchKey>),
    /// Either.
    Or(Box<SearchKey>, Box<SearchKey>),
    /// All of them.
    And(Vec<SearchKey>),
}

/// The position of a search in slices; `Default` is the beginning.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SearchProgress {
    /// The search has checked every UID up to this one.
    pub done_to: u32,
    /// UIDs that match, so far.
    pub found: UidSet,
    /// The highest MODSEQ among them (RFC 7162 section 3.1.5).
    pub modseq: u64,
    /// Monotonic milliseconds at which the search began; 0 is not yet.
    pub since_ms: u64,
    /// What the index has said of it.
    pub narrowing: Narrowing,
}

/// What the index of searches says of a SEARCH.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Narrowing {
    /// Nothing yet.
    #[default]
    NotAsked,
    /// It is being asked.
    Asking {
        /// The bodies that may match; those of which the UIDs are known are taken out.
        walk: Box<SignatureWalk>,
        /// All bodies are known.
        is_walked: bool,
        /// The UIDs so far.
        uids: Vec<u32>,
    },
    /// Only these messages may match.
    Narrowed(UidSet),
    /// Every message may match.
    Open,
}

/// The position of a list of messages that takes more than one slice.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ListProgress {
    /// The rows of the page so far.
    pub rows: Vec<Arc<MessageView>>,
    /// Monotonic milliseconds at which the list began; 0 is not yet.
    pub since_ms: u64,
    /// Of a list over many inboxes: where it is in them.
    pub merge: Option<Box<ListMerge>>,
    /// Of a list with `q`: where it is.
    pub find: Option<Box<FindProgress>>,
    /// Messages that it has looked at one by one.
    pub looked: usize,
    /// Those that may meet its filter, when it gathers them.
    pub gathered: Option<Box<GatheredKeys>>,
}

/// The position of a search in the API. A position in its order is the time at which a message was
/// received, and its id.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct FindProgress {
    /// The next position of each inbox.
    pub heads: BTreeSet<((i64, i64), InboxId)>,
    /// How far the inboxes of the search are gathered.
    pub gathered: ListMerge,
    /// What may match in each inbox that was come to.
    pub sources: BTreeMap<InboxId, FindSource>,
    /// The last message that was looked at.
    pub last: Option<(i64, i64)>,
    /// Messages that were looked at.
    pub looked: usize,
    /// What may match in the inbox that is gathered now.
    pub gathering: Option<(InboxId, Box<GatheredKeys>)>,
    /// Inboxes in which there is nothing better than to look at one message after the other.
    pub walked: BTreeSet<InboxId>,
}

/// What may match in an inbox.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FindSource {
    /// Every message.
    All,
    /// Messages with these bodies.
    Some {
        /// The blocks of the index that are not asked yet, that with the newest message last.
        blocks: Vec<DatedBlock>,
        /// The bodies whose positions are not looked up yet, the newest last.
        bodies: Vec<ReceivedBody>,
        /// The positions of the newest bodies, the newest last.
        positions: Vec<(i64, i64)>,
    },
    /// These messages, and perhaps older ones.
    Listed {
        /// Their positions, the newest last.
        positions: Vec<(i64, i64)>,
        /// Older ones were left out.
        is_cut: bool,
    },
}

impl FindSource {
    /// How many bodies it holds.
    pub fn held(&self) -> usize {
        match self {
            FindSource::All => 0,
            FindSource::Some {
                blocks,
                bodies,
                positions,
            } => blocks.len() + bodies.len() + positions.len(),
            FindSource::Listed { positions, .. } => positions.len(),
        }
    }
}

/// The position of a list over many inboxes.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ListMerge {
    /// The newest id of each inbox that has not been looked at.
    pub heads: BTreeSet<(i64, InboxId)>,
    /// The last inbox whose head was read, while not all have been.
    pub gathered_to: Option<InboxId>,
    /// All heads have been read.
    pub is_gathered: bool,
    /// An inbox has the folder of the filter.
    pub has_folder: bool,
    /// The ids of messages that may meet the filter, the newest last, of each inbox in which they
    /// were gathered; `None`: it is walked through.
    pub listed: BTreeMap<InboxId, Option<Vec<i64>>>,
}

/// The mailbox that mail is delivered to; every inbox has it, and its name has no case (RFC 3501
/// section 5.1).
pub const INBOX: &str = "INBOX";

/// Metadata of a mailbox, for LIST and STATUS.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MailboxRow {
    /// Its id.
    pub id: MailboxId,
    /// Full name, `/` between levels, UTF-8.
    pub name: String,
    /// RFC 6154 attribute.
    pub special: Option<SpecialUse>,
    /// LSUB shows it.
    pub subscribed: bool,
    /// RFC 3501 section 2.3.1.1.
    pub uidvalidity: u32,
    /// The UID of the next message.
    pub uidnext: u32,
    /// Counters, when they were asked for.
    pub counts: Option<MailboxCounts>,
}

/// Counters of a mailbox.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct MailboxCounts {
    /// Messages.
    pub messages: u32,
    /// Without `\Seen`.
    pub unseen: u32,
    /// With `\Deleted`.
    pub deleted: u32,
    /// Above the `\Recent` watermark.
    pub recent: u32,
    /// Octets.
    pub size: u64,
    /// RFC 7162.
    pub highest_modseq: u64,
}

/// RFC 6154 special uses, of which every inbox has one mailbox each.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum SpecialUse {
    /// `\Sent`
    Sent,
    /// `\Drafts`
    Drafts,
    /// `\Trash`
    Trash,
    /// `\Junk`
    Junk,
}

impl SpecialUse {
    /// Every one with the name of its mailbox and its attribute.
    pub const ALL: [(SpecialUse, &'static str, &'static str); 4] = [
        (SpecialUse::Sent, "Sent", "\\Sent"),
        (SpecialUse::Drafts, "Drafts", "\\Drafts"),
        (SpecialUse::Trash, "Trash", "\\Trash"),
        (SpecialUse::Junk, "Junk", "\\Junk"),
    ];
}

/// The data of SELECT.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Selected {
    /// The mailbox.
    pub mailbox: MailboxRow,
    /// Every UID in it.
    pub uids: UidSet,
    /// UIDs above this are `\Recent` to this session. A read-write SELECT raises it.
    pub recent_above: u32,
    /// The first message without `\Seen`.
    pub first_unseen: Option<u32>,
    /// Keywords in use in the mailbox.
    pub keywords: Vec<String>,
    /// HIGHESTMODSEQ.
    pub highest_modseq: u64,
    /// The head of the log at the time of this read: the data includes the events up to it.
    pub as_of: u64,
}

/// One message as REST shows it (DECISIONS.md, "Message object").
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MessageView {
    /// Its inbox.
    pub inbox: InboxId,
    /// Mailbox name.
    pub folder: String,
    /// Flags, labels, ids.
    pub state: EntryState,
    /// The conversation.
    pub thread: ThreadId,
    /// The way by which it was made.
    pub arrival: Arrival,
    /// Its owner has written it: it was sent from here, or it stands in Sent or Drafts.
    pub is_outbound: bool,
    /// What is known of its sender.
    pub auth: SenderAuth,
    /// Internal date, unix milliseconds.
    pub received_at: i64,
    /// Octets.
    pub size: u32,
    /// `Message-ID` with its brackets.
    pub message_id: String,
    /// From, To, Cc, subject, date, preview, codes.
    pub summary: Summary,
    /// Only in the sender's copy.
    pub bcc: Vec<NamedAddress>,
    /// Reply-To.
    pub reply_to: Vec<NamedAddress>,
    /// The client's own JSON of a message that it has sent.
    pub metadata: Option<String>,
    /// That of the message which this one answers.
    pub in_reply_to_metadata: Option<String>,
    /// The judgement of the filter; `None` when it was not judged.
    pub spam: Option<Box<SpamReport>>,
    /// Text around what a search has found.
    pub snippet: Option<String>,
    /// When it ends by itself, unix milliseconds; only of one message that is read or changed.
    pub expires_at: Option<i64>,
    /// `None` in lists.
    pub content: Option<Box<MessageContent>>,
    /// The octets that REST has made of the row of a list.
    pub written: WrittenRow,
}

/// The octets that a row of a list was written as, kept with a row that is shown again. They say
/// nothing that the row does not say, so rows are equal whether they have them or not.
#[derive(Clone, Default)]
pub struct WrittenRow(OnceLock<Box<[u8]>>);

impl WrittenRow {
    /// The octets, if the row was written.
    pub fn octets(&self) -> Option<&[u8]> {
        self.0.get().map(|octets| &**octets)
    }

    /// Keeps the octets.
    pub fn keep(&self, octets: &[u8]) {
        // Another thread may have written the same.
        let _ = self.0.set(octets.into());
    }
}

impl PartialEq for WrittenRow {
    fn eq(&self, _: &WrittenRow) -> bool {
        true
    }
}

impl Eq for WrittenRow {}

impl fmt::Debug for WrittenRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WrittenRow(..)")
    }
}

/// The part of a message view that needs its octets.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct MessageContent {
    /// Never empty for a mail with a body.
    pub text: String,
    /// `text` without quoted history and signature.
    pub extracted_text: String,
    /// The codes with the words by which they were found, likeliest first.
    pub codes_found: Vec<CodeRow>,
    /// The HTML part as sent.
    pub html: Option<String>,
    /// Attachments in order.
    pub attachments: Vec<AttachmentRow>,
    /// Decoded header fields in order.
    pub headers: Vec<(String, String)>,
    /// Verification links first.
    pub links: Vec<LinkRow>,
    /// The HTML has content that a reader does not see.
    pub hidden_content: bool,
    /// A text was cut.
    pub truncated: bool,
    /// Where the next page of `text` begins; `None` behind the last one.
    pub next_offset: Option<usize>,
    /// Unicode scalar values of the whole text.
    pub chars: usize,
    /// About how many tokens a language model reads the whole text as.
    pub tokens_estimate: usize,
    /// What tries to give orders to an agent was left out.
    pub redacted: bool,
    /// Which texts it has.
    pub view: ContentView,
    /// It has a later page of the text alone.
    pub is_later_page: bool,
}

/// One link of a message.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct LinkRow {
    /// Its address, without white space and controls.
    pub url: String,
    /// Its words in one line; may be empty.
    pub text: String,
    /// One of [`LinkRow::KINDS`].
    pub kind: &'static str,
}

impl LinkRow {
    /// What a link may be for.
    pub const KINDS: &'static [&'static str] = &["verification", "unsubscribe", "other"];
}

/// A one-time code of a message.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CodeRow {
    /// As it is typed.
    pub code: String,
    /// The words of the message that announce it, in one line.
    pub words: String,
}

/// One attachment.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AttachmentRow {
    /// The index of its part; [`super::attachment_id`] makes the public id.
    pub part: usize,
    /// Decoded, without control bytes; may be empty.
    pub filename: String,
    /// `type/subtype`, lower case.
    pub content_type: String,
    /// Decoded octets.
    pub size: u64,
    /// Content-Disposition is inline.
    pub inline: bool,
    /// Without brackets.
    pub content_id: Option<String>,
}

/// Where octets are read: the data of an entry of `inbox` at the time of its look-up. The octets
/// can be read for some minutes after the entry is deleted, so that a client can finish a download.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OctetsOf {
    /// The inbox.
    pub inbox: InboxId,
    /// The body, which follows `prefix`.
    pub body: BodyId,
    /// The entry's own first octets.
    pub prefix: Vec<u8>,
}

/// A part of a message, and where its octets are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PartSource {
    /// For [`super::EntryRead::Octets`].
    pub of: OctetsOf,
    /// Where its octets begin, from the beginning of the entry.
    pub offset: u32,
    /// How many they are, in their transfer encoding.
    pub len: u32,
    /// The transfer encoding (RFC 2045 section 6.1): `base64`, `quoted-printable`, or `8bit` for
    /// octets that stand as they are.
    pub encoding: &'static str,
    /// `type/subtype` in lower case.
    pub content_type: String,
    /// Its name, without folders and controls.
    pub filename: String,
    /// All octets, encoded, if they fit a page: a small body goes with its last reference.
    pub octets: Option<Vec<u8>>,
}
