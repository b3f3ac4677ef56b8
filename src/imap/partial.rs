//! A command that has come in part: its memory belongs to its sender, and it must keep a pace.
//!
//! Not its octets, which the session keeps, nor their bounds (`wire/frame`). A literal that comes
//! an octet a minute would else hold its memory for as long as its client likes.

use crate::call::{Access, ArrivalPace, Charge, Holders, LOOK_MS, MemoryShortage, Now, Opening};

/// The charge and the pace of a command until it is whole.
#[derive(Debug)]
pub(crate) struct PartialCommand {
    charge: Charge,
    pace: ArrivalPace,
    seen: usize,
    look_due_ms: u64,
}

impl PartialCommand {
    /// Of a session that has logged in, or has not.
    pub(crate) fn begin(now: Now, opening: &Opening, access: Option<&Access>) -> PartialCommand {
        let shared = &opening.shared;
        let holders = Holders::of_access(access, opening.peer.ip());
        PartialCommand {
            charge: shared.intake.arrival(holders, now.mono_ms),
            pace: ArrivalPace::begin(now, shared.limits.data_bytes_per_s, FREE_MS),
            seen: 0,
            look_due_ms: 0,
        }
    }

    /// So many octets are there now. Errors: the memory for them is used up, or was taken back.
    pub(crate) fn grow(&mut self, now: Now, octets: usize) -> Result<(), MemoryShortage> {
        let more = octets.saturating_sub(self.seen);
        self.seen = octets;
        self.pace.record(now, more);
        self.charge.record(more, now.mono_ms);
        self.look_due_ms = now.mono_ms.saturating_add(LOOK_MS);
        if octets <= FREE_BYTES {
            return Ok(());
        }
        // The buffer of the session doubles.
        self.charge.hold(octets.next_power_of_two(), now.mono_ms)
    }

    /// Its time has come. `true`: it comes too slowly. Errors: its memory was taken back.
    pub(crate) fn look(&mut self, now: Now) -> Result<bool, MemoryShortage> {
        self.look_due_ms = now.mono_ms.saturating_add(LOOK_MS);
        self.charge.check()?;
        Ok(now.mono_ms >= self.pace.due_ms())
    }

    /// Whether others have taken its memory back.
    pub(crate) fn is_revoked(&self) -> bool {
        self.charge.is_revoked()
    }

    /// When to look next, in monotonic milliseconds.
    pub(crate) fn due_ms(&self) -> u64 {
        let pace = self.pace.due_ms();
        match self.charge.is_held() {
            true => pace.min(self.look_due_ms),
            false => pace,
        }
    }
}

/// The first minute of a command needs no octets.
const FREE_MS: u64 = 60_000;
/// Commands up to here are not charged: nearly all are shorter, and connections are limited.
const FREE_BYTES: usize = 8192;
