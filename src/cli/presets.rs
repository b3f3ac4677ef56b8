//! How people set a mail program up for an inbox: the lines that `postern inbox show` prints.
//!
//! The hosts and ports are those that `GET /me` tells. No key is in it.

use serde_json::Value;

use super::show;

/// One way to connect.
struct ProgramSettings {
    host: String,
    port: u64,
    tls: &'static str,
}

/// The better of the two ways that a server has for `imap` or `smtp`.
fn way(endpoints: &Value, protocol: &str) -> Option<ProgramSettings> {
    let port = |name: &str| endpoints[format!("{protocol}_{name}")].as_u64();
    let found = [("port", "SSL/TLS"), ("starttls_port", "STARTTLS")];
    let (port, tls) = found
        .iter()
        .find_map(|(name, tls)| Some((port(name).filter(|port| *port != 0)?, *tls)))?;
    let host = show::one_line(endpoints[format!("{protocol}_host")].as_str()?);
    Some(ProgramSettings { host, port, tls })
}

/// The settings of mail programs for an address; empty when the server has no port for them.
pub fn of(address: &str, endpoints: &Value) -> String {
    let (Some(imap), Some(smtp)) = (way(endpoints, "imap"), way(endpoints, "smtp")) else {
        return String::new();
    };
    let address = show::one_line(address);
    let ProgramSettings { host, port, tls } = imap;
    let (out_host, out_port, out_tls) = (smtp.host, smtp.port, smtp.tls);
    format!(
        "\nMail programs: the user is the address, the password is a key of the inbox
(`postern key create --inbox {address}`).

Thunderbird
  Add {address} with the key as the password. It finds the rest by itself where the domain
  leads to this server; otherwise configure by hand:
  Incoming: IMAP, {host}, port {port}, {tls}, Normal password, {address}
  Outgoing: SMTP, {out_host}, port {out_port}, {out_tls}, Normal password, {address}

Apple Mail
  `postern inbox profile {address} > {address}.mobileconfig`, then open the file on the device.
  It asks for the password.

Any other program
  IMAP server {host}, port {port}, {tls}
  SMTP server {out_host}, port {out_port}, {out_tls}
  User {address}, password: the key, sent as it is (PLAIN)
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_better_way_is_named() {
        let both = json!({"imap_host": "mx.test", "imap_port": 993, "imap_starttls_port": 143,
            "smtp_host": "mx.test", "smtp_port": 0, "smtp_starttls_port": 587});
        let said = of("bot@x.test", &both);
        for line in [
            "Incoming: IMAP, mx.test, port 993, SSL/TLS, Normal password, bot@x.test",
            "Outgoing: SMTP, mx.test, port 587, STARTTLS, Normal password, bot@x.test",
            "postern inbox profile bot@x.test",
            "SMTP server mx.test, port 587, STARTTLS",
        ] {
            assert!(said.contains(line), "{said}");
        }
        let none = json!({"imap_host": "mx.test", "imap_port": 0, "imap_starttls_port": 0});
        assert_eq!(of("bot@x.test", &none), "");
        assert_eq!(of("bot@x.test", &Value::Null), "");
    }
}
