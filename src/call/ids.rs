//! Identifiers: one type for each noun, so that the compiler does not let an inbox stand for a
//! mailbox.
//!
//! An id is a positive 63-bit number. The store generates ids in the order of time, which keeps new
//! rows together in an index, with random gaps, so that the number of rows of other organizations
//! cannot be read from them. For clients an id is text: a prefix for its noun and eleven base62
//! digits. It is never an IMAP UID and is never used again.

use serde::{Deserialize, Serialize};

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// 62^11 is just over 2^65, so eleven digits hold every 63-bit id.
const WIDTH: usize = 11;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
        pub struct $name(pub i64);

        impl $name {
            /// The prefix of the text form.
            pub const PREFIX: &'static str = $prefix;

            /// Reads the text form; `None` unless it is exactly what `Display` writes.
            pub fn parse(text: &str) -> Option<Self> {
                decode(text.strip_prefix($prefix)?).map(Self)
            }
        }

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str($prefix)?;
                encode(self.0, f)
            }
        }
    )*};
}

ids! {
    /// An organization: the tenant.
    OrgId = "org_";
    /// An API key.
    KeyId = "key_";
    /// An inbox: one address with everything under it.
    InboxId = "inb_";
    /// A mailbox: one folder of an inbox (RFC 8474 MAILBOXID in IMAP).
    MailboxId = "mbx_";
    /// An entry: one message in one mailbox. MOVE keeps the id, COPY makes a new one.
    EntryId = "msg_";
    /// A conversation inside one inbox.
    ThreadId = "thr_";
    /// A domain of an organization.
    DomainId = "dom_";
    /// A rule of delivery.
    RuleId = "rul_";
    /// A filter rule.
    FilterRuleId = "flt_";
    /// A suppressed address.
    SuppressionId = "sup_";
    /// A queued recipient outside this server.
    OutboundId = "out_";
    /// An act of the audit.
    AuditId = "aud_";
    /// A message that waits for a decision.
    ApprovalId = "apr_";
    /// A webhook.
    WebhookId = "whk_";
    /// A delivery of a webhook: the number of its event.
    DeliveryId = "dlv_";
    /// An uploaded file.
    UploadId = "upl_";
    /// Stored octets. Internal: clients never see it.
    BodyId = "bod_";
}

/// An event, as a receiver of several organizations tells it from others: `evt_`, the digits of the
/// organization, `_`, and its number in the log of that.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EventId {
    pub org: OrgId,
    pub seq: u64,
}

impl core::fmt::Display for EventId {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("evt_")?;
        encode(self.org.0, f)?;
        write!(f, "_{}", self.seq)
    }
}

/// One connection, for as long as the process lives. The number is never used again, so no reply
/// can reach a later connection by mistake.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct ConnId(pub u64);

/// The text form of an attachment's id: the index of its part in the message's structure.
pub fn attachment_id(index: usize) -> String {
    format!("att_{index}")
}

/// Parses the text of [`attachment_id`].
pub fn parse_attachment_id(text: &str) -> Option<usize> {
    let digits = text.strip_prefix("att_")?;
    if digits.len() > 5 || (digits.len() > 1 && digits.starts_with('0')) {
        return None;
    }
    digits
        .bytes()
        .all(|b| b.is_ascii_digit())
        .then(|| digits.parse().ok())
        .flatten()
}

fn encode(value: i64, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
    let mut left = value.unsigned_abs();
    let mut text = [b'0'; WIDTH];
    for slot in text.iter_mut().rev() {
        *slot = DIGITS[(left % 62) as usize];
        left /= 62;
    }
    f.write_str(core::str::from_utf8(&text).unwrap_or_default())
}

fn decode(text: &str) -> Option<i64> {
    if text.len() != WIDTH {
        return None;
    }
    let mut value: u64 = 0;
    for byte in text.bytes() {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'A'..=b'Z' => byte - b'A' + 10,
            b'a'..=b'z' => byte - b'a' + 36,
            _ => return None,
        };
        value = value.checked_mul(62)?.checked_add(u64::from(digit))?;
    }
    i64::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_round_trips_and_is_canonical() {
        for value in [0, 1, 61, 62, 1 << 40, i64::MAX] {
            let text = EntryId(value).to_string();
            assert_eq!(text.len(), 15);
            assert_eq!(EntryId::parse(&text), Some(EntryId(value)));
        }
        for bad in [
            "",
            "msg_",
            "inb_00000000001",
            "msg_0000000001",
            "msg_zzzzzzzzzzz",
            "msg_0000000000!",
        ] {
            assert_eq!(EntryId::parse(bad), None, "{bad}");
        }
        let (org, seq) = (OrgId(62), 17);
        assert_eq!(EventId { org, seq }.to_string(), "evt_00000000010_17");
        assert_eq!(parse_attachment_id("att_12"), Some(12));
        assert_eq!(parse_attachment_id("att_012"), None);
        assert_eq!(parse_attachment_id("att_+1"), None);
    }
}
