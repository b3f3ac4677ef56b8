//! The command lines of a transaction, and what a host without an extension needs instead.
//!
//! Pure writing. The rule: an address or a parameter never ends its line. Addresses come from the
//! store, where they were checked; an octet that could end a line refuses the transaction here
//! once more.

use super::super::wire::command::is_atom;
use super::super::wire::outgoing::xtext;
use super::extensions::{Extensions, SizeOffer};
use crate::call::{Conversion, OutboundTransaction, RemoteReply};

/// How one transaction is sent to a host with these extensions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SendPlan {
    /// What is changed before the message is sent.
    pub conversion: Conversion,
    /// The host is told that addresses or fields have UTF-8 (RFC 6531 section 3.4).
    pub smtputf8: bool,
}

impl SendPlan {
    /// The plan, or the reason why this host cannot take the message, in the form of the reply
    /// that it would give itself.
    pub fn of(order: &OutboundTransaction, offers: &Extensions) -> Result<SendPlan, RemoteReply> {
        let sender = order.reverse_path.as_deref().unwrap_or_default();
        if sender.chars().any(char::is_control) || order.recipient.chars().any(char::is_control) {
            let text = "Not sent: the address has a control character";
            return Err(local(501, (5, 1, 3), text.into()));
        }
        let is_utf8_address = !sender.is_ascii() || !order.recipient.is_ascii();
        if is_utf8_address && !offers.smtputf8 {
            let text = "Not sent: the address needs SMTPUTF8, which the host does not offer";
            return Err(local(553, (5, 6, 7), text.into()));
        }
        if let SizeOffer::AtMost(most) = offers.size
            && order.size > most
        {
            let size = order.size;
            let text = format!("Not sent: {size} octets, and the host takes at most {most}");
            return Err(local(552, (5, 3, 4), text));
        }
        let conversion = Conversion {
            seven_bit: order.has_8bit && !offers.eight_bit,
            encoded_header: order.has_utf8_header && !offers.smtputf8,
        };
        let smtputf8 = offers.smtputf8 && (is_utf8_address || order.has_utf8_header);
        Ok(SendPlan {
            conversion,
            smtputf8,
        })
    }
}

fn local(code: u16, enhanced: (u8, u16, u16), text: String) -> RemoteReply {
    RemoteReply {
        code,
        enhanced: Some(enhanced),
        text,
    }
}

/// MAIL with the parameters that the host knows.
pub fn mail(order: &OutboundTransaction, offers: &Extensions, plan: SendPlan, out: &mut Vec<u8>) {
    let sender = order.reverse_path.as_deref().unwrap_or_default();
    out.extend_from_slice(b"MAIL FROM:<");
    out.extend_from_slice(sender.as_bytes());
    out.push(b'>');
    // RFC 1870 section 6.1: the size as it is sent. A conversion changes it.
    if offers.size != SizeOffer::None && plan.conversion == Conversion::default() {
        out.extend_from_slice(format!(" SIZE={}", order.size).as_bytes());
    }
    let is_8bit = order.has_8bit && !plan.conversion.seven_bit;
    if offers.eight_bit && (is_8bit || plan.smtputf8) {
        out.extend_from_slice(b" BODY=8BITMIME");
    }
    if plan.smtputf8 {
        out.extend_from_slice(b" SMTPUTF8");
    }
    if offers.dsn {
        match order.ret_full {
            Some(true) => out.extend_from_slice(b" RET=FULL"),
            Some(false) => out.extend_from_slice(b" RET=HDRS"),
            None => {}
        }
        if let Some(envid) = &order.envid {
            out.extend_from_slice(b" ENVID=");
            xtext(envid, out);
        }
    }
    out.extend_from_slice(b"\r\n");
}

/// RCPT with the parameters that the host knows.
pub fn rcpt(order: &OutboundTransaction, offers: &Extensions, out: &mut Vec<u8>) {
    out.extend_from_slice(b"RCPT TO:<");
    out.extend_from_slice(order.recipient.as_bytes());
    out.push(b'>');
    if offers.dsn {
        let events = NOTIFY.iter().filter(|(bit, _)| order.notify & bit != 0);
        let events: Vec<&str> = events.map(|(_, name)| *name).collect();
        if !events.is_empty() {
            out.extend_from_slice(format!(" NOTIFY={}", events.join(",")).as_bytes());
        }
        if let Some(orcpt) = &order.orcpt {
            // RFC 3461 section 4.2: the type of the address stands in clear, whatever it is.
            let typed = orcpt.split_once(';').filter(|(kind, _)| is_atom(kind));
            let (kind, address) = typed.unwrap_or(("rfc822", orcpt));
            out.extend_from_slice(format!(" ORCPT={kind};").as_bytes());
            xtext(address, out);
        }
    }
    out.extend_from_slice(b"\r\n");
}

/// RFC 3461 section 4.1. NEVER stands alone.
const NOTIFY: [(u8, &str); 4] = [(1, "NEVER"), (2, "SUCCESS"), (4, "FAILURE"), (8, "DELAY")];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::{OrgId, OutboundId, OutboundLease};

    fn order() -> OutboundTransaction {
        OutboundTransaction {
            lease: OutboundLease {
                id: OutboundId(1),
                attempt: 1,
            },
            org: OrgId(1),
            reverse_path: Some("a@x.test".into()),
            recipient: "b@y.test".into(),
            keys: None,
            size: 100,
            has_8bit: false,
            has_utf8_header: false,
            notify: 0,
            orcpt: None,
            ret_full: None,
            envid: None,
        }
    }

    const ALL: Extensions = Extensions {
        start_tls: true,
        pipelining: true,
        eight_bit: true,
        smtputf8: true,
        chunking: true,
        dsn: true,
        size: SizeOffer::AtMost(1000),
        auth_plain: true,
        auth_login: true,
        auth_oauth_bearer: true,
        auth_xoauth2: true,
    };

    fn lines(order: &OutboundTransaction, offers: &Extensions) -> String {
        match SendPlan::of(order, offers) {
            Ok(plan) => {
                let mut out = Vec::new();
                mail(order, offers, plan, &mut out);
                rcpt(order, offers, &mut out);
                let Conversion {
                    seven_bit,
                    encoded_header,
                } = plan.conversion;
                let lines = String::from_utf8_lossy(&out).replace("\r\n", "|");
                format!(
                    "{lines} {}{}",
                    u8::from(seven_bit),
                    u8::from(encoded_header)
                )
            }
            Err(reply) => format!("{} {:?}", reply.code, reply.enhanced.unwrap_or_default()),
        }
    }

    #[test]
    fn parameters_are_sent_to_hosts_that_know_them() {
        let none = Extensions::default();
        let plain = order();
        assert_eq!(
            lines(&plain, &ALL),
            "MAIL FROM:<a@x.test> SIZE=100|RCPT TO:<b@y.test>| 00"
        );
        assert_eq!(
            lines(&plain, &none),
            "MAIL FROM:<a@x.test>|RCPT TO:<b@y.test>| 00"
        );
        let full = OutboundTransaction {
            reverse_path: None,
            has_8bit: true,
            has_utf8_header: true,
            notify: 2 | 4 | 8,
            orcpt: Some("rfc822;o+r=c@y.test".into()),
            ret_full: Some(false),
            envid: Some("id 1".into()),
            ..order()
        };
        assert_eq!(
            lines(&full, &ALL),
            "MAIL FROM:<> SIZE=100 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=id+201|\
             RCPT TO:<b@y.test> NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=rfc822;o+2Br+3Dc@y.test| 00"
        );
        assert_eq!(lines(&full, &none), "MAIL FROM:<>|RCPT TO:<b@y.test>| 11");
        let sized = Extensions {
            size: SizeOffer::Unlimited,
            eight_bit: true,
            ..none
        };
        assert_eq!(
            lines(&full, &sized),
            "MAIL FROM:<> BODY=8BITMIME|RCPT TO:<b@y.test>| 01"
        );
        let never = OutboundTransaction {
            notify: 1,
            ret_full: Some(true),
            orcpt: Some("x;y@z".into()),
            ..order()
        };
        assert_eq!(
            lines(&never, &ALL),
            "MAIL FROM:<a@x.test> SIZE=100 RET=FULL|\
             RCPT TO:<b@y.test> NOTIFY=NEVER ORCPT=x;y@z| 00"
        );
    }

    #[test]
    fn a_host_may_be_unable_to_take_a_message() {
        let utf8 = OutboundTransaction {
            recipient: "j\u{f6}rg@y.test".into(),
            ..order()
        };
        assert_eq!(
            lines(&utf8, &ALL),
            "MAIL FROM:<a@x.test> SIZE=100 BODY=8BITMIME SMTPUTF8|RCPT TO:<j\u{f6}rg@y.test>| 00"
        );
        assert_eq!(lines(&utf8, &Extensions::default()), "553 (5, 6, 7)");
        let large = OutboundTransaction {
            size: 1001,
            ..order()
        };
        assert_eq!(lines(&large, &ALL), "552 (5, 3, 4)");
        for odd in ["b@y\r\nDATA", "b\0@y", "b\u{85}@y"] {
            let split = OutboundTransaction {
                recipient: odd.into(),
                ..order()
            };
            assert_eq!(lines(&split, &ALL), "501 (5, 1, 3)");
        }
    }
}
