//! HEADER.FIELDS and HEADER.FIELDS.NOT (RFC 3501 section 6.4.5): the fields of a header that a
//! section asks for.
//!
//! A header may have tens of thousands of fields and a section a hundred names, so the choice is
//! made in slices and goes on where it has stopped. Not the answer (`render`).

use core::ops::Range;

use super::item::{Section, SectionText};
use crate::mail::Headers;

/// A header whose fields are being chosen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Filtering {
    /// Where it is in the entry, if it came with the row.
    pub range: Range<u32>,
    /// The octets, if they did not.
    gathered: Option<Vec<u8>>,
    /// So many octets have been looked at.
    at: usize,
    /// Where the block of fields ends, once it is known.
    end: Option<usize>,
    chosen: Vec<u8>,
}

impl Filtering {
    /// Of a header at `range` of the entry, or of octets that were gathered.
    pub fn new(range: Range<u32>, gathered: Option<Vec<u8>>) -> Box<Filtering> {
        Box::new(Filtering {
            range,
            gathered,
            at: 0,
            end: None,
            chosen: Vec::new(),
        })
    }

    /// Chooses the fields that a section asks for, until all are looked at or `work` is done:
    /// whether it has ended, and the work. At its end comes the empty line, if the header has one
    /// (RFC 3501 section 6.4.5).
    pub fn go_on(&mut self, section: &Section, at_hand: &[u8], work: usize) -> (bool, usize) {
        let SectionText::HeaderFields { not, names } = &section.of else {
            return (true, 0);
        };
        let header = self.gathered.as_deref().unwrap_or(at_hand);
        let mut spent = 0;
        let end = *self.end.get_or_insert_with(|| {
            spent += header.len();
            Headers::parse(header).body_start()
        });
        let from = self.at;
        let block = header.get(from..end).unwrap_or_default();
        for field in Headers::of_block(block).fields() {
            let is_named = names.iter().any(|name| field.is(name));
            if is_named != *not {
                let octets = block.get(field.range()).unwrap_or_default();
                self.chosen.extend_from_slice(octets);
            }
            self.at = from.saturating_add(field.end);
            spent += FIELD_WORK + field.range().len() + names.len().saturating_mul(NAME_WORK);
            if spent >= work {
                return (false, spent);
            }
        }
        let has_end = [&b"\r\n"[..], b"\n"].contains(&header)
            || header.ends_with(b"\n\r\n")
            || header.ends_with(b"\n\n");
        if has_end || header.len() >= HEADER_BYTES as usize {
            if !self.chosen.is_empty() && !self.chosen.ends_with(b"\n") {
                self.chosen.extend_from_slice(b"\r\n");
            }
            self.chosen.extend_from_slice(b"\r\n");
        }
        (true, spent)
    }

    /// The fields that were chosen, as they stand in the message.
    pub fn into_chosen(self) -> Vec<u8> {
        self.chosen
    }
}

/// Octets of a header that is filtered: as much as is read of a header (`mail::Bounds`), and its
/// prefix. What is behind them is not looked at.
pub const HEADER_BYTES: u32 = 264 * 1024;

/// The work of one field of a header, beside one unit for each of its octets.
const FIELD_WORK: usize = 20;
/// The work to compare a field with one name.
const NAME_WORK: usize = 3;
