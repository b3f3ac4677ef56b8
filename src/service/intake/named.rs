//! Files that a request names in place of bringing them: uploads, and attachments of stored
//! messages.
//!
//! The rule: **what the files of one message are together is known before the first of them is
//! read**. A file that the key cannot read does not exist for it.

use core::ops::Range;

use super::files::{KeptFile, described};
use super::upload::check_size;
use crate::call::{Access, BodyId, DraftAttachment, Refusal, StoredAttachment};
use crate::mail::Digest;
use crate::mail::parse::transfer::{self, Encoding};
use crate::mail::text;
use crate::service::account::upload;
use crate::service::context::ReadContext;
use crate::service::policy::find_inbox;
use crate::store::StoredUpload;

/// A file that a request names, without its octets.
pub(super) enum NamedFile {
    Upload(StoredUpload),
    Stored(Box<StoredPart>),
}

/// A part of a stored message.
pub(super) struct StoredPart {
    /// The body, and how many octets it has.
    body: (BodyId, u32),
    /// Its octets in the body, as they are encoded.
    place: Range<u32>,
    encoding: Encoding,
    file: KeptFile,
}

impl NamedFile {
    /// The octets that it has at most.
    pub fn octets_max(&self) -> u64 {
        match self {
            NamedFile::Upload(upload) => upload.row.size,
            NamedFile::Stored(part) => {
                let octets = u64::from(part.place.end.saturating_sub(part.place.start));
                match part.encoding {
                    Encoding::Base64 => octets.div_ceil(4).saturating_mul(3),
                    _ => octets,
                }
            }
        }
    }
}

/// Finds the file that `said`, the `at`th of a message, names; `None` where it brings its octets.
pub(super) fn find(
    context: &ReadContext<'_>,
    access: &Access,
    (at, said): (usize, &DraftAttachment),
) -> Result<Option<NamedFile>, Refusal> {
    let wrong = |name: &str, why: &str| Refusal::InvalidPlace {
        field: format!("attachments[{at}].{name}"),
        why: why.to_owned(),
    };
    if let Some(id) = said.upload {
        let upload = upload::find(context.store, access, context.now, id)?;
        let upload = upload.ok_or_else(|| wrong("upload_id", NO_UPLOAD))?;
        return Ok(Some(NamedFile::Upload(upload)));
    }
    let Some(StoredAttachment {
        inbox,
        message,
        part,
    }) = &said.stored
    else {
        return Ok(None);
    };
    let inbox = match find_inbox(context.store, access, inbox) {
        Err(Refusal::NotFound(_)) => return Err(wrong("from_message", NO_MESSAGE)),
        found => found?,
    };
    let record = context.store.message(access.org, inbox, *message)?;
    let record = record.ok_or_else(|| wrong("from_message", NO_MESSAGE))?;
    let digest = Digest::open(&record.digest).ok_or(Refusal::Damaged)?;
    let found = text::find_attachment(&digest, *part).ok_or_else(|| wrong("id", NO_FILE))?;
    let octet =
        |at: usize| u32::try_from(at).map_or(record.body_size, |at| at.min(record.body_size));
    let (start, end) = (octet(found.body.start), octet(found.body.end));
    Ok(Some(NamedFile::Stored(Box::new(StoredPart {
        body: (record.entry.body, record.body_size),
        place: start..end,
        encoding: found.encoding,
        file: described(&digest, *part, found),
    }))))
}

/// Reads the files that those of a message name, each in the place of its file.
pub(super) fn read(
    context: &ReadContext<'_>,
    access: &Access,
    files: &[DraftAttachment],
) -> Result<Vec<Option<KeptFile>>, Refusal> {
    let is_named = |file: &DraftAttachment| file.upload.is_some() || file.stored.is_some();
    if !files.iter().any(is_named) {
        return Ok(files.iter().map(|_| None).collect());
    }
    // What is deleted meanwhile is there for this reader until the end.
    let moment = context.store.snapshot()?;
    let mut found = Vec::with_capacity(files.len());
    let mut octets: u64 = 0;
    for said in files.iter().enumerate() {
        let file = find(context, access, said)?;
        octets = octets.saturating_add(file.as_ref().map_or(0, NamedFile::octets_max));
        check_size(context, octets, context.shared.limits.message_bytes as u64)?;
        found.push(file);
    }
    let read = |file: NamedFile| -> Result<(Encoding, KeptFile), Refusal> {
        match file {
            NamedFile::Upload(upload) => {
                let size = u32::try_from(upload.row.size).unwrap_or(u32::MAX);
                let file = KeptFile {
                    content: context.store.body_octets(upload.body, size)?,
                    filename: upload.row.filename,
                    content_type: upload.row.content_type,
                    ..KeptFile::default()
                };
                Ok((Encoding::Identity, file))
            }
            NamedFile::Stored(part) => {
                let StoredPart {
                    body,
                    place,
                    encoding,
                    mut file,
                } = *part;
                let len = place.end.saturating_sub(place.start);
                (context.store).read_body(body, place.start, len, &mut file.content)?;
                Ok((encoding, file))
            }
        }
    };
    let read: Result<Vec<_>, Refusal> = (found.into_iter())
        .map(|file| file.map(read).transpose())
        .collect();
    let read = read?;
    drop(moment);
    // Others may go first between two pieces of this.
    let decoded = read.into_iter().map(|file| {
        let (encoding, mut file) = file?;
        if encoding != Encoding::Identity {
            file.content = transfer::decode(encoding, &file.content).into_owned();
        }
        Some(file)
    });
    Ok(decoded.collect())
}

const NO_UPLOAD: &str = "is no upload of this key, or its 24 hours are over";
const NO_MESSAGE: &str = "is no message of its inbox that this key can read; without `from_inbox` it \
                          is one of the inbox that sends";
const NO_FILE: &str = "is no attachment of the message that `from_message` names";
