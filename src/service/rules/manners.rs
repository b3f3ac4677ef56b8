//! When a rule may answer a message (RFC 3834 section 2, RFC 5230 section 4.6): never a machine, a
//! list, another answer, spam, oneself, or a message that names the inbox nowhere.
//!
//! It looks at the message alone. Whether the sender was answered lately is for the writer.

use super::subject::RuleSubject;
use crate::call::{AutoReplyRefusal, Verdict};
use crate::mail::Address;
use crate::mail::digest::Analysis;
use crate::mail::write::answer::is_same_inbox;

/// The inbox, as far as answers look at it.
#[derive(Clone, Copy, Debug)]
pub(super) struct AnsweringInbox<'a> {
    /// Its addresses: its own, and the one that the message came to.
    pub own: &'a [Address],
    /// The message goes to Junk without rules.
    pub is_junk: bool,
}

/// The address that an answer goes to: the return path.
///
/// # Errors
/// Why there is no answer.
pub(super) fn answer_address(
    message: &RuleSubject<'_>,
    header: &Analysis,
    inbox: &AnsweringInbox<'_>,
) -> Result<Address, AutoReplyRefusal> {
    let path = message.reverse_path().unwrap_or_default();
    let path = Address::parse(path).map_err(|_| AutoReplyRefusal::NullReturnPath)?;
    if header.is_auto_submitted || message.is_report() {
        return Err(AutoReplyRefusal::AutoSubmitted);
    }
    if header.is_list || header.list_id.is_some() {
        return Err(AutoReplyRefusal::MailingList);
    }
    if header.is_bulk {
        return Err(AutoReplyRefusal::Bulk);
    }
    if header.suppresses_replies {
        return Err(AutoReplyRefusal::RepliesSuppressed);
    }
    if inbox.is_junk || message.verdict() == Some(Verdict::Spam) {
        return Err(AutoReplyRefusal::Spam);
    }
    let authors = header.from.iter().map(|author| author.local.as_str());
    if core::iter::once(path.local())
        .chain(authors)
        .any(is_of_system)
    {
        return Err(AutoReplyRefusal::SystemSender);
    }
    let is_own = |address: &Address| inbox.own.iter().any(|own| is_same_inbox(address, own));
    let authors = header.from.iter().filter_map(|author| author.address());
    if is_own(&path) || authors.into_iter().any(|author| is_own(&author)) {
        return Err(AutoReplyRefusal::OwnAddress);
    }
    let mut named = header.to.iter().chain(&header.cc);
    match named.any(|mailbox| mailbox.address().is_some_and(|address| is_own(&address))) {
        true => Ok(path),
        false => Err(AutoReplyRefusal::NotAddressed),
    }
}

/// Whether a local part is one behind which no person reads.
fn is_of_system(local: &str) -> bool {
    let name = local.to_ascii_lowercase();
    // `noreply+17@` and `bounces-ann=x.test@` are the same.
    let base = name.split(['+', '=']).next().unwrap_or_default();
    let plain: String = base
        .chars()
        .filter(|c| !matches!(c, '-' | '_' | '.'))
        .collect();
    let words = [
        "mailerdaemon",
        "postmaster",
        "noreply",
        "donotreply",
        "nobody",
        "listserv",
        "majordomo",
        "bounce",
        "bounces",
        "autoreply",
        "autoresponder",
    ];
    words.contains(&plain.as_str())
        || plain.starts_with("noreply")
        || plain.starts_with("donotreply")
        || base.starts_with("owner-")
        || base.starts_with("bounce-")
        || base.starts_with("bounces-")
        || base.ends_with("-request")
        || base.ends_with("-owner")
        || base.ends_with("-bounces")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_systems() {
        for name in [
            "MAILER-DAEMON",
            "postmaster",
            "no-reply",
            "noreply",
            "No_Reply",
            "noreply+17",
            "noreply-billing",
            "do-not-reply",
            "donotreply",
            "list-request",
            "owner-list",
            "list-owner",
            "list-bounces",
            "bounces+ann=x.test",
            "bounce-17",
        ] {
            assert!(is_of_system(name), "{name}");
        }
        for name in [
            "ann",
            "reply",
            "request",
            "owner",
            "norbert",
            "bouncer",
            "post.master.ann",
        ] {
            assert!(!is_of_system(name), "{name}");
        }
    }
}
