//! Messages of another mailbox that come in together, and what becomes of each.

use super::{EntryId, Flags, Refusal};

/// 16 octets of a hash of the id that an importer gives to a message.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ImportId(pub [u8; 16]);

/// A message to import.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ImportItem {
    /// Its octets in base64; `None` asks only whether it was imported already.
    pub raw: Option<String>,
    /// Mailbox name.
    pub mailbox: String,
    /// Flags to set.
    pub flags: Flags,
    /// Keywords to set.
    pub keywords: Vec<String>,
    /// INTERNALDATE, unix milliseconds; `None` is now.
    pub received_at: Option<i64>,
    /// The id of the importer, of 1 to 255 octets. `None` stands for the octets and the mailbox.
    pub id: Option<String>,
}

/// What became of a message to import.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ImportOutcome {
    /// It is stored.
    Imported(EntryId),
    /// It was imported before.
    Present,
    /// It was not imported, and its octets were not given.
    Absent,
    /// It is refused; the others are not.
    Refused(Refusal),
}
