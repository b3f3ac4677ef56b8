//! The octets of a message as they go to another server: the stored body, without the fields that
//! must not leave (`mail/write/outgoing.rs`).
//!
//! They are read in pieces by offset, so that a large message needs no memory of its size. Where
//! the other server needs a conversion, the engine of its connection asks for it.

use crate::call::{Answer, Conversion, Noun, OutboundLease, PIECE_MAX, Refusal};
use crate::mail::write::outgoing::without_private_fields;
use crate::mail::write::seven_bit::{NarrowForm, narrow};
use crate::service::context::ReadContext;
use crate::store::{OutboundRecord, Store};

/// What a transaction has to say of its message.
pub struct Measured {
    /// Octets that go out.
    pub size: u64,
    /// The body has octets of 0x80 or more.
    pub has_8bit: bool,
    /// The header has.
    pub has_utf8_header: bool,
}

/// Looks at a message of which the attempt begins.
pub fn measure(store: &Store, row: &OutboundRecord) -> Result<Measured, Refusal> {
    let content = row.content;
    if !content.is_unknown {
        return Ok(Measured {
            size: content.size,
            has_8bit: content.has_8bit,
            has_utf8_header: content.has_utf8_header,
        });
    }
    let (header, size, header_len) = outgoing_header(store, row)?;
    Ok(Measured {
        size: u64::from(size - header_len.min(size)).saturating_add(header.len() as u64),
        // What the body has is not known; 8BITMIME is asked for where it can be had.
        has_8bit: true,
        has_utf8_header: !header.is_ascii(),
    })
}

/// The header as it goes out, the size of the stored body, and the length of its stored header.
pub fn outgoing_header(
    store: &Store,
    row: &OutboundRecord,
) -> Result<(Vec<u8>, u32, u32), Refusal> {
    const GONE: Refusal = Refusal::NotFound(Noun::Message);
    let body = row.body.ok_or(GONE)?;
    let (size, header_len) = store.body_lengths(row.org, body)?.ok_or(GONE)?;
    let mut header = Vec::new();
    store.read_body((body, size), 0, header_len, &mut header)?;
    Ok((without_private_fields(&header), size, header_len))
}

/// The form that a host takes; `None` is the message as it is.
fn form(conversion: Conversion) -> Option<NarrowForm> {
    match (conversion.seven_bit, conversion.encoded_header) {
        (true, _) => Some(NarrowForm::SevenBit),
        (false, true) => Some(NarrowForm::AsciiHeader),
        (false, false) => None,
    }
}

/// A piece of the message of an attempt that is under way.
pub fn piece(
    context: &ReadContext<'_>,
    lease: OutboundLease,
    conversion: Conversion,
    offset: u64,
) -> Result<Answer, Refusal> {
    const GONE: Refusal = Refusal::NotFound(Noun::Message);
    let store = context.store;
    let _snapshot = store.snapshot()?;
    let row = store.sending_outbound(lease)?.ok_or(GONE)?;
    let body = row.body.ok_or(GONE)?;
    let (header, size, header_len) = outgoing_header(store, &row)?;
    let offset = usize::try_from(offset).unwrap_or(usize::MAX);
    if let Some(form) = form(conversion) {
        // A conversion needs the whole message. Hosts without 8BITMIME are few, and so are large
        // messages to them.
        let mut message = header;
        let rest = size.saturating_sub(header_len);
        store.read_body((body, size), header_len, rest, &mut message)?;
        let message = narrow(&message, form);
        let rest = message.get(offset..).unwrap_or_default();
        let piece = rest.get(..PIECE_MAX).unwrap_or(rest);
        return Ok(Answer::Octets(piece.to_vec()));
    }
    let mut piece = Vec::new();
    if let Some(rest) = header.get(offset..) {
        piece.extend_from_slice(rest.get(..PIECE_MAX).unwrap_or(rest));
    }
    let room = PIECE_MAX - piece.len();
    if room > 0 {
        let behind = offset.saturating_sub(header.len());
        let from = u32::try_from(behind)
            .unwrap_or(u32::MAX)
            .saturating_add(header_len);
        let len = u32::try_from(room).unwrap_or(u32::MAX);
        store.read_body((body, size), from, len, &mut piece)?;
    }
    Ok(Answer::Octets(piece))
}
