//! Why mail for a domain, or for one recipient, did not leave: as the history, the event and a
//! report to the sender tell it.

use core::net::IpAddr;

use crate::call::{
    ATTEMPT_TEXT_MAX, LostWhy, OutboundAttempt, OutboundTls, RemoteReply, Report,
    TransactionOutcome,
};
use crate::mail::unicode;

/// How long a failure lasts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lasting {
    /// It is tried again.
    Temporary,
    /// It is given up.
    Permanent,
}

/// Why it did not leave.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DeliveryFailure {
    /// How long it lasts.
    pub lasting: Lasting,
    /// The host; empty when none was found.
    pub host: String,
    /// Its address, when a connection was tried.
    pub address: Option<IpAddr>,
    /// TLS of the connection.
    pub tls: OutboundTls,
    /// The code of the reply that decided it.
    pub code: Option<u16>,
    /// The enhanced code: that of the reply, or ours.
    pub enhanced: Option<(u8, u16, u16)>,
    /// The text of the reply, or one sentence.
    pub text: String,
    /// The reply was to RCPT, so it is about the recipient.
    pub is_of_recipient: bool,
}

impl DeliveryFailure {
    /// A failure that no host has told.
    pub fn of(lasting: Lasting, enhanced: (u8, u16, u16), text: String) -> DeliveryFailure {
        DeliveryFailure {
            lasting,
            host: String::new(),
            address: None,
            tls: OutboundTls::None,
            code: None,
            enhanced: Some(enhanced),
            text,
            is_of_recipient: false,
        }
    }

    /// The mail would come back to this server.
    pub fn ourselves(domain: &str) -> DeliveryFailure {
        let why = format!(
            "the MX of {domain} is this server, and {domain} is not one of its domains: the mail \
             would loop"
        );
        DeliveryFailure::of(Lasting::Permanent, (5, 4, 6), why)
    }

    /// The same, at a host.
    #[must_use]
    pub fn at_host(mut self, host: &str) -> DeliveryFailure {
        host.clone_into(&mut self.host);
        self
    }

    /// The end of a connection. It is temporary, but for a host that says for good that it takes no
    /// mail (RFC 7504).
    pub fn lost(why: &LostWhy, host: &str, address: IpAddr, tls: OutboundTls) -> DeliveryFailure {
        let (enhanced, text) = match why {
            LostWhy::Closed(text) => ((4, 4, 1), text.clone()),
            LostWhy::TimedOut => ((4, 4, 1), "no reply in time".to_owned()),
            LostWhy::Tls(text) => ((4, 7, 5), text.clone()),
            LostWhy::TlsNotOffered => (
                (4, 7, 4),
                "TLS is required, and the host does not offer it".to_owned(),
            ),
            LostWhy::Reply(reply) => return DeliveryFailure::refused(reply, host, address, tls),
            LostWhy::BadReply(what) => ((4, 5, 0), format!("a reply that is none: {what}")),
            LostWhy::Ourselves => {
                let why = format!(
                    "{host} greets with the name of this server: the mail would loop. If it is \
                     another server, one of the two needs another `hostname`"
                );
                let failure = DeliveryFailure::of(Lasting::Permanent, (5, 4, 6), why);
                let address = Some(address);
                return DeliveryFailure { address, ..failure }.at_host(host);
            }
            LostWhy::Stopping => ((4, 3, 2), "this server was stopped".to_owned()),
        };
        let mut failure = DeliveryFailure::of(Lasting::Temporary, enhanced, text).at_host(host);
        (failure.address, failure.tls) = (Some(address), tls);
        failure
    }

    fn refused(
        reply: &RemoteReply,
        host: &str,
        address: IpAddr,
        tls: OutboundTls,
    ) -> DeliveryFailure {
        DeliveryFailure {
            lasting: match reply.code {
                521 | 556 => Lasting::Permanent,
                _ => Lasting::Temporary,
            },
            host: host.to_owned(),
            address: Some(address),
            tls,
            code: Some(reply.code),
            enhanced: reply.enhanced,
            text: reply.text.clone(),
            is_of_recipient: false,
        }
    }

    /// What a report tells; whatever its outcome is.
    pub fn reported(report: &Report) -> DeliveryFailure {
        DeliveryFailure {
            lasting: match report.outcome {
                TransactionOutcome::Bounced => Lasting::Permanent,
                TransactionOutcome::Delivered | TransactionOutcome::Deferred => Lasting::Temporary,
            },
            host: report.host.clone(),
            address: Some(report.address),
            tls: report.tls,
            code: report.reply.as_ref().map(|reply| reply.code),
            enhanced: report.reply.as_ref().and_then(|reply| reply.enhanced),
            text: match &report.reply {
                Some(reply) => reply.text.clone(),
                None => report.why.clone(),
            },
            is_of_recipient: report.is_of_recipient,
        }
    }

    /// As the history keeps it.
    pub fn attempt(&self, at: i64, outcome: TransactionOutcome) -> OutboundAttempt {
        OutboundAttempt {
            at,
            host: self.host.clone(),
            address: self.address,
            tls: self.tls,
            code: self.code,
            enhanced: self.enhanced,
            text: unicode::prefix(&self.text, ATTEMPT_TEXT_MAX).to_owned(),
            outcome,
        }
    }
}
