//! What is left of a long response that goes out in pages. Not how a page is sent (`download.rs`).

use crate::call::{Charge, OctetsOf, Secret};
use crate::http::wire::outgoing_body::BodyPieces;
use crate::http::wire::response::Response;
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
        /// Decoded octets that are not sent, because the range begins behind them.
        skip: u64,
        /// Decoded octets that are still to be sent.
        left: u64,
        /// The head of the response, until the first page is there: until then an error has a
        /// status.
        head: Option<Box<Response>>,
    },
    /// A part whose decoded octets are counted; then it is sent.
    Count {
        download: Box<Download>,
        reached: CountedPlace,
        /// Where decoding can begin again, for a range: at most [`PLACES_MAX`] and one.
        places: Vec<CountedPlace>,
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

/// Octets that are sent: where they are, and what is said of them.
#[derive(Debug)]
pub(crate) struct Download {
    /// Without the fields of a range.
    pub head: Response,
    /// The entity tag with its quotes, a strong one.
    pub tag: String,
    pub of: OctetsOf,
    /// Where they begin and end, in their transfer encoding.
    pub at: u32,
    pub end: u32,
    pub encoding: Encoding,
}

/// A download that is not sent but gathered, for a tool.
#[derive(Debug)]
pub(crate) struct GatheredPart {
    pub head: Response,
    pub octets: Vec<u8>,
    pub _charge: Charge,
}

/// A place in encoded octets, with the number of decoded octets before it.
#[derive(Clone, Debug)]
pub(crate) struct CountedPlace {
    pub at: u32,
    pub size: u64,
    pub decoder: Decoder,
}

/// The places of a part from which a range can be decoded: of a part of 25 MiB one in every 400
/// KiB.
pub(crate) const PLACES_MAX: u32 = 64;
