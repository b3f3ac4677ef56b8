//! Upload: a file comes in by the same stages as a message, is stored as a body, and is attached to
//! messages by its id until its time is over.
//!
//! Nothing reads it as mail. The rule: **a message gets octets of its own**, so that it stays when
//! the upload goes (`named.rs`).

use super::analyse::analyse;
use super::parsed::{ParsedMessage, WayIn};
use super::plan::{Delivery, Plan};
use crate::call::{
    BodyId, Bounded, Caller, Countable, Envelope, Idempotency, Metric, NewUpload, Refusal, Request,
    UploadId, UploadRow, Written,
};
use crate::service::access::receives::SendingParty;
use crate::service::context::{ReadContext, WriteContext};
use crate::store::StoredUpload;

/// A file that comes in.
pub(super) fn received(
    context: &ReadContext<'_>,
    new: NewUpload,
    octets: Vec<u8>,
    idempotency: Option<Idempotency>,
) -> Result<ParsedMessage, Refusal> {
    let max = context.shared.limits.upload_bytes() as u64;
    check_size(context, octets.len() as u64, max)?;
    // A body has the structure of a message, and this one has none.
    let analysis = analyse(context, b"", 0, usize::MAX)?;
    Ok(ParsedMessage {
        idempotency,
        ..ParsedMessage::new(WayIn::Upload(new), octets, analysis, Envelope::default())
    })
}

/// The plan to store a file.
pub(super) fn planned(request: &Request<()>, parsed: ParsedMessage) -> Result<Delivery, Refusal> {
    let need = parsed.need();
    let ParsedMessage {
        way,
        body,
        analysis,
        idempotency,
        charge,
        ..
    } = parsed;
    let WayIn::Upload(new) = way else {
        return Err(Refusal::Internal);
    };
    let party = SendingParty::of(&request.caller, request.peer);
    Ok(Delivery {
        plan: Plan {
            upload: Some(new),
            body,
            header_len: analysis.header_len,
            digest: analysis.digest,
            ..Plan::empty(party)
        },
        need,
        idempotency,
        charge,
        receiver: None,
        pieces: None,
        refused: None,
    })
}

/// Checks that a key may have one more upload.
pub(super) fn check_room(context: &WriteContext<'_>, caller: &Caller) -> Result<(), Refusal> {
    let access = caller.access()?;
    let max = context.shared.limits.uploads_per_key as u64;
    match context.store.uploads_len(access.org, access.key, max)? < max {
        true => Ok(()),
        false => Err(Refusal::Limit {
            what: Countable::Uploads,
            max,
        }),
    }
}

/// Stores the row of an upload whose body is stored.
pub(super) fn keep(
    context: &WriteContext<'_>,
    caller: &Caller,
    new: &NewUpload,
    (body, size): (BodyId, usize),
) -> Result<Written, Refusal> {
    let access = caller.access()?;
    let row = UploadRow {
        id: UploadId(context.store.new_id(context.now)),
        filename: new.filename.clone(),
        content_type: new.content_type.clone(),
        size: size as u64,
        created_at: context.now.unix_ms,
        expires_at: context.now.unix_ms.saturating_add(KEPT_MS),
    };
    let upload = StoredUpload {
        row: row.clone(),
        key: access.key,
        body,
    };
    context.store.insert_upload(access.org, &upload)?;
    Ok(Written::Upload(row))
}

/// Checks the size of a file, or of several together.
pub(super) fn check_size(context: &ReadContext<'_>, size: u64, max: u64) -> Result<(), Refusal> {
    if size <= max {
        return Ok(());
    }
    context.shared.metrics.count(Metric::RejectedSize);
    Err(Refusal::TooBig {
        what: Bounded::Message,
        max,
    })
}

/// How long an upload is kept: a day.
const KEPT_MS: i64 = 86_400_000;
