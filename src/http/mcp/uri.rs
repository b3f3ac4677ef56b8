//! The URIs of resources: an inbox, a message in it, an attachment of that.
//!
//! ```text
//! postern://inbox/{inbox}
//! postern://inbox/{inbox}/message/{id}
//! postern://inbox/{inbox}/message/{id}/attachment/{att}
//! ```
//!
//! Only these forms are taken. An escape (RFC 3986 section 2.1) may stand in an address, where
//! a client that expands a template writes one (RFC 6570 section 3.2.2); it is decoded once. Ids
//! are read by their own grammar, so no segment leads to another route of the API.

use core::fmt;

use crate::call::{EntryId, InboxRef, attachment_id, parse_attachment_id};
use crate::http::wire::target::{decode_segment, inbox_ref};

/// What a URI names. Whether it is there, and for whom, the API says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct ResourceUri {
    pub inbox: InboxRef,
    pub part: ResourcePart,
}

/// Which part of the inbox.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ResourcePart {
    Inbox,
    Message(EntryId),
    /// With the index of its part in the message.
    Attachment(EntryId, usize),
}

impl ResourceUri {
    /// Reads a URI; `None` for any other form.
    pub fn parse(text: &str) -> Option<ResourceUri> {
        let path = text
            .strip_prefix(ROOT)
            .filter(|_| text.len() <= URI_BYTES_MAX)?;
        let segments: Vec<&str> = path.split('/').take(SEGMENTS_MAX + 1).collect();
        let (inbox, part) = match segments.as_slice() {
            [inbox] => (inbox, ResourcePart::Inbox),
            [inbox, "message", id] => (inbox, ResourcePart::Message(EntryId::parse(id)?)),
            [inbox, "message", id, "attachment", att] => {
                let index = parse_attachment_id(att)?;
                (inbox, ResourcePart::Attachment(EntryId::parse(id)?, index))
            }
            _ => return None,
        };
        if !inbox.bytes().all(is_of_segment) {
            return None;
        }
        let name = decode_segment(inbox)?;
        // The API takes an address as one segment of a path.
        let inbox = inbox_ref(&name).filter(|_| !name.contains(['/', ' ']))?;
        Some(ResourceUri { inbox, part })
    }

    /// The inbox as the API takes it: its id or its address.
    pub fn inbox(&self) -> String {
        match &self.inbox {
            InboxRef::Id(id) => id.to_string(),
            InboxRef::Address(address) => address.clone(),
        }
    }
}

impl fmt::Display for ResourceUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&of_inbox(&self.inbox()))?;
        match self.part {
            ResourcePart::Inbox => Ok(()),
            ResourcePart::Message(id) => write!(f, "/message/{id}"),
            ResourcePart::Attachment(id, att) => {
                write!(f, "/message/{id}/attachment/{}", attachment_id(att))
            }
        }
    }
}

/// The URI of an inbox by its id or its address.
pub(crate) fn of_inbox(inbox: &str) -> String {
    let mut uri = String::from(ROOT);
    for octet in inbox.bytes() {
        match octet {
            // The unreserved ones (RFC 3986 section 2.3), and two that addresses often have.
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'@' | b'+' => {
                uri.push(char::from(octet));
            }
            octet => uri.push_str(&format!("%{octet:02X}")),
        }
    }
    uri
}

/// The URI of an attachment by the ids of its message and of itself.
pub(crate) fn of_attachment(inbox: &str, message: &str, att: &str) -> String {
    format!("{}/message/{message}/attachment/{att}", of_inbox(inbox))
}

/// What a segment may have (RFC 3986 section 3.3, `pchar`).
fn is_of_segment(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=:@".contains(&octet)
}

const ROOT: &str = "postern://inbox/";
const SEGMENTS_MAX: usize = 5;
/// Octets of the longest URI: an address of 254 characters of three escaped octets each.
const URI_BYTES_MAX: usize = 4096;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn each_form_is_read_and_written() {
        let (inbox, message) = (crate::call::InboxId(7), EntryId(9));
        for uri in [
            format!("postern://inbox/{inbox}"),
            format!("postern://inbox/{inbox}/message/{message}"),
            format!("postern://inbox/{inbox}/message/{message}/attachment/att_2"),
            "postern://inbox/bot+a@x.test".to_owned(),
            "postern://inbox/b%C3%BCro@x.test".to_owned(),
        ] {
            assert_eq!(ResourceUri::parse(&uri).unwrap().to_string(), uri);
        }
        let escaped = ResourceUri::parse("postern://inbox/bot%40x.test").unwrap();
        assert_eq!(escaped.to_string(), "postern://inbox/bot@x.test");
    }

    #[test]
    fn nothing_else_is_a_resource() {
        let message = EntryId(9);
        for uri in [
            "",
            "postern://inbox",
            "postern://inbox/",
            "postern://inbox//",
            "postern://inbox/x",
            "postern://inbox/bot@x.test/",
            "postern://inbox/bot@x.test?a=1",
            "postern://inbox/bot@x.test#a",
            "postern://inbox/bot@x.test/messages",
            "postern://inbox/bot@x.test/message/wait",
            "postern://inbox/bot@x.test/message/%77ait",
            "postern://inbox/bot@x.test/message/..",
            "postern://inbox/../bot@x.test",
            "postern://inbox/bot@x.test%2Fmessages",
            "postern://inbox/bot@x.test%252Fmessages%00",
            "postern://inbox/bot@x.test%0A",
            "postern://inbox/bot@x.test%",
            "postern://inbox/bot@x.test%4",
            "postern://inbox/bot@x.test%FF",
            "postern://inbox/bot@x.test%20",
            "postern://inbox/b\u{fc}ro@x.test",
            "postern://inbox/bot@x.test\n",
            "POSTERN://inbox/bot@x.test",
            "postern://INBOX/bot@x.test",
            "postern:/inbox/bot@x.test",
            "https://inbox/bot@x.test",
            "file:///etc/passwd",
        ] {
            assert_eq!(ResourceUri::parse(uri), None, "{uri}");
        }
        for end in [
            "/",
            "/attachment",
            "/attachment/",
            "/attachment/1",
            "/attachment/att_02",
            "/x/att_2",
        ] {
            let uri = format!("postern://inbox/bot@x.test/message/{message}{end}");
            assert_eq!(ResourceUri::parse(&uri), None, "{uri}");
        }
        let long = format!("postern://inbox/{}@x.test", "%61".repeat(2000));
        assert_eq!(ResourceUri::parse(&long), None);
    }
}
