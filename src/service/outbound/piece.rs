//! The octets of a message as they go to another server: its signatures, then the stored body
//! without the fields that must not leave (`mail/write/outgoing.rs`).
//!
//! They are read in pieces by offset, so that a large message needs no memory of its size. Where
//! the other server needs a conversion, the engine of its connection asks for it; the signatures
//! are made of the converted octets. The rule: **the octets depend on the row, the conversion and
//! the keys alone**, so a piece can be read again, in this attempt or another.

use std::sync::Arc;

use super::converted::ConvertedMessage;
use super::signatures::{self, SignedForm};
use super::signing::{self, SigningChoice};
use crate::call::{
    Answer, BodyId, Conversion, DkimKeySet, Noun, OrgId, OutboundLease, PIECE_MAX, Refusal,
};
use crate::mail::Headers;
use crate::mail::auth::dkim::{BodyHash, DkimSigner};
use crate::mail::write::outgoing::without_private_fields;
use crate::mail::write::seven_bit::{NarrowForm, narrow};
use crate::service::context::{ReadContext, WriteContext};
use crate::store::{OutboundRecord, Store};

/// What a transaction has to say of its message.
pub struct Measured {
    /// Octets that go out.
    pub size: u64,
    /// The body has octets of 0x80 or more.
    pub has_8bit: bool,
    /// The header has.
    pub has_utf8_header: bool,
    /// The keys that sign it.
    pub keys: Option<DkimKeySet>,
}

/// Looks at a message of which the attempt begins. `None`: it can leave in a moment.
pub fn measure(
    context: &mut WriteContext<'_>,
    row: &OutboundRecord,
) -> Result<Option<Measured>, Refusal> {
    let (header, size, header_len) = outgoing_header(context.store, row)?;
    let (keys, signatures_len) = match signing::choose(context, row, &header)? {
        SigningChoice::Unsigned => (None, 0),
        SigningChoice::Signed(keys, len) => (Some(keys), len),
        SigningChoice::Later => return Ok(None),
    };
    let body_len = u64::from(size - header_len.min(size));
    let content = row.content;
    Ok(Some(Measured {
        size: body_len.saturating_add((signatures_len + header.len()) as u64),
        // What a row of an older release has is not known; 8BITMIME is asked for where it can be
        // had.
        has_8bit: content.is_unknown || content.has_8bit,
        has_utf8_header: match content.is_unknown {
            true => !header.is_ascii(),
            false => content.has_utf8_header,
        },
        keys,
    }))
}

/// The header as it goes out, the size of the stored body, and the length of its stored header.
pub fn outgoing_header(
    store: &Store,
    row: &OutboundRecord,
) -> Result<(Vec<u8>, u32, u32), Refusal> {
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

/// The piece that an engine asks for.
#[derive(Clone, Copy, Debug)]
pub struct PieceAsk {
    /// The attempt.
    pub lease: OutboundLease,
    /// What its host needs.
    pub conversion: Conversion,
    /// The keys that sign it.
    pub keys: Option<DkimKeySet>,
    /// Where the piece begins.
    pub offset: u64,
}

impl PieceAsk {
    fn offset(&self) -> usize {
        usize::try_from(self.offset).unwrap_or(usize::MAX)
    }
}

/// A piece of the message of an attempt that is under way.
pub fn piece(context: &ReadContext<'_>, ask: &PieceAsk) -> Result<Answer, Refusal> {
    let piece = match form(ask.conversion) {
        Some(form) => converted_piece(context, ask, form),
        None => plain_piece(context, ask),
    };
    piece.map(Answer::Octets)
}

/// A message that is on its way.
struct LeavingMessage {
    lease: OutboundLease,
    org: OrgId,
    body: BodyId,
    created_at: i64,
    /// As it goes out.
    header: Vec<u8>,
    /// Of the stored body.
    size: u32,
    /// Of the stored header.
    header_len: u32,
}

impl LeavingMessage {
    /// The caller reads the store in one snapshot.
    fn find(store: &Store, lease: OutboundLease) -> Result<LeavingMessage, Refusal> {
        let row = store.sending_outbound(lease)?.ok_or(GONE)?;
        let body = row.body.ok_or(GONE)?;
        let (header, size, header_len) = outgoing_header(store, &row)?;
        Ok(LeavingMessage {
            lease,
            org: row.org,
            body,
            created_at: row.created_at,
            header,
            size,
            header_len,
        })
    }

    fn form(&self, conversion: Conversion, keys: DkimKeySet) -> SignedForm {
        SignedForm {
            org: self.org,
            body: self.body,
            created_at: self.created_at,
            conversion,
            keys,
        }
    }

    /// Appends up to `len` octets from `at` of what follows the header, in the snapshot of the
    /// caller.
    fn read(&self, store: &Store, at: usize, len: usize, out: &mut Vec<u8>) -> Result<(), Refusal> {
        let at = u32::try_from(at).unwrap_or(u32::MAX);
        let at = at.saturating_add(self.header_len);
        let len = u32::try_from(len).unwrap_or(u32::MAX);
        Ok(store.read_body((self.body, self.size), at, len, out)?)
    }

    /// Gives what follows the header to `each`, in slices from `at` on. No snapshot is open while
    /// `each` runs: it may wait for the turn of its reader.
    fn each_slice(
        &self,
        store: &Store,
        mut at: usize,
        mut each: impl FnMut(&[u8]),
    ) -> Result<(), Refusal> {
        let end = self.size.saturating_sub(self.header_len) as usize;
        let mut slice = Vec::new();
        while at < end {
            let snapshot = store.snapshot()?;
            // The attempt holds the body.
            store.sending_outbound(self.lease)?.ok_or(GONE)?;
            slice.clear();
            self.read(store, at, PIECE_MAX, &mut slice)?;
            drop(snapshot);
            at += slice.len();
            each(&slice);
        }
        Ok(())
    }
}

fn plain_piece(context: &ReadContext<'_>, ask: &PieceAsk) -> Result<Vec<u8>, Refusal> {
    let (store, offset) = (context.store, ask.offset());
    let snapshot = store.snapshot()?;
    let message = LeavingMessage::find(store, ask.lease)?;
    let mut signatures: Arc<[u8]> = Arc::new([]);
    let mut signatures_len = 0;
    if let Some(keys) = ask.keys {
        let all = &context.service.outbound.signatures;
        let form = message.form(ask.conversion, keys);
        if let Some(known) = all.known(&form) {
            signatures_len = known.len();
            signatures = known;
        } else {
            let signer = signing::signer(context, (message.org, keys))?;
            signatures_len = signatures::len_of(&signer, &form, &message.header);
            if offset < signatures_len {
                let mut first = Vec::new();
                message.read(store, 0, PIECE_MAX, &mut first)?;
                drop(snapshot);
                let mut hash = BodyHash::new(DkimSigner::BODY_FORM);
                hash.push(&first);
                message.each_slice(store, first.len(), |slice| hash.push(slice))?;
                let hash = hash.finish().0;
                let signatures = all.make(form, &signer, &message.header, &hash)?;
                return Ok(cut([&signatures, &message.header, &first], offset));
            }
        }
    }
    // Behind the signatures, their length is enough.
    let head_len = signatures_len + message.header.len();
    let mut piece = match offset.checked_sub(signatures_len) {
        None => cut([&signatures, &message.header, &[]], offset),
        Some(offset) => cut([&message.header, &[], &[]], offset),
    };
    let behind = offset.saturating_sub(head_len);
    let room = PIECE_MAX.saturating_sub(piece.len());
    message.read(store, behind, room, &mut piece)?;
    Ok(piece)
}

/// A conversion needs the whole message. Hosts without 8BITMIME are few, and so are large messages
/// to them.
fn converted_piece(
    context: &ReadContext<'_>,
    ask: &PieceAsk,
    form: NarrowForm,
) -> Result<Vec<u8>, Refusal> {
    let all = &context.service.outbound.converted;
    let converted = match all.find(ask.lease, ask.conversion) {
        Some(converted) => converted,
        None => convert(context, ask, form)?,
    };
    let piece = cut(
        [&converted.signatures, &converted.octets, &[]],
        ask.offset(),
    );
    if piece.len() < PIECE_MAX {
        all.forget(ask.lease);
    }
    Ok(piece)
}

fn convert(
    context: &ReadContext<'_>,
    ask: &PieceAsk,
    form: NarrowForm,
) -> Result<Arc<ConvertedMessage>, Refusal> {
    let (store, outbound) = (context.store, &context.service.outbound);
    let snapshot = store.snapshot()?;
    let message = LeavingMessage::find(store, ask.lease)?;
    let signer = match ask.keys {
        Some(keys) => Some((keys, signing::signer(context, (message.org, keys))?)),
        None => None,
    };
    drop(snapshot);
    let mut octets = message.header.clone();
    message.each_slice(store, 0, |slice| octets.extend_from_slice(slice))?;
    let octets = narrow(&octets, form);
    let mut signatures: Arc<[u8]> = Arc::new([]);
    if let Some((keys, signer)) = signer {
        let form = message.form(ask.conversion, keys);
        signatures = match outbound.signatures.known(&form) {
            Some(known) => known,
            None => {
                let body_start = Headers::parse(&octets).body_start();
                let (header, body) = octets
                    .split_at_checked(body_start)
                    .unwrap_or((&octets, &[]));
                let mut hash = BodyHash::new(DkimSigner::BODY_FORM);
                hash.push(body);
                let hash = hash.finish().0;
                outbound.signatures.make(form, &signer, header, &hash)?
            }
        };
    }
    let of = (ask.lease, ask.conversion);
    Ok(outbound
        .converted
        .keep((context.shared, context.now), of, signatures, octets))
}

/// At most a piece of these octets together, from `offset` on.
fn cut(parts: [&[u8]; 3], offset: usize) -> Vec<u8> {
    let mut skipped = offset;
    let mut piece = Vec::new();
    for part in parts {
        let Some(rest) = part.get(skipped..) else {
            skipped -= part.len();
            continue;
        };
        skipped = 0;
        let room = PIECE_MAX - piece.len();
        piece.extend_from_slice(rest.get(..room).unwrap_or(rest));
    }
    piece
}

const GONE: Refusal = Refusal::NotFound(Noun::Message);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_goes_over_its_parts() {
        let long = vec![b'x'; PIECE_MAX];
        type Case = ([&'static [u8]; 3], usize, &'static [u8]);
        let cases: [Case; 6] = [
            ([b"ab", b"cd", b"ef"], 0, b"abcdef"),
            ([b"ab", b"cd", b"ef"], 1, b"bcdef"),
            ([b"ab", b"cd", b"ef"], 2, b"cdef"),
            ([b"ab", b"", b"ef"], 3, b"f"),
            ([b"ab", b"cd", b"ef"], 6, b""),
            ([b"ab", b"cd", b"ef"], usize::MAX, b""),
        ];
        for (parts, offset, piece) in cases {
            assert_eq!(cut(parts, offset), piece, "{parts:?} {offset}");
        }
        assert_eq!(cut([b"a", &long, b"b"], 0).len(), PIECE_MAX);
        assert_eq!(cut([b"a", &long, b"b"], PIECE_MAX), b"xb");
    }
}
