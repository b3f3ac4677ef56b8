//! Uploaded files: who may name one, and how it is read and deleted. They are stored by
//! `intake/upload.rs`, and go at their time.
//!
//! The rule: **an upload is for the key that has made it.** Another key may send and not read: with
//! the file of another key it could read what that key sends. An upload that a key does not see
//! does not exist for it.

use crate::call::{Access, Answer, Noun, Now, Refusal, UploadId, Written};
use crate::service::context::{ReadContext, WriteContext};
use crate::store::{Store, StoredUpload};

const NONE: Refusal = Refusal::NotFound(Noun::Upload);

/// An upload of the key whose time is not over.
pub(in crate::service) fn find(
    store: &Store,
    access: &Access,
    now: Now,
    id: UploadId,
) -> Result<Option<StoredUpload>, Refusal> {
    let found = store.upload(access.org, id)?;
    Ok(found.filter(|upload| upload.key == access.key && upload.row.expires_at > now.unix_ms))
}

/// Reads one upload, without its octets.
pub fn read_upload(
    context: &ReadContext<'_>,
    access: &Access,
    id: UploadId,
) -> Result<Answer, Refusal> {
    let found = find(context.store, access, context.now, id)?.ok_or(NONE)?;
    Ok(Answer::Upload(found.row))
}

/// Deletes one upload. Messages that were made with it keep their octets.
pub fn delete_upload(
    context: &mut WriteContext<'_>,
    access: &Access,
    id: UploadId,
) -> Result<Written, Refusal> {
    find(context.store, access, context.now, id)?.ok_or(NONE)?;
    context.store.delete_upload(access.org, id)?;
    Ok(Written::Changed)
}
