//! The Received field in front of every message (RFC 5321 section 4.4).
//!
//! With more than one recipient it has no `for` clause: the clause would show one Bcc
//! recipient to another. The name of the client was checked by EHLO or HELO.

use core::net::IpAddr;

use crate::mail::time;

/// The contents of a Received field.
#[derive(Clone, Copy, Debug)]
pub struct Received<'a> {
    /// The name of EHLO or HELO.
    pub helo: &'a str,
    /// The address of the client.
    pub peer: IpAddr,
    /// The name of this server.
    pub host: &'a str,
    /// The client said EHLO.
    pub extended: bool,
    /// Over TLS.
    pub tls: bool,
    /// Logged in.
    pub login: bool,
    /// SMTPUTF8 was asked for.
    pub utf8: bool,
    /// The recipient, if there is only one.
    pub recipient: Option<&'a str>,
    /// Unix milliseconds.
    pub unix_ms: i64,
}

impl Received<'_> {
    /// The field, folded, with its CRLF.
    pub fn field(&self) -> Vec<u8> {
        let peer = match self.peer.to_canonical() {
            IpAddr::V4(ip) => format!("[{ip}]"),
            IpAddr::V6(ip) => format!("[IPv6:{ip}]"),
        };
        let recipient = self
            .recipient
            .map(|r| format!("\r\n\tfor <{r}>"))
            .unwrap_or_default();
        format!(
            "Received: from {} ({peer})\r\n\tby {} with {}{recipient};\r\n\t{}\r\n",
            self.helo,
            self.host,
            self.with(),
            time::rfc5322(self.unix_ms),
        )
        .into_bytes()
    }

    /// The protocol type: RFC 3848, and RFC 6531 section 4.3 for SMTPUTF8.
    fn with(&self) -> &'static str {
        match (self.utf8, self.extended, self.tls, self.login) {
            (true, _, false, false) => "UTF8SMTP",
            (true, _, false, true) => "UTF8SMTPA",
            (true, _, true, false) => "UTF8SMTPS",
            (true, _, true, true) => "UTF8SMTPSA",
            (false, true, false, false) => "ESMTP",
            (false, true, false, true) => "ESMTPA",
            (false, true, true, false) => "ESMTPS",
            (false, true, true, true) => "ESMTPSA",
            (false, false, ..) => "SMTP",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        let mut received = Received {
            helo: "client.test",
            peer: IpAddr::from([192, 0, 2, 1]),
            host: "mx.test",
            extended: true,
            tls: true,
            login: true,
            utf8: false,
            recipient: Some("a@x.test"),
            unix_ms: 1_767_225_600_000,
        };
        assert_eq!(
            String::from_utf8_lossy(&received.field()),
            "Received: from client.test ([192.0.2.1])\r\n\tby mx.test with ESMTPSA\r\n\
             \tfor <a@x.test>;\r\n\tThu, 1 Jan 2026 00:00:00 +0000\r\n"
        );
        received.peer = IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1]);
        received.recipient = None;
        received.utf8 = true;
        assert_eq!(
            String::from_utf8_lossy(&received.field()),
            "Received: from client.test ([IPv6:2001:db8::1])\r\n\tby mx.test with UTF8SMTPSA;\r\n\
             \tThu, 1 Jan 2026 00:00:00 +0000\r\n"
        );
    }
}
