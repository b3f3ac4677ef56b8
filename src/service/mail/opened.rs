//! A message with its octets, read from the store in pieces.
//!
//! The octets of 25 MiB take some ten milliseconds to read. So each piece is read in a snapshot of
//! its own, and between two of them others may go first. A message that is deleted meanwhile is not
//! there. What is done with the octets holds no snapshot.

use crate::call::{BodyId, EntryId, InboxId, OrgId};
use crate::pace;
use crate::store::{Error, MessageRecord, Snapshot, Store};

/// A message with its octets.
pub struct OpenedMessage {
    /// The body that it has.
    pub body: BodyId,
    /// Octets of this entry in front of the body.
    pub prefix: Vec<u8>,
    /// The body.
    pub octets: Vec<u8>,
    /// Envelope and structure of the body.
    pub digest: Vec<u8>,
}

impl OpenedMessage {
    /// Reads a message; `None` if it is not there, or no longer. The caller holds no snapshot.
    pub fn read(
        store: &Store,
        (org, inbox): (OrgId, InboxId),
        id: EntryId,
    ) -> Result<Option<OpenedMessage>, Error> {
        let opened = OpenedMessage::read_some(store, org, [(inbox, id)])?;
        Ok(opened.into_iter().next().flatten())
    }

    /// Reads the octets of a message whose row was read in this snapshot; `None` if it is no longer
    /// there. The caller holds no other snapshot.
    pub fn read_row(
        snapshot: Snapshot<'_>,
        store: &Store,
        place: (OrgId, InboxId),
        row: &MessageRecord,
    ) -> Result<Option<Vec<u8>>, Error> {
        let size = row.body_size;
        let mut message = OpenedMessage {
            body: row.entry.body,
            octets: Vec::with_capacity(size as usize),
            digest: Vec::new(),
            prefix: Vec::new(),
        };
        message.read_piece(store, size)?;
        drop(snapshot);
        pace::spend(message.octets.len());
        let is_whole = message.octets.len() >= size as usize
            || message.read_rest(store, place, row.entry.state.id)?;
        Ok(is_whole.then_some(message.octets))
    }

    /// Reads the first of the messages, and those after it that are small: as many as one snapshot
    /// may hold up. It gives them in the order of their ids, which are at least one.
    pub fn read_some(
        store: &Store,
        org: OrgId,
        ids: impl IntoIterator<Item = (InboxId, EntryId)>,
    ) -> Result<Vec<Option<OpenedMessage>>, Error> {
        let mut opened = Vec::new();
        let mut room = PIECE_BYTES;
        let snapshot = store.snapshot()?;
        for (inbox, id) in ids {
            let Some(entry) = store.entry(org, inbox, id)? else {
                opened.push(None);
                continue;
            };
            if entry.body_size > room && !opened.is_empty() {
                break;
            }
            let mut message = OpenedMessage {
                body: entry.body,
                octets: Vec::with_capacity(entry.body_size as usize),
                digest: store.digest(org, entry.body)?,
                prefix: entry.prefix,
            };
            message.read_piece(store, entry.body_size)?;
            room = room.saturating_sub(entry.body_size);
            if message.octets.len() < entry.body_size as usize {
                drop(snapshot);
                let is_whole = message.read_rest(store, (org, inbox), id)?;
                opened.push(is_whole.then_some(message));
                return Ok(opened);
            }
            opened.push(Some(message));
        }
        drop(snapshot);
        pace::spend((PIECE_BYTES - room) as usize);
        Ok(opened)
    }

    /// Reads what is left; whether the message was still there.
    fn read_rest(
        &mut self,
        store: &Store,
        (org, inbox): (OrgId, InboxId),
        id: EntryId,
    ) -> Result<bool, Error> {
        loop {
            pace::spend(PIECE_BYTES as usize);
            let _snapshot = store.snapshot()?;
            let entry = store.entry(org, inbox, id)?;
            let Some(entry) = entry.filter(|entry| entry.body == self.body) else {
                return Ok(false);
            };
            self.read_piece(store, entry.body_size)?;
            if self.octets.len() >= entry.body_size as usize {
                return Ok(true);
            }
        }
    }

    /// Appends the next octets of a body that has `size` of them.
    fn read_piece(&mut self, store: &Store, size: u32) -> Result<(), Error> {
        let offset = u32::try_from(self.octets.len()).unwrap_or(u32::MAX);
        store.read_body((self.body, size), offset, PIECE_BYTES, &mut self.octets)
    }
}

/// Octets that are read in one snapshot: less than a millisecond of work.
const PIECE_BYTES: u32 = 1 << 20;
