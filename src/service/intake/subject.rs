//! The subject of a message as a key: how an answer without a known Message-ID finds its
//! conversation.
//!
//! An inbox notes what it has written about to whom; an answer is looked up by its subject and its
//! author (DECISIONS.md, "Conversations"). The rule: a subject without a reply prefix, lists,
//! machines, appended mail and senders whose checks failed are never looked up.

use crate::call::{AuthResult, Recipient, SenderAuth};
use crate::mail::Address;
use crate::mail::digest::Analysis;
use crate::mail::text::reply;

/// The keys of subject and address of a message.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SubjectKeys {
    /// Those by which answers are found in the inbox that sends it: one for each recipient.
    pub noted: Vec<String>,
    /// The one by which it is looked up in an inbox that receives it: that of its author.
    pub sought: Option<String>,
}

impl SubjectKeys {
    /// Of a message that an inbox sends to `recipients`.
    pub(super) fn of_sent(analysis: &Analysis, recipients: &[Recipient]) -> SubjectKeys {
        if recipients.len() > NOTED_MAX || is_of_machine(analysis) {
            return SubjectKeys::default();
        }
        let base = reply::base_subject(&analysis.subject);
        let addresses = recipients.iter().filter_map(|recipient| {
            let address = Address::parse(&recipient.address).ok()?;
            Some(address.canonical())
        });
        let keys = addresses.filter_map(|address| key(&address, &base));
        SubjectKeys {
            noted: keys.collect(),
            sought: SubjectKeys::sought_by(analysis),
        }
    }

    /// Of a message that comes from outside.
    pub(super) fn of_received(analysis: &Analysis, auth: SenderAuth) -> SubjectKeys {
        let is_doubtful = match auth {
            SenderAuth::SpoofedLocal => true,
            SenderAuth::Checked(found) => found.spoofed_local || found.dmarc == AuthResult::Fail,
            SenderAuth::Unknown | SenderAuth::Client | SenderAuth::Neighbour => false,
        };
        if is_doubtful || is_of_machine(analysis) {
            return SubjectKeys::default();
        }
        SubjectKeys {
            noted: Vec::new(),
            sought: SubjectKeys::sought_by(analysis),
        }
    }

    fn sought_by(analysis: &Analysis) -> Option<String> {
        if !reply::is_reply(&analysis.subject) {
            return None;
        }
        let author = analysis.author()?.address()?.canonical();
        key(&author, &reply::base_subject(&analysis.subject))
    }
}

/// Whether a list or a machine has written a message.
fn is_of_machine(analysis: &Analysis) -> bool {
    analysis.is_list || analysis.list_id.is_some() || analysis.is_bulk || analysis.is_auto_submitted
}

/// A key that no Message-ID equals: it begins with NUL. A subject without words has none.
fn key(address: &str, base: &str) -> Option<String> {
    (!base.is_empty()).then(|| format!("\0{address}\0{base}"))
}

/// A message to more recipients is no conversation with each of them.
const NOTED_MAX: usize = 8;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::mail::{Bounds, digest};

    fn analysis(header: &str) -> Analysis {
        let octets = format!("From: Ann <Ann@Y.test>\r\n{header}\r\n\r\nx\r\n");
        digest::analyse(octets.as_bytes(), &Bounds::default()).unwrap()
    }

    fn sought(header: &str, auth: SenderAuth) -> Option<String> {
        SubjectKeys::of_received(&analysis(header), auth).sought
    }

    #[test]
    fn an_answer_is_sought_by_its_subject_and_its_author() {
        let unknown = SenderAuth::Unknown;
        let key = sought("Subject: Re: The  Plan", unknown).unwrap();
        for same in [
            "Subject: RE: re: the plan",
            "Subject: AW: The Plan",
            "Subject: Re[2]: THE PLAN",
        ] {
            assert_eq!(sought(same, unknown).as_ref(), Some(&key), "{same}");
        }
        let recipient = Recipient {
            address: "ann@y.test".into(),
            inbox: None,
            org: None,
            notify: 0,
            orcpt: None,
        };
        let sent = SubjectKeys::of_sent(
            &analysis("Subject: the plan"),
            core::slice::from_ref(&recipient),
        );
        assert_eq!((sent.noted, sent.sought), (vec![key.clone()], None));
        let many = vec![recipient; NOTED_MAX + 1];
        let sent = SubjectKeys::of_sent(&analysis("Subject: the plan"), &many);
        assert_eq!(sent, SubjectKeys::default());
        for other in [
            "Subject: The Plan",
            "Subject: Fwd: The Plan",
            "Subject: Re:",
            "Subject: Re: The Plan\r\nList-Id: <l.y.test>",
            "Subject: Re: The Plan\r\nPrecedence: bulk",
            "Subject: Re: The Plan\r\nAuto-Submitted: auto-replied",
        ] {
            assert_eq!(sought(other, unknown), None, "{other}");
        }
        assert_ne!(sought("Subject: Re: The Plans", unknown), Some(key));
        let spoofed = SenderAuth::SpoofedLocal;
        assert_eq!(sought("Subject: Re: The Plan", spoofed), None);
    }
}
