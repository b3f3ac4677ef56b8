//! The way of messages to the server: requests of many messages each. While the server carries one
//! out, the next is made.
//!
//! Each message has an id made of its folder and its octets, with a number where a source has the
//! same octets again. The server imports an id once, so every request can be repeated.

use std::collections::HashMap;

use serde_json::Value;

use super::patience;
use super::source::Placed;
use crate::call::Flags;
use crate::cli::api::{self, Api, KeptRequest};
use crate::cli::{Cli, CliError, words};
use crate::crypto::sha256_parts;
use crate::mail::mailbox::Marks;
use crate::mail::time::rfc3339;

/// A message on its way.
pub struct UploadMessage {
    pub place: Placed,
    pub octets: Vec<u8>,
    pub marks: Marks,
    pub id: String,
}

/// What became of messages.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct ImportCounts {
    pub imported: u64,
    pub present: u64,
    /// Not there, and not sent: a dry run.
    pub absent: u64,
    /// UploadRefusal by the server, or not readable.
    pub failed: u64,
    /// Octets of what was imported.
    pub octets: u64,
}

/// A message that the server refuses.
pub struct UploadRefusal {
    pub place: Placed,
    pub code: String,
    pub why: String,
}

/// Sends messages into one inbox.
pub struct Upload<'a> {
    cli: &'a Cli,
    api: Api,
    path: String,
    /// The request that is under way: and its messages without their octets.
    under_way: Option<(KeptRequest, Vec<UploadedMessage>)>,
    pub counts: ImportCounts,
    pub refused: Vec<UploadRefusal>,
}

struct UploadedMessage {
    place: Placed,
    size: u64,
}

/// Gives messages their ids. It remembers 16 octets of each message of a folder.
#[derive(Default)]
pub struct Names {
    seen: HashMap<[u8; 16], u32>,
}

impl Names {
    /// The id of the next message of a folder. `name` is that of the import.
    pub fn next(&mut self, name: &str, mailbox: &str, octets: &[u8]) -> String {
        let hash = sha256_parts([name.as_bytes(), b"\0", mailbox.as_bytes(), b"\0", octets]);
        let (half, _) = hash.split_at(16);
        let number = self
            .seen
            .entry(half.try_into().unwrap_or_default())
            .or_default();
        *number += 1;
        let hex = data_encoding::HEXLOWER.encode(&hash);
        format!("{hex}:{number}")
    }
}

impl<'a> Upload<'a> {
    /// Into an inbox by its id or address.
    pub fn new(cli: &'a Cli, api: Api, inbox: &str) -> Upload<'a> {
        Upload {
            cli,
            api,
            path: format!("/api/v1/inboxes/{}/import", api::escape(inbox)),
            under_way: None,
            counts: ImportCounts::default(),
            refused: Vec::new(),
        }
    }

    fn post(&self, body: Vec<u8>) -> KeptRequest {
        KeptRequest {
            method: "POST",
            path: self.path.clone(),
            body,
        }
    }

    /// The client, for other requests in between.
    pub fn api(&mut self) -> &mut Api {
        &mut self.api
    }

    /// Which of the messages are not there yet.
    pub fn missing(&mut self, all: Vec<UploadMessage>) -> Result<Vec<UploadMessage>, CliError> {
        self.finish()?;
        let mut missing = Vec::new();
        let mut all = all.into_iter();
        loop {
            let part: Vec<UploadMessage> = all.by_ref().take(PART_MESSAGES).collect();
            if part.is_empty() {
                return Ok(missing);
            }
            let ids: Vec<Value> = part
                .iter()
                .map(|one| serde_json::json!({ "import_id": one.id }))
                .collect();
            let body = serde_json::json!({ "messages": ids })
                .to_string()
                .into_bytes();
            let request = self.post(body);
            let reply = patience::exchange(self.cli, &mut self.api, &request)?.json();
            let said = reply["messages"].as_array().map_or(&[][..], Vec::as_slice);
            if said.len() != part.len() {
                return Err(STRANGE.into());
            }
            for (one, said) in part.into_iter().zip(said) {
                match said["status"].as_str() {
                    Some("present") => self.counts.present += 1,
                    _ => missing.push(one),
                }
            }
        }
    }

    /// Sends messages into a mailbox, in their order. The last request may still be under way.
    pub fn send(&mut self, mailbox: &str, all: Vec<UploadMessage>) -> Result<(), CliError> {
        let mut part = Vec::new();
        let mut octets = 0;
        for one in all {
            let is_full = octets + one.octets.len() > PART_OCTETS || part.len() == PART_MESSAGES;
            if is_full && !part.is_empty() {
                self.send_part(mailbox, &core::mem::take(&mut part))?;
                octets = 0;
            }
            octets += one.octets.len();
            part.push(one);
        }
        match part.is_empty() {
            true => Ok(()),
            false => self.send_part(mailbox, &part),
        }
    }

    fn send_part(&mut self, mailbox: &str, part: &[UploadMessage]) -> Result<(), CliError> {
        let request = self.post(body_of(mailbox, part));
        let sent = part.iter().map(|one| UploadedMessage {
            place: one.place.clone(),
            size: one.octets.len() as u64,
        });
        let sent = sent.collect();
        self.finish()?;
        // A failure is found when the answer is read: then the request is repeated.
        let _ = self.api.begin(&request);
        self.under_way = Some((request, sent));
        Ok(())
    }

    /// Waits for the request that is under way.
    pub fn finish(&mut self) -> Result<(), CliError> {
        let Some((request, sent)) = self.under_way.take() else {
            return Ok(());
        };
        let reply = match self.api.end() {
            Ok(reply) => Ok(reply),
            Err(error) => patience::again(self.cli, &mut self.api, &request, error),
        };
        let reply = match reply {
            Err(CliError::Api { octets, .. }) if sent.len() == 1 && is_too_large(&octets) => {
                for one in sent {
                    self.refuse(one.place, &error_of(&octets));
                }
                return Ok(());
            }
            reply => reply?.json(),
        };
        let said = reply["messages"].as_array().map_or(&[][..], Vec::as_slice);
        if said.len() != sent.len() {
            return Err(STRANGE.into());
        }
        let mut is_full = None;
        for (one, said) in sent.into_iter().zip(said) {
            match said["status"].as_str() {
                Some("imported") => {
                    self.counts.imported += 1;
                    self.counts.octets += one.size;
                }
                Some("present") => self.counts.present += 1,
                _ => {
                    let error = &said["error"];
                    if error["code"] == "over_quota" {
                        is_full.get_or_insert_with(|| words::of_error(error, None));
                    }
                    self.refuse(one.place, error);
                }
            }
        }
        match is_full {
            Some(why) => Err(CliError::Own(why)),
            None => Ok(()),
        }
    }

    fn refuse(&mut self, place: Placed, error: &Value) {
        self.counts.failed += 1;
        if self.refused.len() == REFUSED_MAX {
            return;
        }
        self.refused.push(UploadRefusal {
            place,
            code: error["code"].as_str().unwrap_or("refused").to_owned(),
            why: words::of_error(error, None),
        });
    }
}

fn error_of(octets: &[u8]) -> Value {
    let json: Value = serde_json::from_slice(octets).unwrap_or(Value::Null);
    json["error"].clone()
}

/// The body is too large for any message of its size.
fn is_too_large(octets: &[u8]) -> bool {
    matches!(
        error_of(octets)["code"].as_str(),
        Some("body_too_large" | "too_large")
    )
}

/// The body of a request.
fn body_of(mailbox: &str, part: &[UploadMessage]) -> Vec<u8> {
    let octets: usize = part.iter().map(|one| one.octets.len()).sum();
    let mut body = String::with_capacity(octets / 3 * 4 + part.len() * 256);
    body.push_str("{\"messages\":[");
    for (at, one) in part.iter().enumerate() {
        if at > 0 {
            body.push(',');
        }
        body.push_str("{\"raw\":\"");
        data_encoding::BASE64.encode_append(&one.octets, &mut body);
        let flags: Vec<&str> = FLAGS
            .iter()
            .filter(|(_, flag)| one.marks.flags.has(*flag))
            .map(|(name, _)| *name)
            .collect();
        let mut rest = serde_json::json!({
            "import_id": one.id,
            "folder": mailbox,
            "flags": flags,
            "labels": one.marks.labels,
        });
        if let Some(at) = one.marks.received_at {
            rest["received_at"] = rfc3339(at).into();
        }
        body.push_str("\",");
        body.push_str(rest.to_string().get(1..).unwrap_or_default());
    }
    body.push_str("]}");
    body.into_bytes()
}

/// The flags that the API shows by these names.
pub fn flags_of(names: &[String]) -> Flags {
    let known = FLAGS
        .iter()
        .filter(|(name, _)| names.iter().any(|n| n == name));
    known.fold(Flags::NONE, |all, (_, flag)| all.with(*flag))
}

/// The names of flags in the API.
const FLAGS: [(&str, Flags); 5] = [
    ("answered", Flags::ANSWERED),
    ("flagged", Flags::FLAGGED),
    ("deleted", Flags::DELETED),
    ("seen", Flags::SEEN),
    ("draft", Flags::DRAFT),
];

const STRANGE: &str = "the server's answer does not fit the request";
/// Messages of a request.
const PART_MESSAGES: usize = 500;
/// Octets of the messages of a request, if it has more than one.
const PART_OCTETS: usize = 5 << 18;
/// Refusals of a folder that are kept with their reason.
const REFUSED_MAX: usize = 1000;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_same_octets_have_numbers() {
        let mut names = Names::default();
        let first = names.next("", "INBOX", b"a");
        let second = names.next("", "INBOX", b"a");
        let other = names.next("", "UploadedMessage", b"a");
        assert!(first.ends_with(":1") && second.ends_with(":2") && other.ends_with(":1"));
        assert_ne!(first, other);
        // The same in the next run.
        assert_eq!(Names::default().next("", "INBOX", b"a"), first);
        assert_ne!(Names::default().next("again", "INBOX", b"a"), first);
    }

    #[test]
    fn a_body_has_everything() {
        let marks = Marks {
            flags: Flags::SEEN.with(Flags::DRAFT),
            labels: vec!["a\"b".into()],
            received_at: Some(1_000),
        };
        let one = UploadMessage {
            place: Placed {
                file: "a".into(),
                offset: None,
            },
            octets: b"\x00\xff".to_vec(),
            marks,
            id: "x:1".into(),
        };
        let json: Value = serde_json::from_slice(&body_of("A/\"B", &[one])).unwrap();
        let wanted = serde_json::json!({"messages": [{
            "raw": "AP8=", "import_id": "x:1", "folder": "A/\"B", "flags": ["seen", "draft"],
            "labels": ["a\"b"], "received_at": "1970-01-01T00:00:01.000Z",
        }]});
        assert_eq!(json, wanted);
    }
}
