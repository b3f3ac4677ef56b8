//! Answer and forward: what a new message takes from the one that it is about. The request says the
//! rest; then it is composed, judged and delivered like every send.
//!
//! The rule: the other message is read as data. It gives addresses, ids and octets, and no field of
//! it goes into the new header as it stands.

use super::files::{KeptFile, files_of};
use crate::call::{
    AnswerWay, AnsweredMessage, Arrival, ConflictReason, Draft, DraftAddress, InboxId,
    NamedAddress, Noun, OrgId, Refusal, ThreadId,
};
use crate::mail::digest::{self, Analysis};
use crate::mail::text::{self, TextBody};
use crate::mail::write::answer;
use crate::mail::{Address, Bounds, Digest};
use crate::service::context::ReadContext;
use crate::service::mail::opened::OpenedMessage;

/// A display name and an address.
pub(super) type NamedRecipient = (Option<String>, Address);

/// What a new message takes from another one, besides the fields of its description.
#[derive(Debug, Default)]
pub(super) struct Taken {
    /// In-Reply-To, with its brackets.
    pub in_reply_to: Option<String>,
    /// References, likewise, oldest first.
    pub references: Vec<String>,
    /// The conversation of the other message.
    pub joins: Option<ThreadId>,
    /// Files that go on with it.
    pub files: Vec<KeptFile>,
}

/// Fills in what the other message gives. A draft may say recipients and subject itself.
pub(super) fn take_over(
    context: &ReadContext<'_>,
    (org, inbox): (OrgId, InboxId),
    (own, about): (&Address, AnsweredMessage),
    draft: &mut Draft,
) -> Result<Taken, Refusal> {
    const NONE: Refusal = Refusal::NotFound(Noun::Message);
    let store = context.store;
    let record = store.message(org, inbox, about.id)?.ok_or(NONE)?;
    let (arrival, joins) = (record.entry.arrival, Some(record.entry.thread));
    let opened = OpenedMessage::read(store, (org, inbox), about.id)?.ok_or(NONE)?;
    let digest = Digest::open(&opened.digest).ok_or(Refusal::Damaged)?;
    let header = opened.octets.get(..digest.header_len() as usize);
    let original = header_of(header.unwrap_or(&opened.octets))?;
    if about.way == AnswerWay::Forward {
        draft.subject = answer::forward_subject(&original.subject);
        forward(&opened.octets, &digest, &original, draft);
        return Ok(Taken {
            in_reply_to: None,
            references: answer::references(&original),
            joins,
            files: files_of(&opened.octets, &digest),
        });
    }
    if draft.subject.is_empty() {
        draft.subject = answer::reply_subject(&original.subject);
    }
    let author = original.author().and_then(|author| author.address());
    let is_own = arrival == Arrival::Sent
        || (arrival != Arrival::Received
            && author.is_some_and(|author| answer::is_same_inbox(&author, own)));
    let all = about.way == AnswerWay::ReplyAll;
    let found = answer::recipients(&original, own, (is_own, all));
    if draft.to.is_empty() {
        if found.to.is_empty() {
            return Err(Refusal::Conflict(ConflictReason::NoAnswerAddress));
        }
        draft.to = found.to.into_iter().map(named).collect();
    }
    let copies = found.cc.into_iter().map(named);
    draft.cc = copies.chain(core::mem::take(&mut draft.cc)).collect();
    Ok(Taken {
        in_reply_to: answer::in_reply_to(&original),
        references: answer::references(&original),
        joins,
        files: Vec::new(),
    })
}

/// What the header of a stored message says.
pub(super) fn header_of(header: &[u8]) -> Result<Analysis, Refusal> {
    let bounds = Bounds {
        received_hops: usize::MAX,
        ..Bounds::default()
    };
    digest::analyse(header, &bounds).map_err(|_| Refusal::Damaged)
}

/// The words of the sender, and behind them the message. HTML stays HTML.
fn forward(octets: &[u8], digest: &Digest<'_>, original: &Analysis, draft: &mut Draft) {
    let TextBody {
        text,
        attached_at,
        html,
        ..
    } = text::text_of(octets, digest);
    // The text of attached messages goes on as an attachment.
    let text = text.get(..attached_at).unwrap_or(&text);
    let block = answer::forwarded_block(original);
    if draft.html.is_some() || html.is_some() {
        let own = (draft.html.as_deref(), draft.text.as_deref());
        draft.html = Some(answer::forwarded_html(own, &block, (html.as_deref(), text)));
    }
    draft.text = Some(answer::forwarded_text(draft.text.as_deref(), &block, text));
}

fn named((name, address): NamedRecipient) -> DraftAddress {
    DraftAddress::Named(NamedAddress {
        name: name.unwrap_or_default(),
        address: address.to_string(),
    })
}
