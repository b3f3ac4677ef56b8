//! What is left of a long response that goes out in pages. Not how a page is sent (`download.rs`).

use crate::call::{Charge, OctetsOf, PartSource, Secret};
use crate::http::wire::outgoing_body::BodyPieces;
use crate::mail::parse::transfer::{Decoder, Encoding};

/// A response that goes out in pages.
#[derive(Debug)]
pub(crate) enum Paging {
    /// Octets of a message or of a part of it, decoded.
    Octets {
        of: OctetsOf,
        at: u32,
        end: u32,
        decoder: Decoder,
    },
    /// A part whose decoded octets are counted; then it is sent.
    Count {
        part: Box<PartSource>,
        at: u32,
        decoder: Decoder,
        size: u64,
    },
    /// Every inbox as a line of CSV.
    Export {
        secret: Secret,
        cursor: Option<String>,
        begun: bool,
    },
    /// A body that is there, with its charge on the budget of memory.
    Body { pieces: BodyPieces, _charge: Charge },
}

impl Paging {
    /// The octets of a whole message, as they are.
    pub fn raw(of: OctetsOf, size: u32) -> Paging {
        Paging::Octets {
            of,
            at: 0,
            end: size,
            decoder: Decoder::new(Encoding::Identity),
        }
    }
}
