//! Files of a message with their octets, without the transfer encoding and exactly as they are:
//! those of a stored message that go on with another one, and those that a request brings.

use crate::mail::Digest;
use crate::mail::parse::transfer;
use crate::mail::text::{self, Attachment, AttachmentPlace};
use crate::mail::write::compose::AttachedFile;
use crate::pace;

/// A file with its octets.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct KeptFile {
    /// Its part, as the id of the attachment names it; 0 for one that is new.
    pub part: usize,
    pub filename: String,
    pub content_type: String,
    pub content: Vec<u8>,
    pub content_id: Option<String>,
    pub inline: bool,
}

impl KeptFile {
    /// As a message is composed with it.
    pub fn attached(&self) -> AttachedFile<'_> {
        AttachedFile {
            filename: &self.filename,
            content_type: &self.content_type,
            content: &self.content,
            content_id: self.content_id.as_deref(),
            inline: self.inline,
        }
    }
}

/// Every file of a message.
pub(super) fn files_of(octets: &[u8], digest: &Digest<'_>) -> Vec<KeptFile> {
    let all = text::attachments(octets, digest);
    all.map(|file| kept(octets, digest, file)).collect()
}

fn kept(octets: &[u8], digest: &Digest<'_>, file: Attachment) -> KeptFile {
    pace::spend(file.body.len());
    let part = octets.get(file.body.clone()).unwrap_or_default();
    KeptFile {
        content: transfer::decode(file.encoding, part).into_owned(),
        content_type: with_parameters(digest, file.part, &file.content_type),
        part: file.part,
        filename: file.filename,
        content_id: file.content_id.filter(|id| is_content_id(id)),
        inline: file.inline,
    }
}

/// What a new message says of a file of another one. It has no octets, and no place in a text.
pub(super) fn described(digest: &Digest<'_>, part: usize, file: AttachmentPlace) -> KeptFile {
    KeptFile {
        content_type: with_parameters(digest, part, &file.content_type),
        filename: file.filename,
        ..KeptFile::default()
    }
}

/// The media type with the parameters without which a reader would take the octets for others. A
/// text that does not look like one is octets.
fn with_parameters(digest: &Digest<'_>, part: usize, content_type: &str) -> String {
    let mut media = match is_media_type(content_type) {
        true => content_type.to_owned(),
        false => return "application/octet-stream".to_owned(),
    };
    let Some(part) = digest.part(part) else {
        return media;
    };
    for name in PARAMETERS {
        let value = str::from_utf8(part.param(name).unwrap_or_default()).unwrap_or_default();
        let is_token = value
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_.+".contains(&b));
        if !value.is_empty() && value.len() <= PARAMETER_MAX && is_token {
            media.push_str(&format!("; {name}={value}"));
        }
    }
    media
}

fn is_media_type(text: &str) -> bool {
    let is_token = |t: &str| {
        (1..=PARAMETER_MAX).contains(&t.len())
            && t.bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b))
    };
    text.split_once('/')
        .is_some_and(|(t, s)| is_token(t) && is_token(s))
}

/// Whether a Content-ID can be written again; HTML names no other.
fn is_content_id(id: &str) -> bool {
    id.len() <= PARAMETER_MAX * 4
        && id
            .bytes()
            .all(|b| b.is_ascii_graphic() && b != b'<' && b != b'>')
}

/// Parameters that say how the octets are read.
const PARAMETERS: [&str; 2] = ["charset", "method"];
/// Octets of a parameter or of half a media type.
const PARAMETER_MAX: usize = 127;
