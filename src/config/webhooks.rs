//! The table `webhooks` of the configuration: where webhooks may go, and when they are tried again.
//!
//! It is read and checked here and obeyed by the service. The certificates of `ca` are read by the
//! net.

use std::path::PathBuf;

use serde::Deserialize;

use super::outbound::milliseconds;
use crate::call::{RemoteRules, WebhookSettings};

/// As the file has it.
#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
pub(super) struct WebhooksConfig {
    allow_private: bool,
    allow_http: bool,
    ports: Option<Vec<u16>>,
    ca: Option<PathBuf>,
    retry: Option<Vec<String>>,
}

/// The checked table.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct WebhooksTable {
    /// What the service obeys. The names and addresses of this server are filled in when the
    /// listeners are open.
    pub settings: WebhookSettings,
    /// A PEM file of authorities that are trusted beside webpki-roots.
    pub ca: Option<PathBuf>,
}

impl WebhooksConfig {
    /// Checks everything; the error names the setting.
    pub(super) fn read(self) -> Result<WebhooksTable, String> {
        let mut settings = WebhookSettings {
            rules: RemoteRules {
                allow_private: self.allow_private,
                allow_http: self.allow_http,
                ..RemoteRules::default()
            },
            ..WebhookSettings::default()
        };
        if let Some(ports) = self.ports {
            if ports.is_empty() || ports.contains(&0) {
                return Err("webhooks.ports: give numbers from 1 to 65535, as [443, 8443]".into());
            }
            settings.rules.ports = ports;
        }
        if let Some(words) = self.retry {
            let all = words
                .iter()
                .map(|word| milliseconds("webhooks.retry", word));
            settings.retry_ms = all.collect::<Result<_, _>>()?;
            if settings.retry_ms.len() > RETRIES_MAX {
                return Err(format!("webhooks.retry: give at most {RETRIES_MAX} times"));
            }
        }
        Ok(WebhooksTable {
            settings,
            ca: self.ca,
        })
    }
}

/// More than five days need.
const RETRIES_MAX: usize = 64;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read(text: &str) -> Result<WebhooksTable, String> {
        toml::from_str::<WebhooksConfig>(text).unwrap().read()
    }

    #[test]
    fn the_table_is_read() {
        assert_eq!(read("").unwrap(), WebhooksTable::default());
        let table = read(
            "allow_private = true\nallow_http = true\nports = [9000]\nca = '/x/ca.pem'\n\
             retry = ['1s', '2m']",
        );
        let table = table.unwrap();
        assert!(table.settings.rules.allow_private && table.settings.rules.allow_http);
        assert_eq!(table.settings.rules.ports, [9000]);
        assert_eq!(table.settings.retry_ms, [1000, 120_000]);
        assert_eq!(table.ca, Some("/x/ca.pem".into()));
        for wrong in ["ports = []", "ports = [0]", "retry = ['1x']"] {
            assert!(read(wrong).unwrap_err().starts_with("webhooks."), "{wrong}");
        }
    }
}
